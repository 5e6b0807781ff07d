"""What code asks about a GPU before it does without one: there is none. https://pytorch.org/docs/stable/cuda.html"""

from __future__ import annotations

from typing import Any

from ..torch_compat.left_out import refuse
from . import amp

__all__ = [
    "amp",
    "current_device",
    "device_count",
    "empty_cache",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """False.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.is_available()
    False
    """
    return False


is_initialized = is_bf16_supported = is_available


def device_count() -> int:
    """None at all.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.device_count()
    0
    """
    return 0


def current_device() -> Any:
    """Raises RuntimeError: there is no GPU.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
    'cpu'
    """
    raise RuntimeError("there is no GPU here: torch.cuda.is_available() is False, and the only device is 'cpu'")


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator on a GPU. The CPU's is seeded by ``torch.manual_seed``.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.manual_seed_all(0)
    >>> torch.cuda.manual_seed(0)
    """


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.empty_cache()
    """


def synchronize(device: Any = None) -> None:
    """Nothing: every operation has finished when it returns.

    >>> import tinygrad_fm as torch
    >>> torch.cuda.synchronize()
    """


__getattr__ = refuse("torch.cuda")
