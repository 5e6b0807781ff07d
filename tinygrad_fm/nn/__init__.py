"""Modules, their parameters and how they start: PyTorch's ``torch.nn``."""

from ..outside import refuse
from . import functional, init, modules, parallel, utils
from .modules import *
from .parallel import DataParallel
from .parameter import Parameter

__all__ = ["DataParallel", "Parameter", "functional", "init", "modules", "parallel", "utils"]
__all__ += modules.__all__

__getattr__ = refuse("torch.nn")
