"""Exercises 11 to 13: softmax, log-softmax, cross entropy."""

from __future__ import annotations

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, Values, part

_CHAIN = "g is missing: the rule is made of g and the derivative (chain rule)"
_OVERFLOW = "the exponential of a large number is infinite: subtract the largest of each row first, which changes nothing else"


def softmax(x: Array) -> Array:
    """The reference: each row's exponentials divided by their sum."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def log_softmax(x: Array) -> Array:
    """The reference: the logarithm of :func:`softmax`, also where that is 0."""
    x = x - x.max(axis=1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))


def cross_entropy(x: Array, t: Array) -> Array:
    """The reference: the mean over the rows of −log of the true class's probability."""
    return np.asarray(-(t * log_softmax(x)).sum() / len(x))


def _logits(r: Random) -> list[Case]:
    return [{"x": r(3, 3)}, {"x": r(2, 5)}, {"x": r(4, 2)}]


def _large(r: Random) -> list[Case]:
    return [*_logits(r), {"x": r(2, 3) + np.array([[1000.0], [-1000.0]])}]


_SOFTMAX = (
    Values(
        part(
            "softmax(x)",
            "softmax",
            ("np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)", _OVERFLOW),
            (
                "e = np.exp(x - np.max(x))\nreturn e / e.sum(axis=1, keepdims=True)",
                "subtract the largest of each row (axis=1, keepdims=True), not of the matrix: the other rows' exponentials may all be 0",
            ),
            (
                "e = np.exp(x - np.max(x, axis=1, keepdims=True))\nreturn e / e.sum()",
                "each row is divided by its own sum: axis=1, keepdims=True",
            ),
            (
                "e = np.exp(x - np.max(x, axis=0))\nreturn e / e.sum(axis=0)",
                "the classes of a sample are along a row: axis=1, not 0",
            ),
            (
                "e = np.exp(x - np.max(x, axis=1, keepdims=True))\nreturn e / e.sum(axis=1)",
                "the sum of each row must stay a column, to divide that row: keepdims=True",
            ),
            ("x / x.sum(axis=1, keepdims=True)", "the exponentials are missing: probabilities may not be negative"),
            ("np.exp(x - np.max(x, axis=1, keepdims=True))", "the division by the sum is missing: each row must add up to 1"),
            (
                "e = np.exp(-(x - np.max(x, axis=1, keepdims=True)))\nreturn e / e.sum(axis=1, keepdims=True)",
                "the sign is wrong: a larger x gives a larger probability",
            ),
            ("1 / (1 + np.exp(-x))", "this is the sigmoid: softmax divides by the sum over all classes"),
        ),
        softmax,
        _large,
    ),
    Operation(
        "softmax",
        softmax,
        ("x",),
        {
            "x": part(
                "softmax_rule(g, y)",
                "softmax: the gradient of x",
                ("g * y", "each y depends on every x of its row, through the sum: subtract the row's Σ g·y from g first"),
                ("g * y * (1 - y)", "this is the sigmoid's rule: each y depends on the other x of its row, too"),
                ("y * (1 - y)", _CHAIN),
                ("y * (g - (g * y).sum())", "the sum is taken for each row by itself: axis=1, keepdims=True"),
                ("y * (g - g.sum(axis=1, keepdims=True))", "in the sum, each g is multiplied by its y"),
                ("y * (g + (g * y).sum(axis=1, keepdims=True))", "a sign is wrong: the sum is subtracted"),
                ("g - (g * y).sum(axis=1, keepdims=True)", "the factor y is missing"),
                ("y * (g - (g * y).mean(axis=1, keepdims=True))", "it is a sum over the row, not a mean"),
                ("y * (g - (g * y).sum(axis=1))", "the sum of each row must stay a column: keepdims=True"),
                ("y * ((g * y).sum(axis=1, keepdims=True) - g)", "the sign is wrong: y·(g − Σ g·y)"),
            )
        },
        _logits,
    ),
)

# -- 12 ----------------------------------------------------------------------------------------------------------------

_LOG_SOFTMAX = (
    Values(
        part(
            "log_softmax(x)",
            "log-softmax",
            (
                "e = np.exp(x - np.max(x, axis=1, keepdims=True))\nreturn np.log(e / e.sum(axis=1, keepdims=True))",
                "the logarithm of a probability that is rounded to 0 is −∞: write log(eˣ/Σ) as x − log Σ",
            ),
            (
                "np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))",
                "exponentials of large numbers are infinite, and log 0 is −∞: subtract the row's largest, and write log(eˣ/Σ) as x − log Σ",
            ),
            ("x - np.log(np.exp(x).sum(axis=1, keepdims=True))", _OVERFLOW),
            (
                "x - np.log(np.exp(x - np.max(x, axis=1, keepdims=True)).sum(axis=1, keepdims=True))",
                "the largest is subtracted in the sum only: subtract it from both",
            ),
            (
                "x = x - np.max(x, axis=1, keepdims=True)\nreturn x - np.exp(x).sum(axis=1, keepdims=True)",
                "the logarithm of the sum is missing",
            ),
            (
                "x = x - np.max(x, axis=1, keepdims=True)\nreturn x - np.log(np.exp(x).sum(axis=1))",
                "the sum of each row must stay a column: keepdims=True",
            ),
            (
                "x = x - np.max(x, axis=1, keepdims=True)\nreturn x - np.log(np.exp(x).sum())",
                "the sum is that of each row: axis=1, keepdims=True",
            ),
            (
                "x = x - np.max(x, axis=1, keepdims=True)\nreturn np.log(np.exp(x).sum(axis=1, keepdims=True)) - x",
                "the sign is wrong: log(eˣ/Σ) is x − log Σ",
            ),
            (
                "x = x - np.max(x, axis=1, keepdims=True)\nreturn np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)",
                "this is softmax itself: its logarithm is wanted",
            ),
        ),
        log_softmax,
        lambda r: [*_large(r), {"x": np.array([[0.0, 2000.0], [-800.0, 100.0]])}],
    ),
    Operation(
        "log_softmax",
        log_softmax,
        ("x",),
        {
            "x": part(
                "log_softmax_rule(g, y)",
                "log-softmax: the gradient of x",
                ("g", "every x of the row is in the sum, too: subtract its share, eʸ times the row's Σ g"),
                ("g - y * g.sum(axis=1, keepdims=True)", "y is the logarithm of the probability: the probability itself is eʸ"),
                ("g - np.exp(y) * g", "the sum is over all g of the row: each of its results depends on this x"),
                ("g - np.exp(y)", "the row's Σ g is missing: this is so only where it is 1"),
                ("g - np.exp(y) * g.sum()", "the sum is that of each row: axis=1, keepdims=True"),
                ("g - np.exp(y) * g.sum(axis=1)", "the sum of each row must stay a column: keepdims=True"),
                ("g + np.exp(y) * g.sum(axis=1, keepdims=True)", "a sign is wrong: log Σ is subtracted in the forward pass"),
                (
                    "np.exp(y) * (g - (g * np.exp(y)).sum(axis=1, keepdims=True))",
                    "this is softmax's rule: the logarithm changes it",
                ),
                ("g - np.exp(y) * g.mean(axis=1, keepdims=True)", "it is a sum over the row, not a mean"),
            )
        },
        _logits,
    ),
)

# -- 13 ----------------------------------------------------------------------------------------------------------------


def _labelled(r: Random) -> list[Case]:
    return [{"x": r(n, k), "t": r.one_hot(n, k)} for n, k in ((3, 3), (2, 5), (4, 2))]


_CROSS_ENTROPY = (
    Values(part("log_softmax(x)", "log-softmax"), log_softmax, _large),
    Values(
        part(
            "cross_entropy(x, t)",
            "cross entropy",
            ("-(t * log_softmax(x)).sum()", "the mean over the samples is wanted: divide by N"),
            ("-(t * log_softmax(x)).mean()", "the mean goes over the N samples, not over all N·K entries: the others are only zeros"),
            ("(t * log_softmax(x)).sum() / x.shape[0]", "the sign is wrong: logarithms of probabilities are negative, a loss is positive"),
            ("-(t * x).sum() / x.shape[0]", "the logarithm of the softmax of x is missing"),
            ("-log_softmax(x).sum() / x.shape[0]", "t is missing: only the true class's entry counts"),
            ("-(t * np.exp(log_softmax(x))).sum() / x.shape[0]", "the logarithm of the probability is wanted, not the probability"),
            ("-(t * log_softmax(x)).sum(axis=1)", "one number is wanted: the mean of the samples' losses"),
            ("((np.exp(log_softmax(x)) - t) ** 2).sum() / x.shape[0]", "this is the squared error: the cross entropy is −log of the true class's probability"),
            log_softmax=log_softmax,
        ),
        cross_entropy,
        lambda r: [*_labelled(r), {"x": np.array([[0.0, 2000.0], [900.0, 100.0]]), "t": np.eye(2)}],
    ),
    Operation(
        "cross_entropy",
        cross_entropy,
        ("x", "t"),
        {
            "x": part(
                "cross_entropy_rule(g, x, t)",
                "cross entropy: the gradient of x",
                ("g * (np.exp(log_softmax(x)) - t)", "the division by N is missing: the loss is a mean over the samples"),
                ("g * (t - np.exp(log_softmax(x))) / x.shape[0]", "the sign is wrong: the gradient is probability minus t"),
                ("(np.exp(log_softmax(x)) - t) / x.shape[0]", _CHAIN),
                ("g * (log_softmax(x) - t) / x.shape[0]", "the probability is wanted, not its logarithm: take the exponential"),
                ("g * (x - t) / x.shape[0]", "x are no probabilities: take their softmax"),
                ("g * np.exp(log_softmax(x)) / x.shape[0]", "t is missing: at the true class, 1 is subtracted"),
                ("g * (np.exp(log_softmax(x)) - t) / (x.shape[0] * x.shape[1])", "divide by N, the number of samples, and not by all entries"),
                ("-g * t / np.exp(log_softmax(x)) / x.shape[0]", "this is the gradient of the probabilities: softmax's own rule has to follow, and then only p − t is left"),
                ("g * t * (np.exp(log_softmax(x)) - 1) / x.shape[0]", "the other classes have a gradient as well: their probability"),
                log_softmax=log_softmax,
            )
        },
        _labelled,
    ),
)  # fmt: skip

EXERCISES = [
    Exercise(11, "softmax", "Softmax", _SOFTMAX, (("tinygrad_fm/ops/softmax.py", "softmax"),)),
    Exercise(12, "log_softmax", "The logarithm of softmax", _LOG_SOFTMAX, (("tinygrad_fm/ops/softmax.py", "log_softmax"),)),
    Exercise(13, "cross_entropy", "Cross entropy", _CROSS_ENTROPY, (("tinygrad_fm/ops/cross_entropy.py", "cross_entropy"),)),
]
