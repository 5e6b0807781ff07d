"""The training loop, written so that it can be left at any step and taken up again with the same bits."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import autograd, io, random
from ..data import DataLoader, EpochSampler
from ..errors import NonFiniteLossError
from ..nn import CrossEntropyLoss, Module
from ..nn.utils import clip_grad_norm_
from ..optim.lr_scheduler import ReduceLROnPlateau
from . import checkpoint
from .average import WeightAverage
from .config import Config, environment
from .console import Report
from .evaluation import Evaluation, evaluate
from .from_config import Data, make_optimizer, make_schedule
from .interrupt import StopRequest
from .run_folder import MetricsLog, RunFolder

_COST = 100  # a checkpoint within an epoch is written only after this many times the time that writing one takes


@dataclass
class Progress:
    """How far a run has come, and what it must remember on the way.

    Attributes:
        step: training steps made.
        epoch, batch: epochs finished, and batches taken of the next one.
        loss_sum, right, seen: over the unfinished epoch, for its averages.
        best_accuracy, best_loss, best_epoch: the best validation so far.
        stale: epochs since then.
        stopped_early: whether early stopping has ended the run.
        seconds: spent on training, over all resumptions.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    right: int = 0
    seen: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    best_epoch: int = 0
    stale: int = 0
    stopped_early: bool = False
    seconds: float = 0.0


class Trainer:
    """Trains one model in one run folder.

    The order of the images, augmentation and dropout follow from (seed, epoch, step) alone. So all that decides the next step
    is in a checkpoint: weights, their average, optimizer, schedule, progress.

    Args:
        config: the settings.
        model: built as ``config.model`` and ``config.options`` say, with its initial weights.
        data: the training, validation and test images.
        folder: made already.
        report: where lines and the bar go.

    Attributes:
        progress: how far it has come.
        total: how many steps the run has in all.
    """

    def __init__(self, config: Config, model: Module, data: Data, folder: RunFolder, report: Report) -> None:
        self.config, self.model, self.data, self.folder, self.report = config, model, data, folder, report
        self._sampler = EpochSampler(data.train, config.seed)
        # all batches are full: batch norm cannot work on a single image, and equal shapes reuse memory
        self._loader: DataLoader[Any] = DataLoader(data.train, config.batch_size, sampler=self._sampler, drop_last=True)
        self.steps_per_epoch = len(self._loader)
        self.total = config.steps if config.steps is not None else config.epochs * self.steps_per_epoch  # type: ignore[operator]
        self.optimizer = make_optimizer(config, model)
        self.schedule = make_schedule(config, self.optimizer, self.total)
        self.average = None if config.ema is None else WeightAverage(model, config.ema)
        self.criterion = CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.progress = Progress()
        self._log: MetricsLog | None = None
        self._keep_metrics = 0
        self._saved_at = self._save_cost = 0.0

    # -- the run -----------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return (self.progress.step >= self.total and not self.progress.batch) or self.progress.stopped_early

    def fit(self, stop: StopRequest | None = None) -> None:
        """Train to the end.

        Raises:
            NonFiniteLossError: the loss, or a weight, became NaN or infinite.
            Interrupted: a stop was requested; the checkpoint has been written.
            OSError: a file could not be written. The checkpoint of before is whole.
        """
        stop = stop or StopRequest()
        mode = autograd.composed() if self.config.composed else contextlib.nullcontext()
        self._log = MetricsLog(self.folder.metrics, self._keep_metrics)
        try:
            with mode, np.errstate(all="ignore"):  # what is not finite is found by its value
                if not self.folder.last.exists():
                    self.save()
                self._saved_at = self._clock = time.monotonic()
                while not self.finished:
                    self._run_epoch(stop)
        finally:
            self.report.end_epoch()
            self._log.close()

    def _run_epoch(self, stop: StopRequest) -> None:
        """The rest of an epoch, its validation, and the checkpoint."""
        progress, config = self.progress, self.config
        last = min(self.steps_per_epoch, progress.batch + self.total - progress.step)
        self._sampler.set_epoch(progress.epoch)
        batches = self._loader.iter_from(progress.batch)
        self.report.start_epoch(progress.epoch + 1, progress.batch, last)
        while progress.batch < last:
            self._train_step(batches)
            if config.save_every and progress.step % config.save_every == 0:
                self.save(self.folder.at_step(progress.step))
            if stop.signal is not None:
                self.save()
                stop.check()
            self._save_if_due()
        self.report.end_epoch()
        better = self._finish_epoch(self.validate())
        if better:
            self.save(self.folder.best)
            self.folder.best_is_last()
        elif self.finished or stop.signal is not None:
            self.save()
        else:
            self._save_if_due()
        stop.check()

    def _train_step(self, batches: Iterator[Any]) -> None:
        progress, lr = self.progress, self.optimizer.param_groups[0]["lr"]
        # one number decides all that is random in this step: augmentation first, then dropout
        random.manual_seed((self.config.seed % 2**63 << 64) + progress.step)
        images, labels = next(batches)
        logits = self.model(images)
        loss = self.criterion(logits, labels)
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._not_finite(f"the loss became {value}", progress.step + 1, lr)
        self.optimizer.zero_grad()
        loss.backward()
        if self.config.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        if self.schedule is not None and not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        if self.average is not None:
            self.average.update()
        count = len(labels)
        right = int((logits.detach().numpy().argmax(1) == labels.numpy()).sum())
        progress.step += 1
        progress.batch += 1
        progress.loss_sum += value * count
        progress.right += right
        progress.seen += count
        self._append(
            {
                "kind": "step",
                "step": progress.step,
                "epoch": progress.epoch + 1,
                "loss": value,
                "accuracy": right / count,
                "lr": lr,
            }
        )
        self.report.step(value)

    def _not_finite(self, what: str, step: int, lr: float) -> NonFiniteLossError:
        return NonFiniteLossError(
            f"{what} at step {step} (epoch {self.progress.epoch + 1}), with learning rate {lr:.3g}. The last good "
            f"checkpoint is {self.folder.last}. Start again with a lower --lr, or with --clip-norm 1."
        )

    # -- the end of an epoch -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def evaluated_weights(self) -> Iterator[Module]:
        """The model, with the averaged weights inside if there is an average."""
        with self.average.in_place() if self.average is not None else contextlib.nullcontext():
            yield self.model

    def validate(self) -> Evaluation:
        """How well the model does on the images held out."""
        with self.evaluated_weights() as model:
            return evaluate(model, self.data.validation, tta=self.config.tta)

    def _finish_epoch(self, found: Evaluation) -> bool:
        """Note an epoch and its validation; returns whether that is the best so far."""
        progress, lr = self.progress, self.optimizer.param_groups[0]["lr"]
        if not math.isfinite(found.loss):
            raise self._not_finite(f"the validation loss became {found.loss}", progress.step, lr)
        loss, right = progress.loss_sum / progress.seen, progress.right / progress.seen
        progress.epoch, progress.batch = progress.epoch + 1, 0
        progress.loss_sum, progress.right, progress.seen = 0.0, 0, 0
        better = (found.accuracy, -found.loss) > (progress.best_accuracy, -progress.best_loss)
        progress.stale = 0 if better else progress.stale + 1
        if better:
            progress.best_accuracy, progress.best_loss, progress.best_epoch = found.accuracy, found.loss, progress.epoch
        progress.stopped_early = self.config.early_stopping is not None and progress.stale >= self.config.early_stopping
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(found.loss)
        self._count_time()
        self._append(
            {
                "kind": "epoch",
                "epoch": progress.epoch,
                "step": progress.step,
                "train_loss": loss,
                "train_accuracy": right,
                "val_loss": found.loss,
                "val_accuracy": found.accuracy,
                "lr": lr,
                "seconds": round(progress.seconds, 3),
            }
        )
        epochs = -(-self.total // self.steps_per_epoch)
        self.report.line(
            f"epoch {progress.epoch:>{len(str(epochs))}}/{epochs}  step {progress.step:>{len(str(self.total))}}  "
            f"loss {loss:.4f}  accuracy {right:7.2%}  |  validation loss {found.loss:.4f}  accuracy {found.accuracy:7.2%}  |  "
            f"lr {lr:.2e}  {progress.seconds:.0f} s"
        )
        return better

    def _append(self, record: dict[str, Any]) -> None:
        assert self._log is not None, "records are written while fit() runs"
        self._log.append(record)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def _count_time(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._clock
        self._clock = now

    def _save_if_due(self) -> None:
        often = self.config.checkpoint_seconds
        if time.monotonic() - self._saved_at >= (max(often, _COST * self._save_cost) if often else 0):
            self.save()

    def save(self, path: Any = None) -> None:
        """Write a checkpoint of the present state to ``path``, ``last.npz`` by default.

        Raises NonFiniteLossError instead, if a weight is not finite.
        """
        started = time.monotonic()
        for name, tensor in self.model.state_dict().items():
            if not np.isfinite(tensor.numpy()).all():
                lr = self.optimizer.param_groups[0]["lr"]
                raise self._not_finite(f"{name} is no longer finite", self.progress.step, lr)
        if self._log is not None:
            self._log.sync()  # a checkpoint must not know of records that a power cut could take
        io.save(self.state_dict(), path or self.folder.last)
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - started

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint of the present state; its tensors are the live ones."""
        if self._log is not None and self.progress.step:
            self._count_time()
        return {
            "format": checkpoint.FORMAT,
            "model": {"name": self.config.model, "options": self.config.options},
            "weights": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "random": random.get_rng_state(),
            "progress": asdict(self.progress),
            "config": self.config.as_dict(),
            "dataset": {"name": self.data.name, "digest": self.data.digest, "classes": list(self.data.test.classes)},
            "environment": environment(),
            "metrics_size": 0 if self._log is None else self._log.size,
        }

    def load_state_dict(self, state: dict[str, Any], path: Any) -> None:
        """Go on from a checkpoint that was read from ``path``. Raises CheckpointError if it does not fit."""
        checkpoint.restore(self.model, state["weights"], path)
        with checkpoint.fitting(path):
            self.optimizer.load_state_dict(state["optimizer"])
            if self.schedule is not None:
                self.schedule.load_state_dict(copy.deepcopy(state["schedule"]))
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            random.set_rng_state(state["random"])
            self.progress = Progress(**state["progress"])
            self._keep_metrics = int(state["metrics_size"])
