"""Runs a user's program inside the page's worker: what it prints and shows goes out as JSON, and so does what ends it.

It needs nothing of Pyodide, so that tests run it in ordinary Python, too.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import io
import json
import linecache
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable
from itertools import groupby
from typing import Any

NAME = "program.py"
MOST_POINTS = 20_000  # of the charts that wait
HELD = 200_000  # characters that wait for their turn; what is printed faster than it can be shown loses its beginning
BURST, EACH = 40, 0.05  # so many messages may go out at once; later ones so many seconds apart


class Output:
    """What the program prints and shows, in pieces as large as the page can take: a program may print millions of lines."""

    def __init__(self, post: Callable[[dict[str, Any]], None]) -> None:
        self.post = post
        self.turns, self.since = float(BURST), time.monotonic()
        self._begin()

    def _begin(self) -> None:
        self.parts: list[tuple[str, str]] = []  # stream and text
        self.size = self.dropped = 0  # characters that wait; lines that were let go
        self.points: list[dict[str, Any]] = []
        self.pictures: dict[tuple[str, str], dict[str, Any]] = {}  # the newest of each title

    def write(self, stream: str, text: str) -> None:
        if len(text) > HELD:
            self.dropped += text[:-HELD].count("\n") + 1
            text = text[-HELD:]
        self.parts.append((stream, text))
        self.size += len(text)
        if self.size > 2 * HELD:
            self._let_go()
        self._flush_in_turn()

    def show(self, name: str, data: dict[str, Any]) -> None:
        if name == "plot":
            self.points.append(data)
            if len(self.points) > MOST_POINTS:
                del self.points[::2]
        else:
            self.pictures.pop((name, data["title"]), None)
            self.pictures[name, data["title"]] = data
        self._flush_in_turn()

    def _let_go(self) -> None:
        """The oldest text goes."""
        first = 0
        while self.size > HELD and first < len(self.parts) - 1:
            text = self.parts[first][1]
            self.dropped += text.count("\n")
            self.size -= len(text)
            first += 1
        del self.parts[:first]

    def _flush_in_turn(self) -> None:
        now = time.monotonic()
        self.turns, self.since = min(BURST, self.turns + (now - self.since) / EACH), now
        if self.turns >= 1:
            self.turns -= 1
            self.flush()

    def flush(self) -> None:
        if not (self.parts or self.dropped or self.points or self.pictures):
            return
        joined = [(stream, "".join(text for _, text in some)) for stream, some in groupby(self.parts, key=lambda part: part[0])]
        pictures = [(name, data) for (name, _), data in self.pictures.items()]
        self.post({"kind": "output", "parts": joined, "dropped": self.dropped, "points": self.points, "pictures": pictures})
        self._begin()


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the program."""

    def __init__(self, output: Output, stream: str) -> None:
        self.output, self.stream = output, stream
        self.part = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.part += text
        if "\n" in text or "\r" in text or len(self.part) > 1000:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self.part:
            part, self.part = self.part, ""
            self.output.write(self.stream, part)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"


class _ShowGraphs(ast.NodeTransformer):
    """A statement that is only an expression shows the graph that it gives, as the last line of a notebook's cell does."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Call):
            shown = ast.Call(ast.Name(SHOW, ast.Load()), [node.value], [])
            node = ast.copy_location(ast.Expr(shown), node)
            ast.fix_missing_locations(node)
        return node


SHOW = "__show_graph__"


def _no_input(prompt: Any = "") -> str:
    raise RuntimeError("input() cannot ask anything in this page: write the value into the program")


def run(source: str, send: Callable[[str], None]) -> None:
    """Run a program; ``send`` gets messages in JSON, the last one of the kind "done"."""

    def post(message: dict[str, Any]) -> None:
        send(json.dumps(message, allow_nan=False))

    output = Output(post)
    streams = Stream(output, "out"), Stream(output, "err")

    def flush() -> None:
        for stream in streams:
            stream.flush()
        output.flush()

    def listen(name: str, data: dict[str, Any]) -> None:
        for stream in streams:
            stream.flush()
        output.show(name, data)

    begin = time.perf_counter()
    result: dict[str, Any] = {"kind": "done"}
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            _execute(source, listen)
        except SystemExit as end:
            if end.code not in (None, 0):
                result["error"] = {"text": f"The program ended by itself: {end.code}", "line": None}
        except KeyboardInterrupt:
            result["stopped"] = True
        except BaseException as error:  # whatever a program may raise
            result["error"] = explain(error)
    flush()
    result["seconds"] = time.perf_counter() - begin
    post(result)


def _execute(source: str, listen: Callable[[str, dict[str, Any]], None]) -> None:
    from tinygrad_fm.viz import Graph, live

    def show_graph(value: Any) -> None:
        if isinstance(value, Graph):
            live.show(value)

    source = source.removeprefix("\ufeff")  # which editors put before a program
    linecache.cache[NAME] = (len(source), None, source.splitlines(keepends=True), NAME)
    tree = _ShowGraphs().visit(ast.parse(source, NAME))
    main = types.ModuleType("__main__")
    main.__dict__.update({SHOW: show_graph, "input": _no_input, "__file__": NAME})
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        with live.listener(listen), warnings.catch_warnings(), _settings():
            warnings.simplefilter("default")
            exec(compile(tree, NAME, "exec"), main.__dict__)
    finally:
        sys.modules["__main__"] = before
        main.__dict__.clear()  # so that what it made can go, although it refers to itself
        gc.collect()


@contextlib.contextmanager
def _settings() -> Any:
    """What a program may have set for the whole process does not reach the next one."""
    import numpy as np

    import tinygrad_fm as torch

    errors, printing, names = np.geterr(), np.get_printoptions(), dict(vars(builtins))
    torch.seed()
    np.random.seed(None)
    try:
        yield
    finally:
        vars(builtins).update(names)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.autograd.set_detect_anomaly(False)
        torch.set_printoptions(profile="default")
        np.seterr(**errors)
        np.set_printoptions(**printing)


def explain(error: BaseException) -> dict[str, Any]:
    """An error as Python prints it, but with the user's own lines only, and the line where it happened."""
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    return {"text": "".join(_own_lines(told)).rstrip(), "line": _line(error), "type": type(error).__name__}


def _line(error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == NAME:
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == NAME]
    if lines:
        return lines[-1]
    cause = error.__cause__ or error.__context__
    return _line(cause) if cause is not None else None


def _own_lines(told: traceback.TracebackException) -> list[str]:
    pending: list[Any] = [told]
    while pending:
        part = pending.pop()
        if part is None:
            continue
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if frame.filename == NAME])
        pending += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
    return list(told.format())
