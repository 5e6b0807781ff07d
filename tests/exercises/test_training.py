"""The exercise with planted mistakes: each of them alone is found and named, and all of them together one by one."""

from __future__ import annotations

import pytest

from exercises.grading.catalogue import BY_NAME
from exercises.grading.grade import Report, grade

from .filling import fill, shipped
from .solutions import SOLUTIONS

TRAINING = BY_NAME["training"]
RIGHT = SOLUTIONS["training"]

# the function, what the solution has, what stands there instead, and what is said of it
PLANTED = [
    ("train", "model.train()", "model.eval()", "evaluation mode while it is trained"),
    ("train", "model.train()\n", "", "evaluation mode while it is trained"),
    ("train", "outputs = model(x)", "outputs = F.softmax(model(x), dim=1)", "cross_entropy takes the logarithm of softmax by itself"),
    ("train", "        optimizer.zero_grad()\n", "", "the gradients of the step before are still in it"),
    ("train", "zero_grad()\n        loss.backward()\n        optimizer.step()", "zero_grad()\n        optimizer.step()\n        loss.backward()", "what has to come first?"),
    ("train", "optimizer.zero_grad()\n        loss.backward()", "loss.backward()\n        optimizer.zero_grad()", "what has to come first?"),
    ("train", "loss.item() * len(y)", "loss * len(y)", "keeps the graph of its batch alive"),
    ("train", "total += loss.item() * len(y)\n        count += len(y)", "total += loss.item()\n        count += 1", "the last batch is smaller"),
    ("train", "        optimizer.step()\n", "", "0 steps were taken"),
    ("train", "range(epochs)", "range(1)", "3 steps were taken"),
    ("train", "loss = F.cross_entropy(outputs, y)", "loss = F.cross_entropy(outputs, y) * 2", "expected"),
    ("train", "return losses", "return total", "expected a list of 2 numbers"),
    ("accuracy", "model.eval()\n", "", "training mode while it is measured"),
    ("accuracy", "model.eval()", "model.train()", "training mode while it is measured"),
    ("accuracy", "torch.no_grad()", "torch.enable_grad()", "a graph is recorded for each batch"),
    ("accuracy", "argmax(dim=1)", "argmax()", "the largest of each row is wanted"),
    ("accuracy", "right / count", "right / len(batches)", "divided by the number of batches"),
    ("accuracy", "(predicted == y).sum().item()", "(predicted == y).sum()", "returned a Tensor"),
    ("accuracy", "(predicted == y)", "(predicted != y)", "of 10 samples"),
]  # fmt: skip


def grade_with(**bodies: str) -> Report:
    return grade(TRAINING, fill(shipped(TRAINING), {**RIGHT, **bodies}), seed=0)


@pytest.mark.parametrize(("function", "old", "new", "said"), PLANTED)
def test_a_mistake_is_found(function: str, old: str, new: str, said: str) -> None:
    assert RIGHT[function].count(old) == 1
    report = grade_with(**{function: RIGHT[function].replace(old, new)})
    assert report.state == "wrong"
    assert function not in report.done
    assert said in "\n".join(report.lines), report.lines


def test_mended_one_by_one_they_are_all_found() -> None:
    """From the file as handed out: each report names something, and mending that leads to the next."""
    text = shipped(TRAINING)
    mends = [
        ("what has to come first?", "            optimizer.step()\n            loss.backward()\n", "            loss.backward()\n            optimizer.step()\n"),
        ("cross_entropy takes the logarithm", "F.softmax(model(x), dim=1)", "model(x)"),
        ("still in it", "            loss.backward()\n", "            optimizer.zero_grad()\n            loss.backward()\n"),
        ("evaluation mode while it is trained", "model.eval()", "model.train()"),
        (".item() is the number alone", "total += loss\n", "total += loss.item()\n"),
        ("the last batch is smaller", "total += loss.item()\n            count += 1", "total += loss.item() * len(y)\n            count += len(y)"),
        ("training mode while it is measured", "    right = 0\n", "    right = 0\n    model.eval()\n"),
        ("a graph is recorded", "def accuracy", "@torch.no_grad()\ndef accuracy"),
        ("the largest of each row is wanted", "argmax()", "argmax(1)"),
        ("divided by the number of batches", "len(batches)", "sum(len(y) for _, y in batches)"),
    ]  # fmt: skip
    for i, (said, old, new) in enumerate(mends):
        report = grade(TRAINING, text, seed=i)
        assert report.state == ("wrong" if i else "not started")
        if i:
            assert said in "\n".join(report.lines), report.lines
        assert text.count(old) == 1
        text = text.replace(old, new)
    assert grade(TRAINING, text, seed=0).state == "passed"
