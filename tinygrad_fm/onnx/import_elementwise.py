"""Elementwise operators of ONNX files: arithmetic, comparisons, choices, activations, casts."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ..nn import functional as F
from ..ops import functions as ops
from .import_table import READERS, Node, dtype_of, limited, number, reads


def _unary(op: str, function: Callable[[Any], Any]) -> None:
    READERS[op] = lambda node, x: function(x)


def _binary(op: str, function: Callable[[Any, Any], Any]) -> None:
    def run(node: Node, a: Any, b: Any) -> Any:
        limited(np.broadcast_shapes(a.shape, b.shape))
        return function(a, b)

    READERS[op] = run


for _name in [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Ceil",
    "Cos",
    "Cosh",
    "Erf",
    "Exp",
    "Floor",
    "Log",
    "Neg",
    "Reciprocal",
    "Round",
    "Sign",
    "Sin",
    "Sinh",
    "Sqrt",
    "Tan",
]:
    _unary(_name, getattr(ops, _name.lower()))
for _name in ("Tanh", "Sigmoid", "Relu", "HardSwish", "Softsign", "Mish"):
    _unary(_name, getattr(F, _name.lower()))
_unary("IsNaN", ops.isnan)
_unary("Not", ops.logical_not)
_unary("BitwiseNot", ops.bitwise_not)
_binary("Add", ops.add)
_binary("Sub", ops.sub)
_binary("Mul", ops.mul)
_binary("And", ops.logical_and)
_binary("Or", ops.logical_or)
_binary("Xor", ops.logical_xor)
_binary("BitwiseAnd", ops.bitwise_and)
_binary("BitwiseOr", ops.bitwise_or)
_binary("BitwiseXor", ops.bitwise_xor)
_binary("Equal", ops.eq)
_binary("Less", ops.lt)
_binary("LessOrEqual", ops.le)
_binary("Greater", ops.gt)
_binary("GreaterOrEqual", ops.ge)


def _quotient(a: Any, b: Any) -> Any:
    return ops.div(a, b) if a.is_floating_point() else ops.div(a, b, rounding_mode="trunc")


_binary("Div", _quotient)
_binary("Pow", lambda a, b: ops.pow(a if a.is_floating_point() or not b.is_floating_point() else a.double(), b).to(a.dtype))


@reads("Mod")
def mod(node: Node, a: Any, b: Any) -> Any:
    """The remainder, with the sign of the divisor, or with fmod=1 of the dividend."""
    limited(np.broadcast_shapes(a.shape, b.shape))
    return ops.fmod(a, b) if node.get("fmod", 0) else ops.remainder(a, b)


@reads("Sum", "Max", "Min", "Mean")
def several(node: Node, *inputs: Any) -> Any:
    """Of any number of inputs, which broadcast."""
    limited(np.broadcast_shapes(*(x.shape for x in inputs)))
    if node.op in ("Max", "Min"):
        return reduce(ops.maximum if node.op == "Max" else ops.minimum, inputs)
    total = reduce(ops.add, inputs)
    return total if node.op == "Sum" else total / len(inputs)


@reads("IsInf")
def isinf(node: Node, x: Any) -> Any:
    """Infinite, of one sign or both."""
    up, down = node.get("detect_positive", 1), node.get("detect_negative", 1)
    found = ops.isinf(x)
    if not up:
        found = found & (x < 0)
    return found if down else found & (x > 0)


@reads("Where")
def where(node: Node, condition: Any, a: Any, b: Any) -> Any:
    """Where."""
    limited(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return ops.where(condition, a, b)


@reads("Clip")
def clip(node: Node, x: Any, low: Any = None, high: Any = None) -> Any:
    """Between two bounds: attributes before version 11, inputs since."""
    bounds = (node.get("min"), node.get("max")) if node.opset < 11 else (number(low, None), number(high, None))
    return x if bounds == (None, None) else ops.clamp(x, *bounds).to(x.dtype)


@reads("Cast")
def cast(node: Node, x: Any) -> Any:
    """To the dtype of a number in TensorProto's list."""
    return x.to(dtype_of(node.get("to")))


@reads("CastLike")
def cast_like(node: Node, x: Any, like: Any) -> Any:
    """To the dtype of another tensor."""
    return x.to(like.dtype)


@reads("Identity")
def identity(node: Node, x: Any) -> Any:
    """Nothing."""
    return x


# -- activations -------------------------------------------------------------------------------------------------------


@reads("LeakyRelu")
def leaky_relu(node: Node, x: Any) -> Any:
    """LeakyRelu."""
    return F.leaky_relu(x, node.get("alpha", 0.01))


@reads("PRelu")
def prelu(node: Node, x: Any, slope: Any) -> Any:
    """A slope that broadcasts below zero."""
    return ops.where(x < 0, slope * x, x)


@reads("ThresholdedRelu")
def thresholded_relu(node: Node, x: Any) -> Any:
    """``x`` above alpha."""
    return F.threshold(x, node.get("alpha", 1.0), 0.0)


@reads("Elu", "Celu")
def elu(node: Node, x: Any) -> Any:
    """Elu, Celu."""
    return (F.elu if node.op == "Elu" else F.celu)(x, node.get("alpha", 1.0))


@reads("Selu")
def selu(node: Node, x: Any) -> Any:
    """gamma · (alpha · (eˣ − 1)) below zero, gamma · x above."""
    return F.elu(x, node.get("alpha", 1.67326319217681884765625)) * node.get("gamma", 1.05070102214813232421875)


@reads("HardSigmoid")
def hard_sigmoid(node: Node, x: Any) -> Any:
    """max(0, min(1, alpha · x + beta))."""
    return ops.clamp(x * node.get("alpha", 0.2) + node.get("beta", 0.5), 0, 1)


@reads("Softplus")
def softplus(node: Node, x: Any) -> Any:
    """log(1 + eˣ)."""
    return F.softplus(x)


@reads("Gelu")
def gelu(node: Node, x: Any) -> Any:
    """Gelu."""
    return F.gelu(x, node.get("approximate", "none"))


@reads("Swish")
def swish(node: Node, x: Any) -> Any:
    """x · sigmoid(alpha · x)."""
    return x * ops.sigmoid(x * node.get("alpha", 1.0))


@reads("Shrink")
def shrink(node: Node, x: Any) -> Any:
    """``x`` moved towards 0 by bias outside of lambd, 0 within."""
    limit, bias = node.get("lambd", 0.5), node.get("bias", 0.0)
    return ops.where(x < -limit, x + bias, ops.where(x > limit, x - bias, x * 0)).to(x.dtype)


@reads("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: Node, x: Any) -> Any:
    """Along one axis; before version 13 over all axes from the given one on."""
    axis = node.get("axis", -1 if node.opset >= 13 else 1)
    if not -x.ndim <= axis <= x.ndim:
        raise IndexError(f"axis {axis} is out of range for {x.ndim} dimensions")
    rows = x if node.opset >= 13 else x.reshape(*x.shape[: axis % x.ndim], -1)
    along = axis if node.opset >= 13 else -1
    if node.op == "Hardmax":
        best = ops.argmax(rows, along, keepdim=True)
        return ops.scatter(ops.zeros_like(rows), along, best, 1.0).reshape(x.shape)
    return (F.softmax if node.op == "Softmax" else F.log_softmax)(rows, along).reshape(x.shape)
