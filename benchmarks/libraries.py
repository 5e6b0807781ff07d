"""The libraries that are measured, each in the settings that may make it fastest."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import jax_models, peers
from .cases import CASES

OURS, FAST = "tinygrad_fm", "tinygrad_fm fast"


def _ours(torch: Any, threads: int, kernels: str = "numpy") -> None:
    torch.runtime.set_kernels(kernels)
    torch.runtime.set_num_threads(threads)
    torch.runtime.tune_allocator()


def _ours_fast(torch: Any, threads: int) -> None:
    _ours(torch, threads, "auto")


def _restore_old_names() -> None:
    """DeZero asks NumPy for names that left it with version 1.24."""
    import numpy as np

    for name, kind in {"int": int, "float": float, "bool": bool}.items():
        if name not in np.__dict__:
            setattr(np, name, kind)


def _pytorch(torch: Any, threads: int) -> None:
    torch.set_num_threads(threads)


def _pytorch_tuned(torch: Any, threads: int) -> None:
    _pytorch(torch, threads)
    _tune(torch, threads)


def _tune(module: Any, threads: int) -> None:
    from tinygrad_fm import runtime

    runtime.tune_allocator()  # the same advantage for all


@dataclass(frozen=True)
class Library:
    """One way to run a case.

    Attributes:
        module: what to import. needs: another module that has to be installed. before: called first of all.
        prepare: called with it and the number of threads, once, before anything else.
        options: handed to the case; those that make no difference to a case leave it to the plainer setting.
        steps: case names with the functions that make their steps, for a library with an interface of its own.
    """

    module: str
    needs: str = ""
    before: Callable[[], None] = lambda: None
    prepare: Callable[[Any, int], None] = lambda module, threads: None
    options: dict[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Callable[[Any, dict[str, Any]], Any]] | None = None

    def installed(self) -> bool:
        """Whether the modules can be imported."""
        return all(importlib.util.find_spec(name) is not None for name in (self.module, self.needs) if name)

    def takes_part(self, case: str) -> bool:
        """Whether this setting is one of its own for ``case``."""
        if self.steps is not None:
            return case in self.steps
        what = CASES[case]
        if self.options.get("channels_last"):
            return what.images
        return not self.options.get("fused") or self.options.get("compile", False) or what.kind in ("train", "epoch")


LIBRARIES = {
    OURS: Library("tinygrad_fm", prepare=_ours),
    FAST: Library("tinygrad_fm", "numba", prepare=_ours_fast, options={"compile_inference": True}),
    "pytorch": Library("torch", prepare=_pytorch),
    "pytorch fused": Library("torch", prepare=_pytorch_tuned, options={"fused": True}),
    "pytorch channels_last": Library("torch", prepare=_pytorch_tuned, options={"fused": True, "channels_last": True}),
    "pytorch compile": Library("torch", prepare=_pytorch_tuned, options={"fused": True, "compile": True}),
    "jax": Library("jax", prepare=_tune, steps={"chain": peers.jax_chain, **jax_models.STEPS}),
    "dezero": Library("dezero", before=_restore_old_names, steps=peers.DEZERO),
    "mygrad": Library("mygrad", steps=peers.MYGRAD),
    "autograd": Library("autograd", steps=peers.AUTOGRAD),
}
