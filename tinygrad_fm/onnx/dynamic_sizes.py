"""Sizes that follow the inputs: found by comparing traces of one model on inputs of several sizes.

A number that is the same in all traces is a constant. One that differs is a :class:`SymInt`, the tuple of its values, and
:func:`merge` puts it in place wherever it stands: in the shapes of values, in the sizes given to ``reshape``, in the ends of
slices. How it follows from the inputs' sizes is found when a node needs it (``graph_builder.Builder.size``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import OnnxExporterError
from ..tracing import Step, Tracer, Value, values_in


class SymInt:
    """A number that differs between the traces.

    Attributes:
        values: what it is in each of them.

    >>> n = SymInt((2, 3, 5))
    >>> (n * 4).values, n * 4 == SymInt((8, 12, 20)), n - n
    ((8, 12, 20), True, 0)
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = tuple(values)

    def _with(self, op: Callable[[Any, Any], Any], other: Any, reverse: bool = False) -> Any:
        others = other.values if isinstance(other, SymInt) else (other,) * len(self.values)
        pairs = zip(others, self.values, strict=True) if reverse else zip(self.values, others, strict=True)
        return sym([op(a, b) for a, b in pairs])

    def __add__(self, other: Any) -> Any:
        return self._with(operator.add, other)

    def __sub__(self, other: Any) -> Any:
        return self._with(operator.sub, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with(operator.sub, other, reverse=True)

    def __mul__(self, other: Any) -> Any:
        return self._with(operator.mul, other)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(operator.floordiv, other)

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymInt) and other.values == self.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        return "|".join(map(str, self.values))


def sym(values: Sequence[Any]) -> Any:
    """The number that all ``values`` are, or a SymInt of them."""
    return values[0] if all(v == values[0] for v in values) else SymInt(values)


def is_static(shape: Sequence[Any]) -> bool:
    """Whether no size in ``shape`` differs between traces."""
    return not any(isinstance(n, SymInt) for n in shape)


def merge(traces: list[Tracer]) -> Tracer:
    """The first trace, with SymInts where the others differ.

    Raises OnnxExporterError where they differ in more than numbers: a model that decides by the values or sizes of its inputs
    what it computes.
    """
    first = traces[0]
    for steps in zip(*(trace.steps for trace in traces), strict=False):
        _check_alike(steps)
    lengths = {len(trace.steps) for trace in traces}
    if len(lengths) > 1:
        raise OnnxExporterError(f"onnx.export(): {_BY_VALUE}: it ran {' or '.join(map(str, sorted(lengths)))} operations")
    for values in zip(*(trace.values for trace in traces), strict=True):
        _merge_value(values)
    for steps in zip(*(trace.steps for trace in traces), strict=True):
        merged = steps[0]
        try:
            merged.inputs = _merged([step.inputs for step in steps], first)
            merged.static = _merged([step.static for step in steps], first)
        except _DifferError:
            raise OnnxExporterError(f"onnx.export(): {_BY_VALUE}: {merged.describe()} got other arguments") from None
    return first


_BY_VALUE = "the model computes something else for other inputs of the same kind, which a graph cannot hold"


class _DifferError(Exception):
    """Two traces differ in more than numbers."""


def _check_alike(steps: tuple[Step, ...]) -> None:
    """Raise unless the steps at one place of all traces are runs of one operation, on values from the same places."""
    first = steps[0]
    for other in steps[1:]:
        places = [[value.number for value in values_in([s.inputs, s.static, s.results])] for s in (first, other)]
        if first.op is not other.op or first.name != other.name or places[0] != places[1]:
            raise OnnxExporterError(
                f"onnx.export(): {_BY_VALUE}: {first.describe()} for one, {other.describe()} for another. Decide by settings "
                "of the model, or compute both and choose with where()"
            )


def _merge_value(values: tuple[Value, ...]) -> None:
    first = values[0]
    if len({value.ndim for value in values}) > 1 or len({value.dtype for value in values}) > 1:
        raise OnnxExporterError(f"onnx.export(): {_BY_VALUE}: a tensor of shape {first.shape} has other dimensions or dtype")
    arrays = [value.array for value in values]
    if first.constant and not first.name and not all(_same(array, arrays[0]) for array in arrays):
        first.varying = arrays
        first.alike = tuple(n for n in first.alike if all(n in value.alike for value in values))
    first.shape = tuple(sym(sizes) for sizes in zip(*(value.shape for value in values), strict=True))


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _merged(items: list[Any], trace: Tracer) -> Any:
    """One item of what stands at one place in each trace."""
    first = items[0]
    if isinstance(first, Value):
        return trace.values[first.alike[0]] if first.varying is not None and first.alike else first
    if any(type(item) is not type(first) for item in items):
        raise _DifferError
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return sym(items)
    if isinstance(first, slice):
        return slice(*_merged([(s.start, s.stop, s.step) for s in items], trace))
    if isinstance(first, dict):
        return {key: _merged([item[key] for item in items], trace) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(item) != len(first) for item in items):
            raise _DifferError
        parts = [_merged(list(part), trace) for part in zip(*items, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if isinstance(first, (bool, str, np.dtype)) and any(item != first for item in items):
        raise _DifferError
    return first
