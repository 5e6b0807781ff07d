"""Train with many settings, and find those that do best in validation: the space of them is a TOML file.

The same command given again goes on where it was stopped, by whatever; given while another process works on the study, here or
on a machine that sees the folder, it helps.
"""

from __future__ import annotations

import argparse
import logging
import signal
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import models
from tinygrad_fm import runtime
from tinygrad_fm.errors import CheckpointError, NonFiniteLossError
from tinygrad_fm.training import Interrupted, RunFolder, Silence, StopRequest
from tinygrad_fm.training.start import begin, go_on, prepare

from .sweep_space import Space, read_space
from .sweep_study import Claim, Study, import_optuna

_FAILURES = (NonFiniteLossError, CheckpointError, ValueError, TypeError, OverflowError, MemoryError)


_VIZ = logging.getLogger("tinygrad_fm.viz")

STATES = {"COMPLETE": "complete", "PRUNED": "given up early", "FAIL": "failed", "RUNNING": "unfinished", "WAITING": "waiting"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("space", type=Path, metavar="SPACE.toml", help="what to try; examples/sweep_mlp.toml is one")
    parser.add_argument("--out", type=Path, metavar="STUDY", help="folder of the study (default: runs/ and the file's name)")
    parser.add_argument("--storage", metavar="URL", help="a database for the trials, in place of a journal in the folder")


def run(args: argparse.Namespace) -> int:
    """Work on the study until its budget is used up."""
    space = read_space(args.space)
    folder: Path = args.out or Path("runs") / args.space.stem
    study = Study(folder, args.storage)
    study.settle(space)
    study.optuna.pruner = _pruner(space)
    runtime.tune_allocator()
    print(f"Study {folder}: {_count(study)}", flush=True)
    with StopRequest() as stop:
        try:
            while stop.signal is None and (claim := study.take(space)) is not None:
                with claim:
                    _work_on(claim, space, stop)
                _say(claim, study, space)
            stop.check()
        except (Interrupted, KeyboardInterrupt) as stopped:
            number = stopped.signal if isinstance(stopped, Interrupted) else signal.SIGINT
            print("\nStopped. The same command goes on.")
            return 128 + number
    _say_end(study, space, folder)
    return 0


def _pruner(space: Space) -> Any:
    pruners = import_optuna().pruners
    if space.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=10, n_warmup_steps=1)
    if space.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=space.fixed.get("epochs", "auto"))
    return pruners.NopPruner()


def _work_on(claim: Claim, space: Space, stop: StopRequest) -> None:
    """Train a trial with each seed, from where it was cut off, and note what came of it."""
    pruned = import_optuna().TrialPruned
    claim.note(command=["python", *space.command(claim.chosen)])
    try:
        for seed, folder in enumerate(claim.runs):
            _train(claim, folder, space, seed, stop)
    except pruned:
        claim.note(seconds=_seconds(claim))
        claim.pruned()
    except _FAILURES as error:
        claim.note(seconds=_seconds(claim))
        claim.failed(_reason(error))
    else:
        values = [_value(folder, space) for folder in claim.runs]
        claim.note(seconds=_seconds(claim), values=values)
        claim.complete(sum(values) / len(values))


def _train(claim: Claim, folder: RunFolder, space: Space, seed: int, stop: StopRequest) -> None:
    """One run, begun or gone on with. The test set is not looked at."""
    with warnings.catch_warnings(), ExitStack() as held:
        warnings.simplefilter("ignore")
        held.callback(runtime.set_num_threads, runtime.get_num_threads())
        held.callback(_VIZ.setLevel, _VIZ.level)
        _VIZ.setLevel(logging.ERROR)  # that there is no dot program need not be said of each trial
        if (folder.path / "config.json").exists():
            trainer = go_on(folder, models.build, Silence(), held)
        else:
            config = space.config(claim.chosen, seed)
            prepared = prepare(config, models.build, folder)
            trainer = begin(prepared, folder, space.command(claim.chosen, seed), Silence(), held)
        if trainer is not None:
            trainer.fit(stop, None if seed else lambda record: _report(claim, record, trainer.finished))


def _report(claim: Claim, record: Any, finished: bool) -> None:
    """Tell the study how a trial does after an epoch; give it up if others did better."""
    if record["epoch"] not in claim.trial.study.get_trials(deepcopy=False)[claim.number].intermediate_values:
        claim.trial.report(record["val_accuracy"], record["epoch"])
    if not finished and claim.trial.should_prune():
        raise import_optuna().TrialPruned


def _epochs(folder: RunFolder) -> list[dict[str, Any]]:
    return [record for record in folder.read_metrics() if record["kind"] == "epoch"]


def _value(folder: RunFolder, space: Space) -> float:
    """The validation accuracy of the weights that the run would be tested with: the last, with early stopping the best."""
    accuracies = [float(record["val_accuracy"]) for record in _epochs(folder)]
    return max(accuracies) if space.fixed.get("early_stopping") else accuracies[-1]


def _seconds(claim: Claim) -> float:
    """How long the runs of a trial have been trained."""
    found = 0.0
    for folder in claim.runs:
        try:
            found += max((record["seconds"] for record in _epochs(folder)), default=0.0)
        except CheckpointError:  # damaged, which is why the trial failed
            continue
    return round(found, 3)


def _reason(error: BaseException) -> str:
    kind = "" if isinstance(error, NonFiniteLossError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())


# -- what is said ----------------------------------------------------------------------------------------------------


def _count(study: Study) -> str:
    states = [trial.state.name for trial in study.optuna.get_trials(deepcopy=False)]
    found = [f"{states.count(state)} {word}" for state, word in STATES.items() if state in states]
    return f"{len(states)} trials" + (f": {', '.join(found)}" if found else "")


def _say(claim: Claim, study: Study, space: Space) -> None:
    """A line about a trial that has ended."""
    trial = study.optuna.get_trials(deepcopy=False)[claim.number]
    settings = "  ".join(f"{name} {short(value)}" for name, value in claim.chosen.items())
    result = {
        "COMPLETE": f"{trial.value or 0:7.2%}",
        "PRUNED": f"given up after epoch {max(trial.intermediate_values, default=0)}",
        "FAIL": f"failed: {trial.user_attrs.get('reason', '')}",
    }[trial.state.name]
    of = f"/{space.trials}" if space.trials else ""
    print(f"{time.strftime('%H:%M:%S')} trial {claim.number + 1}{of}  {settings}  |  {result}", flush=True)


def short(value: Any) -> str:
    """A value in a line or a table."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _say_end(study: Study, space: Space, folder: Path) -> None:
    done = [trial for trial in study.optuna.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    print(f"Study {folder}: {_count(study)}")
    if done:
        best = max(done, key=lambda trial: trial.value)
        where = study.runs(best.number, space.seeds)[0].path
        print(f"Best in validation: trial {best.number + 1} with {best.value:.2%}, in {where}")
        print(f"Pictures: python -m apps sweep-report {folder}")
