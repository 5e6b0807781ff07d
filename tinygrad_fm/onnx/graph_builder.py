"""The ONNX graph as it is put together: nodes, constants, parameters, and sizes that are computed while it runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import OnnxExporterError
from ..tracing import Array, Step, Value
from .dynamic_sizes import SymInt, is_static, sym
from .extra import onnx

_LEFT = 2**63 - 1  # as the end of a slice: all that is left
_FEW = 16  # numbers of an array that follow the inputs' sizes one by one
_VIEWS = {"permute", "transpose", "reshape", "view", "flatten", "unsqueeze", "squeeze", "getitem", "split"}


class Builder:
    """Collects nodes; operations are written into it by the functions of ``export_operators``.

    Args:
        inputs: the model's inputs.
        opset: the version of ONNX's operators.
        fold: whether constants that are computed are written as their results, but for views of parameters.
    """

    def __init__(self, inputs: list[Value], opset: int, fold: bool) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.parameters: dict[str, Array] = {}
        self.step: Step | None = None
        self.unsqueezed: dict[str, tuple[str, int]] = {}  # name -> what it was made of, and the new axis
        self.averages: dict[int, tuple[str, int]] = {}  # of a value that is sums of windows, their averages and their size
        self._inputs, self._fold = inputs, fold
        self._names: dict[int, str] = {value.number: value.name for value in inputs}  # by the value's number
        self._cache: dict[Any, str] = {}
        self._taken = {value.name for value in inputs}
        self._written: set[int] = set()

    # -- names -------------------------------------------------------------------------------------------------------

    def fresh(self, stem: str) -> str:
        """``stem``, or ``stem_1``, … if that is taken."""
        names = itertools.chain([stem], (f"{stem}_{i}" for i in itertools.count(1)))
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        return name

    def reserve(self, names: Iterable[str]) -> None:
        """Keep these names for parameters and outputs."""
        self._taken.update(names)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def node(self, op: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns the name of its result, or the names of its results."""
        module = f"/{self.step.module.replace('.', '/')}" if self.step and self.step.module else ""
        name = self.fresh(f"{module}/{op}")
        results = [self.fresh(f"{name}_output_{i}") for i in range(outputs)]
        self.nodes.append(onnx().helper.make_node(op, list(inputs), results, name=name, **attributes))
        return results[0] if outputs == 1 else results

    def shared(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """As :meth:`node`, but a node that is there already is taken."""
        key = (op, *inputs, *sorted(attributes.items()))
        if key not in self._cache:
            self._cache[key] = self.node(op, inputs, **attributes)
        return self._cache[key]

    def constant(self, value: Any, dtype: Any = None) -> str:
        """The name of a constant: a number, list or array of ``dtype``."""
        array = np.ascontiguousarray(np.asarray(value, dtype)).reshape(np.shape(value))
        key = ("constant", array.dtype.str, array.shape, array.tobytes())
        if key not in self._cache:
            self._cache[key] = self.node("Constant", [], value=onnx().numpy_helper.from_array(array))
        return self._cache[key]

    def ints(self, values: Any) -> str:
        """A constant of int64."""
        return self.constant(values, np.int64)

    # -- values ------------------------------------------------------------------------------------------------------

    def set(self, value: Value, name: str) -> None:
        """Say which name in the graph holds ``value``."""
        self._names[value.number] = name

    def name(self, value: Value) -> str:
        """The name in the graph that holds ``value``."""
        found = self._names.get(value.number)
        if found is None:
            if value.varying is not None:
                found = self._generated(value)
            elif value.name:
                self.parameters[value.name] = value.array
                found = value.name
            else:
                found = self.constant(value.array)
            self._names[value.number] = found
        return found

    def is_folded(self, value: Value) -> bool:
        """Whether ``value`` is written as a constant instead of being computed."""
        if not value.constant or value.varying is not None or value.step is None:
            return False
        return not self._from_parameter(value)

    def _from_parameter(self, value: Value) -> bool:
        """Whether a constant is a view of a parameter, which keeps its name so, or anything of one without folding."""
        if value.step is None:
            return bool(value.name)
        if self._fold and value.step.name not in _VIEWS:
            return False
        given = [x for x in value.step.inputs if isinstance(x, Value)]
        return any(self._from_parameter(x) for x in given)

    def operand(self, value: Any, dtype: Any = None) -> str:
        """The name of an input: a Value, cast to ``dtype`` if it has another, or a number of ``dtype``."""
        if value is None:
            return ""
        if not isinstance(value, Value):
            return self.number(value, dtype)
        name = self.name(value)
        return name if dtype is None or value.dtype == dtype else self.cast(name, dtype)

    def operands(self, step: Step) -> list[str]:
        """The names of all inputs of ``step``, promoted as its kernel gets them."""
        return [self.operand(value, dtype) for value, dtype in zip(step.inputs, step.dtypes, strict=True)]

    def cast(self, name: str, dtype: Any) -> str:
        """``name`` as elements of ``dtype``."""
        return self.shared("Cast", [name], to=onnx().helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    # -- numbers and sizes -------------------------------------------------------------------------------------------

    def number(self, value: Any, dtype: Any) -> str:
        """A 0-d constant of ``dtype``; one that follows the inputs' sizes is computed."""
        if not isinstance(value, SymInt):
            return self.constant(np.asarray(value).astype(dtype))
        if all(isinstance(v, int) for v in value.values):
            return self.cast(self.scalar(value), dtype)
        for n in self._sizes():  # such as 1 / N, √N, 1 / √N
            for power, op in ((-1.0, "Reciprocal"), (0.5, "Sqrt"), (1.0, "Identity"), (-0.5, "")):
                if np.allclose([m**power for m in n.values], value.values, rtol=1e-12, atol=0):
                    size = self.cast(self.scalar(n), dtype)
                    return self.node(op, [size]) if op else self.node("Reciprocal", [self.node("Sqrt", [size])])
        raise self._unknown(value, "a number")

    def shape(self, sizes: Sequence[Any]) -> str:
        """A vector of sizes."""
        if not any(isinstance(n, SymInt) for n in sizes):
            return self.ints(list(sizes))
        return self.shared("Concat", [self.size(n) for n in sizes], axis=0)

    def scalar(self, n: Any) -> str:
        """A size as a 0-d tensor."""
        return self.shared("Squeeze", [self.size(n), self.ints([0])]) if isinstance(n, SymInt) else self.ints(n)

    def size(self, n: Any) -> str:
        """A vector of one size, computed from those of the model's inputs."""
        if not isinstance(n, SymInt):
            return self.ints([n])
        found = self._dimension(n) or self._computed(n) or self._dimension(n, [*self._inputs, *self._nearby()])
        if found is None:
            raise self._unknown(n, "a size")
        return found

    def _dimension(self, n: SymInt, values: list[Value] | None = None) -> str | None:
        """The dimension of a value that ``n`` is."""
        for value in self._inputs if values is None else values:
            if n in value.shape:
                axis = value.shape.index(n)
                return self.shared("Shape", [self.name(value)], start=axis, end=axis + 1)
        return None

    def _nearby(self) -> list[Value]:
        """The inputs of the operation at hand, and of what made them."""
        found = [x for x in self.step.inputs if isinstance(x, Value)] if self.step else []
        return found + [x for v in found if v.step for x in v.step.inputs if isinstance(x, Value) and not x.constant]

    def _sizes(self) -> list[SymInt]:
        """The sizes of the inputs that differ between traces."""
        return list(dict.fromkeys(n for value in self._inputs for n in value.shape if isinstance(n, SymInt)))

    def _computed(self, n: SymInt) -> str | None:
        """``n`` as a·d + b, a·d·e or (d + a) // b of sizes d and e of the inputs."""
        sizes = self._sizes()
        for d in sizes:
            for factor, more in _lines(d.values, n.values):
                scaled = self.size(d) if factor == 1 else self.shared("Mul", [self.size(d), self.ints([factor])])
                return self.shared("Add", [scaled, self.ints([more])]) if more else scaled
        for d, e in itertools.combinations_with_replacement(sizes, 2):
            for factor, more in _lines((d * e).values, n.values):
                if not more:
                    product = self.shared("Mul", [self.size(d), self.size(e)])
                    return product if factor == 1 else self.shared("Mul", [product, self.ints([factor])])
        for d in sizes:
            for b in range(2, 65):
                for a in range(-b, b):
                    if all((m + a) // b == v for m, v in zip(d.values, n.values, strict=True)):
                        sum_ = self.shared("Add", [self.size(d), self.ints([a])])
                        return self.shared("Div", [sum_, self.ints([b])])
        return None

    def _unknown(self, n: SymInt, what: str) -> OnnxExporterError:
        where = self.step.describe() if self.step else "the model"
        return OnnxExporterError(
            f"onnx.export(): {where} takes {what} that was {', '.join(map(str, dict.fromkeys(n.values)))} when the model ran "
            "on other inputs, and how it follows from their sizes is not known: a graph holds what operations compute, not "
            "what Python computes of item(), shape or len(). Are the sizes the reason, leave that dimension out of dynamic_axes"
        )

    # -- constants whose shape follows the inputs ----------------------------------------------------------------------

    def _generated(self, value: Value) -> str:
        """A constant that differs between traces: one number in another shape, or a range."""
        assert value.varying is not None
        arrays = value.varying
        kind = value.dtype
        first = arrays[0].reshape(-1)[0] if arrays[0].size else 0
        if all((array == first).all() for array in arrays):
            return self.node("Expand", [self.constant(np.asarray(first, kind)), self.shape(value.shape)])
        long = [axis for axis, n in enumerate(value.shape) if n != 1]
        rows = [array.reshape(-1) for array in arrays]
        if kind.kind in "iu" and len(rows[0]) <= _FEW and is_static(value.shape):  # such as the last place, of [-1]
            numbers = self.shape([sym([int(n) for n in column]) for column in zip(*rows, strict=True)])
            return self.cast(self.node("Reshape", [numbers, self.ints(value.shape)]), kind)
        if len(long) == 1 and kind.kind != "b" and all(len(row) > 1 for row in rows):
            start, step = rows[0][0], rows[0][1] - rows[0][0]
            if all(np.allclose(row, start + step * np.arange(len(row)), rtol=1e-6, atol=0) for row in rows):
                zero, one = self.ints(0), self.ints(1)
                places = self.cast(self.node("Range", [zero, self.scalar(value.shape[long[0]]), one]), kind)
                scaled = self.node("Mul", [places, self.constant(step)]) if step != 1 else places
                line = self.node("Add", [scaled, self.constant(start)]) if start != 0 else scaled
                return self.node("Reshape", [line, self.ints([-1 if axis == long[0] else 1 for axis in range(value.ndim)])])
        where = self.step.describe() if self.step else "the model"
        raise OnnxExporterError(
            f"onnx.export(): {where} reads an array of shape {arrays[0].shape} that was another one when the model ran on "
            "other inputs, and that no operation computed: random numbers, or values that left the tape by numpy(), item(), "
            "bool indexing or the like, are not part of a graph"
        )


def _lines(xs: tuple[int, ...], ys: tuple[int, ...]) -> list[tuple[int, int]]:
    """(factor, more) with y = factor · x + more for all pairs; empty if there are none."""
    pairs = sorted(set(zip(xs, ys, strict=True)))
    if len({x for x, _ in pairs}) != len(pairs) or len(pairs) < 2:
        return []
    (x0, y0), (x1, y1) = pairs[0], pairs[-1]
    factor = (y1 - y0) // (x1 - x0)
    more = y0 - factor * x0
    return [(factor, more)] if factor and all(y == factor * x + more for x, y in pairs) else []


def whole(part: slice, size: Any) -> bool:
    """Whether a slice takes everything of a dimension."""
    return part.step in (None, 1) and part.start in (None, 0) and (part.stop is None or part.stop == size)


def slice_end(part: slice, size: Any) -> Any:
    """The end of a slice, as ONNX has it."""
    return _LEFT if part.stop is None or part.stop == size else part.stop
