"""Switches of NVIDIA's library, which is not here. Results are the same every time in any case."""

from __future__ import annotations

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None."""
