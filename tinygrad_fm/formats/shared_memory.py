"""Which arrays look at the same memory, so that a file holds it once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


def groups(arrays: Sequence[Array]) -> list[list[int]]:
    """The indices of ``arrays``, together where the stretches of memory overlap between their first and last elements.

    Arrays without elements are in no group.

    >>> import numpy as np
    >>> x = np.arange(6.0)
    >>> groups([x[:4], np.ones(2), x[3:], x[:0]])
    [[0, 2], [1]]
    """
    spans = sorted((*np.lib.array_utils.byte_bounds(array), i) for i, array in enumerate(arrays) if array.size)
    found: list[list[int]] = []
    end = -1
    for low, high, i in spans:
        if low < end:
            found[-1].append(i)
        else:
            found.append([i])
        end = max(end, high)
    return sorted(map(sorted, found))


class Part(NamedTuple):
    """An array as a part of a storage: the storage's number, and offset and strides in elements."""

    storage: int
    offset: int
    strides: tuple[int, ...]


class _Memory:
    """A stretch of memory as NumPy takes it: from an address on."""

    def __init__(self, low: int, high: int, keep: Any) -> None:
        self.__array_interface__ = {"data": (low, True), "shape": (high - low,), "typestr": "|u1", "version": 3}
        self.keep = keep  # what owns the memory


def storages(arrays: Sequence[Array]) -> tuple[list[Array], list[Part]]:
    """Flat arrays that hold all of ``arrays``, shared memory once; and where in them each array is.

    An array keeps its order in memory where it is dense, or expanded. One with gaps that is not shared is copied into C order,
    and so is one whose strides PyTorch does not have: negative, or not whole elements.

    Raises RuntimeError, as PyTorch does, where arrays of different dtypes share memory.
    """
    arrays = [array if _has_whole_strides(array) else np.ascontiguousarray(array) for array in arrays]
    flat: list[Array] = []
    parts: dict[int, Part] = {}
    members = groups(arrays) + [[i] for i, array in enumerate(arrays) if not array.size]
    for group in sorted(members):  # numbered in the order in which they are met
        first = arrays[group[0]]
        bounds = [np.lib.array_utils.byte_bounds(arrays[i]) for i in group]
        low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
        if any(arrays[i].dtype != first.dtype for i in group):
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        itemsize = first.dtype.itemsize
        if not first.size or (len(group) == 1 and high - low > first.nbytes):
            array = np.ascontiguousarray(first)
            flat.append(array.reshape(-1))
            parts[group[0]] = Part(len(flat) - 1, 0, _strides(array))
            continue
        memory = np.asarray(_Memory(low, high, [arrays[i] for i in group])).view(first.dtype)
        flat.append(memory)
        for i, (start, _) in zip(group, bounds, strict=True):
            parts[i] = Part(len(flat) - 1, (start - low) // itemsize, _strides(arrays[i]))
    return flat, [parts[i] for i in range(len(arrays))]


def _has_whole_strides(array: Array) -> bool:
    steps = [step for step, count in zip(array.strides, array.shape, strict=True) if count > 1]
    aligned = array.__array_interface__["data"][0] % array.dtype.itemsize == 0
    return aligned and all(step >= 0 and step % array.dtype.itemsize == 0 for step in steps)


def _strides(array: Array) -> tuple[int, ...]:
    """Strides in elements; of a dimension of one element, whose stride says nothing, the one that it has in C order."""
    found, whole = [], 1
    for count, step in zip(reversed(array.shape), reversed(array.strides), strict=True):
        found.append(step // array.dtype.itemsize if count > 1 and array.size else whole)
        whole *= max(count, 1)
    return tuple(reversed(found))
