"""What is distributed: a source archive that holds everything, and a wheel that holds the package and works by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm.__main__ import EXTRAS, extra_line, version_of

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command; what it printed."""
    own = {"PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of_the_project() -> list[str]:
    """Every file of the project: those that git knows, or in an unpacked archive all that is there."""
    if (ROOT / ".git").exists():
        found = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    else:
        made = re.compile(
            r"(^|/)(__pycache__|\.\w+_cache|\.hypothesis|build|dist|runs|[\w.]+\.egg-info|PKG-INFO|setup\.cfg)(/|$)"
        )
        found = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not made.search(path.relative_to(ROOT).as_posix())]
    return sorted(name for name in found if name and (ROOT / name).is_file())


def build(kind: str, source: Path, out: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` of ``source`` with the setuptools that are here: nothing is downloaded."""
    out.mkdir()
    run(sys.executable, "-c", f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})", cwd=source)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, built from a clean copy of the project."""
    copy = tmp_path_factory.mktemp("copy") / "project"
    for name in files_of_the_project():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    return build("sdist", copy, copy.parent / "sdist")


@pytest.fixture(scope="module")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the unpacked source archive, as pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = folder.iterdir()
    return build("wheel", source, folder / "out")


def test_the_source_archive_holds_every_file(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    assert set(files_of_the_project()) - held == set()


def test_the_wheel_holds_the_package_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    version = tinygrad_fm.__version__
    assert {name.partition("/")[0] for name in names} == {"tinygrad_fm", f"tinygrad_fm-{version}.dist-info"}
    package = {name for name in files_of_the_project() if name.startswith("tinygrad_fm/")}
    assert {name for name in names if name.startswith("tinygrad_fm/")} == package


def test_the_metadata_has_what_an_index_shows(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        text = file.read(f"tinygrad_fm-{tinygrad_fm.__version__}.dist-info/METADATA").decode()
    for line in ("License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.10", "Requires-Dist: graphviz"):
        assert f"\n{line}\n" in text
    assert "\n# tinygrad_fm\n" in text  # the README


PROGRAM = """
import sys, pathlib
import tinygrad_fm as torch
from tinygrad_fm import nn, optim, viz
assert sys.prefix in torch.__file__, torch.__file__
assert not any((pathlib.Path(folder) / "train_mlp.py").exists() for folder in sys.path)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = optim.SGD(model.parameters(), lr=0.5)
x, y = torch.randn(30, 4), torch.arange(30) % 3
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
page = viz.draw(loss, model=model)
page.save("graph.html")
torch.save(model.state_dict(), "weights.pt")
model.load_state_dict(torch.load("weights.pt"))
print(loss.item() < 2, pathlib.Path("graph.html").stat().st_size > 10_000)
"""


OF_TEST = f"  test              pytest {pytest.__version__}"  # how the line of this extra begins


def test_the_wheel_works_in_a_fresh_environment_and_another_folder(wheel: Path, tmp_path: Path) -> None:
    fresh, elsewhere = tmp_path / "fresh", tmp_path / "elsewhere"
    venv.create(fresh, symlinks=os.name != "nt")
    python = fresh / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    # NumPy and graphviz are those of this environment, after the wheel's own files
    folders = {str(Path(np.__file__).parent.parent), sysconfig.get_path("purelib")}
    (packages / "shared.pth").write_text("\n".join(sorted(folders)) + "\n", encoding="utf-8")
    elsewhere.mkdir()
    assert run(python, "-W", "error", "-c", PROGRAM, cwd=elsewhere).split() == ["True", "True"]
    printed = run(python, "-W", "error", "-m", "tinygrad_fm", cwd=elsewhere)
    assert printed.splitlines()[0] == f"tinygrad_fm {tinygrad_fm.__version__}"
    for words in (f"NumPy {np.__version__}", "BLAS: ", "threads: ", "Graphviz: ", OF_TEST):
        assert words in printed


def test_the_extras_that_are_shown_are_those_of_the_project() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    listed = {}
    for name, requirements in re.findall(r"^([\w-]+) = \[(.*)\]", lines, re.M):
        found = re.findall(r'"([\w.-]+)(?:[<>=~!;][^"]*)?"', requirements)
        listed[name] = tuple(found)
    assert listed == EXTRAS


def test_what_is_missing_of_an_extra_is_said() -> None:
    assert version_of("no-such-distribution") is None
    assert extra_line("x", ("no-such-distribution",)) == "  x                 not installed: no-such-distribution"
    assert extra_line("test", ("pytest", "no-such")) == f"{OF_TEST}; not installed: no-such"
