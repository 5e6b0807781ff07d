"""A run begun or taken up again: from settings, or from a run folder, to a trainer that is ready to fit."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

from .. import random, runtime
from ..errors import CheckpointError
from ..nn import Module
from ..ops.functions import zeros
from ..viz.drawing import draw
from ..viz.graph import Graph
from ..viz.model_summary import Summary, summary
from .checkpoint import Build, Checkpoint, checkpoint_of, load_checkpoint
from .config import MAX_THREADS, Config, Environment, differences, environment
from .console import Report, Silence, framed
from .from_config import IMAGE, Data, check_batch_size, initialise, initialise_from_data, load_data
from .ranks import Ranks
from .run_folder import ConfigFile, RunFolder
from .threads import settle_threads
from .tracking import check_trackers, open_tracking
from .trainer import Trainer


class Prepared(NamedTuple):
    """What a new run needs, made and checked; nothing is written yet."""

    config: Config
    model: Module
    data: Data
    table: Summary
    graph: Graph


def prepare(config: Config, build: Build, folder: RunFolder, ranks: Ranks | None = None) -> Prepared:
    """Make what a new run in ``folder`` needs.

    Raises:
        ValueError, TypeError, OverflowError: a setting cannot be; the message begins with its name.
        MemoryError: the model or its graph is too large.
        OSError: there is something in the folder already, or the data cannot be had.
    """
    check_trackers(config.track)
    model = _build(config, build)
    table = summary(model, IMAGE)
    folder.check_free()
    data = load_data(config)
    initialise_from_data(model, data)
    check_batch_size(model, config.batch_size)
    (ranks or Ranks()).check_batch_size(config.batch_size)
    return Prepared(config, model, data, table, draw(model, zeros(config.batch_size, *IMAGE)))


def begin(
    prepared: Prepared, folder: RunFolder, command: list[str], report: Report, held: ExitStack, ranks: Ranks | None = None
) -> Trainer:
    """Make the folder of a new run, which ``held`` locks, and say what will be done.

    Args:
        prepared: of :func:`prepare`.
        folder: to be made.
        command: the command line, for config.json.
        report: where lines go.
        held: keeps the folder locked.
        ranks: the processes that train it; this one alone by default.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    config, model, data, table, graph = prepared
    if data.notice:
        report.line(framed(data.notice))
    if said := settle_threads(model, config.batch_size, config.threads):
        report.line(said)
    config = dataclasses.replace(config, threads=runtime.get_num_threads())
    trainer = Trainer(config, model, data, folder, report, ranks)
    held.enter_context(folder.created())
    folder.write_json("config.json", _describe_run(command, config, table.parameters, data))
    graph.save(folder.path / "graph.svg")
    report.line(str(table))
    _announce(trainer)
    _track(trainer, held)
    trainer.tracking.graph(graph)
    return trainer


def _build(config: Config, build: Build) -> Module:
    random.manual_seed(config.seed)
    model = build(config.model, **config.options)
    initialise(model, config.init)
    return model


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
        f"{config.optimizer}, learning rate {config.learning_rate:g}, {config.schedule}; threads: {runtime.get_num_threads()}"
        f"{f'; processes: {trainer.ranks.size}' if trainer.ranks.size > 1 else ''}\n"
        f"Run folder: {trainer.folder.path}"
    )


def go_on(folder: RunFolder, build: Build, report: Report, held: ExitStack, ranks: Ranks | None = None) -> Trainer | None:
    """The run in ``folder``, which ``held`` locks, as its last checkpoint has it; None if it is finished, with its test.

    Raises CheckpointError if it cannot be gone on with.
    """
    saved = held.enter_context(folder.opened())
    config = Config.from_dict(saved["settings"], folder.path / "config.json")
    check_trackers(config.track)
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
        initialise_from_data(model, data)
        check_batch_size(model, config.batch_size)
        trainer = Trainer(config, model, data, folder, report, ranks)
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
    _track(trainer, held)
    return trainer


def hand_out(trainer: Trainer) -> None:
    """Give the other ranks the run as it is now."""
    if trainer.ranks.size == 1:
        return
    trainer.ranks.hand_out(
        {
            "state": checkpoint_of(trainer, 0),
            "choice": trainer.data.choice,
            "folder": str(trainer.folder.path),
            "threads": runtime.get_num_threads(),
        }
    )


def follow(run: dict[str, Any], build: Build, ranks: Ranks) -> Trainer:
    """On another rank than 0: the run that was handed out, ready to fit.

    Raises CheckpointError if it cannot be made here, because the data, or the program, is another.
    """
    state = run["state"]
    runtime.set_num_threads(run["threads"])
    config = Config.from_dict(state["config"])
    data = load_data(config, run["choice"])
    if data.digest != state["dataset"]["digest"]:
        raise CheckpointError(f"the data here is another than rank 0's: {data.name} ({data.digest[:12]}…)")
    trainer = Trainer(config, _build(config, build), data, RunFolder(run["folder"]), Silence(), ranks)
    trainer.load_state_dict(state, "what rank 0 has sent")
    return trainer


def _track(trainer: Trainer, held: ExitStack) -> None:
    trainer.tracking = open_tracking(trainer.config, trainer.folder, trainer.report, trainer.progress.step)
    held.callback(trainer.tracking.close)


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


def _take_threads(config: Config, before: Environment) -> None:
    """As many threads as the run had: another number may round differently. With another number of processes it does so
    anyway, and theirs is what is left."""
    if before.get("processes", 1) != environment()["processes"]:
        return
    threads = config.threads or before.get("threads")
    if type(threads) is int and 0 < threads <= MAX_THREADS:
        runtime.set_num_threads(threads)
