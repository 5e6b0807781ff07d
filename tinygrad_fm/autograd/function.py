"""``Function``: an operation whose forward and backward the user writes, with PyTorch's protocol.

For an operation whose backward is made of existing operations, :func:`~tinygrad_fm.autograd.primitive` is shorter, and
differentiable to any order by itself. ``Function`` is for what needs a context: state computed on the way, arguments of any
kind, several results, or code written for PyTorch. https://pytorch.org/docs/stable/autograd.html#function
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import AutogradError
from .box import box, is_tensor
from .hooks import pack_saved
from .inplace import rebase, refuse_leaf, wrote
from .modes import no_grad, state
from .node import FunctionNode, Node, Output


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
    """Stands for a plan: a user's function has one backward and no rules."""

    rules = ()
    keeps_arrays = True
    kept = ()
    live = ()


class _Backward:
    """Stands where a primitive does on the node of a user's function."""

    broadcasts = False
    composition = None

    def __init__(self, function: type[Function], ctx: FunctionCtx, positions: list[Any]) -> None:
        self.name = function.__name__
        self.shown = f"{self.name}Backward"
        self.function, self.ctx = function, ctx
        self.positions = positions  # of each saved tensor, see _tape_position

    def vjp(self, node: Node, g: Any, saved: Any, create: bool, goals: Any) -> list[tuple[Any, Any]]:
        """The gradients of the arguments, from the user's ``backward``; see :meth:`Primitive.vjp`."""
        ctx = copy.copy(self.ctx)  # two threads may go back through one node
        ctx._saved = self._saved_tensors(node, saved)
        backward = self.function.backward if self.function.vjp is Function.vjp else self.function.vjp
        found = backward(ctx, *self._gradients_or_zeros(node, list(g) if node.outputs > 1 else [g]))
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
                raise AutogradError(
                    f"{self.name}.backward() returned {type(dx).__name__} for argument {i}, expected a Tensor or None"
                )
            pairs.append((parent, dx if create else dx._array))
        return pairs

    def attribute(self, node: Node, name: str) -> Any:
        """What the user's ``forward`` left on its context, and what it saved: ``y.grad_fn.saved_tensors``."""
        if name != "saved_tensors":
            return getattr(self.ctx, name)  # an AttributeError names the context
        if node.saved is None:
            raise AutogradError(f"saved_tensors of {node.describe()}: an earlier backward has let go of what was saved")
        return self._saved_tensors(node, node.saved() if callable(node.saved) else node.saved)

    def _saved_tensors(self, node: Node, saved: Any) -> tuple[Any, ...]:
        return tuple(
            None if array is None else box(array, _node_at(position, node, array))
            for array, position in zip(saved, self.positions, strict=True)
        )

    def _gradients_or_zeros(self, node: Node, gs: list[Any]) -> list[Any]:
        """The gradients of the results as Tensors; for results that nothing used zeros, or None if those are not wanted."""
        tensors: list[Any] = []
        for g, (shape, dtype) in zip(gs, node.static["results"], strict=True):
            if g is None and self.ctx._materialize:
                g = np.zeros(shape, dtype)  # noqa: PLW2901
            tensors.append(g if g is None or is_tensor(g) else box(g))
        return tensors


def _tape_position(t: Any, index: int | None, tracked: list[int]) -> Any:
    """Where a saved tensor stands: the index of the result that it is, or its node, or None."""
    if index is not None and index in tracked:
        return index
    return None if t is None else t._node


def _node_at(position: Any, node: Node, array: Any) -> Any:
    """The node of a saved tensor, from its :func:`_tape_position`; that of a result leads to ``node``."""
    if not isinstance(position, int):
        return position
    return Output(node, position, array) if node.outputs > 1 else node


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
        raise NotImplementedError("a Function must define a static forward()")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients of the arguments; to be defined by the subclass."""
        raise NotImplementedError("a Function must define a static backward() to be differentiated")

    @staticmethod
    def vjp(ctx: Any, *grads: Any) -> Any:
        """Another name for :meth:`backward`."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` on the arguments and record it. Those given by keyword are put in the order of ``forward``."""
        if kwargs:
            skipped = () if _has_setup(cls) else (None,)  # ctx
            args = inspect.signature(cls.forward).bind(*skipped, *args, **kwargs).args[len(skipped) :]
        ctx = FunctionCtx()
        parents = [a._node if is_tensor(a) and a.requires_grad else None for a in args]
        ctx.needs_input_grad = tuple(p is not None for p in parents)
        with no_grad():
            if _has_setup(cls):
                returned = cls.forward(*args)
                cls.setup_context(ctx, args, returned)  # type: ignore[attr-defined]
            else:
                returned = cls.forward(ctx, *args)
        several = isinstance(returned, (tuple, list))
        results = list(returned) if several else [returned]
        for i, y in enumerate(results):
            if not is_tensor(y):
                continue
            if any(y is d for d in ctx._dirty):
                refuse_leaf(f"{cls.__name__}.forward", y)
                wrote(y)
            elif any(y is a for a in args):
                results[i] = y.detach()  # an input handed through is a result of its own
        if any(ctx.needs_input_grad) and state.grad_enabled:
            _record(cls, ctx, parents, returned if several else [returned], results)
        return tuple(results) if several else results[0]


def _has_setup(cls: type[Function]) -> bool:
    """Whether ``forward`` is the kind without ``ctx``."""
    return hasattr(cls, "setup_context")


def _record(cls: type[Function], ctx: FunctionCtx, parents: list[Any], returned: Any, results: list[Any]) -> None:
    """Put one call on the tape: what was saved by array and position, so that no Tensor is held."""
    tracked = [
        i
        for i, y in enumerate(results)
        if is_tensor(y) and y.is_floating_point() and not any(returned[i] is c for c in ctx._constant)
    ]
    if not tracked:
        return
    arrays: list[Any] = []
    positions: list[Any] = []
    for t in ctx._to_save:
        arrays.append(None if t is None else t._array)
        index = next((i for i, y in enumerate(returned) if y is t), None)
        positions.append(_tape_position(t, index, tracked))
    dirty, ctx._to_save, ctx._dirty, ctx._constant = ctx._dirty, (), (), ()
    static = {"results": [(y._array.shape, y._array.dtype) if is_tensor(y) else ((), None) for y in results]}
    first = results[tracked[0]]
    node = FunctionNode(_Backward(cls, ctx, positions), parents, _NoPlan, arrays, static, first._array)
    node.outputs = len(results)
    pack_saved(node)
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
