"""torchvision's transforms for small images, on tensors, arrays and Pillow images; `functional` has them as functions."""

from typing import TYPE_CHECKING

from ...torch_compat.left_out import refuse
from . import functional, transforms
from .transforms import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__ = ["functional"]
    __all__ += transforms.__all__
__getattr__ = refuse("torchvision.transforms")
