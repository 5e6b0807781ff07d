"""What a program shows while it runs: ``plot``, ``show``, ``images`` and ``boundary``.

In a terminal each of them prints: a line of numbers, the graph as text, pictures in characters. The page that runs programs in
a browser (docs/browser.md) draws charts and pictures instead: it is the :func:`listener`. The program is the same.

>>> from tinygrad_fm.viz import live
>>> for step in range(0, 20, 10):
...     live.plot(step, loss=1 / (step + 1))
step 0  loss 1
step 10  loss 0.09091
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd.box import is_tensor, raw
from ..autograd.modes import no_grad
from ..nn import Module
from ..nn.utils.evaluating import evaluating
from ..ops.creation import from_numpy
from .graph import Graph

__all__ = ["boundary", "images", "listener", "plot", "show"]

MOST_IMAGES = 100
MOST_SIDE = 512  # pixels of a picture
SHADES = " .:-=+*#%@"
LETTERS = "oxABCDEFGH"  # the classes, in characters
CELLS = 60  # of a side of the decision boundary

#: Called with the name of what is to be drawn, and its data: of JSON's kinds only, arrays as ``packed`` has them.
Listener = Callable[[str, dict[str, Any]], None]

_listener: Listener | None = None
_steps: dict[str, int] = {}  # how many points each line of the charts has


@contextmanager
def listener(listen: Listener) -> Iterator[None]:
    """While this is on, ``listen(name, data)`` is called in place of printing.

    >>> with listener(lambda name, data: print(name, data["values"])):
    ...     plot(loss=0.5)
    plot {'loss': 0.5}
    """
    global _listener  # noqa: PLW0603
    before, _listener = _listener, listen
    _steps.clear()
    try:
        yield
    finally:
        _listener = before
        _steps.clear()


def _number(name: str, value: Any) -> float:
    array = np.asarray(raw(value) if is_tensor(value) else value)
    if array.size != 1 or array.dtype.kind not in "bifu":
        got = f"an array of shape {array.shape}" if array.size != 1 else f"a {type(value).__name__}"
        raise ValueError(f"plot(): {name} must be one number, got {got}")
    return float(array.reshape(()))


def plot(step: int | None = None, /, **values: Any) -> None:
    """Add a point to each of the named lines; lines whose names end alike (``loss``, ``test_loss``) share a chart.

    Args:
        step: where on the horizontal axis; counted from 0, for each name, without it.
        values: the numbers: floats, or tensors of one element. NaN and infinity are left open in the line.

    Raises:
        ValueError: no values, or one that is not a single number.

    >>> plot(3, loss=0.25, accuracy=0.9)
    step 3  loss 0.25  accuracy 0.9
    """
    if not values:
        raise ValueError("plot(): name what is to be plotted, plot(loss=0.5)")
    numbers = {name: _number(name, value) for name, value in values.items()}
    where = _number("step", step) if step is not None else None
    if where is not None and not math.isfinite(where):
        raise ValueError(f"plot(): step must be finite, got {where}")
    if _listener is None:
        words = [] if where is None else [f"step {where:.10g}"]
        print("  ".join(words + [f"{name} {value:.4g}" for name, value in numbers.items()]))
        return
    steps = {}
    for name in numbers:
        steps[name] = _steps.get(name, 0) if where is None else where
        _steps[name] = _steps.get(name, 0) + 1
    _listener("plot", {"steps": steps, "values": {n: v if math.isfinite(v) else None for n, v in numbers.items()}})


def show(what: Any, title: str = "") -> None:
    """Show a graph, or an array as a picture.

    Args:
        what: what :func:`~tinygrad_fm.viz.draw` returned; or a tensor or array of two dimensions, or of the shapes that
            :func:`images` takes; of anything else its text.
        title: what stands over it.

    >>> import tinygrad_fm as torch
    >>> a = torch.tensor(2.0, requires_grad=True)
    >>> show(torch.draw(a * a, names={"a": a}))
    1 operation
      a  () float32  leaf
      %1 = mul(a, a)  () float32
      output = %1
    """
    if is_tensor(what) or isinstance(what, np.ndarray):
        array = _array(what)
        if array.ndim >= 2:
            images(array, title=title)
            return
    if isinstance(what, Graph) and _listener is not None:
        _listener("graph", {"title": title or what.content.title, "page": _page(what), "text": str(what)})
        return
    print(f"{title}\n{what}" if title else what)


def _page(graph: Graph) -> str:
    """The page that plays the computation, or if there are too many steps the one that only shows it."""
    try:
        return graph.html(steps=True)
    except ValueError:
        return graph.html()


def _array(values: Any) -> npt.NDArray[Any]:
    return np.asarray(raw(values) if is_tensor(values) else values)


def images(pictures: Any, titles: Sequence[str] | None = None, title: str = "") -> None:
    """Show grey pictures side by side; those of a former call with the same title give way to them.

    Args:
        pictures: a tensor or array of shape (H, W), (N, H, W) or (N, 1, H, W), of any numbers: the smallest of each picture is
            black and the largest white.
        titles: a word or two under each.
        title: what stands over them.

    Raises:
        ValueError: another shape, more than 100 pictures or 512 pixels, or not as many titles.

    >>> images([[0, 1], [1, 0]], title="two by two")
    two by two
      @@
    @@
    """
    array = _array(pictures)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.dtype.kind not in "bifu":
        raise ValueError(
            f"images(): expected numbers of shape (H, W), (N, H, W) or (N, 1, H, W), got shape {_array(pictures).shape}"
        )
    count, height, width = array.shape
    if count > MOST_IMAGES or max(height, width) > MOST_SIDE or not array.size:
        raise ValueError(
            f"images(): 1 to {MOST_IMAGES} pictures of up to {MOST_SIDE} × {MOST_SIDE} can be shown, "
            f"got {count} of {height} × {width}"
        )
    words = [str(word) for word in titles] if titles is not None else []
    if words and len(words) != count:
        raise ValueError(f"images(): {count} pictures need as many titles, got {len(words)}")
    grey = _grey(array)
    if _listener is not None:
        _listener("images", {"title": title, "titles": words, "pixels": packed(grey), "shape": [count, height, width]})
        return
    if title:
        print(title)
    for i, picture in enumerate(grey):
        for row in picture[:: max(1, height // 28)]:
            print("".join(2 * SHADES[int(v) * len(SHADES) // 256] for v in row[:: max(1, width // 28)]).rstrip())
        if words:
            print(words[i])


def _grey(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(N, H, W) of any numbers to bytes: each picture from its least to its largest finite value. Others are black."""
    values = array.astype(np.float64)
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=(1, 2), keepdims=True)
    high = np.where(finite, values, -np.inf).max(axis=(1, 2), keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    with np.errstate(invalid="ignore"):
        share = np.where(finite, (values - low) / span, 0.0)
    return (255 * share).round().astype(np.uint8)


def packed(array: npt.NDArray[Any]) -> str:
    """An array's bytes in base64, C order."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def boundary(model: Callable[[Any], Any], points: Any, labels: Any, title: str = "decision boundary") -> None:
    """Show what a classifier says all over the plane, with the points it learns from.

    The model is called without gradients and, if it is a module, in evaluation mode; each of its modules is then put back.

    Args:
        model: takes (N, 2), gives (N, K) scores of K classes (their softmax is shown), or (N, 1) or (N,) scores of class 1
            against class 0 (their sigmoid).
        points: (N, 2).
        labels: (N,), whole numbers from 0 to K − 1.
        title: what stands over it.

    Raises:
        ValueError: other shapes, more than ten classes, or a label of none of them.

    >>> import tinygrad_fm as torch
    >>> boundary(lambda p: p[:, :1], torch.tensor([[-1.0, 0.0], [1.0, 1.0]]), [0, 1])  # doctest: +ELLIPSIS
    decision boundary
    o...
    """
    xy, classes = _array(points).astype(np.float32), _array(labels).reshape(-1)
    if xy.ndim != 2 or xy.shape[1] != 2 or classes.shape != xy.shape[:1] or not len(xy):
        raise ValueError(f"boundary(): expected points (N, 2) and labels (N,), got {xy.shape} and {_array(labels).shape}")
    if not np.isfinite(xy).all():
        raise ValueError("boundary(): a point is not finite")
    strange = classes[~np.isin(classes, range(len(LETTERS)))]
    if len(strange):
        raise ValueError(f"boundary(): labels are whole numbers from 0 to {len(LETTERS) - 1}, got {strange[0]}")
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    margin = np.maximum(0.1 * (high - low), 1e-3)
    low, high = low - margin, high + margin
    across, up = (np.linspace(low[i], high[i], CELLS, dtype=np.float32) for i in (0, 1))
    grid = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2)  # rows from the top
    with evaluating(model) if isinstance(model, Module) else no_grad():
        scores = _array(model(from_numpy(grid))).astype(np.float64)
    winner, share = _winners(scores, len(grid))
    if _listener is None:
        if title:
            print(title)
        for row in winner.reshape(CELLS, CELLS)[::3]:
            print("".join(LETTERS[c] for c in row))
        return
    _listener(
        "boundary",
        {
            "title": title,
            "cells": CELLS,
            "classes": packed(winner),
            "shares": packed((255 * share).astype(np.uint8)),
            "low": low.tolist(),
            "high": high.tolist(),
            "points": packed(xy),
            "labels": packed(classes.astype(np.uint8)),
        },
    )


def _winners(scores: npt.NDArray[Any], count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """The most probable class of each point, and its probability."""
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != count or not 1 <= scores.shape[1] <= len(LETTERS):
        raise ValueError(
            f"boundary(): the model must give (N, K) scores of up to {len(LETTERS)} classes, got shape {scores.shape}"
        )
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    scores = np.nan_to_num(scores, nan=0.0, posinf=1e30, neginf=-1e30)
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    share = power / power.sum(axis=1, keepdims=True)
    winner = share.argmax(axis=1)
    return winner.astype(np.uint8), share.max(axis=1)
