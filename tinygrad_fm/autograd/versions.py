"""Which arrays have been written to, and when: how backward knows that an array it saved is no longer what it was.

A *storage* is the array that owns the memory; all views of it, NumPy's and ours, lead to it through ``.base``. Every write
made by an in-place method, an optimizer or ``load_state_dict`` takes a number from the same rising count that numbers the
nodes of the tape. A node's saved array is intact if its storage was last written before the node was recorded. So recording
costs nothing, and backward compares two integers; only where something was written in between does it look at arrays.
"""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from typing import Any

import numpy as np

next_number = itertools.count(1).__next__  # nodes and writes share one count; C code, so safe between threads

_REMEMBERED = 64  # writes per storage whose numbers are kept, to tell in the error which version a node had seen


class _Writes:
    __slots__ = ("count", "recent", "storage")

    def __init__(self, storage: weakref.ref[Any]) -> None:
        self.storage = storage
        self.count = 0
        self.recent: deque[int] = deque(maxlen=_REMEMBERED)


class _Log:
    """Number of the last write to any storage, and the writes to each storage that has seen one; and the number of the last
    write behind the tape's back, through ``.data``, to some storage or other."""

    __slots__ = ("last", "of", "uncounted")

    def __init__(self) -> None:
        self.last = self.uncounted = 0
        self.of: dict[int, _Writes] = {}  # by id; the entry goes when the array does


log = _Log()


def storage(array: Any) -> Any:
    """The array that owns ``array``'s memory."""
    base = array
    while isinstance(getattr(base, "base", None), np.ndarray) or type(base).__name__ == "DummyArray":
        base = base.base  # as_strided puts a small object called DummyArray between a view and its base
    return base


def written(array: np.ndarray[Any, Any]) -> int:
    """Note a write to ``array``'s storage; returns its number."""
    owner = storage(array)
    key = id(owner)
    writes = log.of.get(key)
    if writes is None or writes.storage() is not owner:
        forget = log.of.pop
        writes = log.of[key] = _Writes(weakref.ref(owner, lambda _: forget(key, None)))
    number = next_number()
    writes.count += 1
    writes.recent.append(number)
    log.last = number
    return number


def _writes(array: np.ndarray[Any, Any]) -> _Writes | None:
    owner = storage(array)
    writes = log.of.get(id(owner))
    return writes if writes is not None and writes.storage() is owner else None


def version(array: np.ndarray[Any, Any]) -> int:
    """How often ``array``'s storage has been written to."""
    writes = _writes(array)
    return writes.count if writes else 0


def writes_since(array: np.ndarray[Any, Any], number: int) -> int:
    """How many writes to ``array``'s storage came after ``number``; at most the few dozen that are remembered."""
    writes = _writes(array)
    return sum(n > number for n in writes.recent) if writes and writes.recent[-1] > number else 0
