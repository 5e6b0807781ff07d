"""A moving average of a model's weights, which often scores better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..nn import Module


class WeightAverage:
    """The exponential moving average of all parameters and floating-point buffers of a model.

    average ← d · average + (1 − d) · value, with d = min(decay, (1 + t) / (10 + t)) at update t, so that the first weights do
    not linger. Integer buffers, such as batch norm's count, are copied.

    Args:
        model: whose weights are averaged.
        decay: between 0 and 1; near 1 − 1 / (a few hundred steps).
    """

    def __init__(self, model: Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._model = model
        self._live = model.state_dict(keep_vars=True)  # the tensors themselves, so that an update need not look for them
        self._values = {name: tensor.numpy(force=True).copy() for name, tensor in self._live.items()}

    def update(self) -> None:
        """Move the average towards the model's present weights."""
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, tensor in self._live.items():
            average, value = self._values[name], tensor.numpy(force=True)
            if average.dtype.kind == "f":
                average += share * (value - average)
            else:
                average[...] = value

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights inside."""
        own = {name: tensor.numpy(force=True).copy() for name, tensor in self._live.items()}
        self._model.load_state_dict(self._values)
        try:
            yield
        finally:
            self._model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """The averages and their number; arrays are the live ones."""
        return {"updates": self.updates, "values": dict(self._values)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.updates = state["updates"]
        for name, average in self._values.items():
            np.copyto(average, state["values"][name])
