"""Module: what models are made of. Its parts by name, the tree that they form, and what one does with the whole tree.

The call and the hooks around it are in module_hooks, saving and loading in state_dict: both are bases of `Module`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box
from ...dtypes import dtype, float16, float32, float64
from ...errors import LeftOutError
from ...replay import Replayer, checked_options
from ...torch_compat.left_out import message
from ..parameter import Buffer, Parameter, UninitializedTensorMixin, clear_gradients
from .module_hooks import *  # noqa: F403
from .module_hooks import ModuleHooks, registered
from .state_dict import StateDict

__all__ = ["Module"]

M = TypeVar("M", bound="Module")
_STORES = ("_parameters", "_buffers", "_modules")  # the dicts that hold a module's parts
_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_LEFT_OUT = ("bfloat16", "ipu", "mtia", "share_memory", "xpu")  # of PyTorch's methods


class Module(ModuleHooks, StateDict):
    """Base class of all layers and models.

    A subclass calls ``super().__init__()``, assigns its parts to attributes and defines ``forward``; call the
    module itself, not ``forward``, so that hooks run and the tape knows where it is. An attribute that is a `Parameter`,
    a `Buffer` or a module becomes a part of the module, kept by name in the order of assignment.

    Attributes:
        training: whether layers that differ between training and evaluation (dropout, batch norm) train.

    Raises:
        TypeError: arguments for its own ``__init__``, which takes none.

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
    _modules: dict[str, Module | None]
    call_super_init: ClassVar[bool] = False  # True passes the arguments on to the next class, for multiple inheritance

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = self.__dict__
        own.update(training=True, _parameters={}, _buffers={}, _modules={}, _non_persistent_buffers_set=set())
        own.update({name: {} for name in _HOOKS}, _ref=weakref.ref(self))
        if self.call_super_init:
            super().__init__(*args, **kwargs)
        elif args or kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes no arguments, got {', '.join([*map(repr, args), *kwargs])}; "
                "pass a subclass's arguments to its own __init__"
            )

    # ---- attributes ------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Only called for what normal lookup has not found.
        own = self.__dict__
        for store in _STORES:
            if name in own.get(store, ()):
                return own[store][name]
        if name in _LEFT_OUT:
            raise LeftOutError(message(name, "torch.nn.Module"))
        text = f"'{type(self).__name__}' object has no attribute '{name}'"
        if "_parameters" not in own:
            text += f": call super().__init__() in {type(self).__name__}.__init__() first"
        raise AttributeError(text, name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._require_init("parameters")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._require_init("module")
            self._forget(name, "_modules")
            self._modules[name] = registered(self, "module", name, value)
        elif name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                )
            self._modules[name] = registered(self, "module", name, None)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"cannot assign '{_type_name(value)}' as buffer '{name}' (torch.Tensor or None expected)")
            kept = value.persistent if isinstance(value, Buffer) else name not in self._non_persistent_buffers_set
            self.register_buffer(name, value, kept)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if any(name in self.__dict__.get(store, ()) for store in _STORES):
            self._forget(name)
        else:
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())  # only what may follow a dot

    def _forget(self, name: str, keep: str = "") -> None:
        """Remove ``name`` wherever it is stored but in ``keep``: an attribute may change its kind, not its place."""
        for store in _STORES:
            if store != keep:
                self.__dict__[store].pop(name, None)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _require_init(self, what: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")

    def _check_name(self, kind: str, name: Any, store: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[store]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; None keeps the name for one that is not there (``bias=False``).

        Raises:
            KeyError: the name is taken, empty or has a dot. TypeError: not a `Parameter`.
            ValueError: the result of a recorded operation, which can't be trained.
        """
        self._require_init("parameters")
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To express "
                f"'{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param if param is None else registered(self, "parameter", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the module but not trained, such as a running mean.

        Args:
            name: the attribute's name.
            tensor: the buffer; None keeps the name for one that is not there.
            persistent: whether it belongs to the state_dict.

        Raises:
            KeyError: the name is taken, empty or has a dot. TypeError: not a tensor.
        """
        self._require_init("buffer")
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (torch Tensor or None required)")
        self._buffers[name] = registered(self, "buffer", name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under ``name``.

        Raises:
            KeyError: the name is taken, empty or has a dot. TypeError: not a module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._require_init("module")
        self._check_name("module", name, "_modules")
        self._modules[name] = registered(self, "module", name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """:meth:`add_module` by its newer name."""
        self.add_module(name, module)

    # ---- walking the tree ------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it, as (path, module), each once; the root's path is ``prefix``."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, as (name, module), each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters as (path, parameter), in the order of definition; one used in several places comes once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, in the order of definition, each once; what an optimizer is given."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers as (path, tensor), each once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_members(self, store: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in modules if recurse else [(prefix, self)]:
            for name, value in getattr(module, store).items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"features.0"``; ``""`` is this one.

        Raises:
            AttributeError: there is nothing, or no module, at that path.
        """
        found: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(found, name):
                raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
            found = getattr(found, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a path such as ``"features.0"``.

        Args:
            target: the path; all of it but the end must exist, and with ``strict`` the end too.
            module: what to put there.
            strict: only replace what is there.

        Raises:
            ValueError: an empty path, or not a module. AttributeError: the path does not exist.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"module of type {_type_name(module)} is not an nn.Module")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"features.0.weight"``; AttributeError if there is none."""
        return self._get(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as ``"norm.running_mean"``; AttributeError if there is none."""
        return self._get(target, "_buffers", "a buffer")

    def _get(self, target: str, store: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if module.__dict__[store].get(name) is None:
            raise AttributeError(f"`{name}` is not {what}")
        return module.__dict__[store][name]

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

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Have calls of this module replayed where no gradients are wanted, in place: :func:`tinygrad_fm.compile`'s arguments.
        A copy of the module is not compiled."""
        options = checked_options(*args, **kwargs)
        if not options.disable:
            self.__dict__["forward"] = Replayer(self, self.forward, options.fullgraph, inner=True)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Say for all parameters whether gradients are collected; False freezes the module. Returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: drop them, or fill them with zeros."""
        clear_gradients(self.parameters(), set_to_none)

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Replace the data of every parameter and buffer, and of the gradients, by ``fn`` of it."""
        for module in self.modules() if recurse else [self]:
            for param in module._parameters.values():
                if isinstance(param, UninitializedTensorMixin):
                    param.cast(fn)
                elif param is not None:
                    param.data = fn(param.data)
                    if param.grad is not None:
                        param.grad.data = fn(param.grad.data)
            for name, buffer in module._buffers.items():
                if isinstance(buffer, UninitializedTensorMixin):
                    buffer.cast(fn)
                elif buffer is not None:
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

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Give every parameter and buffer a new array whose values are not set. Returns self."""
        return self._apply(lambda t: box(np.empty_like(t.to(device)._array)), recurse)

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
        """Cast all parameters and buffers to ``dst_type``, in place. Returns self."""
        return self._apply(lambda t: t.type(dst_type))

    def cuda(self: M, device: Any = None) -> M:
        """Raises RuntimeError: the only device is the CPU."""
        return self.to("cuda")

    def cpu(self: M) -> M:
        """Does nothing: everything is on the CPU. Returns self."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        # a copy or pickle has no graph: a tensor computed from parameters (a normalised weight) goes without its history
        return {
            name: value.detach() if isinstance(value, Tensor) and not value.is_leaf else value
            for name, value in self.__dict__.items()
            if name != "_ref" and not isinstance(value, Replayer)
        }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update({**{name: {} for name in _HOOKS}, **saved}, _ref=weakref.ref(self))

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


def _type_name(value: Any) -> str:
    return type(value).__name__
