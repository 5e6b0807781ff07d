"""What a recording relies on, and whether it still holds: looked at in each call of a compiled model (``replay``).

From the model everything is followed that Python can reach from its modules: attributes, lists and dicts, and, of classes and
functions that are the user's own, their attributes, the global variables that they name, and those of functions around them.
Each is compared by identity, which takes about 20 ns.
"""

from __future__ import annotations

import operator
import sys
from collections import deque
from collections.abc import Iterator
from itertools import chain
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .autograd import versions
from .autograd.box import is_tensor

PLAIN = (int, float, bool, str, bytes, complex, type(None), np.dtype, np.generic)  # what cannot be changed, only replaced

_MOST_HELD = 50_000  # attributes and elements

_TOO_MUCH = f"what it holds is too much to look at in each call: more than {_MOST_HELD:,} attributes and elements"

_HOOKED = "a module has hooks"

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")

_LIBRARIES = {*sys.stdlib_module_names, "tinygrad_fm", "numpy", "numba"}  # their functions and classes are not looked into

_is = operator.is_
_array_of = operator.attrgetter("_array")
_node_of = operator.attrgetter("_node")


class Guards:
    """All that hangs on a model, as it was.

    Args:
        model: a module. but: a class whose instances are not looked into. inner: whether the model's own hooks do not matter.

    Attributes:
        tensors: what the model holds, by a name for each. names: those names, by the id of the tensor's array.
        generation: rises when one of them was written to.
        complete: whether all tensors have values. training: whether some module is in training mode.
        reason: what else keeps the model from being recorded; "" if nothing.
        plans: what was recorded in this state, by the inputs: a plan and the structure of the results, or why there is none.
    """

    def __init__(self, model: Any, but: type, inner: bool) -> None:
        self._seen = versions.log.last, versions.log.uncounted
        self.generation = 0
        self.plans: dict[Any, Any] = {}
        self.tensors: dict[str, Any] = {}
        self._containers: list[Any] = []  # live views of what they hold
        self._variables: list[tuple[dict[str, Any], str, Any]] = []  # where a variable stands, its name and its value
        self._cells: list[tuple[CellType, Any]] = []
        self._modules: list[Any] = []
        self._walk(model, but)
        self._sizes = [len(held) for held in self._containers]
        self._held = list(chain.from_iterable(self._containers))
        self._tensors = list(self.tensors.values())
        try:
            self._arrays = list(map(_array_of, self._tensors))
            self.complete = True
        except ValueError:  # the parameters of a lazy module, which its first call makes
            self._arrays, self.complete = [], False
        self.names = {id(array): name for name, array in zip(self.tensors, self._arrays, strict=False)}
        hooked = [module for module in self._modules if module is not model or not inner]
        self._hooks = [*model.hooks_of_all_modules(), *(vars(module)[name] for module in hooked for name in _HOOKS)]
        self._hooked = any(self._hooks)
        self.training = any(module.training for module in self._modules)
        self.reason = _HOOKED if self._hooked else _TOO_MUCH if len(self._held) > _MOST_HELD else ""

    def hold(self) -> bool:
        """Whether all is as it was. Writes to tensors are noted: they make a new generation."""
        log = versions.log
        now = log.last, log.uncounted
        if now != self._seen:
            last, uncounted = self._seen
            if now[1] != uncounted or any(versions.writes_since(array, last) for array in self._arrays):
                self.generation = versions.next_number()
            self._seen = now
        try:
            return self._are_the_same()
        except RuntimeError:  # another thread is changing one of the dicts
            return False

    def _are_the_same(self) -> bool:
        return (
            self.complete
            and list(map(len, self._containers)) == self._sizes
            and all(map(_is, chain.from_iterable(self._containers), self._held))
            and all(map(_is, map(_array_of, self._tensors), self._arrays))
            and any(self._hooks) == self._hooked
            and all(names.get(name) is value for names, name, value in self._variables)
            and all(_content(cell) is value for cell, value in self._cells)
        )

    def want_gradients(self) -> bool:
        """Whether a tensor of the model requires a gradient."""
        return any(node is not None for node in map(_node_of, self._tensors))

    # -- what there is to look at ------------------------------------------------------------------------------------

    def _walk(self, root: Any, but: type) -> None:
        """Note what ``root`` holds, and what that holds."""
        pending: list[Any] = [root]
        known: dict[int, Any] = {}  # by id; kept, so that no other gets it
        while pending:
            value = pending.pop()
            if id(value) in known or isinstance(value, (*PLAIN, BuiltinFunctionType, ModuleType, np.ndarray, but)):
                continue
            known[id(value)] = value
            if is_tensor(value):
                self.tensors[str(len(self.tensors))] = value
            elif isinstance(value, MethodType):
                pending += [value.__func__, value.__self__]
            elif isinstance(value, FunctionType):
                pending += self._of_function(value)
            elif isinstance(value, type):
                if not _is_library(value):
                    self._containers.append(vars(value).values())
                    pending += [*vars(value).values(), *value.__mro__]
            elif isinstance(value, (tuple, frozenset)):
                pending += value
            else:
                pending += self._of_object(value)

    def _of_object(self, value: Any) -> Iterator[Any]:
        """What is in a module, a list, a dict or another object."""
        if isinstance(value, (dict, list, set, deque)):
            held: Any = value.values() if isinstance(value, dict) else value
            self._containers.append(held)
            yield from held
        if hasattr(value, "__dict__"):
            if hasattr(value, "hooks_of_all_modules"):
                self._modules.append(value)
            self._containers.append(vars(value).values())
            yield from (part for name, part in vars(value).items() if not name.endswith("_hooks"))
        yield type(value)

    def _of_function(self, function: FunctionType) -> Iterator[Any]:
        """The variables outside a function of the user's that its code names, and its default arguments."""
        if _is_library(function):
            return
        yield from (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        for cell in function.__closure__ or ():
            self._cells.append((cell, _content(cell)))
            yield _content(cell)
        places = [function.__globals__]
        places += [vars(m) for n in function.__code__.co_names if _is_own(m := function.__globals__.get(n))]
        for names in places:
            for name in function.__code__.co_names:
                if name in names:
                    self._variables.append((names, name, names[name]))
                    yield names[name]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None


def _is_library(value: Any) -> bool:
    return str(getattr(value, "__module__", "") or "").partition(".")[0] in _LIBRARIES


def _is_own(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in _LIBRARIES
