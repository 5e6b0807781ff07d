"""The loader under the name of PyTorch's file."""

from ...data.collate import default_collate
from ...data.loader import DataLoader
from ...data.worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "get_worker_info"]
