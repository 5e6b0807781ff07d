"""Lazy modules against PyTorch's: what they become, print, save and load."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch announces that lazy modules are new

# name, arguments, shape of the input
ROWS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("LazyLinear", (3,), {}, (4, 5)),
    ("LazyLinear", (3, False), {}, (5,)),
    ("LazyConv1d", (4, 3), {"padding": 1, "groups": 2}, (2, 6, 7)),
    ("LazyConv2d", (4, 3), {"stride": 2, "padding": 1, "padding_mode": "reflect"}, (2, 3, 7, 7)),
    ("LazyConv3d", (4, 3), {"stride": 2, "padding": 1, "groups": 1}, (2, 3, 5, 5, 5)),
    ("LazyConvTranspose3d", (4, 2), {"stride": 2}, (2, 3, 3, 3, 3)),
    ("LazyConv2d", (4, (3, 2)), {"bias": False, "dilation": 2}, (3, 7, 7)),
    ("LazyConvTranspose1d", (4, 3), {"stride": 2, "output_padding": 1}, (2, 3, 7)),
    ("LazyConvTranspose2d", (4, 3), {"groups": 2, "stride": 2}, (2, 6, 4, 4)),
    ("LazyConv3d", (4, 3), {"stride": 2, "groups": 2}, (2, 6, 5, 5, 5)),
    ("LazyConvTranspose3d", (4, 2), {"stride": 2, "bias": False}, (3, 3, 3, 3)),
    ("LazyBatchNorm1d", (), {}, (4, 3)),
    ("LazyBatchNorm2d", (1e-3, 0.2), {"bias": False}, (4, 3, 2, 2)),
    ("LazyBatchNorm3d", (), {"affine": False}, (4, 3, 2, 2, 2)),
    ("LazyBatchNorm2d", (), {"track_running_stats": False}, (4, 3, 2, 2)),
    ("LazyInstanceNorm1d", (), {}, (4, 3, 2)),
    ("LazyInstanceNorm2d", (), {"track_running_stats": False}, (4, 3, 2, 2)),
    ("LazyInstanceNorm3d", (), {"affine": False}, (4, 3, 2, 2, 2)),
]


def state(module: Any) -> list[Any]:
    kinds = ((key, type(value).__name__) for key, value in module.state_dict().items())
    return [
        (key, kind if "Uninitialized" in kind else (str(value.dtype), list(value.shape)))
        for (key, kind), value in zip(kinds, module.state_dict().values(), strict=True)
    ]


def outcome(run: Any) -> Any:
    """What ``run`` gives, or the built-in class of what it raises."""
    try:
        return run()
    except Exception as error:
        return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")


@pytest.mark.parametrize(("name", "args", "options", "shape"), ROWS)
def test_becomes_what_pytorchs_becomes(name: str, args: Any, options: Any, shape: Any) -> None:
    modules, others = ([getattr(lib.nn, name)(*args, **options) for lib in (tinygrad_fm, torch)] for _ in range(2))
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    inputs = [tinygrad_fm.tensor(x), torch.tensor(x)]
    assert repr(modules[0]) == repr(modules[1])
    assert state(modules[0]) == state(modules[1])
    outputs = [module(value) for module, value in zip(modules, inputs, strict=True)]
    assert tuple(outputs[0].shape) == tuple(outputs[1].shape)
    assert [type(module).__name__ for module in modules] == [name.removeprefix("Lazy")] * 2
    assert repr(modules[0]) == repr(modules[1])
    assert state(modules[0]) == state(modules[1])
    assert [p.requires_grad for p in modules[0].parameters()] == [p.requires_grad for p in modules[1].parameters()]

    if "Instance" in name:
        return  # PyTorch takes num_features from the input only, so its own fails here
    values = modules[1].state_dict()
    for lazy in others:  # still lazy
        lazy.double().load_state_dict(values)
        assert type(lazy).__name__ == name
        assert not lazy.has_uninitialized_params()
    ours, theirs = (lazy(value.double()) for lazy, value in zip(others, inputs, strict=True))
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    assert state(others[0]) == state(others[1])


@pytest.mark.parametrize("name", [name for name in dir(torch.nn) if name.startswith("Lazy")])
def test_takes_pytorchs_arguments(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(lib.nn, name)).parameters for lib in (tinygrad_fm, torch))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [(p.name, p.default, p.kind) for p in theirs.values()]


def custom(lib: Any) -> Any:
    class Scale(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = lib.nn.parameter.UninitializedParameter()
            self.register_buffer("seen", lib.nn.parameter.UninitializedBuffer())

        def forward(self, x: Any) -> Any:
            return x * self.factor

    class LazyScale(lib.nn.modules.lazy.LazyModuleMixin, Scale):
        def initialize_parameters(self, x: Any) -> None:
            if self.has_uninitialized_params():
                self.factor.materialize(x.shape[-1:])
                if x.shape[-1] != 7:
                    self.seen.materialize((1,))
                lib.nn.init.ones_(self.factor)

    return LazyScale()


WRONG = [
    lambda lib: lib.nn.LazyLinear(3).weight + 1,
    lambda lib: lib.nn.LazyLinear(3).weight.shape,
    lambda lib: lib.nn.LazyLinear(3).bias.sum(),
    lambda lib: lib.nn.init.ones_(lib.nn.LazyLinear(3).weight),
    lambda lib: lib.nn.LazyConv2d(3, 3, groups=2)(lib.zeros(1, 3, 5, 5)),
    lambda lib: lib.nn.LazyConv2d(4, 3)(lib.zeros(3, 5)),
    lambda lib: lib.nn.LazyBatchNorm2d()(lib.zeros(3, 5)),
    lambda lib: lib.nn.Linear(2, 3).load_state_dict(lib.nn.LazyLinear(3).state_dict()),
    lambda lib: str(lib.nn.LazyLinear(3).load_state_dict(lib.nn.LazyLinear(3).state_dict())),
    lambda lib: lib.optim.Adagrad(lib.nn.LazyLinear(3).parameters()),
    lambda lib: custom(lib)(lib.zeros(2, 7)),
    lambda lib: list(custom(lib)(lib.ones(2, 3)).shape),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_fails_as_pytorchs_fails(wrong: Any) -> None:
    ours = outcome(lambda: wrong(tinygrad_fm))
    assert ours == outcome(lambda: wrong(torch))


def test_a_lazy_module_of_ones_own_keeps_its_class() -> None:
    for lib in (tinygrad_fm, torch):
        module = custom(lib)
        optimizer = lib.optim.SGD([module.factor], lr=0.5)
        module(lib.ones(2, 3)).sum().backward()
        optimizer.step()
        assert type(module).__name__ == "LazyScale"
        assert module.factor.tolist() == [0.0] * 3
        assert list(module(lib.ones(1, 3)).shape) == [1, 3]
