"""Functional transforms: functions in, functions of their derivatives out.

Each transform takes a function of tensors, or of lists, tuples and dicts of tensors (*trees*), and gives its results in the
same structure. They nest: ``grad(grad(f))`` is the second derivative. https://pytorch.org/docs/stable/func.api.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._pytree import replace_tensors, tensors_in, tree_leaves, tree_map
from .._tensor import Tensor
from ..autograd import enable_grad
from ..autograd import grad as _gradients
from ..autograd.node import Leaf
from ..autograd.vmap_levels import marks_of
from ..errors import AutogradError, OutOfRangeError, ShapeError
from ..ops.functions import stack, zeros_like

__all__ = ["grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "linearize", "value_and_grad", "vjp"]


def _variable(x: Tensor) -> Tensor:
    """What a function is differentiated with respect to, in place of the argument ``x``; leads on to ``x``'s own graph."""
    return x.clone() if x.requires_grad else x.detach().requires_grad_()


def _leads_elsewhere(results: Sequence[Tensor], variables: Sequence[Tensor]) -> bool:
    """Whether the graph of ``results`` leads to anything but the transform's own variables, so that they can be differentiated
    from outside: to what an outer transform made, or to a tensor that the function closes over."""
    own = {v._node for v in variables}
    if any(not isinstance(node, Leaf) for node in own):
        return True
    pending, seen = [r._node for r in results if r._node is not None], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen or node in own:
            continue
        if isinstance(node, Leaf):
            return True
        seen.add(node)
        pending += node.parents
    return False


def _settle(results: Sequence[Tensor], variables: Sequence[Tensor]) -> list[Tensor]:
    """Cut results off their graph if it leads nowhere but to the transform's own variables."""
    return list(results) if _leads_elsewhere(results, variables) else [r.detach() for r in results]


def _positions(argnums: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for n in chosen:
        if not -count <= n < count:
            raise OutOfRangeError(f"argnums {n} is out of range for a function called with {count} arguments")
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

    def gradients(self, outputs: Any, cotangents: Any = None, record: bool = True) -> list[Tensor]:
        """The gradient of ``outputs`` for every variable, zeros where there is no dependence; with ``record`` it can be
        differentiated in turn."""
        pairs = [(y, None if cotangents is None else c) for y, c in zip(outputs, cotangents or outputs, strict=True)]
        pairs = [(y, c) for y, c in pairs if y.requires_grad]
        if not pairs:
            return [zeros_like(v).detach() for v in self.variables]
        ys, cs = [y for y, _ in pairs], None if cotangents is None else [c for _, c in pairs]
        with enable_grad():
            found = list(_gradients(ys, self.variables, cs, create_graph=record, materialize_grads=True))
        for g in found:  # what a backward pass reads from the tape bears no marks of vmap's
            g._mapped |= marks_of([*ys, *(cs or ())])
        return found


def value_and_grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns ``func``'s value and its gradient: ``(grad, value)`` in PyTorch's order.

    Args:
        func: returns a tensor with one element, or with ``has_aux`` that and anything else.
        argnums: which arguments to differentiate; a tuple gives a tuple of gradients.

    Returns:
        A function with ``func``'s arguments that returns ``(gradient, value)``, or ``(gradient, (value, aux))``.

    Raises:
        AutogradError: from that function, ``func`` returns no tensor with one element.

    >>> import tinygrad_fm as torch
    >>> torch.func.value_and_grad(lambda x: (x * x).sum())(torch.tensor([1.0, 3.0]))
    (tensor([2., 6.]), tensor(10.))
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, args, kwargs, argnums)
        value, aux = call.result if has_aux else (call.result, None)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise AutogradError(f"grad(): the function must return a tensor with one element, got {value!r:.80}")
        record = _leads_elsewhere([value], call.variables)
        found = call.gradients([value], record=record)
        if record:
            found = _settle(found, call.variables)
        else:
            value = value.detach()
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


grad_and_value = value_and_grad  # PyTorch's name


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)`` and a function that sends cotangents of the result back: ``(value, vjp_fn)``.

    ``vjp_fn(cotangent)``, in the structure of the value, returns one gradient per primal (a tuple), as often as it is called.

    Raises:
        AutogradError: not as many cotangents as results (raised by the function that it gives).

    >>> import tinygrad_fm as torch
    >>> y, vjp_of = torch.func.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]))
    >>> vjp_of(torch.ones(2))[0]
    tensor([2., 4.])
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


class _Linearization:
    """The derivative of a function at a point, as a linear function of directions.

    Computed by going back twice: the vector-Jacobian product is linear in the cotangent u, and its gradient for u in the
    direction of the tangents is the Jacobian-vector product (Townsend 2017, "A new trick for calculating Jacobian vector
    products").
    """

    def __init__(self, call: _Call, value: Any) -> None:
        for leaf in tree_leaves(value):
            if not isinstance(leaf, Tensor):
                raise AutogradError(
                    f"jvp(f, primals, tangents): expected f(*primals) to return only tensors, got unsupported type {type(leaf)}"
                )
        self.call, self.value, self.outputs = call, value, tensors_in(value)
        self.cotangents = [zeros_like(y).detach().requires_grad_() for y in self.outputs if y.is_floating_point()]
        floats = [y for y in self.outputs if y.is_floating_point()]
        self.back = call.gradients(floats, self.cotangents)

    def __call__(self, directions: Sequence[Tensor]) -> list[Tensor]:
        """The derivatives of the outputs in the direction of one tensor for each variable."""
        reached = [(g, t) for g, t in zip(self.back, directions, strict=True) if g.requires_grad]
        found: Iterator[Tensor] = iter(())
        if reached:
            grads, tangents = [g for g, _ in reached], [t for _, t in reached]
            with enable_grad():
                found = iter(_gradients(grads, self.cotangents, tangents, create_graph=True, materialize_grads=True))
        products = [next(found) if reached and y.is_floating_point() else zeros_like(y).detach() for y in self.outputs]
        for product in products:
            product._mapped |= marks_of([*self.outputs, *directions])
        return products

    def settled(self, results: Sequence[Tensor]) -> list[Tensor]:
        """:func:`_settle` for what was computed here."""
        return _settle(results, [*self.call.variables, *self.cotangents])


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """``func(*primals)`` and its derivative in the direction ``tangents``: ``(value, derivative)``.

    Args:
        primals: the arguments, a tuple. tangents: a tuple of the same structure and shapes.
        strict: accepted as in PyTorch, where it is not implemented either.
        has_aux: whether ``func`` returns a pair, of which the second is not differentiated, and returned last.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.func.jvp(lambda x: x * x, (x,), (torch.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    _check_directions(primals, tangents)
    call = _Call(func, primals, {}, tuple(range(len(primals))))
    value, aux = call.result if has_aux else (call.result, None)
    linear = _Linearization(call, value)
    found = linear(tensors_in(tangents))
    shown = replace_tensors(value, linear.settled(linear.outputs)), replace_tensors(value, linear.settled(found))
    return (*shown, aux) if has_aux else shown


def _check_directions(primals: Any, tangents: Any) -> None:
    def structure(tree: Any) -> Any:
        return tree_map(lambda leaf: type(leaf).__name__, tree)

    where = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise AutogradError(f"{where}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    if len(list(tree_leaves(primals))) != len(list(tree_leaves(tangents))):
        raise AutogradError(
            f"{where}: Expected primals and tangents to have the same python structure. Got primals with structure "
            f"{structure(primals)} and tangents with structure {structure(tangents)}"
        )
    for name, tree in (("primals", primals), ("tangents", tangents)):
        for leaf in tree_leaves(tree):
            if not isinstance(leaf, Tensor):
                raise AutogradError(f"{where}: Expected {name} to only contain Tensors, got {type(leaf)}")
    if not tensors_in(primals):
        raise AutogradError(f"{where}: Expected primals to contain at least one Tensor.")
    for x, t in zip(tensors_in(primals), tensors_in(tangents), strict=True):
        if x.shape != t.shape:
            raise ShapeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
                f"supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size {list(t.shape)}."
            )


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``func(*primals)``, and a function that gives its derivative there in any direction: ``(value, jvp_fn)``.

    ``jvp_fn(*tangents)``, in the structure of the primals, is :func:`jvp`'s derivative, without calling ``func`` again.

    Raises:
        AutogradError: from ``jvp_fn``, not as many tangents as primals.
        ShapeError: from ``jvp_fn``, a tangent of another shape than its primal.

    >>> import tinygrad_fm as torch
    >>> value, jvp_fn = torch.func.linearize(torch.exp, torch.tensor([0.0, 1.0]))
    >>> jvp_fn(torch.tensor([1.0, 0.0])), jvp_fn(torch.tensor([0.0, 1.0]))
    (tensor([1., 0.]), tensor([0.0000, 2.7183]))
    """
    call = _Call(func, primals, {}, tuple(range(len(primals))))
    linear = _Linearization(call, call.result)

    def jvp_fn(*tangents: Any) -> Any:
        if len(list(tree_leaves(tangents))) != len(list(tree_leaves(primals))):
            raise AutogradError(
                f"Expected the tangents to have the same argspec as the primals, got {len(tangents)} for {len(primals)}"
            )
        given = tensors_in(tangents)
        for k, (x, t) in enumerate(zip(call.variables, given, strict=True)):
            if x.shape != t.shape:
                raise ShapeError(
                    f"tangent:{k} with shape {t.shape} in flattened pytree doesn't match the shape {x.shape} of the "
                    "corresponding primal."
                )
        return replace_tensors(call.result, linear.settled(linear(given)))

    return replace_tensors(call.result, linear.settled(linear.outputs)), jvp_fn


def jacfwd(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """The function that returns the Jacobian as :func:`jacrev` does, by columns: one product for each element of the arguments.
    It pays where there are fewer of these than of the results.

    Args:
        randomness: accepted as in PyTorch; ``func`` is called once.

    >>> import tinygrad_fm as torch
    >>> torch.func.jacfwd(lambda x: torch.stack([x[0] * x[1], x[0], x[1] ** 2]))(torch.tensor([2.0, 3.0]))
    tensor([[3., 2.],
            [1., 0.],
            [0., 6.]])
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, args, kwargs, argnums)
        value, aux = call.result if has_aux else (call.result, None)
        linear = _Linearization(call, value)
        zeros = [zeros_like(v).detach() for v in call.variables]
        blocks: list[list[Tensor]] = [[] for _ in linear.outputs]  # for each output its derivatives by each variable
        for k, v in enumerate(call.variables):
            columns = [linear([*zeros[:k], unit, *zeros[k + 1 :]]) for unit in _units(v)]
            for at, y in enumerate(linear.outputs):
                whole = stack([column[at] for column in columns], -1) if columns else y.new_zeros(*y.shape, 0)
                blocks[at].append(whole.reshape(*y.shape, *v.shape))
        jacobian = replace_tensors(value, [replace_tensors(call.chosen, linear.settled(block)) for block in blocks])
        return (jacobian, aux) if has_aux else jacobian

    return differentiated


def _units(v: Tensor) -> Iterator[Tensor]:
    """The directions of one element of ``v`` each."""
    for k in range(v.numel()):
        unit = v.new_zeros(v.numel())
        unit[k] = 1
        yield unit.reshape(v.shape)


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The function that returns the Jacobian: for a result of shape S and an argument of shape A, of shape (*S, *A).

    Computed by rows, one backward pass for each element of the results; ``chunk_size`` is accepted and changes nothing.

    Raises:
        ValueError: ``chunk_size`` below 1.

    >>> import tinygrad_fm as torch
    >>> torch.func.jacrev(lambda x: x**2)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

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


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the matrix of second derivatives of a scalar ``func``, shape (*A, *A), or for a result of shape
    S (*S, *A, *A): ``jacfwd(jacrev(func))``.

    >>> import tinygrad_fm as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """The product of ``func``'s Hessian with ``tangents``, at the cost of two backward passes: one tensor per primal.

    >>> import tinygrad_fm as torch
    >>> torch.func.hvp(lambda x: (x**3).sum(), (torch.tensor([1.0, 2.0]),), (torch.ones(2),))
    (tensor([ 6., 12.]),)
    """
    every = tuple(range(len(primals)))
    return jvp(grad(func, every), tuple(primals), tuple(tangents))[1]
