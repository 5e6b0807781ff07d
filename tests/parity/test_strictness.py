"""What PyTorch refuses, warns of or copies, in small corners of indexing, joining and padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm

BOTH = pytest.mark.parametrize("lib", [torch, tinygrad_fm], ids=["torch", "ours"])
Call = Callable[[Any], Any]

REFUSED: dict[str, Call] = {
    "take_along_dim of int32": lambda lib: lib.take_along_dim(lib.zeros(3), lib.tensor([0], dtype=lib.int32), 0),
    "take of int32": lambda lib: lib.take(lib.zeros(3), lib.tensor([0], dtype=lib.int32)),
    "index_fill of int32": lambda lib: lib.index_fill(lib.zeros(3), 0, lib.tensor([0], dtype=lib.int32), 1.0),
    "index_fill of bools": lambda lib: lib.index_fill(lib.zeros(3), 0, lib.tensor([True]), 1.0),
    "index_fill of a matrix": lambda lib: lib.index_fill(lib.zeros(3), 0, lib.tensor([[0]]), 1.0),
    "index_fill with a vector": lambda lib: lib.index_fill(lib.zeros(3), 0, lib.tensor([0]), lib.zeros(1)),
    "index_fill beyond": lambda lib: lib.index_fill(lib.zeros(3), 0, lib.tensor([3]), 1.0),
    "index_copy of -1": lambda lib: lib.index_copy(lib.zeros(3), 0, lib.tensor([-1]), lib.zeros(1)),
    "index_copy of integers": lambda lib: lib.index_copy(lib.zeros(3), 0, lib.tensor([1]), lib.tensor([1])),
    "masked_fill of uint8": lambda lib: lib.masked_fill(lib.zeros(2), lib.tensor([1, 0], dtype=lib.uint8), 1.0),
    "masked_select of uint8": lambda lib: lib.masked_select(lib.zeros(2), lib.tensor([1, 0], dtype=lib.uint8)),
    "meshgrid of two dtypes": lambda lib: lib.meshgrid(lib.zeros(2), lib.tensor([1, 2]), indexing="ij"),
    "linspace of bool": lambda lib: lib.linspace(0, 1, 3, dtype=lib.bool),
    "logspace of bool": lambda lib: lib.logspace(0, 1, 3, dtype=lib.bool),
    "arange of bool": lambda lib: lib.arange(0, 2, dtype=lib.bool),
    "an int by index": lambda lib: lib.zeros(3).__setitem__(lib.tensor([0]), lib.tensor([1])),
    "a 0-d int by index": lambda lib: lib.zeros(3).__setitem__(lib.tensor([0]), lib.tensor(1)),
    "a float32 into float64 by index": lambda lib: lib.zeros(3).double().__setitem__(lib.tensor([0]), lib.zeros(1)),
    "ints by a mask": lambda lib: lib.zeros(2).__setitem__(lib.tensor([True, True]), lib.tensor([1, 2])),
    "index_put of an int": lambda lib: lib.zeros(3).index_put((lib.tensor([0]),), lib.tensor(1)),
    "reflect pad to nothing": lambda lib: lib.nn.functional.pad(lib.zeros(1, 3), (-3, 0), mode="reflect"),
    "replicate pad to nothing": lambda lib: lib.nn.functional.pad(lib.zeros(1, 3), (-2, -1), mode="replicate"),
    "unfold larger than the dimension": lambda lib: lib.zeros(3).unfold(0, 4, 1),
    "unfold of a negative size": lambda lib: lib.zeros(3).unfold(0, -1, 1),
    "unfold without a step": lambda lib: lib.zeros(3).unfold(0, 2, 0),
}


@BOTH
@pytest.mark.parametrize("name", REFUSED)
def test_refused(lib: Any, name: str) -> None:
    with pytest.raises((RuntimeError, IndexError, TypeError, NotImplementedError)):
        REFUSED[name](lib)


@BOTH
def test_accepted(lib: Any) -> None:
    x = lib.zeros(3).double()
    x[lib.tensor([True, False, False])] = lib.tensor([1])
    x[1:2] = lib.tensor([2])
    x[lib.tensor([2])] = 3
    assert x.tolist() == [1, 2, 3]


@BOTH
def test_uint8_masks_warn(lib: Any) -> None:
    mask = lib.tensor([1, 0, 1], dtype=lib.uint8)
    with pytest.warns(UserWarning, match="uint8"):
        assert lib.arange(3)[mask].tolist() == [0, 2]
    with pytest.warns(UserWarning, match="uint8"):
        assert lib.where(mask, 1.0, 2.0).tolist() == [1, 2, 1]


@BOTH
def test_cat_counts_the_dtypes_of_empty_tensors(lib: Any) -> None:
    assert lib.cat([lib.tensor([]), lib.tensor([1, 2])]).dtype == lib.float32
    assert lib.cat([lib.tensor([1, 2]), lib.tensor([], dtype=lib.float64)]).dtype == lib.float64
    assert lib.cat([lib.tensor([], dtype=lib.int64), lib.tensor([1.0])]).dtype == lib.float32
    assert lib.cat([lib.tensor([]), lib.tensor([True])]).dtype == lib.float32


# what may return its input, a view of it, or a copy: the same as in PyTorch
SHARING: dict[str, Call] = {
    f"pad of nothing, {mode}": lambda lib, x, mode=mode: lib.nn.functional.pad(x, (0, 0), mode=mode)
    for mode in ("constant", "reflect", "replicate", "circular")
}
SHARING |= {
    "repeat": lambda lib, x: x.repeat(1, 1),
    "tile": lambda lib, x: lib.tile(x, (1, 1)),
    "repeat_interleave": lambda lib, x: lib.repeat_interleave(x, 1, 0),
    "flip": lambda lib, x: lib.flip(x, ()),
    "roll": lambda lib, x: lib.roll(x, 0, 0),
    "rot90": lambda lib, x: lib.rot90(x, 0),
    "cat of one": lambda lib, x: lib.cat([x]),
    "stack of one": lambda lib, x: lib.stack([x]),
    "clamp": lambda lib, x: lib.clamp(x, -9, 9),
    "relu": lambda lib, x: lib.relu(x),
    "dropout of 0": lambda lib, x: lib.nn.functional.dropout(x, 0.0),
    "dropout in eval": lambda lib, x: lib.nn.functional.dropout(x, 0.5, False),
    "where": lambda lib, x: lib.where(x > -9, x, x),
    "masked_fill": lambda lib, x: lib.masked_fill(x, x > 9, 0.0),
    "nan_to_num": lambda lib, x: lib.nan_to_num(x),
    "tril": lambda lib, x: lib.tril(x, 9),
    "index_select": lambda lib, x: lib.index_select(x, 0, lib.arange(2)),
    "x[:]": lambda lib, x: x[:],
    "x[...]": lambda lib, x: x[...],
    "x[None]": lambda lib, x: x[None],
    "to the same dtype": lambda lib, x: x.to(x.dtype),
    "float": lambda lib, x: x.float(),
    "contiguous": lambda lib, x: x.contiguous(),
    "reshape": lambda lib, x: x.reshape(4),
    "flatten": lambda lib, x: x.flatten(),
    "squeeze": lambda lib, x: x.squeeze(),
    "expand": lambda lib, x: x.expand(2, 2),
    "sum over nothing": lambda lib, x: lib.sum(x.reshape(2, 2, 1), 2),
    "prod of one": lambda lib, x: lib.prod(x.reshape(4, 1), 1),
    "cumsum": lambda lib, x: lib.cumsum(x.reshape(4, 1), 1),
    "cumprod": lambda lib, x: lib.cumprod(x.reshape(4, 1), 1),
    "amax of one": lambda lib, x: lib.amax(x.reshape(4, 1), 1),
    "sort": lambda lib, x: lib.sort(x)[0],
    "broadcast_to": lambda lib, x: lib.broadcast_to(x, (2, 2)),
    "meshgrid": lambda lib, x: lib.meshgrid(x.reshape(4), indexing="ij")[0],
    "atleast_1d": lambda lib, x: lib.atleast_1d(x),
    "abs": lambda lib, x: lib.abs(x),
    "round": lambda lib, x: lib.round(x),
    "mul by 1": lambda lib, x: x * 1,
    "positive": lambda lib, x: lib.positive(x),
    "diff of 0": lambda lib, x: lib.diff(x, 0),
    "matrix_power of 1": lambda lib, x: lib.matrix_power(x, 1),
    "max_pool of 1": lambda lib, x: lib.nn.functional.max_pool2d(x[None], 1),
    "avg_pool of 1": lambda lib, x: lib.nn.functional.avg_pool2d(x[None], 1),
    "adaptive_avg_pool of the same": lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x[None], 2),
    "interpolate to the same": lambda lib, x: lib.nn.functional.interpolate(x[None, None], size=(2, 2)),
    "pixel_shuffle of 1": lambda lib, x: lib.nn.functional.pixel_shuffle(x[None], 1),
    "softmax of nothing": lambda lib, x: lib.softmax(x, 1),
    "chunk of one": lambda lib, x: lib.chunk(x, 1)[0],
    "diagonal": lambda lib, x: lib.diagonal(x),
    "diag": lambda lib, x: lib.diag(x),
    "movedim": lambda lib, x: lib.movedim(x, 0, 1),
    "add of nothing": lambda lib, x: lib.add(x, 0),
    "einsum of one": lambda lib, x: lib.einsum("ij->ij", x),
    "block_diag of one": lambda lib, x: lib.block_diag(x),
    "cartesian_prod of one": lambda lib, x: lib.cartesian_prod(x.reshape(4)),
    "hstack of one": lambda lib, x: lib.hstack([x]),
    "as_tensor": lambda lib, x: lib.as_tensor(x),
    "clone": lambda lib, x: x.clone(),
    "detach": lambda lib, x: x.detach(),
    "mean of one": lambda lib, x: lib.mean(x.reshape(4, 1), 1),
    "logsumexp of one": lambda lib, x: lib.logsumexp(x.reshape(4, 1), 1),
    "median of one": lambda lib, x: lib.median(x.reshape(4, 1), 1)[0],
    "take_along_dim": lambda lib, x: lib.take_along_dim(x, lib.tensor([[0], [0]]), 1),
    "gelu": lambda lib, x: lib.nn.functional.gelu(x),
    "normalize": lambda lib, x: lib.nn.functional.normalize(x),
    "hardshrink": lambda lib, x: lib.nn.functional.hardshrink(x, 0.0),
    "threshold": lambda lib, x: lib.nn.functional.threshold(x, -9, 0.0),
    "leaky_relu of 1": lambda lib, x: lib.nn.functional.leaky_relu(x, 1.0),
    "fmod": lambda lib, x: lib.fmod(x, 100),
    "unique_consecutive": lambda lib, x: lib.unique_consecutive(x.reshape(4)),
}


def shares(lib: Any, call: Call) -> bool:
    """Whether a write to the result shows in the input."""
    x = lib.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = call(lib, x)
    if y.numel() <= x.numel():  # what was expanded is not written to
        y.fill_(7.0)
    return 7.0 in x.flatten().tolist()


@pytest.mark.parametrize("name", SHARING)
def test_shares_memory_where_pytorch_does(name: str) -> None:
    assert shares(tinygrad_fm, SHARING[name]) == shares(torch, SHARING[name])
