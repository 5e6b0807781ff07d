"""``python -m apps graph``."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.__main__ import main


def test_prints_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "lenet", "--depth", "1"]) == 0
    out = capsys.readouterr().out
    assert "conv1: Conv2d" in out
    assert "61,750 parameters" in out


def test_writes_the_format_of_the_ending(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "graph.html"
    assert main(["graph", "mlp", "--option", "hidden=[16, 8]", "--batch-size", "3", "--out", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "(3, 16)" in path.read_text(encoding="utf-8")
    assert str(path) in capsys.readouterr().out


def test_a_page_that_plays_the_run(tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    assert main(["graph", "mlp", "--batch-size", "2", "--steps", "--out", str(path)]) == 0
    assert "new Player(" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenett"], "did you mean 'lenet'"),
        (["lenet", "--out", "x.bmp"], "must end in"),
        (["lenet", "--batch-size", "0"], "--batch-size"),
        (["lenet", "--depth", "0"], "depth"),
        (["lenet", "--steps"], "--steps makes a page: give its name with --out"),
        (["mlp", "--steps", "--out", "x.svg"], "must end in .html"),
        (["mlp", "--option", "hidden"], "NAME=VALUE"),
        (["mlp", "--option", "hiden=[1]"], "no option 'hiden'"),
        (["mlp", "--option", "hidden=[1,2"], "--option hidden: '[1,2' is neither a word nor JSON"),
        (["mlp", "--option", "hidden=" + "[" * 100_000], "neither a word nor JSON"),
        (["mlp", "--option", "dropout=0,5"], "neither a word nor JSON"),
        (["mlp", "--option", "hidden=128"], "hidden must be a list, got 128"),
        (["mlp", "--option", "hidden=[1000000000000]"], "at most 200,000,000"),
        (["resnet99999999998"], "6n + 2"),
        (["mlp", "--option", "batch_norm=true", "--batch-size", "1"], "--batch-size"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_without_dot_the_other_formats_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["graph", "mlp", "--out", str(tmp_path / "g.svg")]) == 1
    assert (tmp_path / "g.gv").exists()
    assert main(["graph", "mlp", "--out", str(tmp_path / "g.html")]) == 0
