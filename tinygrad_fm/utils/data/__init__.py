"""``tinygrad_fm.data`` under the name PyTorch users look for."""

from ...data import *
from ...data import __all__
from ...torch_compat.left_out import refuse
from . import dataloader, dataset, sampler

__getattr__ = refuse("torch.utils.data")
