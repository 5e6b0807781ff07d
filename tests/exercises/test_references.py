"""What the grader compares with is what the library does."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from exercises.grading.catalogue import EXERCISES, classification, images, layers, optimizers, reductions, tape
from exercises.grading.exercise import Operation, Random

OPERATIONS = {item.name: item for exercise in EXERCISES for item in exercise.items if isinstance(item, Operation)}
OURS = {
    "relu": torch.relu,
    "abs": torch.abs,
    "maximum": torch.maximum,
    "max": lambda x: torch.amax(x, 1),
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "variance": lambda x: torch.var(x, 0, correction=0),
    "conv2d": F.conv2d,
    "max_pool": lambda x: F.max_pool2d(x, 2),
    "avg_pool": lambda x: F.avg_pool2d(x, 2),
    "linear": F.linear,
}


@pytest.mark.parametrize("name", OURS)
def test_an_operation_is_the_librarys(name: str) -> None:
    operation = OPERATIONS[name]
    for case in operation.cases(Random(0)):
        ours = OURS[name](*(torch.tensor(case[key]) for key in operation.inputs))
        np.testing.assert_allclose(ours.numpy(), operation.value(case), rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "abs", "maximum", "max"])
def test_at_a_kink_the_librarys_gradient_is_wanted(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.kinks is not None
    for case, gradients in operation.kinks(Random(0)):
        inputs = {key: torch.tensor(case[key], requires_grad=True) for key in operation.inputs}
        OURS[name](*inputs.values()).backward(torch.tensor(case["g"]))
        for key, gradient in gradients.items():
            np.testing.assert_allclose(inputs[key].grad.numpy(), gradient, rtol=1e-12)


def test_losses_and_norms_are_the_librarys() -> None:
    r = Random(0)
    x, t = r(4, 3), r.one_hot(4, 3)
    loss = F.cross_entropy(torch.tensor(x), torch.tensor(t.argmax(axis=1)))
    np.testing.assert_allclose(loss.item(), classification.cross_entropy(x, t), rtol=1e-12)
    weight, bias = r(3), r(3)
    ours = F.batch_norm(torch.tensor(x), None, None, torch.tensor(weight), torch.tensor(bias), True, 0.1, 0.01)
    np.testing.assert_allclose(ours.numpy(), layers.batch_norm(x, weight, bias, 0.01), rtol=1e-12)
    picture = r(2, 3, 5, 4)
    columns = F.unfold(torch.tensor(picture), 2).numpy()
    np.testing.assert_array_equal(columns, images.im2col(picture, 2).reshape(columns.shape))
    np.testing.assert_array_equal(reductions.max_gradient(np.ones(1), np.array([[1.0, 1.0]])), [[0.5, 0.5]])


def _run(optimizer_of, w, gradients):  # type: ignore[no-untyped-def]
    weight = torch.tensor(w, requires_grad=True)
    optimizer = optimizer_of([weight])
    for g in gradients:
        weight.grad = torch.tensor(g)
        optimizer.step()
    return weight.detach().numpy()


def test_optimizers_are_the_librarys() -> None:
    r = Random(0)
    w, gradients = r(3), r(5, 3)
    expected = {
        "sgd": _run(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.3), w, gradients),
        "momentum": _run(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8), w, gradients),
        "adam": _run(lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=0.01), w, gradients),
    }
    sgd = momentum = adam = w
    v = m = u = np.zeros(3)
    for t, g in enumerate(gradients, 1):
        sgd = optimizers.sgd_step(sgd, g, 0.1, 0.3)
        momentum, v = optimizers.momentum_step(momentum, g, v, 0.1, 0.8)
        adam, m, u = optimizers.adam_step(adam, g, m, u, t, 0.1, 0.8, 0.95, 0.01)
    for name, got in (("sgd", sgd), ("momentum", momentum), ("adam", adam)):
        np.testing.assert_allclose(got, expected[name], rtol=1e-9)


def test_the_backward_loops_differences_are_exact_enough_whatever_is_drawn() -> None:
    """Values far from 1 leave a difference no digits, and a right loop would be refused."""
    for seed in range(400):
        for title, leaves, program in tape.programs(Random(seed)):
            values = tape._tensors(leaves, program)
            for k, value in enumerate(values):
                expected = tape._numerical(leaves, program, k)
                got = None if value.grad is None else value.grad.item()
                assert got == (None if expected is None else pytest.approx(expected, rel=5e-6, abs=5e-6)), (seed, title, k)
