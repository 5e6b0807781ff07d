"""``python -m apps reproduce comparisons``: how learning rates are chosen, and that what is recorded is not trained again."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
from pathlib import Path

import pytest

from apps.results import comparisons
from apps.results.comparisons import BASE, GRIDS, SEEDS, Choice, Comparisons, Found
from apps.results.other_sections import alike, comparisons_section
from tinygrad_fm.training import Config, Interrupted, StopRequest

BEST = {"sgd": 3.0, "muon": 0.0001, "rmsprop": 0.001}  # two of them outside their grids


def imagined(config: Config, stop: StopRequest) -> float | None:
    """The accuracy of an imagined training: a hill over the logarithm of the learning rate."""
    stop.check()
    assert config.lr is not None
    if config.lr > 5:
        return None
    best = BEST.get(config.optimizer, 0.003)
    plus = 0.01 * (config.optimizer == "muon") + 0.001 * (config.seed % 3)
    return 0.8 + plus - 0.01 * abs(math.log10(config.lr / best))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(comparisons, "_accuracy", imagined)
    return tmp_path / "comparisons.json"


def test_a_grid_goes_on_while_the_best_is_at_its_end(path: Path) -> None:
    found = Comparisons(path)
    found.train(StopRequest())
    assert found.complete
    by_name = {choice.name: choice for choice in found.found("optimizer")}
    assert by_name["sgd"].lr == 3.0 and by_name["sgd"].tried == [0.1, 0.3, 1.0, 3.0, 10.0]
    assert by_name["muon"].lr == 0.0001 and len(by_name["muon"].tried) == len(GRIDS["muon"]) + 3, "and no further than three"
    assert by_name["rmsprop"].lr == 0.001 and by_name["rmsprop"].tried == list(GRIDS["rmsprop"])
    assert found.found("optimizer")[0].name == "muon"
    for choice in by_name.values():
        assert len(choice.accuracies) == len(SEEDS)
    assert all(len(found.found(group)) == len(choices) for group, choices in comparisons.GROUPS.items())


def test_what_is_recorded_is_not_trained_again_and_a_stop_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Comparisons(path)
    whole.train(StopRequest())
    runs = whole.record["runs"]
    keys = [json.dumps({k: v for k, v in run.items() if k != "seconds"}) for run in runs]
    assert len(set(keys)) == len(keys), "what groups share is trained once"
    path.unlink()
    made: list[Config] = []

    def stopping(config: Config, stop: StopRequest) -> float | None:
        made.append(config)
        if len(made) == 10:
            stop.signal = signal.SIGTERM
        return imagined(config, stop)

    monkeypatch.setattr(comparisons, "_accuracy", stopping)
    with pytest.raises(Interrupted):
        Comparisons(path).train(StopRequest())
    assert len(Comparisons(path).record["runs"]) == 9
    made += [BASE]  # no more stops
    again = Comparisons(path)
    again.train(StopRequest())
    assert [json.dumps({k: v for k, v in run.items() if k != "seconds"}) for run in again.record["runs"]] == keys
    count = len(made)
    Comparisons(path).train(StopRequest())
    assert len(made) == count


def test_a_record_of_other_settings_is_not_counted(path: Path) -> None:
    Comparisons(path).train(StopRequest())
    other = Comparisons(path, dataclasses.replace(BASE, epochs=7))
    assert other.stale and not other.record["runs"]
    assert "Not measured yet." in comparisons_section(other)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"comparisons.json is damaged"):
        Comparisons(path)


def test_the_section_says_what_the_record_says(path: Path) -> None:
    found = Comparisons(path)
    found.train(StopRequest())
    text = comparisons_section(found)
    assert "| `sgd` | 80.10 ± 0.10 % | 3 | 0.1, 0.3, 1, 3, 10 |" in text
    assert "optimizer: `muon`" in text
    assert "more to be measured" not in text
    found.record["runs"] = [run for run in found.record["runs"] if run["optimizer"] != "nadam"]
    assert "Optimizer: 1 more to be measured." in comparisons_section(found)


def test_which_choices_are_alike() -> None:
    found = [
        Found("a", 1, [1], [0.90, 0.91, 0.92]),
        Found("b", 1, [1], [0.89, 0.90, 0.91]),
        Found("c", 1, [1], [0.86, 0.87, 0.88]),
    ]
    assert [choice.name for choice in alike(found)] == ["a", "b"]


def test_one_training_is_what_the_settings_say() -> None:
    config = Choice(activation="tanh").config(
        dataclasses.replace(BASE, data="synthetic", train_size=400, validation=100, epochs=2), 0.01, 3
    )
    assert config.options == {"hidden": [128, 64], "activation": "tanh"} and config.optimizer == "adam"
    first = comparisons._accuracy(config, StopRequest())
    assert first == comparisons._accuracy(config, StopRequest())
    assert first is not None and first > 0.2
    diverging = Choice(optimizer="sgd").config(config, 1e30, 3)
    assert comparisons._accuracy(diverging, StopRequest()) is None
