"""Pictures of a training run. They need matplotlib, which the extra ``train`` brings; it is imported when first used."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import MissingExtraError
from ..files import write_atomically

__all__ = [
    "Array",
    "Records",
    "check_format",
    "class_bars",
    "compare_curves",
    "confusion",
    "content",
    "curves",
    "panels",
    "samples",
    "save",
    "smoothed",
]

Records = Iterable[dict[str, Any]]
Array = npt.NDArray[Any]

_TRAIN, _VALIDATION = "#1f77b4", "#d62728"


def _figure(width: float, height: float) -> Any:
    """A figure that draws into a file, whatever screen there is or is not."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib; it comes with: pip install 'tinygrad_fm[train]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_format(path: str | os.PathLike[str]) -> str:
    """The format that a file's name asks for. Raises ValueError if it is not one of png, svg and pdf."""
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise ValueError(f"a picture's name must end in .png, .svg or .pdf, got {os.fspath(path)}")
    return kind


def content(figure: Any, kind: str) -> bytes:
    """A figure as the bytes of a file of this format. Its texts are names of runs and classes: a ``$`` begins no formula."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    result = io.BytesIO()
    figure.savefig(result, format=kind, dpi=110)
    return result.getvalue()


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, .png, .svg or .pdf, whole or not at all."""
    made = content(figure, check_format(path))

    def write(file: BinaryIO) -> None:
        file.write(made)

    write_atomically(Path(path), write)


def smoothed(values: Sequence[float], weight: float = 0.98) -> Array:
    """The exponential moving average of a series, corrected for its start, float64 (N,).

    >>> smoothed([1.0, 1.0, 1.0]).tolist()
    [1.0, 1.0, 1.0]
    """
    result = np.empty(len(values))
    total = share = 0.0
    for i, value in enumerate(values):
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        result[i] = total / share
    return result


def curves(records: Records, path: str | os.PathLike[str], title: str = "") -> None:
    """Draw the loss and accuracy of a run, step by step, smoothed, and in validation.

    Args:
        records: the records of metrics.jsonl.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    compare_curves({"": records}, path, title)


def compare_curves(runs: Mapping[str, Records], path: str | os.PathLike[str], title: str = "") -> None:
    """Draw the loss and accuracy curves of several runs over one another, raw and smoothed.

    Args:
        runs: the records of metrics.jsonl by the name of the run.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    for number, (name, given) in enumerate(runs.items()):
        records = list(given)
        steps = [r for r in records if r["kind"] == "step"]
        epochs = [r for r in records if r["kind"] == "epoch"]
        first, second = (_TRAIN, _VALIDATION) if len(runs) == 1 else (f"C{number}", f"C{number}")
        label = f"{name}, " if name else ""
        for axes, key in ((left, "loss"), (right, "accuracy")):
            raw = [r[key] for r in steps]
            where = [r["step"] for r in steps]
            axes.plot(where, raw, color=first, alpha=0.15, linewidth=0.6)
            axes.plot(where, smoothed(raw), color=first, linewidth=1.4, label=f"{label}training, smoothed")
            axes.plot(
                [r["step"] for r in epochs],
                [r[f"val_{key}"] for r in epochs],
                color=second,
                marker="o",
                markersize=3,
                linewidth=1.2,
                linestyle="--" if len(runs) > 1 else "-",
                label=f"{label}validation",
            )
    for axes, key in ((left, "loss"), (right, "accuracy")):
        axes.set_xlabel("step")
        axes.set_ylabel(key)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    highest = max((float(np.max(line.get_ydata())) for line in left.lines[1::3] if len(line.get_ydata())), default=0.0)
    left.set_ylim(0, 1.05 * highest if highest > 0 else None)
    right.set_ylim(None, 1.0)
    figure.suptitle(title)
    save(figure, path)


def class_bars(
    values: dict[str, Sequence[float]], classes: Sequence[str], path: str | os.PathLike[str], title: str = ""
) -> None:
    """Draw a share of each class, for several models side by side.

    Args:
        values: the K shares by the name of the model.
        classes: the K names.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(10, 4.2)
    axes = figure.subplots()
    width = 0.8 / max(len(values), 1)
    for number, (name, shares) in enumerate(values.items()):
        where = np.arange(len(classes)) + (number - (len(values) - 1) / 2) * width
        bars = axes.bar(where, shares, width, label=name)
        axes.bar_label(bars, [f"{100 * share:.0f}" for share in shares], fontsize=7)
    axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right")
    lowest = min((float(np.min(shares)) for shares in values.values()), default=0.0)
    axes.set_ylim(max(0.0, np.floor(10 * lowest - 1) / 10), 1.06)
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if share <= 1 else "")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title(title)
    save(figure, path)


def confusion(matrix: Array, classes: Sequence[str], path: str | os.PathLike[str], title: str = "") -> None:
    """Draw a confusion matrix, each row in shares of its class.

    Args:
        matrix: (K, K), rows are the true classes.
        classes: the K names.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(7.4, 6.6)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    for i, j in np.argwhere(matrix > 0):
        ink = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{matrix[i, j]}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_title(title)
    save(figure, path)


def panels(pictures: Sequence[tuple[str, Array, str]], title: str = "") -> Any:
    """A figure of several pictures, at most three abreast.

    Args:
        pictures: of each its title, its values (H, W), and matplotlib's name of the colours. The colours of "RdBu_r" are
            centred on 0, the others run from the least value to the greatest; NaN is grey.
        title: above all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    columns = min(3, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = _figure(4.2 * columns, 0.4 + 4.3 * rows)
    from matplotlib import colormaps

    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (name, values, colours) in zip(grid.flat, pictures, strict=False):
        top = float(np.nanmax(np.abs(values)))
        limits = {"vmin": -top, "vmax": top} if colours == "RdBu_r" else {}
        axes.imshow(values, cmap=colormaps[colours].with_extremes(bad="0.75"), interpolation="nearest", **limits)
        axes.set_title(name, fontsize=9)
    figure.suptitle(title)
    return figure


def samples(
    images: Array,
    labels: Array,
    probabilities: Array,
    classes: Sequence[str],
    right: Sequence[int],
    wrong: Sequence[int],
    path: str | os.PathLike[str],
    title: str = "",
) -> None:
    """Draw images with what the model says of them: above those it is right about, below those it is not.

    Args:
        images: (N, H, W) or (N, H, W, C).
        labels: (N,), the true classes.
        probabilities: (N, K).
        classes: the K names.
        right, wrong: which of the images to draw in each part.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    columns = 8
    rows = [-(-len(part) // columns) for part in (right, wrong)]
    figure = _figure(12, 1.0 + 1.85 * max(sum(rows), 1))
    grid = figure.subplots(max(sum(rows), 1), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    places = [*zip(grid[: rows[0]].flat, right, strict=False), *zip(grid[rows[0] :].flat, wrong, strict=False)]
    for axes, i in places:
        said = int(probabilities[i].argmax())
        good = said == labels[i]
        axes.imshow(images[i], cmap="gray", vmin=0, vmax=255)
        text = f"{classes[said]} {probabilities[i, said]:.0%}" + ("" if good else f"\nis {classes[labels[i]]}")
        axes.set_title(text, fontsize=8, color="#2ca02c" if good else _VALIDATION)
    figure.suptitle(f"{title}: right and wrong predictions")
    save(figure, path)
