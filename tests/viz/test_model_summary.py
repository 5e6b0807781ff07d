"""The summary of a model and the pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from models import build
from tinygrad_fm import nn
from tinygrad_fm.errors import MissingExtraError
from tinygrad_fm.viz import plots
from tinygrad_fm.viz.model_summary import summary

LENET = [
    ("conv1", (6, 28, 28), 156, 117_600),
    ("norm1", (6, 28, 28), 12, 0),
    ("relu1", (6, 28, 28), 0, 0),
    ("pool1", (6, 14, 14), 0, 0),
    ("conv2", (16, 10, 10), 2_416, 240_000),
    ("norm2", (16, 10, 10), 32, 0),
    ("relu2", (16, 10, 10), 0, 0),
    ("pool2", (16, 5, 5), 0, 0),
    ("fc1", (120,), 48_120, 48_000),
    ("relu3", (120,), 0, 0),
    ("fc2", (84,), 10_164, 10_080),
    ("relu4", (84,), 0, 0),
    ("fc3", (10,), 850, 840),
]


def test_lenets_table() -> None:
    found = summary(build("lenet"), (1, 28, 28))
    assert [(row.name, row.output, row.parameters, row.multiply_adds) for row in found.rows] == LENET
    assert found.parameters == 61_750 and found.multiply_adds == 416_520
    lines = str(found).splitlines()
    assert lines[2].split() == ["conv1", "(Conv2d)", "(6,", "28,", "28)", "156", "117,600"]
    assert len(lines) == 2 + 13 + 3 and "61,750 trainable parameters" in lines[-2]


def test_nested_modules_are_indented_and_sum_up_what_is_inside() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 2))
    found = summary(model, (3,))
    assert [(row.name, row.depth, row.parameters) for row in found.rows] == [
        ("0", 0, 16),
        ("0.0", 1, 16),
        ("0.1", 1, 0),
        ("1", 0, 10),
    ]
    assert str(found).splitlines()[3].startswith("  0 (Linear)")
    assert found.rows[0].multiply_adds == 12


def test_shared_frozen_and_unused_layers() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice = nn.Linear(3, 3)
            self.never = nn.Linear(2, 2)
            self.never.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            return self.twice(self.twice(x))

    found = summary(Odd(), (3,))
    assert (found.parameters, found.frozen) == (12, 6)
    assert [(row.output, row.multiply_adds) for row in found.rows] == [((3,), 18), (None, 0)]
    assert "not called" in str(found) and "6 frozen" in str(found)


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    model[1].eval()
    summary(model, (3,))
    assert model.training and not model[1].training
    assert model[0].num_batches_tracked.item() == 0
    assert not any(module._forward_hooks for module in model.modules())


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = type("Own", (nn.Linear,), {})(8, 3)

    def forward(self, x: Any) -> Any:
        h = self.words(x)
        h, weights = self.attention(h, h, h)
        return self.last(h), weights


def test_tuples_attention_and_derived_classes() -> None:
    found = summary(Attending(), (5,))  # begins with an embedding: whole numbers
    rows = {row.name: row for row in found.rows}
    assert rows["attention"].outputs == ((5, 8), (5, 5)) and rows["attention"].output == (5, 8)
    projections, scores = 4 * 5 * 8 * 8, 2 * 5 * 5 * 8
    assert rows["attention"].multiply_adds == projections + scores
    assert rows["last"].multiply_adds == 5 * 8 * 3
    assert "(5, 8), (5, 5)" in str(found)


@pytest.mark.parametrize(
    "given",
    [(1, 28, 28), [1, 28, 28], (64, 1, 28, 28), [(1, 28, 28)], torch.zeros(3, 1, 28, 28), np.zeros((2, 1, 28, 28), np.float32)],
)
def test_sizes_and_batches_are_taken(given: Any) -> None:
    assert summary(build("lenet"), given).multiply_adds == 416_520


def test_torchinfos_arguments() -> None:
    x = torch.zeros(4, 5).long()
    by_size = summary(Attending(), (5,), dtypes=[torch.int64])
    assert str(summary(Attending(), input_data=x)) == str(summary(Attending(), input_data={"x": x})) == str(by_size)

    class Product(nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a @ b

    assert summary(Product(), [(3, 4), (4, 5)]).multiply_adds == 60
    steps, features, size = 7, 3, 5
    for layer, products in (
        (nn.RNN(features, size), (features + size) * size),
        (nn.GRU(features, size, 2), 3 * (features + size + 2 * size) * size),
        (nn.LSTM(features, size, bidirectional=True), 2 * 4 * (features + size) * size),
        (nn.LSTM(features, size, proj_size=2), 4 * (features + 2) * size + 2 * size),
    ):
        layer.batch_first = True
        assert summary(layer, (steps, features)).multiply_adds == steps * products
    assert summary(Product(), input_data=(torch.ones(2, 3, 4), torch.ones(2, 4, 5))).multiply_adds == 60
    with pytest.raises(TypeError, match="give either input_size"):
        summary(Product())
    with pytest.raises(TypeError, match=r"summary\(\): a model runs on tensors or on their shapes, .* got str"):
        summary(build("lenet"), "lenet")
    with pytest.raises(RuntimeError, match="does not fit the weight"):
        summary(build("lenet"), (1, 27, 27))
    with pytest.raises(ValueError, match="1 dtypes for 2 inputs"):
        summary(Product(), [(3, 4), (4, 5)], dtypes=[torch.float32])


RECORDS = [
    {"kind": "step", "step": 1, "loss": 2.0, "accuracy": 0.1},
    {"kind": "step", "step": 2, "loss": 1.0, "accuracy": 0.5},
    {"kind": "epoch", "step": 2, "val_loss": 1.5, "val_accuracy": 0.4},
]


def test_pictures_are_drawn(tmp_path: Path, rng: np.random.Generator) -> None:
    plots.curves(RECORDS, tmp_path / "curves.png", "title")
    plots.compare_curves({"a": RECORDS, "b": RECORDS[:1], "c": []}, tmp_path / "several.png")
    plots.curves([], tmp_path / "empty.png")
    plots.confusion(np.array([[3, 1], [0, 0]]), ["shirt", "coat"], tmp_path / "confusion.png")
    images = rng.integers(0, 256, (5, 28, 28)).astype(np.uint8)
    shares = rng.random((5, 2))
    for right, wrong in (([0, 1], [2]), ([], [3]), ([], [])):
        path = tmp_path / f"{len(right)}{len(wrong)}.png"
        plots.samples(images, np.array([0, 1, 0, 1, 0]), shares, ["a", "b"], right, wrong, path)
    assert len(list(tmp_path.iterdir())) == 7
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that would be saved."""
    figures: list[Any] = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return figures


def texts(figure: Any) -> set[str]:
    from matplotlib.text import Text

    return {text.get_text() for text in figure.findobj(Text)}


def a_run(accuracy: float, smoothing: bool = False) -> list[dict[str, Any]]:
    """Records of 400 steps that end near ``accuracy``."""
    records: list[dict[str, Any]] = []
    for step in range(1, 401):
        share = accuracy * (1 - 0.5 * float(np.exp(-step / 20)))
        record = {"kind": "step", "step": step, "loss": 1 - share + (0.5 if smoothing else 0.0), "accuracy": share}
        records.append({**record, "cross_entropy": 1 - share} if smoothing else record)
        if step % 100 == 0:
            records.append({"kind": "epoch", "step": step, "val_loss": 1 - share, "val_accuracy": share})
    return records


def test_accuracies_can_be_told_apart(drawn: list[Any]) -> None:
    plots.compare_curves({"a": a_run(0.95), "b": a_run(0.96)}, "curves.png")
    low, high = drawn[0].axes[1].get_ylim()
    assert 0.85 < low < 0.95 and 0.96 < high <= 1
    assert drawn[0].axes[0].get_ylim()[0] >= 0


def test_a_run_without_validation_has_curves_of_its_training_alone(drawn: list[Any]) -> None:
    records = [{k: v for k, v in record.items() if not k.startswith("val_")} for record in a_run(0.95)]
    plots.curves(records, "curves.png")
    assert "validation" not in texts(drawn[0]) and "training, averaged" in texts(drawn[0])
    assert [len(axes.lines) for axes in drawn[0].axes] == [2, 2]


def test_the_training_loss_is_without_label_smoothing_as_that_of_validation(drawn: list[Any]) -> None:
    plots.curves(a_run(0.95, smoothing=True), "curves.png")
    assert "training without label smoothing, averaged" in texts(drawn[0])
    raw = drawn[0].axes[0].lines[0].get_ydata()
    assert raw[-1] == pytest.approx(0.05, abs=1e-6)
    plots.curves(a_run(0.95), "curves.png")
    assert "training, averaged" in texts(drawn[1])


def test_pictures_speak_the_fields_words(drawn: list[Any], rng: np.random.Generator) -> None:
    plots.confusion(np.array([[3, 1], [0, 2]]), ["Sandal", "Sneaker"], "confusion.png")
    assert {"predicted label", "true label", "share of the true label"} <= texts(drawn[0])
    shares = np.array([[0.62, 0.38], [0.9, 0.1]])
    plots.samples(np.zeros((2, 4, 4)), np.array([1, 0]), shares, ["Sandal", "Sneaker"], [1], [0], "samples.png")
    assert {"predicted Sandal 62 %\ntrue Sneaker", "predicted Sandal 90 %"} <= texts(drawn[1])
    plots.class_bars({"a": [0.91, 0.99]}, ["Sandal", "Sneaker"], "bars.png")
    assert drawn[2].axes[0].get_ylim()[0] == 0


def test_a_dollar_in_a_name_is_a_dollar(tmp_path: Path) -> None:
    plots.compare_curves({"cost$1_$2": RECORDS, "$\\frac$": RECORDS}, tmp_path / "curves.png", "run $x_$")
    assert (tmp_path / "curves.png").exists()


def test_smoothing_starts_at_the_first_value() -> None:
    found = plots.smoothed([4.0, 0.0, 0.0], weight=0.5)
    np.testing.assert_allclose(found, [4, 4 / 3, 4 / 7])


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_fm\[train\]"):
        plots.curves(RECORDS, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
