"""The tape beside PyTorch's: after a write to a result, in a second backward, and to second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")

# T is the library and F its functional; x and w are (2, 3), the elements of w about 3; i is (1, 2, 6, 6)
OPERATIONS: dict[str, Callable[..., Any]] = {
    "relu": lambda T, F, x, w, i: F.relu(x),
    "relu6": lambda T, F, x, w, i: F.relu6(x),
    "leaky_relu": lambda T, F, x, w, i: F.leaky_relu(x),
    "hardtanh": lambda T, F, x, w, i: F.hardtanh(x),
    "hardshrink": lambda T, F, x, w, i: F.hardshrink(x),
    "softshrink": lambda T, F, x, w, i: F.softshrink(x),
    "tanhshrink": lambda T, F, x, w, i: F.tanhshrink(x),
    "threshold": lambda T, F, x, w, i: F.threshold(x, 0.1, 20.0),
    "prelu": lambda T, F, x, w, i: F.prelu(x, w[0, :1]),
    "rrelu": lambda T, F, x, w, i: F.rrelu(x),
    "elu": lambda T, F, x, w, i: F.elu(x),
    "selu": lambda T, F, x, w, i: F.selu(x),
    "celu": lambda T, F, x, w, i: F.celu(x, 2.0),
    "gelu": lambda T, F, x, w, i: F.gelu(x),
    "gelu tanh": lambda T, F, x, w, i: F.gelu(x, approximate="tanh"),
    "silu": lambda T, F, x, w, i: F.silu(x),
    "mish": lambda T, F, x, w, i: F.mish(x),
    "hardswish": lambda T, F, x, w, i: F.hardswish(x),
    "softplus": lambda T, F, x, w, i: F.softplus(x),
    "logsigmoid": lambda T, F, x, w, i: F.logsigmoid(x),
    "softsign": lambda T, F, x, w, i: F.softsign(x),
    "glu": lambda T, F, x, w, i: F.glu(x, 0),
    "sigmoid": lambda T, F, x, w, i: x.sigmoid(),
    "tanh": lambda T, F, x, w, i: x.tanh(),
    "abs": lambda T, F, x, w, i: x.abs(),
    "sign": lambda T, F, x, w, i: x.sign(),
    "round": lambda T, F, x, w, i: x.round(),
    "floor": lambda T, F, x, w, i: x.floor(),
    "ceil": lambda T, F, x, w, i: x.ceil(),
    "trunc": lambda T, F, x, w, i: x.trunc(),
    "frac": lambda T, F, x, w, i: x.frac(),
    "neg": lambda T, F, x, w, i: -x,
    "exp": lambda T, F, x, w, i: x.exp(),
    "exp2": lambda T, F, x, w, i: x.exp2(),
    "expm1": lambda T, F, x, w, i: x.expm1(),
    "log": lambda T, F, x, w, i: w.log(),
    "log2": lambda T, F, x, w, i: w.log2(),
    "log10": lambda T, F, x, w, i: w.log10(),
    "log1p": lambda T, F, x, w, i: w.log1p(),
    "sqrt": lambda T, F, x, w, i: w.sqrt(),
    "rsqrt": lambda T, F, x, w, i: w.rsqrt(),
    "square": lambda T, F, x, w, i: x.square(),
    "reciprocal": lambda T, F, x, w, i: w.reciprocal(),
    "sin": lambda T, F, x, w, i: x.sin(),
    "cos": lambda T, F, x, w, i: x.cos(),
    "tan": lambda T, F, x, w, i: x.tan(),
    "asin": lambda T, F, x, w, i: (x * 0.1).asin(),
    "acos": lambda T, F, x, w, i: (x * 0.1).acos(),
    "atan": lambda T, F, x, w, i: x.atan(),
    "sinh": lambda T, F, x, w, i: x.sinh(),
    "cosh": lambda T, F, x, w, i: x.cosh(),
    "asinh": lambda T, F, x, w, i: x.asinh(),
    "acosh": lambda T, F, x, w, i: w.acosh(),
    "atanh": lambda T, F, x, w, i: (x * 0.1).atanh(),
    "erf": lambda T, F, x, w, i: T.erf(x),
    "erfc": lambda T, F, x, w, i: T.erfc(x),
    "logit": lambda T, F, x, w, i: T.logit(x.sigmoid()),
    "power 0": lambda T, F, x, w, i: x**0,
    "power 1": lambda T, F, x, w, i: x**1,
    "power 1.0": lambda T, F, x, w, i: x**1.0,
    "power 2": lambda T, F, x, w, i: x**2,
    "power 3": lambda T, F, x, w, i: x**3,
    "power 2.5": lambda T, F, x, w, i: w**2.5,
    "power of tensors": lambda T, F, x, w, i: w**x,
    "number to a power": lambda T, F, x, w, i: 2.0**x,
    "clamp": lambda T, F, x, w, i: x.clamp(-0.5, 0.5),
    "clamp below": lambda T, F, x, w, i: x.clamp(min=0.0),
    "clamp by tensors": lambda T, F, x, w, i: T.clamp(x, w - 3),
    "maximum": lambda T, F, x, w, i: T.maximum(x, w),
    "minimum": lambda T, F, x, w, i: T.minimum(x, x * 2),
    "fmax": lambda T, F, x, w, i: T.fmax(x, w),
    "fmod": lambda T, F, x, w, i: T.fmod(x, w),
    "remainder": lambda T, F, x, w, i: T.remainder(x, w),
    "div": lambda T, F, x, w, i: x / w,
    "div by itself": lambda T, F, x, w, i: x / x,
    "number by tensor": lambda T, F, x, w, i: 2.0 / w,
    "tensor by number": lambda T, F, x, w, i: x / 2,
    "softmax by hand": lambda T, F, x, w, i: x.exp() / x.exp().sum(1, keepdim=True),
    "share": lambda T, F, x, w, i: x / x.sum(),
    "unit": lambda T, F, x, w, i: x / x.norm(),
    "standardise": lambda T, F, x, w, i: (x - x.mean()) / x.std(),
    "normalize": lambda T, F, x, w, i: F.normalize(x),
    "temperature": lambda T, F, x, w, i: x @ w.T / w[0, 0],
    "div floor": lambda T, F, x, w, i: T.div(x, w, rounding_mode="floor"),
    "div trunc": lambda T, F, x, w, i: T.div(x, w, rounding_mode="trunc"),
    "mul": lambda T, F, x, w, i: x * w,
    "add": lambda T, F, x, w, i: x + w,
    "sub": lambda T, F, x, w, i: x - w,
    "atan2": lambda T, F, x, w, i: T.atan2(x, w),
    "hypot": lambda T, F, x, w, i: T.hypot(x, w),
    "lerp": lambda T, F, x, w, i: T.lerp(x, w, 0.3),
    "addcmul": lambda T, F, x, w, i: T.addcmul(x, w, x),
    "addcdiv": lambda T, F, x, w, i: T.addcdiv(x, x, w),
    "xlogy": lambda T, F, x, w, i: T.xlogy(x, w),
    "logaddexp": lambda T, F, x, w, i: T.logaddexp(x, w),
    "where": lambda T, F, x, w, i: T.where(x > 0, x, w),
    "masked_fill": lambda T, F, x, w, i: x.masked_fill(x > 0, 1.0),
    "nan_to_num": lambda T, F, x, w, i: T.nan_to_num(x),
    "matmul": lambda T, F, x, w, i: x @ w.T,
    "bmm": lambda T, F, x, w, i: T.bmm(x[None], w.T[None]),
    "outer": lambda T, F, x, w, i: T.outer(x[0], w[0]),
    "einsum": lambda T, F, x, w, i: T.einsum("ij,kj->ik", x, w),
    "linear": lambda T, F, x, w, i: F.linear(x, w, w[:, 0]),
    "sum": lambda T, F, x, w, i: x.sum(),
    "sum of rows": lambda T, F, x, w, i: x.sum(1),
    "mean": lambda T, F, x, w, i: x.mean(),
    "var": lambda T, F, x, w, i: x.var(),
    "std of rows": lambda T, F, x, w, i: x.std(1),
    "logsumexp": lambda T, F, x, w, i: T.logsumexp(x, 1),
    "norm": lambda T, F, x, w, i: x.norm(),
    "norm 1": lambda T, F, x, w, i: T.norm(x, 1),
    "norm 3 of rows": lambda T, F, x, w, i: x.norm(3, dim=1),
    "norm inf": lambda T, F, x, w, i: T.norm(x, float("inf")),
    "max": lambda T, F, x, w, i: x.max(),
    "amax": lambda T, F, x, w, i: x.amax(1),
    "max of rows": lambda T, F, x, w, i: x.max(1).values,
    "median": lambda T, F, x, w, i: x.median(),
    "median of rows": lambda T, F, x, w, i: x.median(1).values,
    "sort": lambda T, F, x, w, i: x.sort(1).values,
    "topk": lambda T, F, x, w, i: x.topk(2).values,
    "quantile": lambda T, F, x, w, i: T.quantile(x, 0.4),
    "cumsum": lambda T, F, x, w, i: x.cumsum(1),
    "softmax": lambda T, F, x, w, i: x.softmax(1),
    "log_softmax": lambda T, F, x, w, i: x.log_softmax(1),
    "cross_entropy": lambda T, F, x, w, i: F.cross_entropy(x, T.tensor([0, 1])),
    "mse_loss": lambda T, F, x, w, i: F.mse_loss(x, w, reduction="none"),
    "l1_loss": lambda T, F, x, w, i: F.l1_loss(x, w, reduction="none"),
    "smooth_l1_loss": lambda T, F, x, w, i: F.smooth_l1_loss(x, w, reduction="none"),
    "huber_loss": lambda T, F, x, w, i: F.huber_loss(x, w, reduction="none"),
    "bce with logits": lambda T, F, x, w, i: F.binary_cross_entropy_with_logits(x, w.sigmoid(), reduction="none"),
    "cosine_similarity": lambda T, F, x, w, i: F.cosine_similarity(x, w),
    "pairwise_distance 1": lambda T, F, x, w, i: F.pairwise_distance(x, w, p=1.0),
    "dist 1": lambda T, F, x, w, i: T.dist(x, w, 1),
    "layer_norm": lambda T, F, x, w, i: F.layer_norm(x, (3,), w[0], w[1]),
    "batch_norm": lambda T, F, x, w, i: F.batch_norm(x, None, None, w[0], w[1], training=True),
    "group_norm": lambda T, F, x, w, i: F.group_norm(x[None], 2),
    "attention": lambda T, F, x, w, i: F.scaled_dot_product_attention(x[None], w[None], x[None]),
    "embedding": lambda T, F, x, w, i: F.embedding(T.tensor([0, 1, 0]), x),
    "gather": lambda T, F, x, w, i: x.gather(1, T.tensor([[0], [1]])),
    "index_add": lambda T, F, x, w, i: x.index_add(0, T.tensor([0, 1]), w),
    "cat": lambda T, F, x, w, i: T.cat([x, w]),
    "stack": lambda T, F, x, w, i: T.stack([x, w]),
    "index": lambda T, F, x, w, i: x[[0, 1]],
    "slice": lambda T, F, x, w, i: x[:, 1:],
    "clone": lambda T, F, x, w, i: x.clone(),
    "flip": lambda T, F, x, w, i: x.flip(0),
    "tril": lambda T, F, x, w, i: x.tril(),
    "repeat": lambda T, F, x, w, i: x.repeat(2, 1),
    "pad": lambda T, F, x, w, i: F.pad(x, (1, 1)),
    "diff": lambda T, F, x, w, i: x.diff(),
    "float": lambda T, F, x, w, i: x.float(),
    "div_": lambda T, F, x, w, i: x.clone().div_(w),
    "mul_": lambda T, F, x, w, i: x.clone().mul_(w),
    "max_pool2d": lambda T, F, x, w, i: F.max_pool2d(i, 2),
    "max_pool2d with indices": lambda T, F, x, w, i: F.max_pool2d(i, 2, return_indices=True)[0],
    "avg_pool2d": lambda T, F, x, w, i: F.avg_pool2d(i, 2),
    "lp_pool2d": lambda T, F, x, w, i: F.lp_pool2d(i, 2.0, 2),
    "adaptive_avg_pool2d": lambda T, F, x, w, i: F.adaptive_avg_pool2d(i, 2),
    "adaptive_avg_pool2d to one": lambda T, F, x, w, i: F.adaptive_avg_pool2d(i, 1),
    "adaptive_max_pool2d": lambda T, F, x, w, i: F.adaptive_max_pool2d(i, 2),
    "max_pool1d": lambda T, F, x, w, i: F.max_pool1d(i[0], 2),
    "avg_pool1d": lambda T, F, x, w, i: F.avg_pool1d(i[0], 2),
    "conv2d": lambda T, F, x, w, i: F.conv2d(i, T.ones(2, 2, 3, 3, dtype=T.float64)),
    "interpolate": lambda T, F, x, w, i: F.interpolate(i, scale_factor=2.0),
    "pad 2d": lambda T, F, x, w, i: F.pad(i, (1, 1, 1, 1)),
}

WRITES: dict[str, Callable[[Any], Any]] = {
    "add_": lambda y: y.add_(1),
    "mul_": lambda y: y.mul_(2),
    "y[0] =": lambda y: y.__setitem__(0 if y.ndim else ..., 3.0),
    "relu_": lambda y: y.relu_(),
    "masked_fill_": lambda y: y.masked_fill_(y.detach() > 0.2, 0.5),
    "clamp_": lambda y: y.clamp_(-0.5, 0.5),
    "exp_": lambda y: y.exp_(),
    "part": lambda y: (y[..., 0] if y.ndim else y).sub_(1),
}

# a number among the inputs, such as the weight here, is kept as an array would be
ONCE_HERE_ONLY = {"lerp"}


def run(library: Any, operation: Callable[..., Any]) -> tuple[Any, list[Any]]:
    """The operation's result, and the three leaves."""
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((2, 3)).round(3), rng.standard_normal((2, 3)).round(3) + 3
    leaves = [library.tensor(a, requires_grad=True) for a in (x, w, rng.standard_normal((1, 2, 6, 6)))]
    return operation(library, library.nn.functional, *leaves), leaves


def outcome(action: Callable[[], Any], leaves: list[Any]) -> list[Any] | str:
    """The gradients that the leaves have after ``action``, or "raises" where it does."""
    try:
        action()
    except RuntimeError:
        return "raises"
    return [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in leaves]


def agree(ours: Any, theirs: Any) -> bool:
    """Whether both raised, or gave the same gradients."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return bool(ours == theirs)
    return all(np.allclose(a, b, rtol=1e-6, atol=1e-8, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", OPERATIONS)
def test_writing_to_a_result(name: str) -> None:
    for write, change in WRITES.items():
        found = []
        for library in (tinygrad_fm, torch):
            y, leaves = run(library, OPERATIONS[name])

            def write_and_go_back(y: Any = y, change: Any = change) -> None:
                change(y)
                y.sum().backward()

            found.append(outcome(write_and_go_back, leaves))
        ours, theirs = found
        assert agree(ours, theirs), f"{write} after {name}: {ours} here, {theirs} in PyTorch"


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_second_backward_runs_wherever_pytorchs_does(name: str) -> None:
    found = []
    for library in (tinygrad_fm, torch):
        y, leaves = run(library, OPERATIONS[name])
        total = y.sum()
        total.backward()
        found.append(outcome(total.backward, leaves))
    ours, theirs = found
    assert name in ONCE_HERE_ONLY or theirs == "raises" or agree(ours, theirs), (
        f"a second backward of {name}: {ours} here, {theirs} in PyTorch"
    )


def second(library: Any, operation: Callable[..., Any], position: int) -> Any:
    """The gradient of the gradient's sum, "none" where the first does not depend on the input, "raises" where that raises."""
    y, leaves = run(library, operation)
    x = leaves[position]
    (dx,) = library.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
    if dx is None:
        return "unused"
    if not dx.requires_grad:
        return "none"
    try:
        (ddx,) = library.autograd.grad((dx * 1.7).sum(), x, allow_unused=True)
    except RuntimeError:
        return "raises"
    return "none" if ddx is None else (ddx + 0.0).numpy()  # PyTorch's zeros may have no memory


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_gradient_of_a_gradient(name: str, position: int) -> None:
    ours, theirs = (second(library, OPERATIONS[name], position) for library in (tinygrad_fm, torch))
    if isinstance(ours, str) or isinstance(theirs, str):
        assert isinstance(ours, str) and isinstance(theirs, str) and ours == theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
