"""What the player shows of an array at one moment: all numbers of a small one, a sample of a large one as heat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .recording import Shape, dtype_text, value_text

__all__ = ["Snapshot"]

_EXACT = 8  # rows and columns of an array that is shown number by number
_CELLS = 784  # cells of heat at most: one image of 28 × 28, four of 14 × 14
_STRIP = 64  # cells of an array of one dimension


@dataclass(slots=True, eq=False)
class Snapshot:
    """A copy of the part of an array that is shown.

    Attributes:
        shape, dtype: of the whole array.
        text: its numbers or their range (see :func:`~.recording.value_text`).
        tiles: elements of it, (matrices, rows, columns): all, or every so many of them.
        exact: whether they are to be shown as numbers.
        cut: what of the array is not among the tiles, in words.
    """

    shape: Shape
    dtype: str
    text: str
    tiles: np.ndarray[Any, Any]
    exact: bool
    cut: str

    @classmethod
    def of(cls, array: np.ndarray[Any, Any]) -> Snapshot:
        """The snapshot of ``array`` as it is now. Looks at each element once, for the range; keeps 784 at most."""
        exact = array.ndim <= 2 and max(array.shape, default=1) <= _EXACT
        tiles, cut = (np.array(np.atleast_2d(array)[None]), "") if exact else _sample(array)
        return cls(array.shape, dtype_text(array.dtype), value_text(array), tiles, exact, cut)

    def range_only(self) -> Snapshot:
        """The same without its elements."""
        return Snapshot(
            self.shape, self.dtype, self.text, self.tiles[:0], False, "its numbers are left out, to keep the file small"
        )

    def data(self) -> dict[str, Any]:
        """As plain data: see ``write_steps``."""
        known = {"shape": list(self.shape), "dtype": self.dtype, "text": self.text}
        if self.cut:
            known["cut"] = self.cut
        if self.exact:
            return known | {"numbers": [[_number(v) for v in row] for row in self.tiles[0].tolist()]}
        numbers = self.tiles.astype(np.float64)
        finite = np.isfinite(numbers)
        largest = float(np.abs(numbers[finite]).max()) if finite.any() else 0.0
        share = np.where(finite, numbers, 0.0) / (largest or 1.0) * 100
        cells = np.where(finite, np.rint(share), 999).astype(int).tolist() if numbers.size else []
        return known | {
            "heat": [[[None if v == 999 else v for v in row] for row in tile] for tile in cells],
            "largest": _number(largest),
        }


def _number(value: Any) -> Any:
    """A number with the four digits that are shown; JSON has no word for what is not finite, so that is text."""
    if not isinstance(value, float):
        return int(value)
    return float(f"{value:.4g}") if math.isfinite(value) else str(value)


def _sample(array: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], str]:
    """Elements of ``array`` as matrices, and what is left out in words: whole matrices beyond some, rows, columns."""
    if array.ndim <= 1:
        step = -(-array.size // _STRIP) or 1
        return np.array(array.reshape(1, 1, -1)[:, :, ::step]), f"every {_nth(step)} element" if step > 1 else ""
    *outer, rows, columns = array.shape
    count = math.prod(outer)
    shown = min(count, max(4, min(16, _CELLS // max(1, rows * columns))))
    side = math.isqrt(_CELLS // max(1, shown))
    row_step, column_step = -(-rows // side) or 1, -(-columns // side) or 1
    indices = [np.unravel_index(i, outer) for i in range(shown)] if outer else [()]
    tiles = [array[index][::row_step, ::column_step] for index in indices]
    cuts = []
    if shown < count:
        first, last = ("[" + ", ".join(map(str, map(int, indices[i]))) + ", :, :]" for i in (0, -1))
        cuts.append(f"{first} to {last} of {' × '.join(map(str, outer))} matrices")
    cuts += [f"every {_nth(step)} {what}" for what, step in (("row", row_step), ("column", column_step)) if step > 1]
    return np.array(tiles), ", ".join(cuts)


def _nth(number: int) -> str:
    """``2nd``, ``3rd``, ``4th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
