"""Forward and backward hooks, of one module and of all modules; and the call that runs them.

A hook is a function that a call of a module runs before or after ``forward`` or, for a backward hook, when the gradients of
the call are known. The hooks of all modules run before a module's own, as in PyTorch.
https://pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

from ..._pytree import tensors_in
from ..._tensor import Tensor
from ...autograd.function import Function
from ...autograd.hooks import Removable
from ...autograd.modes import Scope, state

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Forward(Protocol[P, R_co]):
    """What has a ``forward``: its call takes the same arguments and returns the same."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """What the module computes."""


class ForwardHook(NamedTuple):
    """A hook around ``forward``, and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False

    def __call__(self, module: Any, args: Any, kwargs: Any, *output: Any) -> Any:
        if self.with_kwargs:
            return self.function(module, args, kwargs, *output)
        return self.function(module, args, *output)


class BackwardHook(NamedTuple):
    """A hook that backward runs; ``full`` unless it was registered under its older name."""

    function: Callable[..., Any]
    full: bool = True


_new_scope = tuple.__new__  # a named tuple in half the time of a call of its class

# the hooks of all modules
_forward_pre: dict[int, ForwardHook] = {}
_forward: dict[int, ForwardHook] = {}
_backward_pre: dict[int, Callable[..., Any]] = {}
_backward: dict[int, BackwardHook] = {}
_registration: dict[str, dict[int, Callable[..., Any]]] = {"parameter": {}, "buffer": {}, "module": {}}


class ModuleHooks:
    """The call of a module, and the hooks around it; a base of `Module`."""

    _forward_pre_hooks: dict[int, ForwardHook]
    _forward_hooks: dict[int, ForwardHook]
    _backward_pre_hooks: dict[int, Callable[..., Any]]
    _backward_hooks: dict[int, BackwardHook]
    _ref: Any

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    if TYPE_CHECKING:

        def __call__(self: Forward[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co:
            """What :meth:`forward` returns, with the hooks around it."""

    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            outer = state.scope
            ref = self._ref
            state.scope = _new_scope(Scope, (ref if outer is None else outer.outermost, ref, ""))
            try:
                if (
                    self._forward_hooks
                    or self._forward_pre_hooks
                    or self._backward_hooks
                    or self._backward_pre_hooks
                    or _forward
                    or _forward_pre
                    or _backward
                    or _backward_pre
                ):
                    return _call_with_hooks(self, args, kwargs)
                return self.forward(*args, **kwargs)
            except AttributeError as error:
                _explain_argument(self, (*args, *kwargs.values()), error)
                raise
            finally:
                state.scope = outer

    @staticmethod
    def hooks_of_all_modules() -> tuple[dict[int, Any], ...]:
        """Those that :func:`register_module_forward_hook` and its relatives add."""
        return _forward_pre, _forward, _backward_pre, _backward

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Removable:
        """Call ``hook(module, args)`` before each forward; what it returns, unless None, replaces the arguments.

        Args:
            hook: the function; ``hook(module, args, kwargs)``, returning both or None, if ``with_kwargs``.
            prepend: run before the hooks that are there already.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return add_hook(self._forward_pre_hooks, ForwardHook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Removable:
        """Call ``hook(module, args, output)`` after each forward; what it returns, unless None, replaces the output.

        Args:
            hook: the function; ``hook(module, args, kwargs, output)`` if ``with_kwargs``.
            prepend: run before the hooks that are there already.
            always_call: run also if forward raised, with None as output.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return add_hook(self._forward_hooks, ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Removable:
        """Call ``hook(module, grad_output)`` before each backward of the module; what it returns, unless None, replaces
        the gradients of the module's results, a tuple.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Removable:
        """Call ``hook(module, grad_input, grad_output)`` after each backward of the module; what it returns, unless None,
        replaces ``grad_input``.

        Args:
            hook: the function. Both are tuples: the gradients of the positional arguments (None for those that are no
                tensors or need none) and of the results.
            prepend: run before the hooks that are there already.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Raises:
            RuntimeError: the module has a hook from :meth:`register_backward_hook`.
        """
        return _add_backward_hook(self._backward_hooks, BackwardHook(hook), prepend, "a single Module")

    def register_backward_hook(self, hook: Callable[..., Any]) -> Removable:
        """:meth:`register_full_backward_hook` under its older name, whose meaning was unclear. Here the hook sees the same
        gradients; where the module returns neither a tensor nor a tuple, those of the first tensor found in the result.

        Raises:
            RuntimeError: the module has a hook from :meth:`register_full_backward_hook`.
        """
        return _add_backward_hook(self._backward_hooks, BackwardHook(hook, full=False), False, "a single Module")


# ---- hooks of all modules --------------------------------------------------------------------------------------------


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, args)`` before each forward of every module; see `Module.register_forward_pre_hook`."""
    return add_hook(_forward_pre, ForwardHook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> Removable:
    """Call ``hook(module, args, output)`` after each forward of every module; see `Module.register_forward_hook`.

    Example:
        >>> from tinygrad_fm import nn, ones
        >>> names = []
        >>> handle = nn.modules.module.register_module_forward_hook(lambda m, args, out: names.append(type(m).__name__))
        >>> with handle:
        ...     y = nn.Sequential(nn.Linear(2, 2), nn.ReLU())(ones(1, 2))
        >>> names
        ['Linear', 'ReLU', 'Sequential']
    """
    return add_hook(_forward, ForwardHook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, grad_output)`` before each backward of every module."""
    return add_hook(_backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, grad_input, grad_output)`` after each backward of every module."""
    return _add_backward_hook(_backward, BackwardHook(hook), False, "all Modules")


def register_module_backward_hook(hook: Callable[..., Any]) -> Removable:
    """`register_module_full_backward_hook` under its older name; see `Module.register_backward_hook`."""
    return _add_backward_hook(_backward, BackwardHook(hook, full=False), False, "all Modules")


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, name, parameter)`` when a parameter is registered; what it returns, unless None, replaces it."""
    return add_hook(_registration["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, name, buffer)`` when a buffer is registered; what it returns, unless None, replaces it."""
    return add_hook(_registration["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(module, name, child)`` when a child module is registered; what it returns, unless None, replaces it."""
    return add_hook(_registration["module"], hook)


def registered(module: Any, kind: str, name: str, value: Any) -> Any:
    """``value``, or what the registration hooks of its kind ("parameter", "buffer" or "module") replace it by."""
    for hook in tuple(_registration[kind].values()):
        found = hook(module, name, value)
        value = value if found is None else found
    return value


def add_hook(hooks: dict[int, Any], entry: Any, prepend: bool = False) -> Removable:
    """Put ``entry`` after the hooks that are there, or before them; returns the handle that takes it away again."""
    handle = Removable(hooks, entry)
    if prepend:
        for key in list(hooks):
            if key != handle.id:
                hooks[key] = hooks.pop(key)
    return handle


def _add_backward_hook(hooks: dict[int, BackwardHook], entry: BackwardHook, prepend: bool, where: str) -> Removable:
    if any(hook.full != entry.full for hook in hooks.values()):
        raise RuntimeError(
            f"Cannot use both regular backward hooks and full backward hooks on {where}. Please use only one of them."
        )
    return add_hook(hooks, entry, prepend)


def _explain_argument(module: ModuleHooks, args: tuple[Any, ...], error: AttributeError) -> None:
    """Raise TypeError if a layer of ours failed because an argument is no tensor."""
    given = error.obj
    ours = type(module).__module__.startswith(__package__) and any(given is argument for argument in args)
    if ours and not isinstance(given, Tensor) and hasattr(Tensor, error.name or ""):
        what = "None" if given is None else f"{type(given).__name__} (torch.tensor makes one of numbers)"
        raise TypeError(f"{type(module).__name__}: argument must be Tensor, not {what}") from error


# ---- the call --------------------------------------------------------------------------------------------------------


def _call_with_hooks(module: ModuleHooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward`` between its hooks, each of which may replace what it is shown."""
    called: set[int] = set()
    output = None
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        backward = _BackwardCall(module)
        args = backward.enter(args)
        output = module.forward(*args, **kwargs)
        for key, hook in _forward_hooks(module):
            called.add(key)
            changed = hook(module, args, kwargs, output)
            output = output if changed is None else changed
        return backward.leave(output)
    except Exception:
        for key, hook in _forward_hooks(module):
            if hook.always_call and key not in called:
                try:
                    hook(module, args, kwargs, output)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                        f"error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise


def _forward_hooks(module: ModuleHooks) -> Iterator[tuple[int, ForwardHook]]:
    return iter([*_forward.items(), *module._forward_hooks.items()])


def _run_pre_hooks(
    module: ModuleHooks, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for hook in [*_forward_pre.values(), *module._forward_pre_hooks.values()]:
        changed = hook(module, args, kwargs)
        if changed is None:
            continue
        if not hook.with_kwargs:
            args = changed if isinstance(changed, tuple) else (changed,)
        elif isinstance(changed, tuple) and len(changed) == 2:
            args, kwargs = changed
        else:
            raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}.")
    return args, kwargs


# ---- backward --------------------------------------------------------------------------------------------------------
#
# The inputs that need a gradient pass through one gate on their way into the module, the results through another on their
# way out; a gate changes nothing and is told, in backward, the gradients of all that passed. So the gate of the results
# knows ``grad_output`` first, and the gate of the inputs then ``grad_input``.


class _Gate(Function):
    """Hands tensors through; in backward, ``seen(gradients)`` may replace their gradients."""

    @staticmethod
    def forward(ctx: Any, seen: Any, zeros: bool, *tensors: Any) -> Any:
        """The tensors as they are; ``zeros`` says whether unused ones have gradients of zeros or None."""
        ctx.seen = seen
        ctx.set_materialize_grads(zeros)
        ctx.mark_non_differentiable(*[x for x, needs in zip(tensors, ctx.needs_input_grad[2:], strict=True) if not needs])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients, or what ``seen`` replaces them by."""
        return (None, None, *ctx.seen(grads))


def _through_gate(values: tuple[Any, ...], seen: Any, zeros: bool) -> tuple[Any, ...]:
    """``values`` with its tensors sent through a gate."""
    positions = [i for i, x in enumerate(values) if isinstance(x, Tensor)]

    def spread(grads: tuple[Any, ...]) -> tuple[Any, ...]:
        packed: list[Any] = [None] * len(values)
        for i, g in zip(positions, grads, strict=True):
            packed[i] = g
        found = seen(tuple(packed))
        return tuple(found[i] for i in positions)

    passed = list(values)
    for i, x in zip(positions, _Gate.apply(spread, zeros, *[values[i] for i in positions]), strict=True):
        passed[i] = x
    return tuple(passed)


def _needs_grad(values: tuple[Any, ...]) -> bool:
    return state.grad_enabled and any(isinstance(x, Tensor) and x.requires_grad for x in values)


class _BackwardCall:
    """The backward hooks of one call of a module; does nothing if there are none."""

    def __init__(self, module: ModuleHooks) -> None:
        self.module = module
        self.before = [*_backward_pre.values(), *module._backward_pre_hooks.values()]
        self.after = [*_backward.values(), *module._backward_hooks.values()]
        self.grad_output: Any = None
        self.count = 0
        self.gated = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, on their way in."""
        self.count = len(args)
        self.gated = bool(self.before or self.after) and _needs_grad(args)
        return _through_gate(args, self._inputs_seen, True) if self.gated else args

    def leave(self, output: Any) -> Any:
        """The result, on its way out."""
        if not (self.before or self.after):
            return output
        if not isinstance(output, (Tensor, tuple)):
            return self._leave_nested(output)
        values = output if isinstance(output, tuple) else (output,)
        if not _needs_grad(values):
            return output
        passed = _through_gate(values, self._outputs_seen, False)
        return passed if isinstance(output, tuple) else passed[0]

    def _leave_nested(self, output: Any) -> Any:
        """A dict, list or the like: its first tensor has the hooks of the older kind, the others are not called."""
        self.after = [hook for hook in self.after if not hook.full]
        first = next(iter(tensors_in(output)), None)
        if not self.after:
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(output)}",
                UserWarning,
                stacklevel=5,
            )
        elif first is not None and first.requires_grad:
            first.register_hook(lambda g: self._outputs_seen((g,))[0])
        return output

    def _outputs_seen(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for pre_hook in self.before:
            grads = _replaced(pre_hook(self.module, grads), grads, "pre hook", "grad_output")
        self.grad_output = grads
        if not self.gated:
            nothing = (None,) * self.count
            for hook in self.after:
                found = hook.function(self.module, nothing, grads)
                if found is not None and not (isinstance(found, tuple) and all(g is None for g in found)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
        return grads

    def _inputs_seen(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.after:
            grads = _replaced(hook.function(self.module, grads, self.grad_output), grads, "hook", "grad_input")
        return grads


def _replaced(found: Any, grads: tuple[Any, ...], kind: str, what: str) -> tuple[Any, ...]:
    """What a hook returned, as a tuple; ``grads`` if it was None."""
    if found is None:
        return grads
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(grads):
        raise RuntimeError(f"Backward {kind} returned an invalid number of {what}, got {len(found)}, but expected {len(grads)}")
    return found
