"""The parts of the notebooks that the page in the browser runs, and the links to it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from docs.site import check_links, pages
from notebooks.browser import FOLDER, program, sections, source_of, with_browser_links

ROOT = FOLDER.parent
NOTEBOOKS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("[0-9]*.ipynb"))}


def programs(notebook: dict[str, Any]) -> list[str]:
    first = next(source_of(cell) for cell in notebook["cells"] if cell["cell_type"] == "code")
    return [code for section in sections(notebook) if (code := program(section, first))]


PROGRAMS = [(name, number, code) for name, book in NOTEBOOKS.items() for number, code in enumerate(programs(book), 1)]


@pytest.mark.parametrize(("name", "number", "code"), PROGRAMS, ids=[f"{name}-{number}" for name, number, _ in PROGRAMS])
def test_each_program_runs_and_says_something(name: str, number: int, code: str) -> None:
    run = runpy.run_path(str(ROOT / "docs" / "try" / "program.py"))["run"]
    messages: list[str] = []
    run(code, messages.append)
    *shown, done = map(json.loads, messages)
    assert "error" not in done, done
    assert shown
    assert "matplotlib" not in code


def test_the_links_open_the_programs() -> None:
    found = 0
    for book in NOTEBOOKS.values():
        linked = with_browser_links(book)
        added = [cell for cell in linked["cells"] if cell not in book["cells"]]
        assert [cell for cell in linked["cells"] if cell not in added] == book["cells"]
        texts = [source_of(cell) for cell in added]
        assert [unquote(text.partition("#code=")[2].removesuffix(")")) for text in texts] == programs(book)
        assert all(text.count("(") == text.count(")") == 1 for text in texts)  # no parenthesis ends the link early
        found += len(added)
    assert found == len(PROGRAMS) > 10


def test_the_site_has_the_links(tmp_path: Path) -> None:
    """Its pages' own way of writing them, and its check of links, which finds no anchor of that name in the page."""
    name = "01_from_a_scalar_to_lenet"
    page = f"notebooks/{name}.ipynb"
    pages.write_notebook(tmp_path / f"{name}.ipynb", NOTEBOOKS[name], page, pages.places())
    text = (tmp_path / f"{name}.ipynb").read_text(encoding="utf-8")
    assert text.count("(site:try/index.html#code=import") == len(programs(NOTEBOOKS[name]))
    (tmp_path / "try").mkdir()
    (tmp_path / "try" / "index.html").write_text("<p>", encoding="utf-8")
    here = tmp_path / "page.html"
    assert check_links.leads_somewhere(tmp_path, here, "try/index.html#code=import%20math")
    assert not check_links.leads_somewhere(tmp_path, here, "try/index.html#chapter")
    assert not check_links.leads_somewhere(tmp_path, here, "tri/index.html#code=import%20math")


def test_a_tag_is_kept_and_cells_elsewhere_are_not_touched() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": ["import numpy as np\n", "import tinygrad_fm as torch"]},
        {"cell_type": "markdown", "id": "b", "metadata": {}, "source": ["## One"]},
        {"cell_type": "code", "id": "c", "metadata": {"tags": ["try"]}, "source": ["x = torch.ones(2)\n", "x.sum()"]},
        {"cell_type": "code", "id": "d", "metadata": {}, "source": ["x"]},
        {"cell_type": "markdown", "id": "e", "metadata": {}, "source": ["## Two"]},
    ]
    made = with_browser_links({"cells": cells}, "page/")["cells"]
    assert [cell["id"] for cell in made] == ["a", "b", "c", "try-1", "d", "e"]
    code = "import tinygrad_fm as torch\n\nx = torch.ones(2)\nprint(x.sum())\n"
    assert unquote(source_of(made[3])) == f"[Run these lines in the browser](page/#code={code})"
