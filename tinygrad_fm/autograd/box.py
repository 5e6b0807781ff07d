"""What the engine knows of a tensor: an array, its place on the tape, and, where it is a view, what it is a view of.

:class:`~tinygrad_fm.Tensor`, with its operators and methods, stands above the operations. The engine and the operations need
much less, and this is it: open a tensor (``x._array``, :func:`raw`), and put an array and a node into a new one
(:func:`box`). HIPS autograd calls this a box too.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..errors import AutogradError
from . import hooks, modes

_new = object.__new__
_ndarray = np.ndarray


class TensorBase:
    """The part of a tensor that the engine reads and writes; ``Tensor`` adds everything else.

    Attributes:
        _array: the elements.
        _node: the :class:`~tinygrad_fm.autograd.node.Node` (or ``Output``) of the operation that made it, a ``Leaf`` for a
            tensor made by the user, None where no gradient is needed.
        _view: of a view, the :class:`~tinygrad_fm.autograd.view.View` that says of what and how it was made.
        _inference: whether it was made in ``inference_mode``.
        _counted: whether writes to it are counted; those to ``.data`` are not.
        _mapped: on which vmaps' samples it depends, a bit for each (``vmap_levels``).
        _grad: of a leaf, its gradient after ``backward()``; see :attr:`grad`.
    """

    _array: np.ndarray[Any, Any]
    _node: Any = None
    _view: Any = None
    _counted = True
    _inference = False
    _mapped = 0
    _grad: Any = None

    @property
    def grad(self) -> Any:
        """The gradient that ``backward()`` has added up for this leaf, or that ``retain_grad()`` kept; None before.

        Assigning raises TypeError for what is neither a Tensor nor None, and RuntimeError for another shape or dtype.
        """
        node = self._node
        if self._grad is None and node is not None and node.parents and not hooks.is_retained(self):
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). Call .retain_grad() on it before backward() if you want it, or read "
                "the .grad of the leaf that it was computed from.",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            self._check_grad(value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def _check_grad(self, value: Any) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
        if value is self:
            raise AutogradError("a tensor cannot be its own grad")
        mine, given = self._array, value._array
        if given.shape != mine.shape:
            sizes = f"of size '{list(given.shape)}' to a tensor of size '{list(mine.shape)}'"
            raise AutogradError(f"attempting to assign a gradient {sizes}: they must be the same")
        if given.dtype != mine.dtype:
            kinds = f"with dtype '{given.dtype}' to a tensor of dtype '{mine.dtype}'"
            raise AutogradError(f"attempting to assign a gradient {kinds}: they must be the same")


tensor_class: type[TensorBase] = TensorBase  # what box() makes


def register_tensor(cls: type[TensorBase]) -> None:
    """Tell the engine which class tensors are made of. Called once, by ``_tensor.py``: it cannot be imported from here."""
    global tensor_class  # noqa: PLW0603
    tensor_class = cls


def box(array: Any, node: Any = None) -> Any:
    """A Tensor around ``array`` whose place on the tape is ``node``."""
    out = _new(tensor_class)
    out._array = array if type(array) is _ndarray else np.asarray(array)  # a full reduction gives a NumPy scalar
    out._node = node
    if modes.inference_seen and modes.state.inference:
        out._inference = True
    return out


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a Tensor.

    >>> import tinygrad_fm as torch
    >>> torch.is_tensor(torch.ones(1)), torch.is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, TensorBase)


def raw(x: Any) -> Any:
    """The array behind a Tensor, or ``x`` itself: for the parts of a rule that are constants, such as masks."""
    return x._array if isinstance(x, TensorBase) else x
