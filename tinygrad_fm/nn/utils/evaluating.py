"""Running a model to look at what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ...autograd import no_grad
from ..modules import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode and no tape inside; afterwards every module has the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad(), np.errstate(all="ignore"):
            yield
    finally:
        for module, training in modes:
            module.training = training
