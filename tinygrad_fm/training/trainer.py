"""The training loop, written so that it can be left at any step and taken up again with the same bits."""

from __future__ import annotations

import contextlib
import math
import operator
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import autograd, random
from ..data import EpochSampler
from ..errors import CheckpointError, NonFiniteLossError
from ..nn import CrossEntropyLoss, Module
from ..nn.functional import cross_entropy
from ..nn.utils import clip_grad_norm_
from ..optim.lr_scheduler import ReduceLROnPlateau
from .checkpoint import Checkpoint, Path, Progress, restore, write_checkpoint
from .config import Config
from .console import Report
from .evaluation import Evaluation, evaluate
from .from_config import Data, make_average, make_optimizer, make_schedule
from .interrupt import Interrupted, StopRequest
from .metrics import correct
from .metrics_log import EpochRecord, MetricsLog, StepRecord
from .ranks import Ranks
from .run_folder import RunFolder
from .tracking import Tracking

_COST = 100  # a checkpoint within an epoch is written only after this many times the time that writing one takes


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
        ranks: the processes that share each batch; this one alone by default. Only rank 0 writes.

    Attributes:
        progress: how far it has come.
        total: how many steps the run has in all.
        tracking: the trackers that are told of it; none at first.

    >>> import tempfile, models
    >>> from tinygrad_fm import training
    >>> options = {"hidden": [8]}
    >>> config = training.Config(options=options, data="synthetic", train_size=40, validation=8, epochs=1, batch_size=16)
    >>> model, data = models.build(config.model, **options), training.load_data(config)
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = training.RunFolder(f"{root}/run")
    ...     with folder.created():
    ...         trainer = training.Trainer(config, model, data, folder, training.Silence())
    ...         trainer.fit()
    >>> trainer.progress.step, trainer.total, trainer.finished
    (2, 2, True)
    """

    def __init__(
        self, config: Config, model: Module, data: Data, folder: RunFolder, report: Report, ranks: Ranks | None = None
    ) -> None:
        self.ranks = ranks or Ranks()
        self.ranks.check_batch_size(config.batch_size)
        model = self.ranks.synchronised(model) if config.sync_batch_norm else model
        self.config, self.model, self.data, self.folder, self.report = config, model, data, folder, report
        self._forward = model
        self._sampler = EpochSampler(data.train, config.seed)
        self._loader = self.ranks.loader(data.train, config.batch_size, self._sampler)
        self._parts = self.ranks.parts(config.batch_size)
        self.steps_per_epoch = len(self._loader)
        self.total = config.steps if config.steps is not None else config.epochs * self.steps_per_epoch  # type: ignore[operator]
        self.optimizer = make_optimizer(config, model)
        self.schedule = make_schedule(config, self.optimizer, self.total)
        self.average = make_average(config, model)
        self.criterion = CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.progress = Progress(cross_entropy_sum=0.0 if config.label_smoothing else None)
        self.tracking = Tracking()
        self._stop = StopRequest()
        self._asked: int | None = None  # the signal by which one of several ranks was asked to stop, known to all
        self._log: MetricsLog | None = None
        self._keep_metrics = 0
        self._saved_at = self._save_cost = 0.0

    # -- the run -----------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return (self.progress.step >= self.total and not self.progress.batch) or self.progress.stopped_early

    def fit(self, stop: StopRequest | None = None, after_epoch: Callable[[EpochRecord], object] | None = None) -> None:
        """Train to the end.

        Args:
            stop: asks for an end before that.
            after_epoch: is called with the record of each epoch; what it raises ends the training.

        Raises:
            NonFiniteLossError: the loss, or a weight, became NaN or infinite.
            Interrupted: a stop was requested; the checkpoint has been written.
            OSError: a file could not be written. The checkpoint of before is whole.
        """
        stop = self._stop = stop or StopRequest()
        mode = autograd.composed() if self.config.composed else contextlib.nullcontext()
        try:
            # NumPy's warnings are off: `_train_step` checks the loss itself
            with self._logging(), mode, np.errstate(all="ignore"):
                self._forward = self.ranks.parallel(self.model, same_buffers=self.config.sync_batch_norm)
                self._saved_at = self._clock = time.monotonic()
                self._cpu_clock = time.process_time()
                while not self.finished:
                    record = self._run_epoch(stop)
                    if after_epoch is not None:
                        after_epoch(record)
        except BrokenPipeError:  # nobody reads the output any more
            self.save()
            raise
        finally:
            self.report.end_epoch()
            self._log = None
        self.ranks.part()

    @contextlib.contextmanager
    def _logging(self) -> Iterator[None]:
        """Within it metrics.jsonl is open, from where the checkpoint left it, and there is a checkpoint."""
        if self.ranks.rank:
            yield
            return
        with self.folder.locked() as self._log:
            if not self._log.keep(self._keep_metrics):
                self.report.line(f"Warning: {self.folder.metrics} has lost its end; the curves will have a gap.")
            if not self.folder.last.exists():
                self.save()
            yield
            self._keep_metrics = self._log.size

    def _run_epoch(self, stop: StopRequest) -> EpochRecord:
        """The rest of an epoch, its validation, and the checkpoint."""
        progress, config = self.progress, self.config
        last = min(self.steps_per_epoch, progress.batch + self.total - progress.step)
        self._sampler.set_epoch(progress.epoch)
        self.data.set_epoch(progress.epoch)
        batches = self._loader.iter_from(progress.batch)
        self.report.start_epoch(progress.epoch + 1, progress.batch, last)
        while progress.batch < last:
            self._train_step(batches)
            if config.save_every and progress.step % config.save_every == 0:
                self.save(self.folder.at_step(progress.step))
            self._obey(stop)
            self._save_if_due()
        self.report.end_epoch()
        held_out = self.data.validation
        found = self.ranks.evaluate(self.evaluated_model, held_out, config.tta) if len(held_out) else None
        record, better = self._finish_epoch(found)
        if better:
            self._save_best()
        elif self.finished:
            self.save()
        else:
            self._save_if_due()
        self.report.line(self._epoch_line(record))  # when all is saved: whoever should read it may have gone
        self.tracking.epoch(record, self.model)
        self._asked = self.ranks.agree(stop.signal)
        self._obey(stop)
        return record

    def _obey(self, stop: StopRequest) -> None:
        """If a stop is requested, of this rank or one of several, save and raise Interrupted."""
        signal = stop.signal if self.ranks.size == 1 else self._asked
        if signal is not None:
            self.save()
            self.ranks.part()
            raise Interrupted(signal)

    def _train_step(self, batches: Iterator[Any]) -> None:
        """One step, on this rank's share of a batch."""
        progress, lr = self.progress, self.optimizer.param_groups[0]["lr"]
        # one number decides all that is random in this step: augmentation first, then dropout
        random.manual_seed((self.config.seed % 2**63 << 64) + progress.step)
        count, smoothed = self.config.batch_size, bool(self.config.label_smoothing)
        with self.ranks.drawing_for(count):
            images, labels = next(batches)
            logits = self._forward(images)
        loss = self.criterion(logits, labels)
        plain = float(cross_entropy(logits.detach(), labels).item()) if smoothed else 0.0
        right = correct(labels, logits.detach().argmax(1))
        gathered = self.ranks.gather([loss.item(), plain, right, self._stop.signal or 0])  # while backward goes on
        self.optimizer.zero_grad()
        weight = self._parts[self.ranks.rank] * self.ranks.size  # gradients are averaged as if shares were equal
        (loss if weight == 1 else loss * weight).backward()
        losses, plains, rights, signals = zip(*gathered(), strict=True)
        value, plain = (sum(map(operator.mul, self._parts, of)) for of in (losses, plains))
        right, self._asked = int(sum(rights)), int(max(signals)) or None
        if not math.isfinite(value):
            self.ranks.part()
            raise self._not_finite(f"the loss became {value}", progress.step + 1, lr)
        unclipped = None
        if self.config.clip_norm is not None:
            unclipped = clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        if self.schedule is not None and not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        progress.step += 1
        progress.batch += 1
        progress.loss_sum += value * count
        progress.right += right
        progress.seen += count
        record: StepRecord = {
            "kind": "step",
            "step": progress.step,
            "epoch": progress.epoch + 1,
            "loss": value,
            "accuracy": right / count,
            "lr": lr,
        }
        if smoothed:  # then the validation loss compares with this one
            record["cross_entropy"] = plain
            if progress.cross_entropy_sum is not None:
                progress.cross_entropy_sum += plain * count
        self._append(record)
        if self.tracking:
            self.tracking.step(record, self.model, None if unclipped is None else unclipped.item())
        self.report.step(value)

    def _not_finite(self, what: str, step: int, lr: float) -> NonFiniteLossError:
        return NonFiniteLossError(
            f"{what} at step {step} (epoch {self.progress.epoch + 1}), with learning rate {lr:.3g}. The last good "
            f"checkpoint is {self.folder.last}. Start again with a lower --lr, or with --clip-norm 1."
        )

    # -- the end of an epoch -----------------------------------------------------------------------------------------

    @property
    def evaluated_model(self) -> Module:
        """The model, or the one that has the averaged weights if there is an average."""
        return self.model if self.average is None else self.average.module

    def validate(self) -> Evaluation | None:
        """How well the model does on the images held out; None if none are."""
        held_out = self.data.validation
        return evaluate(self.evaluated_model, held_out, tta=self.config.tta) if len(held_out) else None

    def _finish_epoch(self, found: Evaluation | None) -> tuple[EpochRecord, bool]:
        """Note an epoch and its validation; returns the record of it, and whether it is the best so far."""
        progress, config, lr = self.progress, self.config, self.optimizer.param_groups[0]["lr"]
        if found is not None and not math.isfinite(found.loss):
            self.ranks.part()
            raise self._not_finite(f"the validation loss became {found.loss}", progress.step, lr)
        record: EpochRecord = {
            "kind": "epoch",
            "epoch": progress.epoch + 1,
            "step": progress.step,
            "train_loss": progress.loss_sum / progress.seen,
            "train_accuracy": progress.right / progress.seen,
            "lr": lr,
            "seconds": 0.0,
        }
        if progress.cross_entropy_sum is not None:
            record["train_cross_entropy"] = progress.cross_entropy_sum / progress.seen
        progress.begin_epoch(0.0 if config.label_smoothing else None)
        better = False
        if found is not None:
            record["val_loss"], record["val_accuracy"] = found.loss, found.accuracy
            better = progress.update(found.accuracy, found.loss, progress.epoch, config.early_stopping)
            if isinstance(self.schedule, ReduceLROnPlateau):
                self.schedule.step(found.loss)
        spent = self.ranks.gather([time.process_time() - self._cpu_clock])()
        self._count_time(sum(cpu for rank, (cpu,) in enumerate(spent) if rank != self.ranks.rank))
        record["seconds"] = round(progress.seconds, 3)
        if progress.cpu_seconds is not None:
            record["cpu_seconds"] = round(progress.cpu_seconds, 3)
        self._append(record)
        return record, better

    def _epoch_line(self, record: EpochRecord) -> str:
        epochs = -(-self.total // self.steps_per_epoch)
        drawn = "  (drawn images)" if self.data.choice == "synthetic" else ""
        validation = ""
        if "val_loss" in record:
            validation = f"validation loss {record['val_loss']:.4f}  accuracy {record['val_accuracy']:7.2%}  |  "
        return (
            f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}  step {record['step']:>{len(str(self.total))}}  "
            f"loss {record['train_loss']:.4f}  accuracy {record['train_accuracy']:7.2%}  |  "
            f"{validation}lr {record['lr']:.2e}  {record['seconds']:.0f} s{drawn}"
        )

    def _append(self, record: StepRecord | EpochRecord) -> None:
        if self.ranks.rank:
            return
        assert self._log is not None, "records are written while fit() runs"
        self._log.append(record)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def _count_time(self, others_cpu: float = 0.0) -> None:
        """Count the time since the last call; ``others_cpu`` is what other processes have spent."""
        now, cpu = time.monotonic(), time.process_time()
        self.progress.seconds += now - self._clock
        if self.progress.cpu_seconds is not None:
            self.progress.cpu_seconds += cpu - self._cpu_clock + others_cpu
        self._clock, self._cpu_clock = now, cpu

    def _save_if_due(self) -> None:
        often = self.config.checkpoint_seconds
        if time.monotonic() - self._saved_at >= (max(often, _COST * self._save_cost) if often else 0):
            self.save()

    def _save_best(self) -> None:
        if not self.ranks.rank:
            self.save(self.folder.best)
            self.folder.best_is_last()

    def save(self, path: Any = None) -> None:
        """Write a checkpoint of the present state to ``path``, ``last.npz`` by default; on other ranks than 0, nothing.

        Raises NonFiniteLossError instead, if a weight is not finite.
        """
        if self.ranks.rank:
            return
        started = time.monotonic()
        for name, tensor in self.model.state_dict().items():
            if not np.isfinite(tensor.numpy()).all():
                lr = self.optimizer.param_groups[0]["lr"]
                raise self._not_finite(f"{name} is no longer finite", self.progress.step, lr)
        size = self._keep_metrics
        if self._log is not None:
            self._log.sync()  # a checkpoint must not know of records that a power cut could take
            size = self._log.size
            if self.progress.step:
                self._count_time()
        write_checkpoint(self, path or self.folder.last, size)
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - started

    def load_state_dict(self, content: Checkpoint, path: Path) -> None:
        """Go on from a checkpoint that was read from ``path``. Raises CheckpointError if it does not fit."""
        restore(self, content, path)
        progress, batch_size = self.progress, self.config.batch_size
        if progress.batch and (
            progress.batch > self.steps_per_epoch
            or progress.seen != progress.batch * batch_size
            or progress.step != progress.epoch * self.steps_per_epoch + progress.batch
        ):
            raise CheckpointError(
                f"{path} is damaged: step {progress.step} is not batch {progress.batch} of epoch {progress.epoch + 1}, with "
                f"{progress.seen} images seen in it"
            )
        self._keep_metrics = content["metrics_size"]
