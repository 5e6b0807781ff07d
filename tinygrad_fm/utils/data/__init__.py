"""``tinygrad_fm.data`` under the name PyTorch users look for."""

from ...data import *
from ...data import __all__ as _names
from ...outside import refuse
from . import dataloader, dataset, sampler

__all__ = list(_names)

__getattr__ = refuse("torch.utils.data")
