"""The links and pictures of the built site: their files and anchors are there, and nothing is loaded from another host."""

from __future__ import annotations

import functools
import html
import posixpath
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

TAG = re.compile(r"<(a|img|script|source|iframe|video|link)\s([^>]*)>")
ADDRESS = re.compile(r"\b(?:href|src)=\"([^\"]*)\"")
FOR_A_SCRIPT = ("code=", "example=")  # what the page in the browser reads from its address; no anchors
ANCHOR = re.compile(r"\b(?:id|name)=\"([^\"]*)\"")


class Page(NamedTuple):
    """What a page links to, what it loads, and its anchors."""

    links: list[str]
    loaded: list[str]
    anchors: set[str]


@functools.cache
def parsed(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    targets = [(m[1], html.unescape(address)) for m in TAG.finditer(text) for address in ADDRESS.findall(m[2])]
    loaded = [address for tag, address in targets if tag != "a"]
    return Page([address for tag, address in targets if tag == "a"], loaded, set(map(html.unescape, ANCHOR.findall(text))))


def broken(site: Path) -> list[str]:
    """A line for each link of the site that leads nowhere, and for each thing loaded from another host."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page, name = parsed(path), path.relative_to(site).as_posix()
        for target in page.loaded:
            if urlsplit(target).netloc:
                found.append(f"{name}: loads {target}")
        for target in dict.fromkeys([*page.links, *page.loaded]):
            if not leads_somewhere(site, path, target):
                found.append(f"{name}: {target} leads nowhere")
    parsed.cache_clear()
    return found


def leads_somewhere(site: Path, page: Path, target: str) -> bool:
    """Whether the file and the anchor of a link are there; links to other hosts are not looked at."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return parts.scheme != "repo"
    there = Path(posixpath.normpath(page.parent / unquote(parts.path))) if parts.path else page
    there = there / "index.html" if there.is_dir() else there
    if site not in [there, *there.parents] or not there.is_file():
        return False
    if parts.fragment.startswith(FOR_A_SCRIPT):
        return True
    return not parts.fragment or there.suffix != ".html" or unquote(parts.fragment) in parsed(there).anchors
