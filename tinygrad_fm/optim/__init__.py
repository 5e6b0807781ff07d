"""Optimizers and learning-rate schedules, with PyTorch's names, arguments and numerics."""

from ..outside import refuse
from . import lr_scheduler, swa_utils
from .adadelta import *
from .adagrad import *
from .adam import *
from .adamax import *
from .nadam import *
from .optimizer import *
from .radam import *
from .rmsprop import *
from .sgd import *

__getattr__ = refuse("torch.optim")
