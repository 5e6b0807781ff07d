"""The documentation site's own parts, without Sphinx: links, docstrings, where names are defined."""

from __future__ import annotations

from pathlib import Path

import pytest

import tinygrad_fm
from docs.site import check_links, docstrings, lacking, pages, reference
from docs.site.__main__ import NotASiteError, clear
from docs.site.source_lines import definition_of

WHERE = {"docs/data.md": "data.md", "docs/README.md": "index.md", "examples/README.md": "examples.md"}


@pytest.mark.parametrize(
    ("page", "link", "becomes"),
    [
        ("docs/README.md", "data.md#worker-processes", "data.md#worker-processes"),
        ("docs/data.md", "README.md", "index.md"),
        ("docs/README.md", "../examples/README.md", "examples.md"),
        ("docs/README.md", "images/tape.svg", "images/tape.svg"),
        ("examples/README.md", "vae.py", "repo:examples/vae.py"),
        ("docs/data.md", "../tinygrad_fm/data/loader.py#L10", "repo:tinygrad_fm/data/loader.py#L10"),
        ("docs/data.md", "../tests", "repo:tests"),
        ("docs/README.md", "try/index.html#code=x", "site:try/index.html#code=x"),
        ("docs/data.md", "#pictures", "#pictures"),
        ("docs/data.md", "https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_go_where_the_page_is_in_the_site(page: str, link: str, becomes: str) -> None:
    assert pages.rewritten(f"see [it]({link}).", page, WHERE) == f"see [it]({becomes})."


def test_a_link_in_code_is_left_alone_and_a_broken_one_is_an_error() -> None:
    for code in ("```text\n[x](nowhere.md)\n```\n", "`[x](nowhere.md)`"):
        assert pages.rewritten(code, "docs/data.md", WHERE) == code
    with pytest.raises(pages.BrokenLinkError, match=r"docs/data.md: the link to nowhere.md leads nowhere"):
        pages.rewritten("[x](nowhere.md)", "docs/data.md", WHERE)


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {page for section in pages.sections() for page in section.pages}
    assert {page for page in pages.places() if not page.startswith("notebooks/")} - listed == {pages.START}


DOC = """The sum of *all* x_ elements, see :func:`add`::

    y = Σ xᵢ

Args:
    input: (N, C), of any
        dtype.
    a, b: two ``numbers``.

Returns:
    (N,), one each.

Raises:
    ShapeError: they differ.

Source: https://example.org/a_b_, section 2.

>>> 1 + 1
2
"""


def test_a_docstring_becomes_fields_and_blocks() -> None:
    text = "\n".join(docstrings.rendered(DOC, {"add": "tinygrad_fm.add"}.get))
    for part in [
        r"The sum of \*all\* x\_ elements, see :py:obj:`add <tinygrad_fm.add>`:",
        ".. code-block:: text\n\n   y = Σ xᵢ",
        "   * **input** – (N, C), of any dtype.",
        "   * **a, b** – two ``numbers``.",
        ":Returns: (N,), one each.",
        ":Raises: **ShapeError** – they differ.",
        ":Source: `example.org/a_b_ <https://example.org/a_b_>`__, section 2.",
        ".. code-block:: pycon\n\n   >>> 1 + 1\n   2",
    ]:
        assert part in text


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("exp", "tinygrad_fm/ops/elementwise.py", "exp = "),
        ("cat", "tinygrad_fm/ops/join_split.py", "def cat("),
        ("zeros_like", "tinygrad_fm/ops/creation.py", "zeros_like"),
        ("Generator", "tinygrad_fm/random.py", "class Generator"),
        ("eq", "tinygrad_fm/ops/comparison.py", "eq, ne = "),
    ],
)
def test_where_a_name_is_defined(name: str, path: str, text: str) -> None:
    found = definition_of(getattr(tinygrad_fm, name), name)
    assert found is not None
    assert (found.path, text in found.text().split("\n")[0]) == (path, True)


def test_a_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    for folder in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(NotASiteError, match="is left as it is"):
            clear(folder)
    assert (tmp_path / "thesis.tex").exists()
    for _ in range(2):  # a new folder, and then that of an older site
        clear(tmp_path / "site")
        (tmp_path / "site" / "index.html").touch()
    clear(tmp_path / "site")
    assert [path.name for path in (tmp_path / "site").iterdir()] == [".nojekyll"]


def test_public_docstrings_lack_nothing() -> None:
    entries = lacking.own()
    assert len(entries) > 1000
    assert {entry.full: lacking.lacks(entry) for entry in entries if lacking.lacks(entry)} == {}


@pytest.mark.parametrize(
    ("doc", "lacks"),
    [
        (None, ["a text", "an example", "Raises ValueError"]),
        ("Refuses everything.", ["an example", "Raises ValueError"]),
        ("Raises ValueError.\n\n>>> 1 + 1\n2", []),
    ],
)
def test_what_a_docstring_lacks(doc: str | None, lacks: list[str]) -> None:
    def refuse() -> None:
        raise ValueError("always")

    refuse.__doc__ = doc
    assert lacking.lacks(reference.Entry("", "refuse", refuse, None)) == lacks


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (tinygrad_fm.exp, "(input, *, out=None) -> Tensor"),
        (tinygrad_fm.cat, "(tensors, dim: int = 0, *, out=None) -> Tensor"),
        (tinygrad_fm.nn.Dropout, "(p: float = 0.5, inplace: bool = False)"),
    ],
)
def test_signatures(value: object, says: str) -> None:
    assert reference.signature(value, getattr(value, "__name__", "")) == says


def test_broken_links_of_the_site_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top"><a href="b.html#there">1</a><a href="b.html#not">2</a><a href="c.html">3</a><a href="#top">4</a>'
        '<a href="https://example.org">5</a><img src="p.png"><script src="https://example.org/x.js"></script></h1>',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<p id="there">', encoding="utf-8")
    assert check_links.broken(tmp_path) == [
        "a.html: loads https://example.org/x.js",
        "a.html: b.html#not leads nowhere",
        "a.html: c.html leads nowhere",
        "a.html: p.png leads nowhere",
    ]
