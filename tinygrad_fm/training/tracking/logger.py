"""What a tracker must be able to do; a logger of your own does the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from ...viz.graph import Graph

Histogram = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Counts (B,) and the B + 1 edges between which they lie, as ``numpy.histogram`` gives them."""


class Logger(Protocol):
    """Takes what a run has to say. All methods are called on one thread of its own, in the order of the run, and may take
    their time, or raise: training goes on meanwhile, and after that."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name, after so many steps."""

    def histograms(self, values: Mapping[str, Histogram], step: int) -> None:
        """Histograms by name, after so many steps."""

    def picture(self, name: str, path: Path, step: int) -> None:
        """A PNG file."""

    def graph(self, graph: Graph) -> None:
        """The computation graph of the model."""

    def summary(self, config: Mapping[str, Any], values: Mapping[str, float], step: int) -> None:
        """What the finished run comes to: its settings, and its results by name."""

    def close(self) -> None:
        """There is no more."""
