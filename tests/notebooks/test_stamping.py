"""Copies of the notebooks that know a public address."""

from __future__ import annotations

import doctest
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from notebooks import browser, stamping
from notebooks.__main__ import main
from notebooks.stamping import FOLDER, address_of_this_project, stamp, stamp_all, web_address

NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title\n", "\n", "See [this](../docs/x.md)."]},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": ["1 + 1"], "outputs": [], "execution_count": 1},
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "1_title.ipynb"
    path.write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("owner/name", "https://github.com/owner/name"),
        ("https://github.com/owner/name.git", "https://github.com/owner/name"),
        ("https://me:secret@github.com/owner/name/", "https://github.com/owner/name"),
        ("git@github.com:owner/name.git", "https://github.com/owner/name"),
        ("ssh://git@forge.example:2222/owner/name", "https://forge.example/owner/name"),
        ("git@forge.example:group/part/name.git", "https://forge.example/group/part/name"),
        ("/srv/git/name.git", None),
        ("../name", None),
        ("./name", None),
        ("C:\\code\\name", None),
        ("file:///srv/git/name", None),
        ("https://github.com", None),
        ("", None),
        (None, None),
    ],
)
def test_where_a_repository_is_on_the_web(given: str | None, address: str | None) -> None:
    assert web_address(given) == address


@pytest.mark.parametrize("repository", [None, "", "/srv/git/name"])
def test_without_an_address_nothing_is_added(notebook: Path, repository: str | None) -> None:
    assert stamp(notebook, repository) == NOTEBOOK


def test_a_link_to_colab_and_a_cell_that_installs(notebook: Path) -> None:
    title, install, code = stamp(notebook, "owner/name")["cells"]
    assert title["source"][0] == "# Title\n"
    colab = "https://colab.research.google.com/github/owner/name/blob/colab/notebooks/1_title.ipynb"
    assert "".join(title["source"][1:3]) == f"\n**[Open in Colab]({colab})**\n"
    assert title["source"][-1] == "See [this](https://github.com/owner/name/blob/HEAD/docs/x.md)."
    assert install["source"] == ["%pip install -q git+https://github.com/owner/name.git"]
    assert code == NOTEBOOK["cells"][1]


def test_colab_reads_from_github_only(notebook: Path) -> None:
    title, install, _ = stamp(notebook, "git@forge.example:owner/name.git")["cells"]
    assert "colab" not in str(title).lower()
    assert install["source"] == ["%pip install -q git+https://forge.example/owner/name.git"]


def test_the_address_comes_from_the_environment_or_from_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    assert address_of_this_project() == "owner/name"
    monkeypatch.delenv("GITHUB_REPOSITORY")
    monkeypatch.setattr("notebooks.stamping.FOLDER", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert address_of_this_project() is None  # no repository
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert address_of_this_project() is None  # no remote
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", "git@forge.example:a/b.git"], check=True)
    assert address_of_this_project() == "git@forge.example:a/b.git"
    monkeypatch.setenv("PATH", "")
    assert address_of_this_project() is None  # no git


def test_every_notebook_of_the_project_can_be_stamped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    written = stamp_all(tmp_path / "copies", "owner/name")
    for path in written:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert "Open in Colab" in "".join(cells[0]["source"])
        assert sum("pip install" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code") == 1
        assert "](../" not in str(cells)
    monkeypatch.setattr("sys.argv", ["notebooks", "--stamp", str(tmp_path / "again"), "--repository", "owner/name"])
    assert main() == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == [path.name for path in written]
    for path in written:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scalr"], "no notebook's name contains 'scalr'; there are 01_from"),
        (["--stamp", "out", "--repository", "../name"], "--repository must be OWNER/NAME"),
        (["--stamp", str(FOLDER)], "another folder"),
    ],
)
def test_wrong_arguments(arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["notebooks", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert says in capsys.readouterr().err


def test_without_an_address_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["notebooks", "--stamp", str(tmp_path)])
    monkeypatch.setenv("GITHUB_REPOSITORY", "/srv/git/name")
    assert main() == 0
    assert "No public address is known" in capsys.readouterr().out
    for path in tmp_path.iterdir():
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads((FOLDER / path.name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", [stamping, browser])
def test_the_examples_in_docstrings(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_notebooks_themselves_know_no_address() -> None:
    for path in FOLDER.glob("[0-9]*"):
        text = path.read_text(encoding="utf-8")
        assert "github" not in text.lower(), path.name
        assert "colab" not in text.lower(), path.name
