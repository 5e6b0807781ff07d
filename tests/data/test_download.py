"""Downloads against a server that breaks off, refuses, lies or keeps silent."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_fm.data import download as module
from tinygrad_fm.data.download import NotAvailableError, RemoteFile, download
from tinygrad_fm.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)
FILE = RemoteFile("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def site(server: Any) -> Any:
    server.files[FILE.name] = CONTENT
    return server


def fetch(site: Any, folder: Path, file: RemoteFile = FILE) -> Path:
    return download(file, [site.url + file.name], folder)


def test_a_file_arrives_whole_and_alone(site: Any, tmp_path: Path) -> None:
    path = fetch(site, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / FILE.name
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [FILE.name]
    assert site.requests == [(FILE.name, None)]


def test_a_broken_connection_is_resumed_where_it_broke(site: Any, tmp_path: Path) -> None:
    site.script = [("break", 100_000), ("break", 50_000)]
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_makes_it_start_again(site: Any, tmp_path: Path) -> None:
    site.ranges = False
    site.script = [("break", 100_000)]
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert len(site.requests) == 2


def test_an_answer_without_length_that_breaks_off_is_resumed(site: Any, tmp_path: Path) -> None:
    site.with_length = False
    site.script = [("break", 70_000)]
    assert fetch(site, tmp_path).read_bytes() == CONTENT


def test_a_later_attempt_goes_on_where_an_earlier_one_gave_up(site: Any, tmp_path: Path) -> None:
    site.script = [("break", 100_000), 503]
    with pytest.raises(NotAvailableError, match="answered 503"):
        fetch(site, tmp_path)
    assert os.listdir(tmp_path) == [FILE.name + ".part"]
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert site.requests[-1] == (FILE.name, "bytes=100000-")
    assert os.listdir(tmp_path) == [FILE.name]


@pytest.mark.parametrize("left_behind", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_part_that_is_no_beginning_of_the_file_is_thrown_away(site: Any, tmp_path: Path, left_behind: bytes) -> None:
    (tmp_path / (FILE.name + ".part")).write_bytes(left_behind)
    assert fetch(site, tmp_path).read_bytes() == CONTENT


def test_wrong_bytes_are_never_put_in_place(site: Any, tmp_path: Path) -> None:
    wrong = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    site.files[FILE.name] = wrong
    with pytest.raises(NotAvailableError) as caught:
        fetch(site, tmp_path)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert FILE.sha256 in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_another_file_is_refused_by_its_length(site: Any, tmp_path: Path) -> None:
    site.script = [("send", b"<html>Please log in</html>")]
    with pytest.raises(NotAvailableError, match="offers 26 bytes instead of 300000"):
        fetch(site, tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_endless_answer_is_cut_at_the_expected_size(site: Any, tmp_path: Path) -> None:
    site.with_length = False
    site.files[FILE.name] = CONTENT + b"more" * 1000
    assert fetch(site, tmp_path).read_bytes() == CONTENT


def test_a_server_that_refuses_to_resume_is_asked_for_the_whole(site: Any, tmp_path: Path) -> None:
    (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT[:1000])
    site.script = [416]
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == ["bytes=1000-", None]


def test_a_416_without_a_range_is_an_answer_like_any_other(site: Any, tmp_path: Path) -> None:
    site.script = [416]
    with pytest.raises(NotAvailableError, match="answered 416"):
        fetch(site, tmp_path)


def test_the_second_source_takes_over_and_goes_on(site: Any, tmp_path: Path) -> None:
    site.script = [("break", 100_000), 404]
    path = download(FILE, [site.url + "a/" + FILE.name, site.url + "b/" + FILE.name], tmp_path)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=100000-", "bytes=100000-"]


def test_the_error_tells_what_each_source_answered(site: Any, tmp_path: Path) -> None:
    site.script = [404]
    urls = [site.url + FILE.name, "http://127.0.0.1:9/" + FILE.name]
    with pytest.raises(NotAvailableError) as caught:
        download(FILE, urls, tmp_path)
    message = str(caught.value)
    assert f"{urls[0]}: answered 404" in message
    assert f"{urls[1]}: cannot be reached: Connection refused" in message
    assert str(tmp_path) in message


def test_a_server_that_keeps_breaking_off_is_given_up(site: Any, tmp_path: Path) -> None:
    site.script = [("break", 1000)] * 50
    with pytest.raises(NotAvailableError, match=f"broke off {module.ATTEMPTS} times"):
        fetch(site, tmp_path)
    assert len(site.requests) == module.ATTEMPTS


def test_silence_is_not_waited_for(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.2)
    site.script = ["silence"]
    with pytest.raises(NotAvailableError, match=r"no answer within 0\.2 seconds"):
        fetch(site, tmp_path)


def test_a_stall_in_the_middle_times_out_and_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/{FILE.name}"
    head = f"HTTP/1.0 200 OK\r\nContent-Length: {FILE.size}\r\n\r\n".encode()

    def serve() -> None:
        first, _ = listener.accept()
        first.recv(4096)
        first.sendall(head + CONTENT[:1000])
        second, _ = listener.accept()  # while the first stays open and silent
        asked = second.recv(4096)
        assert b"Range: bytes=1000-" in asked
        second.sendall(head + CONTENT)  # ... a server that does not know ranges
        second.close()
        first.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert download(FILE, [url], tmp_path).read_bytes() == CONTENT
    finally:
        thread.join()
        listener.close()


Serve = Callable[[socket.socket], None]


@pytest.fixture
def raw_server() -> Iterator[Callable[[Serve], str]]:
    """Answers each connection by a function of its socket; returns the URL."""
    closing: list[Callable[[], None]] = []

    def start(serve: Serve) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(4096)
                        serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        closing.extend([lambda: listener.shutdown(socket.SHUT_RDWR), listener.close, lambda: thread.join(10)])
        return f"http://127.0.0.1:{listener.getsockname()[1]}/{FILE.name}"

    yield start
    for close in closing:
        close()


def drip(connection: socket.socket, start: bytes, piece: bytes) -> None:
    """Send a piece now and then until the other side has gone."""
    connection.sendall(start)
    while True:
        connection.sendall(piece)
        time.sleep(0.02)


def test_a_byte_now_and_then_is_not_taken_for_ever(
    raw_server: Callable[[Serve], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.3)
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % FILE.size
    url = raw_server(lambda connection: drip(connection, head, b"x"))
    with pytest.raises(NotAvailableError, match=r"sent only \d+ bytes in 0 seconds, after \d+ of 300000"):
        download(FILE, [url], tmp_path)


@pytest.mark.parametrize(
    ("start", "setting"),
    [
        (b"", "CONNECT_SECONDS"),  # a status line that never ends
        (b"HTTP/1.1 200 OK\r\nX-", "CONNECT_SECONDS"),  # headers
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "READ_SECONDS"),  # the size of a chunk
    ],
)
def test_lines_that_come_a_letter_at_a_time_are_not_waited_for(
    raw_server: Callable[[Serve], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes, setting: str
) -> None:
    monkeypatch.setattr(module, setting, 0.3)
    url = raw_server(lambda connection: drip(connection, start, b"x"))
    with pytest.raises(NotAvailableError, match=r"no answer within 0\.3 seconds"):
        download(FILE, [url], tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("length", ["\u00b2", "-5", "1e3", "1" * 5000, "", "0x10", " 12 34 "])
def test_lengths_that_are_none(raw_server: Callable[[Serve], str], tmp_path: Path, length: str) -> None:
    """The content decides."""
    head = f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
    url = raw_server(lambda connection: connection.sendall(head + CONTENT))
    try:
        assert download(FILE, [url], tmp_path).read_bytes() == CONTENT
    except NotAvailableError as error:
        assert "offers 11111111111111111111 bytes instead of 300000" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 404 \x1b[2J\x1b]0;title\x07" + b"x" * 10_000 + b"\r\n\r\n",
        b"\x1b[31mred\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: http://[\x1b[31m\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: \x9b31m\r\n\r\n",
        b"",
    ],
)
def test_a_servers_text_never_reaches_the_terminal_as_it_is(
    raw_server: Callable[[Serve], str], tmp_path: Path, answer: bytes
) -> None:
    url = raw_server(lambda connection: connection.sendall(answer))
    try:
        download(FILE, [url], tmp_path)
    except NotAvailableError as error:
        message = str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # urllib leaves the connection of a bad redirection open
        gc.collect()
    assert message.replace("\n", "").isprintable()
    assert len(message) < 1000


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_part_that_is_a_link_is_not_written_through(site: Any, tmp_path: Path, make: Callable[..., None]) -> None:
    other, folder = tmp_path / "other", tmp_path / "folder"
    other.write_bytes(b"precious")
    folder.mkdir()
    make(other, folder / (FILE.name + ".part"))
    make(other, folder / (FILE.name + ".0.part"))
    assert fetch(site, folder).read_bytes() == CONTENT
    assert other.read_bytes() == b"precious"
    assert os.listdir(folder) == [FILE.name]


def test_a_part_that_is_no_file_is_left_alone(site: Any, tmp_path: Path) -> None:
    (tmp_path / (FILE.name + ".part")).mkdir()
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert sorted(os.listdir(tmp_path)) == [FILE.name, FILE.name + ".part"]


def test_a_folder_that_cannot_be_made_is_named(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written") as caught:
        fetch(site, tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    assert site.requests == []


def test_a_folder_in_the_place_of_the_file_is_an_error(site: Any, tmp_path: Path) -> None:
    (tmp_path / FILE.name / "inside").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be written"):
        fetch(site, tmp_path)
    assert (tmp_path / FILE.name / "inside").is_dir()


SCRIPT = """
import sys
from pathlib import Path
from tinygrad_fm.data.download import RemoteFile, download
name, size, sha256, url, folder = sys.argv[1:]
download(RemoteFile(name, int(size), sha256), [url], Path(folder))
"""


def start_process(site: Any, folder: Path) -> subprocess.Popen[bytes]:
    arguments = [FILE.name, str(FILE.size), FILE.sha256, site.url + FILE.name, str(folder)]
    return subprocess.Popen([sys.executable, "-W", "error", "-c", SCRIPT, *arguments], stderr=subprocess.PIPE)


def test_processes_that_download_the_same_file_do_not_disturb_each_other(site: Any, tmp_path: Path) -> None:
    (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT[:50_000])  # only one of them can have it
    site.delay = 0.02
    processes = [start_process(site, tmp_path) for _ in range(3)]
    errors = [process.communicate(timeout=30)[1].decode() for process in processes]
    assert errors == ["", "", ""]
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert os.listdir(tmp_path) == [FILE.name]
    assert sorted(wanted or "" for _, wanted in site.requests) == ["", "", "bytes=50000-"]


def test_what_a_killed_process_left_is_taken_up(site: Any, tmp_path: Path) -> None:
    site.delay = 0.05
    process = start_process(site, tmp_path)
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size for path in tmp_path.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (tmp_path / FILE.name).exists()
    assert len(list(tmp_path.glob("*.part"))) == 1
    site.delay = 0.0
    (tmp_path / f"{FILE.name}.01234567.part").write_bytes(CONTENT[:10])  # an earlier one's
    (tmp_path / f"{FILE.name}.89abcdef.part").write_bytes(b"")
    assert fetch(site, tmp_path).read_bytes() == CONTENT
    assert str(site.requests[-1][1]).startswith("bytes=")
    assert os.listdir(tmp_path) == [FILE.name]


def test_it_works_without_tqdm(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert fetch(site, tmp_path).read_bytes() == CONTENT
