"""Elementwise operations as ONNX nodes: arithmetic, comparisons, choices, activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tracing import Step, Value
from .export_table import NoCounterpart, like, writes, writes_as
from .graph_builder import Builder

for _op, _name in {
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Neg": "neg",
    "Abs": "abs",
    "Sign": "sign",
    "Pow": "pow",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Exp": "exp",
    "Log": "log",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Tanh": "tanh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Sigmoid": "sigmoid",
    "Erf": "erf",
    "Max": "maximum",
    "Min": "minimum",
    "Where": "where",
    "Floor": "floor",
    "Ceil": "ceil",
    "Relu": "relu",
    "Softsign": "softsign",
    "HardSwish": "hardswish",
    "IsNaN": "isnan",
    "IsInf": "isinf",
}.items():
    writes_as(_op, _name)
writes_as("HardSigmoid", "hardsigmoid", alpha=1 / 6, beta=0.5)


# -- arithmetic --------------------------------------------------------------------------------------------------------


@writes("div")
def div(g: Builder, step: Step) -> str:
    """Div; of the sums of windows by their size, the averages."""
    x, divisor = step.inputs
    average = g.averages.get(x.number) if isinstance(x, Value) else None
    return average[0] if average is not None and divisor == average[1] else g.node("Div", g.operands(step))


@writes("clone", "contiguous", "detach", "depending", "dropout_off")
def same(g: Builder, step: Step) -> str:
    """What changes nothing needs no node."""
    return g.operand(step.inputs[0])


@writes("to")
def to(g: Builder, step: Step) -> str:
    """A cast."""
    return g.operand(step.inputs[0], step.result.dtype)


@writes("round")
def round_(g: Builder, step: Step) -> str:
    """Round, to whole numbers only."""
    if step.static.get("decimals"):
        raise NoCounterpart("with decimals")
    return g.node("Round", g.operands(step))


@writes("trunc", "fix")
def trunc(g: Builder, step: Step) -> str:
    """sign(x) · ⌊|x|⌋."""
    (x,) = g.operands(step)
    return g.node("Mul", [g.node("Sign", [x]), g.node("Floor", [g.node("Abs", [x])])])


@writes("rsqrt")
def rsqrt(g: Builder, step: Step) -> str:
    """1 / √x."""
    return g.node("Reciprocal", [g.node("Sqrt", g.operands(step))])


@writes("exp2")
def exp2(g: Builder, step: Step) -> str:
    """2ˣ."""
    return g.node("Pow", [like(g, step, 2), *g.operands(step)])


@writes("expm1")
def expm1(g: Builder, step: Step) -> str:
    """eˣ − 1."""
    return g.node("Sub", [g.node("Exp", g.operands(step)), like(g, step, 1)])


@writes("log1p")
def log1p(g: Builder, step: Step) -> str:
    """log(1 + x)."""
    return g.node("Log", [g.node("Add", [*g.operands(step), like(g, step, 1)])])


@writes("log2", "log10")
def log_to_base(g: Builder, step: Step) -> str:
    """log x / log base."""
    return g.node("Div", [g.node("Log", g.operands(step)), like(g, step, math.log(2 if step.name == "log2" else 10))])


@writes("erfc")
def erfc(g: Builder, step: Step) -> str:
    """1 − erf(x)."""
    return g.node("Sub", [like(g, step, 1), g.node("Erf", g.operands(step))])


@writes("hypot")
def hypot(g: Builder, step: Step) -> str:
    """√(a² + b²)."""
    return g.node("Sqrt", [g.node("Add", [g.node("Mul", [x, x]) for x in g.operands(step)])])


@writes("remainder", "floor_divide", "fmod")
def division(g: Builder, step: Step) -> str:
    """⌊a / b⌋, and what is left."""
    a, b = g.operands(step)
    if step.name == "fmod":
        return g.node("Mod", [a, b], fmod=1)
    if step.result.dtype.kind == "f":
        floor = g.node("Floor", [g.node("Div", [a, b])])
        return floor if step.name == "floor_divide" else g.node("Sub", [a, g.node("Mul", [floor, b])])
    left = g.node("Mod", [a, b])
    return left if step.name == "remainder" else g.node("Div", [g.node("Sub", [a, left]), b])


# -- comparisons and logic ---------------------------------------------------------------------------------------------


@writes("eq", "ne", "lt", "le", "gt", "ge")
def compare(g: Builder, step: Step) -> str:
    """Comparisons; bools as integers, as ONNX orders numbers only."""
    kind = next(dtype for dtype in step.dtypes if dtype is not None)
    wide = np.dtype(np.int64) if kind.kind == "b" and step.name not in ("eq", "ne") else None
    a, b = (g.cast(x, wide) if wide else x for x in g.operands(step))
    op = {"lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}.get(step.name, "Equal")
    found = g.node(op, [a, b])
    return g.node("Not", [found]) if step.name == "ne" else found


_BITS = {"and": "And", "or": "Or", "xor": "Xor", "not": "Not"}


@writes("logical_and", "logical_or", "logical_xor", "logical_not")
def logic(g: Builder, step: Step) -> str:
    """Logic of what is not 0."""
    return g.node(_BITS[step.name.removeprefix("logical_")], [g.operand(x, np.dtype(bool)) for x in step.inputs])


@writes("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not")
def bits(g: Builder, step: Step) -> str:
    """Logic of bools, or of the bits of integers."""
    op = _BITS[step.name.removeprefix("bitwise_")]
    if step.result.dtype.kind == "b":
        return g.node(op, g.operands(step))
    if g.opset < 18:
        raise NoCounterpart("of integers before opset 18")
    return g.node(f"Bitwise{op}", g.operands(step))


@writes("isfinite")
def isfinite(g: Builder, step: Step) -> str:
    """Neither NaN nor infinite."""
    (x,) = g.operands(step)
    return g.node("Not", [g.node("Or", [g.node("IsNaN", [x]), g.node("IsInf", [x])])])


@writes("masked_fill")
def masked_fill(g: Builder, step: Step) -> str:
    """A number where the mask holds."""
    x, value = (g.operand(v, step.result.dtype) for v in step.inputs)
    return g.node("Where", [g.name(step.static["mask"]), value, x])


@writes("clamp", "hardtanh")
def clamp(g: Builder, step: Step) -> str:
    """Between two bounds, of which one may be missing: numbers, or tensors that broadcast."""
    x, *bounds = g.operands(step)
    if len(step.inputs) == 1:
        bounds = ["" if step.static[k] is None else like(g, step, step.static[k]) for k in ("low", "high")]
        return g.node("Clip", [x, *bounds])
    for bound, op in zip(bounds, ("Max", "Min"), strict=True):
        x = g.node(op, [x, bound]) if bound else x
    return x


# -- activations -------------------------------------------------------------------------------------------------------


@writes("leaky_relu")
def leaky_relu(g: Builder, step: Step) -> str:
    """LeakyRelu."""
    return g.node("LeakyRelu", g.operands(step), alpha=step.static["negative_slope"])


@writes("elu", "celu", "selu")
def exponential_unit(g: Builder, step: Step) -> str:
    """Elu, Celu, Selu."""
    alpha, scale = step.static["alpha"], step.static["scale"]
    if step.name == "celu":
        (x,) = g.operands(step)
        inside = g.node("Elu", [g.node("Mul", [x, like(g, step, 1 / alpha)])], alpha=1.0)
        return g.node("Mul", [inside, like(g, step, alpha)])
    more = {"gamma": scale} if step.name == "selu" else {}
    return g.node(step.name.title(), g.operands(step), alpha=alpha, **more)


@writes("softplus")
def softplus(g: Builder, step: Step) -> str:
    """log(1 + exp(beta · x)) / beta."""
    (x,) = g.operands(step)
    beta = step.static["beta"]
    if beta == 1:
        return g.node("Softplus", [x])
    return g.node("Div", [g.node("Softplus", [g.node("Mul", [x, like(g, step, beta)])]), like(g, step, beta)])


@writes("logsigmoid")
def logsigmoid(g: Builder, step: Step) -> str:
    """−softplus(−x)."""
    return g.node("Neg", [g.node("Softplus", [g.node("Neg", g.operands(step))])])


@writes("tanhshrink")
def tanhshrink(g: Builder, step: Step) -> str:
    """x − tanh(x)."""
    (x,) = g.operands(step)
    return g.node("Sub", [x, g.node("Tanh", [x])])


@writes("gelu")
def gelu(g: Builder, step: Step) -> str:
    """x · Φ(x); a node of its own from opset 20 on."""
    (x,) = g.operands(step)
    tanh = "share" in step.op.residuals
    if g.opset >= 20:
        return g.node("Gelu", [x], approximate="tanh" if tanh else "none")

    def times(a: str, b: Any) -> str:
        return g.node("Mul", [a, b if isinstance(b, str) else like(g, step, b)])

    if tanh:
        cubic = g.node("Add", [x, times(times(times(x, x), x), 0.044715)])
        part = g.node("Tanh", [times(cubic, math.sqrt(2 / math.pi))])
    else:
        part = g.node("Erf", [times(x, math.sqrt(0.5))])
    return times(times(x, g.node("Add", [part, like(g, step, 1)])), 0.5)


@writes("softmax", "log_softmax")
def softmax(g: Builder, step: Step) -> str:
    """Softmax, LogSoftmax."""
    return g.node("LogSoftmax" if step.name == "log_softmax" else "Softmax", g.operands(step), axis=step.static["dim"])
