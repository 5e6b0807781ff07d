"""``draw``: the computation graph as a picture, and the Graph that shows it."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from .. import random
from ..autograd.backward import run_backward
from ..autograd.hooks import OpCall, op_hook
from ..autograd.node import Leaf
from ..autograd.primitive import is_tensor
from ..errors import AutogradError
from ..files import write_atomically
from ..nn import Module
from . import fold, style, write_dot, write_html, write_text
from .build_content import build
from .content import Content, plural
from .recorder import Trace, norm, trace
from .recording import Reader, Recording, read_tape
from .view import LIMIT, choose_depth, count, make_view

_log = logging.getLogger("tinygrad_fm.viz")
FORMATS = ("svg", "png", "pdf", "gv", "html", "txt")
_RUNS = 4  # of which each operation's shortest time is taken: the first pays for fresh memory, any may be disturbed
_LONG = 40  # more nodes than this are drawn top down
_HARD_LIMIT = 3000  # more nodes than this nobody wants to wait for
INSTALL = "install Graphviz (apt install graphviz, brew install graphviz, conda install graphviz) for SVG, PNG and PDF"


class Graph:
    """A computation graph, ready to be shown: ``save`` it, ``print`` it, or leave it as the last line of a notebook's cell.

    Made by :func:`draw`.

    Attributes:
        content: the items, edges and boxes.
        notes: what had to be left out or folded, in words.
    """

    def __init__(
        self, content: Content, depth: int | None, fold_equal: bool, direction: str | None, color_by: str | None, backward: bool
    ) -> None:
        self.content, self.fold, self.color_by, self.backward = content, fold_equal, color_by, backward
        self.notes = list(content.notes)
        fold.fold_repeats(content)
        self.depth = self._checked(depth) if depth is not None else self._fitting_depth()
        self.view = make_view(content, self.depth, fold_equal)
        nested = any(box.what == "module" for box in content.boxes())
        self.direction = direction or ("TB" if nested or len(self.view.nodes) > _LONG else "LR")

    def _fitting_depth(self) -> int | None:
        """The depth at which the picture can be read; a chain that is too long at any depth is cut into groups."""
        depth, nodes = choose_depth(self.content, self.fold)
        if depth is not None and count(self.content, depth, self.fold) > LIMIT:
            fold.fold_stretches(self.content)
            depth, _ = choose_depth(self.content, self.fold)
            operations = plural(len(self.content.operations()), "operation")
            self.notes.append(f"{operations}: too many to draw one by one, so they are shown in groups")
        elif depth is not None:
            self.notes.append(f"folded to depth {depth}, as {nodes:,} nodes are too many to read; choose with depth=")
        return depth

    def _checked(self, depth: int) -> int:
        nodes = count(self.content, depth, self.fold)
        if nodes > _HARD_LIMIT:
            raise ValueError(
                f"draw(): depth={depth} would draw {nodes:,} nodes, more than the {_HARD_LIMIT:,} that can be laid out in "
                "reasonable time; choose a smaller depth, or leave it out"
            )
        return depth

    def __str__(self) -> str:
        return write_text.to_text(self, self.view)

    def __repr__(self) -> str:
        return f"<Graph: {self.content.title}>"

    def dot(self) -> str:
        """The graph in the DOT language."""
        return write_dot.to_dot(self, self.view).source

    def html(self) -> str:
        """A page that shows the graph by itself: pan, zoom, and a click opens or closes a module."""
        return write_html.to_html(self)

    def svg(self) -> str:
        """The picture as SVG. Raises RuntimeError if the ``dot`` program is not installed, or fails."""
        try:
            return self._render("svg").decode("utf-8")
        except graphviz.ExecutableNotFound as error:
            raise RuntimeError(f"the 'dot' program was not found: {INSTALL}") from error

    def _render(self, kind: str) -> bytes:
        try:
            return write_dot.to_dot(self, self.view).pipe(kind)
        except graphviz.CalledProcessError as error:
            said = (error.stderr or b"").decode("utf-8", "replace").strip()
            raise RuntimeError(f"the 'dot' program failed (exit code {error.returncode}): {said}") from error

    def save(self, path: str | Path) -> Path:
        """Write the picture in the format that the ending of ``path`` names: svg, png, pdf, gv, html or txt.

        Where the ``dot`` program is missing, svg, png and pdf cannot be made: the DOT file is written instead, beside
        where the picture would be, and one line in the log says how to install it.

        Returns:
            The path of the file that was written.

        Raises:
            ValueError: another ending. OSError: the file cannot be written. RuntimeError: ``dot`` failed.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in FORMATS:
            raise ValueError(f"save(): {path.name!r} must end in one of .{', .'.join(FORMATS)}")
        if kind in ("gv", "html", "txt"):
            data = {"gv": self.dot, "html": self.html, "txt": lambda: str(self) + "\n"}[kind]().encode("utf-8", "replace")
        else:
            try:
                data = self._render(kind)
            except graphviz.ExecutableNotFound:
                instead = path.with_suffix(".gv")
                _log.warning("%s: the 'dot' program was not found, so %s was written; %s", path.name, instead.name, INSTALL)
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


def draw(
    target: Any,
    input: Any = None,
    *,
    model: Module | None = None,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    fold: bool = True,
    direction: str | None = None,
    color_by: str | None = None,
    backward: bool = False,
) -> Graph:
    """Draw a computation graph.

    Args:
        target: a tensor with a tape behind it, or several; or a model, which is then run on ``input``; or a
            :func:`~tinygrad_fm.viz.trace`.
        input: what the model is called with: one argument, a tuple of them, or a dict of keyword arguments.
        model: parameters and boxes are named by their paths in it; by those in the outermost module that was called,
            without it.
        names: the caller's names of tensors: leaves, inputs, results; ``{"x": x, "loss": loss}``.
        depth: close modules from this level on; 1 shows the model's children. All are open by default, unless the picture
            had more than 300 nodes.
        fold: draw equal neighbours once, with "× N".
        direction: "TB", top down, or "LR", left to right; by default the latter if there are no modules.
        color_by: "time" (forward and backward, of a model or a trace), "memory" (bytes kept for backward) or "grad" (norm
            of the gradient).
        backward: also show the backward pass: which rules run, what they keep, which way gradients go.

    Returns:
        A :class:`Graph`, to be saved, printed, or shown by a notebook. The tape, all gradients, buffers and the random
        state are afterwards what they were before.

    Raises:
        AutogradError: a tensor without a tape. ValueError: an unknown option, or a depth that needs thousands of nodes.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import viz
    >>> a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(-3.0, requires_grad=True)
    >>> print(viz.draw(a * b + a, names={"a": a, "b": b}))
    2 operations
      a  () float32  leaf
      b  () float32  leaf
      %1 = mul(a, b)  () float32
      %2 = add(%1, a)  () float32
      output = %2
    """
    if color_by is not None and color_by not in style.CHOICES:
        raise ValueError(f"draw(): color_by must be one of {', '.join(style.CHOICES)}, got {color_by!r}")
    if direction not in (None, "TB", "LR"):
        raise ValueError(f"draw(): direction must be 'TB' (top down) or 'LR' (left to right), got {direction!r}")
    if depth is not None and depth < 1:
        raise ValueError(f"draw(): depth must be 1 or more, got {depth}")
    with _collector_paused():
        return _draw(target, input, model, names or {}, depth, fold, direction, color_by, backward)


def _draw(
    target: Any,
    input: Any,
    model: Module | None,
    names: Mapping[str, Any],
    depth: int | None,
    fold: bool,
    direction: str | None,
    color_by: str | None,
    backward: bool,
) -> Graph:
    if isinstance(target, Module):
        model = model if model is not None else target
        recording, outputs = _run(target, input, measured=backward or color_by in ("time", "grad"), timed=color_by == "time")
    elif isinstance(target, Trace):
        recording, outputs = target.recording(), []
        if target.failed is not None:
            recording.notes.append("cut short by an error")
    else:
        recording, outputs = _read(target, color_by)
    names = {name: tensor for name, tensor in names.items() if is_tensor(tensor)}
    called = {id(tensor): name for name, tensor in names.items()}
    for name, tensor in names.items():
        value = recording.reader.find(tensor)
        if value is not None:
            recording.named[value] = name
    output_names = [called.get(id(t)) for t in outputs] or [recording.named.get(value) for value in recording.outputs]
    content = build(recording, model, names, output_names, times=color_by == "time")
    return Graph(content, depth, fold, direction, color_by, backward)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Many objects are made here, none of them garbage: looking for some in between takes as long as all the rest."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _read(target: Any, color_by: str | None) -> tuple[Recording, list[Any]]:
    tensors = [target] if is_tensor(target) else list(target.values() if isinstance(target, Mapping) else target)
    for t in tensors:
        if not is_tensor(t):
            raise TypeError(f"draw(): expected a Tensor, a Module or a trace, got {type(t).__name__}")
        if t._node is None:
            raise AutogradError(
                "draw(): this tensor has no tape: nothing it was computed from requires a gradient, or it was computed under "
                "no_grad(). To see such a computation use draw(model, input) or `with viz.trace() as t: ...` and t.draw()"
            )
    if color_by == "time":
        raise ValueError(
            "draw(): a tape holds no times; use draw(model, input, color_by='time'), or compute within "
            "`with viz.trace() as t:` and call t.draw(color_by='time')"
        )
    recording = read_tape(tensors)
    if color_by == "grad" and not _measure_gradients(recording, tensors):
        recording.notes.append(
            "the backward pass is over, so only the gradients of leaves are known; run it within viz.trace() for all"
        )
    return recording, tensors


def _measure_gradients(recording: Recording, tensors: list[Any]) -> bool:
    """Go back through a tape that is still whole, and note the norm of every gradient; False if it is not whole any more."""
    nodes = [t._node for t in tensors if t._node is not None]
    reached = _all_nodes(nodes)
    if any(getattr(node, "saved", ()) is None for node in reached):
        return False
    hooks = [(node, node.hooks) for node in reached]
    for node in reached:
        node.hooks = None  # those of the user are for the user's own backward
    try:
        _sweep(recording.reader, [(t._node, np.ones(t._array.shape, t._array.dtype)) for t in tensors], recording, retain=True)
    finally:
        for node, own in hooks:
            node.hooks = own
    return True


def _all_nodes(roots: list[Any]) -> set[Any]:
    found: set[Any] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node is not None and node not in found:
            found.add(node)
            pending += node.parents
    return found


def _sweep(reader: Reader, roots: list[tuple[Any, Any]], recording: Recording, retain: bool) -> None:
    """Run a backward pass that delivers to no tensor, noting the norms of the gradients."""
    wanted: dict[Any, Any] = {node: None for node in _all_nodes([node for node, _ in roots]) if isinstance(node, Leaf)}

    def note(call: OpCall, run: Any) -> Any:
        step = reader.made.get(call.node) if call.phase == "backward" else None
        if step is not None and step.gradient is None:
            step.gradient = norm(call.inputs)
        return run()

    with op_hook(note):
        run_backward(roots, retain, False, wanted)
    recording.gradients.update((leaf, norm((g,))) for leaf, g in wanted.items() if g is not None)


def _run(model: Module, given: Any, measured: bool, timed: bool) -> tuple[Recording, list[Any]]:
    """Run ``model`` (and with ``measured`` its backward pass) under a trace, and leave it as it was; for times, repeatedly."""
    if given is None:
        raise ValueError("draw(): a model needs an input to be drawn: draw(model, input)")
    args = tuple(given) if isinstance(given, (tuple, list)) else () if isinstance(given, Mapping) else (given,)
    kwargs = dict(given) if isinstance(given, Mapping) else {}
    runs = []
    for _ in range(_RUNS if timed else 1):
        with _unchanged(model) as buffers, trace() as t:
            for tensor in _tensors((args, kwargs)):
                t.give(tensor)
            outputs = list(_tensors(model(*args, **kwargs)))
            recording = t.recording(outputs)
            recording.buffers = buffers
            roots = [(o._node, np.ones(o._array.shape, o._array.dtype)) for o in outputs if o._node is not None]
            if measured and roots:
                _sweep(recording.reader, roots, recording, retain=False)
        runs.append(recording)
    _take_shortest(runs)
    return recording, outputs


def _take_shortest(runs: list[Recording]) -> None:
    """Into the last of ``runs``, the shortest time that each of its steps took in any that did the same steps."""
    *others, last = runs
    names = [step.name for step in last.steps]
    for other in others:
        if [step.name for step in other.steps] == names:
            for mine, its in zip(last.steps, other.steps, strict=True):
                mine.forward = min((s for s in (mine.forward, its.forward) if s is not None), default=None)
                mine.backward = min((s for s in (mine.backward, its.backward) if s is not None), default=None)


def _tensors(value: Any) -> Iterator[Any]:
    if is_tensor(value):
        yield value
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from _tensors(v)
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from _tensors(v)


@contextmanager
def _unchanged(model: Module) -> Iterator[dict[str, Any]]:
    """What runs inside draws random numbers and updates buffers of its own, which are given by name."""
    position = random.get_rng_state()
    kept = [(module, dict(module._buffers)) for module in model.modules()]
    for module, buffers in kept:
        module._buffers.update((name, b.detach().clone()) for name, b in buffers.items() if b is not None)
    try:
        yield dict(model.named_buffers())
    finally:
        random.set_rng_state(position)
        for module, buffers in kept:
            module._buffers.clear()
            module._buffers.update(buffers)


__all__ = ["Graph", "draw"]
