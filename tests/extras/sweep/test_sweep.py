"""Sweeps as a user runs them: processes that are killed, that share a study, trials that fail; and the report."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest

import models
import train_mlp
from apps.__main__ import main as apps
from apps.sweep_space import make_space, read_space
from apps.sweep_study import Claim, Study
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.cli_arguments import config_of, make_parser

ROOT = Path(__file__).resolve().parents[3]
FIXED = {"data": "synthetic", "train_size": 120, "validation": 40, "steps": 12, "checkpoint_seconds": 0.0}
SPACE: dict[str, Any] = {
    "layers": {"low": 1, "high": 3},
    "width": {"low": 4, "high": 12, "step": 4},
    "optimizer": ["sgd", "momentum", "nag", "rmsprop", "adam", "nadam"],
    "momentum": {"low": 0.8, "high": 0.95, "when": {"optimizer": ["momentum", "nag"]}},
    "activation": ["relu", "tanh", "sigmoid"],
    "batch_size": [10, 20],
    "lr": {"low": 1e-4, "high": 1e-2, "log": True},
}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def toml(content: dict[str, dict[str, Any]]) -> str:
    """A space file."""

    def value(v: Any) -> str:
        if isinstance(v, dict):
            return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in v.items()) + " }"
        return json.dumps(v)

    return "\n".join(
        f"[{name}]\n" + "\n".join(f"{k} = {value(v)}" for k, v in table.items()) for name, table in content.items()
    )


def space_of(path: Path, space: dict[str, Any] | None = None, fixed: dict[str, Any] | None = None, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"sweep": {"trials": 4, "sampler": "random", **how}, "fixed": fixed or FIXED, "space": space or SPACE}
    path.write_text(toml(content), encoding="utf-8")
    return path


def trials_of(folder: Path) -> list[Any]:
    return list(Study(folder, make=False).optuna.get_trials())


def sweep(space: Path, out: Path, *more: str) -> int:
    return apps(["sweep", str(space), "--out", str(out), *more])


def wait_until(what: Callable[[], bool]) -> None:
    for _ in range(3000):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("this takes too long")


def test_two_processes_killed_three_times_leave_what_one_leaves_that_is_not(tmp_path: Path) -> None:
    space, out = space_of(tmp_path / "space.toml", trials=10), tmp_path / "study"
    command = [sys.executable, "-m", "apps", "sweep", str(space), "--out", str(out)]

    def begin() -> Any:
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)

    def begun() -> int:
        return len(list(out.glob("trials/*/metrics.jsonl")))

    processes = [begin(), begin()]
    for kill in range(3):
        wait_until(lambda kill=kill: begun() >= 2 * kill + 2)  # type: ignore[misc]
        processes[kill % 2].kill()
        processes[kill % 2].wait()
        processes[kill % 2] = begin()
    assert [process.wait() for process in processes] == [0, 0]
    trials = trials_of(out)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 10
    assert sorted(path.name for path in out.glob("trials/*/")) == [f"{number:04d}" for number in range(1, 11)]
    assert sweep(space, out) == 0
    assert len(trials_of(out)) == 10, "the budget was used up"
    assert sweep(space, tmp_path / "quiet") == 0
    for trial, other in zip(trials, trials_of(tmp_path / "quiet"), strict=True):
        assert (trial.params, trial.value) == (other.params, other.value)
    for number in range(1, 11):
        lines = [
            [r["step"] for r in RunFolder(tmp_path / name / f"trials/{number:04d}").read_metrics()]
            for name in ("study", "quiet")
        ]
        assert lines[0] == lines[1]
    assert not list(out.glob("trials/*/summary.json")), "the test set was looked at"
    assert apps(["sweep-report", str(out)]) == 0
    (tested,) = out.glob("trials/*/summary.json")
    assert tested.parent.name == f"{max(trials, key=lambda t: (t.value, -t.number)).number + 1:04d}"
    page = (out / "report/report.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 1 + 5 + 1 + 10
    assert page.count("data:image/png;base64,") == 4
    assert not re.search(r"https?:|<script|<link|url\(|src=\"(?!data:)", page), "the page asks for something"
    before = tested.read_bytes()
    assert apps(["sweep-report", str(out)]) == 0
    assert tested.read_bytes() == before


def test_the_command_of_a_trial_makes_the_same_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space, out = space_of(tmp_path / "space.toml", trials=2), tmp_path / "study"
    assert sweep(space, out) == 0
    assert apps(["sweep-report", str(out)]) == 0
    printed = capsys.readouterr().out
    for trial in trials_of(out):
        command = shlex.join(trial.user_attrs["command"])
        assert command in printed and command.startswith("python train_mlp.py ")
        parser = make_parser("t", "", train_mlp.DEFAULTS, train_mlp.model_options)
        config = config_of(vars(parser.parse_args(shlex.split(command)[2:])), train_mlp.DEFAULTS)
        assert config.as_dict() == RunFolder(out / f"trials/{trial.number + 1:04d}").read_config()["settings"]


def test_a_trial_that_fails_is_recorded_with_its_reason_and_the_sweep_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = space_of(tmp_path / "s.toml", {"lr": [1e-3, 1e30], "optimizer": ["sgd"], "hidden": [[8], [8, 8]]}, sampler="grid")
    out = tmp_path / "study"
    assert sweep(space, out) == 0
    states = {(trial.params["lr"], trial.params["hidden"]): trial for trial in trials_of(out)}
    assert len(states) == 4
    assert {key: trial.state.name for key, trial in states.items()} == {
        (1e-3, "8"): "COMPLETE", (1e-3, "8 8"): "COMPLETE", (1e30, "8"): "FAIL", (1e30, "8 8"): "FAIL",
    }  # fmt: skip
    assert re.search("became nan|no longer finite|became inf", states[1e30, "8"].user_attrs["reason"])
    assert "2 complete, 2 failed" in capsys.readouterr().out
    assert apps(["sweep-report", str(out)]) == 0
    page = (out / "report/report.html").read_text(encoding="utf-8")
    assert page.count("failed: ") == 2


def test_a_grid_tries_each_configuration_once_and_conditions_hold(tmp_path: Path) -> None:
    momentum = {"low": 0.5, "high": 0.9, "step": 0.4, "when": {"optimizer": "momentum"}}
    batch_size = {"low": 10, "high": 20, "step": 10}
    settings = {"optimizer": ["sgd", "momentum"], "momentum": momentum, "batch_size": batch_size}
    space, out = space_of(tmp_path / "s.toml", settings, {**FIXED, "steps": 1}, sampler="grid", trials=100), tmp_path / "study"
    assert sweep(space, out) == 0
    tried = sorted(str(sorted(trial.params.items())) for trial in trials_of(out))
    assert len(tried) == len({*tried}) == 6
    assert sum("'momentum', 0" in text for text in tried) == 4


def test_seeds_are_runs_of_their_own_and_their_mean_counts(tmp_path: Path) -> None:
    space = space_of(tmp_path / "s.toml", {"lr": [1e-3, 1e-2]}, {**FIXED, "seed": 7}, seeds=2, trials=1)
    out = tmp_path / "study"
    assert sweep(space, out) == 0
    runs = [RunFolder(out / f"trials/0001-{seed}") for seed in (1, 2)]
    assert [run.read_config()["settings"]["seed"] for run in runs] == [7, 8]
    values = [[r["val_accuracy"] for r in run.read_metrics() if r["kind"] == "epoch"][-1] for run in runs]
    assert trials_of(out)[0].value == pytest.approx(sum(values) / 2)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_trials_that_do_badly_are_given_up(pruner: str, tmp_path: Path) -> None:
    fixed = {**{key: value for key, value in FIXED.items() if key != "steps"}, "epochs": 6, "batch_size": 10}
    space = space_of(
        tmp_path / "s.toml", {"lr": {"low": 1e-7, "high": 1e-2, "log": True}}, fixed, pruner=pruner, trials=14, seed=1
    )
    out = tmp_path / "study"
    assert sweep(space, out) == 0
    pruned = [trial for trial in trials_of(out) if trial.state.name == "PRUNED"]
    assert pruned and {trial.state.name for trial in trials_of(out)} == {"PRUNED", "COMPLETE"}
    assert all(max(trial.intermediate_values) < 6 for trial in pruned)
    assert apps(["sweep-report", str(out)]) == 0


def test_a_budget_of_time_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(toml({"sweep": {"time": "0.001s", "sampler": "random"}, "fixed": FIXED, "space": SPACE}), encoding="utf-8")
    assert sweep(path, tmp_path / "study") == 0
    assert sweep(path, tmp_path / "study") == 0
    assert len(trials_of(tmp_path / "study")) == 1


def test_another_space_is_refused_and_a_larger_budget_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    assert sweep(space_of(tmp_path / "s.toml", trials=1), out) == 0
    other = {**SPACE, "lr": {"low": 1e-4, "high": 0.1, "log": True}}
    assert sweep(space_of(tmp_path / "other.toml", other, trials=3), out) == 2
    assert "space.lr.high is 0.1, and was 0.01" in capsys.readouterr().err
    assert sweep(space_of(tmp_path / "s.toml", trials=2), out) == 0
    assert len(trials_of(out)) == 2


def test_a_database_in_place_of_the_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space, out = space_of(tmp_path / "s.toml", trials=2), tmp_path / "study"
    storage = ["--storage", f"sqlite:///{tmp_path}/trials.db"]
    assert sweep(space, out, *storage) == 0
    assert apps(["sweep-report", str(out)]) == 2
    assert "give --storage" in capsys.readouterr().err
    assert apps(["sweep-report", str(out), *storage]) == 0


@pytest.mark.parametrize("address", ["nonsense", "sqlite:////no/such/folder/x.db", "foo://user:secret@bar/baz"])
def test_a_database_that_cannot_be_opened_is_said(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(space_of(tmp_path / "s.toml"), tmp_path / "study", "--storage", address) == 2
    error = capsys.readouterr().err
    assert "the database of --storage cannot be opened: " in error and "secret" not in error


def test_a_study_without_results_and_a_folder_without_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert apps(["sweep-report", str(tmp_path / "no")]) == 2
    assert "no is not the folder of a study" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    Study(tmp_path / "study").settle(read_space(space_of(tmp_path / "s.toml")))
    assert apps(["sweep-report", str(tmp_path / "study")]) == 2
    assert "no complete trial" in capsys.readouterr().err


# ---- who works on which trial


class Workers:
    """Processes that take trials of one study, as far as that can be told from within one process."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self.space = read_space(space_of(folder / "s.toml", trials=3))
        self.study = Study(folder / "study")
        self.study.settle(self.space)
        self._held = held

    def take(self) -> Claim | None:
        """What another process would be given now."""
        claim = Study(self.study.folder).take(self.space)
        if claim is not None:
            self._held.callback(claim.end)
        return claim

    def number(self) -> int | None:
        claim = self.take()
        return None if claim is None else claim.number


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with ExitStack() as held:
        yield Workers(tmp_path, held)


def test_a_trial_belongs_to_one_process_while_that_lives(workers: Workers) -> None:
    first = workers.take()
    assert first is not None and first.number == 0
    assert workers.number() == 1
    first.end()  # as when its process ends
    again = workers.take()
    assert again is not None and (again.number, again.chosen) == (0, first.chosen)
    assert workers.number() == 2
    assert workers.number() is None


def test_a_trial_that_ends_while_another_process_looks_for_one_is_not_taken_again(workers: Workers) -> None:
    first = workers.take()
    assert first is not None
    first.complete(0.5)
    first.end()
    assert workers.study._claim(0, first.trial._trial_id, workers.space) is None
    assert workers.number() == 1


def test_a_trial_of_another_machine_is_left_while_it_gives_signs_of_life(workers: Workers) -> None:
    first = workers.take()
    assert first is not None
    first.end()
    lock = workers.study.trials / "0001.lock"
    lock.write_text(json.dumps({"host": f"not-{socket.gethostname()}", "pid": 1}), encoding="utf-8")
    assert workers.number() == 1
    os.utime(lock, (time.time() - 1000, time.time() - 1000))
    assert workers.number() == 0


def test_a_trial_that_was_cut_off_before_it_knew_what_to_try_is_made_up_for(workers: Workers) -> None:
    workers.study.optuna.ask()
    claim = workers.take()
    assert claim is not None and claim.number == 0
    assert {"layers", "width", "lr"} <= claim.chosen.keys()


def test_a_trial_that_was_cut_off_while_it_was_told_what_to_try_tries_the_same(workers: Workers) -> None:
    drawn = workers.study._drawn(workers.space, 0)
    workers.study.optuna.enqueue_trial(drawn)
    workers.space.settings[0].suggest(workers.study.optuna.ask())
    claim = workers.take()
    assert claim is not None and (claim.number, claim.chosen) == (0, drawn)


def test_half_a_line_at_the_end_of_the_journal_is_cut_off(workers: Workers) -> None:
    assert workers.number() == 0
    with open(workers.study.folder / "journal.log", "ab") as file:
        file.write(b'{"op_code":5,"wor')
    assert workers.number() == 1
    assert len(Study(workers.study.folder).optuna.get_trials()) == 2


# ---- the space


def test_the_example_is_the_space_of_the_published_project() -> None:
    space = read_space(ROOT / "examples/sweep_mlp.toml")
    by_name = {setting.name: setting for setting in space.settings}
    assert (by_name["layers"].low, by_name["layers"].high) == (3, 5)
    assert (by_name["width"].low, by_name["width"].high) == (32, 128)
    assert [len(by_name[name].choices) for name in ("optimizer", "activation", "init")] == [6, 3, 2]
    assert {"weight_decay", "batch_size", "lr"} <= by_name.keys()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(30):
        chosen = space.suggest(study.ask())
        assert ("momentum" in chosen) == (chosen["optimizer"] in ("momentum", "nag"))
        config = space.config(chosen)
        assert config.options["hidden"] == [chosen["width"]] * chosen["layers"]
        models.build(config.model, **config.options)


def changed(table: str, **entries: Any) -> dict[str, Any]:
    content = {"sweep": {"trials": 4}, "fixed": dict(FIXED), "space": dict(SPACE)}
    content[table] = {**content[table], **entries}
    return content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"spaec": {}}, "spaec is unknown: did you mean space"),
        ({"space": 3}, r"\[space\] must be a table"),
        ({"sweep": {"trials": 3}}, "names no setting"),
        (changed("sweep", sampler="tpee"), r"\[sweep\] sampler must be one of tpe, random, grid, got 'tpee'"),
        (changed("sweep", trails=3), r"\[sweep\] trails is unknown: did you mean trials"),
        (changed("sweep", trials=0), "trials must be a whole number from 1 on, got 0"),
        (changed("sweep", time="long"), "time must be such as"),
        ({**changed("space"), "sweep": {}}, r"\[sweep\] needs an end"),
        (changed("sweep", sampler="grid"), r"\[space\] momentum: a grid needs values to count"),
        (changed("fixed", batchsize=3), r"\[fixed\] batchsize is unknown: did you mean batch_size"),
        (changed("fixed", dropout=3.0), r"\[fixed\].*dropout"),
        (changed("fixed", lr=0.1), r"\[space\] lr: it is in \[fixed\] too"),
        (changed("space", learning_rate=[0.1]), r"\[space\] learning_rate is unknown"),
        (changed("space", out=["a"]), r"\[space\] out is unknown"),
        (changed("space", optimizer=["momentum", "nag", "adm"]), r"optimizer = adm: optimizer must be one of"),
        (changed("space", lr=0.1), r"\[space\] lr: must be a list of choices or a range"),
        (changed("space", lr={"low": 0.1}), "lr: a range needs low and high"),
        (changed("space", lr={"low": 0.1, "hihg": 1.0}), "hihg is unknown: did you mean high"),
        (changed("space", lr={"low": 0.1, "high": 0.01}), "low must not be above high"),
        (changed("space", lr={"low": 0.0, "high": 0.01, "log": True}), "must begin above 0"),
        (changed("space", lr={"low": "a", "high": 0.01}), "low must be a number, got 'a'"),
        (changed("space", lr={"low": -0.1, "high": 0.01}), "lr = -0.1: lr must be positive"),
        (changed("space", width={"low": 4, "high": 11, "step": 4}), "the steps of 4 from 4 must lead to 11"),
        (changed("space", batch_size=[10, 10]), "choices must be different values"),
        (changed("space", batch_size=[]), "choices must be a list of values"),
        (changed("space", batch_size={"low": 1.5, "high": 3.0}), "batch_size = 1.5: batch_size must be a positive integer"),
        (changed("space", momentum={"low": 0.1, "high": 0.2, "when": {"optimiser": "sgd"}}), "did you mean optimizer"),
        (changed("space", momentum={"low": 0.1, "high": 0.2, "when": {"optimizer": "sdg"}}), "'sdg', which is none of sgd"),
        (changed("space", momentum={"low": 0.1, "high": 0.2, "when": 3}), "when must be a table"),
        (changed("fixed", validation=0), "validation must be positive in a sweep"),
        (changed("fixed", recipe="mlp"), r"\[fixed\] recipe is unknown"),
        (changed("space", hidden=[[3]]), "layers and width go together, and in place of hidden"),
        ({**changed("space"), "fixed": {**FIXED, "model": "lenet"}}, r"\[space\] layers is unknown"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_space_is_named(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_space(content)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text("[space\n", encoding="utf-8")
    assert sweep(tmp_path / "s.toml", tmp_path / "study") == 2
    assert "s.toml" in capsys.readouterr().err
    assert sweep(tmp_path / "none.toml", tmp_path / "study") == 2
    assert not (tmp_path / "study").exists()


def test_models_of_the_other_script_can_be_swept() -> None:
    content = {
        "sweep": {"trials": 1},
        "fixed": {"model": "resnet"},
        "space": {"depth": [8, 14], "width": [4, 8], "tta": [True, False]},
    }
    space = make_space(content)
    command = space.command({"depth": 8, "width": 4, "tta": False})
    assert command[0] == "train_cnn.py" and "--no-tta" in command and command[command.index("--model") + 1] == "resnet"
