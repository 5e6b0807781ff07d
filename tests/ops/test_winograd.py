"""Convolutions by Winograd's minimal filtering, held to the direct way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import autograd, runtime
from tinygrad_fm.nn import functional as F
from tinygrad_fm.ops import conv_winograd as winograd

Array = np.ndarray[Any, Any]


def results(x: Array, w: Array, bias: Array | None, padding: tuple[int, int]) -> list[Array]:
    """A convolution and its gradients."""
    inputs = [torch.from_numpy(a).requires_grad_() for a in (x, w, bias) if a is not None]
    y = F.conv2d(*inputs, padding=padding)
    g = np.random.default_rng(1).standard_normal(tuple(y.shape)).astype(x.dtype)
    return [y.detach().numpy(), *(found.numpy() for found in autograd.grad(y, inputs, torch.from_numpy(g)))]


def geometry(x: Array, out: int, kernel: int, **changes: Any) -> winograd.Geometry:
    plain = winograd.Geometry(x.shape[2:], (out, out), (kernel, kernel), (1, 1), (0, 0), (1, 1))
    return plain._replace(**changes)


@pytest.mark.parametrize("taps", [3, 4, 5])
@pytest.mark.parametrize("points", sorted(winograd._POINTS))
def test_matrices_filter(taps: int, points: int, rng: np.random.Generator) -> None:
    a, g, b = winograd._matrices(taps, points)
    x, w = rng.standard_normal(points), rng.standard_normal(taps)
    np.testing.assert_allclose(a @ ((g @ w) * (b @ x)), np.correlate(x, w, "valid"), atol=2e-5)


def test_it_is_close_to_the_direct_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    taken = []
    adding_up, convolving = winograd.adding_up, winograd.convolving
    monkeypatch.setattr(winograd, "adding_up", lambda *args: taken.append("w") or adding_up(*args))
    monkeypatch.setattr(winograd, "convolving", lambda *args: taken.append("y") or convolving(*args))
    suits = winograd.suits
    for _ in range(60):
        n, c, o, kh, kw = (int(k) for k in rng.integers((32, 8, 1, 1, 3), (70, 40, 40, 6, 6)))
        n = int(rng.choice([n, 2 * n, 300]))
        padding = (int(rng.integers(0, kh + 1)), int(rng.integers(0, kw + 1)))
        size = [max(1, k - 2 * p) + int(rng.integers(0, 12)) for k, p in zip((kh, kw), padding, strict=True)]
        x = rng.standard_normal((n, c, *size)).astype(np.float32)
        w = (rng.standard_normal((o, c, kh, kw)) / np.sqrt(c * kh * kw)).astype(np.float32)
        bias = rng.standard_normal(o).astype(np.float32) if rng.random() < 0.5 else None
        monkeypatch.setattr(winograd, "_BYTES", int(rng.choice([1 << 16, 1 << 21])))
        monkeypatch.setattr(winograd, "suits", suits)
        found = results(x, w, bias, padding)
        monkeypatch.setattr(winograd, "suits", lambda *args: False)
        for got, want in zip(found, results(x, w, bias, padding), strict=True):
            assert np.abs(got - want).max() <= 2e-5 * max(1, np.abs(want).max()), f"{x.shape} {w.shape} {padding}"
    assert taken.count("w") > 20 and taken.count("y") > 30


def test_double_precision_strides_and_groups_go_the_direct_way(rng: np.random.Generator) -> None:
    x = rng.standard_normal((32, 64, 14, 14)).astype(np.float32)
    assert winograd.suits(x, geometry(x, 12, 3))
    assert not winograd.suits(x.astype(np.float64), geometry(x, 12, 3))
    assert not winograd.suits(x, geometry(x, 6, 3, stride=(2, 2)))
    assert not winograd.suits(x, geometry(x, 10, 3, dilation=(2, 2)))
    assert not winograd.suits(x, geometry(x, 12, 3, groups=2))
    assert not winograd.suits(x, geometry(x, 8, 7))
    assert not winograd.suits(x[:31], geometry(x, 12, 3))
    assert not winograd.suits(x, geometry(x, 5, 3)), "two tiles of which little is used"


def test_threads_do_not_change_results(rng: np.random.Generator) -> None:
    x, w = rng.standard_normal((64, 24, 14, 14)).astype(np.float32), rng.standard_normal((20, 24, 3, 3)).astype(np.float32)
    before, found = runtime.get_num_threads(), []
    try:
        for count in (1, 2, 3, 2):
            runtime.set_num_threads(count)
            found.append(results(x, w, None, (1, 1)))
    finally:
        runtime.set_num_threads(before)
    for one, two, three, again in zip(*found, strict=True):
        assert np.array_equal(two, again), "other bits with as many threads"
        np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-5 * np.abs(one).max())
        np.testing.assert_allclose(three, one, rtol=1e-5, atol=1e-5 * np.abs(one).max())


def test_what_is_not_a_number_stays_in_its_image_and_is_not_lost(rng: np.random.Generator) -> None:
    x = rng.standard_normal((32, 16, 14, 14)).astype(np.float32)
    w = torch.from_numpy(rng.standard_normal((8, 16, 3, 3)).astype(np.float32))
    clean = F.conv2d(torch.from_numpy(x), w, padding=1).numpy()
    x[3, 2, 5, 5] = np.nan
    y = F.conv2d(torch.from_numpy(x), w, padding=1).numpy()
    assert np.isnan(y[3, :, 4:7, 4:7]).all()
    assert np.array_equal(np.delete(y, 3, 0), np.delete(clean, 3, 0))
    assert np.array_equal(y[3, :, :4], clean[3, :, :4]) and np.array_equal(y[3, :, 7:], clean[3, :, 7:])
