"""The look at the documentation site in Chromium finds what it is there to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docs.site import check_browser

GOOD = "<!doctype html><title>x</title><p>short</p>"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (GOOD, None),
        ('<img src="http://127.0.0.2:9/picture.png">', "a request to http://127.0.0.2:9/picture.png"),
        ("<style>@import url(http://127.0.0.2:9/font.css)</style>", "a request to http://127.0.0.2:9/font.css"),
        ('<div style="width: 1000px">wide</div>', "610 pixels wider than the window (390, light)"),
        ("<script>throw new Error('broken')</script>", "broken"),
    ],
)
def test_problems_are_found(tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch, body: str, says: str | None) -> None:
    monkeypatch.setattr(check_browser, "WIDTHS", (390,))
    (tmp_path / "a.html").write_text(f"<style>body {{ margin: 0 }}</style>{body}", encoding="utf-8")
    found = check_browser.problems(tmp_path, browser, ["a.html"])
    assert found == [] if says is None else any(says in line for line in found)


def test_a_search_that_finds_nothing_is_found(tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_browser, "KINDS", ["a.html"])
    monkeypatch.setattr(check_browser, "PATIENCE", 200)
    (tmp_path / "a.html").write_text(GOOD, encoding="utf-8")
    (tmp_path / "search.html").write_text('<div id="search-results"><p>nothing</p></div>', encoding="utf-8")
    assert any("does not find" in line for line in check_browser.problems(tmp_path, browser))
