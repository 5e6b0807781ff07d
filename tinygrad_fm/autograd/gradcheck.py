"""Checks of gradients against finite differences, with a report that says what is wrong and where.

Let J be the Jacobian of one output by one input. The full check compares every entry of it: row by row from backward,
column by column from central differences. The fast check compares one number, vᵀ J u for random unit directions u and
v, and looks at the entries only if that number is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import GradcheckError
from .backward_pass import grad
from .box import box, is_tensor
from .node import Leaf

Array = np.ndarray[Any, Any]

_SHOWN = 5  # entries in a report
_LOCATED = 20_000  # entries up to which a failure of the fast check is traced to its place


@dataclass
class _Check:
    """One function with its inputs, and how to compare."""

    func: Callable[..., Any]
    inputs: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    title: str
    input_names: Sequence[str]
    output_name: Callable[[int], str]

    def which(self, k: int, i: int) -> str:
        """The beginning of a complaint about the gradient of output ``k`` by input ``i``."""
        return f"{self.title}: the gradient of {self.output_name(k)} with respect to {self.input_names[i]}"

    def outputs(self) -> list[Any]:
        """The function's floating-point results."""
        results = self.func(*self.inputs)
        results = results if isinstance(results, (tuple, list)) else (results,)
        for i, result in enumerate(results):
            if not is_tensor(result):
                raise TypeError(f"{self.title}: output {i} must be a Tensor, got {type(result).__name__}")
        return [result for result in results if result._array.dtype.kind == "f"]

    def values(self) -> list[Array]:
        """Copies of their arrays: an output may share memory with an input that is about to change."""
        return [np.array(result._array) for result in self.outputs()]

    def difference(self, array: Array, step: Array | float, index: Any = ...) -> list[Array]:
        """What every output changes by as ``array[index]`` moves from −``step`` to ``step``, in its own memory."""
        kept = array[index].copy()
        try:
            array[index] = kept + step
            plus = self.values()
            array[index] = kept - step
            minus = self.values()
        finally:
            array[index] = kept
        return [p - m for p, m in zip(plus, minus, strict=True)]

    def numerical(self, array: Array) -> list[Array]:
        """The Jacobian of every output by ``array``, (size of the output, size of the input)."""
        columns = [
            [d.reshape(-1) / (2 * self.eps) for d in self.difference(array, self.eps, index)]
            for index in np.ndindex(array.shape)
        ]
        if not columns:
            return [np.zeros((value.size, 0)) for value in self.values()]
        return [np.stack(by_output, axis=1) for by_output in zip(*columns, strict=True)]

    def agree(self, analytic: Any, numerical: Any) -> Any:
        """Where the two are close. NaNs and infinities are close to nothing."""
        with np.errstate(invalid="ignore"):
            return np.abs(analytic - numerical) <= self.atol + self.rtol * np.abs(numerical)


def _checked_inputs(title: str, inputs: Any) -> tuple[Any, ...]:
    """The inputs as a tuple; raises for those that finite differences cannot be taken of."""
    given = (inputs,) if is_tensor(inputs) else tuple(inputs)
    some = False
    for i, x in enumerate(given):
        if not is_tensor(x) or not x.requires_grad:
            continue
        some = True
        array = x._array
        if array.dtype != np.float64:
            raise TypeError(
                f"{title}: input {i} is {array.dtype}, but finite differences need float64; make it one with .double()"
            )
        overlaps = array.size and any(n > 1 and not s for n, s in zip(array.shape, array.strides, strict=True))
        if overlaps or not array.flags.writeable:
            raise ValueError(
                f"{title}: several elements of input {i} share memory, or it is read-only, so they cannot be moved one "
                "by one; clone() it first"
            )
    if not some:
        raise ValueError(f"{title}: no input requires a gradient; call requires_grad_() on those to check")
    return given


# -- the analytic side -------------------------------------------------------------------------------------------------


def _pull(check: _Check, output: Any, inputs: list[Any], g: Array) -> list[Array]:
    """The gradients of the inputs for the gradient ``g`` of the output; zeros where it does not depend on one."""
    if not output.requires_grad:
        return [np.zeros(x._array.shape) for x in inputs]
    found = grad(output, inputs, box(g), retain_graph=True, allow_unused=True)
    return [np.zeros(x._array.shape) if dx is None else dx._array for x, dx in zip(inputs, found, strict=True)]


def _analytic(check: _Check, output: Any, inputs: list[Any]) -> list[Array]:
    """The Jacobian of ``output`` by each input, one backward for each element of the output."""
    shape, size = output._array.shape, output._array.size
    if not size:  # nothing to compare, but the rules must bear it
        _pull(check, output, inputs, np.zeros(shape, output._array.dtype))
        return [np.zeros((0, x._array.size)) for x in inputs]
    rows = []
    for i in range(size):
        g = np.zeros(size, output._array.dtype)
        g[i] = 1
        rows.append([dx.reshape(-1).copy() for dx in _pull(check, output, inputs, g.reshape(shape))])
    return [np.stack(of_input) for of_input in zip(*rows, strict=True)]


def _other_layout(g: Array) -> Array:
    """The same numbers, every other one of a larger array in reversed order of the axes."""
    wide = np.zeros((*g.shape[::-1], 2), g.dtype)
    out = wide[..., 0].transpose()
    out[...] = g
    return out


def _check_gradient_layout(check: _Check, k: int, output: Any, inputs: list[Any], positions: list[int]) -> None:
    """A gradient may arrive in any memory order: the result must not depend on it."""
    g = np.random.default_rng(1).standard_normal(output._array.shape).astype(output._array.dtype)
    plain, other = (_pull(check, output, inputs, x) for x in (g, _other_layout(g)))
    for i, a, b in zip(positions, plain, other, strict=True):
        if not np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise GradcheckError(
                f"{check.which(k, i)} is wrong where the gradient that comes in is not contiguous: it differs by up "
                f"to {np.max(np.abs(a - b)):.3g}. Look for a rule that depends on memory order"
            )


def _check_repeats(check: _Check, k: int, output: Any, inputs: list[Any], positions: list[int], tolerance: float) -> None:
    """Going back twice must give the same."""
    g = np.random.default_rng(2).standard_normal(output._array.shape).astype(output._array.dtype)
    first, second = _pull(check, output, inputs, g), _pull(check, output, inputs, g)
    for i, a, b in zip(positions, first, second, strict=True):
        if a.size and not np.max(np.abs(a - b)) <= tolerance and not np.array_equal(a, b, equal_nan=True):
            raise GradcheckError(
                f"{check.which(k, i)} differs between two backward passes by up to {np.max(np.abs(a - b)):.3g}; "
                f"nondet_tol={tolerance}"
            )


# -- the report --------------------------------------------------------------------------------------------------------


def _place(name: str, flat: int, shape: tuple[int, ...]) -> str:
    return f"{name}{[int(i) for i in np.unravel_index(flat, shape)]}" if shape else name


def _report(check: _Check, k: int, i: int, output: Any, analytic: Array, numerical: Array) -> str:
    """What differs between the Jacobians of output ``k`` by input ``i``: the worst entries, and what it may come of."""
    x = check.inputs[i]._array
    wrong = ~check.agree(analytic, numerical)
    error = np.where(wrong, np.nan_to_num(np.abs(analytic - numerical), nan=np.inf), -1.0)
    worst = np.argsort(-error, axis=None, kind="stable")[: min(_SHOWN, int(wrong.sum()))]
    by = getattr(getattr(output.grad_fn, "op", None), "name", None)
    lines = [
        f"{check.which(k, i)} is wrong in {int(wrong.sum())} of {wrong.size} entries (atol={check.atol}, "
        f"rtol={check.rtol}{f'; computed by {by!r}' if by else ''}):"
    ]
    for flat in worst:
        row, column = (int(n) for n in np.unravel_index(flat, wrong.shape))
        lines.append(
            f"  {_place(check.output_name(k), row, output._array.shape)} by "
            f"{_place(check.input_names[i], column, x.shape)}: "
            f"analytic {analytic[row, column]:.8g}, numerical {numerical[row, column]:.8g}"
        )
    lines += _hints(check, k, output, analytic, numerical, x, [np.unravel_index(flat, wrong.shape) for flat in worst])
    return "\n".join(lines)


def _hints(check: _Check, k: int, output: Any, analytic: Array, numerical: Array, x: Array, worst: list[Any]) -> list[str]:
    """What the difference smells of, one line each."""
    hints = []
    narrow = _narrow_op(output)
    if narrow:
        hints.append(f"  hint: {narrow}; compute in float64 throughout")
    clear = np.abs(numerical) > 1e-3
    if clear.any():
        ratios = analytic[clear] / numerical[clear]
        if np.ptp(ratios) < 1e-3 * max(1.0, float(np.abs(ratios[0]))) and abs(ratios[0] - 1) > 1e-2:
            hints.append(f"  hint: the analytic gradient is {ratios[0]:.4g} times the numerical one throughout")
    if analytic.shape[0] == analytic.shape[1] and check.agree(analytic.T, numerical).all():
        hints.append("  hint: the analytic Jacobian is the numerical one transposed")
    for row, column in worst if not narrow else []:
        sides = _one_sided(check, k, x, np.unravel_index(column, x.shape))
        left, right = (float(side[row]) + 0.0 for side in sides)  # + 0.0: no "-0"
        if not abs(left - right) <= 1e-2 * max(abs(left), abs(right), 1e-3):
            hints.append(
                f"  hint: one-sided differences disagree there ({left:.6g} from below, {right:.6g} from above): "
                "the function has a kink or a jump at this input; choose another"
            )
            break
    return hints


def _one_sided(check: _Check, k: int, x: Array, index: Any) -> tuple[Array, Array]:
    """The difference quotients of output ``k`` to the left and to the right of ``x[index]``."""
    kept = x[index]
    here = check.values()[k].reshape(-1)
    sides = []
    try:
        for step in (-check.eps, check.eps):
            x[index] = kept + step
            sides.append((check.values()[k].reshape(-1) - here) / step)
    finally:
        x[index] = kept
    return sides[0], sides[1]


def _narrow_op(output: Any) -> str | None:
    """Names an operation on the way to ``output`` whose result is narrower than float64."""
    pending, seen = [output._node], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.dtype.kind == "f" and node.dtype.itemsize < 8:
            op = getattr(node, "op", None)
            return f"{getattr(op, 'name', 'an input')!r} on the way computes in {node.dtype}"
        pending += node.parents
    return None


# -- the checks --------------------------------------------------------------------------------------------------------


def _direction(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A random unit direction, no component of which is near 0: none can hide."""
    u = rng.uniform(0.5, 1.5, shape) * rng.choice((-1.0, 1.0), shape)
    return np.asarray(u / max(float(np.sqrt((u * u).sum())), 1e-300))


def _check_fully(check: _Check, k: int, output: Any, positions: list[int], numerical: dict[int, list[Array]]) -> None:
    """Compare the whole Jacobians of output ``k`` by the inputs at ``positions``."""
    jacobians = _analytic(check, output, [check.inputs[i] for i in positions])
    for i, analytic in zip(positions, jacobians, strict=True):
        if not check.agree(analytic, numerical[i][k]).all():
            raise GradcheckError(_report(check, k, i, output, analytic, numerical[i][k]))


def _check_directions(check: _Check, outputs: list[Any], positions: list[int]) -> None:
    """Compare vᵀ J u for each output and input; where it is wrong, look at the entries."""
    rng = np.random.default_rng(0)
    for i in positions:
        x = check.inputs[i]._array
        u = _direction(rng, x.shape)
        moved = check.difference(x, check.eps * u)
        for k, output in enumerate(outputs):
            v = _direction(rng, output._array.shape)
            (dx,) = _pull(check, output, [check.inputs[i]], v.astype(output._array.dtype))
            analytic, numerical = float((dx * u).sum()), float((moved[k] * v).sum()) / (2 * check.eps)
            if check.agree(analytic, numerical):
                continue
            if x.size * output._array.size <= _LOCATED:
                _check_fully(check, k, output, [i], {i: check.numerical(x)})
            raise GradcheckError(
                f"{check.which(k, i)} is wrong along random directions: analytic {analytic:.8g}, numerical "
                f"{numerical:.8g} (atol={check.atol}, rtol={check.rtol}); fast_mode=False finds the entries"
            )


def _run(check: _Check, fast_mode: bool, nondet_tol: float) -> None:
    positions = [i for i, x in enumerate(check.inputs) if is_tensor(x) and x.requires_grad]
    inputs = [check.inputs[i] for i in positions]
    outputs = check.outputs()
    for k, output in enumerate(outputs):
        _check_repeats(check, k, output, inputs, positions, nondet_tol)
        _check_gradient_layout(check, k, output, inputs, positions)
    if fast_mode:
        _check_directions(check, outputs, positions)
        return
    numerical = {i: check.numerical(check.inputs[i]._array) for i in positions}
    for k, output in enumerate(outputs):
        _check_fully(check, k, output, positions, numerical)


def _name_of(func: Any) -> str:
    return getattr(func, "__name__", type(func).__name__)


def _verdict(check: _Check, fast_mode: bool, nondet_tol: float, raise_exception: bool) -> bool:
    try:
        _run(check, fast_mode, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients that backward gives with central differences, (f(x + ε) − f(x − ε)) / 2ε.

    Args:
        func: takes the inputs, returns a Tensor or several. Must be deterministic.
        inputs: a Tensor, or a tuple of Tensors and other arguments. Those that require a gradient are checked; they
            must be float64 and are moved in their own memory, so that a non-contiguous input is checked as such.
        eps: ε.
        atol, rtol: entries agree if |analytic − numerical| ≤ atol + rtol · |numerical|.
        raise_exception: False returns False where gradients differ.
        nondet_tol: how far two backward passes may differ.
        fast_mode: compare along random unit directions only: two calls of ``func`` and a backward for each input,
            instead of two calls for each of its elements and a backward for each of the output's.
        check_undefined_grad, check_grad_dtypes, check_backward_ad, masked: for PyTorch's sake; each output is always
            checked with the others' gradients undefined, and shapes and dtypes always hold.
        check_batched_grad, check_forward_ad: not offered; True raises.

    Returns:
        True if all agree.

    Raises:
        GradcheckError: they do not. The message names the function, the output and the operation that made it, the
            input, the worst entries with both values, and what it may come of: a factor, a transposition, a kink, float32.
        TypeError: an input is not float64. ValueError: none requires a gradient, or elements of one share memory.

    Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.autograd import gradcheck
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> gradcheck(torch.exp, (x,))
    True
    """
    title = f"gradcheck of {_name_of(func)}"
    _refuse(title, check_batched_grad=check_batched_grad, check_forward_ad=check_forward_ad)
    given = _checked_inputs(title, inputs)
    names = [f"input {i}" for i in range(len(given))]
    check = _Check(func, given, eps, atol, rtol, title, names, lambda k: f"output {k}")
    return _verdict(check, fast_mode, nondet_tol, raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """:func:`gradcheck` of the gradients, as functions of the inputs and of the gradients that come in: compares second
    derivatives with central differences of the first.

    Args:
        grad_outputs: the gradients of the outputs, float64; random by default.
        gen_non_contig_grad_outputs: lay the random ones out so that they are not contiguous.
        others: as for :func:`gradcheck`.

    Returns:
        True if all agree.

    Raises:
        ValueError: no output requires a gradient. Otherwise as :func:`gradcheck`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.autograd import gradgradcheck
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> gradgradcheck(torch.exp, (x,))
    True
    """
    title = f"gradgradcheck of {_name_of(func)}"
    _refuse(title, check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev)
    given = _checked_inputs(title, inputs)
    positions = [i for i, x in enumerate(given) if is_tensor(x) and x.requires_grad]

    def results(*args: Any) -> list[Any]:
        found = func(*args)
        return [y for y in (found if isinstance(found, (tuple, list)) else (found,)) if y.requires_grad]

    outputs = results(*given)
    if not outputs:
        raise ValueError(f"{title}: no output requires a gradient")
    starts = _given_or_random(grad_outputs, outputs, gen_non_contig_grad_outputs)
    count = len(given)
    used: list[int] = []  # the inputs whose gradients the function below returns

    def gradients(*args: Any) -> tuple[Any, ...]:
        found = grad(results(*args[:count]), [args[i] for i in positions], args[count:], create_graph=True, allow_unused=True)
        used[:] = [i for i, g in zip(positions, found, strict=True) if g is not None]
        return tuple(g for g in found if g is not None)

    names = [f"input {i}" for i in range(count)] + [f"grad_output {k}" for k in range(len(starts))]
    inner = _checked_inputs(title, (*given, *starts))
    check = _Check(gradients, inner, eps, atol, rtol, title, names, lambda k: f"the gradient of input {used[k]}")
    return _verdict(check, fast_mode, nondet_tol, raise_exception)


def _given_or_random(grad_outputs: Any, outputs: list[Any], non_contiguous: bool) -> list[Any]:
    """The gradients of ``outputs``, as a list; leaves of random numbers where none are given."""
    if grad_outputs is not None:
        return [grad_outputs] if is_tensor(grad_outputs) else list(grad_outputs)
    rng = np.random.default_rng(3)
    arrays = [np.asarray(rng.standard_normal(y._array.shape)) for y in outputs]
    return [_leaf(_other_layout(g) if non_contiguous else g) for g in arrays]


def _leaf(array: Array) -> Any:
    tensor = box(array)
    tensor._node = Leaf(tensor)
    return tensor


def _refuse(title: str, **options: bool) -> None:
    for name, value in options.items():
        if value:
            raise ValueError(f"{title}: {name} is not offered")
