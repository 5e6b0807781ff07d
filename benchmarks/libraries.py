"""The libraries that are measured, and each one's best settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

THREADS = 2


def _prepare_ours(torch: Any) -> None:
    torch.runtime.set_num_threads(THREADS)
    torch.runtime.tune_allocator()


def _prepare_pytorch(torch: Any) -> None:
    from tinygrad_fm import runtime

    torch.set_num_threads(THREADS)
    runtime.tune_allocator()  # the same advantage for both


@dataclass(frozen=True)
class Library:
    """One way to run a case.

    Attributes:
        module: what to import. prepare: called with it once. options: handed to the case.
    """

    module: str
    prepare: Callable[[Any], None]
    options: dict[str, Any] = field(default_factory=dict)

    def installed(self) -> bool:
        """Whether the module can be imported."""
        return importlib.util.find_spec(self.module) is not None


LIBRARIES = {
    "tinygrad_fm": Library("tinygrad_fm", _prepare_ours),
    "pytorch": Library("torch", _prepare_pytorch),
    "pytorch fused": Library("torch", _prepare_pytorch, {"fused": True}),
}
