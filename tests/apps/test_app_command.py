"""``python -m apps app`` where it cannot start: what is wrong, in a line, with or without the extra."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from apps.app import _free_port

from .conftest import Command


def test_without_the_extra_it_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "streamlit" else find(name, *rest))
    code, out, err = command("app")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "the app needs Streamlit" in err and "pip install '.[app]'" in err


@pytest.fixture
def with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were installed: what is wrong is found before it is imported."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: True)


@pytest.mark.usefixtures("with_the_extra")
def test_a_port_that_is_taken(command: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, out, err = command("app", "--port", port)
    assert (code, out) == (2, "")
    assert err == f"python -m apps app: port {port} is taken by another program; choose another with --port\n"


def test_the_next_free_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        first = other.getsockname()[1]
        monkeypatch.setattr("apps.app._FIRST_PORT", first)
        assert first < _free_port(None) < first + 20
        monkeypatch.setattr("apps.app._PORTS", 1)
        with pytest.raises(OSError, match=f"the ports {first} to {first} are taken"):
            _free_port(None)


@pytest.mark.parametrize("port", ["80", "0", "65536", "-1", "x", "8501.5"])
def test_what_is_no_port(command: Command, port: str) -> None:
    code, _, err = command("app", f"--port={port}")
    assert code == 2 and f"a port is a number from 1024 to 65535, not '{port}'" in err


@pytest.mark.usefixtures("with_the_extra")
def test_runs_that_are_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, _, err = command("app", "--runs", "file")
    assert code == 2 and "--runs is to be a folder of runs, file is a file" in err
