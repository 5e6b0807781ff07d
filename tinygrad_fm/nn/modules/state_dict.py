"""What a module saves and loads: its state dict, and the hooks around both.

Everything runs as in PyTorch, module by module, so that a subclass may replace ``_save_to_state_dict`` or
``_load_from_state_dict``. One thing is promised beyond it: a ``load_state_dict`` that raises has changed no tensor.
"""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box
from ...autograd.hooks import Removable
from ..parameter import Parameter, UninitializedTensorMixin, is_lazy
from .module_hooks import add_hook

__all__: list[str] = []


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict(strict=False)`` did not find, and what it did not need."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateDict:
    """Saving and loading; a base of `Module`, whose stores of parts it reads."""

    _version = 1  # of what a class saves; recorded in the state dict's _metadata
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _state_dict_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: dict[int, Callable[..., Any]]

    # ---- saving ----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *args: Any, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by path, each module's own before its children's.

        Args:
            destination: a dict to fill instead of a new one.
            prefix: put before every path.
            keep_vars: give the parameters themselves instead of detached tensors over the same arrays.

        The version of each module's class is in the attribute ``_metadata`` of the result.
        """
        if args:
            warnings.warn("state_dict: pass destination, prefix and keep_vars by keyword", FutureWarning, stacklevel=2)
            given = [*args, *(destination, prefix, keep_vars)[len(args) :]]
            destination, prefix, keep_vars = given
        result: Any = OrderedDict() if destination is None else destination
        if destination is None:
            result._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(result, "_metadata"):
            result._metadata[prefix[:-1]] = local_metadata
        for hook in tuple(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(result, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=result, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in tuple(self._state_dict_hooks.values()):
            changed = hook(self, result, prefix, local_metadata)
            result = result if changed is None else changed
        return result

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put this module's own parameters, persistent buffers and extra state into ``destination``; not its children's."""
        for name, value in self._saved():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[f"{prefix}_extra_state"] = self.get_extra_state()

    def _saved(self) -> Iterator[tuple[str, Tensor]]:
        """The module's own parameters and persistent buffers."""
        for name, param in self._parameters.items():
            if param is not None:
                yield name, param
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                yield name, buffer

    def get_extra_state(self) -> Any:
        """What else the module saves, under ``_extra_state``; a subclass that has something defines it."""
        raise RuntimeError(f"{type(self).__name__} has no extra state: define get_extra_state() and set_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} has no extra state: define get_extra_state() and set_extra_state()")

    # ---- loading ---------------------------------------------------------------------------------------------------

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy values by path into parameters and buffers; no tensor is changed if something does not fit.

        Args:
            state_dict: paths to tensors or arrays, also PyTorch's tensors.
            strict: whether every path must be there on both sides.
            assign: take over tensors, and so their dtypes, instead of copying into ours.

        Returns:
            (missing_keys, unexpected_keys), empty unless ``strict=False``.

        Raises:
            RuntimeError: listing every missing and unexpected key and every shape that differs.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        keys = IncompatibleKeys([], [])
        errors: list[str] = []
        before = list(_copies(self))
        try:
            _load(self, OrderedDict(state_dict), "", metadata, assign, keys, errors)
            if strict:
                for kind, paths in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)):
                    if paths:
                        errors.insert(0, f"{kind} key(s) in state_dict: " + ", ".join(f'"{path}"' for path in paths) + ". ")
            if errors:
                raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {type(self).__name__}:", *errors]))
        except BaseException:
            for store, name, tensor, saved in before:
                store[name] = tensor
                if isinstance(saved, UninitializedTensorMixin):
                    tensor.__class__ = type(saved)  # type: ignore[assignment]
                    tensor.__dict__.update(saved.__dict__)
                else:
                    np.copyto(tensor._array, saved)
                    tensor._written()
            raise
        return keys

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Copy from ``state_dict`` into this module's own parameters and buffers; not its children's.

        Args:
            state_dict: may be changed.
            prefix: of this module's paths.
            local_metadata: ``version`` is the one that the class had when it was saved.
            strict: whether to fill the three lists that follow.
            missing_keys, unexpected_keys, error_msgs: what was not found, was not needed and did not fit.
        """
        for hook in tuple(self._load_state_dict_pre_hooks.values()):
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = dict(self._saved())
        for name, tensor in own.items():
            key = prefix + name
            if key in state_dict:
                problem = self._take(name, tensor, key, state_dict[key], local_metadata.get("assign_to_params_buffers", False))
                error_msgs += [] if problem is None else [problem]
            elif strict:
                missing_keys.append(key)
        extra = f"{prefix}_extra_state"
        has_extra = type(self).set_extra_state is not StateDict.set_extra_state
        if has_extra and extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif strict and has_extra:
            missing_keys.append(extra)
        if strict:
            for key in state_dict:
                first, *rest = key[len(prefix) :].split(".", 1)
                wanted = first in self._modules if rest else first in own or (has_extra and key == extra)
                if key.startswith(prefix) and not wanted:
                    unexpected_keys.append(key)

    def _take(self, name: str, tensor: Tensor, key: str, value: Any, assign: bool) -> str | None:
        """Copy ``value`` into ``tensor``, or put it in its stead; what is wrong with it, or None."""
        if is_lazy(value):
            problem = f'"{key}" is uninitialized in the checkpoint, and has a shape in the current model.'
            return None if is_lazy(tensor) else problem
        array = _array_of(value)
        if array is None:
            return (
                f'While copying the parameter named "{key}", expected a tensor or an array from '
                f"checkpoint but received {type(value)}"
            )
        if isinstance(tensor, UninitializedTensorMixin):
            tensor.materialize(array.shape)
        shape = tensor._array.shape
        if array.shape == (1,) and shape == ():
            array = array.reshape(())  # PyTorch 0.3 had no 0-d tensors
        if array.shape != shape:
            return (
                f"size mismatch for {key}: copying a param with shape {_size(array.shape)} from "
                f"checkpoint, the shape in current model is {_size(shape)}."
            )
        if assign:
            new = value if isinstance(value, Tensor) and value.shape == shape else box(array.copy())
            if isinstance(tensor, Parameter):
                new = new if isinstance(new, Parameter) else Parameter(new, tensor.requires_grad)
                new.requires_grad_(tensor.requires_grad)
            setattr(self, name, new)
        else:
            np.copyto(tensor._array, array, casting="unsafe")
            tensor._written()
        return None

    # ---- hooks -----------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Removable:
        """Call ``hook(module, prefix, keep_vars)`` before :meth:`state_dict` collects. Returns a handle to remove it."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Removable:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` with what :meth:`state_dict` collected, which it may
        change but not replace. Returns a handle to remove it."""
        return add_hook(self._state_dict_hooks, _ReturnsNothing(hook, "state_dict post-hook must return None"))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> Removable:
        """As :meth:`register_state_dict_post_hook`; what ``hook`` returns, unless None, replaces the state dict."""
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Removable:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``
        before the module loads; it may change ``state_dict`` and the lists. Returns a handle to remove it."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any], with_module: bool = False) -> Removable:
        """As :meth:`register_load_state_dict_pre_hook`, without the module as first argument unless ``with_module``."""
        return add_hook(self._load_state_dict_pre_hooks, _WithModule(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Removable:
        """Call ``hook(module, incompatible_keys)`` after the module and its children have loaded; it may change the lists
        ``missing_keys`` and ``unexpected_keys`` in place. Returns a handle to remove it."""
        text = "a hook of register_load_state_dict_post_hook must return None; it may change incompatible_keys in place"
        return add_hook(self._load_state_dict_post_hooks, _ReturnsNothing(hook, text, AssertionError))


class _ReturnsNothing(NamedTuple):
    """A hook that must return None."""

    hook: Callable[..., Any]
    text: str
    error: type[Exception] = RuntimeError

    def __call__(self, *args: Any) -> None:
        if self.hook(*args) is not None:
            raise self.error(self.text)


class _WithModule:
    """A hook that is given its module first."""

    def __init__(self, hook: Callable[..., Any], module: StateDict) -> None:
        self.hook, self.module = hook, module

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args)


def _load(
    module: Any,
    state_dict: dict[str, Any],
    prefix: str,
    metadata: Mapping[str, Any],
    assign: bool,
    keys: IncompatibleKeys,
    errors: list[str],
) -> None:
    """Load ``module``, then its children with what of ``state_dict`` is theirs, then run its hooks."""
    local_metadata = {**metadata.get(prefix[:-1], {}), **({"assign_to_params_buffers": True} if assign else {})}
    module._load_from_state_dict(state_dict, prefix, local_metadata, True, keys.missing_keys, keys.unexpected_keys, errors)
    for name, child in module._modules.items():
        if child is not None:
            start = f"{prefix}{name}."
            theirs = {key: value for key, value in state_dict.items() if key.startswith(start)}
            _load(child, theirs, start, metadata, assign, keys, errors)
    for hook in tuple(module._load_state_dict_post_hooks.values()):
        hook(module, keys)


def _copies(module: Any) -> Iterator[tuple[dict[str, Any], str, Tensor, Any]]:
    """Every parameter and buffer of the tree: where it is held, and a copy of its values, or of itself if it has none yet."""
    for part in module.modules():
        for store in (part._parameters, part._buffers):
            for name, tensor in store.items():
                if tensor is not None:
                    yield store, name, tensor, copy.copy(tensor) if is_lazy(tensor) else tensor._array.copy()


def _array_of(value: Any) -> np.ndarray | None:
    """The array of whatever has one: our tensors, NumPy's arrays, PyTorch's tensors; None for anything else."""
    if isinstance(value, Tensor):
        return value._array
    if hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(value) if hasattr(value, "__array__") else None


def _size(shape: tuple[int, ...]) -> str:
    return f"torch.Size({list(shape)})"
