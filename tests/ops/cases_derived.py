"""Rows of the table for the operations that are compositions of others."""

from __future__ import annotations

import numpy as np

from .case import Array, C, function

MATRIX = (3, 4)
CUBE = (2, 3, 4)
PAIR = (MATRIX, MATRIX)
ROWS = np.array([2, 0], np.int64)
LABELS = [2, 0, 1]
CORNERS = np.array([[[[0, 3], [9, 14]]]], np.int64)
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])


def np_erfc(x: Array) -> Array:
    from math import erfc

    return np.vectorize(erfc, otypes=[np.float64])(x).astype(x.dtype)


def np_attention(q: Array, k: Array, v: Array) -> Array:
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


def np_rows_set(x: Array, rows: Array) -> Array:
    out = x.copy()
    out[ROWS] = rows
    return out


def np_masked_scatter(x: Array, source: Array) -> Array:
    out = x.copy()
    out[MASK] = source.ravel()[: MASK.sum()]
    return out


def np_block_diag(a: Array, b: Array) -> Array:
    out = np.zeros((a.shape[0] + b.shape[0], a.shape[1] + b.shape[1]), a.dtype)
    out[: a.shape[0], : a.shape[1]] = a
    out[a.shape[0] :, a.shape[1] :] = b
    return out


def np_pairs(x: Array) -> Array:
    return np.array([[x[i], x[j]] for i in range(len(x)) for j in range(i + 1, len(x))])


def t(values: object) -> object:
    import tinygrad_fm

    return tinygrad_fm.tensor(values)


POINTWISE = [
    C("asinh", np.arcsinh, MATRIX, bare=False),
    C("acosh", np.arccosh, MATRIX, domain="above one", bare=False),
    C("atanh", np.arctanh, MATRIX, domain="unit", bare=False),
    C("erfc", np_erfc, MATRIX, bare=False),
    C("deg2rad", np.deg2rad, MATRIX, bare=False),
    C("rad2deg", np.rad2deg, MATRIX, bare=False),
    C("hypot", np.hypot, *PAIR, broadcasts=True, bare=False),
    C("logaddexp", np.logaddexp, *PAIR, broadcasts=True, bare=False),
    C("logit", lambda x: np.log(x / (1 - x)), MATRIX, domain="probability", bare=False),
    C("nan_to_num", np.nan_to_num, MATRIX, bare=False),
    C("sgn", np.sign, MATRIX, bare=False),
    C("xlogy", lambda x, y: x * np.log(y), *PAIR, domain="positive", broadcasts=True, bare=False),
]  # fmt: skip

STATISTICS = [
    C("aminmax", lambda x: (x.min(1), x.max(1)), CUBE, dim=1, bare=False),
    C("nanmean", np.nanmean, MATRIX, empty=None, bare=False),
    C("nansum", lambda x: np.nansum(x, 1), CUBE, dim=1, bare=False),
    C("quantile", lambda x: np.quantile(x, 0.3), MATRIX, q=0.3, empty=None, bare=False),
    C("quantile", lambda x: np.quantile(x, 0.6, axis=1), CUBE, q=0.6, dim=1, bare=False, empty=None),
]  # fmt: skip

PRODUCTS = [
    C("cdist", lambda a, b: np.sqrt(((a[:, None] - b) ** 2).sum(-1)), (3, 4), (2, 4), empty=((0, 4), (2, 4)), bare=False),
    C("dist", lambda a, b: np.sqrt(((a - b) ** 2).sum()), *PAIR, empty=None, bare=False),
    C("inner", np.inner, (3, 4), (2, 4), empty=((0, 4), (2, 4)), bare=False),
    C("kron", np.kron, (2, 3), (3, 2), empty=None, bare=False),
    C("matrix_power", lambda x: x @ x @ x, (3, 3), n=3, empty=None, bare=False),
    C("tensordot", lambda a, b: np.tensordot(a, b, 1), (3, 4), (4, 2), dims=1, empty=((0, 4), (4, 2)), bare=False),
    C("tensordot", lambda a, b: np.tensordot(a, b, ([0, 2], [1, 0])), CUBE, (4, 2, 3), dims=([0, 2], [1, 0]), empty=None,
      bare=False),
    C("trace", np.trace, (3, 4), empty=None, bare=False),
    C("scaled_dot_product_attention", np_attention, (2, 3, 4), (2, 5, 4), (2, 5, 4), empty=None, bare=False),
]  # fmt: skip

GRIDS = [
    C("atleast_1d", lambda x: x[None], (), empty=None, bare=False),
    C("atleast_2d", np.atleast_2d, (4,), empty=((0,),), bare=False),
    C("atleast_3d", np.atleast_3d, MATRIX, bare=False),
    C("block_diag", np_block_diag, (2, 3), (1, 2), empty=None, bare=False),
    C("broadcast_tensors", lambda a, b: tuple(np.broadcast_arrays(a, b)), (3, 1), (4,), empty=((0, 1), (4,)), bare=False),
    C("cartesian_prod", lambda a, b: np.stack([g.ravel() for g in np.meshgrid(a, b, indexing="ij")], -1), (3,), (2,),
      bare=False),
    C("combinations", np_pairs, (4,), empty=None, bare=False),
    C("column_stack", lambda a, b: np.column_stack([a, b]), (3,), (3,), call=lambda a, b: function("column_stack")([a, b]),
      bare=False),
    C("row_stack", lambda a, b: np.vstack([a, b]), *PAIR, call=lambda a, b: function("row_stack")([a, b]), bare=False),
    C("dstack", lambda a, b: np.dstack([a, b]), *PAIR, call=lambda a, b: function("dstack")([a, b]), bare=False),
    C("diagflat", np.diagflat, (3,), empty=((0,),), bare=False),
    C("diff", lambda x: np.diff(x, 1, 1), CUBE, dim=1, bare=False),
    C("diff", lambda x: np.diff(x, 2), MATRIX, n=2, bare=False),
    C("fliplr", np.fliplr, MATRIX, bare=False),
    C("flipud", np.flipud, MATRIX, bare=False),
    C("hsplit", lambda x: tuple(np.hsplit(x, 2)), MATRIX, indices_or_sections=2, bare=False),
    C("vsplit", lambda x: tuple(np.vsplit(x, [1])), MATRIX, indices_or_sections=[1], bare=False, empty=None),
    C("tensor_split", lambda x: tuple(np.array_split(x, 3, 1)), MATRIX, indices_or_sections=3, dim=1, bare=False),
    C("meshgrid", lambda a, b: tuple(np.meshgrid(a, b, indexing="ij")), (3,), (2,), bare=False),
    C("rot90", np.rot90, MATRIX, bare=False),
    C("take", lambda x: x.ravel()[[0, 5, 5]], MATRIX, empty=None, bare=False,
      call=lambda x: __import__("tinygrad_fm").take(x, t([0, 5, 5]))),
]  # fmt: skip

WRITING = [
    C("index_copy", np_rows_set, MATRIX, (2, 4), call=lambda x, s: function("index_copy")(x, 0, t(ROWS), s), empty=None,
      bare=False),
    C("index_fill", lambda x: np_rows_set(x, np.full((2, 4), 7.0)), MATRIX, empty=None, bare=False,
      call=lambda x: function("index_fill")(x, 0, t(ROWS), 7.0)),
    C("masked_scatter", np_masked_scatter, MATRIX, (3, 3), empty=None, bare=False,
      call=lambda x, s: function("masked_scatter")(x, t(MASK), s)),
]  # fmt: skip


def np_log_likelihood(x: Array, y: Array, var: Array) -> Array:
    return (0.5 * (np.log(var) + (x - y) ** 2 / var)).mean()


def np_margins(x: Array) -> Array:
    right = x[np.arange(3), LABELS][:, None]
    return (np.maximum(0, 1 - right + x) * (1 - np.eye(4)[LABELS])).sum() / x.size


def np_rms_norm(x: Array, w: Array) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + np.finfo(x.dtype).eps) * w


def np_response_norm(x: Array) -> Array:
    squares = np.pad(x**2, ((0, 0), (1, 1), (0, 0)))
    around = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    return x / (1 + 0.3 * around / 3) ** 0.75


def np_triplet(a: Array, p: Array, n: Array) -> Array:
    def far(x: Array, y: Array) -> Array:
        return np.sqrt(((x - y + 1e-6) ** 2).sum(-1))

    return np.maximum(0, far(a, p) - far(a, n) + 1).mean()


def np_unpool(x: Array) -> Array:
    out = np.zeros((1, 1, 16), x.dtype)
    out[0, 0, CORNERS.ravel()] = x.ravel()
    return out.reshape(1, 1, 4, 4)


LAYERS = [
    C("bilinear", lambda a, b, w: np.einsum("ni,oij,nj->no", a, w, b), (3, 4), (3, 2), (5, 4, 2), bare=False, empty=None),
    C("channel_shuffle", lambda x: x.reshape(2, 2, 2, 3).swapaxes(1, 2).reshape(2, 4, 3), (2, 4, 3), groups=2, bare=False,
      empty=None),
    C("local_response_norm", np_response_norm, (2, 4, 3), size=3, alpha=0.3, bare=False, empty=None),
    C("lp_pool2d", lambda x: np.sqrt((x.reshape(1, 2, 2, 2, 2, 2) ** 2).sum((3, 5))), (1, 2, 4, 4), norm_type=2,
      kernel_size=2, bare=False, empty=None),
    C("max_unpool2d", np_unpool, (1, 1, 2, 2), call=lambda x: function("max_unpool2d")(x, t(CORNERS), 2), bare=False,
      empty=None),
    C("rms_norm", np_rms_norm, CUBE, (4,), call=lambda x, w: function("rms_norm")(x, (4,), w), bare=False,
      empty=((0, 3, 4), (4,))),
]  # fmt: skip

LOSSES = [
    C("gaussian_nll_loss", np_log_likelihood, MATRIX, MATRIX, MATRIX, domain="positive", bare=False, empty=None),
    C("poisson_nll_loss", lambda x, y: (np.exp(x) - y * x).mean(), *PAIR, bare=False, empty=None),
    C("multi_margin_loss", np_margins, MATRIX, call=lambda x: function("multi_margin_loss")(x, t(LABELS)), bare=False,
      empty=None),
    C("multilabel_soft_margin_loss", lambda x: np.log1p(np.exp(np.where(MASK, -x, x))).mean(), MATRIX, bare=False,
      call=lambda x: function("multilabel_soft_margin_loss")(x, t(MASK.astype(float)).to(x.dtype)), empty=None),
    C("triplet_margin_with_distance_loss", np_triplet, MATRIX, MATRIX, MATRIX, bare=False, empty=None),
]  # fmt: skip

DERIVED = [*POINTWISE, *STATISTICS, *PRODUCTS, *GRIDS, *WRITING, *LAYERS, *LOSSES]
