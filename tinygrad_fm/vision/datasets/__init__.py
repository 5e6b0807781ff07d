"""torchvision's data sets of small pictures, and pictures in folders."""

from typing import TYPE_CHECKING

from ...torch_compat.left_out import refuse
from . import cifar, folder, mnist
from .cifar import *
from .folder import *
from .mnist import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__: list[str] = []
    __all__ += cifar.__all__ + folder.__all__ + mnist.__all__
__getattr__ = refuse("torchvision.datasets")
