"""Data sets, loaders and transforms; also importable as ``tinygrad_fm.utils.data``, PyTorch's name for it."""

from typing import TYPE_CHECKING

from . import (
    augment,
    cache,
    collate,
    dataset,
    distributed,
    download,
    fashion_mnist,
    image_dataset,
    loader,
    sampler,
    sources,
    synthetic,
    transforms,
    worker,
)
from .augment import *
from .cache import *
from .collate import *
from .dataset import *
from .distributed import *
from .download import *
from .fashion_mnist import *
from .image_dataset import *
from .loader import *
from .sampler import *
from .sources import *
from .synthetic import *
from .transforms import *
from .worker import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__ = (
        augment.__all__
        + cache.__all__
        + collate.__all__
        + dataset.__all__
        + distributed.__all__
        + download.__all__
        + fashion_mnist.__all__
        + image_dataset.__all__
        + loader.__all__
        + sampler.__all__
        + sources.__all__
        + synthetic.__all__
        + transforms.__all__
        + worker.__all__
    )
