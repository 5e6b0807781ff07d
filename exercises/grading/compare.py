"""Comparing what a student's function gave with what it should: entry by entry, and what the difference smells of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .exercise import Array, Case, Mistake, Part, Wrong
from .recording import NUMPY
from .student import StudentError, sentence

SHOWN = 12  # entries of an argument that are printed


def number(x: Any) -> str:
    """A number as it is printed: six digits."""
    return f"{float(x):.6g}"


def shape_of(x: Any) -> str:
    return "a number" if np.ndim(x) == 0 else "×".join(map(str, np.shape(x)))


def close(a: Any, b: Any, tolerance: float) -> Any:
    """Where two arrays agree; NaN and infinity agree with nothing but themselves."""
    with np.errstate(all="ignore"):
        return (np.abs(a - b) <= tolerance * (1 + np.abs(b))) | (a == b)


def as_array(result: Any, call: str) -> Array:
    """What a function returned as an array of floats; what is no number raises :class:`Wrong`."""
    if result is None:
        raise Wrong(f"{call} returned nothing (None)", hints=["is there a `return` at the end?"])
    if isinstance(result, (list, tuple)):
        raise Wrong(f"{call} returned a {type(result).__name__} of {len(result)}, expected one array or number")
    try:
        array = np.asarray(result, np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{call} returned a {type(result).__name__}, expected an array or a number") from None
    return array


def describe_case(case: Case) -> list[str]:
    """The arguments of a case: shapes, and the numbers of small ones."""
    lines = []
    for name, x in case.items():
        if np.ndim(x) == 0:
            lines.append(f"    {name} = {number(x) if isinstance(x, (float, np.ndarray, np.floating)) else x}")
        elif np.size(x) <= SHOWN and isinstance(x, np.ndarray):
            text = np.array2string(x, precision=4, separator=", ", suppress_small=True, max_line_width=100)
            lines.append(f"    {name} = " + text.replace("\n", "\n" + " " * (len(name) + 7)))
        else:
            lines.append(f"    {name}: shape {shape_of(x)}" if isinstance(x, np.ndarray) else f"    {name} = {x}")
    return lines


def place(index: tuple[int, ...]) -> str:
    return f" at entry [{', '.join(map(str, index))}]" if index else ""


# -- hints -------------------------------------------------------------------------------------------------------------


def formula(mistake: Mistake, part: Part) -> Callable[..., Any]:
    """The function that a mistake's body makes, as a student would have written it."""
    body = mistake.body if "return" in mistake.body else f"return {mistake.body}"
    lines = "\n".join("    " + line for line in body.splitlines())
    names: dict[str, Any] = {"np": NUMPY, **part.helpers}
    exec(f"def {part.signature}:\n{lines}", names)
    return names[part.function]


class Trial:
    """The calls of one function so far, and what each gave: a mistake is recognised by giving the same each time."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.calls: list[tuple[Callable[[Callable[..., Any]], Any], Any]] = []

    def call(self, run: Callable[[Callable[..., Any]], Any], function: Callable[..., Any]) -> Any:
        """``run(function)``, remembered. An error of the student's gets the hint of the mistake that raises it, too."""
        try:
            result = run(function)
        except StudentError as error:
            self.calls.append((run, str(error)))
            known = self.known_mistake()
            if known:
                error.add_hint(known)
            raise
        self.calls.append((run, result))
        return result

    def known_mistake(self) -> str | None:
        """The hint of the mistake that does what the student's function does."""
        for mistake in self.part.mistakes:
            function = formula(mistake, self.part)
            if all(_alike(_outcome(run, function), got) for run, got in reversed(self.calls)):
                return mistake.hint
        return None


def _outcome(run: Callable[[Callable[..., Any]], Any], function: Callable[..., Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return run(function)
    except Exception as error:
        return sentence(error)


def _alike(a: Any, b: Any) -> bool:
    """Whether two results, or errors, are the same, but for rounding."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    try:
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    except (TypeError, ValueError):
        return False
    tolerance = 1e-5 if np.float32 in (getattr(a, "dtype", None), getattr(b, "dtype", None)) else 1e-9
    return x.shape == y.shape and bool(np.all(close(np.nan_to_num(x), np.nan_to_num(y), tolerance)))


def _ratio_hint(got: Array, expected: Array, case: Case) -> str | None:
    clear = np.abs(expected) > 1e-3
    if not clear.any():
        return None
    ratios = got[clear] / expected[clear]
    ratio = float(ratios.flat[0])
    if not np.ptp(ratios) < 1e-4 * max(1.0, abs(ratio)) or abs(ratio) < 1e-6:
        return None
    if abs(ratio + 1) < 1e-4:
        return "the sign is wrong: every entry is minus what it should be"
    if ratios.size == 1 and not np.isclose(ratio, (2, 3, 4, 0.5), 1e-4).any():
        return None  # any two numbers have a ratio
    sizes = {n: name for name, x in case.items() if isinstance(x, np.ndarray) for n in [*x.shape, x.size] if n > 1}
    for n in sizes:
        if abs(ratio - n) < 1e-4 * n:
            return (
                f"every entry is {n} times too large, and {n} is a number of entries: is there a division by it, as in a mean?"
            )
        if abs(ratio * n - 1) < 1e-4:
            return f"every entry is {n} times too small, and {n} is a number of entries: is there one division too many?"
    return f"every entry is {number(ratio)} times what it should be: a factor is missing or one too many"


def hints_for(got: Array, expected: Array, case: Case, others: dict[str, Array]) -> list[str]:
    """What a difference smells of; ``others`` are the gradients of the other inputs."""
    g = case.get("g")
    if got.shape != expected.shape:
        if got.ndim >= 2 and got.shape == expected.shape[::-1]:
            return ["it is the transpose of the shape that is wanted: are factors, or a transpose, the wrong way round?"]
        if g is not None and got.shape == np.shape(g) and got.size > expected.size:
            return ["a gradient has the shape of its input: sum over the axes along which that was broadcast or reduced"]
        if got.size < expected.size:
            return ["a gradient has the shape of its input: something was summed too much, or not spread back"]
        return ["a gradient has the shape of its input"]
    if not np.isfinite(got).all() and np.isfinite(expected).all():
        return ["NaN or infinity: a division by 0, the logarithm of 0, or the exponential of a large number"]
    with np.errstate(all="ignore"):
        if not got.any():
            return ["it is 0 everywhere"]
        found = _ratio_hint(got, expected, case)
        if found:
            return [found]
        if g is not None:
            if np.shape(g) in (got.shape, ()) and close(got, g, 1e-6).all():
                return ["this is g itself: the factor is missing, the derivative of the operation (chain rule)"]
            if np.shape(g) in (got.shape, ()) and close(got * g, expected, 1e-5).all():
                return ["g is missing: the rule is g times the derivative (chain rule)"]
        for name, other in others.items():
            if other.shape == got.shape and close(got, other, 1e-5).all():
                return [f"this is the gradient of {name}: the two rules are exchanged"]
        if got.ndim == 2 and got.shape[0] == got.shape[1] and close(got.T, expected, 1e-5).all():
            return ["it is the transpose of what is wanted"]
    return []


def check(
    got: Any,
    expected: Array,
    part: Part,
    case: Case,
    *,
    tolerance: float,
    trial: Trial,
    others: dict[str, Array] | None = None,
    note: str = "",
) -> None:
    """Raise :class:`Wrong` where a function's result is not the expected one."""
    array = as_array(got, part.signature)
    if array.shape == expected.shape and close(array, expected, tolerance).all():
        return
    known = trial.known_mistake()
    hints = [known] if known else hints_for(array, expected, case, others or {})
    if array.shape != expected.shape:
        lines = [f"{part.what}: {part.signature} has shape {shape_of(array)}, expected {shape_of(expected)}{note}"]
    else:
        wrong = ~close(array, expected, tolerance)
        worst = np.unravel_index(
            int(np.argmax(np.where(wrong, np.nan_to_num(np.abs(array - expected), nan=np.inf), -1))), array.shape
        )
        index = tuple(int(i) for i in worst)
        count = f"{int(wrong.sum())} of {wrong.size} entries are wrong{note}" if wrong.size > 1 else f"wrong{note}"
        lines = [
            f"{part.what}: {count}",
            f"  {part.signature}{place(index)}: expected {number(expected[index])}, got {number(array[index])}",
        ]
    read = {name: case[name] for name in part.parameters if name in case}
    shown = read if len(read) == len(part.parameters) else case
    raise Wrong(*lines, "  for", *describe_case(shown), hints=hints)


def same_arguments(before: Case, after: Case, part: Part) -> None:
    """Raise :class:`Wrong` if a function wrote into its arguments."""
    for name in before:
        if isinstance(before[name], np.ndarray) and not np.array_equal(before[name], after[name], equal_nan=True):
            raise Wrong(
                f"{part.signature} wrote into its argument {name}",
                hints=[f"others still need {name}: write `{name} = {name} * 2`, not `{name} *= 2`, or copy it first"],
            )
