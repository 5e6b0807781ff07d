"""Optimizers and learning-rate schedules, with PyTorch's names, arguments and numerics."""

from typing import TYPE_CHECKING

from ..torch_compat.left_out import refuse
from . import lr_scheduler, swa_utils
from . import adadelta, adafactor, adagrad, adam, adamax, asgd, lbfgs, muon, nadam, radam, rmsprop, rprop, sgd
from .adadelta import *
from .adafactor import *
from .adagrad import *
from .adam import *
from .adamax import *
from .asgd import *
from .lbfgs import *
from .muon import *
from .nadam import *
from .optimizer import Optimizer
from .radam import *
from .rmsprop import *
from .rprop import *
from .sgd import *

if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__ = ["Optimizer", "lr_scheduler", "swa_utils"]
    __all__ += adadelta.__all__ + adafactor.__all__ + adagrad.__all__ + adam.__all__ + adamax.__all__ + asgd.__all__
    __all__ += lbfgs.__all__ + muon.__all__ + nadam.__all__ + radam.__all__ + rmsprop.__all__ + rprop.__all__ + sgd.__all__

__getattr__ = refuse("torch.optim")
