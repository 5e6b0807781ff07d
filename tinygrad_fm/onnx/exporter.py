"""``onnx.export``: a model as an ONNX file.

The model runs a few times, on the given inputs and on others of the same kind, and what it computes is followed on the op
hook (``tracing``). What differs between the runs is what follows the inputs (``dynamic_sizes``); the rest is the graph. So any
code is exported, and not only known layers. Of an ``if`` that asks for values there is one branch in a run: where the runs
differ the model is refused.

Source: https://pytorch.org/docs/stable/onnx.html, https://onnx.ai/onnx/repo-docs/IR.html
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..atomic_files import write_atomically
from ..autograd.box import box, is_tensor
from ..errors import OnnxExporterError
from ..nn.utils.evaluating import evaluating
from ..random import fork_rng
from ..tracing import Array, Step, Tracer, Value, values_in
from ..version import __version__
from . import export_elementwise, export_layers, export_shapes  # noqa: F401  # which fill the table
from .dynamic_sizes import SymInt, merge
from .export_table import WRITERS, NoCounterpart
from .extra import onnx
from .graph_builder import Builder
from .importer import OnnxModel

OPSETS = range(17, 22)
IR_VERSION = 10
_MOST_BYTES = 2**31 - 1  # of a file in protobuf's format
_MOST_TRIED = 40  # sizes, before a model counts as one that takes no others
Axes = dict[int, str]  # which dimensions of an input may have any size, and what they are called


def export(
    model: nn.Module,
    args: Any = (),
    f: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    export_params: bool = True,
    verbose: bool | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int | None = None,
    dynamic_axes: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    do_constant_folding: bool = True,
    dynamo: bool = True,
) -> None:
    """Write ``model`` as an ONNX file, in evaluation mode whatever mode it is in; every module then has its mode again.

    Args:
        model: what to export.
        args: what it is called with: a tensor, or a tuple of them, whose last element may be a dict of keyword arguments.
        f: the path of the file, or a binary file that is open for writing.
        kwargs: keyword arguments of the call.
        export_params: False leaves the parameters' values out: they become inputs.
        verbose: taken, and changes nothing.
        input_names: names of the tensors among the arguments, in order; those of ``forward``'s parameters by default.
        output_names: names of the results, in order; ``output``, ``output_1``, … by default.
        opset_version: of the operators, 17 to 21; 18 by default.
        dynamic_axes: for an input's name, which of its dimensions may have any size: ``{"x": {0: "batch"}}`` or ``{"x": [0]}``.
            Equal names mean equal sizes. Sizes of results follow by themselves; names of results are taken and not needed.
        dynamic_shapes: the same as PyTorch's newer exporter has it: a dict by argument, or a tuple in their order.
        do_constant_folding: compute what depends on parameters only. Views of parameters are written as nodes all the same,
            so that every parameter is in the file under its own name.
        dynamo: PyTorch has two exporters; here is one, and this changes nothing.

    The file's parameters are named as in ``model.state_dict()``. Operations are recorded as they run: what Python decides by
    the values of tensors is decided once. A decision that falls differently for other inputs of the same kind is refused.

    Raises:
        OnnxExporterError: an operation has no counterpart (the message names it and its module), or the model computes other
            operations for other inputs. TypeError, ValueError: arguments that are none, with what was expected.
        MissingExtraError: the package ``onnx`` is not installed.

    Source: https://pytorch.org/docs/stable/onnx_export.html

    >>> import importlib.util, io
    >>> import tinygrad_fm as torch
    >>> model, x, file = torch.nn.Linear(2, 1), torch.ones(3, 2), io.BytesIO()
    >>> if importlib.util.find_spec("onnx"):  # the extra ``onnx``
    ...     torch.onnx.export(model, (x,), file, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    ...     assert torch.allclose(torch.onnx.load(io.BytesIO(file.getvalue()))(x), model(x))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"onnx.export(): model must be an nn.Module, got {type(model).__name__}")
    opset = 18 if opset_version is None else opset_version
    if opset not in OPSETS:
        raise ValueError(f"onnx.export(): opset_version must be {OPSETS[0]} to {OPSETS[-1]}, got {opset_version!r}")
    target = _target(f)
    onnx()
    given = _Arguments(model, args, dict(kwargs or {}), input_names)
    axes = given.dynamic(dynamic_axes, dynamic_shapes, output_names)
    trace, inputs, outputs = _traced(model, given, axes)
    proto = _Writer(opset, do_constant_folding, trace, inputs, axes).proto(
        type(model).__name__, outputs, output_names, export_params
    )
    size = proto.ByteSize()
    if size > _MOST_BYTES:
        raise OnnxExporterError(f"onnx.export(): the file would have {size:,} bytes; more than {_MOST_BYTES:,} are not offered")
    onnx().checker.check_model(proto, full_check=True)
    data = proto.SerializeToString()
    if isinstance(target, Path):
        write_atomically(target, lambda file: file.write(data))
    else:
        target.write(data)


def _target(f: Any) -> Any:
    """``f`` as a path, or as the open file that it is."""
    if isinstance(f, (str, os.PathLike)):
        path = Path(f)
        if path.is_dir():
            raise IsADirectoryError(f"onnx.export(): {path} is a folder; give the name of a file in it")
        return path
    if hasattr(f, "write"):
        return f
    raise TypeError(f"onnx.export(): f must be a path or a file that is open for writing, got {type(f).__name__}")


# -- arguments ---------------------------------------------------------------------------------------------------------


class _Arguments:
    """What the model is called with: tensors, which become inputs, and other things, which stay what they are."""

    def __init__(self, model: nn.Module, args: Any, kwargs: dict[str, Any], names: Sequence[str] | None) -> None:
        listed = args if isinstance(args, (tuple, list)) else (args,)
        if listed and isinstance(listed[-1], dict):
            listed, kwargs = listed[:-1], {**listed[-1], **kwargs}
        self.positional, self.keywords = tuple(listed), kwargs
        places: list[tuple[Any, Any]] = [*enumerate(self.positional), *self.keywords.items()]
        self.places = [place for place, value in places if is_tensor(value)]
        self.tensors = [value for _, value in places if is_tensor(value)]
        for place, value in places:
            if isinstance(value, np.ndarray) or _holds_tensors(value):
                raise TypeError(
                    f"onnx.export(): argument {place!r} is a {type(value).__name__}; tensors must be arguments by themselves "
                    "(torch.from_numpy makes one of an array)"
                )
        if not self.tensors:
            raise ValueError("onnx.export(): args must hold at least one tensor, to call the model with")
        known = _parameters(model)
        self.arguments = [p if isinstance(p, str) else known[p] if p < len(known) else f"input_{p}" for p in self.places]
        chosen = list(names or ())
        if len(chosen) > len(self.tensors):
            raise ValueError(f"onnx.export(): {len(chosen)} input_names for {len(self.tensors)} input tensors: {chosen}")
        self.names = [*chosen, *self.arguments[len(chosen) :]]
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"onnx.export(): the input names must differ, got {self.names}")

    def dynamic(self, axes: Mapping[str, Any] | None, shapes: Any, outputs: Sequence[str] | None) -> list[Axes]:
        """For each input, the names of its dimensions that may have any size."""
        if axes and shapes:
            raise ValueError("onnx.export(): give dynamic_axes or dynamic_shapes, not both")
        given = dict(axes or {})
        if shapes:
            known = self.names if isinstance(shapes, Mapping) and set(shapes) <= set(self.names) else self.arguments
            pairs = shapes.items() if isinstance(shapes, Mapping) else zip(known, shapes, strict=False)
            given = {self.names[known.index(k)]: _dims(v) for k, v in pairs if k in known}
            if isinstance(shapes, Mapping) and len(given) < len(shapes):
                raise ValueError(f"onnx.export(): dynamic_shapes is for the arguments {known}, got {list(shapes)}")
        unknown = [name for name in given if name not in self.names and name not in (outputs or ())]
        if unknown:
            raise ValueError(f"onnx.export(): dynamic_axes names {unknown}; the inputs are {self.names}, the outputs {outputs}")
        return [self._axes_of(name, tensor, given.get(name)) for name, tensor in zip(self.names, self.tensors, strict=True)]

    def _axes_of(self, name: str, tensor: Any, given: Any) -> Axes:
        found = dict(given) if isinstance(given, Mapping) else {axis: f"{name}_dynamic_axes_{axis + 1}" for axis in given or ()}
        axes = {}
        for axis, label in found.items():
            if not isinstance(axis, int) or not -tensor.ndim <= axis < tensor.ndim:
                raise ValueError(f"onnx.export(): input {name!r} of shape {tuple(tensor.shape)} has no dimension {axis!r}")
            axes[axis % tensor.ndim] = str(label)
        return axes

    def call(self, model: nn.Module, tensors: list[Any]) -> Any:
        """Call the model with other tensors in place of the given ones."""
        positional, keywords = list(self.positional), dict(self.keywords)
        for place, tensor in zip(self.places, tensors, strict=True):
            if isinstance(place, int):
                positional[place] = tensor
            else:
                keywords[place] = tensor
        return model(*positional, **keywords)


def _parameters(model: nn.Module) -> Sequence[str]:
    """The names of the arguments that a model takes by position."""
    if isinstance(model, OnnxModel):
        return model.input_names
    code = getattr(model.forward, "__code__", None)
    names: tuple[str, ...] = code.co_varnames[1 : code.co_argcount] if code is not None else ()
    return names


def _holds_tensors(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return any(is_tensor(part) or _holds_tensors(part) for part in parts)


def _dims(shape: Any) -> Any:
    """One entry of ``dynamic_shapes`` as one of ``dynamic_axes``: the dimensions that are neither None nor a number."""
    items = shape.items() if isinstance(shape, Mapping) else enumerate(shape or ())
    return {axis: getattr(dim, "__name__", str(dim)) for axis, dim in items if dim is not None and not isinstance(dim, int)}


# -- running the model -------------------------------------------------------------------------------------------------


def _traced(model: nn.Module, given: _Arguments, axes: list[Axes]) -> tuple[Tracer, list[Value], list[Value]]:
    """What the model computes, with the sizes that follow its inputs; its inputs and its outputs."""
    labels = list(dict.fromkeys(label for named in axes for label in named.values()))
    base = {label: _size(given, axes, label) for label in labels}
    with fork_rng(), evaluating(model):
        runs = [_run(model, given, axes, base, 0)]
        for count, label in enumerate(labels, 1):
            runs.append(_another(model, given, axes, base, [label], 1, count))
        runs.append(_another(model, given, axes, base, labels, 3, len(labels) + 1))  # so there are three sizes of each
        outputs = [[value.number for value in run[1]] for run in runs]
        trace = merge([run[0] for run in runs])
    if any(numbers != outputs[0] for numbers in outputs):
        raise OnnxExporterError("onnx.export(): the model returns other results for other inputs of the same kind")
    inputs = trace.values[: len(given.tensors)]
    return trace, inputs, [trace.values[n] for n in outputs[0]]


def _size(given: _Arguments, axes: list[Axes], label: str) -> int:
    """The size to begin with: that of the given inputs, but of 1, which broadcasts and is squeezed, 2."""
    found = {
        t.shape[axis] for t, named in zip(given.tensors, axes, strict=True) for axis, name in named.items() if name == label
    }
    if len(found) > 1:
        raise ValueError(f"onnx.export(): the dimensions named {label!r} have the sizes {sorted(found)}, but must be equal")
    return max(found.pop(), 2)


def _another(
    model: nn.Module, given: _Arguments, axes: list[Axes], base: dict[str, int], chosen: list[str], more: int, count: int
) -> tuple[Tracer, list[Value]]:
    """A run on other values, and other sizes of the dimensions named in ``chosen``: the first ones that the model takes."""
    failed: Exception | None = None
    others = [_other_sizes(base[label], more, i) for i, label in enumerate(chosen, 1)]
    for found in itertools.islice(itertools.product(*others), _MOST_TRIED):
        sizes = {**base, **dict(zip(chosen, found, strict=True))}
        for variant in (-count, count, 0):  # other values, and where the model refuses them the given ones
            try:
                return _run(model, given, axes, sizes, variant)
            except OnnxExporterError:
                raise
            except Exception as error:
                failed = failed or error
    what = f"with another size of {' and '.join(map(repr, chosen))} than the given one" if chosen else "a second time"
    raise OnnxExporterError(f"onnx.export(): the model does not run {what}: {failed}") from failed


def _other_sizes(n: int, more: int, i: int) -> list[int]:
    """Sizes to try in place of ``n``: by ``more`` or less, another amount for each dimension, then multiples and parts. No 1,
    which broadcasts."""
    found = [n + more * i, n - more * i, n + 2, n - 2, n * (1 + more), n // (1 + more)]
    return [size for size in dict.fromkeys(found) if size >= 2 and size != n]


def _run(
    model: nn.Module, given: _Arguments, axes: list[Axes], sizes: dict[str, int], variant: int
) -> tuple[Tracer, list[Value]]:
    """One run, on the given values in other sizes and, with ``variant``, another order: its trace and its outputs."""
    tracer = Tracer({id(t._array): name for name, t in _named_tensors(model)}, WRITERS, _refused)
    tensors = []
    for name, tensor, named in zip(given.names, given.tensors, axes, strict=True):
        array = tensor._array
        for axis, label in named.items():
            array = np.take(array, np.arange(sizes[label]) % array.shape[axis] if array.shape[axis] else [], axis)
        tensors.append(box(_varied(array, variant) if variant else array.copy()))
        tracer.input(tensors[-1]._array, name)
    with tracer.recording():
        result = given.call(model, tensors)
    return tracer, [tracer.output(tensor) for tensor in _results(result)]


def _refused(reason: str) -> Exception:
    return OnnxExporterError(f"onnx.export(): {reason}")


def _named_tensors(model: nn.Module) -> list[tuple[str, Any]]:
    """Parameters and buffers; of one that has several names, the first."""
    found = [*model.named_parameters(), *model.named_buffers()]
    return found[::-1]


def _varied(array: Array, variant: int) -> Array:
    """Other values of the same kind: those that there are in another order; of floating-point ones a little less, and with
    the other sign if ``variant`` is negative."""
    flat = array.reshape(-1)
    if not flat.size:
        return array
    other = np.roll(flat[::-1], variant)
    if array.dtype.kind == "f":
        other = (other * (1 - 0.125 / abs(variant)) * np.sign(variant)).astype(array.dtype)
    elif (flat == flat[0]).all():
        other[0] = not flat[0] if array.dtype.kind == "b" else flat[0] - 1 if flat[0] > 0 else flat[0] + 1
    return other.reshape(array.shape)


def _results(result: Any) -> list[Any]:
    """The tensors that a model returned, alone or in tuples, lists and dicts; None among them is left out."""
    if is_tensor(result):
        return [result]
    if isinstance(result, Mapping):
        return _results(list(result.values()))
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in _results(part)]
    if result is None:
        return []
    raise OnnxExporterError(
        f"onnx.export(): the model must return tensors, alone or in tuples and dicts, got {type(result).__name__}"
    )


# -- writing -----------------------------------------------------------------------------------------------------------


class _Writer:
    """The steps of a trace as the nodes of a graph."""

    def __init__(self, opset: int, fold: bool, trace: Tracer, inputs: list[Value], axes: list[Axes]) -> None:
        self.opset, self.trace, self.inputs = opset, trace, inputs
        self.labels = {
            value.shape[axis]: label for value, named in zip(inputs, axes, strict=True) for axis, label in named.items()
        }
        self.g = Builder(inputs, opset, fold)
        self.g.reserve(value.name for value in trace.values if value.name)

    def proto(self, name: str, outputs: list[Value], names: Sequence[str] | None, export_params: bool) -> Any:
        """The whole as a ModelProto."""
        helper, g = onnx().helper, self.g
        chosen = self._output_names(outputs, names)
        for step in self._live(outputs):
            self._write(step)
        g.step = None
        g.nodes += [helper.make_node("Identity", [g.name(v)], [n], name=f"/{n}") for v, n in zip(outputs, chosen, strict=True)]
        nodes = _shortened(_needed(g.nodes, chosen), chosen)
        read = {name for node in nodes for name in node.input}
        values = {key: array for key, array in g.parameters.items() if key in read}
        tensors = [onnx().numpy_helper.from_array(np.ascontiguousarray(array), key) for key, array in values.items()]
        inputs = [self._info(value, value.name) for value in self.inputs]
        if not export_params:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
            tensors = []
        results = [self._info(value, chosen[i]) for i, value in enumerate(outputs)]
        graph = helper.make_graph(nodes, name, inputs, results, tensors)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=IR_VERSION,
            producer_name="tinygrad_fm",
            producer_version=__version__,
        )

    def _output_names(self, outputs: list[Value], names: Sequence[str] | None) -> list[str]:
        if not outputs:
            raise OnnxExporterError("onnx.export(): the model returns no tensor")
        chosen = list(names or ())
        if len(chosen) > len(outputs):
            raise ValueError(f"onnx.export(): {len(chosen)} output_names for {len(outputs)} results: {chosen}")
        taken = [*(value.name for value in self.inputs), *chosen]
        if len(set(taken)) < len(taken):
            raise ValueError(f"onnx.export(): the names of inputs and outputs must differ, got {taken}")
        self.g.reserve(chosen)
        chosen += [self.g.fresh(f"output_{i}" if i else "output") for i in range(len(chosen), len(outputs))]
        return chosen

    def _write(self, step: Step) -> None:
        """Have the operation's writer write it."""
        self.g.step = step
        writer = WRITERS.get(step.name)
        try:
            if writer is None:
                raise NoCounterpart("")
            names = writer(self.g, step)
        except NoCounterpart as error:
            reason = f" {error}" if str(error) else ""
            raise OnnxExporterError(
                f"onnx.export(): {step.describe()}{reason} has no counterpart in ONNX that is offered here; compute it of "
                "other operations"
            ) from None
        for value, name in zip(step.results, [names] if isinstance(names, str) else names, strict=True):
            self.g.set(value, name)

    def _info(self, value: Value, name: str) -> Any:
        """Name, dtype and shape of an input or output; sizes that differ by their names, or without."""
        shape = [self.labels.get(n, f"{name}_dim_{i}") if isinstance(n, SymInt) else n for i, n in enumerate(value.shape)]
        helper = onnx().helper
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape)

    def _live(self, outputs: list[Value]) -> list[Step]:
        """The steps that the outputs depend on and that are not folded."""
        wanted, steps = {value.number for value in outputs}, []
        for step in reversed(self.trace.steps):
            if any(value.number in wanted and not self.g.is_folded(value) for value in step.results):
                wanted.update(value.number for value in values_in([step.inputs, step.static]))
                steps.append(step)
        return steps[::-1]


def _needed(nodes: list[Any], outputs: Sequence[str]) -> list[Any]:
    """The nodes that the outputs depend on."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _shortened(nodes: list[Any], outputs: Sequence[str]) -> list[Any]:
    """Without the last Identity of an output, where the node that it repeats can have the output's name itself."""
    makers = {name: node for node in nodes for name in node.output}
    renamed: dict[str, str] = {}
    for node in [n for n in nodes if n.op_type == "Identity" and n.output[0] in outputs]:
        source = node.input[0]
        if source in makers and source not in renamed and source not in outputs:
            renamed[source] = node.output[0]
            nodes.remove(node)
    for node in nodes:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = renamed.get(name, name)
    return nodes
