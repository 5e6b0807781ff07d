"""Exercises 8 to 10: sums and means, the maximum along an axis, the variance."""

from __future__ import annotations

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, Values, part


def _matrices(r: Random) -> list[Case]:
    return [{"x": r(3, 3)}, {"x": r(2, 5)}, {"x": r(4, 1)}]


_CHAIN = "g is missing: the rule is g times the derivative (chain rule)"
_SPREAD = "g has the shape (N,), x has (N, K): g[:, None] is a column, which broadcasts along the rows"

_SUMS = (
    Operation(
        "sum",
        lambda x: x.sum(axis=1),
        ("x",),
        {
            "x": part(
                "sum_rule(g, x)",
                "sum of each row: the gradient of x",
                ("g", "a gradient has the shape of its input: every entry of row n gets g[n]"),
                ("g * np.ones(x.shape)", _SPREAD),
                ("np.ones(x.shape)", _CHAIN),
                ("g[:, None] * x", "the derivative of a sum by each term is 1, not the term"),
                ("g[:, None] / x.shape[1] * np.ones(x.shape)", "nothing is divided here: that belongs to the mean"),
                ("np.sum(g) * np.ones(x.shape)", "row n gets its own g[n] only"),
            )
        },
        _matrices,
    ),
    Operation(
        "mean",
        lambda x: x.mean(axis=1),
        ("x",),
        {
            "x": part(
                "mean_rule(g, x)",
                "mean of each row: the gradient of x",
                ("g[:, None] * np.ones(x.shape)", "the mean is the sum divided by K: so is its gradient"),
                (
                    "g[:, None] / (x.shape[0] * x.shape[1]) * np.ones(x.shape)",
                    "only as many numbers are averaged as a row has, K: divide by K, not by all N·K",
                ),
                ("g[:, None] / x.shape[0] * np.ones(x.shape)", "divide by the length of a row, K = x.shape[1]"),
                ("g[:, None] * x.shape[1] * np.ones(x.shape)", "divide by K, do not multiply by it"),
                ("g / x.shape[1] * np.ones(x.shape)", _SPREAD),
                ("np.ones(x.shape) / x.shape[1]", _CHAIN),
            )
        },
        lambda r: [{"x": r(2, 2)}, {"x": r(2, 5)}, {"x": r(4, 1)}, {"x": r(3, 3)}],
    ),
)

# -- 9 -----------------------------------------------------------------------------------------------------------------


def max_gradient(g: Array, x: Array) -> Array:
    """The gradient of the maximum of each row; equal ones share it."""
    largest = x == x.max(axis=1, keepdims=True)
    return np.asarray(g[:, None] * largest / largest.sum(axis=1, keepdims=True))


def _ties(r: Random) -> list[tuple[Case, dict[str, Array]]]:
    x, g = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [5.0, 4.0, 3.0]]), np.array([0.8, -1.2, 0.5])
    return [({"x": x, "g": g}, {"x": max_gradient(g, x)})]


_MAX = (
    Operation(
        "max",
        lambda x: x.max(axis=1),
        ("x",),
        {
            "x": part(
                "max_rule(g, x, y)",
                "maximum of each row: the gradient of x",
                ("g", "a gradient has the shape of its input: the largest entry of row n gets g[n], the others 0"),
                ("g[:, None] * np.ones(x.shape)", "only the largest entry of a row is in the result: the others get 0"),
                ("(x == y[:, None]) * 1.0", _CHAIN),
                (
                    "g[:, None] * (x == y[:, None])",
                    "where several entries are the largest (a tie) they share: each gets g divided by their number",
                ),
                ("g * (x == y[:, None])", _SPREAD),
                ("g[:, None] * (x == y)", "y has the shape (N,), x has (N, K): compare with the column y[:, None]"),
                ("g[:, None] * (x == np.max(x))", "the largest of each row is meant, not of the whole matrix"),
                ("g[:, None] * (x == np.max(x, axis=0))", "the largest of each row is meant, not of each column"),
                ("g[:, None] * (x == y[:, None]) * x", "the derivative is 1 for the largest entry, not its value"),
                ("g[:, None] * (x != y[:, None])", "it is the other way round: the largest entry gets g"),
                ("g[:, None] * (x == y[:, None]) / x.shape[1]", "only those that are equal share, not all of the row"),
                (
                    "m = np.argmax(x, axis=1)\nreturn g[:, None] * (np.arange(x.shape[1]) == m[:, None])",
                    "where several entries are the largest (a tie) they share: argmax finds the first one only",
                ),
            )
        },
        lambda r: [{"x": r.distinct(3, 3)}, {"x": r.distinct(2, 5)}, {"x": r.distinct(4, 1)}],
        _ties,
    ),
)

# -- 10 ----------------------------------------------------------------------------------------------------------------

_BIASED = "this divides by N − 1 (the unbiased variance): here, as in batch norm, it is divided by N"


def _columns(r: Random) -> list[Case]:
    return [{"x": r(4, 4)}, {"x": r(5, 2)}, {"x": r(2, 3)}]


_VARIANCE = (
    Values(
        part(
            "variance(x)",
            "variance of each column",
            ("((x - x.mean(axis=0)) ** 2).sum(axis=0) / (x.shape[0] - 1)", _BIASED),
            (
                "((x - x.mean(axis=1, keepdims=True)) ** 2).mean(axis=1)",
                "this is the variance of each row: the columns are along axis 0",
            ),
            (
                "np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0))",
                "this is the standard deviation, its square root: leave out the root",
            ),
            ("((x - x.mean(axis=0)) ** 2).sum(axis=0)", "it is the mean of the squares, not their sum: divide by N"),
            ("(x ** 2).mean(axis=0)", "the mean is not subtracted: deviations from the mean are squared"),
            ("((x - x.mean()) ** 2).mean(axis=0)", "the mean of each column is meant: axis=0"),
            ("(x - x.mean(axis=0)).mean(axis=0)", "the deviations are not squared: without that they add up to 0"),
            ("np.abs(x - x.mean(axis=0)).mean(axis=0)", "deviations are squared, not taken without their sign"),
            (
                "x.mean(axis=0) ** 2 - (x ** 2).mean(axis=0)",
                "the sign is wrong: it is the mean of the squares minus the square of the mean",
            ),
        ),
        lambda x: np.var(x, axis=0),
        _columns,
    ),
    Operation(
        "variance",
        lambda x: np.var(x, axis=0),
        ("x",),
        {
            "x": part(
                "variance_rule(g, x)",
                "variance of each column: the gradient of x",
                ("g * 2 * (x - x.mean(axis=0)) / (x.shape[0] - 1)", _BIASED),
                ("g * 2 * (x - x.mean(axis=0))", "the division by N is missing: the variance is a mean"),
                ("g * (x - x.mean(axis=0)) / x.shape[0]", "the factor 2 of the square is missing"),
                ("g * 2 * x / x.shape[0]", "the mean is not subtracted: the derivative of a square is twice what is squared"),
                ("2 * (x - x.mean(axis=0)) / x.shape[0]", _CHAIN),
                (
                    "g * 2 * (x - x.mean(axis=0)) / x.shape[0] * (1 - 1 / x.shape[0])",
                    "the part through the mean is 0, since deviations add up to 0: leave out the factor 1 − 1/N",
                ),
                ("g * (x - x.mean(axis=0)) ** 2 / x.shape[0]", "the square is not differentiated: 2 times what is squared"),
                ("g * 2 * (x - x.mean(axis=0)) / np.size(x)", "divide by N, the length of a column, not by all entries"),
            )
        },
        _columns,
    ),
)

EXERCISES = [
    Exercise(
        8,
        "sum_mean",
        "Sums and means",
        _SUMS,
        (("tinygrad_fm/ops/reduction.py", "sum"), ("tinygrad_fm/ops/reduction.py", "mean")),
    ),
    Exercise(9, "max", "The maximum of a row", _MAX, (("tinygrad_fm/ops/max_min.py", "amax"),)),
    Exercise(10, "variance", "The variance", _VARIANCE, (("tinygrad_fm/ops/reduction.py", "var"),)),
]
