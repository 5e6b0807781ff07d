"""Modules, their parameters and how they start: PyTorch's ``torch.nn``."""

from typing import TYPE_CHECKING

from ..torch_compat.left_out import refuse
from . import functional, init, modules, parallel, parameter, utils
from .modules import *
from .parallel import DataParallel
from .parameter import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__ = ["DataParallel", "functional", "init", "modules", "parallel", "parameter", "utils"]
    __all__ += modules.__all__
    __all__ += parameter.__all__

__getattr__ = refuse("torch.nn")
