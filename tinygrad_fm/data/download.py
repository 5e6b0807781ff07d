"""Download a file of known size and SHA-256: resumed where it broke off, checked before anybody sees it.

The bytes gather in a ``.part`` file beside the target. A process renames the ``.part`` to a name of its own while it
works on it, and back if it has to give up, so two processes never write into one file, and the next attempt goes on
where the last one stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..files import put_in_place
from .cache import reason

if TYPE_CHECKING:
    import urllib.request

__all__ = ["NotAvailableError"]

CONNECT_SECONDS = 6.0  #: until a server must have begun to answer, names looked up and all its addresses tried
READ_SECONDS = 15.0  #: until the next bytes must have come
ATTEMPTS = 4  #: at one source, as long as each brings something
BLOCK = 1 << 16
STALE_SECONDS = 120.0  #: a part file not written to for so long belongs to a process that is gone


class NotAvailableError(DataError):
    """The data is not on this machine and could not be brought here; the message tells what each source answered."""


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its size in bytes and its SHA-256 in hex digits."""

    name: str
    size: int
    sha256: str


class _BadAnswer(Exception):
    """A source answered something that cannot be used."""


def download(file: RemoteFile, urls: Sequence[str], folder: Path, progress: bool = True) -> Path:
    """Fetch ``file`` from the first of ``urls`` that delivers it, into ``folder``, which is made if need be.

    Args:
        file: what is wanted.
        urls: where it can be had, tried in turn.
        folder: where it goes, under its own name; a file that is there already is replaced.
        progress: show a bar on a terminal if tqdm is installed.

    Returns:
        The path of the complete, verified file.

    Raises:
        NotAvailableError: no source delivered the file, or the folder cannot be written to.
    """
    target = folder / file.name
    failures = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _part_file(target) as part, _progress_bar(file, progress) as advance:
            for url in urls:
                try:
                    _fetch(url, file, part, advance)
                except _BadAnswer as failure:
                    failures.append(f"  {url}: {failure}")
                    continue
                put_in_place(part, target)
                return target
    except OSError as error:
        raise NotAvailableError(
            f"{target} cannot be written: {reason(error)}. Make room or permit writing there, or choose another folder."
        ) from error
    raise NotAvailableError(
        f"{file.name} could not be downloaded:\n" + "\n".join(failures) + "\nCheck the network and try again (what has come is "
        f"kept), or put the file into {folder} by hand."
    )


def _fetch(url: str, file: RemoteFile, part: Path, advance: Callable[[int], None]) -> None:
    """Fill ``part`` from one source until it is the wanted file."""
    for _ in range(ATTEMPTS):
        before = _size(part)
        if before < file.size:
            broke_off = _receive(url, file, part, advance)
            if _size(part) == before:
                raise _BadAnswer(broke_off or "sent nothing")
        if _size(part) < file.size:
            continue
        found = _sha256(part)
        if found == file.sha256:
            return
        part.unlink()
        advance(0)
        if before == 0:  # all of it came from here; otherwise the beginning may be at fault, and a fresh start tells
            raise _BadAnswer(f"sent {file.size} bytes with SHA-256 {found}, expected is {file.sha256}")
    raise _BadAnswer(f"broke off {ATTEMPTS} times, the last time after {_size(part)} of {file.size} bytes")


def _receive(url: str, file: RemoteFile, part: Path, advance: Callable[[int], None]) -> str | None:
    """One request; appends what comes to ``part``. Returns why it broke off, or None if it came to its end."""
    import http.client  # these three take a fifth of the time of importing the package: whoever has the data does without
    import urllib.error
    import urllib.request

    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "tinygrad_fm", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = _open(request)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # our part is no beginning of the server's file
            part.unlink()
            return _receive(url, file, part, advance)
        raise _BadAnswer(f"answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _BadAnswer(f"cannot be reached: {reason(error)}") from error
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if not resumed:
            have = 0
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and have + int(length) != file.size:
            raise _BadAnswer(f"offers {have + int(length)} bytes instead of {file.size}; that is another file")
        with open(part, "ab" if resumed else "wb") as out:
            advance(have)
            while have < file.size:
                try:
                    # read1 gives what has come; read would wait for a full block and lose it if the connection stalls.
                    block = response.read1(min(BLOCK, file.size - have))
                except (OSError, http.client.HTTPException) as error:
                    return reason(error)
                if not block:
                    return f"broke off after {have} of {file.size} bytes"
                out.write(block)
                have += len(block)
                advance(have)
            out.flush()
            os.fsync(out.fileno())
    return None


def _open(request: urllib.request.Request) -> Any:
    """``urlopen`` that answers within ``CONNECT_SECONDS``.

    Its own timeout holds for each address of a host in turn and not at all for looking up the name, which can add up to
    minutes behind a firewall that drops packets. So the call runs in a thread that is left behind when time is up.
    """
    from urllib.request import urlopen

    answer: list[Any] = []
    abandoned = threading.Event()

    def connect() -> None:
        try:
            answer.append(urlopen(request, timeout=READ_SECONDS))
        except Exception as error:  # handed over to the caller's thread, whatever it is
            answer.append(error)
        if abandoned.is_set() and hasattr(answer[0], "close"):
            answer[0].close()

    thread = threading.Thread(target=connect, daemon=True, name="connect")
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not answer:
        abandoned.set()
        for late in answer:  # it came between the two lines above
            late.close() if hasattr(late, "close") else None
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:g} seconds")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]


@contextlib.contextmanager
def _part_file(target: Path) -> Iterator[Path]:
    """A file for the bytes so far that is this process's own; begins with what an earlier download left."""
    left = target.with_name(target.name + ".part")
    mine = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
    for candidate in [left, *target.parent.glob(f"{target.name}.*.part")]:
        try:
            if candidate == left or time.time() - candidate.stat().st_mtime > STALE_SECONDS:
                os.rename(candidate, mine)
                break
        except FileNotFoundError:
            continue  # there is none, or another process was quicker
    try:
        yield mine
    finally:
        with contextlib.suppress(FileNotFoundError):  # it is in place, or nothing came
            os.replace(mine, left)


@contextlib.contextmanager
def _progress_bar(file: RemoteFile, wanted: bool) -> Iterator[Callable[[int], None]]:
    """A function to be told how many bytes there are; draws a bar on a terminal if tqdm is there."""
    try:
        tqdm = importlib.import_module("tqdm").tqdm if wanted else None
    except ModuleNotFoundError:
        tqdm = None
    if tqdm is None:
        yield lambda have: None
        return
    with tqdm(total=file.size, desc=file.name, unit="B", unit_scale=True, disable=None, leave=False) as bar:
        yield lambda have: bar.update(have - bar.n)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
