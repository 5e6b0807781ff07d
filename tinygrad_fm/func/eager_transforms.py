"""Functional transforms: functions in, functions of their derivatives out.

Each transform takes a function of tensors, or of lists, tuples and dicts of tensors (*trees*), and gives its results in the
same structure. They nest: ``grad(grad(f))`` is the second derivative. https://pytorch.org/docs/stable/func.api.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._pytree import replace_tensors, tensors_in
from .._tensor import Tensor
from ..autograd import enable_grad
from ..autograd import grad as _gradients
from ..autograd.node import Leaf
from ..errors import AutogradError
from ..ops.functions import stack, zeros_like


def _variable(x: Tensor) -> Tensor:
    """What a function is differentiated with respect to, in place of the argument ``x``; leads on to ``x``'s own graph."""
    return x.clone() if x.requires_grad else x.detach().requires_grad_()


def _settle(results: Sequence[Tensor], variables: Sequence[Tensor]) -> list[Tensor]:
    """Cut results off their graph if it leads nowhere but to the transform's own variables."""
    own = {v._node for v in variables}
    if any(not isinstance(node, Leaf) for node in own):
        return list(results)
    pending, seen = [r._node for r in results if r._node is not None], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen or node in own:
            continue
        if isinstance(node, Leaf):
            return list(results)
        seen.add(node)
        pending += node.parents
    return [r.detach() for r in results]


def _positions(argnums: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for n in chosen:
        if not -count <= n < count:
            raise IndexError(f"argnums {n} is out of range for a function called with {count} arguments")
    return tuple(n % count for n in chosen)


class _Call:
    """One call of a function with some of its arguments replaced by variables."""

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Any) -> None:
        self.at = _positions(argnums, len(args))
        self.chosen = args[self.at[0]] if isinstance(argnums, int) else tuple(args[i] for i in self.at)
        self.variables = [_variable(x) for x in tensors_in(self.chosen)]
        if not self.variables:
            raise TypeError("the arguments to differentiate hold no tensors")
        replaced = replace_tensors(self.chosen, self.variables)
        new = list(args)
        for i, value in zip(self.at, (replaced,) if isinstance(argnums, int) else replaced, strict=True):
            new[i] = value
        with enable_grad():
            self.result = func(*new, **kwargs)

    def gradients(self, outputs: Any, cotangents: Any = None) -> list[Tensor]:
        """The gradient of ``outputs`` for every variable; zeros where there is no dependence."""
        pairs = [(y, None if cotangents is None else c) for y, c in zip(outputs, cotangents or outputs, strict=True)]
        pairs = [(y, c) for y, c in pairs if y.requires_grad]
        if not pairs:
            return [zeros_like(v).detach() for v in self.variables]
        ys, cs = [y for y, _ in pairs], None if cotangents is None else [c for _, c in pairs]
        with enable_grad():
            return list(_gradients(ys, self.variables, cs, create_graph=True, materialize_grads=True))


def value_and_grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns ``func``'s value and its gradient: ``(grad, value)`` in PyTorch's order.

    Args:
        func: returns a tensor with one element, or with ``has_aux`` that and anything else.
        argnums: which arguments to differentiate; a tuple gives a tuple of gradients.

    Returns:
        A function with ``func``'s arguments that returns ``(gradient, value)``, or ``(gradient, (value, aux))``.

    >>> import tinygrad_fm as torch
    >>> torch.func.value_and_grad(lambda x: (x * x).sum())(torch.tensor([1.0, 3.0]))
    (tensor([2., 6.]), tensor(10.))
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, args, kwargs, argnums)
        value, aux = call.result if has_aux else (call.result, None)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise AutogradError(f"grad(): the function must return a tensor with one element, got {value!r:.80}")
        found = _settle(call.gradients([value]), call.variables)
        (value,) = _settle([value], call.variables)
        return replace_tensors(call.chosen, found), (value, aux) if has_aux else value

    return differentiated


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns ``func``'s gradient, or with ``has_aux`` a pair of the gradient and the rest.

    >>> import tinygrad_fm as torch
    >>> torch.func.grad(torch.func.grad(torch.sin))(torch.tensor(0.5)) == -torch.sin(torch.tensor(0.5))
    tensor(True)
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        gradient, value = value_and_grad(func, argnums, has_aux)(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return differentiated


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)`` and a function that sends cotangents of the result back: ``(value, vjp_fn)``.

    ``vjp_fn(cotangent)``, in the structure of the value, returns one gradient per primal (a tuple), as often as it is called.
    """
    call = _Call(func, primals, {}, tuple(range(len(primals))))
    value, aux = call.result if has_aux else (call.result, None)
    outputs = tensors_in(value)

    def back(*cotangents: Any) -> tuple[Any, ...]:
        given = tensors_in(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(given) != len(outputs):
            raise AutogradError(f"vjp(): got {len(given)} cotangents for {len(outputs)} results")
        found = call.gradients(outputs, given)
        if not any(c.requires_grad for c in given):
            found = _settle(found, call.variables)
        return tuple(replace_tensors(call.chosen, found))

    shown = replace_tensors(value, _settle(outputs, call.variables))
    return (shown, back, aux) if has_aux else (shown, back)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> Any:
    """``func(*primals)`` and its derivative in the direction ``tangents``: ``(value, derivative)``.

    Computed by going back twice: the vector-Jacobian product is linear in the cotangent u, and its gradient for u in the
    direction of the tangents is the Jacobian-vector product.
    """
    call = _Call(func, tuple(primals), {}, tuple(range(len(primals))))
    value, aux = call.result if has_aux else (call.result, None)
    outputs, directions = tensors_in(value), tensors_in(tangents)
    if [t.shape for t in directions] != [v.shape for v in call.variables]:
        raise AutogradError("jvp(): the tangents must have the structure and shapes of the primals")
    cotangents = [zeros_like(y).detach().requires_grad_() for y in outputs]
    back = call.gradients(outputs, cotangents)
    with enable_grad():
        reached = [(g, t) for g, t in zip(back, directions, strict=True) if g.requires_grad]
        found = list(
            _gradients([g for g, _ in reached], cotangents, [t for _, t in reached], create_graph=True, materialize_grads=True)
            if reached
            else [zeros_like(y).detach() for y in outputs]
        )
    own = [*call.variables, *cotangents]
    shown = replace_tensors(value, _settle(outputs, own)), replace_tensors(value, _settle(found, own))
    return (*shown, aux) if has_aux else shown


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the Jacobian: for a result of shape S and an argument of shape A, of shape (*S, *A)."""

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, args, kwargs, argnums)
        value, aux = call.result if has_aux else (call.result, None)
        blocks = []
        for y in tensors_in(value):
            rows = [call.gradients([element]) for element in y.reshape(-1)]
            whole = [
                stack([row[k] for row in rows]).reshape(*y.shape, *v.shape) if rows else v.new_zeros(*y.shape, *v.shape)
                for k, v in enumerate(call.variables)
            ]
            blocks.append(replace_tensors(call.chosen, _settle(whole, call.variables)))
        jacobian = replace_tensors(value, blocks)
        return (jacobian, aux) if has_aux else jacobian

    return differentiated


def hessian(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that returns the matrix of second derivatives of a scalar ``func``: shape (*A, *A)."""
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """The product of ``func``'s Hessian with ``tangents``, at the cost of two backward passes: one tensor per primal."""
    every = tuple(range(len(primals)))
    return jvp(grad(func, every), tuple(primals), tuple(tangents))[1]


def functional_call(module: Any, parameters: Any, args: Any = None, kwargs: dict[str, Any] | None = None) -> Any:
    """``module(*args, **kwargs)`` with other tensors in place of its parameters and buffers.

    Args:
        parameters: {name: tensor}, names as in ``named_parameters()`` and ``named_buffers()``; those left out stay.
            A tuple of such dicts is taken as one.
        args: the module's argument, or a tuple of them.

    Raises:
        KeyError: a name that the module does not have.
    """
    given = parameters if isinstance(parameters, dict) else {k: v for part in parameters for k, v in part.items()}
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    held: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, tensor in given.items():
            prefix, _, name = path.rpartition(".")
            owner = module.get_submodule(prefix)
            table = next((t for t in (owner._parameters, owner._buffers) if name in t), None)
            if table is None:
                raise KeyError(f"functional_call(): the module has no parameter or buffer '{path}'")
            held.append((table, name, table[name]))
            table[name] = tensor
        return module(*arguments, **(kwargs or {}))
    finally:
        for table, name, tensor in reversed(held):
            table[name] = tensor


__all__ = ["functional_call", "grad", "hessian", "hvp", "jacrev", "jvp", "value_and_grad", "vjp"]
