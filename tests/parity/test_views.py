"""Made-up programs of views, writes in place and reads, run under both libraries: the same values and gradients, or both raise.

A program is a list of steps drawn at random; each step names a tensor made so far. Some steps cannot be done (a view that the
memory does not allow, a write that does not fit) and raise at once; some make backward raise, as a saved value is gone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm

pytestmark = pytest.mark.filterwarnings("ignore:Use of index_put_ on expanded")

PROGRAMS = 800
STEPS = 14

Step = tuple[str, int, int, float]

VIEWS: dict[str, Callable[[Any, int], Any]] = {
    "row": lambda t, i: t[i % max(1, t.shape[0])],
    "slice": lambda t, i: t[i % 2 :],
    "step": lambda t, i: t[..., ::2],
    "transpose": lambda t, i: t.transpose(0, -1),
    "permute": lambda t, i: t.permute(list(reversed(range(t.ndim)))),
    "flat": lambda t, i: t.view(-1) if t.is_contiguous() else t,  # ours copies where PyTorch raises
    "new axis": lambda t, i: t[:, None],
    "unsqueeze": lambda t, i: t.unsqueeze(i % (t.ndim + 1)),
    "squeeze": lambda t, i: t.squeeze(),
    "narrow": lambda t, i: t.narrow(0, 0, max(1, t.shape[0] - 1)),
    "diagonal": lambda t, i: t.diagonal(),
    "reshape": lambda t, i: t.reshape(-1),
    "view_as": lambda t, i: t.view_as(t),
}
WRITES: dict[str, Callable[[Any, Any, float], Any]] = {
    "mul_": lambda t, o, c: t.mul_(c),
    "add_ tensor": lambda t, o, c: t.add_(o.clone()),
    "mul_ tensor": lambda t, o, c: t.mul_(o.clone()),
    "sub_ row": lambda t, o, c: t.sub_(o[0].clone()),
    "tanh_": lambda t, o, c: t.tanh_(),
    "sin_": lambda t, o, c: t.sin_(),
    "zero_": lambda t, o, c: t.zero_(),
    "fill_": lambda t, o, c: t.fill_(c),
    "copy_": lambda t, o, c: t.copy_(o.clone()),
    "clamp_": lambda t, o, c: t.clamp_(min=-c),
    "set first": lambda t, o, c: t.__setitem__(0, c),
    "set column": lambda t, o, c: t.__setitem__((Ellipsis, 0), o[..., 0].clone()),
    "set all": lambda t, o, c: t.__setitem__(Ellipsis, o.clone()),
    "masked": lambda t, o, c: t.__setitem__(t > 0, c),
    "rows": lambda t, o, c: t.__setitem__([0], c),
    "iadd": lambda t, o, c: t.__iadd__(c),
}
READS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda t, o: t.sum(),
    "square": lambda t, o: (t * t).sum(),
    "product": lambda t, o: (t * o).sum(),
    "exp": lambda t, o: (t * 0.1).exp().sum(),
    "sin": lambda t, o: t.sin().sum(),
    "tanh": lambda t, o: t.tanh().sum(),
    "max": lambda t, o: t.max(),
    "norm": lambda t, o: t.norm(),
}
MAKES: dict[str, Callable[[Any, Any], Any]] = {
    "scaled": lambda t, o: t * 2,
    "clone": lambda t, o: t.clone(),
    "added": lambda t, o: t + o,
    "sigmoid": lambda t, o: t.sigmoid(),
    "expand": lambda t, o: t.unsqueeze(0).expand(2, *t.shape) * 1,
    "detach": lambda t, o: t.detach() * 1,
    # PyTorch refuses writes to a view that is one of several results; ours does not
    "split": lambda t, o: t.split(2, 0)[-1] * 1,
    "unbind": lambda t, o: t.unbind(-1)[0] * 1,
}
KINDS: dict[str, dict[str, Any]] = {"view": VIEWS, "write": WRITES, "read": READS, "make": MAKES}


def make_program(seed: int) -> list[tuple[str, Step]]:
    """Steps drawn at random: views and writes most often."""
    rng = random.Random(seed)
    steps = []
    for _ in range(STEPS):
        kind = rng.choices(list(KINDS), [5, 4, 2, 1])[0]
        name = rng.choice(list(KINDS[kind]))
        steps.append((kind, (name, rng.randrange(100), rng.randrange(100), round(rng.uniform(0.5, 2), 2))))
    return steps


def run(library: Any, program: list[tuple[str, Step]], array: np.ndarray[Any, Any]) -> tuple[list[str], Any, Any, Any]:
    """Run a program: which steps raised, the final values, and first and second gradient (None if one raised)."""
    x = library.tensor(array)
    x.requires_grad_()
    tensors = [x * 1, x * 0.5]
    losses, raised = [], []
    for number, (kind, (name, first, second, c)) in enumerate(program):
        t, other = tensors[first % len(tensors)], tensors[second % len(tensors)]
        try:
            if kind == "write":
                KINDS[kind][name](t, other, c)
            elif kind == "view":
                tensors.append(KINDS[kind][name](t, first))
            elif kind == "make":
                tensors.append(KINDS[kind][name](t, other))
            else:
                losses.append(KINDS[kind][name](t, other))
        except (RuntimeError, IndexError, TypeError, ValueError):
            raised.append(f"{number} {name}")
    values = [t.detach().numpy().copy() for t in tensors]
    needs = [t.requires_grad for t in tensors]
    loss = sum((t * t * t).sum() for t in tensors) + sum(losses)
    try:
        loss.backward(retain_graph=True)
        (g,) = library.autograd.grad(loss, x, create_graph=True)
        (gg,) = library.autograd.grad((g * g).sum(), x)
    except RuntimeError:
        return raised, values, needs, None
    return raised, values, needs, [x.grad.numpy(), gg.numpy()]


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_a_made_up_program(seed: int) -> None:
    program = make_program(seed)
    array = np.random.default_rng(seed).uniform(-1, 1, (3, 4))
    theirs, ours = run(torch, program, array), run(tinygrad_fm, program, array)
    assert ours[0] == theirs[0], "different steps raised"
    for i, (want, got) in enumerate(zip(theirs[1], ours[1], strict=True)):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12, err_msg=f"value of tensor {i}")
    assert ours[2] == theirs[2], "requires_grad differs"
    assert (ours[3] is None) == (theirs[3] is None), "only one of the backward passes raised"
    if theirs[3] is not None:
        for want, got in zip(theirs[3], ours[3], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)


def test_enough_of_the_programs_go_through() -> None:
    through = 0
    for seed in range(60):
        through += run(tinygrad_fm, make_program(seed), np.ones((3, 4)))[3] is not None
    assert through > 20
