"""What a training script does: from a command line to a run folder and an exit code.

Exit codes: 0 the run is finished, 1 it failed, 2 the arguments were wrong and nothing was written, 128 + n it was stopped by
signal n (130 for Ctrl-C) and can be resumed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import signal
import sys
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .. import random, runtime
from ..errors import CheckpointError, DataError, NonFiniteLossError
from ..nn import Module
from ..ops.functions import zeros
from ..viz.drawing import draw
from ..viz.model_summary import summary
from .checkpoint import Build, Checkpoint, load_checkpoint
from .cli_arguments import ModelOptions, config_of, make_parser
from .config import MAX_THREADS, Config, Environment, differences, environment
from .console import Report, framed, run_command
from .final_test import finish
from .from_config import IMAGE, Data, check_batch_size, initialise, load_data
from .interrupt import Interrupted, StopRequest
from .run_folder import ConfigFile, RunFolder
from .threads import settle_threads
from .trainer import Trainer


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
    return run_command(lambda: _main(make_parser(prog, description, defaults, model_options), argv, defaults, build))


def _main(parser: argparse.ArgumentParser, argv: list[str] | None, defaults: Config, build: Build) -> int:
    argv = sys.argv[1:] if argv is None else argv
    given = vars(parser.parse_args(argv))
    report = Report()
    resume = given.pop("resume", None)
    if resume is not None and given:
        parser.error(f"--resume goes on with the settings of the run; leave out {_flags(given)}")
    where = Path(resume) if resume is not None else None
    runtime.tune_allocator()
    try:
        with warnings.catch_warnings(), ExitStack() as held:  # which holds the lock on the folder
            held.callback(runtime.set_num_threads, runtime.get_num_threads())
            warnings.showwarning = lambda message, *_, **__: report.line(f"Warning: {message}")  # no line of our code
            if resume is not None:
                trainer = _resume(RunFolder(resume), build, report, held)
            else:
                trainer = _start(parser, given, argv, defaults, build, report, held)
            if trainer is None:
                return 0
            where = trainer.folder.path
            with StopRequest() as stop:
                trainer.fit(stop)
                finish(trainer, stop)
    except (Interrupted, KeyboardInterrupt) as stopped:
        number = stopped.signal if isinstance(stopped, Interrupted) else signal.SIGINT
        again = "" if where is None else f" Go on with: python {parser.prog} --resume {where}"
        report.line(f"\nStopped.{again}")
        return 128 + number
    except BrokenPipeError:
        raise
    except (CheckpointError, DataError, NonFiniteLossError) as error:
        return _fail(str(error))
    except OSError as error:
        again = f" What was saved before is whole: when it is mended, python {parser.prog} --resume {where}" if where else ""
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
    parser: argparse.ArgumentParser,
    given: dict[str, Any],
    argv: list[str],
    defaults: Config,
    build: Build,
    report: Report,
    held: ExitStack,
) -> Trainer:
    """A new run: everything is checked before anything is written."""
    out = given.pop("out", None)
    try:
        config = config_of(given, defaults)
        model = _build(config, build)
        table = summary(model, IMAGE)
        folder = RunFolder(out or _fresh(config.model))
        folder.check_free()
        data = load_data(config)
        check_batch_size(model, config.batch_size)
        graph = draw(model, zeros(config.batch_size, *IMAGE))
    except (ValueError, TypeError, OverflowError) as error:
        parser.error(_as_flag(str(error)))
    except MemoryError as error:
        parser.error(f"there is not enough memory for this model and --batch-size: {error}")
    except OSError as error:
        parser.error(str(error))
    if data.notice:
        report.line(framed(data.notice))
    if said := settle_threads(model, config.batch_size, config.threads):
        report.line(said)
    config = dataclasses.replace(config, threads=runtime.get_num_threads())
    trainer = Trainer(config, model, data, folder, report)
    try:
        held.enter_context(folder.created())
        folder.write_json("config.json", _describe_run([parser.prog, *argv], config, table.parameters, data))
        graph.save(folder.path / "graph.svg")
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
    found = re.match(r"(\w+)(\[\d+\])? (.*)", message, re.DOTALL)
    return (
        f"argument --{found[1].replace('_', '-')}: {found[3]}" if found and found[1] in Config.__dataclass_fields__ else message
    )


def _describe_run(command: list[str], config: Config, parameters: int, data: Data) -> dict[str, Any]:
    """What config.json says."""
    return {
        "command": command,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "settings": config.as_dict(),
        "model": {"name": config.model, "options": config.options, "parameters": parameters},
        "dataset": {
            "name": data.name,
            "choice": data.choice,
            "digest": data.digest,
            "training": len(data.train),
            "validation": len(data.validation),
            "test": len(data.test),
            "classes": list(data.test.classes),
        },
        "environment": environment(),
    }


def _announce(trainer: Trainer) -> None:
    data, config = trainer.data, trainer.config
    trainer.report.line(
        f"Data: {data.name}: {len(data.train):,} training, {len(data.validation):,} validation, "
        f"{len(data.test):,} test images\n"
        f"Training: {trainer.total:,} steps of {config.batch_size} images, {trainer.steps_per_epoch:,} in an epoch; "
        f"{config.optimizer}, learning rate {config.learning_rate:g}, {config.schedule}; threads: {runtime.get_num_threads()}\n"
        f"Run folder: {trainer.folder.path}"
    )


def _resume(folder: RunFolder, build: Build, report: Report, held: ExitStack) -> Trainer | None:
    """The run in ``folder``, as its last checkpoint has it; None if it is finished."""
    saved = held.enter_context(folder.opened())
    config = Config.from_dict(saved["settings"], folder.path / "config.json")
    state = load_checkpoint(folder.last) if folder.has_begun() else None
    if state is not None:
        _check_unchanged(folder, saved, config, state)
    before = saved["environment"] if state is None else state["environment"]
    _take_threads(config, before)
    if changed := differences(before, environment()):
        report.line(
            f"Warning: since the checkpoint this has changed: {'; '.join(changed)}. "
            "The run goes on, but perhaps not bit for bit."
        )
    try:
        data = load_data(config, saved["dataset"]["choice"])
        if {data.digest} != {saved["dataset"]["digest"], (state or saved)["dataset"]["digest"]}:
            raise CheckpointError(
                f"{folder.path} was trained on {saved['dataset']['name']} (SHA-256 {saved['dataset']['digest'][:12]}…), but "
                f"the data that is there now is another: {data.name} ({data.digest[:12]}…)"
            )
        model = _build(config, build)
        check_batch_size(model, config.batch_size)
        trainer = Trainer(config, model, data, folder, report)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise CheckpointError(f"{folder.path / 'config.json'}: this run cannot be made again: {error}") from error
    if data.notice:
        report.line(framed(data.notice))
    if state is not None:
        trainer.load_state_dict(state, folder.last)
        for _ in folder.read_metrics(state["metrics_size"]):  # damage is named now, not when the curves are drawn
            pass
    if trainer.finished and (result := folder.read_summary()) is not None:
        report.line(
            f"The run in {folder.path} is finished: test accuracy {result['test_accuracy']:.2%} on {result['dataset']}. "
            "There is nothing to resume."
        )
        return None
    _announce(trainer)
    report.line(f"Resumed after step {trainer.progress.step:,}, in epoch {trainer.progress.epoch + 1}")
    return trainer


def _check_unchanged(folder: RunFolder, saved: ConfigFile, config: Config, state: Checkpoint) -> None:
    """Raise CheckpointError if config.json was changed since the run began: its checkpoint has the settings too."""
    own = Config.from_dict(state["config"], folder.last)
    pairs = {name: (getattr(config, name), getattr(own, name)) for name in Config.__dataclass_fields__}
    pairs |= {f"model {key}": (saved["model"].get(key), state["model"][key]) for key in ("name", "options")}
    changed = [
        f"{name} is {str(now)[:80]} in config.json and {str(before)[:80]} in the checkpoint"
        for name, (now, before) in pairs.items()
        if json.dumps(now) != json.dumps(before)
    ]
    if changed:
        raise CheckpointError(
            f"{folder.path / 'config.json'} does not say what {folder.last} was trained with: {'; '.join(changed[:5])}. A run "
            "goes on with the settings that it began with: put config.json back, or begin a new run with other settings."
        )


def _take_threads(config: Config, environment: Environment) -> None:
    """As many threads as the run had: another number may round differently."""
    threads = config.threads or environment.get("threads")
    if type(threads) is int and 0 < threads <= MAX_THREADS:
        runtime.set_num_threads(threads)
