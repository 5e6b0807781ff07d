"""docs/results.md as it is committed: it follows from the committed records, and shows pictures that are there."""

from __future__ import annotations

import re

from apps.results.page import page, read_results
from apps.results.readme import PART, readme_part
from benchmarks.tables import with_part
from tinygrad_fm.training import RECIPES

from .conftest import ROOT

DOCS = ROOT / "docs"


def test_the_committed_pages_are_what_the_committed_records_give() -> None:
    results = read_results(DOCS / "results")
    assert (DOCS / "results.md").read_bytes() == page(results).encode(), "run: python -m apps reproduce --write"
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == with_part(readme, PART, readme_part(results), "README.md"), "run: python -m apps reproduce --write"


def test_every_record_and_picture_belongs_to_the_page() -> None:
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    pictures = {f"images/results/{path.name}" for path in (DOCS / "images/results").glob("*")}
    assert pictures == set(re.findall(r"\]\((images/results/[^)]+)\)", text)), "remove what is shown no more"
    folders = {path.name for path in (DOCS / "results").glob("*") if path.is_dir()}
    assert folders <= RECIPES.keys()
