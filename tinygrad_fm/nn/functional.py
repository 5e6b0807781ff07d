"""PyTorch's ``torch.nn.functional``: operations under the names that they have there, with the same arguments.

They are the operations of ``tinygrad_fm.ops`` as they are, and those that also change something: ``batch_norm`` and
``instance_norm`` their running statistics, ``embedding`` and ``embedding_bag`` rows that are too long.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import box
from ..autograd.vmap_levels import refuse_write
from ..dtypes import float16, float32
from ..errors import ShapeError
from ..ops import functions as ops
from ..ops._arguments import as_index
from ..ops.activation import *
from ..ops.adaptive_pooling import *
from ..ops.attention import *
from ..ops.conv import *
from ..ops.cross_entropy import *
from ..ops.ctc import *
from ..ops.distance import cosine_similarity, pairwise_distance, pdist
from ..ops.dropout import *
from ..ops.fold import *
from ..ops.pixel_shuffle import *
from ..ops.grid_sample import *
from ..ops.interpolate import *
from ..ops.loss import *
from ..ops.padding import *
from ..ops.pooling import *
from ..ops.pooling3d import *
from ..ops.unpooling import *
from ..ops.softmax import *
from ..ops.elementwise import sigmoid, tanh
from ..ops.embedding import embedding as _embedding
from ..ops.embedding import one_hot
from ..ops.matmul import bilinear, linear
from ..ops.group_norm import group_norm
from ..ops.group_norm import instance_norm as _instance_norm
from ..ops.normalization import layer_norm, local_response_norm, normalize, rms_norm
from ..ops.shape import flatten
from ..torch_compat.left_out import refuse
from .._tensor import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias, per channel.

    Args:
        input: (N, C, …).
        running_mean, running_var: (C,); used as they are, or in ``training`` moved towards the batch's, if given.
        weight, bias: (C,) or None.
        training: whether mean and (biased) variance are the batch's.
        momentum: how far the running statistics move; the running variance is unbiased.
        eps: added to the variance; in training above 0.

    Raises:
        ShapeError: statistics or parameters of another size.
        ValueError: a single value per channel in training, one running statistic without the other, a bad ``eps``.
        RuntimeError: a (C,) argument of another length, no running statistics when not training.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithms 1 and 2.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.batch_norm(torch.tensor([[1.0], [3.0]]), torch.zeros(1), torch.ones(1), training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    channels = input.shape[1] if input.ndim > 1 else 0
    count = input.numel() // channels if channels else 0
    if training and count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size torch.Size({list(input.shape)})"
        )
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"batch_norm(): eps must be above 0 in training and not negative, got {eps}")
    _check_running("batch_norm", running_mean, running_var, training)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in given.items():
        if value is not None and value.shape != (channels,):
            got = value.shape[0] if value.ndim == 1 else tuple(value.shape)
            raise ShapeError(f"batch_norm(): {name} should contain {channels} elements not {got}")
    _check_dtypes("batch_norm", input, **given)
    if not channels:
        return input.clone()
    if not training:
        return ops.normalize_channels(input, running_mean, running_var, weight, bias, eps)
    if not count:  # no mean to speak of: nothing to normalise, and no gradient but zeros
        return ops.normalize_channels(input, input.new_zeros(channels), input.new_ones(channels), weight, bias, eps)
    result, mean, var = ops.batch_norm(input, weight, bias, eps)
    if running_mean is not None:
        refuse_write("batch_norm", running_mean, [input])
    _move(running_mean, mean, momentum)
    _move(running_var, var, momentum, count / (count - 1))
    return result


def _check_dtypes(op: str, input: Tensor, **given: Tensor | None) -> None:
    """Parameters and statistics are of the input's dtype, or float32 for float16; no whole numbers."""
    allowed = (float16, float32) if input.dtype == float16 else (input.dtype,)
    if not input.is_floating_point():
        raise NotImplementedError(f"{op}(): not implemented for {input.dtype}; use .float()")
    for name, value in given.items():
        if value is not None and value.dtype not in allowed:
            raise RuntimeError(f"{op}(): mixed dtype: input is {input.dtype}, but {name} {value.dtype}; convert one with .to()")


def _check_running(op: str, mean: Tensor | None, var: Tensor | None, by_input: bool) -> None:
    if not by_input and (mean is None or var is None):
        raise RuntimeError(f"{op}(): running_mean and running_var must be given unless the input's own statistics are used")
    if (mean is None) != (var is None):
        raise ValueError(f"{op}(): running_mean and running_var must either both be None or neither be None")


def _move(running: Tensor | None, batch: np.ndarray, momentum: float, factor: float = 1.0) -> None:
    """running ← (1 − momentum) · running + momentum · factor · batch, outside the tape."""
    if running is not None:
        array = running._array
        array *= 1 - momentum
        array += batch * (momentum * factor)
        running._written()


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias, each channel of each sample by its own statistics.

    Args:
        input: (N, C, …).
        running_mean, running_var: (C,); moved towards the average over the samples, or used as they are if not
            ``use_input_stats``.
        weight, bias: (C,) or None.
        use_input_stats: whether mean and (biased) variance are the samples' own.
        momentum, eps: as in `batch_norm`.

    Raises:
        ValueError: a single value per channel of a sample. And what `batch_norm` raises.

    Source: Ulyanov et al. 2016, "Instance normalization".

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.instance_norm(torch.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    _check_running("instance_norm", running_mean, running_var, use_input_stats)
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size torch.Size({list(input.shape)})")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    result = _instance_norm(input, weight, bias, eps)
    x, inside = input._array, tuple(range(2, input.ndim))
    if running_mean is not None:
        _move(running_mean, x.mean((0, *inside)), momentum)
    if running_var is not None:
        _move(running_var, x.var(inside, ddof=1).mean(0), momentum)
    return result


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` at ``input``.

    Args:
        input: (…) int64 or int32, from 0 to V − 1.
        weight: (V, D).
        padding_idx: a row that receives no gradient.
        max_norm: rows that are looked up and longer than this are scaled down to it first, in ``weight`` itself.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it is looked up here.
        sparse: without effect.

    Returns:
        (…, D).

    Raises:
        IndexError: an index beyond the table.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.embedding(torch.tensor([0, 2]), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[1., 2.],
            [5., 6.]])
    """
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    rows = _embedding(input, weight, padding_idx)
    if scale_grad_by_freq and rows.requires_grad:
        _, inverse, counts = np.unique(input._array, return_inverse=True, return_counts=True)
        frequency = box(counts[inverse].reshape(*input.shape, 1).astype(rows._array.dtype))
        rows.register_hook(lambda g: g / frequency)
    return rows


def _shorten_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows at ``indices`` whose norm is above ``max_norm`` down to it, outside the tape."""
    rows = np.unique(indices._array)
    norms = np.linalg.norm(weight._array[rows], norm_type, axis=1)
    far = norms > max_norm
    weight._array[rows[far]] *= (max_norm / (norms[far] + 1e-7))[:, None]
    weight._written()


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of ``weight`` in each bag of indices; zeros for a bag without any.

    Args:
        input: (B, L) integers, a bag to a row; or (n,), bags one after the other.
        weight: (V, D).
        offsets: (B,) where each bag starts; for an ``input`` of one dimension, and only then.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in `embedding`.
        mode: "sum", "mean" or "max".
        per_sample_weights: factors of the rows, shaped as ``input``; for "sum" only.
        include_last_offset: whether ``offsets`` has one more entry, where the last bag ends.
        padding_idx: an index that does not count as part of a bag.

    Returns:
        (B, D).

    Raises:
        ValueError: arguments that do not fit one another. RuntimeError: offsets that do not start at 0 or leave ``input``.
        NotImplementedError: ``per_sample_weights`` of another mode than "sum".

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.nn import functional as F
        >>> table = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> F.embedding_bag(tensor([0, 1, 2]), table, tensor([0, 2]), mode="sum")
        tensor([[4., 6.],
                [5., 6.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag(): mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError("embedding_bag(): max mode does not support scale_grad_by_freq or sparse weights")
    if weight.ndim != 2:
        raise ValueError(f"embedding_bag(): weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(f"embedding_bag(): per_sample_weights is only supported for mode='sum', got {mode!r}")
        if per_sample_weights.shape != input.shape:
            raise ValueError(
                f"embedding_bag(): per_sample_weights should have the input's shape {tuple(input.shape)}, "
                f"got {tuple(per_sample_weights.shape)}"
            )
    bag, count = _bag_numbers(input, offsets, include_last_offset)
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1, 1)
    rows = embedding(input.reshape(-1), weight, None, max_norm, norm_type, scale_grad_by_freq)
    if padding_idx is not None:
        counts = input._array.ravel() != padding_idx % len(weight)
        bag, rows = bag[counts], rows[box(counts)]
        factors = None if factors is None else factors[box(counts)]
    sizes = np.bincount(as_index(bag), minlength=count)
    if mode == "max":
        return _largest_in_bags(rows, bag, sizes)
    total = weight.new_zeros(count, weight.shape[1]).index_add(0, box(bag), rows if factors is None else rows * factors)
    return total if mode == "sum" else total / box(np.maximum(sizes, 1)[:, None].astype(total._array.dtype))


def _bag_numbers(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> tuple[np.ndarray, int]:
    """For every index the number of its bag, and how many bags there are."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag(): if input is 2D, each row is a bag, and offsets has to be None")
        return np.repeat(np.arange(len(input), dtype=np.int64), input.shape[1]), len(input)
    if input.ndim != 1:
        raise ValueError(f"embedding_bag(): input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None or offsets.ndim != 1:
        raise ValueError("embedding_bag(): for a 1D input, offsets has to be a 1D Tensor, where each bag starts")
    starts = offsets._array.astype(np.int64)
    if include_last_offset:
        if not starts.size:
            raise RuntimeError("embedding_bag(): include_last_offset: number of offsets should be at least 1")
        ends = starts[1:]
        starts = starts[:-1]
    else:
        ends = np.append(starts[1:], len(input))
    edges = np.append(starts, ends[-1:])
    if edges.size and (edges[0] != 0 or (np.diff(edges) < 0).any() or edges[-1] > len(input)):
        raise RuntimeError(
            f"embedding_bag(): offsets must start with 0, not decrease and not be greater than input's length {len(input)}, "
            f"got {offsets._array.tolist()}"
        )
    return np.repeat(np.arange(len(starts), dtype=np.int64), as_index(ends - starts)), len(starts)


def _largest_in_bags(rows: Tensor, bag: np.ndarray, sizes: np.ndarray) -> Tensor:
    """(B, D): the maximum of the ``rows`` of each bag, zeros where it has none."""
    longest = int(sizes.max(initial=0))
    if not longest:
        return rows.new_zeros(len(sizes), rows.shape[1])
    place = np.zeros((len(sizes), longest), np.int64)  # which row, for every place in every bag
    there = np.arange(longest) < sizes[:, None]
    place[there] = np.arange(len(bag))
    found = rows[box(place)].masked_fill(box(~there[:, :, None]), -math.inf).max(1)[0]
    return found.masked_fill(box(sizes[:, None] == 0), 0.0)


def _in_place(name: str, result: str, arguments: str = "") -> Callable[..., Tensor]:
    """The activation ``name`` with its result written into the input; ``result`` of −1 and 2 is shown by its docstring."""
    function = globals()[name]

    def activation_(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(input, *args, **kwargs, inplace=True)

    activation_.__name__ = f"{name}_"
    activation_.__doc__ = f"""``{name}``, with the result written into the input.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([-1.0, 2.0])
    >>> torch.nn.functional.{name}_(x{arguments}) is x
    True
    >>> x
    tensor([{result}])
    """
    return activation_


relu_ = _in_place("relu", "0., 2.")
leaky_relu_ = _in_place("leaky_relu", "-0.0100,  2.0000")
elu_ = _in_place("elu", "-0.6321,  2.0000")
celu_ = _in_place("celu", "-0.6321,  2.0000")
selu_ = _in_place("selu", "-1.1113,  2.1014")
hardtanh_ = _in_place("hardtanh", "-1.,  1.")
threshold_ = _in_place("threshold", "-3.,  2.", ", 0.5, -3.0")
rrelu_ = _in_place("rrelu", "-0.2292,  2.0000")


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """:func:`interpolate`, under its older name.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode=mode, align_corners=align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` by the nearest element.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.upsample_nearest(torch.tensor([[[1.0, 2.0]]]), 4)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` bilinearly, with the corners kept.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.upsample_bilinear(torch.tensor([[[[0.0, 2.0]]]]), (1, 3))
    tensor([[[[0., 1., 2.]]]])
    """
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


__getattr__ = refuse("torch.nn.functional")
