"""What the app's page of graphs does, without the page: models that were typed are read, never run; each module's costs."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

import models
from apps.app_logic import model_report
from apps.app_logic.model_report import Question, ask, report
from apps.app_logic.typed_model import MOST_LETTERS, ExpressionError, read
from tinygrad_fm import nn


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))", nn.Sequential),
        ("\n  torch.nn.Sequential(\r\n\tConv2d(1, 8, kernel_size=(3, 3), padding='same'),\n)  \n", nn.Sequential),
        ("nn.Sequential(*[nn.Linear(3, 4, bias=False), nn.Dropout(1 / 2 - 0.25)])", nn.Sequential),
        ("nn.ModuleDict({'a': nn.LeakyReLU(-0.5 + 1)})", nn.ModuleDict),
        ("nn.Linear(10 // 3, +4, True, dtype=None)", nn.Linear),
        ("resnet20(width=4)", models.ResNet),
        ("mlp(hidden=[])", models.MLP),
    ],
)
def test_a_model_that_was_typed_is_made(text: str, kind: type) -> None:
    assert type(read(text).build()) is kind


# text, what is said, what is marked
WRONG = [
    ("", "type a model", ""),
    ("  \n ", "type a model", ""),
    ("nn.Sequental(nn.ReLU())", "there is no module nn.Sequental; did you mean Sequential?", "nn.Sequental"),
    ("nn.functional.relu(3)", "there is no module nn.functional.relu", "nn.functional.relu"),
    ("nn.Linear(3, 4", "'(' was never closed", "("),
    ("nn.Linear(3 4)", "this is no Python expression", "3"),
    ("nn.Linear(3)", "nn.Linear missing 1 required positional argument: 'out_features'", "nn.Linear(3)"),
    ("nn.Conv2d(1, 8)", "nn.Conv2d missing 1 required positional argument: 'kernel_size'", "nn.Conv2d(1, 8)"),
    ("nn.Sequential(nn.ReLU(), nn.Linear('a', 3))", "nn.Linear: ", "nn.Linear('a', 3)"),
    ("nn.Linear(3, width)", "width means nothing here", "width"),
    ("nn.Linear(3, open('/etc/passwd'))", "there is no module open", "open"),
    ("__import__('os').system('x')", "only modules can be called", "__import__('os').system"),
    ("nn.Linear.__init__.__globals__['os']", "a model is a module", "nn.Linear.__init__.__globals__['os']"),
    ("nn.Linear.__class__(3)", "there is no module nn.Linear.__class__", "nn.Linear.__class__"),
    ("os.Linear(3, 4)", "there is no module os.Linear", "os.Linear"),
    ("nn.Linear(3, (lambda: 4)())", "only modules can be called", "lambda: 4"),
    ("nn.Sequential(*[nn.ReLU() for _ in range(9)])", "this means nothing here", "*[nn.ReLU() for _ in range(9)]"),
    ("nn.Sequential(*nn.ReLU())", "this means nothing here", "*nn.ReLU()"),
    ("nn.Linear(9 ** 9 ** 9, 1)", "this means nothing here", "9 ** 9 ** 9"),
    ("nn.Linear(10000000000, 1)", "numbers may be as large as", "10000000000"),
    ("nn.Linear(1000000000 * 1000000000, 1)", "numbers may be as large as", "1000000000 * 1000000000"),
    ("nn.Linear(1e999, 1)", "numbers may be as large as", "1e999"),
    ("nn.Linear('a' * 9, 1)", "only numbers can be calculated with", "'a'"),
    ("nn.Linear(3 / 0, 1)", "division by zero", "3 / 0"),
    ("nn.Linear(3, b'x')", "bytes is of no use here", "b'x'"),
    ("nn.Linear(3, f'{4}')", "this means nothing here", "f'{4}'"),
    ("nn.Linear(**{'in_features': 3})", "give options by their names", "{'in_features': 3}"),
    ("nn.ModuleDict({3: nn.ReLU()})", "the keys of a dict must be texts", "3"),
    ("nn.ModuleDict({**{}})", "the keys of a dict must be texts", "{}"),
    ("nn.Linear", "a model is a module with its arguments", "nn.Linear"),
    ("nn.Linear(3, 4); 5", "this is no Python expression", ";"),
    ("x = nn.Linear(3, 4)", "this is no Python expression", None),
    ("nn.Linear(3, 4)\nnn.ReLU()", "this is no Python expression", None),
    ("mlp([3])", "give the options of mlp by their names", "mlp([3])"),
    ("resnet(dpth=20)", "did you mean 'depth'?", "resnet(dpth=20)"),
    ("nn.Linear('ä€', nn.Nichts())", "there is no module nn.Nichts", "nn.Nichts"),
    ("a\0b", "null bytes", None),
    ("(" * 500 + ")" * 500, "this is no Python expression", None),
    ("nn.Linear(" + "-" * 5000 + "3, 4)", "nested too deeply", None),
    ("nn.Linear(" + " + ".join("1" * 3000) + ", 4)", "nested too deeply", None),
    ("nn.ReLU()" + " " * MOST_LETTERS, "a model may have 20,000 letters", None),
]


@pytest.mark.parametrize(("text", "message", "marked"), WRONG, ids=[text[:30] for text, _, _ in WRONG])
def test_what_is_no_model_gets_a_sentence_and_its_place(text: str, message: str, marked: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        read(text).build()
    assert message in str(caught.value)
    line, marks = caught.value.marked().split("\n")
    start = len(marks) - len(marks.lstrip())
    assert set(marks.strip()) == {"^"} and len(line) <= 72
    if marked is not None:
        assert line[start : len(marks)] == marked


def test_the_place_is_found_on_a_later_line_and_in_a_long_one() -> None:
    with pytest.raises(ExpressionError) as caught:
        read("nn.Sequential(\n    nn.ReLU(),\n    nn.Relu(),\n)")
    assert caught.value.marked() == "    nn.Relu(),\n    ^^^^^^^"
    with pytest.raises(ExpressionError) as caught:
        read(f"nn.Sequential({'nn.ReLU(), ' * 50}nn.Relu(), {'nn.ReLU(), ' * 50})")
    line, marks = caught.value.marked().split("\n")
    assert line[len(marks) - 7 : len(marks)] == "nn.Relu" and len(line) == 72


def test_each_module_has_its_costs() -> None:
    answer = report(Question("nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8))", batch=5))
    assert answer.error == "" and answer.html.startswith("<!doctype html>") and "6,296 trainable" in answer.title
    flatten, linear, norm = answer.rows
    assert (linear.path, linear.kind, linear.output, linear.parameters, linear.multiply_adds) == (
        "1",
        "Linear",
        "8",
        6280,
        6272,
    )
    assert linear.given == 5 * 8 * 4 and linear.saved == 5 * 784 * 4 and linear.forward > 0 < linear.backward
    assert norm.saved >= 5 * 8 * 4 and flatten.saved == 0
    whole = answer.whole
    assert whole is not None and whole.saved == linear.saved + norm.saved and whole.forward >= linear.forward + norm.forward
    plain, steps = (report(Question("nn.Linear(3, 4)", shape=(3,), steps=steps)).html for steps in (False, True))
    assert len(steps) > len(plain)


@pytest.mark.parametrize(
    ("question", "error", "marked"),
    [
        (Question("nn.Sequential(nn.Flatten(), nn.Linear(3, 4))"), "1 (Linear): linear(): input of shape", "nn.Linear(3, 4)"),
        (Question("nn.ModuleList([nn.ReLU()])"), "ModuleList: has no forward", "nn.ModuleList([nn.ReLU()])"),
        (Question("nn.MSELoss()"), "MSELoss: ", "nn.MSELoss()"),
        (Question("nn.BatchNorm2d(1)", shape=(1, 1, 1), batch=1), "BatchNorm2d: ", "nn.BatchNorm2d(1)"),
        (Question("nn.ReLU()", shape=(10**6, 10**6)), "too large to be looked at", ""),
        (Question(name="resnet", options={"dpth": 3}), "resnet has no option 'dpth'", ""),
        (Question(name="nothing"), "there is no model 'nothing'", ""),
        (Question("nn.Relu()"), "there is no module nn.Relu", "nn.Relu"),
    ],
)
def test_a_model_that_fails_is_said_where(question: Question, error: str, marked: str) -> None:
    answer = report(question)
    assert error in answer.error and answer.whole is None
    line, _, marks = answer.marked.partition("\n")
    assert line[len(marks) - len(marked) : len(marks)] == marked
    if "(Linear)" in error:
        assert "operation that failed" in answer.html  # what ran until then


def test_a_model_of_too_many_steps_is_shown_without_them() -> None:
    answer = report(Question(f"nn.Sequential(nn.Linear(2, 2), {'nn.ReLU(), ' * 1000})", shape=(2,), batch=2, steps=True))
    assert "too many steps" in answer.error and "new Player" not in answer.html and answer.whole is not None


@pytest.mark.parametrize(
    "question",
    [
        Question("nn.LSTM(28, 5, batch_first=True)", shape=(28, 28), batch=2),
        Question("nn.Embedding(10, 3)", shape=(5,), batch=2),
        Question("nn.Sequential(nn.Flatten(), nn.LazyLinear(10))", batch=2, color_by="time"),
        Question("nn.MaxPool2d(2, return_indices=True)", batch=2, backward=True),
        Question("nn.ReLU()", batch=2, color_by="memory"),
        Question(name="lenet", batch=2),
    ],
)
def test_models_of_all_kinds_are_shown(question: Question) -> None:
    answer = report(question)
    assert answer.error == "" and answer.html and answer.whole is not None


@pytest.mark.parametrize(
    ("expression", "shape", "elements"),
    [
        ("nn.LSTM(28, 16, batch_first=True)", (5, 28), 64 * 5 * 16 + 2 * 64 * 16),  # h and c have the batch second
        ("nn.Embedding(100, 8)", (5,), 64 * 5 * 8),  # int64 in, float32 out
    ],
)
def test_the_size_of_a_result_is_that_of_its_tensors(expression: str, shape: tuple[int, ...], elements: int) -> None:
    whole = report(Question(expression, shape=shape)).whole
    assert whole is not None and whole.given == 4 * elements


def test_a_model_too_large_for_the_machine_ends_its_own_process_alone() -> None:
    answer = ask(Question("nn.Linear(100000, 100000)", shape=(100000,)))
    assert "more memory" in answer.error and answer.html == ""
    assert ask(Question("nn.Linear(3, 4)", shape=(3,), batch=2)).error == ""


@pytest.mark.parametrize(
    ("code", "error"), [(-9, "needs more memory or time"), (-24, "needs more memory or time"), (1, "ValueError: so it is")]
)
def test_a_process_that_ends_is_a_sentence(monkeypatch: pytest.MonkeyPatch, code: int, error: str) -> None:
    def run(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], code, "", "Traceback\nValueError: so it is\n")

    monkeypatch.setattr(model_report.subprocess, "run", run)
    assert error in ask(Question(f"nn.Linear({abs(code)}, 1)")).error


def test_a_process_that_takes_too_long_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> Any:
        raise subprocess.TimeoutExpired([], 1)

    question = Question("nn.Linear(7, 1)", shape=(7,), batch=2)
    with monkeypatch.context() as patched:
        patched.setattr(model_report.subprocess, "run", run)
        assert "takes longer than" in ask(question).error
    assert ask(question).error == ""  # it may have been the machine: what went wrong is not remembered


def test_limits_that_a_system_does_not_have_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS refuses a limit of memory."""
    resource = pytest.importorskip("resource")  # Windows has none
    tried = []

    def refuse(what: int, _: tuple[int, int]) -> None:
        tried.append(what)
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    model_report._limit()
    assert len(tried) == 3
