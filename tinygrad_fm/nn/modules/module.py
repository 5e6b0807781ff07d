"""Module: what models are made of.

How its parts are kept and found is in `Tree`; here is what one does with a module: call it, set its mode, save it, print
it.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ...autograd.hooks import Removable
from ...autograd.modes import state
from ...autograd.primitive import box
from ...dtypes import dtype, float16, float32, float64
from ...tensor import Tensor
from ..utils.clip_grad import clear_gradients
from .calling import add_hook, call_with_hooks
from .state_dict import IncompatibleKeys, load, places
from .tree import Tree

M = TypeVar("M", bound="Module")


class Module(Tree):
    """Base class of all layers and models.

    A subclass calls ``super().__init__()``, assigns its parts to attributes and defines ``forward``; call the
    module itself, not ``forward``, so that hooks run and the tape knows where it is.

    Attributes:
        training: whether layers that differ between training and evaluation (dropout, batch norm) train.

    Example:
        >>> from tinygrad_fm import nn
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = nn.Linear(4, 3)
        ...         self.out = nn.Linear(3, 2, bias=False)
        ...     def forward(self, x):
        ...         return self.out(self.hidden(x).relu())
        >>> Net()
        Net(
          (hidden): Linear(in_features=4, out_features=3, bias=True)
          (out): Linear(in_features=3, out_features=2, bias=False)
        )
        >>> [(name, tuple(p.shape)) for name, p in Net().named_parameters()]
        [('hidden.weight', (3, 4)), ('hidden.bias', (3,)), ('out.weight', (2, 3))]
    """

    training: bool

    def __init__(self) -> None:
        super().__init__()
        self.__dict__.update(
            training=True,
            _forward_pre_hooks={},
            _forward_hooks={},
            _backward_pre_hooks={},
            _backward_hooks={},
            _ref=weakref.ref(self),
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outer = state.scope
        ref = self._ref
        state.scope = (ref if outer is None else outer[0], ref)
        try:
            if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks:
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        finally:
            state.scope = outer

    # ---- modes, gradients, dtype -----------------------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], None]) -> M:
        """Call ``fn`` on every module of the tree, children first; typically to initialise parameters. Returns self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Set training mode (or, with False, evaluation mode) on the whole tree. Returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Set evaluation mode on the whole tree. Returns self."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Say for all parameters whether gradients are collected; False freezes the module. Returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: drop them, or fill them with zeros."""
        clear_gradients(self.parameters(), set_to_none)

    def _apply(self: M, fn: Callable[[Tensor], Tensor]) -> M:
        """Replace the data of every parameter and buffer, and of the gradients, by ``fn`` of it."""
        for module in self.modules():
            for param in module._parameters.values():
                if param is not None:
                    param.data = fn(param.data)
                    if param.grad is not None:
                        param.grad.data = fn(param.grad.data)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = fn(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Cast floating-point parameters and buffers, in place: ``to(dtype)``, ``to(device)``, ``to(tensor)``.
        Returns self.

        Raises:
            TypeError: a dtype that is not floating point; and what ``Tensor.to`` raises, for a device that is not
            the CPU.
        """
        probe = box(np.empty(0, np.float32)).to(*args, **kwargs)  # Tensor.to knows the forms of these arguments
        wanted = [a for a in (*args, *kwargs.values()) if isinstance(a, (dtype, Tensor))]
        if not probe.is_floating_point():
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={probe.dtype}")
        return self._apply(lambda t: t.to(probe.dtype) if wanted and t.is_floating_point() else t)

    def float(self: M) -> M:
        """Cast floating-point parameters and buffers to float32, in place. Returns self."""
        return self.to(float32)

    def double(self: M) -> M:
        """Cast floating-point parameters and buffers to float64, in place. Returns self."""
        return self.to(float64)

    def half(self: M) -> M:
        """Cast floating-point parameters and buffers to float16, in place. Returns self."""
        return self.to(float16)

    def type(self: M, dst_type: Any) -> M:
        """Cast floating-point parameters and buffers to ``dst_type``, in place. Returns self."""
        return self.to(dtype=dst_type)

    def cuda(self: M, device: Any = None) -> M:
        """Raises RuntimeError: the only device is the CPU."""
        return self.to("cuda")

    def cpu(self: M) -> M:
        """Nothing: everything is on the CPU. Returns self."""
        return self

    # ---- hooks -----------------------------------------------------------------------------------------------------

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
        return add_hook(self._forward_pre_hooks, (hook, with_kwargs, False), prepend)

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
        return add_hook(self._forward_hooks, (hook, with_kwargs, always_call), prepend)

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
        """
        return add_hook(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook  # its older name, which had no clear meaning in PyTorch

    # ---- saving ----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by path, each module's own before its children's.

        Args:
            destination: a dict to fill instead of a new one.
            prefix: put before every path.
            keep_vars: give the parameters themselves instead of detached tensors over the same arrays.
        """
        result: dict[str, Any] = OrderedDict() if destination is None else destination
        for path, (store, name) in places(self, prefix):
            result[path] = store[name] if keep_vars else store[name].detach()
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy values by path into parameters and buffers; nothing is changed if something does not fit.

        Args:
            state_dict: paths to tensors or arrays, also PyTorch's tensors.
            strict: whether every path must be there on both sides.
            assign: take over arrays, and so their dtypes, instead of copying into ours.

        Returns:
            (missing_keys, unexpected_keys), empty unless ``strict=False``.

        Raises:
            RuntimeError: listing every missing and unexpected key and every shape that differs.
        """
        return load(self, state_dict, strict, assign)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_ref"}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update(saved, _ref=weakref.ref(self))

    # ---- printing --------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What to print between the module's parentheses: its settings."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if not self._modules and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        lines += [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        return "\n  ".join([f"{self._get_name()}(", *lines]) + "\n)"
