"""Exercises 1 to 4: a number with a gradient, the product rule, broadcasting, the matrix product."""

from __future__ import annotations

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, Values, part

# -- 1 -----------------------------------------------------------------------------------------------------------------

_DERIVATIVE = (
    Operation(
        "square",
        lambda x: x * x,
        ("x",),
        {
            "x": part(
                "square_rule(g, x)",
                "square: the gradient of x",
                ("2 * x", "g is missing: the rule is g times the derivative 2x (chain rule)"),
                ("g * x", "the derivative of x² is 2x: the factor 2 is missing"),
                ("g * 2", "the derivative of x² is 2x, and not 2: the x is missing"),
                ("g * x * x", "this is g·x², the function's own value: the rule wants its derivative, 2x"),
                ("g * x ** 3 / 3", "this is an integral of x²: a gradient needs the derivative, 2x"),
                ("g + 2 * x", "g and the derivative are multiplied, not added (chain rule)"),
                ("2 * g * g", "the derivative is taken at x: 2x, not 2g"),
            )
        },
        lambda r: [{"x": r()}, {"x": r(4)}],
    ),
    Operation(
        "reciprocal",
        lambda x: 1 / x,
        ("x",),
        {
            "x": part(
                "reciprocal_rule(g, x)",
                "reciprocal: the gradient of x",
                ("g / (x * x)", "the sign is wrong: 1/x falls where x grows, its derivative is −1/x²"),
                ("-g / x", "the derivative of 1/x = x⁻¹ is −x⁻²: the exponent falls by one, to −2"),
                ("g * np.log(np.abs(x))", "this is an integral of 1/x: a gradient needs the derivative, −1/x²"),
                ("-1 / (x * x)", "g is missing: the rule is g times the derivative −1/x² (chain rule)"),
                ("-g * x * x", "divide by x², do not multiply by it: x⁻² is 1/x²"),
                ("g", "the derivative of 1/x is not 1: write it as x⁻¹ and use the rule for powers"),
            )
        },
        lambda r: [{"x": r()}, {"x": r(4)}],
    ),
)

# -- 2 -----------------------------------------------------------------------------------------------------------------


def _pairs(r: Random) -> list[Case]:
    return [{"a": r(), "b": r()}, {"a": r(3), "b": r(3)}, {"a": r(2, 3), "b": r(2, 3)}]


_PRODUCT = (
    Operation(
        "multiply",
        lambda a, b: a * b,
        ("a", "b"),
        {
            "a": part(
                "multiply_a(g, a, b)",
                "multiply: the gradient of a",
                ("g * a", "this is the gradient of b: the derivative of a·b by a is the other factor, b"),
                ("b", "g is missing: the rule is g times b (chain rule)"),
                ("g", "the derivative of a·b by a is b, not 1 (1 is that of a sum)"),
                ("g * a * b", "this is g times the product itself: the derivative of a·b by a is b alone"),
                ("g * (a + b)", "each input has its own gradient: only b belongs to a"),
                ("g + b", "g and the derivative are multiplied, not added (chain rule)"),
            ),
            "b": part(
                "multiply_b(g, a, b)",
                "multiply: the gradient of b",
                ("g * b", "this is the gradient of a: the derivative of a·b by b is the other factor, a"),
                ("a", "g is missing: the rule is g times a (chain rule)"),
            ),
        },
        _pairs,
    ),
    Operation(
        "divide",
        lambda a, b: a / b,
        ("a", "b"),
        {
            "a": part(
                "divide_a(g, a, b)",
                "divide: the gradient of a",
                ("g * b", "a/b is a times 1/b: its derivative by a is 1/b, so divide by b"),
                ("g / a", "the derivative of a/b by a is 1/b, not 1/a"),
                ("1 / b", "g is missing: the rule is g times 1/b (chain rule)"),
            ),
            "b": part(
                "divide_b(g, a, b)",
                "divide: the gradient of b",
                ("g * a / (b * b)", "the sign is wrong: a/b falls where b grows (for a > 0), its derivative is −a/b²"),
                ("-g / (b * b)", "the factor a is missing: a/b is a times 1/b"),
                ("-g * a / b", "the derivative of 1/b is −1/b²: the square is missing"),
                ("g * a", "this is the product's rule: the derivative of a/b by b is −a/b²"),
                ("-a / (b * b)", "g is missing: the rule is g times −a/b² (chain rule)"),
            ),
        },
        _pairs,
    ),
)

# -- 3 -----------------------------------------------------------------------------------------------------------------


def sum_to(g: Array, shape: tuple[int, ...]) -> Array:
    """The reference of ``sum_to``."""
    added = g.ndim - len(shape)
    stretched = tuple(i + added for i, n in enumerate(shape) if n == 1)
    return np.asarray(g.sum(axis=(*range(added), *stretched), keepdims=True)).reshape(shape)


def _broadcasts(r: Random) -> list[Case]:
    pairs = [
        ((3, 3), (3,)),
        ((2, 3), (2, 1)),
        ((2, 3), (2, 3)),
        ((4, 2, 3), (2, 1)),
        ((2, 3), ()),
        ((4, 2, 3), (1, 2, 3)),
        ((3, 3), (1, 3)),
    ]
    return [{"g": r(*shape), "shape": small} for shape, small in pairs]


_EXPECTED_NUMPY = "NumPy puts new axes in front: the last axes of the two shapes belong together"

_BROADCASTING = (
    Values(
        part(
            "sum_to(g, shape)",
            "sum_to",
            ("g", "g still has the shape of the result: sum over the axes along which the input was repeated"),
            (
                "while g.ndim > len(shape):\n    g = g.sum(axis=0)\nreturn g",
                "axes of length 1 are left: where shape has a 1 and g has not, the entry was repeated along that axis, so sum over it",
            ),
            ("while g.ndim > len(shape):\n    g = g.sum(axis=-1)\nreturn g.reshape(shape)", _EXPECTED_NUMPY),
            (
                "while g.ndim > len(shape):\n    g = g.mean(axis=0)\n"
                "for i, n in enumerate(shape):\n    if n == 1:\n        g = g.mean(axis=i, keepdims=True)\nreturn g",
                "this takes the mean: every repetition counts in full, so their gradients are added (sum, not mean)",
            ),
            (
                "while g.ndim > len(shape):\n    g = g[0]\n"
                "for i, n in enumerate(shape):\n    if n == 1:\n        g = g[(slice(None),) * i + (slice(0, 1),)]\nreturn g",
                "this keeps the first of the repetitions: all of them count, so sum over the axis",
            ),
            (
                "while g.ndim > len(shape):\n    g = np.max(g, axis=0)\n"
                "for i, n in enumerate(shape):\n    if n == 1:\n        g = np.max(g, axis=i, keepdims=True)\nreturn g",
                "this takes the largest: the gradients of all repetitions are added",
            ),
            (
                "while g.ndim > len(shape):\n    g = g.sum(axis=0)\n"
                "for i, n in enumerate(shape):\n    if n == 1:\n        g = g.sum(axis=i)\nreturn g",
                "an axis of length 1 is lost by the sum: keepdims=True keeps it",
            ),
            ("np.sum(g)", "only the axes along which the input was repeated are summed, not all"),
            ("np.zeros(shape) + np.sum(g)", "only the axes along which the input was repeated are summed, not all"),
            (
                "for i, n in enumerate(shape):\n    if n == 1:\n        g = g.sum(axis=i, keepdims=True)\n"
                "while g.ndim > len(shape):\n    g = g.sum(axis=0)\nreturn g",
                "the axes are counted before the new ones in front are gone: sum over those first",
            ),
            ("g.sum(axis=0)", "this sums the first axis always: which axes were repeated follows from the two shapes"),
        ),
        sum_to,
        _broadcasts,
    ),
    Operation(
        "add",
        lambda a, b: a + b,
        ("a", "b"),
        {
            "b": part(
                "add_b(g, a, b)",
                "add with broadcasting: the gradient of b",
                ("g", "a gradient has the shape of its input: give g to sum_to with the shape of b"),
                ("g.sum(axis=0)", "which axes are summed follows from the shape of b: use sum_to"),
            )
        },
        lambda r: [
            {"a": r(2, 3), "b": r(3)},
            {"a": r(2, 3), "b": r(2, 1)},
            {"a": r(4, 2, 3), "b": r(2, 3)},
            {"a": r(3), "b": r()},
        ],
    ),
)

# -- 4 -----------------------------------------------------------------------------------------------------------------

_MATMUL = (
    Operation(
        "matmul",
        lambda a, b: a @ b,
        ("a", "b"),
        {
            "a": part(
                "matmul_a(g, a, b)",
                "matmul: the gradient of a",
                ("g @ b", "b must be transposed: (N, M) @ (M, K) gives the shape (N, K) of a"),
                ("b.T @ g", "the factors are the wrong way round: b stands to the right of a, so bᵀ stands to the right of g"),
                ("b @ g.T", "this is the transpose of the gradient: (b gᵀ)ᵀ = g bᵀ"),
                ("g * b", "the product is a matrix product: @, not *"),
                ("g * b.T", "the product is a matrix product: @, not *"),
                ("np.ones(g.shape) @ b.T", "g is missing: the gradient that comes in takes the place of the ones"),
                ("g @ a.T", "the gradient of a needs b, the other factor"),
                ("g @ b.T / g.shape[0]", "nothing is divided by the number of rows here: that belongs to a mean"),
                ("-g @ b.T", "the sign is wrong: a @ b grows as a does, where b > 0"),
            ),
            "b": part(
                "matmul_b(g, a, b)",
                "matmul: the gradient of b",
                ("a @ g", "a must be transposed: (K, N) @ (N, M) gives the shape (K, M) of b"),
                ("g @ a.T", "the factors are the wrong way round: a stands to the left of b, so aᵀ stands to the left of g"),
                ("g.T @ a", "this is the transpose of the gradient: (gᵀ a)ᵀ = aᵀ g"),
                ("a.T @ np.ones(g.shape)", "g is missing: the gradient that comes in takes the place of the ones"),
                ("a.T * g", "the product is a matrix product: @, not *"),
            ),
        },
        lambda r: [{"a": r(3, 3), "b": r(3, 3)}, {"a": r(2, 3), "b": r(3, 4)}, {"a": r(1, 4), "b": r(4, 1)}],
    ),
)


_ELEMENTWISE = "tinygrad_fm/ops/elementwise.py"

EXERCISES: list[Exercise] = [
    Exercise(
        1,
        "derivative",
        "A number with a gradient",
        _DERIVATIVE,
        ((_ELEMENTWISE, "pow"), (_ELEMENTWISE, "reciprocal")),
        notebook=True,
    ),
    Exercise(2, "product", "The product rule", _PRODUCT, ((_ELEMENTWISE, "mul"), (_ELEMENTWISE, "true_div")), notebook=True),
    Exercise(
        3, "broadcasting", "Broadcasting", _BROADCASTING, (("tinygrad_fm/autograd/broadcast.py", "sum_to"),), notebook=True
    ),
    Exercise(4, "matmul", "The matrix product", _MATMUL, (("tinygrad_fm/ops/matmul.py", "matmul"),), notebook=True),
]
