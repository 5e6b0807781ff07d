"""L-BFGS: a quasi-Newton method for smooth functions without noise, with or without a line search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .._tensor import Tensor
from ..autograd import no_grad
from ..ops import functions as ops
from .flat_optimizer import State, plain, wrong_shape
from .optimizer import Closure, Group, Optimizer, require, run_closure

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """L-BFGS: steps along −H · g, where H, an estimate of the inverse Hessian, comes from the last steps and gradients.

    Each ``step`` makes up to ``max_iter`` iterations and calls the closure for each of them, more often with a line search. All
    parameters are one vector of one group; the state stands under the first parameter, as in PyTorch.

    Args:
        params: parameters, or ``(name, parameter)`` pairs.
        lr: the length of a step, or where the line search begins.
        max_iter: iterations of each ``step``.
        max_eval: calls of the closure in each ``step`` at most; None for max_iter · 5/4.
        tolerance_grad: stop where no element of the gradient is larger.
        tolerance_change: stop where neither the loss nor a parameter moves by more.
        history_size: how many steps H is made of. Each costs memory of twice the size of the parameters.
        line_search_fn: None for steps of length lr, or "strong_wolfe".

    Raises:
        ValueError: a negative lr; more than one group.

    Source: Nocedal and Wright 2006, "Numerical optimization", algorithms 7.4 and 3.5 (the line search; interpolated as
    in equation 3.59), with the tests for stopping of M. Schmidt's minFunc, as PyTorch has them.

    Example:
        >>> import tinygrad_fm as torch
        >>> w = torch.tensor([3.0, -2.0], requires_grad=True)
        >>> optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (w[0] - 1) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> first = optimizer.step(closure)
        >>> first.item() > 1000, torch.allclose(w, torch.ones(2), atol=1e-2)
        (True, True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        require(not isinstance(lr, Tensor) or lr.numel() == 1, "Tensor lr must be 1-element")
        require(lr >= 0, f"Invalid learning rate: {lr}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    def add_param_group(self, param_group: Group) -> None:
        """For the one group: a second one is refused."""
        require(not self.param_groups, "LBFGS doesn't support per-parameter options (parameter groups)")
        super().add_param_group(param_group)

    def step(self, closure: Closure | None = None) -> Any:
        """Make up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, computes the loss and its gradients anew, and returns the loss.

        Returns:
            The loss before the first iteration, as ``closure`` returned it.

        Raises:
            TypeError: there is no closure, or it returns no loss.
            RuntimeError: an unknown line search; a gradient does not have its parameter's shape.
        """
        if closure is None:
            raise TypeError("LBFGS.step() needs a closure that computes the loss anew and returns it: optimizer.step(closure)")
        (group,) = self.param_groups
        options = {name: plain(value) for name, value in group.items() if name != "params"}
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        with no_grad(), np.errstate(all="ignore"):
            objective = _Objective(group["params"], closure)
            return _minimize(options, objective, self.state[group["params"][0]])


class _Objective:
    """The loss as a function of all parameters as one vector."""

    def __init__(self, params: list[Tensor], closure: Closure) -> None:
        self.params, self.closure = params, closure

    def __call__(self) -> tuple[Any, float, Tensor]:
        """What the closure returns, the same as a number, and the gradient as a vector."""
        loss = run_closure(self.closure)
        if loss is None:
            raise TypeError("the closure given to LBFGS.step() must return the loss, but it returned None")
        return loss, float(loss), self._gradient()

    def along(self, start: list[Tensor], direction: Tensor, t: float) -> tuple[float, Tensor]:
        """Loss and gradient at ``t`` steps along ``direction``; the parameters are at ``start`` before and after."""
        self.move(t, direction)
        _, loss, gradient = self()
        for p, value in zip(self.params, start, strict=True):
            p.copy_(value)
        return loss, gradient

    def move(self, t: float, direction: Tensor) -> None:
        at = 0
        for p in self.params:
            p.add_(direction[at : at + p.numel()].view(p.shape), alpha=t)
            at += p.numel()

    def values(self) -> list[Tensor]:
        return [p.clone() for p in self.params]

    def _gradient(self) -> Tensor:
        for p in self.params:
            if p.grad is not None and p.grad._array.shape != p._array.shape:
                raise wrong_shape(p)
        return ops.cat([(ops.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.params])


def _minimize(options: Group, objective: _Objective, state: State) -> Any:
    """The iterations of one step; advances ``state`` and the parameters, returns the first loss."""
    state.setdefault("func_evals", 0)
    state.setdefault("n_iter", 0)
    first_loss, loss, gradient = objective()
    evaluations = 1
    state["func_evals"] += 1
    if _largest(gradient) <= options["tolerance_grad"]:
        return first_loss
    for iteration in range(1, options["max_iter"] + 1):
        state["n_iter"] += 1
        direction = state["d"] = _direction(state, gradient, options["history_size"])
        state["prev_flat_grad"], state["prev_loss"] = gradient.clone(), loss
        first = state["n_iter"] == 1
        t = state["t"] = min(1.0, 1.0 / float(gradient.abs().sum())) * options["lr"] if first else options["lr"]
        slope = float(gradient.dot(direction))
        if slope > -options["tolerance_change"]:
            break
        evaluated = 0
        if options["line_search_fn"] is not None:
            start, at_zero = objective.values(), _Point(0.0, loss, gradient, slope)
            found, evaluated = _strong_wolfe(
                partial(objective.along, start, direction), at_zero, t, direction, options["max_eval"] - evaluations
            )
            t, loss, gradient = found.t, found.loss, found.gradient
            state["t"] = t
            objective.move(t, direction)
        else:
            objective.move(t, direction)
            if iteration != options["max_iter"]:  # of the last point, the next step asks anew
                _, loss, gradient = objective()
                evaluated = 1
        evaluations += evaluated
        state["func_evals"] += evaluated
        if (
            evaluations >= options["max_eval"]
            or _largest(gradient) <= options["tolerance_grad"]
            or _largest(direction * t) <= options["tolerance_change"]
            or abs(loss - state["prev_loss"]) < options["tolerance_change"]
        ):
            break
    return first_loss


def _direction(state: State, gradient: Tensor, history_size: int) -> Tensor:
    """−H · gradient by the two loops of algorithm 7.4, after the last step has been taken into the history."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -gradient
    changes, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
    y, s = gradient - state["prev_flat_grad"], state["d"] * float(state["t"])
    ys = y.dot(s)
    if ys > 1e-10:
        if len(changes) == history_size:
            for kept in (changes, steps, ro):
                kept.pop(0)
        changes.append(y)
        steps.append(s)
        ro.append(1.0 / ys)
        state["H_diag"] = ys / y.dot(y)
    al = state.setdefault("al", [None] * history_size)
    q = -gradient
    for i in reversed(range(len(changes))):
        al[i] = steps[i].dot(q) * ro[i]
        q.sub_(changes[i] * al[i])
    r = q * state["H_diag"]
    for i in range(len(changes)):
        r.add_(steps[i] * (al[i] - changes[i].dot(r) * ro[i]))
    return r


class _Point(NamedTuple):
    """A point of the line that is searched: how far along, the loss, the gradient, and its slope along the line."""

    t: float
    loss: float
    gradient: Tensor
    slope: float


C1, C2 = 1e-4, 0.9  # of the Wolfe conditions: enough decrease, and a slope that is flat enough


def _strong_wolfe(
    along: Callable[[float], tuple[float, Tensor]], start: _Point, t: float, direction: Tensor, most: int
) -> tuple[_Point, int]:
    """A point that meets the strong Wolfe conditions, or the best found; and how often the function was evaluated."""

    def evaluate(t: float) -> _Point:
        loss, gradient = along(t)
        return _Point(t, loss, gradient, float(gradient.dot(direction)))

    evaluated, flat = 1, -C2 * start.slope
    before, point = start, evaluate(t)
    bracket: tuple[_Point, _Point] = (start, point)
    while evaluated <= most:
        # The second comparison begins with the third point, as in PyTorch.
        rises = point.loss > start.loss + C1 * point.t * start.slope or (evaluated > 2 and point.loss >= before.loss)
        if not rises and abs(point.slope) <= flat:
            return point, evaluated
        if rises or point.slope >= 0:
            bracket = (before, point)
            break
        t = _cubic_minimum(before, point, (point.t + 0.01 * (point.t - before.t), point.t * 10))
        before, point = point, evaluate(t)
        evaluated += 1
        bracket = (start, point)  # what is left when evaluations run out
    low, extra = _zoom(evaluate, bracket, start, float(direction.abs().max()), most - evaluated + 1)
    return low, evaluated + extra


def _zoom(
    evaluate: Callable[[float], _Point], bracket: tuple[_Point, _Point], start: _Point, scale: float, most: int
) -> tuple[_Point, int]:
    """Narrow a bracket down to a point that meets the conditions; the best end where ``most`` evaluations do not do."""
    ends, evaluated, slow = list(bracket), 0, False
    low = 0 if ends[0].loss <= ends[1].loss else 1
    while evaluated < most:
        if abs(ends[1].t - ends[0].t) * scale < 1e-9:
            break
        lowest, highest = sorted(end.t for end in ends)
        t, slow = _away_from_ends(_cubic_minimum(ends[0], ends[1]), lowest, highest, slow)
        point = evaluate(t)
        evaluated += 1
        if point.loss > start.loss + C1 * t * start.slope or point.loss >= ends[low].loss:
            ends[1 - low] = point
            low = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        done = abs(point.slope) <= -C2 * start.slope
        if not done and point.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = point
        if done:
            break
    return ends[low], evaluated


def _away_from_ends(t: float, lowest: float, highest: float, slow: bool) -> tuple[float, bool]:
    """``t``, moved a tenth of the bracket inwards if it is by an end again; and whether it is by an end for the first time."""
    margin = 0.1 * (highest - lowest)
    if min(highest - t, t - lowest) >= margin:
        return t, False
    if not slow and lowest < t < highest:
        return t, True
    return (highest - margin if abs(t - highest) < abs(t - lowest) else lowest + margin), False


def _cubic_minimum(a: _Point, b: _Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points and their slopes is least, within ``bounds``, else the points; or the middle."""
    lowest, highest = bounds or sorted((a.t, b.t))
    (x1, f1, _, g1), (x2, f2, _, g2) = sorted((a, b), key=lambda point: point.t)
    d1 = g1 + g2 - 3 * np.float64(f1 - f2) / (x1 - x2)  # NumPy's number: divided by zero, it is inf or NaN
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (lowest + highest) / 2
    d2 = np.sqrt(square)
    return float(min(max(x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2)), lowest), highest))


def _largest(vector: Tensor) -> float:
    return float(vector.abs().max())
