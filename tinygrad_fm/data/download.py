"""Download a file of known size and SHA-256: resumed where it broke off, checked before anybody sees it.

The bytes gather in a ``.part`` file beside the target. A process locks the one it works on, so two never write into one
file; one that no process has locked was left by an attempt that gave up or was killed: the next goes on with it, and
removes any others.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import queue
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..atomic_files import lock, put_in_place
from ..errors import DataError
from .cache import reason

if TYPE_CHECKING:
    import urllib.request

__all__ = ["NotAvailableError"]

CONNECT_SECONDS = 6.0  #: until a server must have begun to answer, names looked up and all its addresses tried
READ_SECONDS = 15.0  #: until the next bytes must have come
ATTEMPTS = 4  #: at one source, as long as each brings something
SLOW_SECONDS = 20.0  #: in so long ...
SLOW_BYTES = 20_000  #: ... at least so many bytes must come
BLOCK = 1 << 16


class NotAvailableError(DataError):
    """The data is not on this machine and could not be brought here; the message tells what each source answered.

    >>> from tinygrad_fm.utils import data
    >>> try:
    ...     test = data.FashionMNIST(train=False, download=False)
    ... except data.NotAvailableError:
    ...     test = data.SyntheticFashion(train=False, size=10)
    >>> test[0][0].shape
    torch.Size([1, 28, 28])
    """


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
                _put_in_place(part, target)
                return target
    except OSError as error:
        raise NotAvailableError(
            f"{target} cannot be written: {reason(error)}. Make room or permit writing there, or choose another folder."
        ) from error
    raise NotAvailableError(
        f"{file.name} could not be downloaded:\n" + "\n".join(failures) + "\nCheck the network and try again (what has come is "
        f"kept), or put the file into {folder} by hand."
    )


def _fetch(url: str, file: RemoteFile, part: BinaryIO, advance: Callable[[int], None]) -> None:
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
        part.truncate(0)
        advance(0)
        if before == 0:  # all of it came from here; otherwise the beginning may be at fault, and a fresh start tells
            raise _BadAnswer(f"sent {file.size} bytes with SHA-256 {found}, expected is {file.sha256}")
    raise _BadAnswer(f"broke off {ATTEMPTS} times, the last time after {_size(part)} of {file.size} bytes")


def _receive(url: str, file: RemoteFile, part: BinaryIO, advance: Callable[[int], None]) -> str | None:
    """One request; appends what comes to ``part``. Returns why it broke off, or None if it came to its end."""
    import urllib.error  # with http.client a fifth of the time of importing the package: whoever has the data does without
    import urllib.request

    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "tinygrad_fm", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with contextlib.closing(_Request(request)) as answer:
        try:
            response = answer.next(CONNECT_SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and have:  # our part is no beginning of the server's file
                part.truncate(0)
                return _receive(url, file, part, advance)
            raise _BadAnswer(f"answered {error.code} {reason(error)}") from error
        except Exception as error:  # whatever the library raises of an answer that is none
            raise _BadAnswer(f"cannot be reached: {reason(error)}") from error
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if not resumed:
            have = 0
            part.truncate(0)
        length = response.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and length.lstrip("0") != str(file.size - have):
            raise _BadAnswer(f"offers {length[:20]} bytes instead of {file.size - have}; that is another file")
        part.seek(have)
        advance(have)
        since, had = time.monotonic(), have
        while have < file.size:
            try:
                block = answer.next(READ_SECONDS)
            except Exception as error:
                return reason(error)
            if not block:
                return f"broke off after {have} of {file.size} bytes"
            block = block[: file.size - have]
            part.write(block)
            have += len(block)
            advance(have)
            now = time.monotonic()
            if now - since > SLOW_SECONDS:
                if have - had < SLOW_BYTES:
                    part.flush()
                    raise _BadAnswer(f"sent only {have - had} bytes in {now - since:.0f} seconds, after {have} of {file.size}")
                since, had = now, have
        part.flush()
        os.fsync(part.fileno())
    return None


class _Request:
    """A request, at work in a thread of its own that hands over the response and then its bytes as they come.

    The thread is left behind when time is up. The library's own timeout is for each address of a host in turn, for each
    packet that comes, and not at all for looking up the name: a server that sends a byte now and then, in its headers too,
    could keep it for ever.
    """

    def __init__(self, request: urllib.request.Request) -> None:
        self._answers: queue.Queue[Any] = queue.Queue(maxsize=4)
        self._abandoned = threading.Event()
        try:
            threading.Thread(target=self._run, args=(request,), daemon=True, name="download").start()
        except RuntimeError as error:  # where there are no threads
            self._answers.put(error)

    def next(self, seconds: float) -> Any:
        """The response, and from then on its next bytes, empty at the end; raises what went wrong, TimeoutError too."""
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {seconds:g} seconds") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Let the thread end, when it next can."""
        self._abandoned.set()
        with contextlib.suppress(queue.Empty):
            while True:  # it may be waiting for room
                unread = self._answers.get_nowait()
                if isinstance(unread, Exception) and hasattr(unread, "close"):  # an HTTPError holds on to its connection
                    unread.close()

    def _run(self, request: urllib.request.Request) -> None:
        from urllib.request import urlopen

        try:
            with urlopen(request, timeout=READ_SECONDS) as response:
                self._answers.put(response)
                block = b"..."
                while block and not self._abandoned.is_set():
                    # read1 gives what has come; read would wait for a full block and lose it if the connection stalls.
                    block = response.read1(BLOCK)
                    self._answers.put(block)
        except Exception as error:  # handed over to the caller's thread, whatever it is
            self._answers.put(error)


@contextlib.contextmanager
def _part_file(target: Path) -> Iterator[BinaryIO]:
    """A file for the bytes so far that is locked for this process; begins with what an earlier download left."""
    first = target.with_name(target.name + ".part")
    left = []
    for path in {first, *target.parent.glob(f"{target.name}.*.part")}:
        if (file := _claimed(path)) is not None:
            left.append((_size(file), path, file))
    left.sort(key=lambda found: found[0])
    for _, path, file in left[:-1]:
        with file:
            _remove(path, file)
    mine = left[-1][2] if left else _new_part(first)
    with mine:
        try:
            yield mine
        finally:
            if not mine.closed and _size(mine) == 0:
                _remove(Path(mine.name), mine)


def _new_part(first: Path) -> BinaryIO:
    """A new, locked part file, under the first name that is free."""
    path = first
    while True:
        with contextlib.suppress(FileExistsError):
            file = open(path, "x+b")  # noqa: SIM115
            if lock(file) and _is(path, file):  # another process may have taken it for one left behind
                return file
            file.close()
        path = first.with_name(f"{first.stem}.{uuid.uuid4().hex[:8]}.part")


def _claimed(path: Path) -> BinaryIO | None:
    """A part file that belongs to nobody, open and locked; None if it belongs to another process, or is no such file."""
    try:
        found = path.lstat()
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            return None
        if stat.S_ISLNK(found.st_mode) or found.st_nlink > 1:  # another file would be written to, by this name
            path.unlink()
            return None
        file = open(path, "r+b", opener=_without_following)  # noqa: SIM115
    except FileNotFoundError:  # there is none, or another process was quicker
        return None
    if lock(file) and _is(path, file):  # by now it may be in place, or removed
        return file
    file.close()
    return None


def _without_following(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _is(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove(path: Path, file: BinaryIO) -> None:
    """Remove a locked file; where an open one cannot be removed (Windows), it is closed before."""
    if os.name == "nt":
        file.close()
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _put_in_place(part: BinaryIO, target: Path) -> None:
    path = Path(part.name)
    if os.name == "nt":
        part.close()
    put_in_place(path, target)


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


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
