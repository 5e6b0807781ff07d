"""``tinygrad_fm.data`` under the name PyTorch users look for."""

from ...data import *
from ...data import __all__
from ...outside import refuse
from . import dataloader, dataset, sampler

__getattr__ = refuse("torch.utils.data")
