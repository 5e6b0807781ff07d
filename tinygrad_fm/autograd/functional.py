"""Products with derivatives, Jacobians and Hessians of functions of tensors: PyTorch's older interface, ``torch.func`` is the
newer one. https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api

All take a function, its ``inputs``, a tensor or a tuple of them, and

    create_graph    whether the results can be differentiated in turn; they are constants otherwise.
    strict          whether it is an error that a result does not depend on an input; its derivative is zeros otherwise.

There is one way back through a graph, so ``vectorize`` and a ``strategy`` change what is computed first, never the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor
from ..func import jacfwd
from ..ops.functions import stack, zeros_like
from .backward_pass import grad
from .modes import enable_grad, is_grad_enabled, set_grad_enabled

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


# -- arguments and results ---------------------------------------------------------------------------------------------


def _as_tuple(value: Any, what: str, where: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether ``value`` is a tuple, and it as one; raises unless it holds tensors only."""
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, part in enumerate(values):
        if not isinstance(part, Tensor):
            which = f"value at index {i}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {where} must be either a Tensor or a tuple of Tensors but the {which} has type "
                f"{type(part)}."
            )
    return several, values


def _variables(inputs: Sequence[Tensor], create_graph: bool, need_graph: bool) -> tuple[Tensor, ...]:
    """Tensors of their own in place of ``inputs``, so that those the function closes over are told from its arguments."""
    return tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_(need_graph) for x in inputs)


def _check_v(v: Any, like: Sequence[Tensor], several: bool, where: str, create_graph: bool) -> Any:
    """``v`` as a tuple of the shapes of ``like``; None stands for a single one."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            what = "user-provided function returns" if where == "vjp" else "input to the user-provided function is"
            raise RuntimeError(f"The vector v can only be None if the {what} a single Tensor with a single element.")
        return None
    _, given = _as_tuple(v, "v", where)
    if len(given) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}."
            if several
            else "The given v should contain a single Tensor."
        )
    for i, (part, other) in enumerate(zip(given, like, strict=True)):
        if part.shape != other.shape:
            prefix = f"Entry {i} in " if several else ""
            raise RuntimeError(f"{prefix}v has invalid size: should be {other.shape} but got {part.shape}.")
    return _variables(given, create_graph, need_graph=False)


_INDEPENDENT = {  # what strict says of a tensor that requires no gradient
    "outputs": (
        "Output {} of the user-provided function does not require gradients. The outputs must be computed in a differentiable "
        "manner from the input when running in strict mode."
    ),
    "grad_inputs": (
        "The gradient with respect to input {} is independent of the inputs of the user-provided function. This is not allowed "
        "in strict mode."
    ),
    "jacobian": (
        "While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
        "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
        "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example)."
    ),
}


def _check_depends(tensors: Sequence[Tensor | None], kind: str, strict: bool) -> None:
    for i, x in enumerate(tensors if strict else ()):
        if x is None:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. This is not allowed in strict mode."
            )
        if not x.requires_grad:
            raise RuntimeError(_INDEPENDENT[kind].format(i))


def _gradients(
    outputs: Sequence[Any], inputs: Sequence[Tensor], v: Any, create_graph: bool, retain: Any = None
) -> tuple[Any, ...]:
    """The gradients of ``inputs``, None where nothing leads to one; outputs that need no gradient are left out."""
    pairs = [(y, c) for y, c in zip(outputs, v or [None] * len(outputs), strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    ys, cs = zip(*pairs, strict=True)
    return grad(ys, inputs, cs, create_graph=create_graph, retain_graph=retain, allow_unused=True)


def _filled(grads: Sequence[Any], like: Sequence[Tensor], strict: bool, create_graph: bool, stage: str) -> tuple[Tensor, ...]:
    """``grads`` with zeros for None, or with ``strict`` an error that names the ``stage``."""
    found = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        of = {"back": "output", "back_trick": "output", "double_back": "jacobian", "double_back_trick": "hessian"}[stage]
        if strict and g is None:
            raise RuntimeError(
                f"The {of} of the user-provided function is independent of input {i}. This is not allowed in strict mode."
            )
        if strict and create_graph and not g.requires_grad:
            of = "hessian" if "double" in stage else "jacobian"
            raise RuntimeError(
                f"The {of} of the user-provided function is independent of input {i}. This is not allowed in strict mode when "
                "create_graph=True."
            )
        found.append(zeros_like(x) if g is None else g)
    return tuple(found)


def _results(tensors: Sequence[Tensor], create_graph: bool, several: bool) -> Any:
    found = tuple(x if create_graph else x.detach() for x in tensors)
    return found if several else found[0]


class _Call:
    """The function, called with variables in place of its inputs."""

    def __init__(self, func: Function, inputs: Any, where: str, create_graph: bool, strict: bool) -> None:
        self.where, self.create_graph, self.strict = where, create_graph, strict
        self.several_inputs, inputs = _as_tuple(inputs, "inputs", where)
        with enable_grad():
            self.inputs = _variables(inputs, create_graph, need_graph=True)
            result = func(*self.inputs)
        self.several_outputs, self.outputs = _as_tuple(result, "outputs of the user-provided function", where)
        _check_depends(self.outputs, "outputs", strict)

    def check_scalar(self) -> None:
        if self.several_outputs:
            raise RuntimeError(f"The function given to {self.where} should return a single Tensor")
        if self.outputs[0].numel() != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {self.where} should contain a single element")

    def product(self, tops: Sequence[Any], bottoms: Sequence[Tensor], v: Any, like: Sequence[Tensor], stage: str) -> Any:
        """The gradients of ``bottoms``, filled up, and the function's outputs before them: what is returned."""
        with set_grad_enabled(self.create_graph or is_grad_enabled()):
            found = _filled(_gradients(tops, bottoms, v, self.create_graph), like, self.strict, self.create_graph, stage)
        several = self.several_outputs if stage == "back_trick" else self.several_inputs
        return (_results(self.outputs, self.create_graph, self.several_outputs), _results(found, self.create_graph, several))


# -- products ----------------------------------------------------------------------------------------------------------


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """``func(*inputs)`` and the product of the vector ``v``, of the outputs' shape, with the Jacobian: of the inputs' shapes.

    ``v`` may be left out where there is one output of one element.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.vjp(lambda x: x * x, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call(func, inputs, "vjp", create_graph, strict)
    v = _check_v(v, call.outputs, call.several_outputs, "vjp", create_graph)
    return call.product(call.outputs, call.inputs, v, call.inputs, "back")


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """``func(*inputs)`` and the product of the Jacobian with the vector ``v``, of the inputs' shapes: of the outputs' shapes.

    Computed by going back twice. ``v`` may be left out where there is one input of one element.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.jvp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))[1]
    tensor([2., 4.])
    """
    several, given = _as_tuple(inputs, "inputs", "jvp")
    v = _check_v(v, given, several, "jvp", create_graph)
    call = _Call(func, inputs, "jvp", create_graph, strict)
    with enable_grad():
        cotangents = [zeros_like(y, requires_grad=True) for y in call.outputs]
        back = _gradients(call.outputs, call.inputs, cotangents, create_graph=True)
    _check_depends(back, "grad_inputs", strict)
    return call.product(back, cotangents, v, call.outputs, "back_trick")


def _second(func: Function, inputs: Any, v: Any, where: str, create_graph: bool, strict: bool) -> tuple[_Call, Any, Any]:
    """The call of a function of one element, its gradient, and ``v``, for the products with the Hessian."""
    several, given = _as_tuple(inputs, "inputs", where)
    v = _check_v(v, given, several, where, create_graph)
    call = _Call(func, inputs, where, create_graph, strict)
    call.check_scalar()
    with enable_grad():
        gradient = _gradients(call.outputs, call.inputs, None, create_graph=True)
    _check_depends(gradient, "jacobian", strict)
    return call, gradient, v


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """``func(*inputs)``, of one element, and the product of the vector ``v``, of the inputs' shapes, with the Hessian.

    Cheaper than :func:`hvp`, and the same where second derivatives are continuous.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))[1]
    tensor([ 6., 12.])
    """
    call, gradient, v = _second(func, inputs, v, "vhp", create_graph, strict)
    return call.product(gradient, call.inputs, v, call.inputs, "double_back")


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """``func(*inputs)``, of one element, and the product of the Hessian with the vector ``v``, of the inputs' shapes.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))[1]
    tensor([ 6., 12.])
    """
    call, gradient, v = _second(func, inputs, v, "hvp", create_graph, strict)
    with enable_grad():
        cotangents = [zeros_like(x, requires_grad=True) for x in call.inputs]
        back = _gradients(gradient, call.inputs, cotangents, create_graph=True)
    return call.product(back, cotangents, v, call.inputs, "double_back_trick")


# -- matrices ----------------------------------------------------------------------------------------------------------


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``: for an output of shape S and an input of shape A, of shape (*S, *A).

    Args:
        vectorize: accepted; excludes ``strict``, as in PyTorch.
        strategy: "reverse-mode", by rows, or "forward-mode", by columns, which in PyTorch needs ``vectorize``.

    Returns:
        A tensor; for a tuple of inputs a tuple of them, for a tuple of outputs a tuple of those.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.jacobian(lambda x, y: x * y.sum(), (torch.tensor([1.0, 2.0]), torch.tensor([3.0])))
    (tensor([[3., 0.],
            [0., 3.]]), tensor([[1.],
            [2.]]))
    """
    _check_strategy(strategy, create_graph, strict, vectorize)
    if strategy == "forward-mode":
        several, given = _as_tuple(inputs, "inputs", "jacobian")
        found = jacfwd(func, tuple(range(len(given))))(*(x.detach() for x in given))
        several_outputs = isinstance(found[0], tuple)
        blocks = found if several_outputs else (found,)
        rows = [_results(block, False, several) for block in blocks]
        return tuple(rows) if several_outputs else rows[0]
    call = _Call(func, inputs, "jacobian", create_graph, strict)
    blocks = [_rows(call, i, y) for i, y in enumerate(call.outputs)]
    found = [_results(block, create_graph, call.several_inputs) for block in blocks]
    return tuple(found) if call.several_outputs else found[0]


def _check_strategy(strategy: str, create_graph: bool, strict: bool, vectorize: bool) -> None:
    where = "torch.autograd.functional.jacobian"
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}.')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                f'{where}: `create_graph=True` and `strategy="forward-mode"` are not supported together (yet). Please either '
                'set `create_graph=False` or `strategy="reverse-mode"`.'
            )
        if strict:
            raise RuntimeError(
                f'{where}: `strict=True` and `strategy="forward-mode"` are not supported together (yet). Please either set '
                '`strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for `vectorize=True`."
            )
    elif strict and vectorize:
        raise RuntimeError(
            f"{where}: `strict=True` and `vectorized=True` are not supported together. Please either set `strict=False` or "
            "`vectorize=False`."
        )


def _rows(call: _Call, number: int, y: Tensor) -> list[Tensor]:
    """The derivatives of the output ``y``, the one of that ``number``, by each input."""
    rows: list[list[Tensor]] = [[] for _ in call.inputs]
    for element in y.reshape(-1):
        found = _gradients([element], call.inputs, None, call.create_graph, retain=True)
        for k, (g, x) in enumerate(zip(found, call.inputs, strict=True)):
            if call.strict and g is None:
                raise RuntimeError(
                    f"Output {number} of the user-provided function is independent of input {k}. This is not allowed in strict "
                    "mode."
                )
            if call.strict and call.create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {number}. This is not allowed in "
                    "strict mode when create_graph=True."
                )
            rows[k].append(zeros_like(x) if g is None else g)
    return [
        (stack(row) if row else x.new_zeros(0)).reshape(*y.shape, *x.shape) for row, x in zip(rows, call.inputs, strict=True)
    ]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of ``func``, which returns a tensor of one element: for inputs of shapes A and B, (*A, *B).

    Args:
        vectorize, outer_jacobian_strategy: as of :func:`jacobian`, of which this is the :func:`jacobian`.

    Returns:
        A tensor; for a tuple of inputs a tuple of tuples.

    Raises:
        RuntimeError: ``func`` returns several tensors or more than one element; with ``strict`` also, its result or its first
            derivative does not depend on an input.

    >>> import tinygrad_fm as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, given = _as_tuple(inputs, "inputs", "hessian")

    def scalar(*args: Tensor) -> Tensor:
        result = func(*args)
        several_outputs, outputs = _as_tuple(result, "outputs of the user-provided function", "hessian")
        _check_depends(outputs, "outputs", strict)
        if several_outputs:
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if outputs[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return outputs[0].reshape(())

    def first(*args: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = jacobian(scalar, args, create_graph=True)
        _check_depends(found, "jacobian", strict)
        return found

    found = jacobian(first, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if several else found[0][0]
