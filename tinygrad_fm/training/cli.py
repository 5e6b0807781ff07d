"""What a training script does: from a command line to a run folder and an exit code.

Exit codes: 0 the run is finished, 1 it failed, 2 the arguments were wrong and nothing was written, 128 + n it was stopped by
signal n (130 for Ctrl-C) and can be resumed.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .. import runtime
from ..errors import CheckpointError, DataError, MissingExtraError, NonFiniteLossError
from .checkpoint import Build
from .cli_arguments import ModelOptions, config_of, make_parser
from .config import Config
from .console import Report, run_command
from .final_test import finish
from .interrupt import Interrupted, StopRequest
from .ranks import Ranks, join
from .run_folder import RunFolder
from .start import begin, follow, go_on, hand_out, prepare
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

    >>> import models
    >>> from tinygrad_fm import training
    >>> training.main("train.py", "Train.", training.Config(), models.build, lambda group: None, ["--epochs", "few"])
    Traceback (most recent call last):
      ...
    SystemExit: 2
    """
    try:
        ranks = join()
    except (MissingExtraError, RuntimeError) as error:
        return _fail(str(error))
    if ranks.rank:
        return ranks.run(lambda: run_command(lambda: _follow(build, ranks)))
    parser = make_parser(prog, description, defaults, model_options)
    return ranks.run(lambda: run_command(lambda: _main(parser, argv, defaults, build, ranks)))


def _main(parser: argparse.ArgumentParser, argv: list[str] | None, defaults: Config, build: Build, ranks: Ranks) -> int:
    argv = sys.argv[1:] if argv is None else argv
    given = vars(parser.parse_args(argv))
    report = Report()
    resume = given.pop("resume", None)
    if resume is not None and given:
        parser.error(f"--resume goes on with the settings of the run; leave out {_flags(given)}")
    start = f"mpiexec -n {ranks.size} python" if ranks.size > 1 else "python"
    where = Path(resume) if resume is not None else None
    runtime.tune_allocator()
    try:
        with warnings.catch_warnings(), ExitStack() as held:  # which holds the lock on the folder
            held.callback(runtime.set_num_threads, runtime.get_num_threads())
            held.callback(runtime.on_compiling, None)
            runtime.on_compiling(report.line)
            warnings.showwarning = lambda message, *_, **__: report.line(f"Warning: {message}")  # no line of our code
            if resume is not None:
                trainer = go_on(RunFolder(resume), build, report, held, ranks)
            else:
                trainer = _start(parser, given, argv, defaults, build, report, held, ranks)
            if trainer is None:
                return 0
            where = trainer.folder.path
            with StopRequest() as stop:
                hand_out(trainer)
                trainer.fit(stop)
                finish(trainer, stop)
    except (Interrupted, KeyboardInterrupt) as stopped:
        number = stopped.signal if isinstance(stopped, Interrupted) else signal.SIGINT
        again = "" if where is None else f" Go on with: {start} {parser.prog} --resume {where}"
        report.line(f"\nStopped.{again}")
        return 128 + number
    except BrokenPipeError:
        raise
    except (CheckpointError, DataError, MissingExtraError, NonFiniteLossError) as error:
        return _fail(str(error))
    except OSError as error:
        again = f" What was saved before is whole: when it is mended, {start} {parser.prog} --resume {where}" if where else ""
        return _fail(f"{error.filename or 'the run folder'}: {error.strerror or error}.{again}")
    return 0


def _follow(build: Build, ranks: Ranks) -> int:
    """What another rank than 0 does: make the steps of the run that it is handed. Rank 0 says what there is to say."""
    run = ranks.receive()
    if run is None:
        return 0
    runtime.tune_allocator()
    try:
        with StopRequest() as stop:
            follow(run, build, ranks).fit(stop)
    except (Interrupted, NonFiniteLossError) as error:  # as on all ranks
        return 128 + error.signal if isinstance(error, Interrupted) else 1
    except (CheckpointError, DataError, OSError) as error:
        return _fail(f"rank {ranks.rank}: {error}")
    return 0


def _flags(given: dict[str, Any]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in given)


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


def _start(
    parser: argparse.ArgumentParser,
    given: dict[str, Any],
    argv: list[str],
    defaults: Config,
    build: Build,
    report: Report,
    held: ExitStack,
    ranks: Ranks,
) -> Trainer:
    """A new run: everything is checked before anything is written."""
    out = given.pop("out", None)
    try:
        config = config_of(given, defaults)
        folder = RunFolder(out or _fresh(config.model))
        prepared = prepare(config, build, folder, ranks)
    except (ValueError, TypeError, OverflowError) as error:
        parser.error(_as_flag(str(error)))
    except MemoryError as error:
        parser.error(f"there is not enough memory for this model and --batch-size: {error}")
    except (OSError, MissingExtraError) as error:
        parser.error(str(error))
    try:
        return begin(prepared, folder, [parser.prog, *argv], report, held, ranks)
    except OSError as error:
        parser.error(f"argument --out: {error}")


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
