"""Draw what a sweep has found: which settings go with a high validation accuracy, and the best five with their commands.

When the study is finished, the winner is tested, once: until then nothing has looked at the test set.
"""

from __future__ import annotations

import argparse
import base64
import html
import shlex
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import models
from tinygrad_fm import runtime
from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.text_table import text_table
from tinygrad_fm.training import RunFolder, Silence, StopRequest, finish
from tinygrad_fm.training.start import go_on
from tinygrad_fm.viz import sweep_plots
from tinygrad_fm.viz.sweep_plots import Axis

from .sweep import STATES, short
from .sweep_study import Study, import_optuna

_FEW = 6  # whole numbers of so many values are drawn as choices
_PICTURES = {
    "parallel.png": "Each line is a trial: its settings, and the validation accuracy that they led to, which colours it. "
    "Grey lines were given up early or failed.",
    "influence.png": "Left, how much each setting matters for being among the best of the space (PED-ANOVA); right, Spearman's "
    "correlation of each setting, or of having one of its values, with the validation accuracy.",
    "history.png": "The validation accuracy of each trial in their order, and the best so far.",
    "slices.png": "The validation accuracy over each setting by itself; the lines are medians.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("study", type=Path, metavar="STUDY", help="folder of the study")
    parser.add_argument("--storage", metavar="URL", help="the database, if its trials are in one")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: STUDY/report)")


def run(args: argparse.Namespace) -> int:
    """Write the page and the pictures, and print the best five."""
    study = Study(args.study, args.storage, make=False)
    trials = study.optuna.get_trials(deepcopy=False)
    done = sorted((t for t in trials if t.state.name == "COMPLETE"), key=lambda t: (-t.value, t.number))
    if not done:
        raise ValueError(f"{args.study} has no complete trial yet, so there is nothing to report")
    out: Path = args.out or args.study / "report"
    tested = _test(study, done[0], trials)
    _draw(study, trials, out)
    facts = _facts(trials, done, tested)
    page = _page(args.study.name, facts, trials, done[:5]).encode()
    page = page.replace(b"@PICTURES@", _embedded(out))
    write_atomically(out / "report.html", lambda file: file.write(page))
    print("\n".join(facts))
    names = list(study.optuna.user_attrs["space"]["space"])
    print("\n" + text_table([("trial", "accuracy", *names), *(_row(trial, names) for trial in done[:5])]) + "\n")
    for trial in done[:5]:
        print(f"{trial.number + 1}: {shlex.join(trial.user_attrs['command'])}")
    print(f"\nWritten to {out}: report.html, {', '.join(_PICTURES)}")
    return 0


# -- the winner ------------------------------------------------------------------------------------------------------


def _test(study: Study, best: Any, trials: list[Any]) -> str:
    """Test the winner of a finished study, unless that is done already; returns what is to be said of it."""
    unfinished = sum(t.state.name in ("RUNNING", "WAITING") for t in trials)
    if unfinished or not study.is_used_up(trials):
        return "The study is not finished, so the test set has not been looked at."
    space = study.optuna.user_attrs["space"]
    folder = study.runs(best.number, space["seeds"])[0]
    if folder.read_summary() is None:
        _finish(folder)
    summary = folder.read_summary()
    assert summary is not None, "finish has written it"
    return (
        f"Test accuracy of the winner, trial {best.number + 1}: {summary['test_accuracy']:.2%} on {summary['dataset']}, "
        f"{summary['parameters']:,} parameters."
    )


def _finish(folder: RunFolder) -> None:
    with warnings.catch_warnings(), ExitStack() as held, StopRequest() as stop:
        warnings.simplefilter("ignore")
        held.callback(runtime.set_num_threads, runtime.get_num_threads())
        trainer = go_on(folder, models.build, Silence(), held)
        if trainer is not None:
            trainer.fit(stop)
            finish(trainer, stop)


# -- the pictures ----------------------------------------------------------------------------------------------------


def axes_of(space: dict[str, Any], trials: list[Any]) -> list[Axis]:
    """The settings of a study with their values in each trial."""
    axes = []
    for name, entry in space.items():
        values = [trial.params.get(name) for trial in trials]
        choices = entry.get("choices", [])
        if not choices and isinstance(entry["low"], int):
            step = entry["step"] or 1
            if (entry["high"] - entry["low"]) // step < _FEW and not entry["log"]:
                choices = list(range(entry["low"], entry["high"] + 1, step))
        axes.append(Axis(name, values, choices, entry.get("log", False)))
    return axes


def _draw(study: Study, trials: list[Any], out: Path) -> None:
    axes = axes_of(study.optuna.user_attrs["space"]["space"], trials)
    accuracy = [trial.value if trial.state.name == "COMPLETE" else None for trial in trials]
    early = {
        i: trial.intermediate_values[max(trial.intermediate_values)]
        for i, trial in enumerate(trials)
        if trial.state.name == "PRUNED" and trial.intermediate_values
    }
    name = study.folder.name
    complete = sum(value is not None for value in accuracy)
    sweep_plots.parallel_coordinates(
        axes, accuracy, out / "parallel.png", f"{name}: {complete} complete of {len(trials)} trials"
    )
    correlation = sweep_plots.correlations(axes, accuracy)
    sweep_plots.influence(_importance(study, complete), correlation, out / "influence.png", f"{name}: what matters")
    sweep_plots.history(accuracy, out / "history.png", f"{name}: accuracy over trials", early)
    sweep_plots.slices(axes, accuracy, out / "slices.png", f"{name}: setting by setting")


def _importance(study: Study, complete: int) -> dict[str, float]:
    """How much each setting sets the best trials apart: PED-ANOVA, of the best tenth, but of five at least."""
    importance = import_optuna().importance
    quantile = min(0.5, max(0.1, 5 / complete))
    evaluator = importance.PedAnovaImportanceEvaluator(target_quantile=quantile, evaluate_on_local=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of settings that few trials have
            found = importance.get_param_importances(study.optuna, evaluator=evaluator)
    except (ValueError, RuntimeError):  # too few trials, or all alike
        return {}
    return {name: float(share) for name, share in found.items()}


def _embedded(out: Path) -> bytes:
    parts = []
    for name, caption in _PICTURES.items():
        data = base64.b64encode((out / name).read_bytes()).decode()
        image = f'<img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'
        parts.append(f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>")
    return "\n".join(parts).encode()


# -- words and tables ------------------------------------------------------------------------------------------------


def _facts(trials: list[Any], done: list[Any], tested: str) -> list[str]:
    states = [trial.state.name for trial in trials]
    counts = ", ".join(f"{states.count(state)} {word}" for state, word in STATES.items() if state in states)
    hours = sum(trial.user_attrs.get("seconds", 0.0) for trial in trials) / 3600
    return [
        f"{len(trials)} trials: {counts}; {hours:.2f} hours of training.",
        f"Best in validation: trial {done[0].number + 1} with {done[0].value:.2%}.",
        tested,
    ]


def _row(trial: Any, names: list[str]) -> tuple[str, ...]:
    return (
        f"{trial.number + 1}",
        f"{trial.value:.2%}" if trial.state.name == "COMPLETE" else "",
        *(short(trial.params[name]) if name in trial.params else "–" for name in names),
    )


def _outcome(trial: Any) -> str:
    if trial.state.name == "PRUNED":
        return f"given up after epoch {max(trial.intermediate_values, default=0)}"
    return f"failed: {trial.user_attrs.get('reason', '')}" if trial.state.name == "FAIL" else STATES[trial.state.name]


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 1150px; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 2rem 0; } img { width: 100%; height: auto; } figcaption { color: #555; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 0.25rem 0.6rem; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap; }
td.command { white-space: normal; font-family: ui-monospace, monospace; font-size: 12.5px; min-width: 26rem; }
"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    def line(tag: str, cells: list[str]) -> str:
        marked = [f"<{tag}{' class=command' * c.startswith('python ')}>{html.escape(c)}</{tag}>" for c in cells]
        return f"<tr>{''.join(marked)}</tr>"

    return f'<div class="wide"><table>{line("th", head)}{"".join(line("td", row) for row in rows)}</table></div>'


def _page(name: str, facts: list[str], trials: list[Any], best: list[Any]) -> str:
    """The page, with @PICTURES@ where they go. It asks nothing of other files or machines."""
    names = list(dict.fromkeys(param for trial in trials for param in trial.params))
    first = _table(["trial", "accuracy", "command"], [[*_row(t, []), shlex.join(t.user_attrs["command"])] for t in best])
    everything = _table(
        ["trial", "accuracy", *names, "seconds", "outcome"],
        [[*_row(t, names), f"{t.user_attrs.get('seconds', 0):.1f}", _outcome(t)] for t in trials],
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(name)}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>{html.escape(name)}</h1>\n"
        + "".join(f"<p>{html.escape(fact)}</p>\n" for fact in facts)
        + f"<h2>The best five</h2>\n{first}\n<h2>Pictures</h2>\n@PICTURES@\n<h2>All trials</h2>\n{everything}\n</body></html>\n"
    )
