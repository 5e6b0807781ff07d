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

from ..ops.create import from_numpy
from ..random import Generator, default_generator
from ..tensor import Tensor

T_co = TypeVar("T_co", covariant=True)
IndexArray = npt.NDArray[np.int64]


def speaks_for(instance: object, fast: str, slow: str) -> bool:
    """Whether method ``fast`` of ``instance`` is a faithful shortcut for its method ``slow``.

    It is where the class that defines ``slow`` defines ``fast`` too. A subclass that redefines only ``slow`` has
    changed what the method means, and a shortcut inherited from further up would silently give the old answer.
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
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples are rows of tensors: ``dataset[i]`` is ``(a[i], b[i], …)``.

    Args:
        *tensors: tensors of shape (N, …) with one common N; arrays are taken too and share their memory.

    Raises:
        ValueError: no tensor is given, or their first dimensions differ.

    >>> import numpy as np
    >>> pairs = TensorDataset(from_numpy(np.arange(6.0).reshape(3, 2)), from_numpy(np.arange(3)))
    >>> len(pairs), pairs[2][1].item()
    (3, 2)
    """

    def __init__(self, *tensors: Tensor | npt.NDArray[Any]) -> None:
        self.tensors = tuple(t if isinstance(t, Tensor) else from_numpy(np.asarray(t)) for t in tensors)
        shapes = [tuple(t.shape) for t in self.tensors]
        if not shapes or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
            raise ValueError(f"TensorDataset wants tensors of one common first dimension; the shapes are {shapes}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getbatch__(self, indices: IndexArray) -> list[Tensor]:
        # Indexing keeps the tape where somebody wants a gradient; np.take is the quicker gather where nobody does.
        return [t[indices] if t.requires_grad else from_numpy(t._array.take(indices, 0)) for t in self.tensors]


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

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Several data sets one after the other.

    Raises:
        ValueError: no data set is given.
        IndexError: from indexing, when the index is out of range.

    >>> both = ConcatDataset(["abc", "de"])
    >>> len(both), both[3], both[-1]
    (5, 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset wants at least one data set")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        which = bisect_right(self.cumulative_sizes, position)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]


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
    if not speaks_for(dataset, "__getbatch__", "__getitem__"):
        return None
    getter: Callable[[IndexArray], Any] = dataset.__getbatch__  # type: ignore[attr-defined]
    return getter


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator = default_generator) -> list[Subset[Any]]:
    """Cut a data set at random into parts that do not overlap.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``.
        lengths: sizes that add up to ``len(dataset)``, or fractions that add up to 1. What rounding the fractions down
            leaves over goes to the parts in turn, one sample each.
        generator: where the shuffle comes from; one with a fixed seed gives the same cut every time.

    Returns:
        One ``Subset`` per length.

    Raises:
        ValueError: a length is negative, a fraction is outside [0, 1], or the lengths do not add up.

    >>> train, held_out = random_split(range(50), [0.9, 0.1], generator=Generator().manual_seed(0))
    >>> len(train), len(held_out)
    (45, 5)
    """
    total = len(dataset)
    if any(length < 0 for length in lengths):
        raise ValueError(f"random_split: a length is negative in {list(lengths)}")
    if math.isclose(sum(lengths), 1):
        sizes = _sizes_of_fractions(total, lengths)
    else:
        sizes = [int(length) for length in lengths]
        if sum(lengths) != total or sizes != list(lengths):
            raise ValueError(
                f"random_split: the lengths {list(lengths)} add up to {sum(lengths)}; "
                f"wanted are whole numbers that add up to the data set's {total} samples, or fractions that add up to 1"
            )
    order = generator.bits.permutation(total)
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - size : end].tolist()) for end, size in zip(ends, sizes, strict=True)]


def _sizes_of_fractions(total: int, fractions: Sequence[float]) -> list[int]:
    sizes = [math.floor(total * fraction) for fraction in fractions]
    for k in range(total - sum(sizes)):
        sizes[k % len(sizes)] += 1
    if 0 in sizes:
        filled = len(sizes) - sizes.count(0)
        warnings.warn(f"random_split: {total} samples fill only {filled} of {len(sizes)} parts", stacklevel=3)
    return sizes
