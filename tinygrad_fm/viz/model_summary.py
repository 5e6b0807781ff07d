"""The summary of a model: what each layer gives, holds and costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn import Module
from ..nn.utils.evaluating import evaluating
from ..ops.functions import from_numpy
from ..tensor import Tensor
from ..text_table import text_table

__all__ = ["Row", "Summary", "summary"]

_MIB = 2**20


@dataclass(frozen=True)
class Row:
    """One module of a summary.

    Attributes:
        name: the module's path, such as ``features.0``.
        kind: its class.
        depth: how deep it is nested; 0 for the model's own layers.
        output: shape of what it gives for one sample, without the batch dimension; None if it was not called.
        parameters: trainable numbers, of the modules inside too.
        multiply_adds: for one sample, of the modules inside too.
    """

    name: str
    kind: str
    depth: int
    output: tuple[int, ...] | None
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """What :func:`summary` found; ``str()`` of it is the table.

    Attributes:
        model: the model's class.
        rows: the modules in the order in which they are defined, without the model itself.
        parameters: trainable numbers in all; a parameter used twice counts once.
        frozen: numbers that are not trained.
        multiply_adds: for one sample.
        weight_bytes: of parameters and buffers.
        output_bytes: of what all layers give for one sample.
    """

    model: str
    rows: tuple[Row, ...]
    parameters: int
    frozen: int
    multiply_adds: int
    weight_bytes: int
    output_bytes: int

    def __str__(self) -> str:
        head = ("Layer", "Output shape", "Parameters", "Multiply-adds")
        lines = [
            (
                f"{'  ' * row.depth}{row.name.rpartition('.')[2]} ({row.kind})",
                _shape(row.output),
                f"{row.parameters:,}",
                f"{row.multiply_adds:,}",
            )
            for row in self.rows
        ]
        frozen = f" and {self.frozen:,} frozen" if self.frozen else ""
        total = (
            f"{self.model}: {self.parameters:,} trainable parameters{frozen}, {self.multiply_adds:,} multiply-adds per image\n"
            f"Size: {self.weight_bytes / _MIB:.2f} MiB of weights, {self.output_bytes / _MIB:.2f} MiB of outputs per image"
        )
        table = text_table([head, *lines], left=2)
        return "\n".join([table, table.splitlines()[1], total])

    __repr__ = __str__


def summary(model: Module, input_size: Sequence[int]) -> Summary:
    """List the layers of a model, with output shapes, parameters and multiply-adds.

    The model is run once in evaluation mode on one sample of zeros; its mode and its buffers stay as they are. Multiply-adds
    are those of convolutions and linear layers; what else is computed is little beside them.

    Args:
        model: takes one batch of floats.
        input_size: shape of one sample, without the batch dimension, such as ``(1, 28, 28)``.

    Returns:
        The summary; print it.

    >>> from tinygrad_fm import nn
    >>> print(summary(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), (1, 28, 28)))
    Layer        Output shape  Parameters  Multiply-adds
    ----------------------------------------------------
    0 (Flatten)  (784)                  0              0
    1 (Linear)   (10)               7,850          7,840
    ----------------------------------------------------
    Sequential: 7,850 trainable parameters, 7,840 multiply-adds per image
    Size: 0.03 MiB of weights, 0.00 MiB of outputs per image
    """
    outputs, costs = _run(model, input_size)
    rows = tuple(
        Row(
            path,
            type(module).__name__,
            path.count("."),
            outputs.get(module),
            _count(module, True),
            sum(costs.get(part, 0) for part in module.modules()),
        )
        for path, module in model.named_modules()
        if path
    )
    leaves = [module for module in model.modules() if not any(module.children())]
    itemsize = next((p.itemsize for p in model.parameters()), 4)
    return Summary(
        model=type(model).__name__,
        rows=rows,
        parameters=_count(model, True),
        frozen=_count(model, False),
        multiply_adds=sum(costs.values()),
        weight_bytes=sum(t.nbytes for t in [*model.parameters(), *model.buffers()]),
        output_bytes=itemsize * sum(math.prod(outputs[leaf]) for leaf in leaves if leaf in outputs),
    )


def _run(model: Module, input_size: Sequence[int]) -> tuple[dict[Module, tuple[int, ...]], dict[Module, int]]:
    """The shape that each module gave when it was last called, and its multiply-adds over all its calls."""
    outputs: dict[Module, tuple[int, ...]] = {}
    costs: dict[Module, int] = {}

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            outputs[module] = tuple(output.shape[1:])
            costs[module] = costs.get(module, 0) + _cost(module, args[0] if args else None, output)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    dtype = next((p.numpy(force=True).dtype for p in model.parameters()), np.dtype(np.float32))
    try:
        with evaluating(model):
            model(from_numpy(np.zeros((1, *input_size), dtype)))
    finally:
        for handle in handles:
            handle.remove()
    return outputs, costs


def _cost(module: Module, given: Any, output: Tensor) -> int:
    """Multiply-adds of one call, of the layers that multiply by a matrix or a kernel."""
    weight = getattr(module, "weight", None)
    if weight is None or weight.ndim < 2 or not isinstance(given, Tensor):
        return 0
    kind = type(module).__name__
    if kind.startswith("ConvTranspose"):
        return given.numel() * math.prod(weight.shape[1:])
    if kind.startswith("Conv") or kind == "Linear":
        return output.numel() * math.prod(weight.shape[1:])
    return 0


def _count(module: Module, trainable: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad is trainable)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "not called" if shape is None else f"({', '.join(map(str, shape))})"
