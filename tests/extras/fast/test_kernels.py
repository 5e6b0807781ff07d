"""Every compiled kernel against NumPy's: values and gradients, of shapes that nobody chose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import optim, runtime
from tinygrad_fm.errors import AutogradError
from tinygrad_fm.ops import conv_compiled, conv_kernels
from tinygrad_fm.ops.image_geometry import Geometry
from tinygrad_fm.runtime import resolve

Array = np.ndarray[Any, Any]
DTYPES = st.sampled_from([np.float32, np.float64])


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    runtime.set_kernels("auto")


def both(run: Callable[[], Any]) -> tuple[list[Array], list[Array]]:
    """What ``run`` returns with NumPy's kernels, and with compiled ones."""
    found = []
    for choice in ("numpy", "compiled"):
        runtime.set_kernels(choice)
        found.append([t.detach().numpy() if isinstance(t, torch.Tensor) else t for t in run()])
    return found[0], found[1]


def close(found: list[Array], wanted: list[Array]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        tolerance = 2e-4 if a.dtype == np.float32 else 1e-9
        finite = b[np.isfinite(b)]
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(finite).max(initial=0)))


def image(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, batch_last: bool) -> Array:
    x = rng.standard_normal(shape).astype(dtype)
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2) if batch_last else x


# -- convolutions ------------------------------------------------------------------------------------------------------


@st.composite
def geometries(draw: st.DrawFn) -> tuple[Geometry, int, int]:
    """A geometry, and channels in and out."""
    pair = lambda low, high: (draw(st.integers(low, high)), draw(st.integers(low, high)))
    kernel, stride, dilation, padding = pair(1, 5), pair(1, 3), pair(1, 3), pair(0, 3)
    least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, kernel, padding, strict=True)]
    size = tuple(n + draw(st.integers(0, 8)) for n in least)
    out = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, padding, dilation, kernel, stride, strict=True)
    )
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    geo = Geometry(size, out, kernel, stride, padding, dilation, groups)
    return geo, groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 6))


@given(geometries(), st.sampled_from([1, 2, 8, 65]), DTYPES, st.booleans(), st.booleans())
@settings(max_examples=150)
def test_convolutions(drawn: tuple[Geometry, int, int], n: int, dtype: Any, batch_last: bool, with_bias: bool) -> None:
    geo, c, o = drawn
    rng = np.random.default_rng(0)
    x, g = image(rng, (n, c, *geo.size), dtype, batch_last), image(rng, (n, o, *geo.out), dtype, not batch_last)
    w, b = rng.standard_normal((o, c // geo.groups, *geo.kernel)).astype(dtype), rng.standard_normal(o).astype(dtype)
    results = []
    for kernels in (conv_compiled, conv_kernels):
        y = kernels.convolve(x, w, b if with_bias else None, geo)
        results.append([y, kernels.input_gradient(g, w, geo), np.asarray(resolve(kernels.weight_gradient_later(x, g, geo)))])
    close(*results)


def test_what_is_not_finite_spreads_as_far_as_the_filter_and_no_further() -> None:
    rng = np.random.default_rng(0)
    geo = Geometry((9, 9), (9, 9), (3, 3), (1, 1), (1, 1), (1, 1))
    x, w = image(rng, (8, 2, 9, 9), np.float32, True), rng.standard_normal((5, 2, 3, 3)).astype(np.float32)
    x[3, 0, 4, 4], x[5, 1, 0, 0] = np.nan, np.inf
    y = conv_compiled.convolve(x, w, None, geo)
    assert np.isnan(y[3, :, 3:6, 3:6]).all() and np.isnan(y).sum() == 5 * 9
    assert np.isinf(y[5, :, :2, :2]).all() and np.isinf(y).sum() == 5 * 4


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"groups": 4}, {"dilation": 2}], ids=str)
def test_a_convolution_under_autograd(options: dict[str, int]) -> None:
    def run() -> Any:
        torch.manual_seed(0)
        x, w = torch.randn(16, 8, 12, 12, requires_grad=True), torch.randn(8, 8 // options.get("groups", 1), 3, 3)
        b = torch.randn(8, requires_grad=True)
        y = F.conv2d(x, w.requires_grad_(), b, padding=1, **options)
        return y, *torch.autograd.grad((y * y).sum(), (x, w, b))

    close(*both(run))


# -- normalisation, pooling, rectifiers --------------------------------------------------------------------------------


@given(st.integers(1, 70), st.integers(1, 5), st.integers(1, 12), DTYPES, st.booleans(), st.sampled_from([0.0, 300.0]))
def test_batch_norm(n: int, c: int, size: int, dtype: Any, affine: bool, offset: float) -> None:
    rng = np.random.default_rng(0)
    values = image(rng, (n + 1, c, size, size), dtype, True) + dtype(offset)

    def run() -> Any:
        x = torch.tensor(values, requires_grad=True)
        w, b = (torch.tensor(np.linspace(0.5, 2, c).astype(dtype), requires_grad=True) for _ in range(2))
        running = torch.zeros(c, dtype=x.dtype), torch.ones(c, dtype=x.dtype)
        y = F.batch_norm(x, *running, w if affine else None, b if affine else None, training=True)
        g = torch.tensor(rng_like(values))
        return y, *running, *torch.autograd.grad(y, (x, w, b) if affine else (x,), g)

    close(*both(run))


@given(
    st.lists(st.integers(1, 7), min_size=0, max_size=3), st.lists(st.integers(1, 40), min_size=1, max_size=2), DTYPES,
    st.booleans(), st.sampled_from([0.0, 300.0]),
)  # fmt: skip
def test_layer_norm(rows: list[int], sizes: list[int], dtype: Any, affine: bool, offset: float) -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((*rows, *sizes)) + offset).astype(dtype)

    def run(composed: bool = False) -> Any:
        x = torch.tensor(values, requires_grad=True)
        w, b = (torch.tensor(rng_like(values)[(0,) * len(rows)], requires_grad=True) for _ in range(2))
        with torch.autograd.composed() if composed else nullcontext():
            y = F.layer_norm(x, sizes, *((w, b) if affine else ()), eps=1e-2)
            return y, *torch.autograd.grad(y, (x, w, b) if affine else (x,), torch.tensor(rng_like(values)))

    numpys, compiled = both(run)
    close(compiled, numpys)
    close(compiled, [t.detach().numpy() for t in run(composed=True)])


def test_layer_norm_of_long_rows_and_of_what_is_not_finite() -> None:
    values = np.random.default_rng(0).standard_normal((9, 5000)).astype(np.float32)
    values[2, 7], values[4, 4999] = np.nan, np.inf

    def run() -> Any:
        x, w = torch.tensor(values, requires_grad=True), torch.ones(5000, requires_grad=True)
        y = F.layer_norm(x, (5000,), w)
        return y, torch.autograd.grad(y, x, torch.tensor(rng_like(values)))[0]

    close(*both(run))
    for found in both(run)[1]:
        assert np.isnan(found).all(1).tolist() == [row in (2, 4) for row in range(9)]


def test_layer_norm_of_a_row_of_one_element_has_no_gradient() -> None:
    runtime.set_kernels("compiled")
    x, w = torch.randn(50, 1, requires_grad=True), torch.tensor([1.7])
    (dx,) = torch.autograd.grad(F.layer_norm(x, (1,), w), x, torch.randn(50, 1))
    assert (dx == 0).all()


@pytest.mark.parametrize("op", ["layer_norm", "group_norm"])
def test_norms_have_the_same_bits_for_every_number_of_threads(op: str) -> None:
    runtime.set_kernels("compiled")
    runtime.take_over_blas()
    before, found = runtime.get_num_threads(), []
    values = np.random.default_rng(0).standard_normal((3000, 70)).astype(np.float32)
    for count in (1, 2, 3):
        runtime.set_num_threads(count)
        x, w = torch.tensor(values, requires_grad=True), torch.ones(70, requires_grad=True)
        y = F.layer_norm(x, (70,), w) if op == "layer_norm" else F.group_norm(x, 7, w)
        found.append([t.numpy() for t in (y.detach(), *torch.autograd.grad(y, (x, w), torch.tensor(rng_like(values))))])
    runtime.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@given(
    st.integers(1, 70), st.integers(1, 4), st.integers(1, 3), st.lists(st.integers(1, 9), max_size=3), DTYPES,
    st.booleans(), st.sampled_from(["usual", "batch last", "scattered"]), st.sampled_from([0.0, 30.0]),
)  # fmt: skip
@settings(max_examples=150)
def test_group_norm(
    n: int, groups: int, depth: int, sizes: list[int], dtype: Any, affine: bool, order: str, offset: float
) -> None:
    values = (np.random.default_rng(0).standard_normal((n + 1, groups * depth, *sizes)) + offset).astype(dtype)
    if order == "batch last":
        values = np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 0, -1)), -1, 0)
    g = rng_like(values)

    def run(composed: bool = False) -> Any:
        x = torch.tensor(values, requires_grad=True)
        seen = x[:, torch.arange(x.shape[1] - 1, -1, -1)].transpose(0, -1).transpose(0, -1) if order == "scattered" else x
        w, b = (torch.tensor(np.linspace(0.5, 2, groups * depth).astype(dtype), requires_grad=True) for _ in range(2))
        with torch.autograd.composed() if composed else nullcontext():
            y = F.group_norm(seen, groups, *((w, b) if affine else ()), eps=1e-2)
            return y, *torch.autograd.grad(y, (x, w, b) if affine else (x,), torch.tensor(g))

    numpys, compiled = both(run)
    close(compiled, numpys)
    close(compiled, [t.detach().numpy() for t in run(composed=True)])


@pytest.mark.parametrize("shape", [(3, 6, 28, 28), (64, 6, 28, 28), (300, 2, 7, 7), (5, 4, 9000)], ids=str)
@pytest.mark.parametrize("batch_last", [False, True])
def test_group_norm_keeps_the_order_in_memory(shape: tuple[int, ...], batch_last: bool) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if batch_last:
        values = np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 0, -1)), -1, 0)

    def run() -> Any:
        x = torch.tensor(0, dtype=torch.float32) + torch.from_numpy(values)
        x.requires_grad_()
        y = F.group_norm(x, 2)
        return y, *torch.autograd.grad(y, x, torch.from_numpy(rng_like(values)))

    numpys, compiled = both(run)
    close(compiled, numpys)
    for found in (*numpys, *compiled):
        assert found.strides == values.strides


@pytest.mark.parametrize("batch_last", [False, True])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf], ids=str)
def test_group_norm_of_what_is_not_finite(odd: float, batch_last: bool) -> None:
    values = image(np.random.default_rng(0), (9, 4, 12, 12), np.float32, batch_last)
    values[2, 1, 7, 7] = odd

    def run() -> Any:
        x, w = torch.from_numpy(values).requires_grad_(), torch.ones(4, requires_grad=True)
        y = F.group_norm(x, 2, w)
        return y, *torch.autograd.grad(y, (x, w), torch.tensor(rng_like(values)))

    close(*both(run))
    wrong = np.zeros(values.shape, bool)
    wrong[2, :2] = True
    y, dx, dw = both(run)[1]
    np.testing.assert_array_equal(np.isnan(y), wrong)
    np.testing.assert_array_equal(np.isnan(dx), wrong)
    assert np.isnan(dw).tolist() == [True, True, False, False]


@pytest.mark.parametrize("batch_last", [False, True])
def test_group_norm_of_numbers_far_from_zero(batch_last: bool) -> None:
    values = image(np.random.default_rng(0), (64, 4, 28, 28), np.float32, batch_last) + np.float32(1e3)

    def run(dtype: Any) -> Any:
        x = torch.tensor(values.astype(dtype), requires_grad=True)
        y = F.group_norm(x, 2)
        return y.detach().numpy(), torch.autograd.grad(y, x, torch.tensor(rng_like(values).astype(dtype)))[0].numpy()

    runtime.set_kernels("compiled")
    for found, wanted in zip(run(np.float32), run(np.float64), strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_group_norm_of_one_number_a_group_has_no_gradient() -> None:
    runtime.set_kernels("compiled")
    x, w = torch.randn(50, 4, requires_grad=True), torch.tensor([1.7, 0.3, 1.1, 0.9])
    (dx,) = torch.autograd.grad(F.group_norm(x, 4, w), x, torch.randn(50, 4))
    assert (dx == 0).all()


def rng_like(values: Array) -> Array:
    return np.random.default_rng(1).standard_normal(values.shape).astype(values.dtype)


def test_the_variance_of_numbers_far_from_zero() -> None:
    runtime.set_kernels("compiled")
    x = torch.tensor((1e4 + np.random.default_rng(0).standard_normal((64, 3, 28, 28))).astype(np.float32))
    var = torch.ones(3)
    F.batch_norm(x, torch.zeros(3), var, training=True, momentum=1.0)
    np.testing.assert_allclose(var.numpy(), x.numpy().astype("d").var((0, 2, 3), ddof=1), rtol=1e-5)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2), DTYPES,
    st.booleans(), st.sampled_from([3, 16, 65]), st.booleans(),
)  # fmt: skip
@settings(max_examples=100)
def test_maximum_pooling(
    kernel: tuple[int, int], stride: int, padding: int, dilation: int, dtype: Any, odd: bool, n: int, ceil: bool
) -> None:
    rng = np.random.default_rng(0)
    values = image(rng, (n, 2, 9, 8), dtype, True).round(1)  # some are equal
    if odd:
        values[rng.random(values.shape) < 0.1] = np.nan
        values[0] = -np.inf
    padding = min(padding, min(kernel) // 2)

    def run() -> Any:
        x = torch.tensor(values, requires_grad=True)
        y, index = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=ceil, return_indices=True)
        y = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=ceil)
        (dx,) = torch.autograd.grad(y, x, torch.tensor(rng_like(y.detach().numpy())))
        return y, index, dx, F.max_pool2d(x.detach(), kernel, stride, padding, dilation, ceil_mode=ceil)

    numpys, compiled = both(run)
    for a, b in zip(numpys, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(1, 4), st.integers(0, 2), DTYPES, st.booleans(),
    st.sampled_from([3, 16, 65]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_average_pooling(
    kernel: tuple[int, int], stride: int, padding: int, dtype: Any, odd: bool, n: int, ceil: bool, with_padding: bool
) -> None:
    rng = np.random.default_rng(0)
    values = image(rng, (n, 2, 9, 8), dtype, True)
    if odd:
        values[0, 0, 3, 3], values[1, 1, 5, 5] = np.nan, np.inf
    padding = min(padding, min(kernel) // 2)

    def run() -> Any:
        x = torch.tensor(values, requires_grad=True)
        y = F.avg_pool2d(x, kernel, stride, padding, ceil, with_padding)
        g = rng_like(y.detach().numpy())
        g[-1, 0, 0, 0] = np.inf if odd else 0
        return y, *torch.autograd.grad(y, x, torch.tensor(g))

    close(*both(run))


@pytest.mark.parametrize("shape", [(9000,), (70, 80), (16, 3, 20, 20)])
@pytest.mark.parametrize("batch_last", [False, True])
def test_the_gradient_of_relu(shape: tuple[int, ...], batch_last: bool) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    values.reshape(-1)[:3] = np.nan, np.inf, 0
    if batch_last and len(shape) == 4:
        values = np.ascontiguousarray(values.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)

    def run() -> Any:
        x = torch.tensor(values, requires_grad=True)
        g = rng_like(values)
        g.reshape(-1)[5] = np.inf
        return torch.autograd.grad(torch.relu(x), x, torch.tensor(g))

    (a,), (b,) = both(run)
    np.testing.assert_array_equal(a, b)
    assert a.strides == b.strides


# -- cross entropy -----------------------------------------------------------------------------------------------------


def cross_entropies(values: Array, labels: Array, composed: bool = False, **options: Any) -> Any:
    """The loss of each sort, and its gradient."""
    x, y = torch.tensor(values, requires_grad=True), torch.tensor(labels)
    with torch.autograd.composed() if composed else nullcontext():
        loss = F.cross_entropy(x, y, **options)
        g = torch.tensor(rng_like(loss.detach().numpy()))
        return loss, torch.autograd.grad(loss, x, g)[0]


@given(
    st.integers(0, 70), st.integers(1, 40), st.integers(0, 3), DTYPES, st.sampled_from([0.0, 0.1, 1.0]),
    st.sampled_from(["mean", "sum", "none"]), st.sampled_from([np.int64, np.uint8]), st.booleans(), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_cross_entropy(
    n: int, classes: int, pixels: int, dtype: Any, smoothing: float, reduction: str, kind: Any, ignores: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    more = (pixels,) if pixels else ()
    values = (10 * rng.standard_normal((n, classes, *more))).astype(dtype)
    labels = rng.integers(0, classes, (n, *more)).astype(kind)
    options = {"label_smoothing": smoothing, "reduction": reduction, "ignore_index": 0 if ignores else -100}
    numpys, compiled = both(lambda: cross_entropies(values, labels, **options))
    close(compiled, numpys)
    close(compiled, [t.detach().numpy() for t in cross_entropies(values, labels, composed=True, **options)])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("classes", [3, 40])
@pytest.mark.parametrize("odd", [[np.nan], [np.inf], [-np.inf], [np.inf, np.nan], [np.inf, -np.inf], [1e30, -1e30]], ids=str)
def test_cross_entropy_of_what_is_not_finite(smoothing: float, classes: int, odd: list[float]) -> None:
    values = np.random.default_rng(0).standard_normal((9, classes)).astype(np.float32)
    values[1, : len(odd)] = values[3, 1 : 1 + len(odd)] = values[5, -len(odd) :] = odd
    values[7] = odd[0]
    run = lambda: cross_entropies(values, np.arange(9) % 3, reduction="none", label_smoothing=smoothing)
    numpys, compiled = both(run)
    for a, b in zip(numpys, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", [-1, 5, 2**40])
def test_a_label_that_is_no_class(label: int) -> None:
    runtime.set_kernels("compiled")
    with pytest.raises(IndexError, match=rf"target\[2\] is {label}, but with 5 classes"):
        F.cross_entropy(torch.zeros(4, 5), torch.tensor([0, 1, label, 2]))


# -- optimizers --------------------------------------------------------------------------------------------------------

OPTIMIZERS: list[tuple[Any, dict[str, Any]]] = [
    (optim.Adam, {}),
    (optim.Adam, {"weight_decay": 0.1, "amsgrad": True}),
    (optim.AdamW, {"maximize": True}),
    (optim.NAdam, {"weight_decay": 0.1}),
    (optim.NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    (optim.RMSprop, {}),
    (optim.RMSprop, {"centered": True, "momentum": 0.9, "weight_decay": 0.1}),
    (optim.SGD, {}),
    (optim.SGD, {"momentum": 0.9, "dampening": 0.1}),
    (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", str(value)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_optimizers(kind: Any, options: dict[str, Any], dtype: Any) -> None:
    def run() -> Any:
        torch.manual_seed(0)
        params = [torch.randn(shape, dtype=dtype).requires_grad_() for shape in [(3, 5), (7,), (150, 160), (), (0, 2)]]
        params.append(
            torch.randn(370, 360, dtype=dtype).t().detach().requires_grad_()
        )  # large enough for threads; not in order
        optimizer = kind(params, lr=0.01, **options)
        for step in range(5):
            for i, p in enumerate(params):
                p.grad = None if step == 2 and i == 1 else torch.randn(p.shape, dtype=dtype)
            optimizer.step()
        return [*params, *(value for p in params for value in optimizer.state[p].values())]

    close(*both(run))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_what_is_not_finite_stays_with_its_parameter(value: float, kind: Any, options: dict[str, Any]) -> None:
    def run() -> Any:
        p = torch.ones(5000, requires_grad=True)
        optimizer = kind([p], lr=0.01, **options)
        p.grad = torch.ones(5000)
        p.grad[7] = value
        optimizer.step()
        return (p,)

    (a,), (b,) = both(run)
    assert not np.isfinite(a[7]) and np.isfinite(np.delete(a, 7)).all()
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_parameter_that_cannot_be_written_to_is_refused() -> None:
    runtime.set_kernels("compiled")
    for array in (np.zeros(5000, np.float32), np.broadcast_to(np.float32(0), (50, 100))):
        array.flags.writeable = False
        p = torch.empty(array.shape)
        p._array = array
        p.requires_grad_().grad = torch.ones(array.shape)
        with pytest.raises(ValueError, match="read-only"):
            optim.Adam([p]).step()
        with pytest.raises(AutogradError, match="cannot be written to"):
            optim.swa_utils.move_towards([p], [torch.ones(array.shape)], 0.5)


@pytest.mark.parametrize("kind", [optim.Adam, optim.NAdam, optim.RMSprop, optim.SGD])
def test_a_step_of_a_large_parameter_has_the_same_bits_for_every_number_of_threads(kind: Any) -> None:
    runtime.set_kernels("compiled")
    runtime.take_over_blas()
    before, found = runtime.get_num_threads(), []
    for count in (1, 2, 3):
        runtime.set_num_threads(count)
        torch.manual_seed(0)
        p = torch.randn(150_001, requires_grad=True)
        p.grad = torch.randn(150_001)
        kind([p], lr=0.01).step()
        found.append(p.detach().numpy())
    runtime.set_num_threads(before)
    assert all((other == found[0]).all() for other in found[1:])


# -- averages of weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sort", ["mean", "moving"])
def test_averages_of_weights(dtype: Any, sort: str) -> None:
    def run() -> Any:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 5), torch.nn.BatchNorm2d(3), torch.nn.Linear(80, 70)).to(dtype)
        average = optim.swa_utils.get_ema_multi_avg_fn(0.9) if sort == "moving" else None
        averaged = optim.swa_utils.AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        for step in range(4):
            averaged.update_parameters(model)
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(torch.randn(p.shape, dtype=dtype))
                model[1].num_batches_tracked += step
        return [*averaged.parameters(), *averaged.buffers()]

    close(*both(run))
