"""Schedules of the learning rate, with PyTorch's names and values."""

from . import base, chained, cosine, cyclic, plateau, step
from .base import *
from .base import LRScheduler
from .chained import *
from .cosine import *
from .cyclic import *
from .plateau import *
from .step import *

__all__ = base.__all__ + chained.__all__ + cosine.__all__ + cyclic.__all__ + plateau.__all__ + step.__all__

_LRScheduler = LRScheduler  # its name in older PyTorch code
