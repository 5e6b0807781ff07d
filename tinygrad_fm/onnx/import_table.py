"""The table of what runs which operator of an ONNX file: functions of the node and its inputs, Tensors or None."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import ShapeError

Reader = Callable[..., Any]

READERS: dict[str, Reader] = {}  # by the operator's name
SETTINGS: dict[str, tuple[int, ...]] = {  # inputs that are settings rather than data, by their places
    "BatchNormalization": (3, 4),
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "OneHot": (1, 2),
    "Pad": (2,),
    "Range": (0, 1, 2),
    "Resize": (1, 2),
    "Upsample": (1,),
}

DTYPES = {  # TensorProto.DataType -> what there is here
    1: dtypes.float32,
    2: dtypes.uint8,
    3: dtypes.int8,
    5: dtypes.int16,
    6: dtypes.int32,
    7: dtypes.int64,
    9: dtypes.bool_,
    10: dtypes.float16,
    11: dtypes.float64,
}

_MOST = 2**28  # elements of a result, 1 GiB in float32


@dataclass(slots=True)
class Node:
    """One operator of a graph.

    Attributes:
        name, op: its own name, and the operator's.
        inputs, outputs: names of values; "" for one that is left out.
        attributes: by name; tensors among them are arrays.
        opset: the version of the operators.
        training: whether the model trains, while it runs.
    """

    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    opset: int
    training: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or what the operator takes without it."""
        return self.attributes.get(name, default)

    def describe(self) -> str:
        """The node and its operator, for messages."""
        return f"node '{self.name}' (operator {self.op})" if self.name else f"an operator {self.op}"


def reads(*names: str) -> Callable[[Reader], Reader]:
    """Decorator: the function runs the operators of these names."""

    def register(reader: Reader) -> Reader:
        for name in names:
            READERS[name] = reader
        return reader

    return register


def dtype_of(kind: Any) -> dtypes.dtype:
    """The dtype of a number in TensorProto's list."""
    if kind not in DTYPES:
        raise TypeError(f"data type {kind} of TensorProto is not offered")
    return DTYPES[kind]


def limited(sizes: Sequence[int]) -> tuple[int, ...]:
    """``sizes``, if a tensor of them may be made. Raises ShapeError before a file's numbers fill the memory."""
    found = tuple(int(n) for n in sizes)
    if any(n < 0 for n in found) or math.prod(found) > _MOST:
        raise ShapeError(f"a result of shape {found} is asked for; at most {_MOST:,} elements are allowed")
    return found


def ints(x: Any) -> list[int]:
    """The numbers of a vector of sizes, axes or places."""
    array: np.ndarray[Any, Any] = x._array
    if array.ndim > 1 or array.size > 64 or array.dtype.kind not in "iu":
        raise ShapeError(f"expected a short vector of integers, got shape {array.shape} and dtype {array.dtype}")
    return [int(n) for n in array.reshape(-1)]


def number(x: Any, default: Any) -> Any:
    """The number in a tensor of one element; ``default`` without the tensor."""
    return default if x is None else x.item()


def axes_of(node: Node, given: Any, default: Any = None) -> Any:
    """Axes that are an input in newer versions, and an attribute in older ones."""
    return ints(given) if given is not None else node.get("axes", default)
