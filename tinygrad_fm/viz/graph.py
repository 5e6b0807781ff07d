"""The Graph that ``draw`` makes: it saves, prints and shows itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from . import write_html, write_text
from .events import EventLog
from .picture import Picture
from .write_steps import steps_data

__all__ = ["FORMATS", "INSTALL", "Graph"]

_log = logging.getLogger("tinygrad_fm.viz")
FORMATS = ("svg", "png", "pdf", "gv", "html", "txt")
INSTALL = "install Graphviz (apt install graphviz, brew install graphviz, conda install graphviz) for SVG, PNG and PDF"


class _NoDot(RuntimeError):
    """The ``dot`` program is not there."""


class Graph:
    """A computation graph, ready to be shown: ``save`` it, ``print`` it, or leave it as the last line of a notebook's cell.

    Made by :func:`~tinygrad_fm.viz.draw`.

    Attributes:
        picture: what is drawn, and how.
        content: the items, edges and boxes.
        view: those that are drawn.
        notes: what had to be left out or folded, in words.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import viz
    >>> graph = viz.draw(torch.ones(2, requires_grad=True).exp())
    >>> print(str(graph).splitlines()[0])
    1 operation
    """

    def __init__(self, picture: Picture, record: Callable[[], tuple[Picture, EventLog]]) -> None:
        self.picture, self.content, self.view, self.notes = picture, picture.content, picture.view, picture.notes
        self._record = record  # gives what happened, and the picture that it happens in

    def __str__(self) -> str:
        return write_text.to_text(self.picture)

    def __repr__(self) -> str:
        return f"<Graph: {self.content.title}>"

    def dot(self) -> str:
        """The graph in the DOT language."""
        return self._digraph().source

    def html(self, steps: bool = False) -> str:
        """A page that shows the graph by itself: pan, zoom, and a click opens or closes a module. With ``steps`` it also
        plays the computation, forward and back (see :meth:`save`)."""
        return write_html.to_html(self.data(steps))

    def data(self, steps: bool = False) -> dict[str, Any]:
        """What the page shows, as plain data that JSON can write: ``{"graph": …}``, and with ``steps`` ``"steps"`` too, whose
        schema is in ``viz/write_steps.py``. ``viz/assets/player.js`` plays them."""
        if not steps:
            return {"graph": write_html.graph_data(self.picture)}
        picture, log = self._record()
        return {"graph": write_html.graph_data(picture, steps=True), "steps": steps_data(log, picture.content)}

    def svg(self) -> str:
        """The picture as SVG. Raises RuntimeError if the ``dot`` program is not installed, cannot be started, or fails."""
        return self._render("svg").decode("utf-8")

    def _digraph(self) -> Any:
        """The ``graphviz.Digraph``. Where there are no programs to start, as in a browser, the package may be missing."""
        try:
            from .write_dot import to_dot
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "this picture needs the Python package 'graphviz': python -m pip install graphviz (.html and .txt need nothing)"
            ) from error
        return to_dot(self.picture)

    def _render(self, kind: str) -> bytes:
        graph = self._digraph()
        import graphviz

        try:
            return graph.pipe(kind)
        except graphviz.ExecutableNotFound as error:
            raise _NoDot(f"the 'dot' program was not found: {INSTALL}") from error
        except OSError as error:  # such as where there are no processes
            raise _NoDot(f"the 'dot' program cannot be started ({error.strerror or error}): {INSTALL}") from error
        except graphviz.CalledProcessError as error:
            said = (error.stderr or b"").decode("utf-8", "replace").strip()
            raise RuntimeError(f"the 'dot' program failed (exit code {error.returncode}): {said}") from error

    def save(self, path: str | Path, *, steps: bool = False) -> Path:
        """Write the picture in the format that the ending of ``path`` names: svg, png, pdf, gv, html or txt.

        Where the ``dot`` program is missing or cannot be started, svg, png and pdf cannot be made: the DOT file is written
        instead, beside where the picture would be, and one line in the log says how to install it.

        Args:
            steps: of a page (html), also record and play what happens, operation by operation, forward and then backward. Of
                a :func:`~tinygrad_fm.viz.trace` that is what ran within it. A model is run for it once more, now; a tape is
                computed again from its leaves, and gone back through, so save before those change.

        Returns:
            The path of the file that was written.

        Raises:
            ValueError: another ending; ``steps`` for a format that plays nothing, or for more than 2,000 of them. OSError:
                the file cannot be written. RuntimeError: ``dot`` failed.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in FORMATS:
            raise ValueError(f"save(): {path.name!r} must end in one of .{', .'.join(FORMATS)}")
        if steps and kind != "html":
            raise ValueError(
                f"save(): steps=True makes a page that plays them, so the name must end in .html, got {path.name!r}"
            )
        if kind in ("gv", "html", "txt"):
            write = {"gv": self.dot, "html": lambda: self.html(steps), "txt": lambda: str(self) + "\n"}[kind]
            data = write().encode("utf-8", "replace")
        else:
            try:
                data = self._render(kind)
            except _NoDot as error:
                instead = path.with_suffix(".gv")
                _log.warning("%s was written in place of %s: %s", instead.name, path.name, error)
                return self.save(instead)
        write_atomically(path, lambda file: file.write(data))
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the SVG scaled to its cell, or without ``dot`` the interactive page. It never raises."""
        bundle = {"text/plain": repr(self)}
        forms = {"image/svg+xml": lambda: write_html.fitted(self.svg()), "text/html": lambda: write_html.framed(self.html())}
        for kind, make in forms.items():
            try:
                bundle[kind] = make()
                break
            except Exception as error:  # what cannot be shown is said instead
                bundle["text/plain"] += f"\n{error}"
        return bundle
