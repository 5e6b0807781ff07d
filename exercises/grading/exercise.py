"""What an exercise is made of: operations whose rules are to be written, functions whose values are to be right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Case = dict[str, Any]  # arguments by name


class Random:
    """Draws the inputs of a case. Numbers keep away from 0, where a function may have a kink.

    >>> Random(0)(2, 3).shape
    (2, 3)
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        """Numbers from 0.3 to 1.7 in size, as many negative as positive ones."""
        signs = np.where(np.arange(math.prod(shape)) % 2, 1.0, -1.0) * self.rng.choice((-1.0, 1.0))
        return np.asarray(self.positive(*shape) * self.rng.permutation(signs).reshape(shape))

    def positive(self, *shape: int) -> Array:
        """Positive numbers, from 0.3 to 1.7."""
        return np.asarray(self.rng.uniform(0.3, 1.7, shape))

    def distinct(self, *shape: int) -> Array:
        """Numbers of both signs that are at least 0.02 apart, so that a maximum has no rival nearby."""
        steps = self.rng.permutation(math.prod(shape)) - math.prod(shape) / 2
        return np.asarray((steps * 0.1 + self.rng.uniform(0.01, 0.04, math.prod(shape))).reshape(shape))

    def one_hot(self, n: int, classes: int) -> Array:
        """A row for each of ``n`` samples: 1 at its class, 0 elsewhere."""
        return np.eye(classes)[self.rng.integers(0, classes, n)]


@dataclass(frozen=True)
class Mistake:
    """What students write instead, and what to say about it. The grader recognises it by the numbers it gives.

    Attributes:
        body: the wrong function's body: an expression, or lines that end in a ``return``.
    """

    body: str
    hint: str


@dataclass(frozen=True)
class Part:
    """One function that a student fills in.

    Attributes:
        signature: its name and arguments: ``"multiply_a(g, a, b)"``.
        what: what it should be: "multiply: the gradient of a".
        mistakes: wrong ones that are known.
        helpers: functions that the bodies of mistakes call, by name.
    """

    signature: str
    what: str
    mistakes: tuple[Mistake, ...] = ()
    helpers: dict[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def function(self) -> str:
        return self.signature.partition("(")[0]

    @property
    def parameters(self) -> list[str]:
        return self.signature.partition("(")[2].rstrip(")").split(", ")


def part(signature: str, what: str, *mistakes: tuple[str, str], **helpers: Callable[..., Any]) -> Part:
    """A :class:`Part`, with its mistakes as pairs of body and hint."""
    return Part(signature, what, tuple(Mistake(*pair) for pair in mistakes), helpers)


@dataclass(frozen=True)
class Operation:
    """An operation whose backward rules the student writes; graded by finite differences, to second order.

    Attributes:
        kernel: takes ``inputs`` by position and static arguments by name; returns the result.
        inputs: the names of its inputs, in order.
        rules: for each differentiable input the function that gives its gradient.
        cases: draws the arguments, for several shapes.
        kinks: arguments where the derivative jumps, with the gradients that PyTorch's convention gives there, by input.
    """

    name: str
    kernel: Callable[..., Any]
    inputs: tuple[str, ...]
    rules: dict[str, Part]
    cases: Callable[[Random], list[Case]]
    kinks: Callable[[Random], list[tuple[Case, dict[str, Array]]]] | None = None

    def value(self, case: Case) -> Any:
        """The result for the arguments of a case."""
        static = {name: x for name, x in case.items() if name not in (*self.inputs, "g", "y")}
        return self.kernel(*(case[name] for name in self.inputs), **static)

    @property
    def parts(self) -> list[Part]:
        return list(self.rules.values())


@dataclass(frozen=True)
class Values:
    """A function of the student's whose results are compared with those of a reference.

    Attributes:
        reference: takes the same arguments, by name; a tuple of results for ``outputs`` of them.
        outputs: the names of the results, where there are several.
        run: how a case is run with a function: by default one call; an optimizer takes several steps.
    """

    part: Part
    reference: Callable[..., Any]
    cases: Callable[[Random], list[Case]]
    outputs: tuple[str, ...] = ()
    run: Callable[[Callable[..., Any], Case], dict[str, Any]] | None = None
    draws: bool = True

    @property
    def parts(self) -> list[Part]:
        return [self.part]


@dataclass(frozen=True)
class Checks:
    """A part that is graded by a function of its own: it raises :class:`Wrong`, or returns how many checks passed."""

    part: Part
    check: Callable[[Any, Any, int], int]  # the student, the function, the seed

    @property
    def parts(self) -> list[Part]:
        return [self.part]


class Wrong(Exception):
    """A part is wrong: the lines that say how, with hints, and what to draw."""

    def __init__(self, *lines: str, hints: Sequence[str] = (), draw: Callable[[], Any] | None = None) -> None:
        super().__init__("\n".join(lines))
        self.lines, self.hints, self.draw = list(lines), list(hints), draw


@dataclass(frozen=True)
class Exercise:
    """An exercise: the file ``NN_name.py`` and what is in it.

    Attributes:
        library: where the library does the same, as pairs of file and name.
        notebook: whether it goes with the first notebook.
        attributes: names behind a dot that it may use besides those of all exercises.
        whole: it may use the library, because it is about using it; ``planted`` is then the fingerprint of the unchanged file.
    """

    number: int
    name: str
    title: str
    items: tuple[Operation | Values | Checks, ...]
    library: tuple[tuple[str, str], ...]
    notebook: bool = False
    attributes: frozenset[str] = field(default_factory=frozenset)
    imports: frozenset[str] = frozenset({"numpy", "math"})
    whole: bool = False
    planted: str = ""

    @property
    def file(self) -> str:
        return f"{self.number:02}_{self.name}.py"

    @property
    def parts(self) -> list[Part]:
        return [part for item in self.items for part in item.parts]
