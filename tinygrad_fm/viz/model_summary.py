"""The summary of a model: what each layer gives, holds and costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._pytree import tensors_in
from ..autograd.hooks import OpCall, op_hook
from ..autograd.modes import state
from ..dtypes import as_numpy
from ..nn import Module
from ..nn.utils.evaluating import evaluating
from ..profiler import multiply_adds
from ..text_table import text_table
from .model_inputs import is_size, is_sizes, of_size, read_inputs

__all__ = ["Row", "Summary", "summary"]

_MIB = 2**20


@dataclass(frozen=True)
class Row:
    """One module of a summary.

    Attributes:
        name: the module's path, such as ``features.0``.
        kind: its class.
        depth: how deep it is nested; 0 for the model's own layers.
        output: shape of what it gives for one sample, without the batch dimension; of several tensors that of the first;
            None if it was not called.
        parameters: trainable numbers, of the modules inside too.
        multiply_adds: for one sample, of the modules inside too.
        outputs: the shapes of all tensors that it gives.
    """

    name: str
    kind: str
    depth: int
    output: tuple[int, ...] | None
    parameters: int
    multiply_adds: int
    outputs: tuple[tuple[int, ...], ...] = ()


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

    >>> from tinygrad_fm import nn, viz
    >>> found = viz.summary(nn.Linear(3, 2), (3,))
    >>> found.parameters, found.weight_bytes
    (8, 32)
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
                _shapes(row.outputs),
                f"{row.parameters:,}",
                f"{row.multiply_adds:,}",
            )
            for row in self.rows
        ]
        frozen = f" and {self.frozen:,} frozen" if self.frozen else ""
        total = (
            f"{self.model}: {self.parameters:,} trainable parameters{frozen}, {self.multiply_adds:,} multiply-adds per sample\n"
            f"Size: {self.weight_bytes / _MIB:.2f} MiB of weights, {self.output_bytes / _MIB:.2f} MiB of outputs per sample"
        )
        table = text_table([head, *lines], left=2)
        return "\n".join([table, table.splitlines()[1], total])

    __repr__ = __str__


def summary(model: Module, input_size: Any = None, *, input_data: Any = None, dtypes: Any = None) -> Summary:
    """List the layers of a model, with output shapes, parameters and multiply-adds.

    The model is run once in evaluation mode; its mode and its buffers stay as they are. Multiply-adds are counted where
    matrices and kernels are multiplied (linear, convolution, matmul); what else is computed is little beside them.

    Args:
        model: what is looked at.
        input_size: shape of one sample, without the batch dimension, such as ``(1, 28, 28)``, or with it; a list of shapes
            for a model of several inputs.
        input_data: in place of a shape a batch: a tensor, a tuple of them, or a dict of keyword arguments. Tensors are taken
            as ``input_size`` too.
        dtypes: of the inputs that ``input_size`` describes, one for each; by default that of the weights, and int64 for a
            model that begins with an embedding.

    Returns:
        The summary; print it.

    Raises:
        TypeError: neither shapes nor tensors were given. Whatever the model raises, if it cannot be run on them.

    >>> from tinygrad_fm import nn
    >>> print(summary(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), (1, 28, 28)))
    Layer        Output shape  Parameters  Multiply-adds
    ----------------------------------------------------
    0 (Flatten)  (784)                  0              0
    1 (Linear)   (10)               7,850          7,840
    ----------------------------------------------------
    Sequential: 7,850 trainable parameters, 7,840 multiply-adds per sample
    Size: 0.03 MiB of weights, 0.00 MiB of outputs per sample
    """
    run = _run_model(model, input_size, input_data, dtypes)
    rows = tuple(
        Row(
            path,
            type(module).__name__,
            path.count("."),
            next(iter(run.outputs.get(module, ())), None),
            _count(module, True),
            sum(run.multiply_adds(part) for part in module.modules()),
            run.outputs.get(module, ()),
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
        multiply_adds=sum(map(run.multiply_adds, model.modules())),
        weight_bytes=sum(t.nbytes for t in [*model.parameters(), *model.buffers()]),
        output_bytes=itemsize * sum(math.prod(shape) for leaf in leaves for shape in run.outputs.get(leaf, ())),
    )


class _Run:
    """One run of a model: the shapes that each module gave when it was last called, and the products in all its calls."""

    def __init__(self, model: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.outputs: dict[Module, tuple[tuple[int, ...], ...]] = {}
        self._products: dict[Any, int] = {}
        given = tensors_in((args, kwargs))
        self._batch = max(given[0].shape[0] if given and given[0].ndim else 1, 1)
        handles = [module.register_forward_hook(self._note_output) for module in model.modules()]
        try:
            with evaluating(model), op_hook(self._note_products):
                model(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()

    def _note_output(self, module: Module, args: Any, output: Any) -> None:
        self.outputs[module] = tuple(tuple(t.shape[1:]) for t in tensors_in(output))

    def _note_products(self, call: OpCall, run: Any) -> Any:
        result = run()
        module = state.scope.innermost() if state.scope is not None else None
        self._products[module] = self._products.get(module, 0) + multiply_adds(call, result)
        return result

    def multiply_adds(self, module: Module) -> int:
        """Of one sample, in the module itself."""
        return self._products.get(module, 0) // self._batch


def _run_model(model: Module, size: Any, data: Any, dtypes: Any) -> _Run:
    if (size is None) == (data is None):
        raise TypeError("summary(): give either input_size, such as (1, 28, 28), or input_data, a batch")
    if data is not None or not (is_size(size) or is_sizes(size)):
        return _Run(model, *read_inputs(model, size if data is None else data, "summary"))
    sizes = [size] if is_size(size) else list(size)
    kinds = [None] * len(sizes) if dtypes is None else [as_numpy(kind) for kind in dtypes]
    if len(kinds) != len(sizes):
        raise ValueError(f"summary(): {len(kinds)} dtypes for {len(sizes)} inputs")

    def inputs(batch: tuple[int, ...]) -> tuple[Any, ...]:
        return tuple(of_size(model, (*batch, *shape), kind) for shape, kind in zip(sizes, kinds, strict=True))

    try:
        return _Run(model, inputs((1,)), {})
    except Exception as error:
        try:
            return _Run(model, inputs(()), {})  # the batch was given too
        except Exception:
            raise error from None


def _count(module: Module, trainable: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad is trainable)


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(f"({', '.join(map(str, shape))})" for shape in shapes) or "not called"
