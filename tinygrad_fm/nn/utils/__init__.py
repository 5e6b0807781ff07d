"""Helpers for training: clipping gradients, parameters as one vector, normalised weights, padded sequences."""

from ...torch_compat.left_out import refuse
from . import clip_grad, convert_parameters, rnn
from .clip_grad import *
from .convert_parameters import *
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

__all__ = ["remove_spectral_norm", "remove_weight_norm", "rnn", "spectral_norm", "weight_norm"]
__all__ += clip_grad.__all__
__all__ += convert_parameters.__all__

__getattr__ = refuse("torch.nn.utils")
