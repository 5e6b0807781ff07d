"""``Function``: an operation whose forward and backward the user writes, with PyTorch's protocol.

For an operation whose backward is made of existing operations, :func:`~tinygrad_fm.autograd.primitive` is shorter, and
differentiable to any order by itself. ``Function`` is for what needs a context: state computed on the way, arguments of any
kind, several results, or code written for PyTorch. https://pytorch.org/docs/stable/autograd.html#function
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import AutogradError
from .modes import no_grad, state
from .node import Node, Output
from .primitive import box, is_tensor
from .views import rebase, refuse_leaf, wrote


class FunctionCtx:
    """What ``forward`` and ``backward`` of one call share. Other attributes may be set on it freely.

    Attributes:
        needs_input_grad: for each argument of ``apply``, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._saved: tuple[Any, ...] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or results (or None) for ``backward``, where ``saved_tensors`` gives them back."""
        for t in tensors:
            if t is not None and not is_tensor(t):
                raise TypeError(f"save_for_backward() takes Tensors; keep a {type(t).__name__} as an attribute of ctx")
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What :meth:`save_for_backward` was given; only within ``backward``."""
        if self._saved is None:
            raise AutogradError("saved_tensors can only be read in backward()")
        return self._saved

    def mark_non_differentiable(self, *results: Any) -> None:
        """Say that these results have no gradient."""
        self._constant = results

    def mark_dirty(self, *inputs: Any) -> None:
        """Say that ``forward`` changed these inputs in place and returns them."""
        self._dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (True, the default) or None for results that nothing used."""
        self._materialize = value


class _NoPlan:
    rules = ()
    kept = ()
    live = ()


class _Backward:
    """Stands where a primitive does on the node of a user's function."""

    broadcasts = False

    def __init__(self, function: type[Function], ctx: FunctionCtx, places: list[Any]) -> None:
        self.name = function.__name__
        self.function, self.ctx = function, ctx
        self.places = places  # for each saved tensor: its node, the index of the result that it is, or None

    def pull(self, node: Node, g: Any, saved: Any, create: bool, goals: Any) -> list[tuple[Any, Any]]:
        """The gradients of the arguments, from the user's ``backward``; see :meth:`Primitive.pull`."""
        gs = list(g) if node.outputs > 1 else [g]
        shapes = node.static["results"]
        tensors = [
            x if x is None or is_tensor(x) else box(x)
            for x in (self._zeros(i, gs, shapes) if gi is None else gi for i, gi in enumerate(gs))
        ]
        ctx = copy.copy(self.ctx)  # two threads may go back through one node
        ctx._saved = tuple(
            None if array is None else box(array, self._place(node, place, array))
            for array, place in zip(saved, self.places, strict=True)
        )
        found = self.function.backward(ctx, *tensors)
        found = found if isinstance(found, tuple) else (found,)
        surplus = found[len(node.parents) :]
        if len(found) < len(node.parents) or any(x is not None for x in surplus):
            raise AutogradError(
                f"{self.name}.backward() returned {len(found)} gradients for {len(node.parents)} arguments of apply(); "
                "return one for each, None for arguments that are not differentiable"
            )
        pairs = []
        for i, (parent, dx) in enumerate(zip(node.parents, found, strict=False)):
            if parent is None or dx is None or (goals is not None and parent not in goals):
                continue
            if not is_tensor(dx):
                raise TypeError(f"{self.name}.backward() returned {type(dx).__name__} for argument {i}, expected a Tensor")
            pairs.append((parent, dx if create else dx._array))
        return pairs

    def _place(self, node: Node, place: Any, array: Any) -> Any:
        """The node of a saved tensor: an input's own, or for the result of that index one that leads to ``node``."""
        if not isinstance(place, int):
            return place
        return Output(node, place, array) if node.outputs > 1 else node

    def _zeros(self, index: int, gs: list[Any], shapes: Any) -> Any:
        shape, dtype = shapes[index]
        return np.zeros(shape, dtype) if self.ctx._materialize else None


class Function:
    """Base class of the user's own operations: define static ``forward`` and ``backward``, and call ``apply``.

    ``forward(ctx, *args)`` computes Tensors from the arguments; ``backward(ctx, *grads)`` gets the gradient of each result
    and returns one for each argument, None for those without. ``forward`` may also do without ``ctx`` if
    ``setup_context(ctx, inputs, output)`` is defined.

    >>> import tinygrad_fm as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         x, = ctx.saved_tensors
    ...         return 3 * x ** 2 * g
    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(Cube.apply, (x,))
    True
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation; to be defined by the subclass."""
        raise AutogradError("a Function must define a static forward()")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients of the arguments; to be defined by the subclass."""
        raise AutogradError("a Function must define a static backward() to be differentiated")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run ``forward`` on ``args`` and record it."""
        ctx = FunctionCtx()
        parents = [a._node if is_tensor(a) and a.requires_grad else None for a in args]
        ctx.needs_input_grad = tuple(p is not None for p in parents)
        with no_grad():
            if hasattr(cls, "setup_context"):
                returned = cls.forward(*args)
                cls.setup_context(ctx, args, returned)
            else:
                returned = cls.forward(ctx, *args)
        several = isinstance(returned, (tuple, list))
        results = list(returned) if several else [returned]
        for i, y in enumerate(results):
            if not is_tensor(y):
                if y is not None and not several:
                    raise TypeError(f"{cls.__name__}.forward() must return Tensors, got {type(y).__name__}")
                continue
            if any(y is d for d in ctx._dirty):
                refuse_leaf(f"{cls.__name__}.forward", y)
                wrote(y)
            elif any(y is a for a in args):
                results[i] = y.detach()  # an input handed through is a result of its own
        if any(ctx.needs_input_grad) and state.grad_enabled:
            _record(cls, ctx, parents, returned if several else [returned], results)
        return tuple(results) if several else results[0]


def _record(cls: type[Function], ctx: FunctionCtx, parents: list[Any], returned: Any, results: list[Any]) -> None:
    """Put one call on the tape: what was saved by array and place, so that no Tensor is held."""
    tracked = [
        i
        for i, y in enumerate(results)
        if is_tensor(y) and y.is_floating_point() and not any(returned[i] is c for c in ctx._constant)
    ]
    if not tracked:
        return
    arrays: list[Any] = []
    places: list[Any] = []
    for t in ctx._to_save:
        arrays.append(None if t is None else t._array)
        index = next((i for i, y in enumerate(returned) if y is t), None)
        places.append(index if index in tracked else None if t is None else t._node)
    dirty, ctx._to_save, ctx._dirty, ctx._constant = ctx._dirty, (), (), ()
    static = {"results": [(y._array.shape, y._array.dtype) if is_tensor(y) else ((), None) for y in results]}
    first = results[tracked[0]]
    node = Node(_Backward(cls, ctx, places), parents, _NoPlan, arrays, static, first._array)
    node.outputs = len(results)
    for i in tracked:
        results[i]._node = Output(node, i, results[i]._array) if len(results) > 1 else node
        if results[i]._view is not None and any(results[i] is d for d in dirty):
            rebase(results[i])


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a ``backward`` that cannot be differentiated itself: doing so raises, instead of giving wrong numbers."""

    @wraps(backward)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            found = backward(ctx, *grads)
        sources = (*grads, *ctx.saved_tensors)
        if not (state.grad_enabled and any(is_tensor(x) and x.requires_grad for x in sources)):
            return found
        several = isinstance(found, tuple)
        refused = tuple(_refuse.apply(g, *sources) if is_tensor(g) else g for g in (found if several else (found,)))
        return refused if several else refused[0]

    return wrapped


class _refuse(Function):
    """Hands its first argument through and raises when differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Any, *depends: Any) -> Any:
        return x.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise AutogradError("trying to differentiate twice a function that was marked with @once_differentiable")
