"""A pickle read as data: a machine that knows the operations PyTorch's weights need, and imports and calls nothing.

A pickle is a program for a small stack machine. Python's own machine imports what a file names and calls it with what the
file gives. This one looks names up in a table; every name that is not in it is an error which says where it stands. It knows
what PyTorch's ``weights_only=True`` knows, and what protocols 3 to 5 write for the same values.

Source: ``pickletools`` (what each operation means and how its argument lies in the file), and PyTorch's file of this name.
"""

from __future__ import annotations

import io
import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, NoReturn

from ..errors import printable

_ARGUMENTS: dict[str, Any] = {op.code: op.arg.reader for op in pickletools.opcodes if op.arg is not None}
_NAMES = {op.code: op.name for op in pickletools.opcodes}

# What a file may make: more than any checkpoint has, and little enough for any machine.
_CONTAINERS = 1_000_000  # lists, dicts, tuples and tensors, and one more for every four bytes
_MOST_MARKS = 10_000  # open at a time
_MOST_RARE_KEYS = 10_000  # keys of dicts that can be made to collide, which makes a dict slow
_DEEPEST = 500
_LONGEST_KEY = 32


class Function(NamedTuple):
    """What a name that may be called stands for. ``run`` checks its arguments, and raises ValueError or TypeError."""

    run: Callable[..., Any]


class Refused(Exception):
    """The pickle asks for something that is not done.

    Attributes:
        position: the byte of the pickle.
        name: the global that it names, if that is the reason.
        is_all: whether that is what the whole pickle is to make.
    """

    def __init__(self, message: str, position: int, name: str = "", is_all: bool = False) -> None:
        super().__init__(message)
        self.position, self.name, self.is_all = position, name, is_all


def load(data: bytes, known: Mapping[str, Any], persistent_load: Callable[[Any], Any], results: Collection[type] = ()) -> Any:
    """What a pickle says.

    Args:
        data: the pickle.
        known: what names stand for: a :class:`Function`, or a value.
        persistent_load: makes the value of a persistent id, which PyTorch uses for storages.
        results: the classes that values of ``known``, and what its functions make, may have in the result.

    Raises:
        Refused: it names something else, or makes too much of a thing.
        ValueError: it is damaged.
    """
    machine = _Machine(data, known, persistent_load)
    try:
        value = machine.run()
        _check_result(value, results)
    except (LookupError, ValueError, TypeError, OverflowError, AttributeError) as error:
        what = str(error) or type(error).__name__
        raise ValueError(f"its pickle is damaged at byte {machine.position}: {what}") from error
    return value


class _Machine:
    """The stack, the marks and the memo while a pickle is read."""

    def __init__(self, data: bytes, known: Mapping[str, Any], persistent_load: Callable[[Any], Any]) -> None:
        self._stream = io.BytesIO(data)
        self._known = {**_PYTHON, **known}
        self._persistent_load = persistent_load
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under each mark
        self._memo: dict[int, Any] = {}
        self._rare_keys = 0
        self._containers_left = _CONTAINERS + len(data) // 4
        self._copies_left = 2 * len(data) + 1000  # what calls may copy: each of their arguments stands in the pickle once
        self.position = 0

    def run(self) -> Any:
        stream, operations = self._stream, _OPERATIONS
        while True:
            self.position = stream.tell()
            code = stream.read(1).decode("latin-1")
            if code == ".":
                return self._stack.pop()
            operation = operations.get(code)
            if operation is None:
                if not code:
                    raise ValueError("its end is missing")
                raise ValueError(f"the operation {_NAMES.get(code, repr(code))} is not one that tensors are written with")
            operation(self, _ARGUMENTS[code](stream) if code in _ARGUMENTS and code != "c" else None)

    # -- values and containers ---------------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def push_text(self, value: str) -> None:
        self._stack.append(value.encode("latin-1").decode())  # a string of Python 2

    def push_long(self, value: int) -> None:
        if value.bit_length() > 8 * 255:
            raise ValueError("a number of more than 255 bytes")
        self._stack.append(value)

    def push_new(self, value: Any) -> None:
        """Push a container that the pickle makes."""
        self._containers_left -= 1
        if self._containers_left < 0:
            raise Refused("it holds more lists, dicts and tuples than a file of its size has", self.position)
        self._stack.append(value)

    def mark(self, _: None) -> None:
        if len(self._below) > _MOST_MARKS:
            raise Refused(f"it has more than {_MOST_MARKS:,} things begun within one another", self.position)
        self._below.append(self._stack)
        self._stack = []

    def items(self) -> list[Any]:
        """What was pushed since the last mark."""
        items, self._stack = self._stack, self._below.pop()
        return items

    def top(self, *kinds: type) -> Any:
        """The value on top, which is of one of these classes."""
        value = self._stack[-1]
        if type(value) not in kinds:
            raise ValueError(f"a {type(value).__name__} where a {kinds[0].__name__} should be")
        return value

    def push_tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise ValueError("its stack is empty")
        items = self._stack[-count:]
        del self._stack[-count:]
        self.push_new(tuple(items))

    def append(self, _: None) -> None:
        value = self._stack.pop()
        self.top(list).append(value)

    def appends(self, _: None) -> None:
        values = self.items()
        self.top(list).extend(values)

    def add_items(self, _: None) -> None:
        values = self.items()
        self.top(set).update(map(self.key, values))

    def set_item(self, _: None) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self.top(dict, OrderedDict, Counter)[self.key(key)] = value

    def set_items(self, _: None) -> None:
        values = self.items()
        if len(values) % 2:
            raise ValueError("a key without a value")
        target = self.top(dict, OrderedDict, Counter)
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[self.key(key)] = value

    def key(self, value: Any) -> Any:
        """``value`` as the key of a dict: a simple one, or a short tuple of simple ones.

        Hashing a tuple goes down into it without looking at the depth, and tuples and very large numbers can be chosen so that
        all have one hash.
        """
        if type(value) in (str, bytes, bool, float, type(None)) or (type(value) is int and abs(value) < 1 << 60):
            return value
        self._rare_keys += 1
        waiting, seen = [value], 0
        while waiting:
            item = waiting.pop()
            seen += 1
            if type(item) is tuple and seen + len(waiting) + len(item) <= _LONGEST_KEY:
                waiting += item
            elif type(item) not in (str, bytes, bool, float, int, type(None)):
                raise ValueError(f"a {type(item).__name__} cannot be a key here")
        if self._rare_keys > _MOST_RARE_KEYS:
            raise Refused(f"it has more than {_MOST_RARE_KEYS:,} keys that are tuples or very large numbers", self.position)
        return value

    # -- the memo ----------------------------------------------------------------------------------------------------

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    # -- names and calls ---------------------------------------------------------------------------------------------

    def read_name(self, _: None) -> None:
        lines = [self._stream.readline(), self._stream.readline()]  # pickletools would read escapes in them
        if not all(line.endswith(b"\n") for line in lines):
            raise ValueError("a name without an end")
        self.find(*(line[:-1].decode() for line in lines))

    def find_from_stack(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (type(name) is type(module) is str):
            raise ValueError("a name that is no text")
        self.find(module, name)

    def find(self, module: str, name: str) -> None:
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if full not in self._known:
            raise Refused(f"it names {printable(full[:200])}", self.position, full, is_all=not (self._stack or self._below))
        self._stack.append(self._known[full])

    def reduce(self, _: None) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Function) or type(arguments) is not tuple:
            raise ValueError(f"it calls a {type(function).__name__}")
        for argument in arguments:
            self._copies_left -= len(argument) if isinstance(argument, (str, bytes, list, tuple, dict)) else 0
        if self._copies_left < 0:
            raise Refused("it copies one value over and over", self.position)
        made = function.run(*arguments)
        if function is _PYTHON["builtins.set"]:
            made = set(map(self.key, made))
        self.push_new(made)

    def build(self, _: None) -> None:
        """The attributes of an object: PyTorch's state dicts are OrderedDicts with the versions of the modules."""
        state = self._stack.pop()
        target = self.top(OrderedDict)
        if type(state) is not dict or list(state) != ["_metadata"]:
            raise ValueError("attributes other than a state dict's _metadata")
        target._metadata = state["_metadata"]

    def persistent(self, _: None) -> None:
        self.push_new(self._persistent_load(self._stack.pop()))


def _fail(what: str) -> NoReturn:
    raise ValueError(what)


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    return text.encode("latin-1") if type(text) is str and encoding in ("latin1", "latin-1") else _fail("bytes of no text")


def _bytearray(content: bytes = b"") -> bytearray:
    return bytearray(content) if type(content) is bytes else _fail("a bytearray that is not of bytes")


def _set(items: Any = ()) -> Any:
    return items if type(items) is list else _fail("a set that is not of a list")  # the machine makes the set, of keys


def _complex(real: float, imag: float) -> complex:
    return complex(real, imag) if type(real) is type(imag) is float else _fail("a complex number of no numbers")


def _counter(counts: Any = None) -> Any:
    return Counter(counts or {}) if counts is None or type(counts) is dict else _fail("a Counter that is not of a dict")


_PYTHON = {
    "collections.OrderedDict": Function(lambda: OrderedDict()),
    "collections.Counter": Function(_counter),
    "_codecs.encode": Function(_bytes),
    "builtins.bytes": Function(_bytes),
    "builtins.bytearray": Function(_bytearray),
    "builtins.set": Function(_set),
    "builtins.complex": Function(_complex),
}


_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray)


def _check_result(value: Any, results: Collection[type]) -> None:
    """Refuse a result that is nested too deeply, or in which something remains that stands for a name or a storage."""
    allowed = {*_PLAIN, *results}
    seen: set[int] = set()
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise Refused(f"it is nested more than {_DEEPEST} deep", 0)
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind in allowed or id(item) in seen:
                continue
            seen.add(id(item))
            if kind in (list, tuple):
                below += item
            elif issubclass(kind, dict):
                below += item.values()
                below += _metadata_of(item)
            elif kind is not set:
                raise Refused(f"it holds a {kind.__name__.strip('_')}, outside a tensor", 0)
        level = below


def _metadata_of(state_dict: Any) -> list[Any]:
    """The versions of modules that a state dict has, if any; load_state_dict() takes them as they are."""
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is None:
        return []
    if not (
        isinstance(metadata, dict)
        and all(type(item) is dict and all(type(key) is str for key in item) for item in metadata.values())
    ):
        raise ValueError("_metadata that is not a dict of dicts")
    return [metadata]


_tuple = _Machine.push_tuple
_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "\x80": lambda machine, version: None,  # PROTO
    "\x95": lambda machine, length: None,  # FRAME
    "N": lambda machine, _: machine.push(None),
    "\x88": lambda machine, _: machine.push(True),
    "\x89": lambda machine, _: machine.push(False),
    **dict.fromkeys("JKM", _Machine.push),  # BININT, BININT1, BININT2
    "\x8a": _Machine.push_long,
    "G": _Machine.push,  # BINFLOAT
    "U": _Machine.push_text,
    **dict.fromkeys("X\x8c\x8d", _Machine.push),  # BINUNICODE, of 1, 4 and 8 bytes of length
    **dict.fromkeys("BC\x8e\x96", _Machine.push),  # BINBYTES, and BYTEARRAY8
    "]": lambda machine, _: machine.push_new([]),
    "}": lambda machine, _: machine.push_new({}),
    "\x8f": lambda machine, _: machine.push_new(set()),
    ")": lambda machine, _: machine.push(()),
    "(": _Machine.mark,
    "t": lambda machine, _: machine.push_new(tuple(machine.items())),
    "\x85": lambda machine, _: _tuple(machine, 1),
    "\x86": lambda machine, _: _tuple(machine, 2),
    "\x87": lambda machine, _: _tuple(machine, 3),
    "a": _Machine.append,
    "e": _Machine.appends,
    "s": _Machine.set_item,
    "u": _Machine.set_items,
    "\x90": _Machine.add_items,
    **dict.fromkeys("qr", _Machine.put),
    "\x94": _Machine.memoize,
    **dict.fromkeys("hj", _Machine.get),
    "c": _Machine.read_name,
    "\x93": _Machine.find_from_stack,
    "R": _Machine.reduce,
    "b": _Machine.build,
    "Q": _Machine.persistent,
}
