"""The checks of the project, a session to each. ``nox`` runs those that a change must pass, ``nox -s lint`` one of them.

``tests`` and ``tests_oldest`` work in a clean clone, so they see what is committed. ``pictures`` and ``bench`` are run by hand.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4"
nox.options.sessions = ["lint", "types", "size", "tests", "tests_oldest", "pyodide", "parity", "extras", "docs"]

TORCH = "torch==2.13.0"
PYODIDE = "pyodide@" + re.findall(r'PYODIDE_VERSION = "(.*)"', Path("apps/try_folder.py").read_text(encoding="utf-8"))[0]
PURE = ["pytest", "pluggy", "iniconfig", "packaging", "pygments", "hypothesis", "sortedcontainers", "mpmath", "graphviz"]
# The tests that are run there. Those of the engine have a stack as short as a browser's; of the others some recurse deeply.
ENGINE = "tests/autograd"
IN_PYODIDE = """tests/nn tests/optim tests/models tests/test_platforms.py tests/test_random.py tests/test_serialization.py
    tests/ops/test_word_size.py tests/ops/test_linalg_errors.py tests/ops/test_index.py tests/ops/test_create.py
    tests/ops/test_table.py tests/data/test_augment.py tests/data/test_dataset.py tests/data/test_loader.py
    tests/data/test_sources.py tests/data/test_synthetic.py tests/training/test_checkpoint.py tests/training/test_metrics.py
    tests/training/test_trainer.py tests/viz/test_draw.py tests/viz/test_formats.py tests/viz/test_steps.py
    tests/viz/test_trace.py tests/viz/test_values.py"""
NOT_IN_PYODIDE = "not second_gradient and not memory_layout"  # which take longest, and are the same there
EXTRAS = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
TWO = ("-n", "2")  # processes of pytest-xdist, in sessions that take long; the README's own command does without it


def of_dev(*names: str) -> list[str]:
    """The requirements of these names as the extra ``dev`` has them."""
    return [requirement for requirement in EXTRAS["dev"] if re.split(r"[<>=!~ ]", requirement)[0] in names]


def clone(session: nox.Session) -> None:
    """Go on in a clean clone of what is committed."""
    folder = Path(tempfile.mkdtemp(dir=session.create_tmp())) / "clone"
    session.run("git", "clone", "--quiet", "--no-hardlinks", ".", str(folder), external=True)
    session.chdir(folder)


def pyodide_folders(session: nox.Session) -> dict[str, str]:
    """The environment of tests in WebAssembly: PYODIDE_DIR names the folder of the npm package, PYODIDE_WHEELS one with NumPy's
    wheel for it. Those that are not named already are made."""
    scratch = Path(session.create_tmp()).resolve()
    folders = {"PYODIDE_DIR": str(scratch / "node_modules" / "pyodide"), "PYODIDE_WHEELS": str(scratch / "pyodide_wheels")}
    folders |= {name: str(Path(os.environ[name]).resolve()) for name in folders if name in os.environ}
    if "PYODIDE_DIR" not in os.environ:
        session.run("npm", "install", "--no-save", "--silent", "--prefix", str(scratch), PYODIDE, external=True)
    Path(folders["PYODIDE_WHEELS"]).mkdir(exist_ok=True)
    session.run("node", "tests/pyodide/run.mjs", env=folders, external=True)
    return folders


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the layout of the code."""
    session.install(*of_dev("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Type annotations."""
    session.install(".[train]", *of_dev("mypy"))
    session.run("mypy")


@nox.session
def size(session: nox.Session) -> None:
    """How many lines of code the engine is, with all that it imports."""
    session.run("python", ".ci/reached.py")


@nox.session
def tests(session: nox.Session) -> None:
    """The README's own test command, in a clean clone and a fresh environment: with the newest NumPy."""
    readme = Path("README.md").read_text(encoding="utf-8")
    shells = "".join(re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S))
    command = next(line for line in shells.splitlines() if "pytest" in line)
    session.log(f"README.md: {command}")
    clone(session)
    for part in command.split("&&"):
        session.run(*shlex.split(part), env={"PYTEST_ADDOPTS": "--strict-skips"})


@nox.session
def tests_oldest(session: nox.Session) -> None:
    """The same tests with the oldest NumPy that is promised."""
    clone(session)
    session.install("numpy==2.0.*", ".[test]", "pytest-xdist")
    session.run("python", "-c", "import numpy; print('NumPy', numpy.__version__)")
    session.run("python", "-m", "pytest", "--strict-skips", *TWO)


@nox.session
def pyodide(session: nox.Session) -> None:
    """In Pyodide, as in a browser: Python and NumPy in WebAssembly, with 32 bits, one thread and no processes."""
    clone(session)
    folders = pyodide_folders(session)
    scratch = Path(session.create_tmp()).resolve()
    wheels, archive = scratch / "wheels", scratch / "project.zip"
    shutil.rmtree(wheels, ignore_errors=True)
    session.run("pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(wheels), ".")
    pure = ["--only-binary=:all:", "--platform=any", "--python-version=3.13"]
    session.run("pip", "download", "-q", "--no-deps", *pure, "--dest", str(wheels), *PURE)
    session.run("git", "archive", "--output", str(archive), "HEAD", ".", ":!tinygrad_fm", external=True)
    run = ["tests/pyodide/run.mjs", str(archive), str(wheels), "--strict-skips", "-p", "no:cacheprovider"]
    if not session.posargs:
        session.run("node", *run, ENGINE, env=folders, external=True)
    tests = session.posargs or ["-k", NOT_IN_PYODIDE, *IN_PYODIDE.split()]
    session.run("node", "--stack-size=6000", *run, *tests, env=folders, external=True)


@nox.session
def parity(session: nox.Session) -> None:
    """Everything that is compared with PyTorch."""
    session.install(".[test]", TORCH, "expecttest", "pytest-xdist")
    session.run("python", "-c", "import torch; print('PyTorch', torch.__version__)")
    where = ["tests/parity", "tests/test_examples.py", "tests/test_docs.py", "tests/benchmarks"]
    session.run("python", "-m", "pytest", "--strict-skips", *TWO, *(session.posargs or where))


@nox.session
def extras(session: nox.Session) -> None:
    """What needs the optional packages: tests/extras."""
    session.install(".[test-extras]", "pytest-xdist")
    session.run("python", "-c", "from tests.extras.conftest import collect_ignore as missing; assert not missing, missing")
    folders = pyodide_folders(session)
    session.run("python", "-m", "pytest", "--strict-skips", *(session.posargs or ["tests/extras"]), env=folders)
    session.log("the suite of what has compiled kernels, by them alone")
    where = [f"tests/{name}" for name in ("autograd", "models", "nn", "ops", "optim")]
    session.run("python", "-m", "pytest", "--strict-skips", *TWO, *where, env={"TINYGRAD_FM_KERNELS": "compiled"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site without a warning, check every link inside it, and look at it in Chromium."""
    session.install(".[docs,train]", "playwright")
    session.run("python", "-m", "docs.site", *(session.posargs or ["--look"]))


@nox.session
def pictures(session: nox.Session) -> None:
    """Make the pictures of docs/graphs.md and the tables of docs/pytorch.md anew, and run the code of all pages."""
    session.install(".[test]")
    session.run("python", "docs/gallery.py")
    session.run("python", "-m", "tests.test_docs_pytorch")
    session.run("python", "-m", "pytest", "tests/test_docs.py", "tests/test_docs_pytorch.py", "tests/viz/test_gallery.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed beside PyTorch and others, on a quiet machine; ``nox -s bench -- mlp --rounds 3`` for a part."""
    session.install(".[bench]", TORCH)
    session.run("python", "-m", "benchmarks", *session.posargs)
