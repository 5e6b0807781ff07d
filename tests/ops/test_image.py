"""What the table does not say of images: the memory they lie in, threads, bounded workspace, NaNs, messages."""

from __future__ import annotations

import contextlib
import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from models import build
from tinygrad_fm import autograd, nn, runtime
from tinygrad_fm.nn import functional as F
from tinygrad_fm.ops import conv, conv_kernels, image_geometry

Array = np.ndarray[Any, Any]


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def images(rng: np.random.Generator, *shape: int, dtype: Any = np.float32) -> Array:
    """Random images (N, C, H, W) that lie batch-last in memory."""
    n, c, h, w = shape
    return rng.standard_normal((c, h, w, n)).astype(dtype).transpose(3, 0, 1, 2)


def is_batch_last(array: Array) -> bool:
    """Whether the memory behind ``array`` (N, C, H, W) is a contiguous (C, H, W, N)."""
    return bool(array.transpose(1, 2, 3, 0).flags.c_contiguous)


# -- memory order ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lenet", "cnn", "fast", "resnet8", "vgg"])
def test_images_stay_batch_last_through_a_model_and_back(name: str, rng: np.random.Generator) -> None:
    model = build(name)
    seen: dict[str, set[str]] = {"forward": set(), "backward": set()}

    def watch(call: Any, run: Any) -> Any:
        result = run()
        # backward, look at the gradient as it comes to a rule: the loop has brought it into its value's order
        first = result[0] if isinstance(result, tuple) else result
        for array in (first._array,) if call.phase == "forward" else call.inputs:
            if isinstance(array, np.ndarray) and array.ndim == 4 and array.shape[0] == 6:
                assert is_batch_last(array), f"{call.phase} of {call.name}: shape {array.shape}, strides {array.strides}"
                seen[call.phase].add(call.name)
        return result

    loss_of = nn.CrossEntropyLoss()
    x = torch.from_numpy(images(rng, 6, 1, 28, 28)).requires_grad_()
    with autograd.op_hook(watch):
        loss_of(model(x), torch.arange(6)).backward()
    assert {"conv2d", "batch_norm", "relu"} <= seen["forward"] & seen["backward"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_every_memory_order_gives_the_same(order: tuple[int, ...], rng: np.random.Generator) -> None:
    x, w = rng.standard_normal((3, 2, 5, 6)), torch.tensor(rng.standard_normal((4, 2, 3, 3)))

    def run(array: Array) -> list[Array]:
        leaf = torch.from_numpy(array).requires_grad_()
        y = F.group_norm(F.batch_norm(F.conv2d(leaf, w, padding=1), None, None, training=True), 2)
        y = F.max_pool2d(F.instance_norm(y), 2)
        y = F.avg_pool2d(F.pad(y, (1, 0, 1, 0)), 2)
        y.sin().sum().backward()
        return [y.detach().numpy(), leaf.grad.numpy()]

    there = np.empty([x.shape[axis] for axis in order]).transpose(np.argsort(order))
    there[...] = x
    for got, want in zip(run(there), run(x), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


# -- blocks, parts, threads --------------------------------------------------------------------------------------------

LAYERS = [  # N, C, O, size, kernel, options: so large that blocks, threads and parts of the batch come into play
    (64, 1, 6, 28, 5, {"padding": 2}),
    (64, 6, 16, 14, 5, {}),
    (16, 32, 64, 14, 3, {"padding": 1}),
    (7, 16, 24, 13, 3, {"stride": 2, "padding": 1}),
    (33, 8, 8, 11, 3, {"groups": 8, "padding": 1}),
    (33, 8, 12, 11, 3, {"groups": 4, "dilation": 2}),
    (20, 20, 30, 9, 1, {}),
    (200, 16, 3, 40, 5, {}),
    (16, 4, 5, 12, (3, 5), {"padding": (1, 3), "stride": (1, 2), "dilation": (1, 2)}),
    (16, 12, 20, 11, (4, 3), {"padding": 2, "stride": (2, 3), "dilation": (3, 1)}),
]


def run_layer(x: Array, w: Array, options: dict[str, Any]) -> list[Array]:
    """Result and gradients of a convolution."""
    inputs = [torch.from_numpy(x).requires_grad_(), torch.from_numpy(w).requires_grad_()]
    y = F.conv2d(*inputs, **options)
    rng = np.random.default_rng(1)
    g = torch.from_numpy(images(rng, *y.shape).astype(x.dtype))
    return [y.detach().numpy(), *(found.numpy() for found in autograd.grad(y, inputs, g))]


def layer(case: Any, dtype: Any) -> tuple[Array, Array, dict[str, Any]]:
    n, c, o, size, k, options = case
    rng = np.random.default_rng(0)
    w = rng.standard_normal((o, c // options.get("groups", 1), *(k if isinstance(k, tuple) else (k, k)))).astype(dtype)
    return images(rng, n, c, size, size, dtype=dtype), w, options


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_blocks_and_threads_do_not_change_results(case: Any, threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, options = layer(case, np.float64)
    found = []
    for count in (1, 2, 3):
        runtime.set_num_threads(count)
        found.append(run_layer(x, w, options))
        again = run_layer(x, w, options)
        assert all(np.array_equal(a, b) for a, b in zip(found[-1], again, strict=True)), "other bits with as many threads"
    for name in ("_BYTES", "_THREADED"):
        monkeypatch.setattr(conv_kernels, name, 1 << 60)
    whole = run_layer(x, w, options)
    for result in found:
        for got, want in zip(result, whole, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-9)


def test_blocks_of_any_size_make_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    for _ in range(150):
        n, groups, inner, outer, *kernel = (int(k) for k in rng.integers(1, (4, 4, 4, 10, 6, 6)))
        stride, padding, dilation = (tuple(map(int, rng.integers(least, 4, 2))) for least in (1, 0, 1))
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, kernel, padding, strict=True)]
        size = [m + int(rng.integers(0, 8)) for m in least]
        x, w = images(rng, n, groups * inner, *size, dtype=np.float64), rng.standard_normal((groups * outer, inner, *kernel))
        found = []
        for bytes_of_columns in (1, 10_000, 1 << 60):  # pixel by pixel, some rows, all at once
            monkeypatch.setattr(conv_kernels, "_BYTES", bytes_of_columns)
            found.append(run_layer(x, w, {**options, "groups": groups}))
        for other in found[:2]:
            for got, want in zip(other, found[2], strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10, err_msg=f"{x.shape} {w.shape} {options}")


def _ways_back(x: Array, weight: Array) -> dict[str, Array]:
    """A weight's gradient, of a convolution and a linear layer that share nothing and of one that is used twice."""
    found: dict[str, Array] = {}

    def loss_of(leaf: Any) -> Any:
        once = F.conv2d(torch.from_numpy(x), leaf, padding=1)
        return F.conv2d(once, leaf, padding=1).square().mean()

    def leaf_of() -> Any:
        return torch.from_numpy(weight.copy()).requires_grad_()

    leaf = leaf_of()
    loss_of(leaf).backward()
    found["twice"] = leaf.grad.numpy().copy()
    loss_of(leaf).backward()
    found["added up"] = leaf.grad.numpy() / 2
    leaf = leaf_of()
    leaf.register_hook(lambda g: g * 3)
    loss_of(leaf).backward()
    found["hooked"] = leaf.grad.numpy() / 3
    leaf = leaf_of()
    found["grad()"] = autograd.grad(loss_of(leaf), leaf)[0].numpy()
    found["recorded"] = autograd.grad(loss_of(leaf), leaf, create_graph=True)[0].detach().numpy()
    with autograd.op_hook(lambda call, run: run()):
        loss_of(leaf).backward()
    found["watched"] = leaf.grad.numpy()
    leaf = leaf_of()
    loss_of(leaf.to(memory_format=torch.channels_last)).backward()
    found["through an operation"] = leaf.grad.numpy()
    return found


def test_a_gradient_that_comes_later_is_the_same_on_every_way_back(threads: None, rng: np.random.Generator) -> None:
    x, weight = images(rng, 64, 16, 14, 14, dtype=np.float64), rng.standard_normal((16, 16, 3, 3)) / 12
    runtime.set_num_threads(1)
    want = _ways_back(x, weight)["twice"]
    runtime.set_num_threads(2)
    for way, got in _ways_back(x, weight).items():
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12, err_msg=way)


def test_an_error_in_what_comes_later_is_raised(threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    runtime.set_num_threads(2)
    monkeypatch.setattr(conv, "_kernels", lambda *args: conv_kernels)
    weight = torch.from_numpy(rng.standard_normal((16, 16, 3, 3))).requires_grad_()
    y = F.conv2d(torch.from_numpy(images(rng, 64, 16, 14, 14, dtype=np.float64)), weight)
    monkeypatch.setattr(conv_kernels, "_columns", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    assert weight.grad is None


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_single_precision_is_close_to_double(case: Any) -> None:
    x, w, options = layer(case, np.float32)
    for got, want in zip(run_layer(x, w, options), run_layer(x.astype("d"), w.astype("d"), options), strict=True):
        assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("n", [64, 1000])
def test_the_workspace_is_bounded(n: int) -> None:
    """The columns of this layer are 29 or 450 MB; a few of them are there at a time."""
    x, w, options = layer((n, 32, 16, 14, 5, {"padding": 2}), np.float32)
    sizes = sum(a.nbytes for a in run_layer(x, w, options)) + x.nbytes  # with the copies that padding makes
    tracemalloc.start()
    run_layer(x, w, options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * sizes + 24e6


def test_norm_and_pooling_use_threads_with_the_same_bits(threads: None, rng: np.random.Generator) -> None:
    x = images(rng, 64, 16, 34, 34)
    assert x.size > image_geometry._THREADED
    found = []
    for count in (1, 2):
        runtime.set_num_threads(count)
        leaf = torch.from_numpy(x).requires_grad_()
        y = F.max_pool2d(F.batch_norm(leaf, None, None, training=True), 2)
        y.square().sum().backward()
        found.append((y.detach().numpy(), leaf.grad.numpy()))
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


# -- corner cases ------------------------------------------------------------------------------------------------------


def test_a_nan_is_the_maximum_and_gets_the_gradient() -> None:
    x = torch.tensor([[[[1.0, float("nan")], [5.0, 2.0]]]], requires_grad=True)
    y, where = F.max_pool2d(x, 2, return_indices=True)
    assert np.isnan(y.item()) and where.item() == 1
    F.max_pool2d(x, 2).backward(torch.ones(1, 1, 1, 1))
    assert x.grad.tolist() == [[[[0.0, 1.0], [0.0, 0.0]]]]


def test_the_first_of_equal_maxima_gets_the_gradient() -> None:
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]


def test_an_infinite_gradient_reaches_only_the_maximum() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 0.0]]]], requires_grad=True)
    F.max_pool2d(x, 2).backward(torch.full((1, 1, 1, 1), float("inf")))
    assert x.grad.tolist() == [[[[0.0, 0.0], [float("inf"), 0.0]]]]


def test_large_means_do_not_spoil_a_variance() -> None:
    """float32 has 24 bits: E[x²] − E[x]² would leave nothing of a variance of 1 beside a mean of 10,000."""
    x = np.random.default_rng(0).standard_normal((32, 3, 20, 20)) + 1e4
    got = F.batch_norm(torch.tensor(x.astype(np.float32)), None, None, training=True).numpy()
    x = x.astype(np.float32).astype(np.float64)
    want = (x - x.mean((0, 2, 3), keepdims=True)) / np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(got, want, atol=3e-3)


@pytest.mark.parametrize("offset", [0.0, 3.0, 5.0, 1e3])
def test_norm_of_channels_near_and_far_from_zero(offset: float) -> None:
    rng = np.random.default_rng(1)
    x, g = images(rng, 16, 3, 9, 9), torch.from_numpy(images(rng, 16, 3, 9, 9))
    x[:, 1] += offset
    found = []
    for dtype in (torch.float32, torch.float64):
        leaves = [torch.from_numpy(x).to(dtype), torch.tensor([1.0, 2.0, 0.5], dtype=dtype), torch.zeros(3, dtype=dtype)]
        for leaf in leaves:
            leaf.requires_grad_()
        with contextlib.nullcontext() if dtype == torch.float32 else autograd.composed():
            y = F.batch_norm(leaves[0], None, None, *leaves[1:], training=True)
        y.backward(g.to(dtype))
        found.append([y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)])
    for got, want in zip(*found, strict=True):
        assert np.abs(got - want).max() <= (1e-5 if offset < 10 else 3e-4) * np.abs(want).max()


def test_norm_of_what_does_not_vary_or_whose_squares_overflow() -> None:
    x = np.ones((2, 3, 4, 4), np.float32) * np.array([0, 7, 1e30], np.float32)[:, None, None]
    y = F.batch_norm(torch.from_numpy(x), None, None, None, torch.tensor([1.0, 2.0, 3.0]), training=True)
    assert y.numpy().mean((0, 2, 3)).tolist() == [1.0, 2.0, 3.0]


def test_the_first_layers_input_gradient_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **static: Any) -> Any:
        raise AssertionError("nobody asked for this gradient")

    monkeypatch.setattr(conv, "_conv_dx", refuse)
    layer = nn.Conv2d(1, 2, 3)
    layer(torch.ones(2, 1, 5, 5)).sum().backward()
    assert layer.weight.grad is not None


MISTAKES: list[tuple[Any, str]] = [
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 2, 3, 3)), r"3 channels.*takes 2"),
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3), torch.ones(3)), r"bias must have shape \(4,\)"),
    (lambda: F.conv2d(torch.ones(2, 3, 2, 2), torch.ones(4, 3, 3, 3)), "greater than the input"),
    (lambda: F.conv2d(torch.ones(2, 3), torch.ones(4, 3, 3, 3)), "3D .unbatched. or 4D"),
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3), stride=0), "stride must be at least 1"),
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3), padding="some"), "'same' or 'valid'"),
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3), stride=2, padding="same"), "strided"),
    (lambda: F.conv2d(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3).double()), "same dtype"),
    (lambda: F.conv_transpose2d(torch.ones(2, 3, 5, 5), torch.ones(3, 4, 3, 3), output_padding=1), "output_padding"),
    (lambda: F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 0, 1)), "conv2d.*kernel_size must be at least 1"),
    (lambda: F.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2), stride=[1, 2]), "stride must be one int"),
    (lambda: F.unfold(torch.ones(1, 1, 2, 2), 3), "unfold.*too small: the kernel"),
    (lambda: F.max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, 3]]]), (2, 2)), "kernel_size must be an int, got"),
    (lambda: F.max_pool2d(torch.ones(2, 3, 5, 5), 2, padding=2), "at most half"),
    (lambda: F.max_pool2d(torch.ones(2, 3, 2, 2), 3), "too small"),
    (lambda: F.avg_pool2d(torch.ones(2, 3, 2, 2), 2, divisor_override=0), "must not be zero"),
    (lambda: F.layer_norm(torch.ones(2, 3), (4,)), r"expected an input of shape \(\.\.\., 4\)"),
    (lambda: F.group_norm(torch.ones(2, 3, 4), 2), "cannot be divided into 2 groups"),
    (lambda: F.pad(torch.ones(2, 3, 4), (5, 0), mode="reflect"), "at most 3"),
    (lambda: F.pad(torch.ones(3), (1, 0, 1, 0)), "more dimensions"),
    (lambda: F.interpolate(torch.ones(1, 1, 2, 2)), "exactly one of size and scale_factor"),
    (lambda: F.fold(torch.ones(1, 4, 5), (3, 3), 2), "fold"),
]


@pytest.mark.parametrize(("call", "text"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_messages(call: Any, text: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=text):
        call()
