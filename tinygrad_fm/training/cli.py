"""What a training script does: from a command line to a run folder and an exit code.

Exit codes: 0 the run is finished, 1 it failed, 2 the arguments were wrong and nothing was written, 128 + n it was stopped by
signal n (130 for Ctrl-C) and can be resumed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from .. import random, runtime
from ..errors import CheckpointError, DataError, NonFiniteLossError
from ..nn import Module
from ..ops import zeros
from ..viz.drawing import draw
from ..viz.model_summary import summary
from .checkpoint import Build, load_checkpoint
from .cli_arguments import ModelOptions, config_of, make_parser
from .config import Config, differences, environment
from .console import Report
from .final_test import finish
from .from_config import Data, initialise, load_data
from .interrupt import Interrupted, StopRequest
from .run_folder import RunFolder
from .trainer import Trainer

IMAGE = (1, 28, 28)


def main(
    prog: str, description: str, defaults: Config, build: Build, model_options: ModelOptions, argv: list[str] | None = None
) -> int:
    """Run a training script.

    Args:
        prog: its file name, as the user types it.
        description: what ``--help`` says first.
        defaults: the settings where the user gives none.
        build: makes a model of a name and options: ``models.build``.
        model_options: adds the options of its models to the group it is given.
        argv: the arguments, those of the process by default.

    Returns:
        The exit code, but for wrong arguments: then argparse exits the process with code 2.
    """
    parser = make_parser(prog, description, defaults, model_options)
    argv = sys.argv[1:] if argv is None else argv
    given = vars(parser.parse_args(argv))
    report = Report()
    resume = given.pop("resume", None)
    if resume is not None and given:
        parser.error(f"--resume goes on with the settings of the run; leave out {_flags(given)}")
    where = Path(resume) if resume is not None else None
    runtime.tune_allocator()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: report.line(f"Warning: {message}")  # no line of our code
            if resume is not None:
                trainer = _resume(RunFolder(resume), build, report)
            else:
                trainer = _start(parser, given, argv, defaults, build, report)
            if trainer is None:
                return 0
            where = trainer.folder.path
            with StopRequest() as stop:
                trainer.fit(stop)
                finish(trainer, stop)
    except (Interrupted, KeyboardInterrupt) as stopped:
        number = stopped.signal if isinstance(stopped, Interrupted) else signal.SIGINT
        again = "" if where is None else f" Go on with: python {prog} --resume {where}"
        report.line(f"\nStopped.{again}")
        return 128 + number
    except (CheckpointError, DataError, NonFiniteLossError) as error:
        return _fail(str(error))
    except OSError as error:
        again = "" if where is None else f" What was saved before is whole: when it is mended, python {prog} --resume {where}"
        return _fail(f"{error.filename or 'the run folder'}: {error.strerror or error}.{again}")
    return 0


def _flags(given: dict[str, Any]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in given)


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


def _build(config: Config, build: Build) -> Module:
    random.manual_seed(config.seed)
    model = build(config.model, **config.options)
    initialise(model, config.init)
    return model


def _start(
    parser: argparse.ArgumentParser, given: dict[str, Any], argv: list[str], defaults: Config, build: Build, report: Report
) -> Trainer:
    """A new run: everything is checked before anything is written."""
    out = given.pop("out", None)
    try:
        config = config_of(given, defaults)
        if config.threads is not None:
            runtime.set_num_threads(config.threads)
        model = _build(config, build)
        table = summary(model, IMAGE)
        folder = RunFolder(out or _fresh(config.model))
        if folder.path.exists():
            folder.check_empty()
        data = load_data(config)
    except (ValueError, TypeError) as error:
        parser.error(_as_flag(str(error)))
    except OSError as error:
        parser.error(str(error))
    if data.notice:
        report.line(data.notice)
    trainer = Trainer(config, model, data, folder, report)
    try:
        folder.create()
        folder.write_json(
            "config.json",
            {
                "command": [parser.prog, *argv],
                "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "settings": config.as_dict(),
                "model": {"name": config.model, "options": config.options, "parameters": table.parameters},
                "dataset": _describe(data),
                "environment": environment(),
            },
        )
        draw(model, zeros(config.batch_size, *IMAGE)).save(folder.path / "graph.svg")
    except OSError as error:
        parser.error(f"argument --out: {error}")
    report.line(str(table))
    _announce(trainer)
    return trainer


def _fresh(model: str) -> Path:
    """A folder that does not exist yet."""
    name = Path("runs") / f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    tries = [name, *(name.with_name(f"{name.name}-{n}") for n in range(2, 100))]
    return next((path for path in tries if not path.exists()), name)


def _as_flag(message: str) -> str:
    """A message that begins with a setting's name, with the option's name instead."""
    name, _, rest = message.partition(" ")
    return f"argument --{name.replace('_', '-')}: {rest}" if name in Config.__dataclass_fields__ else message


def _describe(data: Data) -> dict[str, Any]:
    return {
        "name": data.name,
        "choice": data.choice,
        "digest": data.digest,
        "training": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
        "classes": list(data.test.classes),
    }


def _announce(trainer: Trainer) -> None:
    data, config = trainer.data, trainer.config
    trainer.report.line(
        f"Data: {data.name}: {len(data.train):,} training, {len(data.validation):,} validation, "
        f"{len(data.test):,} test images\n"
        f"Training: {trainer.total:,} steps of {config.batch_size} images, {trainer.steps_per_epoch:,} in an epoch; "
        f"{config.optimizer}, learning rate {config.learning_rate:g}, {config.schedule}\n"
        f"Run folder: {trainer.folder.path}"
    )


def _resume(folder: RunFolder, build: Build, report: Report) -> Trainer | None:
    """The run in ``folder``, as its last checkpoint has it; None if it is finished."""
    saved = folder.open()
    config = Config.from_dict(saved["settings"])
    if config.threads is not None:
        runtime.set_num_threads(config.threads)
    state = load_checkpoint(folder.last) if folder.has_begun() else None
    before = saved["environment"] if state is None else state["environment"]
    if changed := differences(before, environment()):
        report.line(
            f"Warning: since the checkpoint this has changed: {'; '.join(changed)}. "
            "The run goes on, but perhaps not bit for bit."
        )
    data = load_data(config, saved["dataset"]["choice"])
    if data.digest != saved["dataset"]["digest"]:
        raise CheckpointError(
            f"{folder.path} was trained on {saved['dataset']['name']} (SHA-256 {saved['dataset']['digest'][:12]}…), but the "
            f"data that is there now is another: {data.name} ({data.digest[:12]}…)"
        )
    if data.notice:
        report.line(data.notice)
    try:
        trainer = Trainer(config, _build(config, build), data, folder, report)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder.path}: the model of this run cannot be built: {error}") from error
    if state is not None:
        trainer.load_state_dict(state, folder.last)
        if not folder.check_metrics(int(state["metrics_size"])):
            report.line(f"Warning: {folder.metrics} has lost its end; the curves will have a gap.")
    if trainer.finished and (result := folder.read_json("summary.json")) is not None:
        report.line(
            f"The run in {folder.path} is finished: test accuracy {result['test_accuracy']:.2%} on {result['dataset']}. "
            "There is nothing to resume."
        )
        return None
    _announce(trainer)
    report.line(f"Resumed after step {trainer.progress.step:,}, in epoch {trainer.progress.epoch + 1}")
    return trainer
