"""Which Markdown pages and notebooks the site has, where they go in it, and their links rewritten for that.

The pages are written to be read on a forge, so their links are paths of the repository. In the site a link to another page
leads there, one to an image is kept, and one to any other file becomes ``repo:path``, for :mod:`docs.site.repository` to
resolve. A path that is not there is an error.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from notebooks.browser import with_browser_links
from notebooks.stamping import address_of_this_project, stamp

from .address import ROOT

START = "docs/README.md"  # its sections and their links are the site's table of contents
TRY = "docs/try/"  # the page in the browser, which is copied whole
PICTURES = (".svg", ".png", ".gif", ".jpg", ".pdf", ".webp")
LINK = re.compile(r"(\]\()([^()\s]+)((?:\s+\"[^\"]*\")?\))|((?:src|href)=\")([^\"]+)(\")")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*$|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.M | re.S)


class Section(NamedTuple):
    """A heading of the start page and the paths of the pages that are linked below it."""

    title: str
    pages: list[str]


def places() -> dict[str, str]:
    """Where each page goes in the site, by its path in the repository."""
    found = {path: path for path in paths("docs/*.md")}
    found = {path: path.removeprefix("docs/") for path in found} | {START: "index.md"}
    found |= {path: f"tutorial/{posixpath.basename(path)}" for path in paths("notebooks/*.ipynb")}
    readmes = {"examples/README.md": "examples.md", "notebooks/README.md": "tutorial/index.md"}
    found |= {path: place for path, place in readmes.items() if (ROOT / path).exists()}
    return found | {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def paths(pattern: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def sections() -> list[Section]:
    """The table of contents, from the start page."""
    text = (ROOT / START).read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.M)[1:]
    where = places()
    found = []
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        links = [
            posixpath.normpath(posixpath.join("docs", m[1].partition("#")[0])) for m in re.finditer(r"\]\(([^)]+)\)", body)
        ]
        found.append(Section(title, list(dict.fromkeys(link for link in links if link in where))))
    return found


class BrokenLinkError(ValueError):
    """A page links to what is not there."""


def new_target(target: str, page: str, where: dict[str, str]) -> str:
    """A link of the page whose path is ``page``, as the site wants it."""
    if re.match(r"[a-z][a-z0-9+.-]*:|#", target) or not target:
        return target
    path, mark, heading = target.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if not (ROOT / path).exists() or path.startswith(".."):
        raise BrokenLinkError(f"{page}: the link to {target} leads nowhere: there is no {path}")
    here = posixpath.dirname(where[page])
    if path in where and where[path].startswith("/"):
        return where[path] + mark + heading
    if path in where:
        return posixpath.relpath(where[path], here or ".") + mark + heading
    if path.endswith(PICTURES) and path.startswith("docs/"):
        return posixpath.relpath(path.removeprefix("docs/"), here or ".")
    if path.startswith(TRY):
        return f"site:{path.removeprefix('docs/')}{mark}{heading}"
    return f"repo:{path}{mark}{heading}"


def rewritten(text: str, page: str, where: dict[str, str]) -> str:
    """The Markdown ``text`` of a page with its links as the site wants them; code is left as it is."""

    def changed(found: re.Match[str]) -> str:
        before, target, after = found.groups()[:3] if found[1] else found.groups()[3:]
        return f"{before}{new_target(target, page, where)}{after}"

    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(changed, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(changed, text[end:])])


def contents(listed: list[Section], where: dict[str, str], more: dict[str, list[str]]) -> str:
    """The hidden table of contents of the start page; ``more`` has further pages of a section."""
    parts = []
    for section in listed:
        entries = [where[page] for page in section.pages] + more.get(section.title, [])
        lines = [entry.rsplit(".", 1)[0] for entry in dict.fromkeys(entries)]
        parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {section.title}", "", *lines, "```"]))
    return "\n\n".join(parts)


def write_pages(stage: Path, more: dict[str, list[str]]) -> None:
    """Write the pages, the notebooks and the pictures into the folder ``stage``, as Sphinx's source.

    Args:
        more: further pages of a section of the table of contents, by its title.
    """
    where = places()
    listed = sections()
    for page, place in where.items():
        target = stage / place
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / page).read_text(encoding="utf-8")
        if page.endswith(".ipynb"):
            write_notebook(target, json.loads(text), page, where)
            continue
        text = rewritten(text, page, where)
        if page == START:
            notebooks = [place for path, place in where.items() if path.endswith(".ipynb")]
            more = {listed[0].title: notebooks, **more}
            text += "\n\n" + contents(listed, where, more)
        target.write_text(text, encoding="utf-8")
    for picture in ROOT.glob("docs/**/*"):
        if picture.suffix in PICTURES:
            target = stage / picture.relative_to(ROOT / "docs")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)


def write_notebook(target: Path, content: Any, page: str, where: dict[str, str]) -> None:
    """A notebook with links to the page in the browser, where the repository's address is known one to Colab, and all of them
    rewritten."""
    content = with_browser_links(content)
    where = {path: f"/{place}" if path != page else place for path, place in where.items()}  # from the site's root
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = rewritten("".join(cell["source"]), page, where).splitlines(keepends=True)
    target.write_text(json.dumps(content), encoding="utf-8")
    target.write_text(json.dumps(stamp(target, address_of_this_project())), encoding="utf-8")
