"""NumPy as the exercises see it: of arrays each function is NumPy's own; of Tensors it records itself.

A rule that a student wrote with NumPy is therefore graded twice: on arrays it must give the gradient, and on Tensors the
tape of what it computed gives the second derivative.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F

_state = threading.local()


def is_recorded() -> bool:
    """Whether a student's function is being run on Tensors."""
    return getattr(_state, "recorded", False)


@contextmanager
def recorded() -> Iterator[None]:
    """New arrays are Tensors in here, so that what is written into them is recorded."""
    _state.recorded = True
    try:
        yield
    finally:
        _state.recorded = False


def _tensor(x: Any) -> Any:
    return x if isinstance(x, torch.Tensor) else torch.tensor(np.asarray(x))


def _axes(axis: Any, x: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis


def _max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return torch.amax(x, _axes(axis, x), keepdim=keepdims)


def _min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return torch.amin(x, _axes(axis, x), keepdim=keepdims)


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return torch.sum(x, _axes(axis, x), keepdim=keepdims)


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return torch.mean(x, _axes(axis, x), keepdim=keepdims)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return torch.where(_tensor(condition), *(x if isinstance(x, (int, float)) else _tensor(x) for x in (a, b)))


def _transpose(x: Any, axes: Any = None) -> Any:
    return x.permute(*(axes or range(x.ndim)[::-1]))


def _ones_like(x: Any) -> Any:
    return torch.ones(x.shape, dtype=torch.float64)


def _zeros_like(x: Any) -> Any:
    return torch.zeros(x.shape, dtype=torch.float64)


def _take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    return torch.take_along_dim(x, _tensor(indices), axis)


def _argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return torch.argmax(x, axis, keepdim=keepdims)


def _pad(x: Any, widths: Any) -> Any:
    return F.pad(x, [n for pair in reversed(widths) for n in pair])  # PyTorch's order: the last axis first


def _flip(x: Any, axis: Any = None) -> Any:
    axes: Any = (axis,) if isinstance(axis, int) else _axes(axis, x)
    return torch.flip(x, axes)


# what a function of NumPy is on Tensors
ON_TENSORS: dict[str, Callable[..., Any]] = {
    "argmax": _argmax,
    "broadcast_to": lambda x, shape: torch.broadcast_to(_tensor(x), shape),
    "clip": torch.clamp,
    "concatenate": lambda arrays, axis=0: torch.cat([_tensor(x) for x in arrays], axis),
    "copy": torch.clone,
    "cos": torch.cos,
    "dot": lambda a, b: torch.matmul(_tensor(a), _tensor(b)),
    "einsum": lambda equation, *arrays: torch.einsum(equation, *map(_tensor, arrays)),
    "expand_dims": lambda x, axis: torch.unsqueeze(x, axis),
    "flip": _flip,
    "matmul": lambda a, b: torch.matmul(_tensor(a), _tensor(b)),
    "max": _max,
    "mean": _mean,
    "min": _min,
    "ones_like": _ones_like,
    "outer": lambda a, b: torch.outer(_tensor(a), _tensor(b)),
    "pad": _pad,
    "repeat": lambda x, n, axis=None: torch.repeat_interleave(x, n, axis),
    "reshape": torch.reshape,
    "sin": torch.sin,
    "size": lambda x, axis=None: x.numel() if axis is None else x.shape[axis],
    "squeeze": lambda x, axis: torch.squeeze(x, axis),
    "stack": lambda arrays, axis=0: torch.stack([_tensor(x) for x in arrays], axis),
    "sum": _sum,
    "swapaxes": torch.swapaxes,
    "take_along_axis": _take_along_axis,
    "tile": torch.tile,
    "transpose": _transpose,
    "var": lambda x, axis=None, keepdims=False, ddof=0: torch.var(x, _axes(axis, x), correction=ddof, keepdim=keepdims),
    "where": _where,
    "zeros_like": _zeros_like,
}
# these run on Tensors by themselves
UFUNCS = (
    "abs add divide equal exp greater less log log1p maximum minimum multiply negative power sign sqrt square subtract tanh"
)
NEW = {"full": torch.full, "ones": torch.ones, "zeros": torch.zeros}
PLAIN = "arange array eye float32 float64 inf int64 ndarray newaxis pi"  # the same in both


def _either(name: str) -> Callable[..., Any]:
    """NumPy's function, or if a Tensor is among its arguments, the one that is recorded."""
    ours, numpys = ON_TENSORS[name], getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        flat = [y for x in args for y in (x if isinstance(x, (list, tuple)) else (x,))]
        return (ours if any(isinstance(x, torch.Tensor) for x in flat) else numpys)(*args, **kwargs)

    return call


def _new(name: str) -> Callable[..., Any]:
    ours, numpys = NEW[name], getattr(np, name)

    def call(shape: Any, *value: Any, dtype: Any = np.float64) -> Any:
        return ours(shape, *value, dtype=torch.float64) if is_recorded() else numpys(shape, *value, dtype=dtype)

    return call


class NumPy:
    """Stands for the module ``numpy`` in a student's file."""

    def __init__(self) -> None:
        for name in f"{PLAIN} {UFUNCS}".split():
            setattr(self, name, getattr(np, name))
        for name in ON_TENSORS:
            setattr(self, name, _either(name))
        for name in NEW:
            setattr(self, name, _new(name))


NUMPY = NumPy()
NUMPY_NAMES = frozenset(vars(NUMPY))
