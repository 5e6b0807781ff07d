"""``python -m apps try`` without a browser: the static folder, the server, and what runs programs, in ordinary Python.

tests/extras/try opens the page itself.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import http.client
import importlib.util
import json
import re
import socket
import struct
import threading
import urllib.parse
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tinygrad_fm.viz import live

from .conftest import ROOT, Command

try_folder = import_module("apps.try_folder")
server = import_module("apps.try")  # the statement would not take that name
EXAMPLES = sorted((ROOT / "docs" / "try" / "examples").glob("*.py"))


def _program() -> Any:
    spec = importlib.util.spec_from_file_location("program", ROOT / "docs" / "try" / "program.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = _program()


def run(source: str) -> list[dict[str, Any]]:
    """The messages of a program."""
    sent: list[dict[str, Any]] = []
    program.run(source, lambda text: sent.append(json.loads(text)))
    return sent


def printed(messages: list[dict[str, Any]], stream: str = "out") -> str:
    return "".join(text for m in messages if m["kind"] == "output" for kind, text in m["parts"] if kind == stream)


# ---- the folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return try_folder.write_folder(tmp_path_factory.mktemp("try"))


def test_the_folder_is_complete(folder: Path) -> None:
    """Whatever a file of the page refers to is there, and settings.json has sizes and check sums of what is loaded."""
    for source in [folder / "index.html", *folder.glob("*.js")]:
        for name in re.findall(r'(?:src|href|from|Worker\(new URL\()[= ]?"([\w./]+\.\w+)"', source.read_text(encoding="utf-8")):
            assert (folder / name).is_file(), (source.name, name)
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    wheel = (folder / settings["wheel"]).read_bytes()
    own = next(file for file in settings["files"] if file["url"] == settings["wheel"])
    assert own["bytes"] == len(wheel)
    assert own["integrity"] == "sha256-" + base64.b64encode(hashlib.sha256(wheel).digest()).decode()
    assert all(file["integrity"].startswith("sha256-") for file in settings["files"])
    assert not list(folder.rglob("*.entry.js"))
    names = re.findall(r"^  (\w+): \"", (folder / "app.js").read_text(encoding="utf-8"), re.M)[: len(EXAMPLES)]
    assert sorted(names) == [path.stem for path in EXAMPLES]


def test_the_wheel_holds_the_package_and_is_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    built = folder / try_folder.WHEEL
    try_folder.write_wheel(tmp_path / "again.whl")
    assert built.read_bytes() == (tmp_path / "again.whl").read_bytes()
    names = set(zipfile.ZipFile(built).namelist())
    package = ROOT / "tinygrad_fm"
    assert {f"tinygrad_fm/{p.relative_to(package).as_posix()}" for p in package.rglob("*.py")} <= names
    assert "tinygrad_fm/viz/assets/player.js" in names and "tinygrad_fm/py.typed" in names
    assert not any("__pycache__" in name for name in names)


def test_folders_without_the_runtime_are_refused(command: Command, tmp_path: Path) -> None:
    code, out, err = command("try", "--folder", str(tmp_path / "site"), "--pyodide", str(tmp_path))
    assert (code, out) == (2, "") and "pyodide.mjs is not in" in err and "npm install pyodide@" in err
    (tmp_path / "pyodide.mjs").write_text("export {}", encoding="utf-8")
    code, out, err = command("try", "--folder", str(tmp_path / "site"), "--pyodide", str(tmp_path))
    assert (code, out) == (2, "") and "is not the file of Pyodide" in err
    assert not (tmp_path / "site").exists()
    code, out, err = command("try", "--folder", str(tmp_path))
    assert code == 2 and "name a new folder" in err


def test_a_port_that_cannot_be_used(command: Command) -> None:
    for port in ("-1", "70000"):
        code, _, err = command("try", "--port", port, "--no-browser")
        assert code == 2 and f"--port {port} cannot be used" in err


def test_the_server_sends_kinds_and_headers(folder: Path) -> None:
    with server.serve(folder) as running:
        threading.Thread(target=running.serve_forever).start()
        kinds = {"index.html": "text/html", "worker.js": "text/javascript", "settings.json": "application/json"}
        try:
            for name, kind in kinds.items():
                connection = http.client.HTTPConnection("127.0.0.1", running.server_port)
                connection.request("GET", f"/{name}")
                answer = connection.getresponse()
                assert answer.status == 200 and answer.getheader("Content-Type", "").startswith(kind)
                assert answer.getheader("Cross-Origin-Embedder-Policy") == "require-corp"
                assert answer.read()
                connection.close()
        finally:
            running.shutdown()
    assert server.Handler.extensions_map[".wasm"] == "application/wasm"


@pytest.mark.parametrize("name", ["index.html", try_folder.WHEEL])
def test_a_browser_that_leaves_is_no_error(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server.serve(folder) as running:
        running.daemon_threads = False  # so that closing waits for the answers
        threading.Thread(target=running.serve_forever).start()
        try:
            browser = socket.create_connection(("127.0.0.1", running.server_port))
            browser.sendall(f"GET /{name} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            assert browser.recv(1)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, as of a closed page
            browser.close()
        finally:
            running.shutdown()
    assert capsys.readouterr() == ("", "")


def test_what_goes_wrong_in_the_server_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(server.Handler):  # type: ignore[name-defined,misc]
        def do_GET(self) -> None:
            raise RuntimeError("a fault of ours")

    with server.serve(ROOT, handler=Broken) as running:
        running.daemon_threads = False
        threading.Thread(target=running.serve_forever).start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", running.server_port)
            connection.request("GET", "/")
            with pytest.raises(http.client.RemoteDisconnected):
                connection.getresponse()
        finally:
            running.shutdown()
    assert "a fault of ours" in capsys.readouterr().err


def test_a_link_gives_the_program_back() -> None:
    code = "print('a + b & c', 100 * '%')  # äß∂\n"
    fragment = urllib.parse.urlsplit(try_folder.link(code, "try/")).fragment
    assert urllib.parse.unquote(fragment.removeprefix("code=")) == code


# ---- programs


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_run_here_and_there(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the page they show a graph; in ordinary Python the same program prints."""
    source = re.sub(r"^STEPS = \d+", "STEPS = 2", path.read_text(encoding="utf-8"), flags=re.M)
    assert ast.get_docstring(ast.parse(source))
    messages = run(source)
    assert messages[-1]["kind"] == "done" and "error" not in messages[-1], messages[-1]
    assert not printed(messages, "err")
    shown = [name for m in messages[:-1] for name, _ in m["pictures"]]
    assert "graph" in shown
    page = next(data["page"] for m in messages[:-1] for name, data in m["pictures"] if name == "graph")
    assert "new Player" in page
    assert capsys.readouterr().out == ""
    exec(compile(source, str(path), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_what_is_printed_comes_in_order_and_whole() -> None:
    messages = run("import sys\nfor i in range(5000): print(i)\nsys.stderr.write('bad')\nprint('end', end='')")
    assert printed(messages) == "".join(f"{i}\n" for i in range(5000)) + "end"
    assert printed(messages, "err") == "bad"
    assert len(messages) < 200


def test_what_is_too_much_loses_its_beginning() -> None:
    messages = run("for i in range(300_000): print(i)")
    numbers = [int(line) for line in printed(messages).split()]
    assert numbers[-1] == 299_999 and len(numbers) + sum(m["dropped"] for m in messages[:-1]) == 300_000
    assert len(printed(run(f"print('x' * {3 * program.HELD})"))) == program.HELD + 1


def test_losses_that_are_not_finite_are_gaps() -> None:
    messages = run("from tinygrad_fm.viz import live\nfor v in (1, float('nan'), float('inf')): live.plot(loss=v)")
    assert [p["values"]["loss"] for m in messages[:-1] for p in m["points"]] == [1, None, None]


def test_pictures_of_one_title_replace_one_another() -> None:
    messages = run("from tinygrad_fm.viz import live\nfor i in range(500): live.images([[0, i]], title='x'); live.plot(a=i)")
    points = [p["values"]["a"] for m in messages[:-1] for p in m["points"]]
    assert points == list(range(500))
    assert all(len(m["pictures"]) <= 1 for m in messages[:-1]) and len(messages) < 200


@pytest.mark.parametrize(
    ("source", "line", "last"),
    [
        ("x = 1\nprint(y)", 2, "NameError: name 'y' is not defined"),
        ("def f():\n    return 1 / 0\n\nf()", 2, "ZeroDivisionError: division by zero"),
        ("x = (", 1, "SyntaxError"),
        ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('so') from e", 4, "ValueError: so"),
        ("import tinygrad_fm as torch\nx = torch.ones(2)\n\nx @ torch.ones(3)", 4, "ShapeError"),
        ("raise ExceptionGroup('two', [ValueError(1)])", 1, ""),
        ("exec('1 / 0')", 1, "ZeroDivisionError"),
    ],
)
def test_errors_show_the_users_lines_alone(source: str, line: int, last: str) -> None:
    if "ExceptionGroup" in source:
        source = source.replace("ExceptionGroup", "getattr(__builtins__, 'ExceptionGroup', RuntimeError)")
    error = run(source)[-1]["error"]
    assert error["line"] == line
    assert last in error["text"].splitlines()[-1]
    assert set(re.findall(r'File "([^"]+)"', error["text"])) <= {program.NAME}


def test_a_program_leaves_nothing_to_the_next() -> None:
    import tinygrad_fm as torch

    run("import tinygrad_fm as torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n1 / 0")
    run("import tinygrad_fm as torch\ntorch.autograd.set_detect_anomaly(True)")
    assert not torch.autograd.is_anomaly_enabled()
    run("import builtins\nbuiltins.len = None")
    assert len("a") == 1
    assert torch.get_default_dtype() is torch.float32 and torch.is_grad_enabled()
    assert live._listener is None


def test_ways_to_end() -> None:
    assert "error" not in run("import sys; sys.exit()")[-1]
    assert "gone" in run("import sys; sys.exit('gone')")[-1]["error"]["text"]
    assert run("raise KeyboardInterrupt")[-1]["stopped"]
    assert "input() cannot" in run("input()")[-1]["error"]["text"]
    assert printed(run("if __name__ == '__main__': print('main')")) == "main\n"
