"""Grading of an operation's rules: gradients against finite differences, and second derivatives through the tape."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

import tinygrad_fm as torch
from tinygrad_fm.autograd import primitive
from tinygrad_fm.autograd.gradcheck import gradgradcheck
from tinygrad_fm.errors import GradcheckError

from .compare import Trial, check, close, same_arguments
from .exercise import Array, Case, Operation, Part, Random, Wrong
from .recording import recorded
from .student import Caught, NotStarted, Student, StudentError

STEP = 1e-5  # of the finite differences: their error is about 1e-10 for numbers near 1


def arguments(operation: Operation, case: Case) -> Case:
    """What rules may read: the inputs, static arguments, the result ``y`` and its gradient ``g``."""
    return {**case, "y": np.asarray(operation.value(case))}


def numerical(operation: Operation, case: Case, name: str) -> Array:
    """The gradient of input ``name`` by central differences: Σ g·(f(x + ε) − f(x − ε)) / 2ε for each entry."""
    given = {key: np.asarray(x, np.float64).copy() if key in operation.inputs else x for key, x in case.items()}
    x, g = given[name], np.asarray(case["g"], np.float64)
    found = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + STEP
        above = operation.value(given)
        x[index] = kept - STEP
        below = operation.value(given)
        x[index] = kept
        found[index] = np.sum(g * (above - below)) / (2 * STEP)
    return found


def _copied(case: Case, names: list[str]) -> Case:
    return {name: np.array(case[name]) if isinstance(case[name], np.ndarray) else case[name] for name in names}


def _graded_call(student: Student, function: Callable[..., Any], trial: Trial, case: Case) -> Any:
    part = trial.part
    given = _copied(case, part.parameters)
    watched = functools.partial(student.call, function)
    got = trial.call(lambda f: f(*(given if f is watched else _copied(case, part.parameters)).values()), watched)
    same_arguments({name: case[name] for name in given}, given, part)
    return got


def with_g(operation: Operation, case: Case, r: Random) -> Case:
    """The case with the result, and a gradient of it drawn at random."""
    full = arguments(operation, case)
    full["g"] = r(*np.shape(full["y"]))
    return full


def check_first(student: Student, operation: Operation, name: str, function: Callable[..., Any], seed: int) -> int:
    """Compare one rule's gradients with finite differences; returns how many cases passed."""
    part, passed = operation.rules[name], 0
    trial = Trial(part)

    def compare(case: Case, expected: Array, **options: Any) -> None:
        try:
            got = _graded_call(student, function, trial, case)
            check(got, expected, part, case, trial=trial, **options)
        except Wrong as wrong:
            wrong.draw = functools.partial(draw, student, operation, part, function, case)
            raise

    for drawn in range(2):
        r = Random(seed + drawn)
        for i, case in enumerate(operation.cases(r)):
            full = with_g(operation, case, r)
            expected = numerical(operation, full, name)
            others = {other: numerical(operation, full, other) for other in operation.rules if other != name}
            compare(full, expected, tolerance=1e-5, others=others)
            if i == 0:
                compare(_cast(full, np.float32), expected, tolerance=1e-3, others=others, note=" in float32")
                _check_rounding(student, function, part, full)
            passed += 1
    for case, gradients in operation.kinks(Random(seed)) if operation.kinks else []:
        note = ", where the function has a kink or a tie"
        compare(arguments(operation, case), gradients[name], tolerance=1e-6, note=note)
        passed += 1
    return passed


def _check_rounding(student: Student, function: Callable[..., Any], part: Part, case: Case) -> None:
    """With more digits, where the processor has them, a formula changes by rounding only; a finite difference by far more."""
    narrow, wide = (_run(student, function, part, _cast(case, dtype)) for dtype in (np.float64, np.longdouble))
    if not close(narrow, wide, 1e-12).all():
        raise Wrong(
            f"{part.what}: {part.signature} loses digits: with more of them in its arguments it gives something else",
            hints=["a rule is a formula, and no finite difference"],
        )


def _run(student: Student, function: Callable[..., Any], part: Part, case: Case) -> Array:
    return np.asarray(student.call(function, *_copied(case, part.parameters).values()))


def _cast(case: Case, dtype: Any) -> Case:
    return {k: x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for k, x in case.items()}


def _as_rule(student: Student, function: Callable[..., Any]) -> Callable[..., Any]:
    """A student's function as a rule of an operation: watched, and on Tensors NumPy's new arrays are recorded."""

    @functools.wraps(function)
    def rule(*args: Any) -> Any:
        with recorded() if any(isinstance(x, torch.Tensor) for x in args) else nullcontext():
            return student.call(function, *args)

    return rule


def operation_of(student: Student, operation: Operation, rules: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The operation with the student's rules, as one of the library's: of Tensors it records itself."""

    @functools.wraps(operation.kernel)  # whose arguments say what is static
    def kernel(*inputs: Array, **static: Any) -> Array:
        return np.asarray(operation.kernel(*inputs, **static))

    checked: dict[str, Any] = {name: _as_rule(student, function) for name, function in rules.items()}
    return primitive(kernel, name=operation.name, inputs=" ".join(operation.inputs), **checked)


def _tensors(operation: Operation, case: Case, differentiable: Any) -> tuple[list[Any], Case]:
    """The inputs as Tensors, those in ``differentiable`` with a gradient; and the static arguments."""
    arrays = {name: np.asarray(case[name], np.float64) for name in operation.inputs}
    inputs = [torch.tensor(array, requires_grad=name in differentiable) for name, array in arrays.items()]
    return inputs, {name: x for name, x in case.items() if name not in (*operation.inputs, "g", "y")}


def check_second(student: Student, operation: Operation, rules: dict[str, Callable[..., Any]], seed: int) -> int:
    """Record the rules themselves and compare their derivatives, through the tape, with finite differences."""
    op = operation_of(student, operation, rules)
    cases = operation.cases(Random(seed))
    for case in cases:
        inputs, static = _tensors(operation, case, operation.rules)
        try:
            gradgradcheck(lambda *xs: op(*xs, **static), inputs, fast_mode=True)  # noqa: B023 (called at once)
        except GradcheckError as error:
            lines = [f"  {line.strip()}" for line in str(error).splitlines()[:4]]
            names = dict(enumerate(operation.inputs))
            text = "\n".join(lines)
            for i, name in names.items():
                text = text.replace(f"input {i}", name)
            raise Wrong(
                f"{operation.name}: the gradients are right, but not their derivatives (second order)",
                *text.splitlines(),
                hints=["a number was taken out of the computation, so that the tape lost it: use the arguments themselves"],
            ) from None
        except (StudentError, NotStarted, Caught):
            raise
        except Exception as error:
            said = str(error).partition("\n")[0]
            raise Wrong(
                f"{operation.name}: the gradients are right, but cannot be differentiated again (second order)",
                f"  {type(error).__name__}: {said}",
                hints=["write the rule with operators and the functions of NumPy that the exercise names"],
            ) from None
    return len(cases)


def draw(student: Student, operation: Operation, part: Part, function: Callable[..., Any], case: Case) -> Any:
    """The graph of a loss L = Σ g·y behind the operation. The input whose rule is wrong has the gradient that the rule gave."""
    (name,) = (name for name, rule in operation.rules.items() if rule.function == part.function)
    op = operation_of(student, operation, {name: function})
    inputs, static = _tensors(operation, case, {name})
    y = op(*inputs, **static)
    g = torch.tensor(np.asarray(case["g"], np.float64))
    loss = (y * g).sum()
    names = {
        f"{key} (grad by {part.function})" if key == name else key: x for key, x in zip(operation.inputs, inputs, strict=True)
    }
    names |= {"y": y, "g": g, "L": loss}
    try:
        loss.backward(retain_graph=True)
        return torch.draw(loss, names=names, values=True)
    except Exception:  # the gradient does not fit its input: then without numbers
        return torch.draw(loss, names=names)
