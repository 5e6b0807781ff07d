"""The study of a sweep: which trials there are, who works on which, and what came of them.

The folder of a study:

journal.log      Optuna's journal of all trials, unless they are in a database
study.lock       held by a process while it takes a trial
trials/0007      the run folder of trial 7; 0007-1, 0007-2 … with several seeds
trials/0007.lock held by the process that works on trial 7, as long as it lives
report/          what ``python -m apps sweep-report`` makes
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tinygrad_fm.atomic_files import lock
from tinygrad_fm.errors import MissingExtraError
from tinygrad_fm.training import RunFolder

from .sweep_space import Space

if TYPE_CHECKING:
    import optuna

_SILENT = 120.0  # seconds without a sign of life after which a process of another machine is taken for dead


def import_optuna() -> Any:
    """Optuna, which says nothing. Raises MissingExtraError."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("sweeps need Optuna; it comes with: pip install '.[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class _JournalLock:
    """Lets one process write to the journal; what a process held that died is free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Wait for it."""
        self._file = wait_for(self._path)
        return True

    def release(self) -> None:
        """Give it to others."""
        assert self._file is not None
        self._file.close()


def wait_for(path: Path) -> BinaryIO:
    """Open and lock a file, when no other process has it locked."""
    file = open(path, "ab")  # noqa: SIM115  # open as long as it is locked
    try:
        while not lock(file):
            time.sleep(0.01)
    except BaseException:
        file.close()
        raise
    return file


class Study:
    """The trials of a sweep, shared by all processes that see its folder.

    Args:
        folder: made if it is not there.
        storage: the address of a database in place of the journal.
        make: begin a study where there is none.

    Raises:
        ValueError: there is no study, or no such database.
        MissingExtraError: Optuna is not installed.

    Attributes:
        optuna: the study as Optuna has it.
    """

    def __init__(self, folder: Path, storage: str | None = None, make: bool = True) -> None:
        optuna = import_optuna()
        self.folder, self.trials = folder, folder / "trials"
        journal, name = folder / "journal.log", folder.resolve().name
        if not make and storage is None and not journal.exists():
            hint = "; if its trials are in a database, give --storage" if folder.is_dir() else ""
            raise ValueError(f"{folder} is not the folder of a study: it has no journal.log{hint}")
        self.trials.mkdir(parents=True, exist_ok=True)
        with self.alone():
            if storage is None:
                _end_last_line(journal)
                backend = optuna.storages.journal.JournalFileBackend(str(journal), _JournalLock(folder / "journal.lock"))
                opened = optuna.storages.JournalStorage(backend)
            else:
                opened = _open_database(storage)
            if make:
                self.optuna = optuna.create_study(storage=opened, study_name=name, direction="maximize", load_if_exists=True)
            else:
                try:
                    self.optuna = optuna.load_study(storage=opened, study_name=name)
                except KeyError as error:
                    raise ValueError(f"{folder}: its {'database' if storage else 'journal'} holds no study {name}") from error

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process takes a trial within."""
        with wait_for(self.folder / "study.lock"):
            yield

    # -- the space ---------------------------------------------------------------------------------------------------

    def settle(self, space: Space) -> None:
        """Begin the study with a space, or see that it is the one it was begun with; the budget may be another.

        Raises ValueError if it is not.
        """
        with self.alone():
            wanted = json.loads(json.dumps(space.identity()))
            begun = self.optuna.user_attrs.get("space")
            if begun is None:
                self.optuna.set_user_attr("space", wanted)
            elif begun != wanted:
                raise ValueError(
                    f"{self.folder} was begun with another space: {'; '.join(_differences(begun, wanted))}. Put the "
                    "file back to go on with this study, or choose another --out"
                )
            grid = len(space.grid()) if space.sampler == "grid" else None
            most = min((count for count in (space.trials, grid) if count is not None), default=None)
            budget = {"trials": most, "seconds": space.seconds}
            if self.optuna.user_attrs.get("budget") != budget:
                self.optuna.set_user_attr("budget", budget)

    def make_sampler(self, space: Space, number: int) -> Any:
        """The sampler of one trial: what it proposes follows from the seed, the trial's number and the results so far, in
        whatever process."""
        optuna = import_optuna()
        seed = (space.seed * 1_000_003 + number) % 2**32
        if space.sampler != "tpe":
            return optuna.samplers.RandomSampler(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)

    # -- taking trials -----------------------------------------------------------------------------------------------

    def take(self, space: Space) -> Claim | None:
        """A trial to work on: one that was cut off, else a new one; None if the budget is used up."""
        with self.alone():
            trials = self.optuna.get_trials(deepcopy=False)
            for trial in trials:
                if trial.state.name == "RUNNING" and (claim := self._claim(trial.number, trial._trial_id, space)) is not None:
                    return claim
            number = len(trials)
            waiting = [trial.number for trial in trials if trial.state.name == "WAITING"]
            if not waiting and self.is_used_up(trials):
                return None
            self.optuna.sampler = self.make_sampler(space, number)
            if space.sampler != "tpe" and not waiting:  # what it tries is written down at once: it may be cut off any time
                self.optuna.enqueue_trial(space.grid()[number] if space.sampler == "grid" else self._drawn(space, number))
            asked = self.optuna.ask()
            return self._claim(asked.number, asked._trial_id, space)

    def _drawn(self, space: Space, number: int) -> dict[str, Any]:
        """What the random sampler gives a trial."""
        return space.suggest(import_optuna().create_study(sampler=self.make_sampler(space, number)).ask())

    def is_used_up(self, trials: list[Any]) -> bool:
        """Whether the budget allows no trial beyond these."""
        budget = self.optuna.user_attrs["budget"]
        if budget["trials"] is not None and len(trials) >= budget["trials"]:
            return True
        return budget["seconds"] is not None and sum(t.user_attrs.get("seconds", 0.0) for t in trials) >= budget["seconds"]

    def _claim(self, number: int, id: int, space: Space) -> Claim | None:
        """The trial, if no living process works on it."""
        path = self.trials / f"{number + 1:04d}.lock"
        file = open(path, "a+b")  # noqa: SIM115  # open as long as the trial is worked on
        ended = not lock(file) or self.optuna.get_trials(deepcopy=False)[number].state.name != "RUNNING"  # in the meantime
        if ended or self._is_elsewhere(file, number, space):
            file.close()
            return None
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}).encode())
        file.flush()
        self.optuna.sampler = self.make_sampler(space, number)
        return Claim(self, import_optuna().trial.Trial(self.optuna, id), space, file)

    def _is_elsewhere(self, file: BinaryIO, number: int, space: Space) -> bool:
        """Whether a process of another machine has given a sign of life of late: not every shared folder passes locks on.

        Signs are what it writes: the lock file and the metrics. The clock is that of the machine that keeps the files.
        """
        file.seek(0)
        try:
            host = json.loads(file.read())["host"]
        except (ValueError, KeyError, TypeError):
            return False
        if host == socket.gethostname():
            return False
        clock = self.folder / "study.lock"
        os.utime(clock)
        signs = [self.trials / f"{number + 1:04d}.lock", *(run.metrics for run in self.runs(number, space.seeds))]
        latest = max(path.stat().st_mtime for path in signs if path.exists())
        return clock.stat().st_mtime - latest < _SILENT

    def runs(self, number: int, seeds: int) -> list[RunFolder]:
        """The run folders of a trial, one for each seed."""
        name = f"{number + 1:04d}"
        names = [name] if seeds == 1 else [f"{name}-{seed + 1}" for seed in range(seeds)]
        return [RunFolder(self.trials / name) for name in names]


class Claim:
    """A trial that this process works on, until it is closed or the process ends.

    Attributes:
        trial: as Optuna has it.
        number: of the trial, from 0 on, as Optuna counts; names and messages count from 1 on.
        chosen: what it tries.
        runs: its run folders.
    """

    def __init__(self, study: Study, trial: optuna.Trial, space: Space, file: BinaryIO) -> None:
        self._study, self._file = study, file
        self.trial, self.number = trial, trial.number
        self.chosen = space.suggest(trial)
        self.runs = study.runs(trial.number, space.seeds)

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leave the trial to others."""
        if not self._file.closed:
            self._file.truncate(0)
            self._file.close()

    def note(self, **facts: Any) -> None:
        """Keep facts with the trial."""
        for name, value in facts.items():
            self.trial.set_user_attr(name, value)

    def complete(self, value: float) -> None:
        """It is done, with this validation accuracy."""
        self._study.optuna.tell(self.number, value)

    def pruned(self) -> None:
        """It was given up, as others did better."""
        self._study.optuna.tell(self.number, state=import_optuna().trial.TrialState.PRUNED)

    def failed(self, reason: str) -> None:
        """It could not be trained."""
        self.note(reason=reason)
        self._study.optuna.tell(self.number, state=import_optuna().trial.TrialState.FAIL)


def _open_database(address: str) -> Any:
    """Optuna's storage in a database. Raises ValueError if there is none, ImportError without its driver."""
    try:
        return import_optuna().storages.get_storage(address)
    except ImportError:
        raise
    except Exception as error:  # of the many kinds that SQLAlchemy and the drivers have; the address may hold a password
        raise ValueError(f"the database of --storage cannot be opened: {str(error).splitlines()[0]}") from error


def _end_last_line(path: Path) -> None:
    """Cut off half a line at the end of the journal, which a power cut may leave. (The study is locked meanwhile.)"""
    if not path.exists():
        return
    with wait_for(path.with_name("journal.lock")), open(path, "r+b") as file:
        end = file.seek(0, io.SEEK_END)
        start = max(0, end - (1 << 20))
        file.seek(start)
        tail = file.read()
        if tail and not tail.endswith(b"\n"):
            file.truncate(start + tail.rfind(b"\n") + 1)


def _differences(begun: Any, wanted: Any, path: str = "") -> list[str]:
    """In what two JSON values differ, in words."""
    if isinstance(begun, dict) and isinstance(wanted, dict):
        found = []
        for key in [*begun, *(key for key in wanted if key not in begun)]:
            name = f"{path}.{key}" if path else key
            if key not in wanted:
                found.append(f"{name} is gone")
            elif key not in begun:
                found.append(f"{name} is new")
            else:
                found += _differences(begun[key], wanted[key], name)
        return found
    return [] if begun == wanted else [f"{path} is {wanted!r}, and was {begun!r}"]
