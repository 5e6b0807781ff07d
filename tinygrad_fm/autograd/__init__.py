"""The tape: recording operations, and going back through them."""

from ..promotion import promote, promote_float, same_dtype
from . import graph
from . import modes as grad_mode
from .anomaly import debug, detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .backward_pass import backward, grad
from .function import Function
from .gradcheck import gradcheck, gradgradcheck
from .hooks import OpCall, op_hook
from .modes import composed, enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .primitives import fused, primitive
from .source_lines import record_places

__all__ = [
    "Function",
    "OpCall",
    "backward",
    "composed",
    "debug",
    "detect_anomaly",
    "enable_grad",
    "fused",
    "grad",
    "graph",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "op_hook",
    "primitive",
    "promote",
    "promote_float",
    "record_places",
    "same_dtype",
    "set_detect_anomaly",
    "set_grad_enabled",
]
