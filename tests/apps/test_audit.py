"""``python -m apps audit``: planted duplicates and wrong labels are found; what was begun is gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apps.results import data_audit
from apps.results.data_audit import Sets, count_duplicates, duplicates, suspects
from apps.results.other_sections import audit_section
from tinygrad_fm.errors import DataError
from tinygrad_fm.training import StopRequest

from .conftest import Command


@pytest.fixture
def sets() -> Sets:
    """Drawn garments: some of them twice, some with a wrong label."""
    found = data_audit.sets_of("synthetic", 300)
    train, test = found.train, found.test
    train.data, train.targets, test.data, test.targets = (
        part.copy() for part in (train.data, train.targets, test.data, test.targets)
    )
    train.data[7] = train.data[200]  # within the training set, under labels of two classes
    train.targets[7], train.targets[200] = 1, 2
    test.data[3] = train.data[11]  # between the two
    test.targets[3] = train.targets[11]
    test.data[4] = test.data[3]
    return found


def test_planted_duplicates_are_found(sets: Sets) -> None:
    groups = duplicates(sets)
    label = int(sets.train.targets[11])
    assert [("training", 7, 1), ("training", 200, 2)] in groups
    assert [("training", 11, label), ("test", 3, label), ("test", 4, int(sets.test.targets[4]))] in groups
    assert len(groups) == 2
    counted = count_duplicates(groups)
    assert (counted["within_training"], counted["within_test"], counted["between"]) == (1, 1, 2)
    assert counted["contradicting"] == 1 + (int(sets.test.targets[4]) != label)


def test_suspects_are_those_that_are_denied_most_surely() -> None:
    probabilities = np.array([[0.99, 0.01], [0.03, 0.97], [0.4, 0.6], [0.96, 0.04]], np.float32)
    found, pairs, sure = suspects(np.array([0, 0, 0, 1]), probabilities)
    assert [suspect["image"] for suspect in found] == [1, 3, 2]
    assert found[0] == {"image": 1, "label": 0, "predicted": 1, "probability": pytest.approx(0.97)}
    assert sure == 2 and pairs == [{"label": 0, "predicted": 1, "images": 1}, {"label": 1, "predicted": 0, "images": 1}]


def test_each_image_is_judged_by_a_model_that_never_saw_it(sets: Sets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[int], set[int]]] = []

    class Stub:
        evaluated_model = None

    def train(config: object, data: object, stop: object) -> tuple[Stub, list[float]]:
        seen.append((set(data.train.indices), set(data.validation.indices)))  # type: ignore[attr-defined]
        return Stub(), []

    def evaluate(model: object, held_out: object) -> object:
        class Found:
            probabilities = np.eye(10, dtype=np.float32)[np.array(held_out.indices) % 10]  # type: ignore[attr-defined]

        return Found

    monkeypatch.setattr(data_audit.scratch, "train", train)
    monkeypatch.setattr(data_audit, "evaluate", evaluate)
    config, said = data_audit.settings_of("synthetic", 1, 300), []
    arguments = (sets, config, 3, tmp_path, StopRequest(), said.append)
    found = data_audit.held_out_probabilities(*arguments)
    assert np.array_equal(found.argmax(1), np.arange(300) % 10), "each image's row is its own"
    assert len(seen) == 3
    for trained, judged in seen:
        assert not trained & judged and trained | judged == set(range(300))
    assert set.union(*(judged for _, judged in seen)) == set(range(300))
    assert np.array_equal(data_audit.held_out_probabilities(*arguments), found)
    assert len(seen) == 3, "folds that are there are not trained again"
    (tmp_path / "fold2.npz").write_bytes(b"half")
    data_audit.held_out_probabilities(*arguments)
    assert len(seen) == 4


def test_the_command_writes_what_it_says(command: Command, tmp_path: Path) -> None:
    code, out, err = command("audit", "--data", "synthetic", "--train-size", "260", "--folds", "2", "--epochs", "1")
    assert (code, err) == (0, "") and "test images that are training images, too" in out
    folder = tmp_path / "runs/audit"
    assert {path.name for path in folder.iterdir()} == {"audit.json", "mislabelled.png", "fold1.npz", "fold2.npz"}
    record = json.loads((folder / "audit.json").read_text())
    assert len(record["suspects"]) == data_audit.SUSPECTS and record["dataset"]["training"] == 260
    assert "no two are equal" in audit_section(record)
    record["dataset"]["digest"] = "0"
    with pytest.raises(DataError, match="others than those of the record"):
        data_audit.draw(record, data_audit.sets_of("synthetic", 260), folder)
    for wrong in (("--folds", "1"), ("--folds", "3"), ("--epochs", "0"), ("--train-size", "0")):
        assert command("audit", "--data", "synthetic", "--train-size", "260", *wrong)[0] == 2
