"""Random numbers: generators that can be seeded, saved and restored.

The streams are NumPy's PCG64, not PyTorch's: the same seed gives the same numbers on every platform, but not PyTorch's.
"""

from __future__ import annotations

import json
import operator
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .autograd.box import box
from .autograd.modes import state
from .devices import CPU, check_device

_STATE_BYTES = 256  # a state has about 200, and all of one length can be compared and stacked; JSON ignores the spaces

_generators: weakref.WeakSet[Generator] = weakref.WeakSet()  # for the child of a fork


class Generator:
    """A source of random numbers with its own state.

    Args:
        device: "cpu".

    Attributes:
        bits: the ``numpy.random.Generator`` that draws.

    >>> g = Generator().manual_seed(0)
    >>> a = g.bits.random(); _ = g.manual_seed(0); a == g.bits.random()
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self.manual_seed(0)
        _generators.add(self)

    @property
    def device(self) -> Any:
        """The CPU."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to ``seed``, any integer; returns the generator. Raises RuntimeError for others."""
        try:
            self._seed = operator.index(seed)
        except TypeError as error:
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}") from error
        self.bits = np.random.Generator(np.random.PCG64(self._seed % 2**128))
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee; returns its seed."""
        self.manual_seed(int(np.random.SeedSequence().entropy) % 2**63)  # type: ignore[arg-type]
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the current stream; a negative one as PyTorch counts it, in 64 bits."""
        return self._seed if self._seed >= 0 else self._seed % 2**64

    def get_state(self) -> Any:
        """The position in the stream: a uint8 tensor, of one length for all seeds of 64 bits."""
        text = json.dumps({"seed": self._seed, "bits": self.bits.bit_generator.state})
        return box(np.frombuffer(text.ljust(_STATE_BYTES).encode(), np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Go to a position that :meth:`get_state` returned, now or, as text, in earlier versions.

        Raises:
            TypeError: for what is neither a uint8 tensor nor text.
            RuntimeError: for contents that are no state; the generator is where it was.
        """
        if not isinstance(new_state, str | bytes):
            array = np.asarray(new_state)
            if array.dtype != np.uint8:
                kind = f"a tensor of {array.dtype}" if array.dtype != object else type(new_state).__name__
                raise TypeError(f"expected a state as a uint8 tensor, as Generator.get_state() gives it, but got {kind}")
            new_state = array.tobytes()
        try:
            read = json.loads(new_state)
            seed, bits = int(read["seed"]), np.random.PCG64(0)
            bits.state = read["bits"]
        except (TypeError, KeyError, ValueError, OverflowError, RecursionError) as error:
            raise RuntimeError(
                f"expected a state made by Generator.get_state(), got {len(new_state)} bytes that begin with {new_state[:40]!r}"
            ) from error
        self._seed, self.bits = seed, np.random.Generator(bits)
        return self

    def clone_state(self) -> Generator:
        """A new generator at the same position."""
        return Generator().set_state(self.get_state())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _generators.add(self)  # a copy's lock is its own

    def _renew_lock(self) -> None:
        """In the child of a fork: another thread of the parent may have been drawing, and held NumPy's lock."""
        bits = np.random.PCG64(0)
        bits.state = self.bits.bit_generator.state  # type: ignore[assignment]
        self.bits = np.random.Generator(bits)


def _after_fork() -> None:
    for generator in tuple(_generators):
        generator._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything draws that is not given one of its own; returns it.

    >>> import tinygrad_fm as torch
    >>> _ = torch.manual_seed(0)
    >>> a = torch.rand(2)
    >>> _ = torch.manual_seed(0)
    >>> torch.equal(a, torch.rand(2))
    True
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator unforeseeably; returns the seed.

    >>> import tinygrad_fm as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator.

    >>> import tinygrad_fm as torch
    >>> isinstance(torch.initial_seed(), int)
    True
    """
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The state of the default generator: a uint8 tensor.

    >>> state = get_rng_state()
    >>> first = bits().random()
    >>> set_rng_state(state.clone())
    >>> bits().random() == first
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Restore the default generator to a state from :func:`get_rng_state`; raises as :meth:`Generator.set_state` does.

    >>> import tinygrad_fm as torch
    >>> state = torch.get_rng_state()
    >>> a = torch.rand(2)
    >>> torch.set_rng_state(state)
    >>> torch.equal(a, torch.rand(2))
    True
    """
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Iterable[Any] | None = None, enabled: bool = True, **others: Any) -> Iterator[None]:
    """Within the block numbers are drawn as they come; after it, the default generator is where it was before.

    Args:
        devices: accepted, without effect, as are PyTorch's further arguments: there is the CPU alone.
        enabled: False does nothing.

    >>> state = get_rng_state()
    >>> with fork_rng():
    ...     _ = manual_seed(3)
    >>> (get_rng_state() == state).all().item()
    True
    """
    if not enabled:
        yield
        return
    before = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(before)


def bits(generator: Generator | None = None) -> np.random.Generator:
    """NumPy's generator behind ``generator``, or behind the default one."""
    if not state.may_draw:
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if generator is None:
        return default_generator.bits
    if not isinstance(generator, Generator):
        raise TypeError(f"a generator must be a Generator, got {type(generator).__name__}")
    return generator.bits


# -- one batch, several processes --------------------------------------------------------------------------------------


class _Share(threading.local):
    rows: tuple[int, int, int] | None = None  # first and last + 1 of the samples that are here, and of how many


_share = _Share()


@contextmanager
def share_of_batch(start: int, stop: int, total: int) -> Iterator[None]:
    """Within the block, batches of ``stop - start`` samples are rows ``start`` to ``stop`` of a batch of ``total``, and what is
    drawn for them is what the whole batch would draw there: processes that share a batch and begin with one seed draw what
    one process would.

    Dropout, ``rrelu`` and the augmentations heed it.

    >>> _ = manual_seed(0)
    >>> whole = draw_samples(4, lambda n: bits().random(n))
    >>> _ = manual_seed(0)
    >>> with share_of_batch(2, 4, total=4):
    ...     part = draw_samples(2, lambda n: bits().random(n))
    >>> (part == whole[2:]).all()
    np.True_
    """
    before, _share.rows = _share.rows, (start, stop, total)
    try:
        yield
    finally:
        _share.rows = before


def draw_samples(count: int, draw: Callable[[int], Any], axis: int = -1) -> Any:
    """``draw(count)``, an array with a row, along ``axis``, for each of ``count`` samples; within :func:`share_of_batch` the
    rows of those that are here."""
    rows = _share.rows
    if rows is None or count != rows[1] - rows[0]:
        return draw(count)
    found = draw(rows[2])
    index: list[Any] = [slice(None)] * found.ndim
    index[axis] = slice(rows[0], rows[1])
    return found[tuple(index)]
