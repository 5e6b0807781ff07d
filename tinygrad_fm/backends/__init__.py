"""Which libraries of PyTorch's compute here: none; the switches that code sets may be set, without effect."""

from ..torch_compat.left_out import refuse
from . import cudnn, mps

__all__ = ["cudnn", "mps"]

__getattr__ = refuse("torch.backends")
