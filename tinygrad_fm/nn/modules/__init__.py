"""The layers, a kind to a file under PyTorch's names; each file lists in ``__all__`` what it offers."""

from typing import TYPE_CHECKING

from . import (
    activation,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    embedding,
    flatten,
    fold,
    instancenorm,
    lazy,
    linear,
    loss,
    module,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    transformer,
    upsampling,
)
from .activation import *
from .batchnorm import *
from .channelshuffle import *
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .embedding import *
from .flatten import *
from .fold import *
from .instancenorm import *
from .linear import *
from .loss import *
from .module import *
from .normalization import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .rnn import *
from .transformer import *
from .upsampling import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__: list[str] = []
    __all__ += activation.__all__
    __all__ += batchnorm.__all__
    __all__ += channelshuffle.__all__
    __all__ += container.__all__
    __all__ += conv.__all__
    __all__ += distance.__all__
    __all__ += dropout.__all__
    __all__ += embedding.__all__
    __all__ += flatten.__all__
    __all__ += fold.__all__
    __all__ += instancenorm.__all__
    __all__ += linear.__all__
    __all__ += loss.__all__
    __all__ += module.__all__
    __all__ += normalization.__all__
    __all__ += padding.__all__
    __all__ += pixelshuffle.__all__
    __all__ += pooling.__all__
    __all__ += rnn.__all__
    __all__ += transformer.__all__
    __all__ += upsampling.__all__
