"""The global op hook: sees every recorded operation, forward and backward. Off by default, and free when off."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .modes import state


@dataclass(slots=True)
class OpCall:
    """What a hook is told about one run of an operation.

    Attributes:
        name: the operation's.
        phase: "forward" or "backward".
        inputs: forward, the arguments as they were given (Tensors, arrays, numbers); backward, the gradient of the result.
        static: the keyword arguments.
        node: backward, the node whose rules run; forward, None (the results carry theirs).
        op: forward, the definition of the operation, a :class:`~tinygrad_fm.autograd.primitives.Primitive`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.autograd import op_hook
    >>> calls = []
    >>> with op_hook(lambda call, run: calls.append(call) or run()):
    ...     y = torch.ones(2).sum(0)
    >>> calls[0].name, calls[0].phase
    ('sum', 'forward')
    """

    name: str
    phase: str
    inputs: tuple[Any, ...]
    static: dict[str, Any]
    node: Any = None
    op: Any = None


Hook = Callable[[OpCall, Callable[[], Any]], Any]

Hooks = dict[int, Any]  # registered ones, by a number of their own

active: list[Hook] = []  # outermost first
passes: list[Callable[..., Any]] = []  # what makes backward passes, the last one counts; empty: ``backward_pass.Pass``


@contextmanager
def op_hook(hook: Hook) -> Iterator[None]:
    """Within the block, ``hook(call, run)`` stands around every operation on Tensors and every backward rule, in all threads.

    The hook must call ``run()`` once and return what it returns; before, after and around that it may measure, check, or
    catch and re-raise. Several hooks nest, the one entered first outermost.

    >>> import tinygrad_fm as torch
    >>> seen = []
    >>> def watch(call, run):
    ...     seen.append((call.phase, call.name))
    ...     return run()
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> with torch.autograd.op_hook(watch):
    ...     (x * x).backward()
    >>> seen
    [('forward', 'mul'), ('backward', 'mul')]
    """
    active.append(hook)
    try:
        yield
    finally:
        active.remove(hook)


@contextmanager
def passes_made_by(make: Callable[..., Any]) -> Iterator[None]:
    """Within the block backward passes, of all threads, are what ``make`` makes of the arguments of ``backward_pass.Pass``:
    that class, or one derived from it, which sees each gradient on its way."""
    passes.append(make)
    try:
        yield
    finally:
        passes.remove(make)


def around(call: OpCall, run: Callable[[], Any]) -> Any:
    """Run ``run`` inside all active hooks."""
    for hook in reversed(tuple(active)):
        run = _wrap(hook, call, run)
    return run()


def _wrap(hook: Hook, call: OpCall, run: Callable[[], Any]) -> Callable[[], Any]:
    """``run`` inside ``hook``, whose own operations no hook sees."""

    def hooked() -> Any:
        outside = state.inside_hook
        state.inside_hook = True
        try:
            return hook(call, lambda: with_inside_hook(outside, run))
        finally:
            state.inside_hook = outside

    return hooked


def with_inside_hook(value: bool, run: Callable[[], Any]) -> Any:
    """``run()``, whose operations hooks see unless ``value``."""
    previous = state.inside_hook
    state.inside_hook = value
    try:
        return run()
    finally:
        state.inside_hook = previous


def around_forward(definition: Any, op: Callable[..., Any], args: tuple[Any, ...], static: dict[str, Any]) -> Any:
    """Run ``op`` inside all active hooks, which do not see it a second time."""
    return around(
        OpCall(definition.name, "forward", args, static, op=definition),
        lambda: with_inside_hook(True, lambda: op(*args, **static)),
    )


def pack_saved(node: Any) -> None:
    """Let ``graph.saved_tensors_hooks`` pack what a user's Function has saved: as op hooks they see operations only."""
    for hook in reversed(tuple(active)):
        pack = getattr(hook, "pack", None)
        if pack is not None:
            pack(node)


class Removable:
    """What registering a hook returns: call ``remove()`` to take the hook away again, or use it in a ``with``."""

    _ids = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self.id = next(self._ids)
        self._hooks = hooks
        hooks[self.id] = hook
        for key, held in tuple(hooks.items()):
            if isinstance(held, _RetainGrad):  # what is retained is the gradient after all other hooks
                hooks[key] = hooks.pop(key)

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is gone already."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> Removable:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.remove()


class PreHook:
    """A hook on a node, as a hook on its result: ``hook(grad_outputs)`` takes and returns a tuple."""

    def __init__(self, hook: Callable[[tuple[Any, ...]], Any]) -> None:
        self.hook = hook

    def __call__(self, g: Any) -> Any:
        found = self.hook(tuple(g) if isinstance(g, list) else (g,))
        return found if found is None or isinstance(g, list) else found[0]


class _RetainGrad:
    """The hook behind ``retain_grad``: keeps a gradient in the ``.grad`` of the tensor it belongs to."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, g: Any) -> None:
        tensor = self.tensor()
        if tensor is not None:
            tensor._grad = g.clone() if tensor._grad is None else tensor._grad + g


def retain(tensor: Any) -> None:
    """Have the gradient of ``tensor``, the result of an operation, kept in its ``.grad``."""
    if not is_retained(tensor):
        node = tensor._node
        if node.hooks is None:
            node.hooks = {}
        Removable(node.hooks, _RetainGrad(tensor))


def move_retained(tensor: Any, old: Any, new: Any) -> None:
    """After a write moved ``tensor`` from node ``old`` to ``new``: what it retains is the new value's gradient."""
    for key, hook in tuple(old.hooks.items()):
        if isinstance(hook, _RetainGrad) and hook.tensor() is tensor:
            del old.hooks[key]
            new.hooks = {**(new.hooks or {}), key: hook}


def is_retained(tensor: Any) -> bool:
    """Whether :func:`retain` was called for ``tensor``."""
    hooks = (tensor._node.hooks or {}).values()
    return any(isinstance(hook, _RetainGrad) and hook.tensor() is tensor for hook in hooks)
