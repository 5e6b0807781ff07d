"""Modules that hold others: Sequential, lists and dicts of modules, lists and dicts of parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from ...tensor import Tensor
from ..parameter import Parameter
from .module import Module

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

L = TypeVar("L", bound="_Numbered")


class _Numbered(Module):
    """Children under the names "0", "1", …: what `Sequential` and `ModuleList` share."""

    def _index(self, index: Any) -> int:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return index % len(self)

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

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    @overload
    def __getitem__(self: L, index: slice) -> L: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._sliced(index)
        return list(self._modules.values())[self._index(index)]

    def _sliced(self, index: slice) -> Module:
        return type(self)(list(self)[index])  # type: ignore[call-arg]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, list(self._modules)[self._index(index)], module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[self._index(index)]]:
            del self._modules[name]
        if all(name.isdigit() for name in names):
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
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._set(modules)
        return self

    def pop(self, index: int) -> Any:
        """Take out the module at ``index`` and return it."""
        module = self[index]
        del self[index]
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
            input = module(input)  # type: ignore[misc]
        return input

    def _sliced(self, index: slice) -> Module:
        return type(self)(OrderedDict(list(self._modules.items())[index]))

    def __add__(self, other: Iterable[Module]) -> Sequential:
        return Sequential(*self, *other)


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


class _Named:
    """The dict methods that `ModuleDict` and `ParameterDict` share; ``_store`` is the module's own dict of parts."""

    _store: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self._store[key]

    def __setitem__(self, key: str, value: Any) -> None:
        raise NotImplementedError

    def __delitem__(self, key: str) -> None:
        del self._store[key]

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __contains__(self, key: str) -> bool:
        return key in self._store

    def clear(self) -> None:
        """Remove everything."""
        self._store.clear()

    def pop(self, key: str) -> Any:
        """Take out one entry and return it."""
        return self._store.pop(key)

    def keys(self) -> Iterable[str]:
        """The keys."""
        return self._store.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """(key, value) for every entry."""
        return self._store.items()

    def values(self) -> Iterable[Any]:
        """The values."""
        return self._store.values()

    def update(self, other: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace entries, from a mapping or (key, value) pairs."""
        for key, value in other.items() if isinstance(other, (Mapping, _Named)) else other:
            self[key] = value


class ModuleDict(_Named, Module):
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

    @property
    def _store(self) -> dict[str, Any]:  # type: ignore[override]
        return self._modules

    def __setitem__(self, key: str, value: Module) -> None:
        self.add_module(key, value)


class ParameterList(Module):
    """A list of parameters, which the parent knows about. Tensors put into it become parameters.

    Args:
        values: an iterable of parameters or tensors.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> scales = nn.ParameterList([tensor(np.ones(2)) for _ in range(3)])
        >>> len(scales), type(scales[0]).__name__
        (3, 'Parameter')
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._parameters.values()))

    def __getitem__(self, index: Any) -> Any:
        values = list(self)[index]
        return type(self)(values) if isinstance(index, slice) else values

    def __setitem__(self, index: int, value: Any) -> None:
        names = list(self._parameters)
        setattr(self, names[index], _parameter(value))

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end. Returns self."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end. Returns self."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def extra_repr(self) -> str:
        return _parameter_lines(self._parameters)

    def __repr__(self) -> str:
        return f"{self._get_name()}(\n{_parameter_lines(self._parameters)}\n)"


class ParameterDict(_Named, Module):
    """A dict of parameters, which the parent knows about. Tensors put into it become parameters.

    Args:
        parameters: a mapping, or (key, parameter) pairs.
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    @property
    def _store(self) -> dict[str, Any]:  # type: ignore[override]
        return self._parameters

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _parameter(value))

    def __repr__(self) -> str:
        return f"{self._get_name()}(\n{_parameter_lines(self._parameters)}\n)"


def _parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)


def _parameter_lines(parameters: dict[str, Parameter | None]) -> str:
    return "\n".join(
        f"    ({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
        for name, p in parameters.items()
        if p is not None
    )
