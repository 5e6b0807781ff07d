"""Random numbers. https://pytorch.org/docs/stable/torch.html#random-sampling"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from ..autograd.box import box, raw
from ..autograd.tensor_type import Tensor
from ..dtypes import OURS, as_numpy, default_float
from ..random import Generator
from ._arguments import common_shape, int64
from .creation import checked_shape, finish, like_creator, size_by_name

__all__ = [
    "bernoulli",
    "binomial",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]


def _draw(size: tuple[Any, ...], name: str, draw: Callable[..., np.ndarray[Any, Any]], dtype: Any) -> np.ndarray[Any, Any]:
    kind = default_float() if dtype is None else as_numpy(dtype)
    if kind.kind != "f":
        raise RuntimeError(f"{name}(): needs a floating-point dtype, got {kind}")
    drawn = draw(checked_shape(size, name), dtype=kind if kind != np.float16 else np.dtype(np.float32))
    return np.asarray(drawn, kind)


@size_by_name
def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers drawn evenly from [0, 1).

    >>> import tinygrad_fm as torch
    >>> torch.rand(2, 3).shape
    torch.Size([2, 3])
    """
    return finish(_draw(size, "rand", random.bits(generator).random, dtype), device, requires_grad)


@size_by_name
def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1.

    >>> import tinygrad_fm as torch
    >>> torch.randn(2, 3).shape
    torch.Size([2, 3])
    """
    return finish(_draw(size, "randn", random.bits(generator).standard_normal, dtype), device, requires_grad)


def whole_numbers(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The first and the last of the whole numbers in a row that ``dtype`` holds exactly."""
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        most = 2 ** (np.finfo(dtype).nmant + 1)
        return -most, most
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Whole numbers drawn evenly from ``low`` (0) up to but without ``high``: ``randint(10, (2, 3))``.

    Raises:
        RuntimeError: ``low`` is not below ``high``, or the dtype does not hold the numbers.
        TypeError: no size.

    >>> import tinygrad_fm as torch
    >>> torch.randint(0, 10, (2, 3)).shape, torch.randint(5, (1000,)).max()
    (torch.Size([2, 3]), tensor(4))
    """
    if size is None:
        low, high, size = 0, low, high
        if size is None:
            raise TypeError("randint(): high and size must be given: randint(10, (2, 3))")
    elif high is None:
        low, high = 0, low
    if not low < high:
        raise RuntimeError(f"randint(): low must be below high, got {low} and {high}")
    kind = np.dtype(np.int64 if dtype is None else as_numpy(dtype))
    least, most = whole_numbers(kind)
    if low < least or high - 1 > most:
        raise RuntimeError(f"randint(): {kind} holds {least} to {most}, but numbers from {low} to {high - 1} are asked for")
    drawn = random.bits(generator).integers(low, high, checked_shape((size,), "randint"))
    return finish(drawn.astype(kind), device, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The numbers 0 … n−1 in random order.

    Raises TypeError for what is no int, RuntimeError for a negative one or one that ``dtype`` cannot hold.

    >>> import tinygrad_fm as torch
    >>> torch.sort(torch.randperm(4)).values
    tensor([0, 1, 2, 3])
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise TypeError(f"randperm(): n must be int, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError(f"randperm(): n cannot be negative, got {n}")
    wanted = np.dtype(np.int64 if dtype is None else as_numpy(dtype))
    if n - 1 > whole_numbers(wanted)[1]:
        raise RuntimeError(f"randperm(): {wanted} cannot hold the numbers up to {n - 1}")
    return finish(random.bits(generator).permutation(n).astype(wanted), device, False)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
) -> Tensor:
    """Numbers drawn from normal distributions with the given means and standard deviations, which broadcast.

    Raises RuntimeError for a negative standard deviation, ShapeError for shapes that do not broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    means, stds = raw(mean), raw(std)
    if np.any(np.less(stds, 0)):
        raise RuntimeError("normal(): the standard deviation must not be negative")
    shape = common_shape("normal", np.shape(means), np.shape(stds)) if size is None else checked_shape((size,), "normal")
    kinds = [OURS[v.dtype] for v in (means, stds) if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    drawn = raw(randn(shape, generator=generator, dtype=dtype or (kinds[0] if kinds else None)))
    return finish(np.asarray(drawn * stds + means, drawn.dtype), device, requires_grad)


def poisson(input: Any, generator: Generator | None = None) -> Tensor:
    """Whole numbers drawn from the Poisson distribution, whose mean each element of ``input`` gives.

    Raises RuntimeError for a negative mean, NotImplementedError if ``input`` is not floating-point.

    >>> import tinygrad_fm as torch
    >>> torch.poisson(torch.tensor([0.0, 0.0]))
    tensor([0., 0.])
    """
    rate = raw(input)
    if rate.dtype.kind != "f":
        raise NotImplementedError(f"poisson(): a floating-point tensor is needed, got {rate.dtype}")
    if (rate < 0).any():
        raise RuntimeError("poisson(): the means must not be negative")
    return box(np.asarray(random.bits(generator).poisson(rate)).astype(rate.dtype))


def binomial(count: Any, prob: Any, generator: Generator | None = None) -> Tensor:
    """How many of ``count`` trials succeed, each with probability ``prob``: drawn for each pair of elements, of their dtype.

    Raises:
        RuntimeError: the two have different dtypes.
        ShapeError: they do not broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.binomial(torch.tensor([10.0, 10.0]), torch.tensor([0.0, 1.0]))
    tensor([ 0., 10.])
    """
    n, p = np.asarray(raw(count)), np.asarray(raw(prob))
    if n.dtype != p.dtype:
        raise RuntimeError(f"binomial(): count and prob must have one dtype, got {n.dtype} and {p.dtype}")
    common_shape("binomial", n.shape, p.shape)
    return box(np.asarray(random.bits(generator).binomial(n.astype(np.int64), p)).astype(p.dtype))


def bernoulli(input: Any, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element of ``input`` gives, else 0.

    Raises RuntimeError for a probability that is not from 0 to 1.

    >>> import tinygrad_fm as torch
    >>> torch.bernoulli(torch.tensor([0.0, 1.0, 1.0]))
    tensor([0., 1., 1.])
    """
    chance = raw(input)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise RuntimeError("bernoulli(): every probability must be from 0 to 1")
    return box((random.bits(generator).random(chance.shape) < chance).astype(chance.dtype))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Indices drawn with probabilities proportional to ``input``, (K,) or (N, K); returns int64 (num_samples,) or (N, …).

    Raises RuntimeError for negative or all-zero weights, or more samples without replacement than there are positive ones.

    >>> import tinygrad_fm as torch
    >>> torch.multinomial(torch.tensor([0.0, 0.0, 1.0]), 3, replacement=True)
    tensor([2, 2, 2])
    """
    if raw(input).dtype.kind != "f":
        raise RuntimeError(f"multinomial(): the weights must be floating-point, got {raw(input).dtype}")
    if raw(input).ndim not in (1, 2):
        raise RuntimeError(f"multinomial(): input must have 1 or 2 dimensions, got shape {raw(input).shape}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial(): num_samples must be positive, got {num_samples}")
    weights = np.asarray(raw(input), np.float64)
    rows = np.atleast_2d(weights)
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial(): weights must be finite, not negative, and not all 0")
    if not replacement and ((rows > 0).sum(1) < num_samples).any():
        raise RuntimeError(f"multinomial(): fewer than {num_samples} positive weights to draw from without replacement")
    source = random.bits(generator)
    drawn = np.empty((len(rows), num_samples), np.int64)
    for i, w in enumerate(rows):
        drawn[i] = source.choice(len(w), num_samples, replacement, w / w.sum())
    return box(int64(drawn[0] if weights.ndim == 1 else drawn))


rand_like, randn_like = like_creator(rand), like_creator(randn)


def randint_like(
    input: Any,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """:func:`randint` with the shape and (unless given) dtype of ``input``.

    >>> import tinygrad_fm as torch
    >>> torch.randint_like(torch.ones(2, 3), 10).shape
    torch.Size([2, 3])
    """
    bounds = (0, low) if high is None else (low, high)
    kind = OURS[raw(input).dtype] if dtype is None else dtype
    return randint(*bounds, raw(input).shape, dtype=kind, device=device, requires_grad=requires_grad)
