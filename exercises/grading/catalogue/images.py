"""Exercises 16 to 18: im2col, convolution, pooling."""

from __future__ import annotations

import numpy as np

from ..exercise import Array, Case, Exercise, Operation, Random, Values, part

_CHAIN = "g is missing: the rule is made of g and the derivative (chain rule)"


def im2col(x: Array, k: int) -> Array:
    """The reference: (N, C, H, W) to (N, C, k, k, OH, OW)."""
    oh, ow = x.shape[2] - k + 1, x.shape[3] - k + 1
    rows = [np.stack([x[:, :, i : i + oh, j : j + ow] for j in range(k)], axis=2) for i in range(k)]
    return np.stack(rows, axis=2)


def _pictures(r: Random) -> list[Case]:
    return [{"x": r(1, 2, 4, 4), "k": 2}, {"x": r(2, 1, 3, 5), "k": 3}, {"x": r(1, 1, 3, 3), "k": 1}]


_COPY = "columns = np.zeros(x.shape[:2] + (k, k, oh, ow))\nfor i in range(k):\n    for j in range(k):\n        "
_OH = "oh, ow = x.shape[2] - k + 1, x.shape[3] - k + 1\n"
_BACK = _OH + "dx = np.zeros(x.shape)\nfor i in range(k):\n    for j in range(k):\n        "

_IM2COL = (
    Values(
        part(
            "im2col(x, k)",
            "im2col",
            (
                _OH + _COPY + "columns[:, :, i, j] = x[:, :, j : j + oh, i : i + ow]\nreturn columns",
                "rows and columns are exchanged: i moves along the height, axis 2",
            ),
            (
                _OH + _COPY + "columns[:, :, i, j] = x[:, :, :oh, :ow]\nreturn columns",
                "every part is the same: [i, j] begins at row i and column j",
            ),
            (
                _OH
                + _COPY
                + "columns[:, :, i, j] = x[:, :, k - 1 - i : k - 1 - i + oh, k - 1 - j : k - 1 - j + ow]\nreturn columns",
                "the window is upside down: [i, j] begins at row i and column j",
            ),
            (
                "oh, ow = x.shape[2] - k, x.shape[3] - k\n"
                + _COPY
                + "columns[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]\nreturn columns",
                "one position is missing: a window of k fits H − k + 1 times into H",
            ),
            (
                _OH + _COPY + "columns[:, :, j, i] = x[:, :, i : i + oh, j : j + ow]\nreturn columns",
                "rows and columns are exchanged: i moves along the height, axis 2",
            ),
            (
                "oh, ow = x.shape[2] // k, x.shape[3] // k\n"
                + _COPY
                + "columns[:, :, i, j] = x[:, :, i : i + oh * k : k, j : j + ow * k : k]\nreturn columns",
                "the windows overlap: each begins one pixel further (stride 1), not k",
            ),
            (
                _OH + _COPY + "columns[:, :, i, j] += x[:, :, i : i + oh, j : j + ow] / k ** 2\nreturn columns",
                "the numbers are copied: nothing is divided",
            ),
        ),
        im2col,
        _pictures,
    ),
    Operation(
        "im2col",
        im2col,
        ("x",),
        {
            "x": part(
                "im2col_rule(g, x, k)",
                "im2col: the gradient of x",
                (
                    _BACK + "dx[:, :, i : i + oh, j : j + ow] = g[:, :, i, j]\nreturn dx",
                    "a pixel is in up to k² windows: add what each gives (+=), do not replace it",
                ),
                (
                    _BACK + "dx[:, :, i : i + oh, j : j + ow] += g[:, :, j, i]\nreturn dx",
                    "rows and columns are exchanged: what came from [i, j] goes back from there",
                ),
                (
                    _BACK + "dx[:, :, :oh, :ow] += g[:, :, i, j]\nreturn dx",
                    "what came from rows i : i + OH and columns j : j + OW goes back there",
                ),
                (
                    _BACK + "dx[:, :, i : i + oh, j : j + ow] += g[:, :, i, j] / k ** 2\nreturn dx",
                    "a sum is wanted, not a mean over the windows",
                ),
                (_BACK + "dx[:, :, i : i + oh, j : j + ow] += 1\nreturn dx", _CHAIN),
                (
                    _BACK + "dx[:, :, i : i + oh, j : j + ow] -= g[:, :, i, j]\nreturn dx",
                    "the sign is wrong: what was copied gets the sum of the gradients",
                ),
                (
                    _BACK + "dx[:, :, k - 1 - i : k - 1 - i + oh, k - 1 - j : k - 1 - j + ow] += g[:, :, i, j]\nreturn dx",
                    "the window is upside down: what came from row i goes back to row i",
                ),
            )
        },
        _pictures,
    ),
)

# -- 17 ----------------------------------------------------------------------------------------------------------------


def conv2d(x: Array, w: Array) -> Array:
    """The reference: (N, C, H, W) and (O, C, k, k) to (N, O, OH, OW)."""
    return np.einsum("ncijhw,ocij->nohw", im2col(x, w.shape[2]), w)


def _convolutions(r: Random) -> list[Case]:
    return [
        {"x": r(2, 2, 4, 4), "w": r(2, 2, 2, 2)},
        {"x": r(1, 2, 4, 5), "w": r(3, 2, 3, 3)},
        {"x": r(2, 1, 3, 3), "w": r(2, 1, 1, 1)},
    ]


_K = "k = w.shape[2]\noh, ow = x.shape[2] - k + 1, x.shape[3] - k + 1\n"
_IJ = "for i in range(k):\n    for j in range(k):\n        "
_Y = _K + "y = np.zeros((x.shape[0], w.shape[0], oh, ow))\n" + _IJ
_DX = _K + "dx = np.zeros(x.shape)\n" + _IJ
_DW = _K + "dw = np.zeros(w.shape)\n" + _IJ

_CONV = (
    Values(
        part(
            "conv2d(x, w)",
            "convolution",
            (
                _Y + "y = np.einsum('nchw,oc->nohw', x[:, :, i : i + oh, j : j + ow], w[:, :, i, j])\nreturn y",
                "each pixel of the window adds its part: y += …, not y = …",
            ),
            (
                _Y
                + "y += np.einsum('nchw,oc->nohw', x[:, :, i : i + oh, j : j + ow], w[:, :, k - 1 - i, k - 1 - j])\nreturn y",
                "the filter is turned round: as in PyTorch, w[:, :, i, j] meets x[:, :, h + i, w + j] (a mathematician's convolution would turn it)",
            ),
            (
                _Y + "y += np.einsum('nchw,oc->nohw', x[:, :, i : i + oh, j : j + ow], w[:, :, j, i])\nreturn y",
                "rows and columns of the filter are exchanged",
            ),
            (
                _Y + "y += np.einsum('nchw,oc->nohw', x[:, :, :oh, :ow], w[:, :, i, j])\nreturn y",
                "x moves with the filter: rows i : i + OH, columns j : j + OW",
            ),
            (
                _Y + "y += np.einsum('nchw,co->nohw', x[:, :, i : i + oh, j : j + ow], w[:, :, i, j])\nreturn y",
                "w has the shape (O, C, k, k): outputs first",
            ),
            (
                _Y + "y += np.einsum('nchw,oc->nohw', x[:, :, i : i + oh, j : j + ow], w[:, :, i, j]) / k ** 2\nreturn y",
                "a sum over the window is wanted, not a mean",
            ),
        ),
        conv2d,
        _convolutions,
    ),
    Operation(
        "conv2d",
        conv2d,
        ("x", "w"),
        {
            "x": part(
                "conv2d_x(g, x, w)",
                "convolution: the gradient of x",
                (
                    _DX + "dx[:, :, i : i + oh, j : j + ow] = np.einsum('nohw,oc->nchw', g, w[:, :, i, j])\nreturn dx",
                    "a pixel is in several windows: add what each gives (+=)",
                ),
                (
                    _DX
                    + "dx[:, :, i : i + oh, j : j + ow] += np.einsum('nohw,oc->nchw', g, w[:, :, k - 1 - i, k - 1 - j])\nreturn dx",
                    "the filter is turned round twice: what w[:, :, i, j] took from row i goes back to row i by the same weight",
                ),
                (
                    _DX + "dx[:, :, :oh, :ow] += np.einsum('nohw,oc->nchw', g, w[:, :, i, j])\nreturn dx",
                    "what came from rows i : i + OH and columns j : j + OW goes back there",
                ),
                (
                    _DX + "dx[:, :, i : i + oh, j : j + ow] += np.einsum('nohw,co->nchw', g, w[:, :, i, j])\nreturn dx",
                    "the sum is over the outputs o, the first axis of w",
                ),
                (
                    _DX + "dx[:, :, i : i + oh, j : j + ow] += np.einsum('nohw,oc->nchw', g, w[:, :, j, i])\nreturn dx",
                    "rows and columns of the filter are exchanged",
                ),
            ),
            "w": part(
                "conv2d_w(g, x, w)",
                "convolution: the gradient of w",
                (
                    _DW + "dw[:, :, i, j] = np.einsum('nohw,nchw->oc', g, x[:, :, :oh, :ow])\nreturn dw",
                    "x moves with the filter: rows i : i + OH, columns j : j + OW",
                ),
                (
                    _DW
                    + "dw[:, :, k - 1 - i, k - 1 - j] = np.einsum('nohw,nchw->oc', g, x[:, :, i : i + oh, j : j + ow])\nreturn dw",
                    "the filter is turned round: w[:, :, i, j] met row i and column j",
                ),
                (
                    _DW
                    + "dw[:, :, i, j] = np.einsum('nohw,nchw->oc', g, x[:, :, i : i + oh, j : j + ow]) / x.shape[0]\nreturn dw",
                    "nothing is divided by N here: if the loss is a mean, g is so already",
                ),
                (
                    _DW + "dw[:, :, i, j] = np.einsum('nohw,nchw->co', g, x[:, :, i : i + oh, j : j + ow])\nreturn dw",
                    "w has the shape (O, C, k, k): outputs first",
                ),
                (_DW + "dw[:, :, i, j] = x[:, :, i : i + oh, j : j + ow].sum(axis=(0, 2, 3))\nreturn dw", _CHAIN),
            ),
        },
        _convolutions,
    ),
)

# -- 18 ----------------------------------------------------------------------------------------------------------------


def windows(x: Array) -> Array:
    """(N, C, H, W) to (N, C, H/2, 2, W/2, 2)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2)


def _distinct(r: Random) -> list[Case]:
    return [{"x": r.distinct(1, 2, 4, 4)}, {"x": r.distinct(2, 1, 2, 6)}, {"x": r.distinct(1, 1, 2, 2)}]


def _bodies(*lines: str) -> str:
    return "n, c, h, w = x.shape\nx6 = x.reshape(n, c, h // 2, 2, w // 2, 2)\n" + "\n".join(lines)


_UP = "g6, y6 = g[:, :, :, None, :, None], y[:, :, :, None, :, None]"
_G6 = "g6 = g[:, :, :, None, :, None]"

_POOLING = (
    Values(
        part(
            "max_pool(x)",
            "max pooling",
            (_bodies("return x6.mean(axis=(3, 5))"), "this is average pooling: the largest of each window is wanted"),
            (_bodies("return np.min(x6, axis=(3, 5))"), "the largest is wanted, not the smallest"),
            (_bodies("return x6[:, :, :, 0, :, 0]"), "this takes the upper left pixel of each window: the largest is wanted"),
            ("n, c, h, w = x.shape\nreturn np.max(x.reshape(n, c, 2, h // 2, 2, w // 2), axis=(2, 4))", "neighbours belong to a window: reshape to (N, C, H/2, 2, W/2, 2), in this order"),
            (_bodies("return np.max(np.abs(x6), axis=(3, 5))"), "the largest is wanted, not the one largest in size"),
        ),
        lambda x: windows(x).max(axis=(3, 5)),
        _distinct,
    ),
    Operation(
        "max_pool",
        lambda x: windows(x).max(axis=(3, 5)),
        ("x",),
        {
            "x": part(
                "max_pool_rule(g, x, y)",
                "max pooling: the gradient of x",
                (_bodies(_UP, "return (g6 * np.ones(x6.shape)).reshape(x.shape)"), "only the largest pixel of a window is in the result: the others get 0"),
                (_bodies(_UP, "return (g6 / 4 * np.ones(x6.shape)).reshape(x.shape)"), "this is the rule of average pooling: only the largest pixel gets g"),
                (_bodies(_UP, "return ((x6 == y6) * 1.0).reshape(x.shape)"), _CHAIN),
                (_bodies(_UP, "return (g6 * (x6 != y6)).reshape(x.shape)"), "it is the other way round: the largest pixel gets g"),
                (_bodies(_UP, "return (g6 * x6 * (x6 == y6)).reshape(x.shape)"), "the derivative is 1 for the largest pixel, not its value"),
                (_bodies(_UP, "return g6 * (x6 == y6)"), "a gradient has the shape of its input: reshape it to (N, C, H, W)"),
                (_bodies(_UP, "return (g6 * (x6 == np.max(x))).reshape(x.shape)"), "the largest of each window is meant, not of all"),
            )
        },
        _distinct,
    ),
    Operation(
        "avg_pool",
        lambda x: windows(x).mean(axis=(3, 5)),
        ("x",),
        {
            "x": part(
                "avg_pool_rule(g, x)",
                "average pooling: the gradient of x",
                (_bodies(_G6, "return (g6 * np.ones(x6.shape)).reshape(x.shape)"), "the mean is the sum divided by 4: so is its gradient"),
                (_bodies(_G6, "return (g6 / 2 * np.ones(x6.shape)).reshape(x.shape)"), "a window has 2 · 2 = 4 pixels: divide by 4"),
                (_bodies(_G6, "return (g6 * x6 / 4).reshape(x.shape)"), "the derivative of a mean is 1/4 for each pixel, not its value"),
                ("np.ones(x.shape) / 4", _CHAIN),
                (_bodies(_G6, "return (g6 / np.size(x) * np.ones(x6.shape)).reshape(x.shape)"), "the mean is that of a window, 4 pixels, not of all"),
            )
        },
        _distinct,
    ),
)  # fmt: skip

EXERCISES = [
    Exercise(
        16,
        "im2col",
        "Windows of a picture",
        _IM2COL,
        (("tinygrad_fm/ops/fold.py", "unfold"), ("tinygrad_fm/ops/fold.py", "fold")),
    ),
    Exercise(17, "convolution", "Convolution", _CONV, (("tinygrad_fm/ops/conv.py", "conv2d"),)),
    Exercise(
        18,
        "pooling",
        "Pooling",
        _POOLING,
        (("tinygrad_fm/ops/pooling.py", "max_pool2d"), ("tinygrad_fm/ops/pooling.py", "avg_pool2d")),
    ),
]
