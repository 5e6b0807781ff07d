"""Garments drawn by the program, for machines with no network and no files."""

from .dataset import SyntheticFashion

__all__ = ["SyntheticFashion"]
