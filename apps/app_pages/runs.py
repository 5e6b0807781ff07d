"""The page Runs: curves while they are made, what the models take for what, settings, and runs started, stopped, resumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from apps.app_logic import predictions, processes, run_charts, settings
from apps.app_logic.local_data import MISSING, has_fashion_mnist
from apps.app_logic.run_form import LABELS, MODELS, Wanted, checked, defaults_of, script_of
from apps.app_logic.run_list import checkpoints
from apps.app_logic.run_states import RunState, named_runs, side_by_side, state_of
from apps.app_logic.texts import plain, sentence
from apps.app_pages.figures import figure, show_figures
from tinygrad_fm.errors import CheckpointError, DataError
from tinygrad_fm.training.config import AUGMENTATIONS, OPTIMIZERS, SCHEDULES

TRAINING, PREDICTIONS, SETTINGS, START = "Training", "Predictions", "Settings", "Start a run"
SHOWN = 200  # images at once, at the most
KEPT: dict[str, Any] = {"persist_state": "session"}  # what was entered is there again when one comes back
BADGES: dict[str, Any] = {"finished": "green", "stopped": "gray", "failed": "red", "unreadable": "red"}


def page() -> None:
    """The whole page."""
    st.title("Runs")
    base = settings.RUNS
    names = named_runs(base)
    chosen = _choose(names)
    training, predicted, compared, start = st.tabs(
        [TRAINING, PREDICTIONS, SETTINGS, START], key="runs_view", on_change="rerun", default=TRAINING if names else START
    )
    if training.open:
        with training:
            _training(base, names, chosen)
    if predicted.open:
        with predicted:
            _predictions(chosen)
    if compared.open:
        with compared:
            _settings(chosen)
    if start.open:
        with start:
            _start(base)


def _choose(names: Mapping[str, Path]) -> dict[str, Path]:
    """Which of the runs are looked at: at first the latest ones, and one that was just started."""
    state = st.session_state
    started = state.pop("runs_started", None)
    kept = [name for name in state.get("runs_chosen", list(names)[:3]) if name in names]
    if started in names:
        kept = [started, *(name for name in kept if name != started)]
        state["runs_view"] = TRAINING
    state["runs_chosen"] = kept
    if not names:
        return {}
    found = st.multiselect("Runs to look at", list(names), key="runs_chosen", **KEPT, placeholder="Choose one or several")
    return {name: names[name] for name in found}


# -- training --------------------------------------------------------------------------------------------------------------


def _training(base: Path, names: Mapping[str, Path], chosen: Mapping[str, Path]) -> None:
    if not names:
        st.info(f"There is no run in {plain(base)} yet. Start one under “{START}”, or with train_mlp.py in a terminal.")
    alive = any(state_of(path).is_alive for path in chosen.values())
    # while nothing trains, it is still seen when a run begins
    with st.container(key="runs_live"):
        st.html("<style>.st-key-runs_live [data-stale=true] { opacity: 1 !important }</style>")  # what is renewed does not fade
        st.fragment(_live, run_every=2.0 if alive else 5.0)(base, tuple(names), dict(chosen), alive)


def _live(base: Path, names: tuple[str, ...], chosen: dict[str, Path], alive: bool) -> None:
    """What is drawn anew by itself; the page with it when runs come, go, begin or end."""
    states = {name: state_of(path) for name, path in chosen.items()}
    if named_runs(base).keys() != set(names) or alive != any(state.is_alive for state in states.values()):
        st.rerun()
    for name, state in states.items():
        _run(name, state)
    records = {name: state.records for name, state in states.items() if state.records}
    if not records:
        return
    for column, key in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        with column:
            st.subheader(key.capitalize())
            st.altair_chart(run_charts.curves(records, key), key=f"runs_{key}", alt=f"Curves of the {key}")


def _run(name: str, state: RunState) -> None:
    """How far one run is, and what can be done with it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(name)}**", width="content")
            st.badge(state.status, color=BADGES.get(state.status, "blue"))
            if state.own and st.button(f"Stop {plain(name)}", key=f"stop {name}"):
                _stop(name, state)
            if state.status in ("stopped", "failed") and st.button(f"Resume {plain(name)}", key=f"resume {name}"):
                _resume(state)
        if state.status != "unreadable":
            st.progress(state.share, text=plain(state.told()))
        if state.problem:
            st.error(plain(state.problem))
        if said := processes.said(state.path):
            with st.expander("What it said"):
                st.code(said, language=None, wrap_lines=True)


def _stop(name: str, state: RunState) -> None:
    try:
        processes.stop(state.path)
    except (CheckpointError, OSError) as error:
        st.error(sentence(error))
    else:
        st.toast(f"{plain(name)} stops after its present step, with a checkpoint.")


def _resume(state: RunState) -> None:
    try:
        if not state.is_drawn and not has_fashion_mnist():
            raise DataError(MISSING)
        processes.resume(state.path, script_of(str(state.config["settings"].get("model"))))
    except (CheckpointError, DataError, OSError) as error:
        st.error(sentence(error))
    else:
        st.rerun()


# -- predictions -----------------------------------------------------------------------------------------------------------


def _predictions(chosen: Mapping[str, Path]) -> None:
    """What one checkpoint takes the test images for."""
    with_checkpoints = {name: path for name, path in chosen.items() if checkpoints(path)}
    if not with_checkpoints:
        st.info("None of the chosen runs has a checkpoint yet.")
        return
    left, right = st.columns(2)
    name = str(left.selectbox("Run", list(with_checkpoints), key="runs_run", **KEPT))
    run = with_checkpoints[name]
    files = {path.stem: path for path in reversed(checkpoints(run))}
    if not files:
        st.rerun()
    stem = str(right.selectbox("Checkpoint", list(files), key="runs_checkpoint", **KEPT))
    try:
        with st.spinner("Looking at the test images"):
            found = predictions.tested(run, files[stem])
    except (CheckpointError, DataError, OSError, MemoryError) as error:
        st.error(sentence(error))
        return
    accuracy, count = found.evaluation.accuracy, len(found.data)
    st.markdown(f"After step {found.step:,}: **{accuracy:.2%}** of {count:,} test images of {plain(found.data.name)} right.")
    if "ynthetic" in found.data.name:
        st.caption("The images are drawn by the program: this says nothing about Fashion-MNIST.")
    _confusion(found)
    st.subheader("Most confident mistakes")
    mistakes = found.mistakes()
    _images(found, mistakes, 24)
    st.subheader("Each class")
    st.table(_class_rows(found), hide_index=True, alt="Scores of each class")


def _confusion(found: predictions.Tested) -> None:
    """The matrix, and the images of one of its cells, chosen by a click or by its labels."""
    st.subheader("Confusion matrix")
    classes, state = found.data.classes, st.session_state
    if state.get("runs_true") not in classes or state.get("runs_predicted") not in classes:
        worst = found.evaluation.confusion.copy()
        worst[range(len(classes)), range(len(classes))] = 0
        row, column = divmod(int(worst.argmax()), len(classes))
        state["runs_true"], state["runs_predicted"] = classes[row], classes[column]
    left, right = st.columns([3, 2])
    with right:
        true = st.selectbox("True label", classes, key="runs_true", **KEPT)
        predicted = st.selectbox("Predicted label", classes, key="runs_predicted", **KEPT)
        cell = (classes.index(true), classes.index(predicted))
        _images(found, found.cell(*cell), 12)
    with left:
        st.altair_chart(
            run_charts.confusion(found.evaluation.confusion, classes, cell),
            key="runs_confusion",
            on_select=_cell_clicked,
            alt="Confusion matrix: rows are true labels, columns predicted ones. The lists beside it choose a cell, too.",
        )


def _cell_clicked() -> None:
    clicked = st.session_state["runs_confusion"].selection.get("cell")
    if clicked:
        st.session_state["runs_true"] = clicked[0]["true label"]
        st.session_state["runs_predicted"] = clicked[0]["predicted label"]


def _images(found: predictions.Tested, indices: list[int], count: int) -> None:
    """The first of some images, those of which the model is most sure, and how many there are."""
    st.caption(f"{len(indices):,} image{'s' * (len(indices) != 1)}" + (", the surest first" if len(indices) > 1 else ""))
    most = min(len(indices), SHOWN)
    if most > count and st.toggle(f"Show {most} of them", key=f"runs_all_{count}"):
        count = most
    if indices:
        told = {i: found.told(i) for i in indices[:count]}
        show_figures([figure(found.data.data[i], f"Test image {i}: {text}", text, 84) for i, text in told.items()])


def _class_rows(found: predictions.Tested) -> dict[str, list[str]]:
    rows = found.per_class()
    return {
        "class": [plain(row[0]) for row in rows],
        "images": [f"{row[1]:,}" for row in rows],
        "recall": [f"{row[2]:.1%}" for row in rows],
        "precision": [f"{row[3]:.1%}" for row in rows],
        "most often taken for": [plain(row[4]) for row in rows],
    }


# -- settings --------------------------------------------------------------------------------------------------------------


def _settings(chosen: Mapping[str, Path]) -> None:
    """The settings of the chosen runs beside one another, what differs first."""
    configs = {name: state_of(path).config for name, path in chosen.items()}
    for name in [name for name, config in configs.items() if not config]:
        st.warning(f"{plain(name)}: its config.json cannot be read.")
        del configs[name]
    if not configs:
        st.info("Choose a run above.")
        return
    different, same = side_by_side(configs)
    if len(configs) > 1:
        st.subheader("What differs")
        _setting_table(list(configs), different)
        st.subheader("What is the same")
    _setting_table(list(configs)[:1] if len(configs) == 1 else ["all of them"], [row[:2] for row in same])


def _setting_table(heads: list[str], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        st.caption("Nothing.")
        return
    columns = dict(zip(["setting", *map(plain, heads)], zip(*rows, strict=True), strict=True))
    st.table({name: [plain(value) for value in values] for name, values in columns.items()}, hide_index=True, alt="Settings")


# -- start -----------------------------------------------------------------------------------------------------------------


def _start(base: Path) -> None:
    """The form, whose fields the script's own parser checks."""
    try:
        with st.spinner("Looking for Fashion-MNIST"):
            sets = ["fashion-mnist", "synthetic"] if has_fashion_mnist() else ["synthetic"]
    except DataError as error:
        st.warning(plain(error))
        sets = ["synthetic"]
    model = str(st.selectbox(LABELS["model"], list(MODELS), key="runs_model", **KEPT))
    default = defaults_of(model)
    numbers: dict[str, Any] = {"value": None, "step": 1, **KEPT}
    with st.form("runs_form"):
        left, right = st.columns(2)
        with left:
            name = st.text_input("Name", placeholder=f"{model}-DATE-TIME", max_chars=60, key="runs_name", **KEPT)
            data = str(st.selectbox(LABELS["data"], sets, help=MISSING if len(sets) == 1 else None, key="runs_data", **KEPT))
            length = st.number_input(LABELS["epochs"], placeholder=str(default.epochs), key="runs_length", **numbers)
            unit = str(st.radio("In", ["epochs", "steps"], horizontal=True, key="runs_unit", **KEPT))
            size = st.number_input(LABELS["train_size"], placeholder="all", key="runs_size", **numbers)
            held_out = st.number_input(
                LABELS["validation"], placeholder=str(default.validation), key="runs_validation", **numbers
            )
        with right:
            batch = st.number_input(LABELS["batch_size"], placeholder=str(default.batch_size), key="runs_batch", **numbers)
            optimizer = st.selectbox(
                LABELS["optimizer"], list(OPTIMIZERS), index=None, placeholder=default.optimizer, key="runs_optimizer", **KEPT
            )
            usual = "the optimizer's own" if default.lr is None else f"{default.lr:g}"
            lr = st.text_input(LABELS["lr"], placeholder=usual, key="runs_lr", **KEPT)
            schedule = st.selectbox(
                LABELS["schedule"], list(SCHEDULES), index=None, placeholder=default.schedule, key="runs_schedule", **KEPT
            )
            augment = st.multiselect(LABELS["augment"], list(AUGMENTATIONS), placeholder="none", key="runs_augment", **KEPT)
            seed = st.number_input(LABELS["seed"], placeholder=str(default.seed), key="runs_seed", **numbers)
        further = st.text_input(
            "Further options, as on the command line",
            placeholder="--hidden 256 128 --dropout 0.2" if model == "mlp" else "--label-smoothing 0.1",
            help=f"`python {MODELS[model]} --help` lists them",
            key="runs_further",
            **KEPT,
        )
        pressed = st.form_submit_button("Start", type="primary")
    if pressed:
        lengths = {"unit": unit, "length": length, "train_size": size, "validation": held_out, "batch_size": batch}
        steps = {"optimizer": optimizer or "", "lr": lr, "schedule": schedule or "", "augment": tuple(augment), "seed": seed}
        _begin(Wanted(name, model, data, further=further, **lengths, **steps), base)


def _begin(wanted: Wanted, base: Path) -> None:
    """Start what is wanted, or say why not."""
    try:
        run = checked(wanted, base)
        processes.start(run.folder, run.script, run.arguments)
        with st.spinner("Starting"):
            why = processes.await_start(run.folder)
    except FileExistsError:
        st.error(f"There is a run named {plain(wanted.name)} already, begun just now: choose another name")
    except (ValueError, DataError, CheckpointError, OSError) as error:
        st.error(sentence(error))
    else:
        if why:
            st.error(plain(why))
            return
        st.session_state["runs_started"] = run.folder.name
        st.rerun()


page()
