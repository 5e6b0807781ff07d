"""float16: what is computed in float32 and cast back is what float32 gives, rounded, though float16 overflows on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.nn import functional as F

RNG = np.random.default_rng(0)
IMAGE = (RNG.standard_normal((3, 4, 6, 6)) * 9_000).astype(np.float16)

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "instance_norm": F.instance_norm,
    "group_norm": lambda x: F.group_norm(x, 2),
    "layer_norm": lambda x: F.layer_norm(x, (6,)),
    "rms_norm": lambda x: F.rms_norm(x, (6,)),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3),
    "avg_pool3d": lambda x: F.avg_pool3d(x, 3),
    "interpolate": lambda x: F.interpolate(x, size=4, mode="bilinear"),
    "scaled_dot_product_attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "cumsum": lambda x: torch.cumsum(x / 8, -1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_values_and_gradients_are_those_of_float32_rounded(name: str) -> None:
    found = []
    for dtype in (torch.float16, torch.float32):
        x = torch.from_numpy(IMAGE).to(dtype).requires_grad_()
        y = OPERATIONS[name](x)
        (y.float() / 64).sum().backward()
        assert y.dtype == dtype and x.grad is not None
        found.append((y.detach().numpy(), x.grad.numpy()))
    for half, single in zip(*found, strict=True):
        assert np.isfinite(half).all()
        np.testing.assert_allclose(half, single.astype(np.float16), rtol=2e-3, atol=2e-3)


def test_gradients_are_clipped_by_their_true_norm() -> None:
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float16))
    weight.grad = torch.full((4,), 300.0, dtype=torch.float16)
    assert torch.nn.utils.clip_grad_norm_([weight], 1.0).item() == 600
    np.testing.assert_allclose(weight.grad.numpy(), 0.5, rtol=1e-3)
