"""Operations made of others: values against NumPy's, gradients of both orders against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
A, B = RNG.uniform(0.2, 0.8, (3, 4)), RNG.uniform(0.2, 0.8, (3, 4))
SQUARE, VECTOR = RNG.standard_normal((3, 3)), RNG.standard_normal(4)

CASES: list[tuple[str, Callable[..., Any], Callable[..., Any] | None, tuple[Any, ...]]] = [
    ("acosh", lambda x: torch.acosh(x + 1), lambda x: np.arccosh(x + 1), (A,)),
    ("asinh", torch.asinh, np.arcsinh, (A - 0.5,)),
    ("atanh", torch.atanh, np.arctanh, (A,)),
    ("logit", torch.logit, lambda x: np.log(x / (1 - x)), (A,)),
    ("logaddexp", torch.logaddexp, np.logaddexp, (A, B)),
    ("hypot", torch.hypot, np.hypot, (A, B)),
    ("xlogy", torch.xlogy, lambda a, b: a * np.log(b), (A, B)),
    ("deg2rad", torch.deg2rad, np.deg2rad, (A,)),
    ("rad2deg", torch.rad2deg, np.rad2deg, (A,)),
    ("nan_to_num", torch.nan_to_num, np.nan_to_num, (A,)),
    ("tensordot", lambda a, b: torch.tensordot(a, b, ([0], [0])), lambda a, b: np.tensordot(a, b, ([0], [0])), (A, B)),
    ("inner", torch.inner, np.inner, (A, B)),
    ("kron", torch.kron, np.kron, (A, SQUARE)),
    ("trace", torch.trace, np.trace, (SQUARE,)),
    ("matrix_power", lambda x: torch.matrix_power(x, 3), lambda x: x @ x @ x, (SQUARE,)),
    ("dist", torch.dist, lambda a, b: np.linalg.norm(a - b), (A, B)),
    ("cdist", torch.cdist, lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1), (A, B)),
    ("diff", torch.diff, np.diff, (A,)),
    ("rot90", torch.rot90, np.rot90, (A,)),
    ("fliplr", torch.fliplr, np.fliplr, (A,)),
    ("flipud", torch.flipud, np.flipud, (A,)),
    ("diagflat", torch.diagflat, np.diagflat, (VECTOR,)),
    ("block_diag", torch.block_diag, None, (A, SQUARE)),
    ("column_stack", lambda a, b: torch.column_stack([a, b]), lambda a, b: np.column_stack([a, b]), (A, B)),
    ("dstack", lambda a, b: torch.dstack([a, b]), lambda a, b: np.dstack([a, b]), (A, B)),
    ("tensor_split", lambda x: torch.tensor_split(x, 3, 1), lambda x: np.array_split(x, 3, 1), (A,)),
    ("hsplit", lambda x: torch.hsplit(x, 2), lambda x: np.hsplit(x, 2), (A,)),
    ("vsplit", lambda x: torch.vsplit(x, 3), lambda x: np.vsplit(x, 3), (A,)),
    ("meshgrid", lambda a, b: torch.meshgrid(a, b, indexing="xy"), lambda a, b: np.meshgrid(a, b), (VECTOR, VECTOR[:3])),
    ("cartesian_prod", torch.cartesian_prod, None, (VECTOR, VECTOR[:2])),
    ("combinations", torch.combinations, None, (VECTOR,)),
    ("broadcast_tensors", torch.broadcast_tensors, lambda a, b: np.broadcast_arrays(a, b), (A, VECTOR)),
    ("atleast_3d", torch.atleast_3d, np.atleast_3d, (A,)),
    ("nansum", torch.nansum, np.nansum, (A,)),
    ("nanmean", lambda x: torch.nanmean(x, 0), lambda x: np.nanmean(x, 0), (A,)),
    ("quantile", lambda x: torch.quantile(x, 0.3, 1), lambda x: np.quantile(x, 0.3, 1), (A,)),
    ("aminmax", lambda x: tuple(torch.aminmax(x)), lambda x: (x.min(), x.max()), (A,)),
    ("take", lambda x: torch.take(x, torch.tensor([0, 5])), lambda x: np.take(x, [0, 5]), (A,)),
    ("index_fill", lambda x: torch.index_fill(x, 0, torch.tensor([1]), 2.0), None, (A,)),
    ("index_copy", lambda x, y: torch.index_copy(x, 0, torch.tensor([2, 0, 1]), y), lambda x, y: y[[1, 2, 0]], (A, B)),
    ("masked_scatter", lambda x, y: torch.masked_scatter(x, torch.eye(3, 4).bool(), y), None, (A, B)),
    ("rms_norm", lambda x: F.rms_norm(x, (4,), eps=0.0), lambda x: x / np.sqrt((x * x).mean(1, keepdims=True)), (A,)),
    ("local_response_norm", lambda x: F.local_response_norm(x[None], 3), None, (A,)),
    ("channel_shuffle", lambda x: F.channel_shuffle(x.t().reshape(1, 4, 3), 2), None, (A,)),
    (
        "bilinear",
        lambda x, y: F.bilinear(x, y, torch.ones(2, 4, 4, dtype=torch.float64)),
        lambda x, y: np.stack([x.sum(1) * y.sum(1)] * 2, 1),
        (A, B),
    ),
    ("gaussian_nll_loss", F.gaussian_nll_loss, None, (A, B, A + 0.1)),
    ("poisson_nll_loss", F.poisson_nll_loss, lambda x, y: (np.exp(x) - y * x).mean(), (A, B)),
    ("multi_margin_loss", lambda x: F.multi_margin_loss(x, torch.tensor([0, 1, 3])), None, (A,)),
    ("multilabel_soft_margin_loss", F.multilabel_soft_margin_loss, None, (A, B)),
    ("attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), None, (A, B, SQUARE)),
    (
        "masked_attention",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, torch.eye(3).bool()),
        lambda q, k, v: v,
        (A, B, SQUARE),
    ),
]


@pytest.mark.parametrize(("name", "call", "reference", "inputs"), CASES, ids=[case[0] for case in CASES])
def test_values_and_derivatives(name: str, call: Any, reference: Any, inputs: Any) -> None:
    tensors = tuple(torch.tensor(x, requires_grad=True) for x in inputs)
    if reference is not None:
        found, expected = call(*tensors), reference(*inputs)
        several = isinstance(expected, (list, tuple))
        for ours, theirs in zip(found if several else [found], expected if several else [expected], strict=True):
            np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-9, atol=1e-9)
    assert gradcheck(call, tensors)
    assert gradgradcheck(call, tensors)


def test_counting() -> None:
    x = torch.tensor([[3, 1], [1, 3]])
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 3] and inverse.tolist() == [[1, 0], [0, 1]] and counts.tolist() == [2, 2]
    runs, lengths = torch.unique_consecutive(torch.tensor([1, 1, 2, 1]), return_counts=True)
    assert runs.tolist() == [1, 2, 1] and lengths.tolist() == [2, 1, 1]
    assert torch.bincount(torch.tensor([0, 2, 2]), minlength=4).tolist() == [1, 0, 2, 0]
    assert torch.isin(x, torch.tensor([3])).tolist() == [[True, False], [False, True]]
    edges = torch.tensor([1.0, 2.0])
    assert torch.bucketize(torch.tensor([0.5, 1.0, 3.0]), edges).tolist() == [0, 0, 2]
    assert torch.searchsorted(edges, torch.tensor([1.0]), right=True).tolist() == [1]
    assert torch.histc(torch.tensor([0.0, 0.1, 1.0]), 2).tolist() == [2, 1]
    assert torch.tril_indices(2, 2).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert torch.triu_indices(2, 2).tolist() == [[0, 0, 1], [0, 1, 1]]
    assert torch.signbit(torch.tensor([-0.0, 1.0])).tolist() == [True, False]
    assert torch.isposinf(torch.tensor([np.inf, 0])).tolist() == [True, False] and not torch.isneginf(torch.tensor(np.inf))
    assert torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([0.5])).tolist() == [0, 0.5, 1]
    with pytest.raises(RuntimeError, match="not negative"):
        torch.bincount(torch.tensor([-1]))
    assert torch.matrix_power(2 * torch.eye(2), -1).tolist() == [[0.5, 0], [0, 0.5]]
    with pytest.raises(RuntimeError, match="differ in size"):
        torch.tensordot(torch.ones(2, 3), torch.ones(4, 2), ([1], [0]))
