"""Random numbers: generators that can be seeded, saved and restored.

The streams are NumPy's PCG64, not PyTorch's: the same seed gives the same numbers on every platform, but not PyTorch's.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .device import check_device


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

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to ``seed``, any integer; returns the generator."""
        self._seed = int(seed)
        self.bits = np.random.Generator(np.random.PCG64(self._seed % 2**128))
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee; returns its seed."""
        self.manual_seed(int(np.random.SeedSequence().entropy) % 2**63)  # type: ignore[arg-type]
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the current stream."""
        return self._seed

    def get_state(self) -> str:
        """The position in the stream, as text."""
        return json.dumps({"seed": self._seed, "bits": self.bits.bit_generator.state})

    def set_state(self, state: str) -> Generator:
        """Go to a position that :meth:`get_state` returned. Raises ValueError for anything else."""
        try:
            read = json.loads(state)
            self.manual_seed(read["seed"])
            self.bits.bit_generator.state = read["bits"]
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"expected a state made by Generator.get_state(), got {str(state)[:60]!r}") from error
        return self


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything draws that is not given one of its own; returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator unforeseeably; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> str:
    """The state of the default generator, as text."""
    return default_generator.get_state()


def set_rng_state(state: str) -> None:
    """Restore the default generator to a state from :func:`get_rng_state`."""
    default_generator.set_state(state)


def bits(generator: Generator | None = None) -> np.random.Generator:
    """NumPy's generator behind ``generator``, or behind the default one."""
    return (generator or default_generator).bits
