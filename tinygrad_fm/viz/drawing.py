"""``draw`` and ``trace``: from a tensor, a model or a block of code to its graph."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import random
from .._pytree import tensors_in, tree_map
from ..autograd.box import is_tensor
from ..errors import AutogradError
from ..nn import Module
from . import style
from .build_content import build, name_inputs
from .content import bytes_text
from .events import EventLog
from .graph import Graph
from .model_inputs import read_inputs
from .picture import Options, Picture, make_picture
from .recorder import Recorder
from .recording import Recording, read_tape
from .tape_values import add_gradients, add_values, pass_in_sight, replay_events, sweep

__all__ = ["Trace", "draw", "trace"]

_RUNS = 4  # of which each operation's shortest time is taken: the first pays for fresh memory, any may be disturbed
_MOST_HELD = 8_000_000  # bytes of a tape, or of a model and its input, that a graph keeps alive for its steps


class Trace(Recorder):
    """What ran while a :func:`trace` was on. Made by that function.

    Attributes:
        failed: the exception that ended it, if one did.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import viz
    >>> with viz.trace() as t:
    ...     y = torch.ones(2).exp()
    >>> str(t.draw()).splitlines()[0], t.failed
    ('1 operation', None)
    """

    events: EventLog

    def __init__(self, places: bool = False) -> None:
        super().__init__(places, events=True)

    def draw(self, **options: Any) -> Graph:
        """The picture of what ran; takes the options of :func:`draw`."""
        return draw(self, **options)


def trace(places: bool = False) -> Trace:
    """Follow all that runs in a ``with`` block, for a picture of what the tape does not hold.

    That is: parts under ``no_grad()``, the time of each operation forward and backward, gradients after backward, all that the
    step player plays (``draw().save("x.html", steps=True)``), and the operation that failed, with its inputs, if one did. The
    block's exceptions go on as usual.

    Args:
        places: also note the line of the user's code that each operation comes from.

    Returns:
        A :class:`Trace`: ``with viz.trace() as t: ...``, then ``t.draw()``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import viz
    >>> with viz.trace() as t:
    ...     y = torch.ones(2, 3) * 2
    >>> print(t.draw())
    1 operation
      input  (2, 3) float32
      %1 = mul(input, 2)  (2, 3) float32  (no gradient)
      output = %1
    """
    return Trace(places)


def draw(
    target: Any,
    input: Any = None,
    *,
    model: Module | None = None,
    names: Mapping[str, Any] | Sequence[str] | None = None,
    depth: int | None = None,
    fold: bool | None = None,
    direction: str | None = None,
    color_by: str | None = None,
    backward: bool = False,
    values: bool = False,
    aspect: float | None = None,
) -> Graph:
    """Draw a computation graph.

    Args:
        target: a tensor with a tape behind it, or several; or a model, which is then run on ``input``; or a
            :func:`~tinygrad_fm.viz.trace`.
        input: what the model is called with: one argument, a tuple of them, or a dict of keyword arguments. A shape, such as
            ``(64, 1, 28, 28)``, stands for a tensor of random numbers.
        model: parameters and boxes are named by their paths in it; by those in the outermost module that was called,
            without it.
        names: the caller's names of tensors: leaves, inputs, results; ``{"x": x, "loss": loss}``. A list of strings names
            what stands at the beginning: a model's inputs, or the leaves and inputs of a tape in the order of their use.
        depth: close modules from this level on; 1 shows the model's children. All are open by default, unless the picture
            had more than 300 nodes.
        fold: draw equal neighbours once, with "× N". By default so unless the picture is coloured: their values differ.
        direction: "TB", top down, or "LR", left to right; by default the latter if there are no modules.
        color_by: "time" (forward and backward, of a model or a trace), "memory" (bytes saved for backward) or "grad" (norm
            of the gradient; of a single number the gradient itself).
        backward: also show the backward pass: which rules run, what they keep, which way gradients go.
        values: write on every node its data and its gradient: single numbers, small matrices, the range of large ones. What
            the tape does not hold is computed again; of a leaf that has a ``.grad``, that is shown.
        aspect: about how many times as wide as high the picture is to be. A long graph is set in columns (left to right: in
            rows), which go on where the same letter stands. By default this is done for 16/9 where one column would be
            more than about twice as high as wide.

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
    if aspect is not None and not 0 < aspect < math.inf:
        raise ValueError(f"draw(): aspect must be a number above 0, such as 16 / 9, got {aspect}")
    options = Options(depth, color_by is None if fold is None else fold, direction, color_by, backward, values, aspect)
    named, listed = _checked_names(names)
    with _collector_paused():
        return _draw(target, input, model, named, listed, options)


def _checked_names(names: Any) -> tuple[dict[str, Any], list[str]]:
    """The tensors that ``names`` names (``locals()`` has other things too), and names for the first inputs."""
    if names is None:
        return {}, []
    if isinstance(names, Mapping):
        return {name: tensor for name, tensor in names.items() if is_tensor(tensor)}, []
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return {}, list(names)
    kind = type(names).__name__
    raise TypeError(f'draw(): names must be a dict such as {{"x": x, "loss": loss}}, or a list of strings, got a {kind}')


def _draw(
    target: Any, input: Any, model: Module | None, names: Mapping[str, Any], listed: list[str], options: Options
) -> Graph:
    if isinstance(target, Trace):
        recording = target.recording()
        if target.failed is not None:
            recording.notes.append("cut short by an error")
        picture, log = _picture(recording, [], model, names, listed, options), target.events
        return Graph(picture, lambda: (picture, log))

    def record(target: Any, input: Any, model: Module | None, names: Mapping[str, Any]) -> tuple[Picture, EventLog]:
        """All once more, with what happens in it."""
        if isinstance(target, Module):
            recording, outputs, log = _run(target, input, options, events=True)
        else:
            recording, outputs = _read(target, names, options)
            log = replay_events(recording, outputs)
        return _picture(recording, outputs, model, names, listed, options), log

    if isinstance(target, Module):
        model = model if model is not None else target
        recording, outputs, _ = _run(target, input, options)
        size = sum(t._array.nbytes for t in [*target.parameters(), *tensors_in(input)])
    else:
        recording, outputs = _read(target, names, options)
        size = sum(kept.bytes for step in recording.steps for kept in step.kept or ())
    held = _hold((target, input, model, dict(names)), size)
    return Graph(_picture(recording, outputs, model, names, listed, options), lambda: record(*held()))


def _hold(things: Any, size: int) -> Callable[[], Any]:
    """Gives ``things`` back later: what is of some ``size`` in bytes only if somebody else has held it until then, so that no
    picture keeps much memory from being freed."""
    if size <= _MOST_HELD:
        return lambda: things

    def weak(leaf: Any) -> Callable[[], Any]:
        return weakref.ref(leaf) if is_tensor(leaf) or isinstance(leaf, Module) else lambda: leaf

    def strong(reference: Callable[[], Any]) -> Any:
        leaf = reference()
        if leaf is None and isinstance(reference, weakref.ref):
            raise ValueError(
                "steps=True: what was drawn is gone, as a picture does not keep tapes and models of more than "
                f"{bytes_text(_MOST_HELD)} alive; hold the tensor or the model in a variable until the page is saved, or "
                "compute within viz.trace()"
            )
        return leaf

    references = tree_map(weak, things)
    return lambda: tree_map(strong, references)


def _picture(
    recording: Recording,
    outputs: list[Any],
    model: Module | None,
    names: Mapping[str, Any],
    listed: list[str],
    options: Options,
) -> Picture:
    called = {id(tensor): name for name, tensor in names.items()}
    for name, tensor in names.items():
        value = recording.reader.find(tensor)
        if value is not None:
            recording.named[value] = name
    output_names = [called.get(id(t)) for t in outputs] or [recording.named.get(value) for value in recording.outputs]
    content = build(recording, model, names, output_names, times=options.color_by == "time")
    name_inputs(content, listed)
    return make_picture(content, options)


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


def _read(target: Any, names: Mapping[str, Any], options: Options) -> tuple[Recording, list[Any]]:
    tensors = [target] if is_tensor(target) else list(target.values() if isinstance(target, Mapping) else target)
    for t in tensors:
        if not is_tensor(t):
            raise TypeError(f"draw(): expected a Tensor, a Module or a trace, got {type(t).__name__}")
        if t._node is None:
            raise AutogradError(
                "draw(): this tensor has no tape: nothing it was computed from requires a gradient, or it was computed under "
                "no_grad(). To see such a computation use draw(model, input) or `with viz.trace() as t: ...` and t.draw()"
            )
    if options.color_by == "time":
        raise ValueError(
            "draw(): a tape holds no times; use draw(model, input, color_by='time'), or compute within "
            "`with viz.trace() as t:` and call t.draw(color_by='time')"
        )
    recording = read_tape(tensors, names.values())
    if options.values:
        at_hand = [*tensors, *(t for t in names.values() if t._node is not None)]
        if not add_values(recording, at_hand):
            recording.notes.append(
                "some values are not known any more: what they were computed from is gone, or was changed since"
            )
    if (options.color_by == "grad" or options.values) and not add_gradients(recording, tensors, options.values):
        recording.notes.append(
            "the backward pass is over, so only the gradients of leaves, and those kept by retain_grad(), are known; "
            "run it within viz.trace() for all"
        )
    return recording, tensors


def _run(model: Module, given: Any, options: Options, events: bool = False) -> tuple[Recording, list[Any], Any]:
    """Run ``model``, and its backward pass if that is wanted, under a trace, and leave it as it was; for times, repeatedly.

    Returns:
        The recording, the outputs, and with ``events`` the log of all that happened.
    """
    if given is None:
        raise ValueError("draw(): a model needs an input to be drawn: draw(model, input)")
    args, kwargs = read_inputs(model, given, "draw")
    runs = []
    measured = options.backward or options.values or options.color_by in ("time", "grad")
    for _ in range(_RUNS if options.color_by == "time" else 1):
        with _unchanged(model) as buffers, Recorder(values=options.values, events=events) as t:
            for tensor in tensors_in((args, kwargs)):
                t.give(tensor)
            outputs = tensors_in(model(*args, **kwargs))
            recording = t.recording(outputs)
            recording.buffers, recording.inputs_known = buffers, True
            roots = [(o._node, np.ones(o._array.shape, o._array.dtype)) for o in outputs if o._node is not None]
            if events and roots:
                pass_in_sight(roots, recording)
            elif measured and roots:
                sweep(roots, recording.reader.made, recording, options.values, retain=False)
        runs.append(recording)
    _take_shortest(runs)
    return recording, outputs, t.events


def _take_shortest(runs: list[Recording]) -> None:
    """Into the last of ``runs``, the shortest time that each of its steps took in any that did the same steps."""
    *others, last = runs
    names = [step.name for step in last.steps]
    for other in others:
        if [step.name for step in other.steps] == names:
            for mine, its in zip(last.steps, other.steps, strict=True):
                mine.forward = min((s for s in (mine.forward, its.forward) if s is not None), default=None)
                mine.backward = min((s for s in (mine.backward, its.backward) if s is not None), default=None)


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
