"""Data sets: what gives a sample for an index, and the ways to cut and join them.

Any object with ``__len__`` and ``__getitem__`` is a data set; a plain list is one. A data set that lives in arrays may
also define ``__getbatch__(indices)``, which returns the collated batch at once. The loader then makes a few NumPy calls
a batch instead of one Python call a sample.
"""

from __future__ import annotations

import math
import operator
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from .._tensor import Tensor
from ..ops.creation import from_numpy
from ..random import Generator, default_generator

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)
IndexArray = npt.NDArray[np.int64]


def overrides_both(instance: object, fast: str, slow: str) -> bool:
    """Whether method ``fast`` of ``instance`` is a faithful shortcut for its method ``slow``.

    It is where the class that defines ``slow`` defines ``fast`` too. A subclass that redefines only ``slow`` has
    changed what the method means, and a shortcut inherited from further up would silently give the old answer:

    >>> class Squares:
    ...     def one(self, i):
    ...         return i * i
    ...     def many(self, indices):
    ...         return [i * i for i in indices]
    >>> class Cubes(Squares):
    ...     def one(self, i):
    ...         return i**3
    >>> overrides_both(Squares(), "many", "one"), overrides_both(Cubes(), "many", "one")
    (True, False)
    """
    for cls in type(instance).__mro__:
        if fast in vars(cls):
            return True
        if slow in vars(cls):
            return False
    return False


class Dataset(Generic[T_co]):
    """A map from the indices 0 … N - 1 to samples; derive from it and define ``__getitem__`` and ``__len__``.

    Optional: ``__getbatch__(indices)`` takes an int64 array (B,) and returns what
    ``default_collate([self[i] for i in indices])`` would. See https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Dataset.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples that come one after the other, without indices; derive from it and define ``__iter__``.

    A ``DataLoader`` takes them in their order; ``shuffle`` and samplers are refused.

    >>> from tinygrad_fm.utils import data
    >>> class Squares(data.IterableDataset):
    ...     def __iter__(self):
    ...         return (i * i for i in range(5))
    >>> [batch.tolist() for batch in data.DataLoader(Squares(), batch_size=2)]
    [[0, 1], [4, 9], [16]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")

    def __add__(self, other: Dataset[Any]) -> ChainDataset[Any]:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples are rows of tensors: ``dataset[i]`` is ``(a[i], b[i], …)``.

    Args:
        *tensors: tensors of shape (N, …) with one common N; arrays are taken too and share their memory.

    Raises:
        AssertionError: no tensor is given, or their first dimensions differ.

    >>> import numpy as np
    >>> pairs = TensorDataset(from_numpy(np.arange(6.0).reshape(3, 2)), from_numpy(np.arange(3)))
    >>> len(pairs), pairs[2][1].item()
    (3, 2)
    """

    def __init__(self, *tensors: Tensor | npt.NDArray[Any]) -> None:
        self.tensors = tuple(t if isinstance(t, Tensor) else from_numpy(np.asarray(t)) for t in tensors)
        shapes = [tuple(t.shape) for t in self.tensors]
        if not shapes or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
            raise AssertionError(
                f"Size mismatch between tensors: a TensorDataset wants one common first dimension, the shapes are {shapes}"
            )

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getbatch__(self, indices: IndexArray) -> list[Tensor]:
        # Indexing keeps the tape where somebody wants a gradient; np.take is the quicker gather where nobody does.
        return [
            t[indices] if t.requires_grad else from_numpy(t._array.take(np.asarray(indices, np.intp), 0)) for t in self.tensors
        ]


class StackDataset(Dataset[Any]):
    """Data sets of one length side by side: a sample is the tuple, or the dict, of theirs.

    Args:
        *args: data sets; samples are tuples. **kwargs: data sets by name; samples are dicts.

    Raises:
        ValueError: none are given, or some of either kind, or their lengths differ.

    >>> StackDataset("abc", [1, 2, 3])[1]
    ('b', 2)
    >>> StackDataset(letter="abc", number=[1, 2, 3])[1]
    {'letter': 'b', 'number': 2}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like samples, not both")
        self.datasets: tuple[Any, ...] | dict[str, Any] = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if not lengths:
            raise ValueError("At least one dataset should be passed")
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: the lengths are {lengths}")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """The samples at ``indices``; each data set is asked once, if it can be."""
        is_dict = isinstance(self.datasets, dict)
        columns = [samples_at(dataset, indices) for dataset in (self.datasets.values() if is_dict else self.datasets)]  # type: ignore[union-attr]
        for samples in columns:
            if len(samples) != len(indices):
                raise ValueError(
                    f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(samples)} from its __getitems__"
                )
        rows = zip(*columns, strict=True)
        return [dict(zip(self.datasets, row, strict=True)) for row in rows] if is_dict else list(rows)

    def __len__(self) -> int:
        return len(next(iter(self.datasets.values())) if isinstance(self.datasets, dict) else self.datasets[0])


class Subset(Dataset[T_co]):
    """The samples of ``dataset`` at ``indices``, in that order.

    >>> letters = Subset("abcdef", [4, 0])
    >>> letters[0], len(letters)
    ('e', 2)
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        """The samples at ``indices``; the data set is asked once, if it can be."""
        return samples_at(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Several data sets one after the other.

    Raises:
        AssertionError: no data set is given, or one without indices (for those there is `ChainDataset`).
        ValueError, IndexError: from indexing, when the index is out of range, below and above.

    >>> both = ConcatDataset(["abc", "de"])
    >>> len(both), both[3], both[-1]
    (5, 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; ChainDataset does")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if position < 0:
            raise ValueError(f"absolute value of index should not exceed dataset length: {index} of {len(self)} samples")
        if position >= len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        which = bisect_right(self.cumulative_sizes, position)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]


class ChainDataset(IterableDataset[T_co]):
    """Several data sets without indices, one after the other; what ``+`` of two `IterableDataset` gives.

    Raises:
        AssertionError: from iterating and ``len``, for a data set that is no `IterableDataset`.

    >>> class Count(IterableDataset):
    ...     def __init__(self, n):
    ...         self.n = n
    ...     def __iter__(self):
    ...         return iter(range(self.n))
    >>> list(ChainDataset([Count(3), Count(2)])), list(Count(1) + Count(2))
    ([0, 1, 2, 0, 1], [0, 0, 1])
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self.datasets:
            self._check(dataset)
            yield from dataset

    def __len__(self) -> int:
        total = 0
        for dataset in self.datasets:
            self._check(dataset)
            total += len(dataset)
        return total

    @staticmethod
    def _check(dataset: object) -> None:
        if not isinstance(dataset, IterableDataset):
            raise AssertionError(f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}")


def samples_at(dataset: Any, indices: list[Any]) -> list[Any]:
    """The samples of a data set at ``indices``, asked for at once where it has ``__getitems__``."""
    if not overrides_both(dataset, "__getitems__", "__getitem__"):
        return [dataset[i] for i in indices]
    samples: list[Any] = dataset.__getitems__(indices)
    return samples


def index_array(indices: Iterable[Any]) -> IndexArray:
    """Anything Python accepts as indices, as an int64 array; a float among them is a ``TypeError``."""
    if isinstance(indices, np.ndarray) and indices.dtype.kind in "iu":
        return indices.astype(np.int64, copy=False)
    return np.array([operator.index(i) for i in indices], np.int64)


def fast_path(dataset: object) -> Callable[[IndexArray], Any] | None:
    """What makes a batch from an array of indices at once, or None where samples must be taken one by one.

    Ask once for each pass, not for each batch: for a ``Subset`` the list of indices is made an array here.
    """
    if isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__:
        inner = fast_path(dataset.dataset)
        if inner is None:
            return None
        chosen, get = index_array(dataset.indices), inner
        return lambda indices: get(chosen[indices])
    if not overrides_both(dataset, "__getbatch__", "__getitem__"):
        return None
    getter: Callable[[IndexArray], Any] = dataset.__getbatch__  # type: ignore[attr-defined]
    return getter


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[Any]]:
    """Cut a data set at random into parts that do not overlap.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        lengths: sizes that add up to ``len(dataset)``, or fractions that add up to 1. What rounding the fractions down
            leaves over goes to the parts in turn, one sample each.
        generator: where the shuffle comes from; one with a fixed seed gives the same cut every time.

    Returns:
        One ``Subset`` per length.

    Raises:
        ValueError: a length is negative or no whole number, a fraction is outside [0, 1], or they do not add up.

    >>> train, held_out = random_split(range(50), [0.9, 0.1], generator=Generator().manual_seed(0))
    >>> len(train), len(held_out)
    (45, 5)
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        sizes = _sizes_of_fractions(total, lengths)
    else:
        sizes = [int(length) for length in lengths]
        if sum(lengths) != total or sizes != list(lengths) or any(size < 0 for size in sizes):
            raise ValueError(
                f"Sum of input lengths does not equal the length of the input dataset! {list(lengths)} add up to "
                f"{sum(lengths)}; wanted are whole numbers, not negative, of sum {total}, or fractions that add up to 1"
            )
    order = (generator or default_generator).bits.permutation(total)
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - size : end].tolist()) for end, size in zip(ends, sizes, strict=True)]


def _sizes_of_fractions(total: int, fractions: Sequence[float]) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1, but {fraction}")
    sizes = [math.floor(total * fraction) for fraction in fractions]
    for k in range(total - sum(sizes)):
        sizes[k % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3)
    return sizes
