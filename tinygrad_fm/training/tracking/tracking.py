"""What a run tells its trackers, and how often: seldom enough that it costs training next to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...nn import Module
from ...viz.graph import Graph
from ..metrics_log import EpochRecord, StepRecord
from .background import BackgroundLogger, thread_time
from .logger import Histogram, Logger

_SHARE, _CREDIT = 0.007, 0.1  # of the training's time, beyond so many seconds, telling of steps may take so much
_BINS = 64


class Tracking:
    """Everything that the trackers of a run are told goes through here.

    A step is told while all that telling has cost (the norms here, the work of the loggers) is less than a hundredth of what
    the training thread has worked, both in processor time; else it is left out, so that of quick steps only some are told,
    evenly. Epochs are all told.

    Args:
        loggers: functions that make the loggers, by the names of the trackers.
        say: where warnings go; each tracker has one at most.
    """

    def __init__(
        self, loggers: Mapping[str, Callable[[], Logger]] | None = None, say: Callable[[str], object] = lambda text: None
    ) -> None:
        self._loggers = [BackgroundLogger(name, opened) for name, opened in (loggers or {}).items()]
        self._say = say
        self._cost = 0.0
        self._began: float | None = None

    def __bool__(self) -> bool:
        return bool(self._loggers)

    def graph(self, graph: Graph) -> None:
        """Tell of the model's graph."""
        self._send("graph", graph)

    def step(self, record: StepRecord, model: Module, gradient_norm: float | None) -> None:
        """Tell of a step that has just been made.

        Args:
            record: its line of metrics.jsonl.
            model: its gradients are those of the step.
            gradient_norm: before it was clipped; None if it was not.
        """
        if not self._loggers:
            return
        now = thread_time()
        self._began = now if self._began is None else self._began
        if self._spent() > _CREDIT + _SHARE * (now - self._began):
            return
        with self._counted():
            gradients, weights = _norms(model)
            total = math.hypot(*gradients.values()) if gradient_norm is None else gradient_norm
            values = {"train/loss": record["loss"], "train/accuracy": record["accuracy"], "learning_rate": record["lr"]}
            values |= {"norm/gradient": total, "norm/weights": math.hypot(*weights.values())}
            if "cross_entropy" in record:
                values["train/cross_entropy"] = record["cross_entropy"]
            self._send("scalars", values, record["step"])

    def epoch(self, record: EpochRecord, model: Module) -> None:
        """Tell of an epoch that has just ended; after the first, second, fourth, eighth … also of all weights and gradients."""
        if not self._loggers:
            return
        with self._counted():
            values: dict[str, float] = {}
            if "val_loss" in record:
                values |= {"validation/loss": record["val_loss"], "validation/accuracy": record["val_accuracy"]}
            values |= {"epoch/train_loss": record["train_loss"], "epoch/train_accuracy": record["train_accuracy"]}
            values |= {"epoch/number": float(record["epoch"]), "epoch/seconds": record["seconds"]}
            gradients, weights = _norms(model)
            values |= {f"gradient_norm/{name}": norm for name, norm in gradients.items()}
            values |= {f"weight_norm/{name}": norm for name, norm in weights.items()}
            self._send("scalars", values, record["step"])
            if record["epoch"] & (record["epoch"] - 1) == 0:
                self._send("histograms", _histograms(model), record["step"])

    def summary(self, config: Mapping[str, Any], result: Mapping[str, Any], pictures: Iterable[Path]) -> None:
        """Tell of the end of a run: what summary.json says, and its pictures."""
        for path in pictures:
            self._send("picture", path.stem, path, result["steps"])
        names = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "best_val_accuracy", "parameters", "seconds")
        told = {name: float(result[name]) for name in names if result[name] is not None}
        self._send("summary", config, told, result["steps"])

    def close(self) -> None:
        """Let the trackers finish what they were told; those that do not are left."""
        for logger in self._loggers:
            logger.close()
        self._warn()
        self._loggers = []

    def _send(self, method: str, *arguments: Any) -> None:
        for logger in self._loggers:
            logger.send(method, *arguments)
        self._warn()

    def _warn(self) -> None:
        for logger in self._loggers:
            if (said := logger.warning()) is not None:
                self._say(said)

    def _spent(self) -> float:
        return self._cost + sum(logger.cost for logger in self._loggers)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        before = thread_time()
        try:
            yield
        finally:
            self._cost += thread_time() - before


def _norms(model: Module) -> tuple[dict[str, float], dict[str, float]]:
    """The norms of the gradients and of the weights, by the name of the parameter."""
    parameters = list(model.named_parameters())
    gradients = {name: _norm(p.grad.numpy()) for name, p in parameters if p.grad is not None}
    return gradients, {name: _norm(p.detach().numpy()) for name, p in parameters}


def _norm(values: Any) -> float:
    return float(np.linalg.norm(values.ravel(order="K")))


def _histograms(model: Module) -> dict[str, Histogram]:
    found = {}
    for name, p in model.named_parameters():
        for kind, tensor in (("weight", p.detach()), ("gradient", p.grad)):
            if tensor is not None:
                values = tensor.numpy().ravel(order="K")
                if np.isfinite(values).all():
                    found[f"{kind}/{name}"] = np.histogram(values, _BINS)
    return found
