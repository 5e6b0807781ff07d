"""The page Graph: a model chosen or typed, its graph to open and close, and what each of its modules costs."""

from __future__ import annotations

import ast
from typing import Any

import streamlit as st

import models
from apps.app_logic import settings
from apps.app_logic.model_report import Answer, Question, ask
from apps.app_logic.run_states import named_runs, state_of
from apps.app_logic.texts import plain

KEPT: dict[str, Any] = {"persist_state": "session"}
MODEL, RUN, TYPED = "By name", "Of a run", "Typed"
COLOURS = {"kinds": None, "time": "time", "memory": "memory"}
EXAMPLE = """nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(8 * 14 * 14, 10),
)"""


def page() -> None:
    """The whole page."""
    st.title("Graph")
    sources = {MODEL: _by_name, RUN: _of_run, TYPED: _typed}
    source = st.segmented_control("Model", list(sources), default=MODEL, required=True, key="graph_from", **KEPT)
    model = sources[str(source)]()
    shown = _options()
    if model is None or shown is None:
        return
    with st.spinner("Looking at the model"):
        answer = ask(Question(**model, **shown))
    _show(answer, shown)


# -- which model -----------------------------------------------------------------------------------------------------------


def _by_name() -> dict[str, Any] | None:
    left, right = st.columns([1, 2])
    name = left.selectbox("Its name", list(models.MODELS), index=list(models.MODELS).index("lenet"), key="graph_model", **KEPT)
    usual, help = "hidden=[64, 32], dropout=0.5", "As they stand in parentheses in Python"
    options = right.text_input("Its options", placeholder=usual, help=help, key="graph_options", **KEPT)
    return {"expression": f"{name}({options.strip()})"}


def _of_run() -> dict[str, Any] | None:
    runs = named_runs(settings.RUNS)
    if not runs:
        st.info("There is no run yet.")
        return None
    name = str(st.selectbox("Run", list(runs), key="graph_run", **KEPT))
    state = state_of(runs[name])
    if not state.config:
        st.error(plain(state.problem or "the run has not begun yet") + ".")
        return None
    entry = state.config.get("model", {})
    if not (isinstance(entry.get("name"), str) and isinstance(entry.get("options"), dict)):
        st.error("Its config.json does not say which model it trains.")
        return None
    return {"name": entry["name"], "options": entry["options"]}


def _typed() -> dict[str, Any] | None:
    text = st.text_area(
        "Model, of the modules of nn",
        EXAMPLE,
        height=220,
        key="graph_typed",
        help="A Python expression: modules, numbers, texts, lists. It is read, and never run as a program.",
        **KEPT,
    )
    return {"expression": text} if text.strip() else None


# -- how it is looked at ---------------------------------------------------------------------------------------------------


def _options() -> dict[str, Any] | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shape = st.text_input("Shape of one input", "1, 28, 28", key="graph_shape", width=180, **KEPT)
        batch = st.number_input("Inputs in a batch", 1, 1024, 64, key="graph_batch", width=180, **KEPT)
        colour = str(st.selectbox("Colours show", list(COLOURS), key="graph_colour", width=180, **KEPT))
        backward = st.checkbox("Backward, too", key="graph_backward", **KEPT)
        steps = st.checkbox("Step by step", key="graph_steps", help="Play forward and backward, to and fro", **KEPT)
    try:
        sizes = ast.literal_eval(f"({shape},)")
        if not sizes or not all(type(size) is int and 0 < size <= 10**6 for size in sizes):
            raise ValueError
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        st.error(f"The shape of one input is whole numbers with commas between, such as 1, 28, 28; not {plain(shape)}")
        return None
    return {"shape": tuple(sizes), "batch": int(batch), "color_by": COLOURS[colour], "backward": backward, "steps": steps}


# -- what is seen ----------------------------------------------------------------------------------------------------------


def _show(answer: Answer, shown: dict[str, Any]) -> None:
    if answer.error:
        st.error(plain(answer.error[:1].upper() + answer.error[1:]))
    if answer.marked:
        st.code(answer.marked, language=None)
    if answer.html and answer.whole is None:
        st.write("What ran until then:")
    if answer.title:
        st.write(plain(answer.title))
    if answer.html:
        st.iframe(answer.html, height=680, alt="The graph of the model")
        st.download_button("Save this page", answer.html, "graph.html", "text/html")
    if answer.whole is not None:
        st.subheader("What each module costs")
        st.caption(
            f"A step with {shown['batch']} inputs, the quickest of three; a module counts with all that is in it. Saved is "
            "what its operations keep for backward, but for weights and what others keep already."
        )
        rows = [*answer.rows, answer.whole]
        st.table({head: [plain(cell(row)) for row in rows] for head, cell in _COLUMNS.items()}, hide_index=True, alt="Costs")


_COLUMNS: dict[str, Any] = {
    "module": lambda row: row.path or "all of it",
    "kind": lambda row: row.kind,
    "gives": lambda row: row.output,
    "parameters": lambda row: f"{row.parameters:,}",
    "multiply-adds": lambda row: f"{row.multiply_adds:,}",
    "forward": lambda row: f"{row.forward:.2f} ms",
    "backward": lambda row: f"{row.backward:.2f} ms",
    "result": lambda row: _bytes(row.given),
    "saved": lambda row: _bytes(row.saved),
}


def _bytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


page()
