"""PyTorch's ``torch.utils``, as far as it goes here."""

from ..torch_compat.left_out import refuse
from . import dlpack, checkpoint, data
from .images import make_grid, save_image

__all__ = ["checkpoint", "data", "dlpack", "make_grid", "save_image"]

__getattr__ = refuse("torch.utils")
