"""The end of the backward pass: a gradient is added to the ``.grad`` of its leaf (PyTorch's AccumulateGrad)."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from . import versions
from .box import box
from .broadcast import clone
from .node import Leaf

_delivering = threading.Lock()  # two threads may deliver to the same leaf


def _references_to_a_fresh_array() -> int:
    """May a leaf keep the array that a rule returned as its ``.grad``, or does somebody else hold it too? CPython's reference
    count tells. What it counts to where nobody else does is measured here once, as it differs between versions; other
    Pythons count no references, and the array is always copied."""
    if sys.implementation.name != "cpython":
        return -1

    def count(array: Any) -> int:  # as in accumulate_grad: the caller's variable and this argument
        return sys.getrefcount(array)

    fresh = np.zeros(1)
    return count(fresh)


_FRESH = _references_to_a_fresh_array()


def in_order(g: np.ndarray[Any, Any], order: tuple[int, ...] | None) -> np.ndarray[Any, Any]:
    """``g`` with its axes in memory in the given order, slowest first (None: C order); a copy only if they are not."""
    if order is None:
        return np.ascontiguousarray(g)
    if g.transpose(order).flags.c_contiguous:
        return g
    out = np.empty([g.shape[axis] for axis in order], g.dtype).transpose(np.argsort(order))
    out[...] = g
    return out


def accumulate_grad(leaf: Leaf, g: Any, create: bool) -> None:
    """Add ``g`` to the leaf's ``.grad``, which aliases no other array: taken over only if nobody else holds it."""
    tensor = leaf.tensor()
    if tensor is None:
        return
    with _delivering:
        if tensor._grad is None:
            if create:
                tensor._grad = clone(g)
            elif sys.getrefcount(g) <= _FRESH and g.base is None and g.flags.c_contiguous:
                tensor._grad = box(g)
            else:
                tensor._grad = box(np.array(g, order="C") if leaf.order is None else in_order(g, leaf.order).copy("K"))
        elif create or tensor._grad._node is not None:
            tensor._grad = tensor._grad + (g if create else box(g))
        else:
            np.add(tensor._grad._array, g, out=tensor._grad._array)
            versions.written(tensor._grad._array)
    if leaf.after_hooks:
        for hook in tuple(leaf.after_hooks.values()):
            hook(tensor)
