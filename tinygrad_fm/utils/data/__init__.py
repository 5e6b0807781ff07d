"""``tinygrad_fm.data`` under the name PyTorch users look for."""

from typing import TYPE_CHECKING

from ...data import *
from ...torch_compat.left_out import refuse
from . import dataloader, dataset, distributed, sampler  # type: ignore[no-redef]

if not TYPE_CHECKING:  # as in data
    from ...data import __all__

__getattr__ = refuse("torch.utils.data")
