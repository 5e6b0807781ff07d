"""Pictures of many runs: what they are drawn from, and the odd cases that must not stop them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_fm.viz import sweep_plots
from tinygrad_fm.viz.sweep_plots import Axis, correlations, history, influence, parallel_coordinates, slices

AXES = [
    Axis("lr", [1e-4, 1e-3, 1e-2, 1e-3], log=True),
    Axis("optimizer", ["sgd", "adam", "adam", "sgd"], ["sgd", "adam"]),
    Axis("momentum", [0.9, None, None, 0.8]),
    Axis("layers", [3, 4, 5, 3], [3, 4, 5]),
    Axis("$cost$", [True, False, True, True], [True, False]),
]


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


@pytest.mark.parametrize(
    ("axes", "accuracy"),
    [
        (AXES, [0.5, 0.9, 0.95, None]),
        (AXES, [0.1, 0.1, 0.1, 0.1]),
        (AXES, [1.0, 0.0, 0.999, None]),
        (AXES, [None, None, None, 0.8]),
        (AXES[:1], [0.85, 0.86, None, 0.87]),
        ([Axis("a", [None, None]), Axis("b", [2.0, 2.0], log=True)], [0.3, 0.4]),
        ([Axis("a", [1.0])], [0.3]),
    ],
)
def test_every_picture_is_drawn(axes: list[Axis], accuracy: list[float | None], tmp_path: Path) -> None:
    parallel_coordinates(axes, accuracy, tmp_path / "parallel.png", "$ title")
    slices(axes, accuracy, tmp_path / "slices.png")
    history(accuracy, tmp_path / "history.png", pruned={0: 0.2} if accuracy[0] is None else {})
    influence({axis.name: 1 / len(axes) for axis in axes}, correlations(axes, accuracy), tmp_path / "influence.png")
    influence({}, {}, tmp_path / "nothing.png")
    assert all(map(is_picture, tmp_path.glob("*.png")))
    assert len(list(tmp_path.glob("*.png"))) == 5


@pytest.mark.parametrize("draw", [lambda p: parallel_coordinates(AXES, [None] * 4, p), lambda p: history([], p)])
def test_without_results_there_is_no_picture(draw: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_correlations_are_spearmans() -> None:
    found = correlations(AXES, [0.2, 0.6, 0.7, 0.65])
    assert found["layers"] == pytest.approx(found_by_hand([3, 4, 5, 3], [0.2, 0.6, 0.7, 0.65]))
    assert found["optimizer adam"] == pytest.approx(-found["optimizer sgd"])
    assert "momentum" not in found, "two runs are too few"
    rising = Axis("x", [1.0, 2.0, 30.0, 400.0])
    assert correlations([rising], [0.1, 0.2, 0.3, 0.4]) == {"x": pytest.approx(1.0)}
    assert correlations([Axis("x", [*rising.values, 3.0])], [0.4, 0.3, 0.25, 0.1, None]) == {"x": pytest.approx(-1.0)}
    assert correlations([Axis("x", [1.0, 1.0, 1.0])], [0.1, 0.2, 0.3]) == {}


def found_by_hand(x: list[float], y: list[float]) -> float:
    def ranks(values: list[float]) -> list[float]:
        return [1 + sum(v < value for v in values) + (values.count(value) - 1) / 2 for value in values]

    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


def test_runs_cross_an_axis_in_order_and_pass_below_one_that_has_no_value() -> None:
    heights = sweep_plots._heights(AXES[0], np.arange(4))
    assert heights == pytest.approx([0.0, 0.5, 1.0, 0.5])
    assert sweep_plots._heights(AXES[2], np.arange(4))[1] < 0
    sgd, adam = (sweep_plots._heights(AXES[1], np.arange(4))[rows] for rows in ([0, 3], [1, 2]))
    assert sgd.max() < adam.min() and sgd[0] < sgd[1] and adam[0] < adam[1]


def test_ticks_of_accuracies_stand_within_and_apart() -> None:
    for low, high in ((0.1, 0.9), (0.85, 0.88), (0.9, 0.9), (0.0, 1.0), (0.871, 0.8715)):
        ticks = sweep_plots._ticks(low, high)
        assert all(low - 1e-3 <= tick <= high + 1e-3 for tick in ticks)
        assert ticks == sorted({*ticks}) and not math.isnan(sum(ticks))
    assert len(sweep_plots._ticks(0.1, 0.9)) >= 4
