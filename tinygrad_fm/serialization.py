"""``save`` and ``load``."""

from .formats.npz import load, load_parts, save

__all__ = ["load", "load_parts", "save"]
