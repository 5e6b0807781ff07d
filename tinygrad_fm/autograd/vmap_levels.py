"""Which tensors depend on the sample that ``vmap`` is at, so that what makes no sense there is refused as PyTorch does.

``func.vmap`` calls a function once for each sample. A result of an operation on such a sample's tensors bears the mark of that
call (:attr:`TensorBase._mapped`, a bit for each vmap that is running, one within another). A mark changes no number: it says
that a value is not one value for all samples, which Python must not branch on, and which must not be written into a tensor
that all samples share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import AutogradError
from . import hooks
from .box import is_tensor
from .hooks import OpCall
from .modes import state


def marks_of(tensors: Iterable[Any]) -> int:
    """The marks of all of them together."""
    found = 0
    for x in tensors:
        if is_tensor(x):
            found |= x._mapped
    return found


def _pass_on_marks(call: OpCall, run: Callable[[], Any]) -> Any:
    """The op hook: results are marked as the inputs are."""
    result = run()
    if call.phase == "forward":
        marks = marks_of(call.inputs)
        if marks:
            for y in result if isinstance(result, tuple) else (result,):
                y._mapped |= marks
    return result


@contextmanager
def level(may_draw: bool) -> Iterator[int]:
    """A vmap at work: gives its mark.

    Args:
        may_draw: whether the function may draw random numbers.
    """
    before = state.mapped, state.may_draw
    mark = 1 << state.mapped.bit_length()
    state.mapped, state.may_draw = state.mapped | mark, may_draw
    try:
        if before[0]:  # the hook is there already
            yield mark
        else:
            with hooks.op_hook(_pass_on_marks):
                yield mark
    finally:
        state.mapped, state.may_draw = before


def refuse_value(x: Any, item: bool) -> None:
    """Raise if Python is to be given the value of ``x``, which differs from sample to sample. While a model is recorded
    (``replay``), note that it is given one."""
    if state.on_read is not None:
        state.on_read()
    if x._mapped & state.mapped:
        raise AutogradError(
            "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, "
            "please try to rewrite what you're doing with other operations."
            if item
            else "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. It has another "
            "value for each sample: use torch.where."
        )


def refuse_write(name: str, x: Any, values: Iterable[Any]) -> None:
    """Raise if ``values`` that differ from sample to sample are to be written into ``x``, which does not."""
    extra = marks_of(values) & state.mapped & ~x._mapped
    if extra:
        raise AutogradError(
            f"vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
            f"that has more elements than `self`: {name}() would write a value for each sample into a tensor that all samples "
            "share. Use the out-of-place form, or make the tensor from one of the sample's (x.new_zeros, zeros_like(x))."
        )
