"""Hooks around a module's forward, and where those of its backward are put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...autograd.hooks import Removable
from .module_hooks import BackwardHooks

if TYPE_CHECKING:
    from .module import Module


def add_hook(hooks: dict[int, Any], entry: Any, prepend: bool) -> Removable:
    """Put ``entry`` after the hooks that are there, or before them; returns the handle that takes it away again."""
    handle = Removable(hooks, entry)
    if prepend:
        for key in list(hooks):
            if key != handle.id:
                hooks[key] = hooks.pop(key)
    return handle


def call_with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward`` between its hooks, each of which may replace what it is shown."""
    for hook, with_kwargs, _ in tuple(module._forward_pre_hooks.values()):
        changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if changed is None:
            continue
        if not with_kwargs:
            args = changed if isinstance(changed, tuple) else (changed,)
        elif isinstance(changed, tuple) and len(changed) == 2:
            args, kwargs = changed
        else:
            raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}.")
    backward = BackwardHooks(module) if module._backward_hooks or module._backward_pre_hooks else None
    if backward is not None:
        args = backward.enter(args)
    called: set[int] = set()
    try:
        output = module.forward(*args, **kwargs)
        for key, (hook, with_kwargs, _) in tuple(module._forward_hooks.items()):
            called.add(key)
            changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if changed is None else changed
        if backward is not None:
            output = backward.leave(output)
    except Exception:
        for key, (hook, with_kwargs, always_call) in tuple(module._forward_hooks.items()):
            if always_call and key not in called:
                hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
        raise
    return output
