"""Operations that are only compositions of others, a family to a room: they need no rules and have all derivatives."""

from .attention import scaled_dot_product_attention
from .counting import bincount, bucketize, histc, isin, searchsorted, unique, unique_consecutive
from .grids import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_tensors, cartesian_prod, column_stack, combinations, diagflat,
    diff, dstack, fliplr, flipud, hsplit, meshgrid, rot90, row_stack, tensor_split, tril_indices, triu_indices, vsplit,
)  # fmt: skip
from .layers import (
    bilinear, channel_shuffle, gumbel_softmax, local_response_norm, lp_pool2d, max_unpool2d, rms_norm,
)  # fmt: skip
from .losses import (
    gaussian_nll_loss, multi_margin_loss, multilabel_soft_margin_loss, poisson_nll_loss, triplet_margin_with_distance_loss,
)  # fmt: skip
from .pointwise import (
    acosh, asinh, atanh, deg2rad, erfc, heaviside, hypot, isneginf, isposinf, logaddexp, logit, nan_to_num, positive, rad2deg,
    sgn, signbit, where, xlogy,
)  # fmt: skip
from .products import cdist, dist, inner, kron, matrix_power, tensordot, trace
from .statistics import aminmax, nanmean, nansum, quantile
from .writing import index_copy, index_fill, masked_scatter, take

__all__ = [
    "acosh", "aminmax", "asinh", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "bincount", "block_diag",
    "broadcast_tensors", "bucketize", "cartesian_prod", "cdist", "column_stack", "combinations", "deg2rad", "diagflat",
    "diff", "dist", "dstack", "erfc", "fliplr", "flipud", "heaviside", "histc", "hsplit", "hypot", "index_copy",
    "index_fill", "inner", "isin", "isneginf", "isposinf", "kron", "logaddexp", "logit", "masked_scatter", "matrix_power",
    "meshgrid", "nan_to_num", "nanmean", "nansum", "positive", "quantile", "rad2deg", "rot90", "row_stack",
    "scaled_dot_product_attention", "searchsorted", "sgn", "signbit", "take", "tensor_split", "tensordot", "trace",
    "tril_indices", "triu_indices", "unique", "unique_consecutive", "vsplit", "where", "xlogy",
]  # fmt: skip
