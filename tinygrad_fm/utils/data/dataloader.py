"""The loader under the name of PyTorch's file."""

from ...data import DataLoader, default_collate

__all__ = ["DataLoader", "default_collate"]
