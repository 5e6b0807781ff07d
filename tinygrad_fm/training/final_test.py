"""The end of a run: the one look at the test set, summary.json and the pictures."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..data import ImageDataset
from ..errors import MissingExtraError, printable
from ..nn import Module
from ..viz import plots
from ..viz.conv_features import convolutions, feature_maps, filters
from ..viz.model_summary import summary
from .checkpoint import load_checkpoint, restore_weights
from .evaluation import Evaluation, evaluate
from .from_config import IMAGE
from .interrupt import StopRequest
from .metrics import precision_recall
from .run_folder import RunFolder
from .tracking.open import flat
from .trainer import Trainer


def finish(trainer: Trainer, stop: StopRequest) -> dict[str, Any]:
    """Test a trained model and write summary.json and the pictures: curves, confusion, samples, filters and features.

    The weights tested are the last ones, or with early stopping those that did best in validation. The test set decides
    nothing: it is looked at here for the first time.

    Returns:
        The summary.

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
    ...         result = training.finish(trainer, training.StopRequest())
    >>> result["weights"], 0 <= result["test_accuracy"] <= 1
    ('last', True)
    """
    chosen = "last" if trainer.config.early_stopping is None else "best"
    if chosen == "best":
        restore_weights(trainer, load_checkpoint(trainer.folder.best), trainer.folder.best)
    validation = trainer.validate()
    stop.check()
    test = evaluate(trainer.evaluated_model, trainer.data.test, tta=trainer.config.tta)
    stop.check()
    plain = evaluate(trainer.evaluated_model, trainer.data.test) if trainer.config.tta else test
    stop.check()
    result = _summary(trainer, chosen, validation, test, plain)
    report, folder = trainer.report, trainer.folder
    written: list[str] = []
    try:
        written = write_pictures(folder, test, trainer.data.test, trainer.data.name)
        written += write_inside(folder, trainer.evaluated_model, trainer.data.test[0][0])
    except MissingExtraError as error:
        report.line(f"No pictures: {error}")
    else:
        report.line(f"Pictures: {', '.join(written)}")
    folder.write_json("summary.json", result)  # last, as it says that the run is complete
    trainer.tracking.summary(flat(trainer.config.as_dict()), result, [folder.path / name for name in written])
    held_out = "no validation" if validation is None else f"validation {validation.accuracy:.2%}"
    alone = f"without mirror images {plain.accuracy:.2%}, " if trainer.config.tta else ""
    report.line(
        f"Test accuracy {test.accuracy:.2%} on {trainer.data.name} ({alone}weights of the {chosen} epoch, {held_out}), "
        f"{result['parameters']:,} parameters, {result['seconds']:.0f} s\n"
        f"All of it is in {folder.path}"
    )
    return result


FLOPS_PER_MULTIPLY_ADD = 6
"""Of training: a product and a sum, in the forward pass and twice in the backward pass, for inputs and for weights."""


def _summary(
    trainer: Trainer, chosen: str, validation: Evaluation | None, test: Evaluation, plain: Evaluation
) -> dict[str, Any]:
    progress, config, classes = trainer.progress, trainer.config, trainer.data.test.classes
    precision, recall = precision_recall(test.confusion)
    multiply_adds = summary(trainer.evaluated_model, IMAGE).multiply_adds
    none = progress.best_epoch == 0
    return {
        "model": config.model,
        "options": config.options,
        "parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "dataset": trainer.data.name,
        "test_accuracy": test.accuracy,
        "test_loss": test.loss,
        "test_accuracy_without_tta": plain.accuracy,
        "val_accuracy": None if validation is None else validation.accuracy,
        "val_loss": None if validation is None else validation.loss,
        "best_val_accuracy": None if none else progress.best_accuracy,
        "best_epoch": None if none else progress.best_epoch,
        "weights": chosen,
        "weights_sha256": _digest_of(trainer.evaluated_model),
        "averaged": trainer.average is not None,
        "tta": config.tta,
        "epochs": progress.epoch,
        "steps": progress.step,
        "stopped_early": progress.stopped_early,
        "seconds": round(progress.seconds, 3),
        "cpu_seconds": None if progress.cpu_seconds is None else round(progress.cpu_seconds, 3),
        "multiply_adds": multiply_adds,
        "flops": FLOPS_PER_MULTIPLY_ADD * multiply_adds * progress.step * config.batch_size,
        "seconds_per_epoch": round(progress.seconds / max(progress.step / trainer.steps_per_epoch, 1e-9), 3),
        "per_class": {
            name: {"precision": float(p), "recall": float(r)} for name, p, r in zip(classes, precision, recall, strict=True)
        },
        "confusion": test.confusion.tolist(),
    }


def _digest_of(model: Module) -> str:
    """SHA-256 of the names and bytes of a model's weights and buffers: equal for two runs with the same bits."""
    total = hashlib.sha256()
    for name, value in model.state_dict().items():
        array = value.numpy()
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write_pictures(folder: RunFolder, test: Evaluation, dataset: ImageDataset, name: str) -> list[str]:
    """Draw the learning curves, the confusion matrix and some right and wrong predictions into a run folder.

    Returns the names of the files. Raises MissingExtraError without matplotlib.

    >>> import tempfile
    >>> from tinygrad_fm import training
    >>> from tinygrad_fm.utils.data import SyntheticFashion
    >>> import numpy as np
    >>> dataset = SyntheticFashion(train=False, size=10)
    >>> test = training.Evaluation(dataset.targets, np.full((10, 10), 0.1, np.float32))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     training.write_pictures(training.RunFolder(folder), test, dataset, "synthetic images")
    ['curves.png', 'confusion.png', 'samples.png']
    """
    plots.curves(list(folder.read_metrics()), folder.path / "curves.png", f"{printable(folder.path.name)} on {name}")
    plots.confusion(
        test.confusion,
        dataset.classes,
        folder.path / "confusion.png",
        f"{name}: {test.accuracy:.2%} of {len(test.labels):,} test images right",
    )
    right, wrong = (_some(np.flatnonzero((test.predictions == test.labels) == good)) for good in (True, False))
    plots.samples(
        dataset.data, test.labels, test.probabilities, dataset.classes, right, wrong, folder.path / "samples.png", name
    )
    return ["curves.png", "confusion.png", "samples.png"]


def write_inside(folder: RunFolder, model: Module, image: Tensor) -> list[str]:
    """Draw the filters of a model's convolutions, and what they give for one image, into a run folder.

    Returns the names of the files: none if the model has no convolutions. Raises MissingExtraError without matplotlib.
    """
    if not convolutions(model):
        return []
    filters(model).save(folder.path / "filters.png")
    feature_maps(model, image).save(folder.path / "features.png")
    return ["filters.png", "features.png"]


def _some(indices: Any, count: int = 16) -> Any:
    """At most ``count`` of the indices, spread evenly."""
    return indices if len(indices) <= count else indices[np.linspace(0, len(indices) - 1, count).astype(int)]
