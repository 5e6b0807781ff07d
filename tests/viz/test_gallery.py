"""The pictures of docs/graphs.md come from the code beside them, the others from docs/gallery.py."""

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
    assert shown == saved | {"player.svg"}
    for name in shown:
        ET.parse(DOCS / "images" / name)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygrad_fm.runtime.kernels._choice", "numpy")  # as docs/gallery.py does: pictures show arrays
    monkeypatch.setattr("tinygrad_fm.runtime.kernels._there", False)
    gallery = runpy.run_path(str(DOCS / "gallery.py"))
    gallery["render"](PAGE)
    names = {path.name for path in (tmp_path / "docs/images").iterdir()}
    assert names == set(re.findall(r'save\("docs/images/([\w-]+\.svg)"\)', PAGE.read_text(encoding="utf-8")))
    gallery["draw_autograd"]()
    gallery["draw_player"]()
    names |= {"tape.svg", "cube.svg", "player.svg"}
    others = {"cheatsheet.svg"}  # tests/test_cheatsheet.py
    assert names | others == {path.name for path in (DOCS / "images").glob("*.svg")}
    for name in sorted(names):
        assert shown(DOCS / "images" / name) == shown(tmp_path / "docs/images" / name), f"{name}: run python docs/gallery.py"


def shown(path: Path) -> list[str]:
    """What a picture says, element by element; measured numbers as #, but for Graphviz's coordinates."""
    texts = [" ".join("".join(e.itertext()).split()) for e in ET.parse(path).getroot().iter() if e.tag.endswith("}g")]
    if path.stem in ("time", "grad"):
        texts = [re.sub(r"\d+(\.\d+)?(e[+-]\d+)?( [µm]?s\b)?", "#", text) for text in texts]
    return texts
