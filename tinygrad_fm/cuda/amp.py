"""The older names of :mod:`tinygrad_fm.amp`; on a machine without GPU both do nothing, as in PyTorch."""

from __future__ import annotations

from typing import Any

from .. import amp

__all__ = ["GradScaler", "autocast"]

GradScaler = amp.GradScaler


class autocast(amp.autocast):
    """``torch.autocast("cuda")``: without effect on the CPU."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)
