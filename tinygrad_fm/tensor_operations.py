"""Which operations are methods of `Tensor`, taken from the lists in ``ops``.

An operation whose first parameter is ``input`` is a method; an elementwise one is a method in place, too, with ``_`` behind its
name. What PyTorch has otherwise is listed here: :data:`FUNCTIONS_ONLY`, :data:`NOT_IN_PLACE`, :data:`ALSO_IN_PLACE`. A test
compares all of it with PyTorch's Tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from .autograd.inplace import inplace
from .ops import (
    bessel,
    clamp,
    comparison,
    copy,
    counting,
    covariance,
    creation,
    cumulative,
    decompositions,
    determinants,
    diagonal,
    division_rounding,
    einsum,
    elementwise,
    gamma,
    gather_scatter,
    indexing,
    inverses,
    join_split,
    mantissa_exponent,
    matmul,
    matrix_functions,
    max_min,
    normal_distribution,
    norms,
    rearrange,
    reduction,
    sampling,
    scatter_reduce,
    shape,
    sorting,
    special,
    triangular_solve,
)
from .ops import functions as ops
from .ops.docstrings import example_in_place

ELEMENTWISE = (
    elementwise, clamp, division_rounding, comparison, special, gamma, bessel, normal_distribution, mantissa_exponent
)  # fmt: skip
FAMILIES = (
    *ELEMENTWISE, copy, shape, indexing, join_split, gather_scatter, sorting, counting, rearrange, diagonal, reduction, max_min,
    cumulative, creation, sampling, matmul, einsum, matrix_functions,
    scatter_reduce, covariance, norms, triangular_solve, decompositions, inverses, determinants,
)  # fmt: skip
FUNCTIONS_ONLY = "bucketize combinations fill poisson randint_like rsub std_mean var_mean"
ALSO_METHODS = """T dist expand expand_as hardshrink log_softmax mT prelu relu repeat softmax split view"""
NOT_IN_PLACE = """allclose equal fmax fmin frexp isclose isfinite isinf isnan isneginf isposinf
    isreal logaddexp logaddexp2 maximum minimum
    positive rsub signbit"""
ALSO_IN_PLACE = """addbmm addr index_reduce put renorm scatter_reduce
    addmm addmv baddbmm copy cumprod cumsum fill index_add index_copy index_fill index_put masked_fill
    masked_scatter relu scatter scatter_add tril triu"""


def in_place(op: Callable[..., Any]) -> Callable[..., Any]:
    """The method that writes ``op``'s result into the tensor itself."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return inplace(op, self, *args, **kwargs)

    method.__name__ = f"{op.__name__}_"
    text = f"``{op.__name__}``, with the result written into this tensor; see :func:`autograd.inplace.inplace`."
    method.__doc__ = text + example_in_place(op.__name__)
    return method


def _takes_input(op: Any) -> bool:
    """Whether the first parameter is the tensor: of a primitive it always is, of others it is called ``input``."""
    while hasattr(op, "__wrapped__"):
        op = op.__wrapped__
    return hasattr(op, "primitive") or (hasattr(op, "__code__") and op.__code__.co_varnames[:1] == ("input",))


def _methods(families: Iterable[ModuleType]) -> dict[str, Any]:
    found = {name: getattr(family, name) for family in families for name in family.__all__}
    return {name: op for name, op in found.items() if _takes_input(op) and name not in FUNCTIONS_ONLY.split()}


def _named(names: str) -> dict[str, Any]:
    return {name: getattr(ops, name) for name in names.split()}


def operations() -> dict[str, Callable[..., Any]]:
    """Every operation that is a method, in place or not, by the method's name."""
    writing = {name: op for name, op in _methods(ELEMENTWISE).items() if name not in NOT_IN_PLACE.split()}
    writing |= _named(ALSO_IN_PLACE)
    return {**_methods(FAMILIES), **_named(ALSO_METHODS), **{f"{name}_": in_place(op) for name, op in writing.items()}}
