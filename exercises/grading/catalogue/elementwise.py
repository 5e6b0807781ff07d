"""Exercises 6 and 7: functions of each entry, and functions with a kink."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, part

_CHAIN = "g is missing: the rule is g times the derivative (chain rule)"


def _any(r: Random) -> list[Case]:
    return [{"x": r(12)}, {"x": r()}, {"x": r(2, 3)}]


def _positive(r: Random) -> list[Case]:
    return [{"x": r.positive(3)}, {"x": r.positive()}, {"x": r.positive(2, 3)}]


_ELEMENTWISE = (
    Operation(
        "exp",
        np.exp,
        ("x",),
        {
            "x": part(
                "exp_rule(g, y)",
                "exp: the gradient of x",
                ("g", "the derivative of eˣ is eˣ, and that is y: the factor is missing"),
                ("y", _CHAIN),
                ("g * np.exp(y)", "y is eˣ already: the exponential is taken twice"),
                ("g / y", "the derivative of eˣ is eˣ itself: multiply by y"),
            )
        },
        _any,
    ),
    Operation(
        "log",
        np.log,
        ("x",),
        {
            "x": part(
                "log_rule(g, x)",
                "log: the gradient of x",
                ("g * x", "the derivative of log x is 1/x: divide by x"),
                ("1 / x", _CHAIN),
                ("-g / x ** 2", "−1/x² is the derivative of 1/x, one derivative too many: that of log x is 1/x"),
                ("g * np.log(x)", "this is the function's own value: the rule wants its derivative, 1/x"),
                ("g / np.log(x)", "divide by x, not by log x: the derivative of log x is 1/x"),
            )
        },
        _positive,
    ),
    Operation(
        "sqrt",
        np.sqrt,
        ("x",),
        {
            "x": part(
                "sqrt_rule(g, y)",
                "sqrt: the gradient of x",
                ("g / y", "the factor 1/2 is missing: the derivative of x^½ is ½·x^−½"),
                (
                    "g * y / 2",
                    "the derivative is ½·x^−½ = 1 / (2y): divide by y (g / 2 * y multiplies by it; parentheses say what is divided by)",
                ),
                ("g / (2 * np.sqrt(y))", "y is √x already: the root is taken twice"),
                ("1 / (2 * y)", _CHAIN),
                ("2 * g * y", "this is the rule of the square: here divide by 2y"),
            )
        },
        _positive,
    ),
    Operation(
        "tanh",
        np.tanh,
        ("x",),
        {
            "x": part(
                "tanh_rule(g, y)",
                "tanh: the gradient of x",
                ("g * (1 - y)", "the derivative of tanh x is 1 − y²: the square is missing"),
                ("g * (1 + y ** 2)", "a sign is wrong: the derivative of tanh x is 1 − y²"),
                ("g * (1 - np.tanh(y) ** 2)", "y is tanh x already: it is taken twice"),
                ("1 - y ** 2", _CHAIN),
                ("g * y * (1 - y)", "this is the sigmoid's derivative: that of tanh x is 1 − y²"),
            )
        },
        _any,
    ),
    Operation(
        "sigmoid",
        lambda x: 1 / (1 + np.exp(-x)),
        ("x",),
        {
            "x": part(
                "sigmoid_rule(g, y)",
                "sigmoid: the gradient of x",
                ("g * y", "the derivative of the sigmoid is y·(1 − y): the second factor is missing"),
                ("g * (1 - y ** 2)", "this is the derivative of tanh: that of the sigmoid is y·(1 − y)"),
                ("y * (1 - y)", _CHAIN),
                ("g * y * (y - 1)", "the sign is wrong: the sigmoid grows, so its derivative y·(1 − y) is positive"),
                (
                    "g * np.exp(-y) / (1 + np.exp(-y)) ** 2",
                    "y is σ(x) already, and here σ is taken twice: with y alone it is y·(1 − y)",
                ),
            )
        },
        _any,
    ),
)

# -- 7 -----------------------------------------------------------------------------------------------------------------

_G = np.array([0.7, -1.3, 0.4])
_ZERO = np.array([0.0, 1.5, -0.5])


def _at_zero(gradient: Any) -> Any:
    """The case with a 0 in it; ``gradient`` is what g is multiplied by, entry by entry."""
    return lambda r: [({"x": _ZERO, "g": _G}, {"x": _G * np.array(gradient)})]


def _tied(r: Random) -> list[tuple[Case, dict[str, Array]]]:
    a, b = np.array([0.5, 2.0, -1.0]), np.array([0.5, 1.0, 3.0])
    return [({"a": a, "b": b, "g": _G}, {"a": _G * np.array([0.5, 1, 0]), "b": _G * np.array([0.5, 0, 1])})]


def _pairs(r: Random) -> list[Case]:
    return [{"a": x[:half], "b": x[half:]} for half, x in ((4, r.distinct(8)), (2, r.distinct(4, 3)))]


_TIE = "at a tie, where both are equal, each gets half of g"

_KINKS = (
    Operation(
        "relu",
        lambda x: np.maximum(x, 0),
        ("x",),
        {
            "x": part(
                "relu_rule(g, x)",
                "relu: the gradient of x",
                ("g", "where x < 0 the result is 0 whatever x is: no gradient goes through there"),
                ("np.maximum(g, 0)", "what decides is the sign of x, not that of g"),
                ("g * (g > 0)", "what decides is the sign of x, not that of g"),
                ("g * np.maximum(x, 0)", "the derivative is 1 where x > 0, not x"),
                ("g * (x < 0)", "it is the other way round: g goes through where x > 0"),
                ("g * (x >= 0)", "at x = 0 itself the derivative is taken to be 0: x > 0, without the equals sign"),
                ("1.0 * (x > 0)", _CHAIN),
            )
        },
        _any,
        _at_zero([0, 1, 0]),
    ),
    Operation(
        "abs",
        np.abs,
        ("x",),
        {
            "x": part(
                "abs_rule(g, x)",
                "abs: the gradient of x",
                ("np.abs(g)", "the derivative of |x| is the sign of x: +1 or −1"),
                ("g * x", "the derivative of |x| is the sign of x, and not x"),
                ("g", "where x < 0, |x| falls as x grows: the derivative is −1 there"),
                ("g * np.where(x < 0, -1.0, 1.0)", "at x = 0 itself the derivative is taken to be 0: np.sign(x) is so"),
                ("-g * np.sign(x)", "the sign is wrong: |x| grows where x > 0"),
                ("np.sign(x)", _CHAIN),
            )
        },
        _any,
        _at_zero([0, 1, -1]),
    ),
    Operation(
        "maximum",
        np.maximum,
        ("a", "b"),
        {
            "a": part(
                "maximum_a(g, a, b)",
                "maximum: the gradient of a",
                ("g * (a < b)", "it is the other way round: the larger one gets g"),
                ("g * (a > b)", _TIE),
                ("g * (a >= b)", _TIE),
                ("g / 2 + 0 * a", "only where they are equal do they share: otherwise the larger one gets all of g"),
                ("g * np.maximum(a, b)", "the derivative is 1 for the larger one and 0 for the other, not the value"),
            ),
            "b": part(
                "maximum_b(g, a, b)",
                "maximum: the gradient of b",
                ("g * (b < a)", "it is the other way round: the larger one gets g"),
                ("g * (b > a)", _TIE),
                ("g * (b >= a)", _TIE),
            ),
        },
        _pairs,
        _tied,
    ),
)

_FILE = "tinygrad_fm/ops/elementwise.py"

EXERCISES = [
    Exercise(
        6, "elementwise", "Functions of each entry", _ELEMENTWISE, tuple((_FILE, n) for n in ("exp", "log", "sqrt", "tanh"))
    ),
    Exercise(
        7,
        "kinks",
        "Functions with a kink",
        _KINKS,
        (("tinygrad_fm/ops/activation.py", "relu"), (_FILE, "abs"), (_FILE, "maximum")),
    ),
]
