"""``compile``: a model whose calls are replayed as kernels on bare arrays, for inference.

What is recorded and when it is replayed is in ``replay``, what becomes of batch norm, ReLU and addition in ``replay_plan``.
https://pytorch.org/docs/stable/generated/torch.compile.html
"""

from __future__ import annotations

from typing import Any

from .nn import Module
from .replay import Replayer, checked_options

__all__ = ["OptimizedModule", "compile"]


class OptimizedModule(Module):
    """What :func:`compile` returns: a module that computes what ``_orig_mod`` does, with its attributes and its mode.

    Names in its ``state_dict()`` begin with ``_orig_mod.``, as PyTorch's do. Printed, it says what is done for each kind of
    input that it was called with.
    """

    def __init__(self, mod: Module, fullgraph: bool = False) -> None:
        super().__init__()
        self._modules["_orig_mod"] = mod
        self.__dict__["forward"] = Replayer(mod, mod, fullgraph)

    @property
    def training(self) -> bool:
        """The original module's mode."""
        mod = self._modules.get("_orig_mod")
        return mod is None or mod.training

    @training.setter
    def training(self, mode: bool) -> None:
        mod = self._modules["_orig_mod"]
        assert mod is not None
        mod.training = mode

    def __getattr__(self, name: str) -> Any:
        modules = self.__dict__.get("_modules", {})
        return getattr(modules["_orig_mod"], name) if name != "_orig_mod" and modules else super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._modules["_orig_mod"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._modules["_orig_mod"], name)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "forward": self.__dict__["forward"]}

    def extra_repr(self) -> str:
        """What is done for each kind of input that came."""
        return "\n".join(self.__dict__["forward"].describe())


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """A module that computes what ``model`` does, in evaluation without gradients by replaying its kernels.

    The first call with inputs of some shapes runs the model and records what it does. Later calls with such inputs run the
    kernels on bare arrays: nothing is dispatched, batch norm is part of the convolution or linear layer before it, ReLU and
    addition write into arrays that nothing else reads. Results are the same to rounding. A parameter that was written to is
    read anew; whatever else was changed, a mode, an attribute, a parameter's place, makes the model be recorded again.

    The model runs as it is where gradients are wanted or a module is in training mode; where Python was given a tensor's value;
    where random numbers were drawn, an attribute, a buffer or an input was written to, or a module has hooks; and where an
    operation is not known to compute the same of the same inputs (lookups by index, labels, sorting, decompositions). Print the
    result to see which it was. Not looked at: the clock, files, what other libraries' functions
    keep, and arrays that NumPy writes to behind a parameter's back.

    Args:
        model: a module. A function is returned as it is. Without it, a decorator.
        fullgraph: raise RuntimeError, with the reason, where the model would run as it is, but for training.
        dynamic: taken, and changes nothing: each shape is recorded when it first comes.
        backend: "inductor", the name of PyTorch's default, for the above; "eager" for the model as it is.
        mode, options: taken as PyTorch's are, and change nothing.
        disable: return the model itself.

    Raises:
        TypeError: neither a module nor a function. ValueError: another backend. RuntimeError: another mode, or mode with
            options.

    Source: https://pytorch.org/docs/stable/generated/torch.compile.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    >>> fast = torch.compile(model)
    >>> with torch.no_grad():
    ...     first, second = fast(torch.ones(1, 1, 8, 8)), fast(torch.ones(1, 1, 8, 8))
    >>> torch.allclose(first, second)
    True
    >>> print(fast)
    OptimizedModule(
      (1, 1, 8, 8) float32: 3 operations as 2 kernels, 1 batch norm folded, 1 in place
      (_orig_mod): Sequential(
        (0): Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1))
        (1): BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
        (2): ReLU()
      )
    )
    """
    chosen = checked_options(fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable)

    def wrap(model: Any) -> Any:
        if not callable(model):
            raise TypeError(f"compile(): expected a module or a function, got {type(model).__name__}")
        if chosen.disable or not isinstance(model, Module):
            return model
        return OptimizedModule(model, chosen.fullgraph)

    return wrap if model is None else wrap(model)
