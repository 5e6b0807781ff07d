"""Samplers: in which order a loader visits a data set.

The samplers here know their whole order as an array (``order()``); iterating over one gives the same numbers as Python
integers. A sampler of your own needs only ``__iter__`` and, for ``len(loader)``, ``__len__``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator, default_generator
from .dataset import IndexArray, overrides_both

__all__ = [
    "BatchSampler",
    "EpochSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base class of all samplers: define ``__iter__``, which gives indices (or lists of them, for a batch sampler).

    >>> from tinygrad_fm.utils import data
    >>> class Backwards(data.Sampler):
    ...     def __iter__(self):
    ...         return iter([2, 1, 0])
    >>> [batch.tolist() for batch in data.DataLoader([5, 6, 7], sampler=Backwards())]
    [[7], [6], [5]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class _ArraySampler(Sampler[int]):
    """A sampler whose order is known as an array."""

    def order(self) -> IndexArray:
        """The indices to visit, int64; a random sampler draws anew at each call."""
        raise NotImplementedError(f"{type(self).__name__} must define order()")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


class SequentialSampler(_ArraySampler):
    """0, 1, 2, … in order.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> IndexArray:
        return np.arange(len(self.data_source), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(_ArraySampler):
    """A new random order at each pass.

    Args:
        data_source: the data set, (N samples).
        replacement: draw every index independently, so that some come twice and some never.
        num_samples: how many to draw; N by default. Without replacement, more than N are whole permutations one after
            another.
        generator: where the randomness comes from; the global one (``manual_seed``) by default.

    Raises:
        ValueError: ``num_samples`` is not a positive integer, or the data set is empty.
        TypeError: ``replacement`` is not a bool.

    >>> sorted(RandomSampler("abcd"))
    [0, 1, 2, 3]
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Generator | None = None
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement!r}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> IndexArray:
        bits, n = (self.generator or default_generator).bits, len(self.data_source)
        if n == 0:  # it was not when this sampler was made
            return np.empty(0, np.int64)
        if self.replacement:
            return bits.integers(n, size=self.num_samples)
        rounds = [bits.permutation(n) for _ in range(-(-self.num_samples // n))]
        return np.concatenate(rounds)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


def epoch_order(count: int, seed: int, epoch: int) -> IndexArray:
    """A permutation of 0 … count − 1 that follows from the two numbers."""
    # SeedSequence takes no negative numbers, seeds may be negative.
    entropy = np.random.SeedSequence([seed % 2**64, epoch])
    return np.random.Generator(np.random.PCG64(entropy)).permutation(count)


class EpochSampler(_ArraySampler):
    """A random order that follows from ``(seed, epoch)`` alone: any position of a training run can be found again.

    As ``DistributedSampler``, for one process: call ``set_epoch`` before each epoch, else every epoch has the
    same order.

    >>> sampler = EpochSampler(range(1000), seed=7)
    >>> first = list(sampler)
    >>> sampler.set_epoch(1)
    >>> second = list(sampler)
    >>> again = EpochSampler(range(1000), seed=7)
    >>> again.set_epoch(1)
    >>> first != second, list(again) == second
    (True, True)
    """

    def __init__(self, data_source: Sized, seed: int = 0) -> None:
        self.data_source = data_source
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration has."""
        self.epoch = epoch

    def order(self) -> IndexArray:
        return epoch_order(len(self.data_source), self.seed, self.epoch)

    def __len__(self) -> int:
        return len(self.data_source)


class SubsetRandomSampler(_ArraySampler):
    """The given indices, or keys of any kind, in a new random order at each pass.

    >>> sorted(SubsetRandomSampler([5, 2, 9]))
    [2, 5, 9]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def order(self) -> IndexArray:
        indices = np.asarray(self.indices)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":  # whatever else the data set takes
            indices = np.empty(len(self.indices), object)
            indices[:] = list(self.indices)
        return (self.generator or default_generator).bits.permutation(indices)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_ArraySampler):
    """Indices 0 … ``len(weights) - 1``, each drawn in proportion to its weight; for classes of unequal size.

    Args:
        weights: non-negative numbers, which need not add up to 1.
        num_samples: how many to draw.
        replacement: whether an index may come twice.
        generator: where the randomness comes from; the global one (``manual_seed``) by default.

    Raises:
        ValueError: ``num_samples`` is not a positive integer, a weight is negative or not finite, none is positive, or
            too few are for a draw without replacement.

    >>> set(WeightedRandomSampler([0.0, 3.0, 0.0], 5))
    {1}
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement!r}")
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all() or (self.weights < 0).any() or not self.weights.any():
            raise ValueError("WeightedRandomSampler: weights must be one row of finite numbers, none negative, not all zero")
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {num_samples} without replacement "
                f"from {np.count_nonzero(self.weights)} positive weights"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def order(self) -> IndexArray:
        bits = (self.generator or default_generator).bits
        share = self.weights / self.weights.sum()
        return bits.choice(len(share), self.num_samples, self.replacement, share)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """Groups the indices of another sampler into lists.

    Args:
        sampler: anything that gives indices.
        batch_size: how many to a list.
        drop_last: leave out the last list when it is not full.

    Raises:
        ValueError: ``batch_size`` is not a positive integer or ``drop_last`` is not a bool.

    >>> list(BatchSampler(SequentialSampler("abcde"), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool = False) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def iter_from(self, start: int) -> Iterator[list[Any] | IndexArray]:
        """The batches from number ``start`` on, as slices of one array where the sampler knows its whole order."""
        if not overrides_both(self.sampler, "order", "__iter__"):
            yield from islice(self, start, None)
            return
        order: IndexArray = self.sampler.order()  # type: ignore[attr-defined]
        end = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        for low in range(start * self.batch_size, end, self.batch_size):
            yield order[low : low + self.batch_size]

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full + (rest > 0 and not self.drop_last)


def _check_positive(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value!r}")
