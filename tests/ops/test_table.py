"""Every row of the table of operations, checked the same way (see ``cases``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import autograd
from tinygrad_fm.autograd.primitives import primitive

from .case import PUBLIC, Array, Case
from .cases import CASES, WITHOUT_ROW

BROADCASTING = [case for case in CASES if case.broadcasts]
BARE = [case for case in CASES if case.bare]
SIZE_0 = [case for case in CASES if case.empty_shapes() is not None]
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


# -- running a row -----------------------------------------------------------------------------------------------------


def leaves(arrays: list[Array]) -> list[Any]:
    """Tensors of the arrays as they lie in memory, that require a gradient."""
    return [tinygrad_fm.from_numpy(array).requires_grad_() for array in arrays]


def results(value: Any) -> list[Any]:
    """What an operation returned as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def arrays_of(value: Any) -> list[Array]:
    """The arrays behind what an operation returned; bare arrays are left as they are."""
    return [r if isinstance(r, (np.ndarray, np.generic)) else r.detach().numpy() for r in results(value)]


def gradients(run: Callable[..., Any], inputs: list[Any]) -> list[Array]:
    """The inputs' gradients from a fixed cotangent; zeros where there is none."""
    outputs = [r for r in results(run(*inputs)) if r.requires_grad]
    rng = np.random.default_rng(1)
    start = [tinygrad_fm.from_numpy(rng.standard_normal(o.shape).astype(o.detach().numpy().dtype)) for o in outputs]
    found = autograd.grad(outputs, inputs, start, allow_unused=True)
    for x, g in zip(inputs, found, strict=True):
        assert g is None or (g.dtype is x.dtype and g.shape == x.shape)
    return [np.zeros(x.shape) if g is None else g.numpy() for x, g in zip(inputs, found, strict=True)]


def assert_close(got: list[Array], want: list[Array], tolerance: float) -> None:
    """Same number, shapes and values."""
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)


# -- the checks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward(case: Case, dtype: type) -> None:
    arrays = case.draw(dtype)
    want = results(case.reference(*[a.astype(np.float64) for a in arrays]))
    got = arrays_of(case.run(*leaves([a.copy() for a in arrays])))
    assert_close(got, want, TOLERANCE[np.dtype(dtype).name] * (1 if dtype is np.float64 else 0.1))
    for g, w in zip(got, want, strict=True):
        assert isinstance(g, np.ndarray)
        kind = np.asarray(w).dtype  # whole numbers are int64, whatever NumPy's are here
        assert g.dtype == (dtype if kind.kind == "f" else np.int64 if kind == np.intp else kind)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case: Case) -> None:
    assert autograd.gradcheck(case.run, tuple(leaves(case.draw())))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_second_gradient(case: Case) -> None:
    assert autograd.gradgradcheck(case.run, tuple(leaves(case.draw())))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_gradients(case: Case) -> None:
    arrays = case.draw(np.float32)
    got = gradients(case.run, leaves(arrays))
    want = gradients(case.run, leaves([a.astype(np.float64) for a in arrays]))
    assert_close(got, want, TOLERANCE["float32"])


@pytest.mark.parametrize("case", BROADCASTING, ids=str)
@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((1, 4), (3, 1)), ((), (3, 2)), ((2, 1, 3), ()), ((0, 3), (1, 3))], ids=str)
def test_broadcasting(case: Case, shapes: Any) -> None:
    arrays = case.draw(shapes=shapes)
    inputs = leaves(arrays)
    assert_close(arrays_of(case.run(*inputs)), results(case.reference(*arrays)), TOLERANCE["float64"])
    assert autograd.gradcheck(case.run, tuple(inputs))
    assert autograd.gradgradcheck(case.run, tuple(inputs))


def transposed(a: Array) -> Array:
    """The same values in the opposite memory order."""
    return np.array(a.T, order="C").T


def strided(a: Array) -> Array:
    """The same values with gaps between them."""
    if not a.ndim:
        return a
    wide = np.full([2 * n for n in a.shape], np.nan, a.dtype)
    every_second = tuple(slice(None, None, 2) for _ in a.shape)
    wide[every_second] = a
    return wide[every_second]


def reversed_in_memory(a: Array) -> Array:
    """The same values with negative strides."""
    if not a.ndim:
        return a
    backwards = tuple(slice(None, None, -1) for _ in a.shape)
    return a[backwards].copy()[backwards]


@pytest.mark.parametrize("layout", [transposed, strided, reversed_in_memory])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_any_memory_layout(case: Case, layout: Callable[[Array], Array]) -> None:
    arrays = case.draw()
    want, got = leaves([a.copy() for a in arrays]), leaves([layout(a) for a in arrays])
    assert_close(arrays_of(case.run(*got)), arrays_of(case.run(*want)), TOLERANCE["float64"])
    assert_close(gradients(case.run, got), gradients(case.run, want), TOLERANCE["float64"])


@pytest.mark.parametrize("case", SIZE_0, ids=str)
def test_size_0(case: Case) -> None:
    arrays = case.draw(shapes=case.empty_shapes())
    inputs = leaves(arrays)
    with np.errstate(all="ignore"):
        want = results(case.reference(*arrays))
    assert_close(arrays_of(case.run(*inputs)), want, TOLERANCE["float64"])
    assert all(g.shape == a.shape for g, a in zip(gradients(case.run, inputs), arrays, strict=True))


@pytest.mark.parametrize("case", BARE, ids=str)
def test_bare_arrays_give_bare_arrays(case: Case) -> None:
    arrays = case.draw()
    got = results(case.run(*arrays))
    assert all(isinstance(r, (np.ndarray, np.generic)) for r in got)
    assert_close(got, arrays_of(case.run(*leaves(arrays))), 1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fused_agrees_with_composed(case: Case, dtype: type) -> None:
    arrays, tolerance = case.draw(dtype), TOLERANCE[np.dtype(dtype).name]
    fused = arrays_of(case.run(*leaves(arrays)))
    fused_gradients = gradients(case.run, leaves(arrays))
    with autograd.composed():
        composed = arrays_of(case.run(*leaves(arrays)))
        composed_gradients = gradients(case.run, leaves(arrays))
    assert_close(fused, composed, tolerance)
    assert_close(fused_gradients, composed_gradients, tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inputs_are_left_alone(case: Case) -> None:
    arrays = case.draw()
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    inputs = [tinygrad_fm.from_numpy(a).requires_grad_() for a in arrays]
    gradients(case.run, inputs)
    assert_close(arrays, before, 0.0)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_under_no_grad_nothing_is_recorded(case: Case) -> None:
    inputs = leaves(case.draw())
    with autograd.no_grad():
        found = results(case.run(*inputs))
    assert not any(r.requires_grad for r in found)


# -- the table itself --------------------------------------------------------------------------------------------------


def test_every_public_operation_has_a_row() -> None:
    named = {case.name for case in CASES} | WITHOUT_ROW.keys()
    known = {id(PUBLIC[name]) for name in named & PUBLIC.keys()}  # a second name needs none
    missing = {name for name, op in PUBLIC.items() if id(op) not in known}
    assert not missing, "add a row to tests/ops/cases.py"


def test_reasons_are_current() -> None:
    assert WITHOUT_ROW.keys() <= PUBLIC.keys()
    assert not WITHOUT_ROW.keys() & {case.name for case in CASES}


# -- planted mistakes are caught ---------------------------------------------------------------------------------------


def row(kernel: Callable[..., Any], reference: Callable[..., Any], *shapes: Any, **rules: Any) -> Case:
    """A row for an operation made here."""
    op = primitive(kernel, name="planted", **rules)
    return Case("planted", reference, shapes or ((3, 4),), call=op)


RIGHT = row(np.sin, np.sin, x=lambda g, x: g * tinygrad_fm.cos(x) if not isinstance(x, np.ndarray) else g * np.cos(x))


def test_a_right_rule_passes() -> None:
    for check in (test_gradient, test_second_gradient, test_float32_gradients, test_inputs_are_left_alone):
        check(RIGHT)


def _scribble(x: Array) -> Array:
    x += 0
    return np.sin(x)


def _on_contiguous_only(x: Array) -> Array:
    return np.sin(np.lib.stride_tricks.as_strided(x, x.shape, np.empty(x.shape).strides))


_twice = primitive(lambda x: 2 * x, name="twice", x=lambda g: g + g)
_fused_wrong = primitive(lambda x: 2 * x, name="fused", x=lambda g: 3 * g, composition=_twice)

PLANTED = {
    "a factor": (test_gradient, row(np.square, np.square, x=lambda g, x: g * x)),
    "a sign": (test_gradient, row(np.subtract, np.subtract, (3, 4), (3, 4), a=lambda g: g, b=lambda g: g)),
    "one wrong element": (
        test_gradient,
        row(np.positive, np.positive, x=lambda g: g * np.where(np.arange(12).reshape(3, 4) == 7, 1.1, 1)),
    ),
    "zeros": (test_gradient, row(np.positive, np.positive, x=lambda g: 0 * g)),
    "no gradient": (test_gradient, row(np.positive, np.positive, x=lambda g: None)),
    "a transposed gradient": (test_gradient, row(np.positive, np.positive, (3, 3), x=lambda g: g.swapaxes(0, 1))),
    "a constant where the second gradient looks": (
        test_second_gradient,
        row(np.square, np.square, x=lambda g, x: 2 * g * (x if isinstance(x, np.ndarray) else x.detach())),
    ),
    "a gradient cut off from g": (
        test_second_gradient,
        row(np.positive, np.positive, x=lambda g: g if isinstance(g, np.ndarray) else g.detach()),
    ),
    "a wrong kernel": (lambda case: test_forward(case, np.float64), row(np.sin, np.cos, x=lambda g: g)),
    "float64 out of float32": (
        lambda case: test_forward(case, np.float32),
        row(lambda x: np.sin(x.astype(np.float64)), np.sin, x=lambda g: g),
    ),
    "an input overwritten": (test_inputs_are_left_alone, row(_scribble, np.sin, x=lambda g: g)),
    "strides taken for granted": (
        lambda case: test_any_memory_layout(case, transposed),
        row(_on_contiguous_only, np.sin, x=lambda g: g),
    ),
    "a fused kernel that is another function": (
        lambda case: test_fused_agrees_with_composed(case, np.float64),
        Case("planted", np.positive, ((3, 4),), call=_fused_wrong),
    ),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_planted_mistakes_are_caught(mistake: str) -> None:
    check, case = PLANTED[mistake]
    with pytest.raises((AssertionError, RuntimeError, TypeError, ValueError)):
        check(case)
