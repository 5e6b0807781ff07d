"""float16 against PyTorch's: what PyTorch computes in float32 and casts back does not overflow, or lose digits, on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm.nn import functional as F

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
ROWS = (RNG.standard_normal((4, 6)) * 300).astype(np.float16)  # whose squares are above 65,504
IMAGE = (RNG.standard_normal((4, 6, 8, 8)) * 300).astype(np.float16)


def to(library: Any, value: Any) -> Any:
    return library.tensor(value.copy())


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance, strict=True)


CALLS = """
    F.avg_pool1d(rows, 3)
    F.avg_pool2d(image * 40, 4)
    F.avg_pool2d(image * 40, 3, 2, 1)
    F.adaptive_avg_pool2d(image * 40, 1)
    F.interpolate(image, scale_factor=2, mode='bilinear')
    F.interpolate(image, size=5, mode='bicubic')
    F.interpolate(image, size=3, mode='bilinear', align_corners=True)
    F.scaled_dot_product_attention(image, image, image)
    F.scaled_dot_product_attention(image, image, image, is_causal=True)
    F.scaled_dot_product_attention(image, image, image, image / 10)
    T.cumsum(rows, 0)
    T.cumsum(rows, 1)
    rows.sum()
    rows.mean(0)
    T.std(rows, 1)
    T.norm(rows)
    T.linalg.vector_norm(rows, 2, 1)
    F.normalize(rows)
    F.cosine_similarity(rows, rows.flip(0))
    F.pairwise_distance(rows, rows.flip(0))
    F.softmax(rows, 1)
    F.log_softmax(rows, 1)
    T.logsumexp(rows, 1)
    F.cross_entropy(rows, T.tensor([0, 1, 2, 3]))
    F.mse_loss(rows / 10, rows.flip(0) / 10)
    F.huber_loss(rows, rows.flip(0))
    F.gelu(rows)
    F.silu(rows)
    rows @ (rows / 64).T
    F.conv2d(image, T.ones_like(image[:2, :, :3, :3]))
    T.nn.utils.get_total_norm([rows, rows])
"""


@pytest.mark.parametrize("call", [line.strip() for line in CALLS.strip().splitlines()])
def test_results_and_gradients(call: str) -> None:
    found = []
    for library, functions in ((tinygrad_fm, F), (torch, torch.nn.functional)):
        rows, image = (to(library, value).requires_grad_() for value in (ROWS, IMAGE))
        result = eval(call, {"T": library, "F": functions, "rows": rows, "image": image})
        if result.requires_grad:
            (result / 64).sum().backward()
        found.append([result, *(x.grad for x in (rows, image) if x.grad is not None)])
    for ours, theirs in zip(*found, strict=True):
        assert torch.isfinite(theirs).all()
        close(ours, theirs, 4e-3)


def test_gradients_are_clipped() -> None:
    found = []
    for library in (tinygrad_fm, torch):
        weight = library.nn.Parameter(to(library, ROWS))
        weight.grad = to(library, ROWS)
        total = library.nn.utils.clip_grad_norm_([weight], 1.0)
        found.append((total, weight.grad))
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, 2e-3)


FLOATS = ("float16", "float32", "float64")
PAIRS = [("float16", "float32"), *zip(FLOATS, FLOATS, strict=True)]  # of input and weight; all but rms_norm refuse others
NORMS = [("rms_norm", batch, dtype, weight) for batch in (0, 3) for dtype in FLOATS for weight in FLOATS]
NORMS += [(norm, batch, *pair) for norm in ("layer_norm", "group_norm") for batch in (0, 3) for pair in PAIRS]
NORMS += [(norm, 3, *pair) for norm in ("instance_norm", "batch_norm") for pair in PAIRS]  # which refuse empty batches


@pytest.mark.parametrize(("norm", "batch", "dtype", "weight"), NORMS)
@pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")  # PyTorch's own
def test_norms_have_the_dtype_of_their_input(norm, batch, dtype, weight):
    """And squares of float16 do not overflow on the way."""
    x = (RNG.standard_normal((batch, 4, 3)) * 300).astype(dtype)
    w = RNG.standard_normal(3 if norm in ("rms_norm", "layer_norm") else 4).astype(weight)
    between = {"rms_norm": [(3,)], "layer_norm": [(3,)], "group_norm": [2]}.get(norm, [None, None])
    found = []
    for library, functions in ((tinygrad_fm, F), (torch, torch.nn.functional)):
        inputs = [to(library, x).requires_grad_(), to(library, w).requires_grad_()]
        options = {"training": True} if norm == "batch_norm" else {}
        y = getattr(functions, norm)(inputs[0], *between, inputs[1], **options)
        (y * y.detach()).sum().backward()
        found.append([y, *(value.grad for value in inputs)])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, tolerance=4e-3 if "float16" in (dtype, weight) else 2e-5)


@pytest.mark.parametrize("eps", [None, 1e-3])
def test_rms_norm_of_small_halves(eps):
    x = np.array([[1e-3, -2e-3, 3e-3]], np.float16)
    close(F.rms_norm(to(tinygrad_fm, x), (3,), eps=eps), torch.rms_norm(to(torch, x), (3,), eps=eps), tolerance=2e-3)
