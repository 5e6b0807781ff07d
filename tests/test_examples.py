"""The programs in examples/. Those written for PyTorch run here after changing their import lines.

Under both libraries they start from the same weights and draw the same numbers, and their losses must agree for twenty steps.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from examples.__main__ import FOLDER, PROGRAMS, load

STEPS = 20


def draw_alike(library: Any, patch: Callable[[Any, str, Any], None]) -> None:
    """Have everything random in ``library`` that the programs use come from one stream of NumPy's."""
    rng = np.random.default_rng(7)

    def normal(*shape: Any) -> Any:
        size = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return library.tensor(rng.standard_normal(tuple(size)).astype(np.float32))

    def drop(self: Any, x: Any) -> Any:
        if not self.training:
            return x
        return x * library.tensor((rng.random(tuple(x.shape)) >= self.p).astype(np.float32) / (1 - self.p))

    patch(library, "randn", normal)
    patch(library, "randn_like", lambda x: normal(x.shape))
    patch(library.nn.Dropout, "forward", drop)
    reparametrized = lambda self, shape=(): self.loc + self.scale * normal(self._extended_shape(shape))
    patch(library.distributions.Normal, "rsample", reparametrized)
    sampler = library.utils.data.RandomSampler
    if library is tinygrad_fm:
        patch(sampler, "order", lambda self: rng.permutation(len(self.data_source)))
    else:
        patch(sampler, "__iter__", lambda self: iter(rng.permutation(len(self.data_source)).tolist()))


def losses_of(program: Any, models: Any, steps: int) -> list[float]:
    found = list(program.train(models, steps))
    assert len(found) == steps
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_after_changing_its_imports(name: str) -> None:
    tinygrad_fm.manual_seed(1)
    program = load(name, ours=True)
    losses = losses_of(program, program.build(), 60 if name == "gan" else 40)
    assert np.isfinite(losses).all()
    if name != "gan":  # two that play against each other need not go down
        assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore:'pin_memory':UserWarning")  # PyTorch's, on a machine without GPU
@pytest.mark.parametrize("name", PROGRAMS)
def test_losses_follow_pytorch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    runs, printed = [], []
    weights: dict[str, Any] = {}
    for library, ours in ((torch, False), (tinygrad_fm, True)):
        program = load(name, ours)
        models = program.build()
        for key, model in models.items():
            if ours:
                model.load_state_dict(weights[key])
            else:
                weights[key] = {path: value.numpy().copy() for path, value in model.state_dict().items()}
        printed.append({key: repr(model) for key, model in models.items()})
        with monkeypatch.context() as patch:
            draw_alike(library, patch.setattr)
            runs.append(losses_of(program, models, STEPS))
    assert printed[0] == printed[1]
    np.testing.assert_allclose(runs[1], runs[0], rtol=2e-4)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=FOLDER.parent, capture_output=True, text=True, check=False)


def test_the_command_trains_a_program() -> None:
    done = run("-m", "examples", "vae", "--steps", "15")
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split("  loss ")[0] for line in lines] == ["step   10", "step   15"]
    assert all(float(line.split("  loss ")[1]) > 0 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"), [(["unet"], "invalid choice: 'unet'"), (["vae", "--steps", "0"], "must be 1 or more, got 0")]
)
def test_the_command_refuses_what_it_cannot_run(arguments: list[str], says: str) -> None:
    done = run("-m", "examples", *arguments)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="broken pipes are POSIX's")
@pytest.mark.parametrize("command", [("examples", "vae", "--steps", "1000"), ("tinygrad_fm",), ("benchmarks", "chain")])
def test_a_reader_that_goes_away_ends_a_command_quietly(command: tuple[str, ...]) -> None:
    """As ``| head`` does."""
    with subprocess.Popen(
        [sys.executable, "-m", *command], cwd=FOLDER.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (141, "")


def test_the_first_gradient_finds_the_line() -> None:
    code = "import runpy; runpy.run_path('examples/first_gradient.py')"  # with this folder's package, installed or not
    last = run("-c", code).stdout.splitlines()[-1].split()
    assert last[:2] == ["step", "100"]
    assert abs(float(last[last.index("w") + 1]) - 3) < 0.1
    assert abs(float(last[last.index("b") + 1]) + 2) < 0.1


def test_the_table_of_the_readme_lists_every_program() -> None:
    files = {path.name for path in FOLDER.glob("*.py") if not path.name.startswith("_")}
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {name for name in files if f"[{name}]({name})" in text} == files
