"""Every differentiable operation, and the few that are not: kernel, rule and public function side by side."""
from ..autograd.backward import clone
from ..autograd.broadcast import sum_to
from .elementwise import *  # noqa: F403
from .elementwise import abs, pow, round
from .create import *  # noqa: F403
import importlib, types
for _m in ("reduce","shape","arrange","index","linalg","activation","loss","norm"):
    try:
        _mod = importlib.import_module(f"tinygrad_fm.ops.{_m}")
        globals().update({k:v for k,v in vars(_mod).items() if not k.startswith("_") and callable(v) and getattr(v,"__module__","").startswith("tinygrad_fm") })
    except ModuleNotFoundError as e:
        if _m not in str(e): raise
def __getattr__(name):
    if name.startswith("__"): raise AttributeError(name)
    def missing(*a, **k): raise NotImplementedError(name)
    missing.__name__ = name
    return missing
