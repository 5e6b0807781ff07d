"""Values held against annotations: every kind, what fits it and what is said of what does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

import pytest

from tinygrad_fm.schema import Count, Finite, Json, Rule, check, from_json


class _Optional(TypedDict, total=False):
    note: str


class Entry(_Optional):
    name: str
    sizes: list[Count]


@dataclasses.dataclass
class Point:
    x: Finite
    y: float = 0.0


Even = Annotated[int, Rule("even", lambda v: v % 2 == 0), Rule("at most 10", lambda v: v <= 10)]

JSON = "made of numbers, text, lists and objects, at most 100 within one another"


def nested(times: int) -> dict[str, Any]:
    """Lists in an object."""
    value: Any = 1
    for _ in range(times):
        value = [value]
    return {"a": value}


FITS: list[Any] = [
    (None, None),
    (True, bool),
    (3, int),
    (3, float),
    (float("nan"), float),
    ("ü", str),
    ([1, 2], list[int]),
    ((1, 2), Sequence[int]),
    ((1, 2), tuple[int, ...]),
    ({"a": 1}, dict[str, int]),
    ({1: None}, dict[int, int | None]),
    ("b", Literal["a", "b"]),
    (2**62, Count),
    (4, Even),
    ({"name": "n", "sizes": [0], "more": object()}, Entry),
    ({"x": 1.0}, Point),
    ({"a": [1, None, {"b": (True, "c")}]}, Json),
    ({"x": 1.0}, Annotated[dict[str, Any], Point]),
    (nested(99), Json),
    pytest.param(object(), Any, id="object-Any"),
]

DOES_NOT: list[tuple[Any, Any, str]] = [
    (0, None, "it must be none, got 0"),
    (1, bool, "it must be true or false, got 1"),
    (True, int, "it must be a whole number, got True"),
    (1.0, int, "it must be a whole number, got 1.0"),
    (10**400, float, "it must be a number, got a number of more than 60 digits"),
    ("1", float, "it must be a number, got '1'"),
    ("\ud800", str, "it must be text, got '\\ud800'"),
    ("x" * 100, int, f"it must be a whole number, got '{'x' * 56}..."),
    ((1,), list[int], "it must be a list, got a tuple"),
    ([1, "a"], list[int], "it[1] must be a whole number, got 'a'"),
    ([], dict[str, int], "it must be an object, got a list"),
    ({1: 2}, dict[str, int], "it: a key must be text, got 1"),
    ({"a": {"b": [0, {}]}}, dict[str, dict[str, list[int]]], "it: a.b[1] must be a whole number, got an object"),
    ("c", Literal["a", "b"], "it must be one of a, b, got 'c'"),
    ([], Literal["a", "b"], "it must be one of a, b, got a list"),
    (-1, Count, "it must be a whole number from 0 on, got -1"),
    (float("inf"), Finite, "it must be a finite number, got inf"),
    (3, Even, "it must be even, got 3"),
    ("3", Even, "it must be even, got '3'"),
    (12, Even, "it must be at most 10, got 12"),
    ("a", int | None, "it must be a whole number, got 'a'"),
    ("a", int | bool, "it must be true or false, got 'a'"),
    ({"name": "n"}, Entry, "it lacks sizes"),
    ({"name": "n", "sizes": [0, -1]}, Entry, "it: sizes[1] must be a whole number from 0 on, got -1"),
    ({"name": "n", "sizes": [], "note": 5}, Entry, "it: note must be text, got 5"),
    ({"y": 1.0}, Point, "it lacks x"),
    ({"x": 1.0, "z": 1.0}, Point, "it has 'z', which nothing is known of"),
    ({"x": 1.0, "z": 1.0}, Annotated[dict[str, Any], Point], "it has 'z', which nothing is known of"),
    ({"a": {1}}, Json, f"it must be {JSON}, got an object"),
    (nested(100), Json, f"it must be {JSON}, got an object"),
    (3, Point, "it must be an object, got 3"),
]


@pytest.mark.parametrize(("value", "kind"), FITS, ids=lambda x: str(x)[:40])
def test_what_fits(value: Any, kind: Any) -> None:
    check(value, kind)


@pytest.mark.parametrize(("value", "kind", "says"), DOES_NOT, ids=lambda x: str(x)[:40])
def test_what_does_not_is_named_by_its_path(value: Any, kind: Any, says: str) -> None:
    with pytest.raises(ValueError, match=r"^it") as caught:
        check(value, kind, "it")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "[" * 100_000 + "]" * 100_000, b"\xff", "1" * 5000])
def test_json_that_is_none(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        from_json(text, Any)
