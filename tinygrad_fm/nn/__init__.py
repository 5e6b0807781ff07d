"""Modules, their parameters and how they start: PyTorch's ``torch.nn``."""

from ..outside import refuse
from . import functional, init, modules, utils
from .modules import *  # noqa: F403
from .parameter import Parameter

__all__ = ["Parameter", "functional", "init", "modules", "utils"]
__all__ += modules.__all__

__getattr__ = refuse("torch.nn")
