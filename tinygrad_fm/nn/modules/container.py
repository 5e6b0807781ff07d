"""Modules that hold others: Sequential, lists and dicts of modules, lists and dicts of parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping
from typing import Any, TypeVar, overload

from ..._tensor import Tensor
from ..parameter import Parameter
from .module import Module

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

L = TypeVar("L", bound="_Numbered")
S = TypeVar("S", bound="Sequential")
P = TypeVar("P", bound="ParameterList")


def _position(index: Any, length: int) -> int:
    index = operator.index(index)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range")
    return index % length


class _Numbered(Module):
    """Children under the names "0", "1", …: what `Sequential` and `ModuleList` share."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def _name(self, index: Any) -> str:
        """The name of the child at ``index``."""
        return list(self._modules)[_position(index, len(self))]

    def _set(self, modules: Iterable[Any]) -> None:
        """Make ``modules`` the children, numbered from 0."""
        modules = list(modules)
        self._modules.clear()
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    @overload
    def __getitem__(self: L, index: slice) -> L: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        return self._sliced(index) if isinstance(index, slice) else self._modules[self._name(index)]

    def _sliced(self, index: slice) -> Module:
        return type(self)(list(self)[index])

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        for name in list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]:
            del self._modules[name]
        self._set(self)

    def append(self: L, module: Module) -> L:
        """Add a module at the end. Returns self."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: L, modules: Iterable[Module]) -> L:
        """Add several modules at the end. Returns self."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: L, index: int, module: Module) -> L:
        """Put a module before position ``index``. Returns self."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}, got {type(module).__name__}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._set(modules)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take out the module at ``key`` and return it."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self: L, modules: Iterable[Module]) -> L:
        return self.extend(modules)


class Sequential(_Numbered):
    """Modules one after the other, each called with what the one before returned.

    Args:
        *args: modules, named "0", "1", …; or one OrderedDict, whose keys are the names.

    Shapes: whatever the first module takes; whatever the last one gives.

    Example:
        >>> from tinygrad_fm import nn
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> model[1:]
        Sequential(
          (1): ReLU()
          (2): Linear(in_features=3, out_features=2, bias=True)
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        items = (
            args[0].items()
            if len(args) == 1 and isinstance(args[0], OrderedDict)
            else ((str(i), module) for i, module in enumerate(args))
        )
        for name, module in items:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Pass ``input`` through all modules."""
        for module in self._modules.values():
            input = module(input)
        return input

    def _sliced(self, index: slice) -> Module:
        return type(self)(OrderedDict(list(self._modules.items())[index]))

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self: S, other: Sequential) -> S:  # type: ignore[override]
        return self.extend(_sequential(other))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*list(self) * self._factor(other))

    __rmul__ = __mul__

    def __imul__(self: S, other: int) -> S:
        return self.extend(list(self) * (self._factor(other) - 1))

    def _factor(self, other: Any) -> int:
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")
        return other


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
    return other


class ModuleList(_Numbered):
    """A list of modules, which the parent knows about; it has no forward of its own.

    Args:
        modules: an iterable of modules.

    Example:
        >>> from tinygrad_fm import nn
        >>> nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        ModuleList(
          (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
        )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        runs: list[tuple[int, int, str]] = []  # equal neighbours fold into one line
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        if not runs:
            return f"{self._get_name()}()"
        lines = [
            f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            for first, last, text in runs
        ]
        return f"{self._get_name()}(\n  " + "\n".join(lines).replace("\n", "\n  ") + "\n)"


class _Named(Module):
    """The dict methods that `ModuleDict` and `ParameterDict` share."""

    def _names(self) -> dict[str, Any]:
        """A dict whose keys are ours."""
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        raise NotImplementedError

    def __setitem__(self, key: str, value: Any) -> None:
        raise NotImplementedError

    def __delitem__(self, key: str) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __contains__(self, key: str) -> bool:
        return key in self._names()

    def clear(self) -> None:
        """Remove everything."""
        for key in list(self):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take out one entry and return it."""
        value = self[key]
        del self[key]
        return value

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._names().keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """(key, value) for every entry."""
        return {key: self[key] for key in self}.items()

    def values(self) -> Iterable[Any]:
        """The values."""
        return {key: self[key] for key in self}.values()

    def update(self, other: Mapping[str, Any] | Iterable[Any]) -> None:
        """Add or replace entries, from a mapping or (key, value) pairs."""
        what = f"{type(self).__name__}.update"
        if not isinstance(other, Iterable):
            raise TypeError(f"{what} should be called with an iterable of key/value pairs, but got {type(other).__name__}")
        for i, pair in enumerate(other.items() if isinstance(other, (Mapping, _Named)) else other):
            if not isinstance(pair, Iterable):
                raise TypeError(f"{what}: sequence element #{i} should be Iterable; is {type(pair).__name__}")
            entry = tuple(pair)
            if len(entry) != 2:
                raise ValueError(f"{what}: sequence element #{i} has length {len(entry)}; 2 is required")
            self[entry[0]] = entry[1]


class ModuleDict(_Named):
    """A dict of modules, which the parent knows about; it has no forward of its own.

    Args:
        modules: a mapping, or (key, module) pairs.

    Example:
        >>> from tinygrad_fm import nn
        >>> heads = nn.ModuleDict({"class": nn.Linear(8, 10), "box": nn.Linear(8, 4)})
        >>> heads["box"].out_features
        4
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def _names(self) -> dict[str, Any]:
        return self._modules

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, value: Module) -> None:
        self.add_module(key, value)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]


class ParameterList(Module):
    """A list of parameters, which the parent knows about. Tensors put into it become parameters; other objects are kept.

    Args:
        values: an iterable of parameters, tensors or anything else.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> scales = nn.ParameterList([tensor(np.ones(2)) for _ in range(3)])
        >>> len(scales), type(scales[0]).__name__
        (3, 'Parameter')
    """

    _size: int

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterList should not be called.")

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    @overload
    def __getitem__(self: P, index: slice) -> P: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(len(self))[index]])
        return getattr(self, str(_position(index, len(self))))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(index, len(self))), _parameter(value))

    def append(self: P, value: Any) -> P:
        """Add a parameter at the end. Returns self."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self: P, values: Iterable[Any]) -> P:
        """Add several parameters at the end. Returns self."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self: P, values: Iterable[Any]) -> P:
        return self.extend(values)

    def extra_repr(self) -> str:
        return "\n".join(f"  ({i}): {_described(value, operator.attrgetter('dtype'))}" for i, value in enumerate(self))


class ParameterDict(_Named):
    """A dict of parameters, which the parent knows about. Tensors put into it become parameters; other objects are kept.

    Args:
        parameters: a mapping, taken in the order of its keys unless it is an OrderedDict, or (key, parameter) pairs.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ParameterDict({"scale": nn.Parameter(torch.ones(2))})["scale"].shape
        torch.Size([2])
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterDict should not be called.")

    def _names(self) -> dict[str, Any]:
        return self._keys

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"the keys of a ParameterDict must be strings, got {type(key).__name__}")
        setattr(self, key, _parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def copy(self) -> ParameterDict:
        """Another dict with the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, which is set to ``default`` if it is not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` if it is not there."""
        return self[key] if key in self else default  # noqa: SIM401  # the method that this is

    def popitem(self) -> tuple[str, Any]:
        """Take out the last entry and return it as (key, value)."""
        if not self._keys:
            raise KeyError("popitem(): ParameterDict is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dict with ``default`` for each of ``keys``."""
        return ParameterDict((key, default) for key in keys)

    def update(self, other: Mapping[str, Any] | Iterable[Any]) -> None:
        """Add or replace entries, from (key, value) pairs or a mapping; a plain mapping in the order of its keys."""
        ordered = isinstance(other, OrderedDict) or not isinstance(other, Mapping)
        super().update(other if ordered else OrderedDict(sorted(other.items())))  # type: ignore[union-attr]

    def __or__(self, other: ParameterDict) -> ParameterDict:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other: ParameterDict) -> ParameterDict:
        joined = other.copy()
        joined.update(self)
        return joined

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"  ({key}): {_described(value, Tensor.type)}" for key, value in self.items())


def _parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _described(value: Any, type_of: Callable[[Tensor], Any]) -> str:
    if not isinstance(value, Tensor):
        return f"Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"{kind} containing: [{type_of(value)} of size {'x'.join(map(str, value.shape))}]"
