"""Exercises 14 and 15: the linear layer, batch norm."""

from __future__ import annotations

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, Values, part

_CHAIN = "g is missing: the rule is made of g and the derivative (chain rule)"


def _layers(r: Random) -> list[Case]:
    return [{"x": r(n, c), "w": r(o, c), "b": r(o)} for n, c, o in ((3, 3, 3), (4, 3, 2), (1, 2, 5))]


_LINEAR = (
    Values(
        part(
            "linear(x, w, b)",
            "the linear layer",
            ("x @ w + b", "w has the shape (O, C), a row for each output: transpose it"),
            ("x @ w.T", "b is missing: it is added to each row"),
            ("(x + b) @ w.T", "b is added to the product, not to x"),
            ("x @ w.T + b[:, None]", "b has an entry for each output: it is added to each row as it is, without an axis"),
            ("w @ x.T + b", "this is the transpose: a row for each sample is wanted"),
            ("x @ w.T - b", "the sign of b is wrong: it is added"),
        ),
        lambda x, w, b: x @ w.T + b,
        _layers,
    ),
    Operation(
        "linear",
        lambda x, w, b: x @ w.T + b,
        ("x", "w", "b"),
        {
            "x": part(
                "linear_x(g, x, w, b)",
                "linear: the gradient of x",
                ("g @ w.T", "w is transposed in the forward pass already: going back, w itself is wanted"),
                ("w.T @ g", "the factors are the wrong way round: g stands on the left"),
                ("g @ w + b", "b has no part in it: the derivative of b by x is 0"),
                ("np.ones(g.shape) @ w", _CHAIN),
            ),
            "w": part(
                "linear_w(g, x, w, b)",
                "linear: the gradient of w",
                ("x.T @ g", "this is the transpose of it: w has the shape (O, C), so gᵀ x"),
                ("g @ x", "g must be transposed: (O, N) @ (N, C) gives the shape (O, C) of w"),
                ("g.T @ x / x.shape[0]", "nothing is divided by N here: if the loss is a mean, g is so already"),
                ("g @ x.T", "the sum is over the samples: gᵀ x"),
                ("np.ones(g.T.shape) @ x", _CHAIN),
            ),
            "b": part(
                "linear_b(g, x, w, b)",
                "linear: the gradient of b",
                ("g", "b was added to every row (broadcast): sum over the rows, axis=0"),
                ("g.sum(axis=1)", "b was added to every row: sum over the rows, which is axis=0"),
                ("g.mean(axis=0)", "a sum is wanted, not a mean: b counts in full in each row"),
                ("g.sum()", "each output has its own b: sum over the rows only, axis=0"),
            ),
        },
        _layers,
    ),
)

# -- 15 ----------------------------------------------------------------------------------------------------------------

EPS = 1e-2  # larger than usual, so that leaving it out shows


def batch_norm(x: Array, weight: Array, bias: Array, eps: float) -> Array:
    """The reference: each column with mean 0 and variance 1, then scaled and shifted."""
    return np.asarray((x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) * weight + bias)


def _batches(r: Random) -> list[Case]:
    return [{"x": r(n, c), "weight": r(c), "bias": r(c), "eps": EPS} for n, c in ((4, 4), (5, 2), (3, 3))]


_M = "m, v = x.mean(axis=0), ((x - x.mean(axis=0)) ** 2).mean(axis=0)\ns = np.sqrt(v + eps)\nz = (x - m) / s\n"
_UNBIASED = "this divides by N − 1 (the unbiased variance): batch norm divides by N in training"

_BATCH_NORM = (
    Values(
        part(
            "batch_norm(x, weight, bias, eps)",
            "batch norm",
            (_M + "v = ((x - m) ** 2).sum(axis=0) / (x.shape[0] - 1)\nreturn (x - m) / np.sqrt(v + eps) * weight + bias", _UNBIASED),
            (_M + "return (x - m) / np.sqrt(v) * weight + bias", "eps is missing: it is added to the variance, under the root"),
            (_M + "return (x - m) / (np.sqrt(v) + eps) * weight + bias", "eps is added to the variance, under the root, not to the standard deviation"),
            (_M + "return (x - m) / (v + eps) * weight + bias", "divide by the standard deviation, the root of the variance"),
            (_M + "return x / s * weight + bias", "the mean is not subtracted"),
            (_M + "return z", "weight and bias are missing: z · weight + bias"),
            (_M + "return z * weight", "the bias is missing"),
            (_M + "return (z + bias) * weight", "first the weight, then the bias: z · weight + bias"),
            ("m, v = x.mean(axis=1, keepdims=True), ((x - x.mean(axis=1, keepdims=True)) ** 2).mean(axis=1, keepdims=True)\nreturn (x - m) / np.sqrt(v + eps) * weight + bias", "this normalises the rows (layer norm): batch norm takes each column over the batch, axis=0"),
        ),
        batch_norm,
        _batches,
    ),
    Operation(
        "batch_norm",
        batch_norm,
        ("x", "weight", "bias"),
        {
            "x": part(
                "batch_norm_x(g, x, weight, eps)",
                "batch norm: the gradient of x",
                (_M + "return g * weight / s", "mean and variance depend on x as well: subtract the means of ĝ and of ĝ·z, as the text says"),
                (_M + "h = g * weight\nreturn (h - h.mean(axis=0)) / s", "the part through the variance is missing: z times the mean of ĝ·z"),
                (_M + "h = g * weight\nreturn (h - z * (h * z).mean(axis=0)) / s", "the part through the mean is missing: the mean of ĝ"),
                (_M + "return (g - g.mean(axis=0) - z * (g * z).mean(axis=0)) / s", "the weight is missing: ĝ is g · weight"),
                (_M + "h = g * weight\nreturn h - h.mean(axis=0) - z * (h * z).mean(axis=0)", "the division by the standard deviation is missing"),
                (_M + "h = g * weight\nreturn (h - h.mean(axis=0) + z * (h * z).mean(axis=0)) / s", "a sign is wrong: both parts are subtracted"),
                (_M + "h = g * weight\nreturn (h - h.sum(axis=0) - z * (h * z).sum(axis=0)) / s", "means are subtracted, not sums"),
                (_M + "h = g * weight\nreturn (h - h.mean(axis=0) - x * (h * x).mean(axis=0)) / s", "it is z, the normalised x, that stands in the second part"),
                (_M + "h = g * weight\nn = x.shape[0]\nv = v * n / (n - 1)\ns = np.sqrt(v + eps)\nz = (x - m) / s\nreturn (h - h.mean(axis=0) - z * (h * z).mean(axis=0)) / s", _UNBIASED),
            ),
            "weight": part(
                "batch_norm_weight(g, x, eps)",
                "batch norm: the gradient of weight",
                (_M + "return g * z", "the weight is used in each row (broadcast): sum over the rows, axis=0"),
                ("(g * x).sum(axis=0)", "the weight multiplies z, the normalised x"),
                (_M + "return (g * z).mean(axis=0)", "a sum is wanted, not a mean"),
                (_M + "return z.sum(axis=0)", _CHAIN),
            ),
            "bias": part(
                "batch_norm_bias(g)",
                "batch norm: the gradient of bias",
                ("g", "the bias is added to each row (broadcast): sum over the rows, axis=0"),
                ("g.mean(axis=0)", "a sum is wanted, not a mean"),
                ("g.sum(axis=1)", "the bias is added to each row: sum over the rows, which is axis=0"),
            ),
        },
        _batches,
    ),
)  # fmt: skip

EXERCISES = [
    Exercise(14, "linear", "The linear layer", _LINEAR, (("tinygrad_fm/ops/matmul.py", "linear"),)),
    Exercise(15, "batch_norm", "Batch norm", _BATCH_NORM, (("tinygrad_fm/ops/normalization.py", "batch_norm"),)),
]
