"""Sphinx extension: links to files of the repository (``repo:path#L12``) and of the site (``site:path``), formulas as MathML.

Where the repository's address is known, such a link leads to the file on its forge. Where it is not, the site holds a page of
every file and folder that is linked, with a number before each line.
"""

from __future__ import annotations

import builtins
import posixpath
from collections.abc import Iterator
from functools import partial
from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes

from .address import ROOT, commit, files, repository


def page_of(path: str) -> str:
    """The name of the site's page for a file or folder."""
    return f"source/{path}" if path != "." else "source/project"


def resolve_links(app: Any, doctree: Any, docname: str) -> None:
    """Give each ``repo:`` link of a page its address."""
    for node in doctree.findall(nodes.reference):
        uri = node.get("refuri", "")
        if uri.startswith("site:"):
            node["refuri"] = posixpath.relpath(uri.removeprefix("site:"), posixpath.dirname(docname) or ".")
            node["internal"] = True
        if not uri.startswith("repo:"):
            continue
        path, mark, line = uri.removeprefix("repo:").partition("#")
        path = posixpath.normpath(path)
        if not (ROOT / path).exists():
            raise ValueError(f"{docname}: the link to {path} leads nowhere")
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        known = repository()
        if known:
            node["refuri"] = f"{known}/{kind}/{commit()}/{path}{mark}{line}"
        else:
            app.linked_files.add(path)
            node["refuri"] = app.builder.get_relative_uri(docname, page_of(path)) + mark + line
        node["classes"] = [name for name in node.get("classes", []) if name != "external"]
        node["internal"] = not known


def plain_types(app: Any, doctree: Any) -> None:
    """Types of Python in signatures are text: ``int`` means Python's there, and not ``torch.int``."""
    for node in list(doctree.findall(addnodes.pending_xref)):
        target = node.get("reftarget", "")
        if node.get("refdomain") == "py" and (hasattr(builtins, target) or len(target) == 1):  # T is a type variable
            node.replace_self(node.children)


def source_pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file and folder that something links to."""
    for path in sorted(app.linked_files):
        body = folder_page(app, path) if (ROOT / path).is_dir() else file_page(path)
        page = page_of(path)
        tree = partial(contents, app, page, page.count("/"))
        yield page, {"title": path, "body": f"<h1>{path}</h1>{body}", "toctree": tree}, "page.html"


def contents(app: Any, page: str, depth: int, **options: Any) -> str:
    """The table of contents beside a source page: the same for all in folders of that depth, and slow to make."""
    key = (depth, *sorted(options.items()))
    if key not in app.contents:
        app.contents[key] = app.builder._get_local_toctree(page, **options)
    return str(app.contents[key])


def file_page(path: str) -> str:
    """The text of a file as HTML, with an anchor at each line."""
    text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    try:
        lexer = get_lexer_for_filename(path)
    except ClassNotFound:
        lexer = TextLexer()
    return str(
        highlight(text, lexer, HtmlFormatter(linenos="inline", linespans="L", cssclass="highlight source-page"))
    ).replace('<span id="L-', '<span id="L')


def folder_page(app: Any, path: str) -> str:
    """What is in a folder, each file linked if it has a page."""
    prefix = "" if path == "." else f"{path}/"
    items = []
    for name in files():
        if name.startswith(prefix):
            there = name in app.linked_files
            href = app.builder.get_relative_uri(page_of(path), page_of(name))
            items.append(f'<li><a href="{href}">{name}</a></li>' if there else f"<li>{name}</li>")
    return f"<ul>{''.join(items)}</ul>"


def visit_math(self: Any, node: Any) -> None:
    """A formula in the line, as MathML, which browsers show by themselves."""
    self.body.append(latex2mathml.tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def visit_math_block(self: Any, node: Any) -> None:
    """A formula by itself."""
    self.body.append(f'<div class="math">{latex2mathml.tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.linked_files, app.contents = set(), {}
    app.connect("doctree-read", plain_types)
    app.connect("doctree-resolved", resolve_links)
    app.connect("html-collect-pages", source_pages)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": False}
