"""Several threads: shared leaves sum exactly, shared inner nodes need ``retain_graph``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import tinygrad_fm as torch
from tests.platforms import needs_threads

pytestmark = needs_threads


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Run ``work(i)`` in ``count`` threads that start together; their results, or the exceptions they raised."""
    gate = threading.Barrier(count)

    def run(i: int) -> object:
        gate.wait()
        try:
            return work(i)
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_concurrent_backwards_that_share_leaves_sum_exactly() -> None:
    x = torch.ones(50, dtype=torch.float64, requires_grad=True)

    def work(i: int) -> None:
        for _ in range(50):
            ((x * (i + 1)).exp().log() * 1).sum().backward()

    assert in_threads(8, work) == [None] * 8
    np.testing.assert_allclose(x.grad.numpy(), np.full(50, 50.0 * sum(range(1, 9))))


def test_the_first_gradients_race() -> None:
    for _ in range(30):
        x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        in_threads(4, lambda i, x=x: (x * 1).sum().backward())
        np.testing.assert_array_equal(x.grad.numpy(), np.full(3, 4.0))


def test_a_shared_graph_with_retain_graph() -> None:
    x = torch.ones(20, dtype=torch.float64, requires_grad=True)
    y = (x * 3).tanh().sum()
    in_threads(6, lambda i: y.backward(retain_graph=True))
    np.testing.assert_allclose(x.grad.numpy(), np.full(20, 6 * 3 * (1 - np.tanh(3.0) ** 2)))


def test_a_shared_graph_without_it_raises_or_is_right() -> None:
    """One thread at most gets through; the others are told, and nobody gets a silent wrong number."""
    for _ in range(20):
        x = torch.ones(20, dtype=torch.float64, requires_grad=True)
        trunk = (x * 3).tanh()
        losses = [(trunk * (i + 1)).sum() for i in range(4)]
        found = in_threads(4, lambda i, losses=losses: losses[i].backward())
        factor = sum(i + 1 for i, result in enumerate(found) if result is None)
        slope = 3 * (1 - np.tanh(3.0) ** 2)
        got = np.zeros(20) if x.grad is None else x.grad.numpy()
        np.testing.assert_allclose(got, np.full(20, factor * slope))


def test_threads_that_record_and_differentiate_apart() -> None:
    def work(i: int) -> float:
        x = torch.full((10,), float(i), dtype=torch.float64, requires_grad=True)
        for _ in range(20):
            x.grad = None
            h = x * 2
            h[::2].mul_(3)
            h.sum().backward()
        return float(x.grad.sum())

    assert in_threads(6, work) == [5 * 2 + 5 * 6] * 6
