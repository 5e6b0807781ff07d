"""Exercise 5: the backward loop."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import tinygrad_fm as torch

from ..compare import formula, number
from ..exercise import Checks, Exercise, Part, Random, Wrong, part
from ..student import Student

# a program is a list of operations on the values before them: the leaves come first
Program = list[tuple[str, int, int]]
_RULES: dict[str, Any] = {
    "add": (lambda a, b: a + b, lambda a, b: (lambda g: g, lambda g: g)),
    "multiply": (lambda a, b: a * b, lambda a, b: (lambda g: g * b, lambda g: g * a)),
    "subtract": (lambda a, b: a - b, lambda a, b: (lambda g: g, lambda g: -g)),
}


class Node:
    """The same as the exercise's; its rules notice when they are run twice."""

    def __init__(self, name: str, number: int, value: Any, parents: tuple[Node, ...] = (), rules: tuple[Any, ...] = ()) -> None:
        self.name, self.number, self.value, self.parents, self.grad = name, number, value, parents, None
        self.calls = [0] * len(rules)
        self.rules = tuple(functools.partial(self._rule, i, rule) for i, rule in enumerate(rules))

    def _rule(self, i: int, rule: Any, g: Any) -> Any:
        self.calls[i] += 1
        if self.calls[i] > 1:
            raise Wrong(
                f"the backward loop: a rule of {self.name} was run twice in one pass",
                hints=[
                    "a value that is used several times must be visited once, when its gradient is complete: keep a set of what was seen"
                ],
            )
        if g is None:
            raise Wrong(
                f"the backward loop: a rule of {self.name} was given None, the gradient that {self.name} has not got yet",
                hints=[
                    "result.grad is where it begins: the gradient of the result by itself is 1",
                    "and a value hands its gradient on only after all that were computed from it: highest number first",
                ],
            )
        return rule(g)


def _apply(op: str, a: Any, b: Any) -> Any:
    return _RULES[op][0](a, b)


def build(leaves: list[Any], program: Program) -> list[Node]:
    """The nodes of a program: its leaves, then its operations; the last one is the result."""
    nodes = [Node(f"leaf {i}", i, x) for i, x in enumerate(leaves)]
    for op, i, j in program:
        a, b = nodes[i], nodes[j]
        value = _apply(op, a.value, b.value)
        name = f"value {len(nodes)} = {op}({a.name.partition(' =')[0]}, {b.name.partition(' =')[0]})"
        nodes.append(Node(name, len(nodes), value, (a, b), _RULES[op][1](a.value, b.value)))
    return nodes


def _tensors(leaves: list[Any], program: Program) -> list[Any]:
    values = [torch.tensor(np.float64(x), requires_grad=True) for x in leaves]
    for op, i, j in program:
        values.append(_apply(op, values[i], values[j]))
        values[-1].retain_grad()
    values[-1].backward()
    return values


def _numerical(leaves: list[Any], program: Program, k: int) -> float | None:
    """The derivative of the result by value ``k``, by central differences; None if it does not depend on it."""
    used, pending = set(), [len(leaves) + len(program) - 1]
    while pending:
        i = pending.pop()
        if i not in used:
            used.add(i)
            pending += program[i - len(leaves)][1:] if i >= len(leaves) else ()
    if k not in used:
        return None

    def result(step: float) -> float:
        values = list(leaves)
        values[k : k + 1] = [x + step for x in values[k : k + 1]]
        for n, (op, i, j) in enumerate(program, len(leaves)):
            values.append(_apply(op, values[i], values[j]) + (step if n == k else 0.0))
        return float(values[-1])

    return (result(1e-5) - result(-1e-5)) / 2e-5


def _draw(leaves: list[Any], program: Program) -> Any:
    values = _tensors(leaves, program)
    names = {**{f"leaf {i}": values[i] for i in range(len(leaves))}}
    names |= {f"value {k}": values[k] for k in range(len(leaves), len(values))}
    return torch.draw(values[-1], names=names, values=True)


def programs(r: Random) -> list[tuple[str, list[float], Program]]:
    """What the loop is tried on, and what each has that those before had not."""
    rng = r.rng
    mixed: Program = []
    for n in range(3, 12):
        op = str(rng.choice(list(_RULES)))
        # products by leaves only: by one another their values might reach 10¹², where differences have no digits left
        first, last = (0, 3) if op == "multiply" else (max(0, n - 4), n)
        mixed.append((op, int(rng.integers(first, last)), n - 1))
    draw = lambda n: [float(x) for x in r(n)]
    return [
        ("a product of two leaves", draw(2), [("multiply", 0, 1)]),
        ("a chain of three operations", draw(3), [("multiply", 0, 1), ("add", 2, 3), ("multiply", 3, 4)]),
        ("a value times itself", draw(1), [("multiply", 0, 0)]),
        (
            "a value that two operations use",
            draw(2),
            [("multiply", 0, 1), ("add", 2, 0), ("multiply", 3, 2), ("subtract", 4, 2)],
        ),
        ("twelve values that use one another", draw(3), mixed),
        ("a value that nothing uses", draw(3), [("multiply", 0, 1), ("add", 2, 0), ("multiply", 3, 0)]),
    ]


def as_number(node: Node) -> float | None:
    """A node's gradient; :class:`Wrong` if that is no number."""
    if node.grad is None:
        return None
    if not isinstance(node.grad, (int, float, np.number)):
        raise Wrong(f"the backward loop: .grad of {node.name} is a {type(node.grad).__name__}, expected a number")
    return float(node.grad)


def _grads(nodes: list[Node]) -> list[Any]:
    return [as_number(node) for node in nodes]


def _same(a: list[Any], b: list[Any]) -> bool:
    return all((x is None) == (y is None) and (x is None or abs(x - y) < 1e-9) for x, y in zip(a, b, strict=True))


def _outcome(run: Any, leaves: list[Any], program: Program) -> tuple[list[Node], Wrong | None]:
    """The nodes after a loop went over them, and what was wrong on the way."""
    nodes = build(leaves, program)
    try:
        run(nodes[-1])
    except Wrong as wrong:
        return nodes, wrong
    return nodes, None


def _hints(part: Part, leaves: list[Any], program: Program, got: list[Any], wrong: Wrong | None = None) -> list[str]:
    """The hint of the mistake that leaves the same gradients, or is wrong in the same way."""
    for mistake in part.mistakes:
        try:
            nodes, theirs = _outcome(formula(mistake, part), leaves, program)
        except Exception:  # a mistake that fails on this graph leaves no gradients to compare
            continue
        if _same(_grads(nodes), got) and str(theirs) == str(wrong):
            return [mistake.hint]
    return wrong.hints if wrong else []


def check_backward(part: Part, student: Student, function: Any, seed: int) -> int:
    """Run the student's loop on small graphs, a shared one and a long one."""
    passed = 0
    for draw in range(2):
        for title, leaves, program in programs(Random(seed + draw)):
            picture = functools.partial(_draw, leaves, program)
            nodes, wrong = _outcome(lambda result: student.call(function, result), leaves, program)
            if wrong is not None:
                hints = _hints(part, leaves, program, _grads(nodes), wrong)
                raise Wrong(*wrong.lines, f"  for {title}: {_written(leaves, program)}", hints=hints, draw=picture)
            for k, node in enumerate(nodes):
                expected = _numerical(leaves, program, k)
                got = node.grad
                right = (
                    got is None if expected is None else got is not None and abs(got - expected) < 1e-5 * (1 + abs(expected))
                )
                if not right:
                    raise Wrong(
                        f"the backward loop: the gradient of {node.name} is wrong",
                        f"  expected {_shown(expected)}, got {_shown(got)}",
                        f"  for {title}: {_written(leaves, program)}",
                        hints=_hints(part, leaves, program, _grads(nodes)),
                        draw=picture,
                    )
            passed += 1
    _check_large(student, function)
    return passed + 2


def _check_large(student: Student, function: Any) -> None:
    """Many ways from the result to the leaf, and a long way."""
    for title, count, program in (
        ("a value added to itself 18 times in a row", 2.0**18, [("add", k, k) for k in range(18)]),
        ("a chain of 5,000 additions", 1.0, [("add", 1 + k, 0) if k else ("add", 0, 1) for k in range(5_000)]),
    ):
        leaves = [0.5] if len(program) == 18 else [0.0, 0.5]
        nodes = build(leaves, program)
        student.call(function, nodes[-1])
        leaf = nodes[len(leaves) - 1]
        got = as_number(leaf)
        if got is None or abs(got - count) > 1e-6:
            raise Wrong(f"the backward loop: {title}: expected {number(count)} at the leaf, got {_shown(got)}")


def _shown(x: Any) -> str:
    return "None" if x is None else number(x)


def _written(leaves: list[Any], program: Program) -> str:
    """A program as text: ``value 2 = multiply(leaf 0, leaf 1)``."""
    name = lambda i: f"leaf {i}" if i < len(leaves) else f"value {i}"
    lines = [f"leaf {i} = {number(x)}" for i, x in enumerate(leaves)]
    lines += [f"value {n} = {op}({name(i)}, {name(j)})" for n, (op, i, j) in enumerate(program, len(leaves))]
    return "; ".join(lines)


_COLLECT = """seen, pending = {result}, [result]
while pending:
    node = pending.pop()
    for parent in node.parents:
        if parent not in seen:
            seen.add(parent)
            pending.append(parent)
result.grad = 1.0
for node in sorted(seen, key=lambda node: node.number, reverse=True):
    for parent, rule in zip(node.parents, node.rules):
"""


def _loop(last: str, **changes: str) -> str:
    text = _COLLECT + "".join(f"        {line}\n" for line in last.splitlines())
    for old, new in changes.items():
        text = text.replace({"first": "result.grad = 1.0", "order": ", reverse=True"}[old], new)
    return text + "return None"


_ADD = "dx = rule(node.grad)\nparent.grad = dx if parent.grad is None else parent.grad + dx"

BACKWARD = part(
    "backward(result)",
    "the backward loop",
    (_loop("parent.grad = rule(node.grad)"), "a value that is used twice gets two gradients: add them up, do not replace the first"),
    (_loop(_ADD, first="result.grad = result.value"), "the loop begins with 1, the gradient of the result by itself, and not with its value"),
    (_loop(_ADD, first="result.grad = 0.0"), "with 0 at the result all gradients are 0: begin with 1"),
    (_loop("dx = rule(node.value)\nparent.grad = dx if parent.grad is None else parent.grad + dx"), "a rule is given the gradient of the node, not its value"),
    (_loop("dx = rule(1.0)\nparent.grad = dx if parent.grad is None else parent.grad + dx"), "a rule is given the node's own gradient: with 1 each step begins anew (chain rule)"),
    (_loop("dx = node.rules[0](node.grad)\nparent.grad = dx if parent.grad is None else parent.grad + dx"), "each parent has its own rule: go through both lists together (zip)"),
    (_loop("if parent.grad is None:\n    parent.grad = rule(node.grad)"), "the second gradient of a value that is used twice is dropped: add it"),
    (_loop("dx = rule(node.grad)\nparent.grad = dx if parent.grad is None else parent.grad * dx"), "gradients that arrive at one value are added, not multiplied"),
    (_loop("dx = rule(node.grad)\nparent.grad = dx if parent.grad is None else (parent.grad + dx) / 2"), "gradients that arrive at one value are added: no mean is taken"),
    (
        "result.grad = 1.0\nseen, pending = {result}, [result]\nwhile pending:\n    node = pending.pop()\n"
        "    for parent, rule in zip(node.parents, node.rules):\n        dx = rule(node.grad)\n"
        "        parent.grad = dx if parent.grad is None else parent.grad + dx\n"
        "        if parent not in seen:\n            seen.add(parent)\n            pending.append(parent)\nreturn None",
        "a value hands its gradient on before all of it has arrived: take the highest number first",
    ),
    (  # what is left by a backward that calls itself for each parent
        "pending = [result]\nwhile pending:\n    node = pending.pop()\n    node.grad = 1.0\n    pending.extend(node.parents)\nreturn None",
        "every value has the gradient 1: only the result's is 1 by itself; a backward that calls itself for the parents sets theirs to 1, too",
    ),
    ("result.grad = 1.0\nfor parent, rule in zip(result.parents, result.rules):\n    parent.grad = rule(1.0)\nreturn None", "only the parents of the result have a gradient: go on until the leaves"),
)  # fmt: skip

EXERCISES = [
    Exercise(
        5,
        "backward_loop",
        "The backward loop",
        (Checks(BACKWARD, functools.partial(check_backward, BACKWARD)),),
        (("tinygrad_fm/autograd/backward_pass.py", "Pass"),),
        notebook=True,
        attributes=frozenset({"grad", "number", "parents", "rules", "value"}),
    )
]
