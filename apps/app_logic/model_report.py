"""What the page of graphs shows of a model: its graph, its summary, and the time and memory of each module.

It is made by a process of its own (``python -m apps.app_logic.model_report``: a question on standard input, the answer on
standard output, both JSON), with limits on memory and time, as whoever types a model may ask for any number of weights.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import models
from tinygrad_fm import nn, no_grad, profiler, viz
from tinygrad_fm._pytree import tensors_in
from tinygrad_fm.viz.model_inputs import of_size

from .typed_model import MODEL_ERRORS, ExpressionError, read

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120
_MEMORY = 4 << 30
_RUNS = 3  # of which the quickest counts


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        expression: a model as it was typed; or
        name, options: how ``models.build`` makes it.
        shape: of one input, without the batch.
        batch: how many inputs.
        color_by: None, "time" or "memory".
        backward, steps: see ``viz.draw`` and ``Graph.html``.
    """

    expression: str = ""
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (1, 28, 28)
    batch: int = 64
    color_by: str | None = None
    backward: bool = False
    steps: bool = False


@dataclass(frozen=True)
class ModuleRow:
    """What a module costs, with all that is in it: milliseconds of a step forward and backward, bytes that it gives, and those
    that are saved for backward."""

    path: str
    kind: str
    output: str
    parameters: int
    multiply_adds: int
    forward: float
    backward: float
    given: int
    saved: int


@dataclass(frozen=True)
class Answer:
    """What was found.

    Attributes:
        error: why there is no answer, or not all of one; "" if nothing went wrong.
        marked: the line of the expression that is to blame, marked; "" if none is.
        html: the page of the graph; of a model that failed (it has no ``whole``), of what ran until then; "" if there is none.
        title: the model's class and the number of its parameters, in words.
        rows: a row for each module.
        whole: the row of the model itself.
    """

    error: str = ""
    marked: str = ""
    html: str = ""
    title: str = ""
    rows: tuple[ModuleRow, ...] = ()
    whole: ModuleRow | None = None


# -- in the process ----------------------------------------------------------------------------------------------------


def report(question: Question) -> Answer:
    """The answer, made in this process."""
    expression = None
    try:
        if question.expression:
            expression = read(question.expression)
            model = expression.build()
        else:
            model = models.build(question.name, **question.options)
        size = (question.batch, *question.shape)
        if math.prod(size) > 10**8:
            raise ValueError(f"an input of shape {size} is too large to be looked at")
        is_lazy = any(isinstance(p, nn.UninitializedParameter) for p in model.parameters())
        x = of_size(nn.Identity() if is_lazy else model, size)
    except ExpressionError as error:
        return Answer(str(error), error.marked())
    except MODEL_ERRORS as error:
        return Answer(f"{error}")
    running: list[nn.Module] = []
    try:
        with _followed(model, running):
            _step(model, x)
    except MODEL_ERRORS as error:
        # what was being called when it happened is the last that was entered and not left
        return _failed(error, running[-1] if running else model, expression, model, x)
    table = viz.summary(model, input_data=x)
    graph = viz.draw(model, x, color_by=question.color_by, backward=question.backward)
    rows, whole = _costs(model, x, table, _saved(graph))
    title = f"{table.model}: {table.parameters:,} trainable parameters, {table.multiply_adds:,} multiply-adds per input"
    try:
        return Answer(html=graph.html(question.steps), title=title, rows=rows, whole=whole)
    except ValueError:
        doubt = "this model has too many steps to be played: its graph is shown without them"
        return Answer(doubt, html=graph.html(), title=title, rows=rows, whole=whole)


def _failed(error: Exception, module: nn.Module, expression: Any, model: nn.Module, x: Any) -> Answer:
    path = next((path for path, part in model.named_modules() if part is module), "")
    where = f"{path} ({type(module).__name__})" if path else type(module).__name__
    text = "has no forward of its own: it only holds other modules" if isinstance(error, NotImplementedError) else str(error)
    marked = expression.blame(module, error).marked() if expression is not None else ""
    html = ""
    with contextlib.suppress(*MODEL_ERRORS), viz.trace() as followed:
        model(x)
    with contextlib.suppress(*MODEL_ERRORS):
        html = followed.draw(model=model).html()
    return Answer(f"{where}: {text}", marked, html)


@contextlib.contextmanager
def _followed(model: nn.Module, running: list[nn.Module]) -> Iterator[None]:
    """Within it ``running`` has the modules that are being called, the outermost first."""
    handles = []
    for module in model.modules():
        handles.append(module.register_forward_pre_hook(lambda module, args: running.append(module)))
        handles.append(module.register_forward_hook(lambda module, args, output: running.pop() and None))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _step(model: nn.Module, x: Any) -> None:
    """Forward, and backward from the sum of all that the model gives."""
    outputs = [t for t in tensors_in(model(x)) if t.requires_grad]
    if outputs:
        sum((t.sum() for t in outputs[1:]), outputs[0].sum()).backward()
    model.zero_grad()


def _saved(graph: viz.Graph) -> dict[str, int]:
    """How many bytes the operations of each module keep for backward, but for what is kept anyway, as the graph shows it."""
    found: dict[str, int] = {}
    for item in graph.content.items:
        box = item.box
        while box is not None and box.what != "module":
            box = box.parent
        path = box.path if box is not None else ""
        found[path] = found.get(path, 0) + sum(kept.bytes for kept in item.kept or ())
    return found


def _costs(model: nn.Module, x: Any, table: Any, saved: dict[str, int]) -> tuple[tuple[ModuleRow, ...], ModuleRow]:
    """The costs of each module, and of the whole model."""
    given, outputs = _given(model, x)
    found = []
    for _ in range(_RUNS):
        with profiler.profile() as profile:
            _step(model, x)
        found.append(profile.rows(by="module"))
    own = min(found, key=lambda costs: sum(cost.total for cost in costs.values()))

    def row(path: str, kind: str, outputs: Any, parameters: int, multiply_adds: int) -> ModuleRow:
        def within(costs: dict[str, Any]) -> list[Any]:
            return [cost for name, cost in costs.items() if not path or name == path or name.startswith(f"{path}.")]

        forward, backward = (sum(getattr(cost, phase) for cost in within(own)) / 1e6 for phase in ("forward", "backward"))
        shapes = ", ".join("×".join(map(str, shape)) or "a number" for shape in outputs) or "not called"
        size = given.get(path, 0)
        return ModuleRow(path, kind, shapes, parameters, multiply_adds, forward, backward, size, sum(within(saved)))

    rows = [row(r.name, r.kind, r.outputs, r.parameters, r.multiply_adds) for r in table.rows]
    return tuple(rows), row("", table.model, outputs, table.parameters, table.multiply_adds)


def _limit() -> None:
    """What this process may use at the most, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses one of memory
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _given(model: nn.Module, x: Any) -> tuple[dict[str, int], list[tuple[int, ...]]]:
    """How many bytes each module gives, in the last of its calls; and the shapes that the model gives for each input."""
    found: dict[str, int] = {}

    def noting(path: str) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            found[path] = sum(t.nbytes for t in tensors_in(output))

        return note

    handles = [module.register_forward_hook(noting(path)) for path, module in model.named_modules()]
    with no_grad():
        outputs = tensors_in(model(x))
    for handle in handles:
        handle.remove()
    return found, [tuple(t.shape[1:]) for t in outputs]


def main() -> int:
    """Answer one question."""
    _limit()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a kernel may say is no answer
    question = Question(**json.load(sys.stdin))
    try:
        answer = report(question)
    except MemoryError:
        answer = Answer(
            f"this model, or a step of it with {question.batch} inputs, needs more memory than there is for it here"
        )
    json.dump(asdict(answer), answers)
    answers.close()
    return 0


# -- from the page -----------------------------------------------------------------------------------------------------


class _NoAnswerError(Exception):
    """The process gave none. It is raised so that it is not remembered: another time there may be more memory, or time."""


def ask(question: Question) -> Answer:
    """The answer, made by another process within its limits, or remembered."""
    try:
        return _ask(json.dumps(asdict(question)))
    except _NoAnswerError as error:
        return Answer(str(error))


@lru_cache(maxsize=16)
def _ask(question: str) -> Answer:
    command = [sys.executable, "-m", "apps.app_logic.model_report"]
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    try:
        process = subprocess.run(
            command, input=question, capture_output=True, encoding="utf-8", timeout=_SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _NoAnswerError(
            f"this model takes longer than {_SECONDS} seconds to look at; ask for a smaller one, or a smaller batch"
        ) from error
    if process.returncode == 0:
        found = json.loads(process.stdout)
        rows = tuple(ModuleRow(**row) for row in found.pop("rows"))
        whole = found.pop("whole")
        return Answer(**found, rows=rows, whole=ModuleRow(**whole) if whole else None)
    if process.returncode < 0 or "MemoryError" in process.stderr:
        raise _NoAnswerError(
            "this model needs more memory or time than there is for it here; ask for a smaller one, or a smaller batch"
        )
    last = process.stderr.strip().splitlines()[-1:] or [f"the process ended with code {process.returncode}"]
    raise _NoAnswerError(f"this model cannot be looked at: {last[0]}")


if __name__ == "__main__":
    sys.exit(main())
