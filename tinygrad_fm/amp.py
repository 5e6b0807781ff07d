"""Mixed precision, which pays on GPUs only: here it is off, in the form in which PyTorch's code turns it off.

https://pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from .torch_compat.left_out import PAGE

__all__ = ["GradScaler", "autocast"]


class autocast(ContextDecorator):
    """``autocast(device, enabled=False)``, or for a GPU: a context manager and decorator without effect.

    Raises RuntimeError for the CPU unless ``enabled`` is False: half precision on a CPU is slower, and bfloat16 is left out.

    >>> import tinygrad_fm as torch
    >>> with torch.amp.autocast("cpu", enabled=False):
    ...     print((torch.ones(2, 3) @ torch.ones(3, 2)).dtype)
    torch.float32
    """

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None) -> None:
        if enabled and device_type == "cpu":
            raise RuntimeError(f"autocast('cpu') is left out; use enabled=False, or float32 throughout (see {PAGE})")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


class GradScaler:
    """PyTorch's scaler of losses as it is without a GPU: disabled, so that every method hands through what it gets.

    >>> import tinygrad_fm as torch
    >>> scaler = torch.amp.GradScaler("cpu")
    >>> scaler.is_enabled(), scaler.scale(torch.tensor(2.0))
    (False, tensor(2.))
    """

    def __init__(self, device: str = "cuda", *_: Any, enabled: bool = True, **__: Any) -> None:
        self.device = device

    def is_enabled(self) -> bool:
        """False."""
        return False

    def get_scale(self) -> float:
        """1: losses are as they are."""
        return 1.0

    def scale(self, outputs: Any) -> Any:
        """``outputs`` as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(…)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing, of an empty state."""
