"""Programs written for PyTorch, as they stand, run here after changing their import lines.

Under both libraries they start from the same weights and draw the same numbers, and their losses must agree for twenty steps.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm

FOLDER = Path(__file__).parent / "for_pytorch"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))
STEPS = 20


def with_our_imports(source: str) -> str:
    """``source`` with ``import torch…`` and ``from torch… import`` changed to our names, and nothing else."""
    source = re.sub(r"^import torch$", "import tinygrad_fm as torch", source, flags=re.M)
    source = re.sub(r"^import torch\.([\w.]+) as (\w+)$", r"import tinygrad_fm.\1 as \2", source, flags=re.M)
    return re.sub(r"^from torch(\.[\w.]+)? import", r"from tinygrad_fm\1 import", source, flags=re.M)


def run_module(name: str, ours: bool) -> Any:
    """The program as a module."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(with_our_imports(source) if ours else source, f"{name}.py", "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


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
    program = run_module(name, ours=True)
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
        program = run_module(name, ours)
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
