"""How a tensor prints: PyTorch's layout, four digits, long tensors cut in the middle.

https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import dtypes


@dataclass
class PrintOptions:
    """Digits after the point; elements above which a tensor is summarized; elements shown at each end; columns."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; ``profile`` is "default", "short" (2 digits) or "full" (nothing left out).

    Args:
        precision: digits after the point.
        threshold: elements above which a tensor is summarized.
        edgeitems: elements shown at each end of a summarized dimension.
        linewidth: columns of a line.
        profile: sets all of these; what is given besides it comes after.
        sci_mode: True for scientific notation, False for none; None, as a call without it sets, chooses by the numbers.

    Raises ValueError for another profile.

    >>> import tinygrad_fm as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1.2345])
    tensor([1.23])
    >>> torch.set_printoptions(profile="default")
    """
    profiles = {"default": PrintOptions(), "short": PrintOptions(2, 1000, 2), "full": PrintOptions(4, float("inf"))}
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"profile must be one of {sorted(profiles)}, got {profile!r}")
        options.__dict__.update(profiles[profile].__dict__)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    options.__dict__.update({name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)


class _Formatter:
    """Writes the elements of one tensor, all in the same width and notation."""

    def __init__(self, shown: np.ndarray[Any, Any]) -> None:
        self.kind = shown.dtype.kind
        self.whole = self.scientific = False
        self.width = 1
        if self.kind == "f":
            with np.errstate(all="ignore"):
                self._choose_notation(shown.astype(np.float64))
        values = shown[np.isfinite(shown) & (shown != 0)] if self.kind == "f" else shown  # zeros and NaN find room
        texts = [self.text(value) for value in values.ravel().tolist()]
        self.width = max(map(len, texts), default=1)

    def _choose_notation(self, shown: np.ndarray[Any, Any]) -> None:
        sizes = np.abs(shown[np.isfinite(shown) & (shown != 0)])
        if not sizes.size:
            self.whole = bool(np.isfinite(shown).any()) or not shown.size
            return
        self.whole = bool((sizes == np.ceil(sizes)).all())
        smallest, largest = sizes.min(), sizes.max()
        self.scientific = bool(largest / smallest > 1000 or largest > 1e8 or (not self.whole and smallest < 1e-4))
        if options.sci_mode is not None:
            self.scientific = options.sci_mode

    def text(self, value: Any) -> str:
        """One element, right-aligned."""
        if self.kind != "f" or not np.isfinite(value):
            text = str(value)
        elif self.scientific:
            text = f"{value:.{options.precision}e}"
        elif self.whole:
            text = f"{value:.0f}."
        else:
            text = f"{value:.{options.precision}f}"
        return text.rjust(self.width)


def _summarized(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The corners of ``array`` that are shown when it is cut."""
    edge = options.edgeitems
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            array = np.take(array, [*range(edge), *range(n - edge, n)], axis)
    return array


def _lines(array: np.ndarray[Any, Any], indent: int, cut: bool, formatter: _Formatter) -> str:
    if array.ndim == 0:
        return formatter.text(array.item())
    edge, n = options.edgeitems, len(array)
    cut_here = cut and n > 2 * edge
    rows = [*range(edge), *range(n - edge, n)] if cut_here else range(n)
    if array.ndim > 1:
        parts = [_lines(array[i], indent + 1, cut, formatter) for i in rows]
        if cut_here:
            parts.insert(edge, "...")
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    texts = [formatter.text(v) for v in array[list(rows)].tolist()]
    if cut_here:
        texts.insert(edge, " ...")
    per_line = max(1, (options.linewidth - indent) // (formatter.width + 2))
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def format_array(array: np.ndarray[Any, Any], indent: int = 0) -> str:
    """The elements of ``array`` in nested brackets, lines after the first indented."""
    if array.size == 0:
        return "[]"
    cut = array.size > options.threshold
    formatter = _Formatter(_summarized(array) if cut else array)
    return _lines(array, indent, cut, formatter)


def format_tensor(tensor: Any, prefix: str = "tensor(") -> str:
    """What ``print(tensor)`` shows."""
    array = tensor._array
    notes = []
    if array.size == 0 and array.ndim != 1:
        notes.append(f"size={tuple(array.shape)}")
    ordinary = (dtypes.default_float(), dtypes.int64.numpy, dtypes.bool_.numpy)
    if array.dtype not in ordinary or (array.size == 0 and array.dtype != dtypes.default_float()):
        notes.append(f"dtype={tensor.dtype}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    text = prefix + format_array(array, len(prefix))
    used = len(text) - text.rfind("\n") + 1  # of the last line; where PyTorch breaks it
    for note in notes:
        if used + len(note) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + note
            used = len(prefix) + len(note)
        else:
            text += ", " + note
            used += len(note) + 2
    return text + ")"
