"""What the transforms share: they print their settings, and draw from the default generator."""

from __future__ import annotations

from typing import Any

from ...random import bits
from .functional import InterpolationMode


class _Change:
    """What the transforms here share: they print their settings."""

    _shown: tuple[str, ...] = ()

    def __call__(self, img: Any) -> Any:
        """The changed image."""
        raise NotImplementedError

    def forward(self, img: Any) -> Any:
        """As the call, for code that treats transforms as modules."""
        return self(img)

    def __repr__(self) -> str:
        shown = (f"{name}={_plain(getattr(self, name))}" for name in self._shown)
        return f"{type(self).__name__}({', '.join(shown)})"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, InterpolationMode) else value


def _happens(p: float) -> bool:
    return bool(bits().random() < p)


def _uniform(low: float, high: float) -> float:
    return float(bits().uniform(low, high)) if high > low else float(low)


def _whole(low: int, high: int) -> int:
    """From ``low`` to ``high``, both possible."""
    return int(bits().integers(low, high + 1))


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"a probability must be between 0 and 1, got p={p}")
    return p
