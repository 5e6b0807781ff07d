"""Training runs as processes of their own, which go on when the page, or the app, is closed.

A run that was started here is found again by its folder. The process writes what it says to ``process.log``, which it holds
locked as long as it lives, so that no other process is ever taken for it; ``process.json`` has its number.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, TypedDict

from tinygrad_fm.atomic_files import PATIENCE, lock
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.schema import Rule
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.run_folder import PROCESS_FACTS, PROCESS_LOG

_ROOT = Path(__file__).resolve().parents[2]
_PROMPT = b"$ "  # the command, at the head of what a process says
_TAIL = 16_384
_ERROR = re.compile(r"^(train_\w+\.py: )?error: ", re.MULTILINE)
_looking = threading.Lock()  # who looks whether a log is locked has it for a moment: no run begins meanwhile


class _Facts(TypedDict):
    pid: Annotated[int, Rule("the number of a process", lambda v: 1 < v < 2**31)]
    command: list[str]


def start(folder: Path, script: str, arguments: list[str]) -> None:
    """Start a new run.

    Args:
        folder: to be made.
        script: "train_mlp.py" or "train_cnn.py".
        arguments: of its command line, but ``--out``.

    Raises:
        FileExistsError: there is something at ``folder``; of two starts at once, one gets this.
        OSError: the folder cannot be written to, or no process can be started; nothing is left behind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    try:
        _spawn(folder, script, ["--out", str(folder), *arguments])
    except BaseException:
        forget(folder)
        raise


def resume(folder: Path, script: str) -> None:
    """Go on with a run, with its own settings.

    Raises:
        CheckpointError: a process trains it already. OSError: no process can be started.
    """
    if trained_elsewhere(folder):
        raise CheckpointError(f"{folder.name} is being trained by another process")
    _spawn(folder, script, ["--resume", str(folder)])


def _spawn(folder: Path, script: str, arguments: list[str]) -> None:
    if os.name != "posix":  # a process that holds no terminal gets no Ctrl-C there
        raise OSError(f"runs are started from here on Linux and macOS; in a terminal: {_shown(script, arguments)}")
    command = [sys.executable, str(_ROOT / script), *arguments]
    with _looking, open(folder / PROCESS_LOG, "ab", buffering=0) as log:
        if not lock(log, PATIENCE):
            raise CheckpointError(f"{folder.name} is being trained already")
        log.write(_PROMPT + _shown(script, arguments).encode(errors="backslashreplace") + b"\n")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        threading.Thread(target=process.wait, daemon=True).start()  # else it would be kept in the table of processes
        try:
            RunFolder(folder).write_json(PROCESS_FACTS, {"pid": process.pid, "command": command})
        except BaseException:
            process.kill()
            raise


def _shown(script: str, arguments: list[str]) -> str:
    return subprocess.list2cmdline(["python", script, *arguments])


def is_running(folder: Path) -> bool:
    """Whether a process that was started here works on the run."""
    return _is_locked(folder / PROCESS_LOG)


def trained_elsewhere(folder: Path) -> bool:
    """Whether another process trains it, such as one in a terminal."""
    return not is_running(folder) and _is_locked(folder / "metrics.jsonl")


def _is_locked(path: Path) -> bool:
    with _looking, contextlib.suppress(OSError), open(path, "r+b") as file:
        return not lock(file)
    return False


def stop(folder: Path) -> None:
    """Ask a run to stop after its present step, with a checkpoint, as Ctrl-C would.

    The signal is SIGTERM, which the scripts take for the same and which may come twice: a second Ctrl-C would cut the step off.

    Raises CheckpointError if no process that was started here works on it.
    """
    running = is_running(folder)  # first: it waits for a start that is under way, which writes the number anew
    facts: _Facts | None = RunFolder(folder).read_json(PROCESS_FACTS, _Facts)
    if facts is None or not running:
        raise CheckpointError(f"no process that was started here trains {folder.name}")
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(facts["pid"], signal.SIGTERM)


def said(folder: Path) -> str:
    """What the last process that was started here has said, or the end of it; "" if there was none."""
    try:
        with open(folder / PROCESS_LOG, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            text = file.read()
    except OSError:
        return ""
    begin = text.rfind(b"\n" + _PROMPT) + 1
    return text[begin:].decode(errors="replace").strip()


def complaint(folder: Path) -> str:
    """Why that process ended, if it was not stopped and is not through: its last words. "" if it complained of nothing."""
    text = said(folder)
    if found := list(_ERROR.finditer(text)):
        return text[found[-1].end() :].strip()
    return text.splitlines()[-1] if "Traceback (most recent call last)" in text else ""


def await_start(folder: Path, seconds: float = 20.0) -> str:
    """Wait until a run has begun, or is long about it (it may have much to read), or has ended; then why, else "".

    A run that ended before it began, as its settings cannot be, leaves nothing behind.
    """
    until = time.monotonic() + seconds
    while is_running(folder) and not (folder / "config.json").exists() and time.monotonic() < until:
        time.sleep(0.05)
    if is_running(folder) or (folder / "config.json").exists():
        return ""
    why = complaint(folder) or said(folder) or "the process has ended without a word"
    forget(folder)
    return why


def forget(folder: Path) -> None:
    """Remove what a start has left that came to nothing."""
    for name in (PROCESS_LOG, PROCESS_FACTS):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
