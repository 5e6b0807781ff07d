"""The choice of a trained model, on the side; where there is none yet, a small one is trained first."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from apps.app_logic import first_model, run_list, settings
from apps.app_logic.inspection import Inspected
from apps.app_logic.run_states import named_runs, state_of
from apps.app_logic.texts import plain, sentence
from tinygrad_fm.errors import CheckpointError, DataError
from tinygrad_fm.training.checkpoint_scores import checkpoint_of

_USUAL = "as the run ended"
_ELSEWHERE = "somewhere else …"


def choose_model() -> tuple[Inspected, Path] | None:
    """The model that is chosen on the side, and its run's folder or checkpoint; None, and why on the page, if there is none."""
    runs = {name: run for name, run in named_runs(settings.RUNS).items() if run_list.checkpoints(run)}
    waiting = st.session_state.get("first_model")
    if waiting is not None or not runs:
        _first_model(waiting)
        return None
    with st.sidebar:
        st.header("Model")
        name = str(st.selectbox("Run", [*runs, _ELSEWHERE], key="run"))
        chosen = runs[name] if name in runs else _elsewhere()
        if chosen is None:
            return None
        path = _checkpoint(chosen)
    try:
        model = _loaded(path, path.stat().st_mtime_ns)
    except (CheckpointError, OSError) as error:
        st.error(f"This model cannot be used: {sentence(error)} Choose another one on the side.")
        if st.button("Train a small model"):
            _begin()
        return None
    with st.sidebar:
        st.caption(f"{model.kind}, {model.parameters:,} parameters, trained for {model.step:,} steps on {plain(model.dataset)}")
    if "synthetic" in model.dataset.lower():
        st.info("This model was trained on drawn garments, not on Fashion-MNIST: on photographs it errs more often.")
    return model, chosen


def _elsewhere() -> Path | None:
    text = st.text_input("Folder of a run, or a checkpoint (.npz)", key="elsewhere").strip()
    path = os.path.expanduser(text)
    if os.path.exists(path):  # which takes any text
        return Path(path)
    if text:
        st.error("There is nothing of this name.")
    return None


def _checkpoint(run: Path) -> Path:
    if run.is_file():
        return run
    by_name = {path.stem: path for path in run_list.checkpoints(run)}
    name = str(st.selectbox("Checkpoint", [_USUAL, *reversed(by_name)], key=f"checkpoint of {run}"))
    if name in by_name:
        return by_name[name]
    try:
        return checkpoint_of(run)
    except (CheckpointError, OSError):  # whoever loads it says what is wrong
        return run / "checkpoints" / "last.npz"


@st.cache_resource(max_entries=4, show_spinner=False)
def _loaded(path: Path, changed: int) -> Inspected:
    return Inspected(path)


def _first_model(folder: Path | None) -> None:
    """Train the first model, and show how far it is."""
    if folder is None:
        _begin()
        return
    state = state_of(folder)
    if state.is_alive:
        _progress(folder)
        return
    if not run_list.checkpoints(folder):
        st.error(f"The small model was not finished: {sentence(state.problem or 'it was stopped')}")
        st.button("Train it again", on_click=_forget)
        return
    _forget()
    st.rerun()


def _forget() -> None:
    st.session_state.pop("first_model", None)


def _begin() -> None:
    try:
        st.session_state["first_model"] = first_model.begin(settings.RUNS)
    except (DataError, CheckpointError, OSError) as error:
        st.error(f"No model can be trained: {sentence(error)}")
        st.button("Try again")
        return
    st.rerun()


@st.fragment(run_every=0.5)
def _progress(folder: Path) -> None:
    state = state_of(folder)
    if not state.is_alive:
        st.rerun()
    told = "on drawn garments, as Fashion-MNIST is not on this machine" if state.is_drawn else "on Fashion-MNIST"
    data = f" {told}" if state.config else ""
    st.info(f"There is no trained model yet, so a small one is trained now{data}. It takes less than a minute.")
    text = f"Training: {plain(state.told())}" if state.step else "Training begins"
    st.progress(0.95 * state.share, text="Training is done, the test begins" if state.share == 1 else text)
