"""Exercise 22: a training loop with planted mistakes. It is watched while it runs, and the first mistake that shows is said."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_fm as torch
from tinygrad_fm import nn, optim

from ..compare import number
from ..exercise import Array, Checks, Exercise, Random, Wrong, part
from ..student import Student
from .classification import cross_entropy, softmax

EPOCHS, RATE = 2, 0.2


class Model(nn.Module):
    """A linear classifier that notes in which modes it is called. One of its outputs is always large, for accuracy's sake."""

    def __init__(self, r: Random) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3).double()
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor(r(3, 4)))
        self.trained: list[bool] = []
        self.recorded: list[bool] = []

    def forward(self, x: Any) -> Any:
        self.trained.append(self.training)
        self.recorded.append(torch.is_grad_enabled())
        return self.linear(x)


def _gradient(outputs: Array, x: Array, t: Array) -> Array:
    """Of the weight, for the gradient of the outputs that cross entropy has."""
    return (softmax(outputs) - t).T @ x / len(x)


def _of_softmax(outputs: Array, x: Array, t: Array) -> Array:
    """The gradient of the weight if softmax stands in front of cross entropy."""
    p = softmax(outputs)
    g = (softmax(p) - t) / len(x)
    return (p * (g - (g * p).sum(axis=1, keepdims=True))).T @ x


class Optimizer(optim.SGD):
    """Gradient descent that looks at the gradients before it takes a step."""

    def __init__(self, model: Model, batches: list[tuple[Any, Any]]) -> None:
        super().__init__(model.parameters(), lr=RATE)
        self.model, self.batches, self.steps = model, batches, 0
        self.before: Array = np.zeros((3, 4))  # the gradient in the step before
        self.losses: list[float] = []

    def step(self, closure: Any = None) -> Any:
        x, y = (np.asarray(a) for a in self.batches[self.steps % len(self.batches)])
        weight, bias = (np.array(p.detach()) for p in self.model.parameters())
        outputs, t = x @ weight.T + bias, np.eye(3)[y]
        self._check(_gradient(outputs, x, t), _of_softmax(outputs, x, t))
        self.losses.append(float(cross_entropy(outputs, t)))
        self.steps += 1
        return super().step(closure)

    def _check(self, expected: Array, of_softmax: Array) -> None:
        weight = next(self.model.parameters())
        at = f"train: in step {self.steps + 1}"
        got = None if weight.grad is None else np.array(weight.grad)
        if got is None or not got.any():
            raise Wrong(
                f"{at} there are no gradients yet",
                hints=["step uses the gradients that backward computes: what has to come first?"],
            )
        if not np.allclose(got, expected):
            hints = []
            for mean, factor in (("", 1.0), (" (and they are scaled)", float(len(got)))):
                if np.allclose(got, of_softmax * factor):
                    hints.append(
                        "cross_entropy takes the logarithm of softmax by itself: it is given the model's own outputs" + mean
                    )
                elif np.allclose(got, (self.before + expected) * factor) or np.allclose(got, self.before + of_softmax * factor):
                    hints.append("backward adds to .grad: the gradients of the step before are still in it" + mean)
            if np.allclose(got, self.before):
                hints.append("these are the gradients of the batch before: the step is taken before backward")
            worst = np.unravel_index(int(np.argmax(np.abs(got - expected))), got.shape)
            entry = f"[{worst[0]}, {worst[1]}]"
            raise Wrong(
                f"{at} the gradient of the weight is not that of this batch's loss",
                f"  weight.grad{entry}: expected {number(expected[worst])}, got {number(got[worst])}",
                hints=hints[:1],
            )
        self.before = got


def _batches(r: Random) -> list[tuple[Any, Any]]:
    """Three batches, the last one smaller."""
    labels = ([0, 1, 2, 0], [2, 1, 1, 0], [1, 2])
    return [(torch.tensor(r(len(y), 4)), torch.tensor(y)) for y in labels]


def check_train(student: Student, function: Any, seed: int) -> int:
    """Run the student's ``train`` and look at every step."""
    r = Random(seed)
    batches = _batches(r)
    model = Model(r)
    model.eval()  # as an accuracy measured before has left it
    optimizer = Optimizer(model, batches)
    losses = student.call(function, model, optimizer, batches, EPOCHS)
    if not all(model.trained):
        raise Wrong(
            "train: the model is in evaluation mode while it is trained",
            hints=["dropout drops nothing and batch norm learns nothing in that mode: which one belongs here?"],
        )
    if optimizer.steps != EPOCHS * len(batches):
        raise Wrong(
            f"train: {optimizer.steps} steps were taken, expected one for each batch in each epoch: {EPOCHS * len(batches)}"
        )
    _check_losses(losses, np.reshape(optimizer.losses, (EPOCHS, len(batches))), [len(y) for _, y in batches])
    return 5


def _check_losses(losses: Any, expected: Array, sizes: list[int]) -> None:
    if not isinstance(losses, list) or len(losses) != EPOCHS:
        raise Wrong(f"train returned {type(losses).__name__}, expected a list of {EPOCHS} numbers, one for each epoch")
    for epoch, (loss, of_batches) in enumerate(zip(losses, expected, strict=True), 1):
        if not isinstance(loss, (int, float)):
            raise Wrong(
                f"train: the loss of epoch {epoch} is a {type(loss).__name__}, expected a float",
                hints=[
                    "a tensor keeps the graph of its batch alive, and a sum of them that of all: .item() is the number alone"
                ],
            )
        mean = float(np.average(of_batches, weights=sizes))
        if abs(loss - mean) > 1e-9:
            hints = []
            if abs(loss - of_batches.mean()) < 1e-9:
                hints.append(
                    "the last batch is smaller, and its samples count for more: weigh each batch's loss by its number of samples"
                )
            raise Wrong(
                f"train: the mean loss per sample of epoch {epoch}: expected {number(mean)}, got {number(loss)}", hints=hints
            )


def check_accuracy(student: Student, function: Any, seed: int) -> int:
    """Run the student's ``accuracy`` and look at how the model is called, and at the number."""
    for drawn in range(2):
        r = Random(seed + drawn)
        batches = _batches(r)
        model = Model(r)
        model.train()
        got = student.call(function, model, batches)
        if any(model.trained):
            raise Wrong(
                "accuracy: the model is in training mode while it is measured",
                hints=["dropout would drop, and batch norm would learn from the test set: which mode belongs here?"],
            )
        if any(model.recorded):
            raise Wrong(
                "accuracy: a graph is recorded for each batch, though nothing will be differentiated",
                hints=["`with torch.no_grad():` around the loop saves its time and memory"],
            )
        weight, bias = (np.array(p.detach()) for p in model.parameters())
        outputs = [np.asarray(x) @ weight.T + bias for x, _ in batches]
        labels = [np.asarray(y) for _, y in batches]
        right = sum(int((o.argmax(axis=1) == y).sum()) for o, y in zip(outputs, labels, strict=True))
        _check_share(got, right, outputs, labels)
    return 6


def _check_share(got: Any, right: int, outputs: list[Array], labels: list[Array]) -> None:
    count = sum(map(len, labels))
    if not isinstance(got, (int, float)):
        raise Wrong(f"accuracy returned a {type(got).__name__}, expected a float", hints=[".item() makes a number of a tensor"])
    if abs(got - right / count) < 1e-12:
        return
    flat = sum(int(np.count_nonzero(y == int(o.argmax()))) for o, y in zip(outputs, labels, strict=True))
    hints = []
    if abs(got * len(labels) - flat) < 1e-9 or (abs(got * count - flat) < 1e-9 and flat != right):
        hints.append("argmax without dim is one index, of the largest number in the batch: the largest of each row is wanted")
    elif abs(got * len(labels) - right) < 1e-9:
        hints.append("this is divided by the number of batches: divide by the number of samples")
    raise Wrong(f"accuracy: expected {number(right / count)} ({right} of {count} samples), got {number(got)}", hints=hints)


_TRAINING = (
    Checks(part("train(model, optimizer, batches, epochs)", "train"), check_train),
    Checks(part("accuracy(model, batches)", "accuracy"), check_accuracy),
)

EXERCISES = [
    Exercise(
        22,
        "training",
        "A training loop with mistakes",
        _TRAINING,
        (("tinygrad_fm/training/trainer.py", "Trainer"), ("tinygrad_fm/training/evaluation.py", "evaluate")),
        imports=frozenset({"numpy", "math", "tinygrad_fm", "tinygrad_fm.nn", "tinygrad_fm.nn.functional", "tinygrad_fm.optim"}),
        whole=True,
        planted="92adaa3bc49d9d26",
    )
]
