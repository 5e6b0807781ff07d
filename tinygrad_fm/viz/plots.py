"""Pictures of a training run. They need matplotlib, which the extra ``train`` brings; it is imported when first used."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..atomic_files import write_atomically
from ..errors import MissingExtraError

__all__ = [
    "Captioned",
    "Panel",
    "caption",
    "Array",
    "Records",
    "check_format",
    "class_bars",
    "compare_curves",
    "confusion",
    "content",
    "curves",
    "image_grid",
    "panels",
    "samples",
    "save",
    "smoothed",
]

Records = Iterable[dict[str, Any]]
Array = npt.NDArray[Any]

_TRAIN, _VALIDATION = "#1f77b4", "#d62728"
_RIGHT, _WRONG = "#2ca02c", "#d62728"


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


def content(figure: Any, kind: str, dpi: int = 110) -> bytes:
    """A figure as the bytes of a file of this format. Its texts are names of runs and classes: a ``$`` begins no formula."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar in a run's name is a dollar
    result = io.BytesIO()
    figure.savefig(result, format=kind, dpi=dpi)
    return result.getvalue()


def save(figure: Any, path: str | os.PathLike[str], dpi: int = 110) -> None:
    """Write a figure to a file, .png, .svg or .pdf, whole or not at all."""
    made = content(figure, check_format(path), dpi)

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

    The loss of runs with label smoothing is drawn without it, as the validation loss is, where the records have that. The axes
    show what the smoothed curves do after their first steps; what is beyond is cut off.

    Args:
        runs: the records of metrics.jsonl by the name of the run.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(11, 4.2)
    pair = figure.subplots(1, 2)
    for axes, key in zip(pair, ("loss", "accuracy"), strict=True):
        shown: list[float] = []
        for number, (name, given) in enumerate(runs.items()):
            records = list(given)
            colours = (_TRAIN, _VALIDATION) if len(runs) == 1 else (f"C{number}", f"C{number}")
            shown += _curves_of(axes, records, key, f"{name}, " if name else "", colours, "--" if len(runs) > 1 else "-")
        axes.set_xlabel("step")
        axes.set_ylabel(key)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
        if shown:
            margin = 0.06 * (max(shown) - min(shown)) or 0.01
            least, most = min(shown) - margin, max(shown) + margin
            axes.set_ylim(max(least, 0.0), min(most, 1.0) if key == "accuracy" else most)
    pair[1].yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
    figure.suptitle(title)
    save(figure, path)


def _curves_of(
    axes: Any, records: list[dict[str, Any]], key: str, label: str, colours: tuple[str, str], style: str
) -> list[float]:
    """Draw one run into ``axes``; returns the values that must be seen: smoothed ones after the first steps, and validation."""
    steps = [r for r in records if r["kind"] == "step"]
    epochs = [r for r in records if r["kind"] == "epoch"]
    unsmoothed = key == "loss" and any("cross_entropy" in r for r in steps)
    raw = [r.get("cross_entropy", r[key]) if unsmoothed else r[key] for r in steps]
    where = [r["step"] for r in steps]
    average = smoothed(raw)
    what = "training without label smoothing, averaged" if unsmoothed else "training, averaged"
    axes.plot(where, raw, color=colours[0], alpha=0.15, linewidth=0.6)
    axes.plot(where, average, color=colours[0], linewidth=1.4, label=label + what)
    validated = [r for r in epochs if f"val_{key}" in r]  # none where no images are held out
    validation = [r[f"val_{key}"] for r in validated]
    if validated:
        steps_of, marks = [r["step"] for r in validated], {"marker": "o", "markersize": 3, "linewidth": 1.2}
        axes.plot(steps_of, validation, style, color=colours[1], label=f"{label}validation", **marks)
    first = len(average) // (20 if key == "loss" else 5)  # accuracies rise fast and then differ by little
    return [*map(float, average[first:]), *validation]


def class_bars(
    values: dict[str, Sequence[float]], classes: Sequence[str], path: str | os.PathLike[str], title: str = ""
) -> None:
    """Draw a share of each class, for several models side by side, as bars from 0 with their per cent above.

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
    axes.set_ylim(0, 1.06)
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if share <= 1 else "")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title(title)
    save(figure, path)


def confusion(matrix: Array, classes: Sequence[str], path: str | os.PathLike[str], title: str = "") -> None:
    """Draw a confusion matrix: numbers of images, coloured by their share of the true class.

    Args:
        matrix: (K, K), rows are the true classes.
        classes: the K names.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(8.2, 6.6)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, label="share of the true label")
    bar.ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    for i, j in np.argwhere(matrix > 0):
        ink = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{matrix[i, j]}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_title(title)
    save(figure, path)


@dataclass(frozen=True)
class Panel:
    """One picture of :func:`panels`.

    Attributes:
        title: above it.
        values: (H, W); NaN is grey.
        colours: matplotlib's name of them. Those of "RdBu_r" are centred on 0, others run from the least value to the greatest.
        across, down: what its columns and rows are.
        inches: its size.
    """

    title: str
    values: Array
    colours: str
    across: str = ""
    down: str = ""
    inches: float = 4.2


def panels(pictures: Sequence[Panel], title: str = "") -> Any:
    """A figure of several pictures with their colour bars, at most three abreast.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    columns = min(3, len(pictures))
    rows = -(-len(pictures) // columns)
    size = max((picture.inches for picture in pictures), default=4.2)
    figure = _figure((size + 0.6) * columns, 0.5 + (size + 0.2) * rows)
    from matplotlib import colormaps

    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, picture in zip(grid.flat, pictures, strict=False):
        top = float(np.nanmax(np.abs(picture.values)))
        limits = {"vmin": -top, "vmax": top} if picture.colours == "RdBu_r" else {}
        colours = colormaps[picture.colours].with_extremes(bad="0.75")
        image = axes.imshow(picture.values, cmap=colours, interpolation="nearest", **limits)
        figure.colorbar(image, ax=axes, shrink=0.6, aspect=25).ax.tick_params(labelsize=7)
        axes.set_title(picture.title, fontsize=9)
        if picture.across:
            axes.axis("on")
            axes.set(xticks=[], yticks=[], frame_on=False)
            axes.set_xlabel(picture.across, fontsize=8)
            axes.set_ylabel(picture.down, fontsize=8)
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
    """Draw images with their predicted labels: above those that are right, below those that are not, with their true ones.

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
    texts = {}
    for i in (*right, *wrong):
        predicted = int(probabilities[i].argmax())
        texts[i] = caption(classes[predicted], probabilities[i, predicted], classes[labels[i]], "\n")
    parts = [[Captioned(images[i], texts[i], colour) for i in part] for part, colour in ((right, _RIGHT), (wrong, _WRONG))]
    image_grid(parts, path, f"{title}: right and wrong predictions")


class Captioned(NamedTuple):
    """An image (H, W) or (H, W, C) of :func:`image_grid`, what is written above it, and in which colour."""

    image: Array
    text: str
    colour: str = _WRONG


def image_grid(parts: Sequence[Sequence[Captioned]], path: str | os.PathLike[str], title: str = "") -> None:
    """Draw images with captions, eight abreast; each part begins a line of its own.

    Args:
        parts: the images.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    columns = 8
    rows = [-(-len(part) // columns) for part in parts]
    figure = _figure(13.5, 1.0 + 1.95 * max(sum(rows), 1))
    grid = figure.subplots(max(sum(rows), 1), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for number, part in enumerate(parts):
        for axes, shown in zip(grid[sum(rows[:number]) :].flat, part, strict=False):
            axes.imshow(shown.image, cmap="gray", vmin=0, vmax=255)
            axes.set_title(shown.text, fontsize=8, color=shown.colour)
    figure.suptitle(title)
    save(figure, path)


def caption(predicted: str, probability: float, true: str, separator: str = ", ") -> str:
    """What is written on an image.

    >>> caption("Sandal", 0.62, "Sneaker"), caption("Bag", 1.0, "Bag")
    ('predicted Sandal 62 %, true Sneaker', 'predicted Bag 100 %')
    """
    text = f"predicted {predicted} {100 * float(probability):.0f} %"
    return text if predicted == true else f"{text}{separator}true {true}"
