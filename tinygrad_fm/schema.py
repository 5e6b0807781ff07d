"""Values from files and from users, held against a type annotation: the one place where their kinds are checked.

>>> from typing import Annotated, TypedDict
>>> class Point(TypedDict):
...     x: Annotated[int, Rule("at least 0", lambda x: x >= 0)]
...     names: list[str]
>>> check({"x": 3, "names": ["a", 5]}, Point, "the point")
Traceback (most recent call last):
  ...
ValueError: the point: names[1] must be text, got 5
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union

Checker = Callable[[Any], None]


class Rule(NamedTuple):
    """What a value of ``Annotated[kind, Rule(words, holds)]`` must fulfil beyond its kind; messages say "must be" ``words``."""

    words: str
    holds: Callable[[Any], bool]


_DEEPEST = 100  # lists and objects within one another: more would overflow Python's stack somewhere


def _is_json(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (dict, list, tuple)) and depth == _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(type(key) is str and _is_json(item, depth + 1) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_json(item, depth + 1) for item in value)
    return value is None or type(value) in (bool, int, float, str)


Count = Annotated[int, Rule("a whole number from 0 on", lambda v: 0 <= v < 2**63)]
Finite = Annotated[float, Rule("a finite number", math.isfinite)]
_JSON = f"made of numbers, text, lists and objects, at most {_DEEPEST} within one another"
Json = Annotated[dict[str, Any], Rule(_JSON, _is_json)]


class _Mismatch(Exception):
    """A value is not of its kind. ``path`` leads to it, from the outside in."""

    def __init__(self, complaint: str, path: str = "") -> None:
        self.complaint, self.path = complaint, path


def check(value: Any, kind: Any, where: str = "") -> None:
    """Raise ValueError unless ``value`` is what ``kind`` says.

    Args:
        value: made of what JSON and saved files hold: None, bools, numbers, text, lists, tuples, dicts, tensors, arrays.
        kind: None, bool, int, float, str, another class, ``Any``, ``A | B``, ``Literal``, ``list[A]``, ``tuple[A, ...]``,
            ``Sequence[A]``, ``dict[K, A]``, a TypedDict (further keys are allowed), a dataclass (for a dict that can be its
            arguments), or ``Annotated`` with each :class:`Rule` and further kind that holds too. A bool is no int; an int does
            as a float.
        where: what the message begins with, such as the name of the file.
    """
    try:
        _checker(kind)(value)
    except _Mismatch as found:
        joint = ": " if where and found.path and found.path[0] != "[" else ""
        raise ValueError(f"{where}{joint}{found.path} {found.complaint}".strip()) from None


def from_json(text: str | bytes, kind: Any, where: str = "") -> Any:
    """The value that JSON says, checked as :func:`check` does. Raises ValueError for all that is not it.

    >>> from_json('{"loss": NaN}', dict[str, Finite])
    Traceback (most recent call last):
      ...
    ValueError: NaN is no number of JSON
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    check(value, kind, where)
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _shown(value: Any) -> str:
    """A value in a message: itself if it is short, else what kind of thing it is."""
    if isinstance(value, (bool, int, float, str, type(None))):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**60 else "a number of more than 60 digits"
        return text if len(text) <= 60 else f"{text[:57]}..."
    return {"dict": "an object"}.get(type(value).__name__, f"a {type(value).__name__}")


def _wants(words: str, value: Any) -> _Mismatch:
    return _Mismatch(f"must be {words}, got {_shown(value)}")


_SIMPLE: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    Any: ("anything", lambda v: True),
    type(None): ("none", lambda v: v is None),
    bool: ("true or false", lambda v: type(v) is bool),
    int: ("a whole number", lambda v: type(v) is int),
    float: ("a number", lambda v: type(v) is float or (type(v) is int and abs(v) <= sys.float_info.max)),
    str: ("text", lambda v: type(v) is str and not any("\ud800" <= c <= "\udfff" for c in v)),  # half a surrogate pair
}


@cache
def _checker(kind: Any) -> Checker:
    """A function that raises _Mismatch for what is not of the kind; made once, so that a file of many records reads quickly."""
    kind = type(None) if kind is None else kind
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SIMPLE:
        return _holds(*_SIMPLE[kind])
    if origin is Annotated:
        return _ruled(*arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        return _holds(f"one of {', '.join(map(str, arguments))}", lambda v: type(v) is str and v in arguments)
    if origin in (list, tuple, Sequence):
        return _items(arguments[0], (list,) if origin is list else (list, tuple))
    if origin is dict:
        return _mapping(*arguments)
    if typing.is_typeddict(kind):
        return _fields(kind, kind.__required_keys__, open_ended=True)
    if dataclasses.is_dataclass(kind):
        fields = dataclasses.fields(kind)
        required = {f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING}
        return _fields(kind, required, open_ended=False)
    return _holds(f"a {kind.__name__}", lambda v: isinstance(v, kind))


def _holds(words: str, test: Callable[[Any], bool]) -> Checker:
    def run(value: Any) -> None:
        if not test(value):
            raise _wants(words, value)

    return run


def _ruled(kind: Any, *further: Any) -> Checker:
    checkers = [_checker(kind), *(_holds(*rule) if isinstance(rule, Rule) else _checker(rule) for rule in further)]
    if kind in _SIMPLE and isinstance(further[0], Rule):  # its words say the kind too
        is_one, first = _SIMPLE[kind][1], further[0]
        checkers[:2] = [_holds(first.words, lambda v: is_one(v) and first.holds(v))]

    def run(value: Any) -> None:
        for checker in checkers:
            checker(value)

    return run


def _union(kinds: tuple[Any, ...]) -> Checker:
    may_be_none = type(None) in kinds
    checkers = [_checker(kind) for kind in kinds if kind is not type(None)]

    def run(value: Any) -> None:
        if value is None and may_be_none:
            return
        for checker in checkers[:-1]:
            with contextlib.suppress(_Mismatch):
                checker(value)
                return
        checkers[-1](value)

    return run


def _items(kind: Any, containers: tuple[type, ...]) -> Checker:
    checker = _checker(kind)

    def run(value: Any) -> None:
        if type(value) not in containers:
            raise _wants("a list", value)
        for i, item in enumerate(value):
            try:
                checker(item)
            except _Mismatch as found:
                raise _Mismatch(found.complaint, f"[{i}]{found.path}") from None

    return run


def _mapping(key_kind: Any, kind: Any) -> Checker:
    key_checker, checker = _checker(key_kind), _checker(kind)

    def run(value: Any) -> None:
        if type(value) is not dict:
            raise _wants("an object", value)
        for key, item in value.items():
            try:
                key_checker(key)
            except _Mismatch as found:
                raise _Mismatch(found.complaint, f"a key{found.path}") from None
            try:
                checker(item)
            except _Mismatch as found:
                raise _Mismatch(found.complaint, _join(str(key), found.path)) from None

    return run


def _fields(kind: Any, required: frozenset[str] | set[str], open_ended: bool) -> Checker:
    checkers = {name: _checker(hint) for name, hint in typing.get_type_hints(kind, include_extras=True).items()}

    def run(value: Any) -> None:
        if type(value) is not dict:
            raise _wants("an object", value)
        missing = sorted(name for name in required if name not in value)
        if missing:
            raise _Mismatch(f"lacks {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}")
        for name, item in value.items():
            checker = checkers.get(name)
            if checker is None:
                if not open_ended:
                    raise _Mismatch(f"has {_shown(name)}, which nothing is known of")
                continue
            try:
                checker(item)
            except _Mismatch as found:
                raise _Mismatch(found.complaint, _join(name, found.path)) from None

    return run


def _join(name: str, rest: str) -> str:
    return f"{name}{rest}" if not rest or rest.startswith("[") else f"{name}.{rest}"
