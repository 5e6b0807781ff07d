"""PyTorch's ``torch.utils``, as far as it goes here."""

from ..outside import refuse
from . import checkpoint, data

__all__ = ["checkpoint", "data"]

__getattr__ = refuse("torch.utils")
