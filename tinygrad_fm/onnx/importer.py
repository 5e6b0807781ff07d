"""``onnx.load``: an ONNX file as a module, to run and to train.

The file is read as data: its tensors' sizes are held against what it really contains, every operator against the table
(``import_table``), and nothing is computed before the module is called.

Source: https://onnx.ai/onnx/repo-docs/IR.html, https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..autograd.box import box, is_tensor
from ..errors import CheckpointError, printable
from ..nn.parameter import Parameter
from . import import_elementwise, import_layers, import_shapes  # noqa: F401  # which fill the table
from .extra import onnx
from .import_table import DTYPES, READERS, SETTINGS, Node

OPSETS = range(7, 29)
_CONTROL = {"If", "Loop", "Scan", "SequenceMap"}
# where TensorProto keeps elements that are not in raw_data, by its number of the data type
_FIELDS = {1: "float_data", 11: "double_data", 7: "int64_data"}


class OnnxModel(nn.Module):
    """The graph of an ONNX file as a module; made by :func:`load`.

    Its parameters and buffers are the file's initializers, under their names. It is called with the file's inputs, in order or
    by name, and returns a tensor, or a tuple of them where the file has several outputs.

    Attributes:
        input_names, output_names: as in the file.

    >>> import tinygrad_fm as torch
    >>> issubclass(torch.onnx.OnnxModel, torch.nn.Module)
    True
    """

    def __init__(self, nodes: list[Node], inputs: list[str], outputs: list[str], tensors: dict[str, Any]) -> None:
        super().__init__()
        self.input_names, self.output_names = inputs, outputs
        self._nodes = nodes
        self._places: dict[str, tuple[nn.Module, str]] = {}  # of each initializer: the module that holds it, and its name there
        for name, tensor in tensors.items():
            self._keep(name, tensor)
        last = {name: i for i, node in enumerate(nodes) for name in node.inputs}
        kept = {*outputs, *self._places}
        self._done = [
            [name for name in dict.fromkeys(n.inputs) if last[name] == i and name not in kept] for i, n in enumerate(nodes)
        ]

    def _keep(self, name: str, tensor: Any) -> None:
        """Put a tensor where ``state_dict`` has it under ``name``: dots lead into modules, as they do in PyTorch's names."""
        *path, own = name.split(".")
        module: nn.Module = self
        for part in path:
            if part not in module._modules:
                module._modules[part] = nn.Module()
            found = module._modules[part]
            assert found is not None
            module = found
        store: dict[str, Any] = module._parameters if isinstance(tensor, Parameter) else module._buffers
        store[own] = tensor
        self._places[name] = module, own

    def _tensor(self, name: str) -> Any:
        """The parameter or buffer of this name, as it is now."""
        module, own = self._places[name]
        stores: Any = (module._parameters, module._buffers)
        return stores[0].get(own) if own in stores[0] else stores[1][own]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the graph computes.

        Raises:
            TypeError: inputs that are missing, too many, unknown or no tensors. RuntimeError: an operator cannot be computed of
            what it is given; the message names the node.
        """
        values = self._given(args, kwargs)
        values.update((name, self._tensor(name)) for name in self._places)
        values[""] = None
        for node, done in zip(self._nodes, self._done, strict=True):
            node.training = self.training
            inputs = [values[name] for name in node.inputs]
            while inputs and inputs[-1] is None:
                inputs.pop()
            try:
                results = READERS[node.op](node, *inputs)
            except Exception as error:
                raise RuntimeError(f"{node.describe()}: {error}") from error
            parts = results if isinstance(results, tuple) else (results,)
            values.update((name, part) for name, part in zip(node.outputs, parts, strict=False) if name)
            for name in done:
                if name:
                    values.pop(name, None)
        found = tuple(values[name] for name in self.output_names)
        return found[0] if len(found) == 1 else found

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        names = self.input_names
        given = dict(zip(names, args, strict=False)) | kwargs
        if len(args) > len(names) or set(given) != set(names) or len(args) + len(kwargs) != len(names):
            raise TypeError(f"this model takes the inputs {names}, got {len(args)} by position and {sorted(kwargs)} by name")
        for name, value in given.items():
            if not is_tensor(value):
                raise TypeError(f"input {name!r} must be a Tensor, got {type(value).__name__}")
        return given

    def extra_repr(self) -> str:
        """Inputs, outputs, and how many operators."""
        return f"inputs={self.input_names}, outputs={self.output_names}, operators={len(self._nodes)}"


def load(f: Any) -> OnnxModel:
    """Read an ONNX file as a module, to run it and to train it further.

    Args:
        f: the path of the file, or a binary file that is open for reading.

    Returns:
        A module in training mode, as every new one; call ``eval()`` to use it. Its parameters are the file's floating-point
        initializers, by name; other initializers, and the running statistics of batch norm, are buffers. In training mode
        dropout drops and batch norm moves its statistics, as in PyTorch.

    Raises:
        CheckpointError: the file is damaged, or has an operator, a data type or a feature that is not offered; the message
            names the node and its operator. MissingExtraError: the package ``onnx`` is not installed.

    Offered are the operators that :func:`export` writes and those of image classifiers and transformers, in versions 7 to 28.
    Control flow, sequences, functions and external data are not.

    >>> import importlib.util, io
    >>> import tinygrad_fm as torch
    >>> file = io.BytesIO()
    >>> if importlib.util.find_spec("onnx"):  # the extra ``onnx``
    ...     torch.onnx.export(torch.nn.Linear(2, 1), torch.ones(3, 2), file, input_names=["x"])
    ...     model = torch.onnx.load(io.BytesIO(file.getvalue())).eval()
    ...     assert model.input_names == ["x"] and sorted(dict(model.named_parameters())) == ["bias", "weight"]
    """
    data, name = _bytes(f)
    try:
        proto = onnx().load_model_from_string(data)
    except MemoryError:
        raise
    except Exception as error:
        raise CheckpointError(f"{name} is no ONNX file, or damaged: {error}") from None
    if not proto.HasField("graph") or not proto.graph.node:
        raise CheckpointError(f"{name} is no ONNX file, or damaged: it has no graph with operators")
    try:
        return _model(proto)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {printable(str(error))}") from None


def _bytes(f: Any) -> tuple[bytes, str]:
    if isinstance(f, (str, os.PathLike)):
        return Path(f).read_bytes(), printable(str(f))
    if hasattr(f, "read"):
        return f.read(), "the file"
    raise TypeError(f"onnx.load(): f must be a path or a file that is open for reading, got {type(f).__name__}")


# -- from protobuf's messages ------------------------------------------------------------------------------------------


def _model(proto: Any) -> OnnxModel:
    """The module that a ModelProto describes."""
    opset = _opset(proto)
    graph = proto.graph
    if graph.sparse_initializer:
        raise CheckpointError("sparse initializers are not offered")
    arrays: dict[str, Any] = {}
    for tensor in graph.initializer:
        if not tensor.name or tensor.name in arrays:
            raise CheckpointError(f"there are two initializers named {tensor.name!r}, or one without a name")
        arrays[tensor.name] = _array(tensor, f"initializer {tensor.name!r}")
    nodes = [_node(message, opset) for message in graph.node]
    inputs = [value.name for value in graph.input if value.name not in arrays]
    outputs = [value.name for value in graph.output]
    _check_names(nodes, [*inputs, *arrays], outputs)
    try:
        onnx().checker.check_model(proto)
    except Exception as error:
        raise CheckpointError(f"the file is damaged: {str(error).strip()}") from None
    _follow_the_mode(nodes, arrays, outputs)
    return OnnxModel(nodes, inputs, outputs, _tensors(nodes, arrays))


def _follow_the_mode(nodes: list[Node], arrays: dict[str, Any], outputs: list[str]) -> None:
    """Have batch norms of a file that was written in training mode follow the module's mode, as others do.

    So do those whose running statistics the file has; that they are moved is then up to the module.
    """
    read = {name for node in nodes for name in node.inputs}.union(outputs)
    for node in nodes:
        if node.op == "BatchNormalization" and set(node.inputs[3:]) <= arrays.keys() and not read & set(node.outputs[1:]):
            node.attributes.pop("training_mode", None)


def _opset(proto: Any) -> int:
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    opset = int(versions.get("", versions.get("ai.onnx", 0)))
    if opset not in OPSETS:
        raise CheckpointError(f"it uses version {opset} of ONNX's operators; {OPSETS[0]} to {OPSETS[-1]} are offered")
    return opset


def _node(message: Any, opset: int) -> Node:
    """A NodeProto as a node, with what it is refused for."""
    node = Node(message.name, message.op_type, list(message.input), list(message.output), {}, opset)
    where = node.describe()
    if message.domain not in ("", "ai.onnx"):
        raise CheckpointError(f"{where} is of the domain {message.domain!r}; only ONNX's own operators are offered")
    if node.op not in READERS:
        why = "control flow is not offered" if node.op in _CONTROL else "this operator is not offered"
        raise CheckpointError(f"{where}: {why}")
    node.attributes = {a.name: _attribute(a, where) for a in message.attribute}
    return node


def _attribute(message: Any, where: str) -> Any:
    kinds = onnx().AttributeProto
    if message.type == kinds.TENSOR:
        return _array(message.t, f"{where}, attribute {message.name!r}")
    if message.type == kinds.STRING:
        return message.s.decode("utf-8", "replace")
    fields = {kinds.FLOAT: "f", kinds.INT: "i", kinds.FLOATS: "floats", kinds.INTS: "ints"}
    if message.type not in fields:
        raise CheckpointError(f"{where}: attribute {message.name!r} is of a kind that is not offered")
    value = getattr(message, fields[message.type])
    return value if isinstance(value, (int, float)) else list(value)


def _array(tensor: Any, where: str) -> np.ndarray[Any, Any]:
    """A TensorProto as an array, whose size is held against the bytes that are there."""
    if tensor.data_location or tensor.external_data:
        raise CheckpointError(f"{where} is kept in another file; external data is not offered")
    if tensor.data_type not in DTYPES:
        raise CheckpointError(f"{where} is of the data type {tensor.data_type} of TensorProto, which is not offered")
    kind, shape = DTYPES[tensor.data_type].numpy, tuple(tensor.dims)
    if any(n < 0 for n in shape):
        raise CheckpointError(f"{where} has the shape {shape}")
    count = math.prod(shape)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != count * kind.itemsize:
            raise CheckpointError(f"{where} of shape {shape} and {kind} has {len(tensor.raw_data)} bytes")
        return np.frombuffer(tensor.raw_data, kind.newbyteorder("<")).astype(kind).reshape(shape)
    values = getattr(tensor, _FIELDS.get(tensor.data_type, "int32_data"))
    if len(values) != count:
        raise CheckpointError(f"{where} of shape {shape} has {len(values)} elements")
    if kind == np.float16:
        return np.array(values, np.uint16).view(np.float16).reshape(shape)
    return np.array(values).astype(kind).reshape(shape)


def _check_names(nodes: list[Node], known: list[str], outputs: list[str]) -> None:
    """Every value is made once, and before it is read."""
    made = {"", *known}
    if len(made) != len(known) + 1:
        raise CheckpointError("two inputs or initializers have one name, or none")
    for node in nodes:
        missing = [name for name in node.inputs if name not in made]
        if missing:
            raise CheckpointError(f"{node.describe()} reads {missing[0]!r}, which nothing before it computes")
        again = [name for name in node.outputs if name and name in made]
        if again or not any(node.outputs):
            raise CheckpointError(
                f"{node.describe()} computes {again[0]!r} again" if again else f"{node.describe()} has no output"
            )
        made.update(node.outputs)
    lost = [name for name in outputs if not name or name not in made]
    if lost or not outputs:
        raise CheckpointError(f"nothing computes the output {lost[0]!r}" if lost else "the graph has no outputs")


def _tensors(nodes: list[Node], arrays: dict[str, Any]) -> dict[str, Any]:
    """The initializers as parameters, or as buffers: whole numbers, and settings of operators."""
    settings = {
        name for node in nodes for i, name in enumerate(node.inputs) if i in SETTINGS.get(node.op, ())
    }  # such as running statistics, or the bounds of Clip
    return {
        name: Parameter(box(array)) if array.dtype.kind == "f" and name not in settings else box(array)
        for name, array in arrays.items()
    }
