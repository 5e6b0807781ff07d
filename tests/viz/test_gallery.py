"""The pictures of docs/graphs.md come from the code beside them."""

from __future__ import annotations

import re
import runpy
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "graphs.md"


def test_every_picture_is_there_and_used() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = set(re.findall(r"images/([\w-]+\.svg)", text))
    saved = set(re.findall(r'save\("docs/images/([\w-]+\.svg)"\)', text))
    assert shown == saved
    for name in shown:
        ET.parse(DOCS / "images" / name)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(DOCS / "gallery.py"))["render"](PAGE)
    names = {path.name for path in (tmp_path / "docs/images").iterdir()}
    assert names == set(re.findall(r'save\("docs/images/([\w-]+\.svg)"\)', PAGE.read_text(encoding="utf-8")))
    for name in ("expression.svg", "lenet.svg", "resnet20-unfolded.svg"):  # the same but for Graphviz's coordinates
        old, new = (ET.parse(folder / name).getroot() for folder in (DOCS / "images", tmp_path / "docs/images"))
        assert ["".join(e.itertext()).split() for e in old] == ["".join(e.itertext()).split() for e in new]
