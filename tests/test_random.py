"""Generators: their state as a tensor, old states, forks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tests.platforms import needs_processes
from tinygrad_fm.data import RandomErasing, RandomHorizontalFlip, RandomShift


def test_resuming_as_pytorch_code_does(tmp_path: Path) -> None:
    torch.manual_seed(1)
    torch.rand(3)
    torch.save({"rng": torch.get_rng_state()}, tmp_path / "checkpoint")
    expected = torch.randn(4), torch.randperm(10)
    state = torch.load(tmp_path / "checkpoint", map_location="cpu")["rng"].cpu().clone()
    assert (state.dtype, state.ndim) == (torch.uint8, 1)
    torch.set_rng_state(state)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.randn(4), expected[0])
    assert torch.equal(torch.randperm(10), expected[1])
    assert not torch.equal(torch.get_rng_state(), state)


def test_a_generators_state() -> None:
    g = torch.Generator(device="cpu").manual_seed(2**63)
    torch.rand(3, generator=g)
    state = g.get_state()
    expected = torch.rand(5, generator=g)
    other = torch.Generator()
    assert other.set_state(state) is other
    assert torch.equal(torch.rand(5, generator=other), expected)
    assert other.initial_seed() == 2**63
    assert str(g.device) == "cpu"
    copied = other.clone_state()
    assert torch.equal(torch.rand(2, generator=copied), torch.rand(2, generator=other))
    states = torch.stack([torch.Generator().manual_seed(seed).get_state() for seed in (0, 7, -(2**62))])  # of one length
    assert states.shape[0] == 3


def test_a_state_does_not_change_with_its_generator() -> None:
    state = torch.get_rng_state()
    kept = state.clone()
    torch.rand(1)
    assert torch.equal(state, kept)


def test_states_that_were_text_still_load() -> None:
    """Up to now a state was the text of its contents; checkpoints have such."""
    g = torch.Generator().manual_seed(5)
    torch.rand(3, generator=g)
    text = json.dumps({"seed": 5, "bits": g.bits.bit_generator.state})
    assert torch.equal(torch.rand(2, generator=torch.Generator().set_state(text)), torch.rand(2, generator=g))


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (torch.zeros(256, dtype=torch.uint8), RuntimeError, "expected a state made by"),
        (torch.zeros(0, dtype=torch.uint8), RuntimeError, "got 0 bytes"),
        (torch.zeros(4), TypeError, "a tensor of float32"),
        ([1, 2], TypeError, "a tensor of int"),
        (None, TypeError, "got NoneType"),
        ("{}", RuntimeError, "expected a state"),
        ('{"seed": 1, "bits": {"bit_generator": "MT19937"}}', RuntimeError, "expected a state"),
        ("[" * 100_000, RuntimeError, "expected a state"),
    ],
)
def test_what_is_no_state(state: Any, error: type[Exception], words: str) -> None:
    before = torch.get_rng_state()
    with pytest.raises(error, match=words):
        torch.set_rng_state(state)
    assert torch.equal(torch.get_rng_state(), before)


def test_fork_rng() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with torch.random.fork_rng(devices=[], enabled=True):
        torch.rand(100)
        torch.manual_seed(4)
    assert torch.equal(torch.rand(2), expected)
    with pytest.raises(ZeroDivisionError), torch.random.fork_rng():
        torch.rand(1)
        1 / 0  # noqa: B018
    state = torch.get_rng_state()
    with torch.random.fork_rng(enabled=False):
        torch.rand(1)
    assert not torch.equal(torch.get_rng_state(), state)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@needs_processes
def test_a_fork_while_another_thread_draws() -> None:
    """The other thread holds the generators' locks at the fork, and is not there afterwards to let go."""
    program = """
import os, signal, threading, warnings
warnings.simplefilter("ignore")
import tinygrad_fm as torch
torch.manual_seed(0)
own = torch.Generator().manual_seed(1)
held, done = threading.Event(), threading.Event()
def draw():
    with torch.random.default_generator.bits.bit_generator.lock, own.bits.bit_generator.lock:
        held.set()
        done.wait()
thread = threading.Thread(target=draw)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)  # ends a child that hangs
    torch.nn.Linear(3, 3)
    numbers = torch.rand(2).tolist() + torch.rand(2, generator=own).tolist()
    print(numbers, flush=True)
    os._exit(0)
done.set()
thread.join()
status = os.waitpid(child, 0)[1]
torch.nn.Linear(3, 3)
print(torch.rand(2).tolist() + torch.rand(2, generator=own).tolist())
raise SystemExit(status)
"""
    run = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    of_child, of_parent = run.stdout.splitlines()
    assert of_child == of_parent  # both go on from the same position


def test_streams_are_as_they_were() -> None:
    """The numbers of a seed stay the same from version to version: runs are repeated by them."""
    g = torch.Generator().manual_seed(0)
    np.testing.assert_array_equal(g.bits.integers(0, 1000, 4), np.random.Generator(np.random.PCG64(0)).integers(0, 1000, 4))


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: torch.randperm(-1), RuntimeError, "cannot be negative, got -1"),
        (lambda: torch.randperm(2.5), TypeError, "must be int, not float"),
        (lambda: torch.randperm(True), TypeError, "must be int, not bool"),
        (lambda: torch.randperm(300, dtype=torch.uint8), RuntimeError, "uint8 cannot hold the numbers up to 299"),
        (lambda: torch.bernoulli(torch.tensor([0.5, 2.0])), RuntimeError, "from 0 to 1"),
        (lambda: torch.bernoulli(torch.tensor([-0.1])), RuntimeError, "from 0 to 1"),
        (lambda: torch.bernoulli(torch.tensor([float("nan")])), RuntimeError, "from 0 to 1"),
        (lambda: torch.zeros(2).bernoulli_(1.5), RuntimeError, "got p=1.5"),
        (lambda: torch.zeros(2).random_(0), RuntimeError, "low must be below high, got 0 and 0"),
        (lambda: torch.rand(2, generator=3), TypeError, "a generator must be a Generator, got int"),
        (lambda: torch.Generator().manual_seed(1.5), RuntimeError, "expected a long, but got float"),
    ],
)
def test_what_cannot_be_drawn(draw: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw()


def test_seeds_as_pytorch_counts_them() -> None:
    assert torch.manual_seed(-1).initial_seed() == torch.initial_seed() == 2**64 - 1
    assert torch.manual_seed(1.5).initial_seed() == 1
    assert torch.randperm(256, dtype=torch.uint8).max().item() == 255
    assert torch.randperm(0).tolist() == []


def test_multinomial_of_no_rows() -> None:
    assert torch.multinomial(torch.ones(0, 3), 2, True).shape == (0, 2)


SHARED: dict[str, Any] = {
    "dropout": lambda x: F.dropout(x, 0.3),
    "dropout of a half": lambda x: F.dropout(x, 0.5),
    "dropout2d": lambda x: F.dropout2d(x, 0.5),
    "alpha_dropout": lambda x: F.alpha_dropout(x, 0.3, training=True),
    "feature_alpha_dropout": lambda x: F.feature_alpha_dropout(x, 0.3, training=True),
    "rrelu": lambda x: F.rrelu(-x, training=True),
    "in place": lambda x: F.dropout(x.clone(), 0.3, inplace=True),
    "flip": lambda x: as_images(RandomHorizontalFlip(), x),
    "shift": lambda x: as_images(RandomShift(2), x),
    "erase": lambda x: as_images(RandomErasing(0.7), x),
}


def as_images(transform: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(transform.batch(np.ascontiguousarray(x.numpy()[:, 0])))


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0)], ids=["batch first", "batch last"])
def test_parts_of_a_batch_draw_what_the_whole_draws(name: str, order: tuple[int, ...]) -> None:
    """Also what is drawn afterwards is the same, and nothing is changed by a batch of another size."""
    shape = [(11, 3, 9, 8)[axis] for axis in order]
    whole = torch.from_numpy(np.random.default_rng(0).random(shape, np.float32).transpose(np.argsort(order)))
    torch.manual_seed(5)
    expected, after = SHARED[name](whole), torch.rand(3)
    for start, stop in ((0, 4), (4, 6), (6, 11)):
        # of the same memory order, as a layer's result on a part is
        part = torch.from_numpy(whole.numpy()[start:stop].copy("K"))
        torch.manual_seed(5)
        with torch.random.share_of_batch(start, stop, 11):
            assert torch.equal(SHARED[name](part), expected[start:stop])
        assert torch.equal(torch.rand(3), after)
        torch.manual_seed(5)
        with torch.random.share_of_batch(start, stop, 11):
            assert torch.equal(SHARED[name](whole), expected)
