"""README, CONTRIBUTING, and docs/, examples/ and notebooks/ are true: their code runs, and their commands are accepted.

A fenced block says what it is:

- ``python``: the blocks of a page run one after the other, as one program. A comment behind an expression or a ``print`` that
  begins like a value is compared with what comes out; one that begins with an exception's name says that the line raises it,
  and its message. What else a block prints is compared with a ``text`` block right behind it, numbers to 2 %. With
  ``needs-pytorch`` or ``needs-onnx`` behind it the block runs only where that is installed; with ``needs-mpi`` it is run by
  tests/extras/mpi, in several processes.
- ``sh``, and in ``console`` the lines after ``$``: the command's arguments are parsed by the command itself; nothing is run.
- ``text`` and ``diff``: shown, not run.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import contextlib
import importlib.util
import io
import re
import runpy
import shlex
import sys
import tokenize
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_fm
from tests.training.conftest import small, trainer_of
from tinygrad_fm.__main__ import EXTRAS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("notebooks/*.md"),
        *ROOT.glob("exercises/*.md"),
    ]
)
LANGUAGES = {"python", "sh", "console", "text", "diff"}
NEEDS = {"needs-pytorch": ["torch"], "needs-onnx": ["onnx", "onnxruntime"]}  # packages that are not everywhere
ELSEWHERE = {"graphs.md"}  # whose pictures tests/viz/test_gallery.py makes by running it


class Block(NamedTuple):
    """A fenced block: the language and what else its first line says, its text, and the line of the page it begins at."""

    language: str
    extra: str
    text: str
    line: int
    output: str = ""  # the text block right behind it


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = re.finditer(r"^```(\w*) ?([^\n]*)\n(.*?)^```$(?=(?:\s*^```text\n(.*?)^```$)?)", text, re.M | re.S)
    return [Block(m[1], m[2], m[3], text[: m.start(3)].count("\n") + 1, m[4] or "") for m in found]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


# ---- Python


def comments_of(code: str) -> dict[int, str]:
    """The comments by line. Lines that hold nothing else belong to the last one behind code."""
    found: dict[int, str] = {}
    last = before = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, text = token.start[0], token.string.lstrip("# ")
        if token.line.lstrip().startswith("#") and before == line - 1 and last:
            found[last] += " " + text
        else:
            last = line if not token.line.lstrip().startswith("#") else line - 1  # below a statement
            found[last] = text
        before = line
    return found


def squeezed(text: str) -> str:
    return "".join(text.split())


def error_of(comment: str) -> tuple[type[BaseException], str] | None:
    """The exception and the message that a comment announces, if it does."""
    announced = re.match(r"(\w+(?:Error|Exception|Warning))\b:? ?(.*)", comment)
    if announced is None:
        return None
    kind = getattr(builtins, announced[1], None) or getattr(tinygrad_fm.errors, announced[1], None)
    assert kind is not None, f"there is no exception {announced[1]}"
    return kind, announced[2]


def check_value(comment: str, value: Any, printed: str) -> None:
    """What came out is what the comment says, if it says a value; words may follow it."""
    shown = squeezed(printed or repr(value))
    if re.match(r"tensor\(|array\(|-?\d|True\b|False\b|None\b|['\"\[({]", comment):
        assert squeezed(comment).startswith(shown), f"shown is {printed or repr(value)}, the page says {comment}"


def check_output(printed: str, expected: str) -> None:
    """The words are the same, and the numbers nearly: processors round differently."""
    number = r"-?\d+\.?\d*(?:e-?\d+)?"
    assert re.sub(number, "0", printed).split() == re.sub(number, "0", expected).split()
    values = ([float(x) for x in re.findall(number, text)] for text in (printed, expected))
    np.testing.assert_allclose(*values, rtol=0.02)


def run_block(block: Block, names: dict[str, Any], page: str) -> None:
    """Run a block's statements, and hold what comes out to the comments behind them and to the text below it."""
    comments = comments_of(block.text)
    printed = ""
    for statement in ast.parse(block.text).body:
        comment = comments.get(statement.end_lineno or 0, "")
        announced = error_of(comment)
        ast.increment_lineno(statement, block.line - 1)  # so that a traceback names the line of the page
        output, value = io.StringIO(), None
        with contextlib.redirect_stdout(output):
            raises: Any = pytest.raises(announced[0]) if announced else contextlib.nullcontext()
            with raises as caught:
                if isinstance(statement, ast.Expr):
                    value = eval(compile(ast.Expression(statement.value), page, "eval"), names)
                else:
                    exec(compile(ast.Module([statement], []), page, "exec"), names)
        if announced:
            assert squeezed(str(caught.value)).startswith(squeezed(announced[1])), f"{page} says otherwise: {caught.value}"
        elif isinstance(statement, ast.Expr):
            check_value(comment, value, output.getvalue())
        if not comment:
            printed += output.getvalue()
    if block.output and printed:
        check_output(printed, block.output)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run a page in: there is a finished run in runs/mlp, and nothing is read or left elsewhere."""
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks_of(page.read_text(encoding="utf-8")) if block.language == "python"]


@pytest.mark.parametrize("page", [p for p in PAGES if python_blocks(p) and p.name not in ELSEWHERE], ids=name_of)
def test_the_code_of_a_page_runs(page: Path, workplace: Path) -> None:
    blocks = python_blocks(page)
    if any("runs/mlp" in block.text for block in blocks):
        trainer_of(small(epochs=1), workplace / "runs" / "mlp").fit()
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        if not block.extra or (block.extra in NEEDS and all(map(importlib.util.find_spec, NEEDS[block.extra]))):
            run_block(block, names, name_of(page))


# ---- commands


class Parsed(BaseException):
    """The arguments were understood; thrown in place of what the command would do with them."""


def commands_of(block: Block) -> list[str]:
    """The command lines of a block."""
    if block.language == "sh":
        return [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")] if block.language == "console" else []


def single_commands(line: str) -> list[list[str]]:
    """The words of each of the commands that ``&&`` and ``;`` join, without comments, variables set and redirections."""
    words = shlex.split(line, comments=True)
    found: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", ";", "|"):
            found.append([])
        elif found[-1] or not re.match(r"\w+=", word):
            found[-1].append(word)
    return [command[: command.index(">")] if ">" in command else command for command in found if command]


def check_python(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``python arguments``: the program parses its arguments, and goes no further."""
    name, rest = (arguments[1], arguments[2:]) if arguments[0] == "-m" else (arguments[0], arguments[1:])
    if name in ("pip", "venv", "pytest"):
        check_tool(name, rest)
        return
    if name.startswith("tests."):  # which writes pages anew
        assert (ROOT / f"{name.replace('.', '/')}.py").exists()
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_only(self: argparse.ArgumentParser, given: Any = None, namespace: Any = None) -> Any:
        raise Parsed(parse(self, given, namespace))

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
        patch.setattr(sys, "argv", [name, *rest])
        try:
            if arguments[0] == "-m":
                patch.delitem(sys.modules, f"{name}.__main__", raising=False)  # else runpy warns
                runpy.run_module(name, run_name="__main__", alter_sys=False)
            else:
                runpy.run_path(str(ROOT / name), run_name="__main__")
        except Parsed:
            pass
        except SystemExit as end:
            assert not end.code, f"python {shlex.join(arguments)}: code {end.code}"


def check_tool(name: str, arguments: list[str]) -> None:
    """pip's extras are there, and so are the files and sessions that pytest and nox are given."""
    for word in arguments:
        extras = re.fullmatch(r"(?:\.|tinygrad_fm)\[([\w,]+)\]", word)
        if name == "pip" and extras:
            assert set(extras[1].split(",")) <= EXTRAS.keys()
        if name == "pytest" and word.startswith(("tests", "tinygrad_fm")):
            assert (ROOT / word.partition("::")[0]).exists(), f"there is no {word}"
    if name == "nox":
        sessions = re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.M)
        assert {word for word in arguments if not word.startswith("-")} <= set(sessions)


def all_commands() -> list[tuple[str, str]]:
    """(page, command line) of the blocks, and of the tables whose first column is a command."""
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in blocks_of(text) for line in commands_of(block)]
        lines += re.findall(r"^\| `((?:python|nox|ruff|mypy|\.ci/run)\b[^`]*)` \|", text, re.M)
        found |= {(name_of(page), line) for line in lines}
    return sorted(found)


@pytest.mark.parametrize(("page", "line"), all_commands())
def test_the_commands_of_a_page_are_accepted(page: str, line: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program, *arguments in single_commands(line):
        if program == "mpiexec":
            count, program, *arguments = arguments[1:] if arguments[0] == "-n" else ["", *arguments]  # noqa: PLW2901
            assert count.isdigit(), f"mpiexec -n N python …, not {line}"
        if program in ("python", "python3"):
            check_python(arguments, monkeypatch)
        else:
            assert program in {"git", "cd", ".", "nox", "ruff", "mypy", "pre-commit", ".ci/run", "dot"}, f"what is {program}?"
            check_tool(program, arguments)


# ---- the form of the pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert {block.language for block in blocks_of(text)} <= LANGUAGES
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    assert not re.search(r"\n\n    \S", outside), "a block by indentation: fence it, and say what it is"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        target, _, heading = (link[0] or link[1]).partition("#")
        if target.startswith("http"):
            continue
        other = page.parent / target if target else page
        assert other.exists(), f"{target} is not there"
        if heading:
            headings = re.findall(r"^#+ (.*)$", other.read_text(encoding="utf-8"), re.M)
            assert heading in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    """A file of Python in backticks is in the project, in the package or beside the page."""
    for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8")):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "tinygrad_fm", page.parent)), f"there is no {name}"


# ---- this file itself


def test_the_readmes_program_is_pytorchs_with_other_imports() -> None:
    pytest.importorskip("torch")
    model, training, imports = python_blocks(ROOT / "README.md")[:3]
    ours = re.findall(r"^(?:import|from) .*tinygrad_fm.*$", model.text, re.M)
    theirs = imports.text.splitlines()
    assert [line.replace("tinygrad_fm as torch", "torch").replace("tinygrad_fm", "torch") for line in ours] == theirs
    program = model.text
    for line, other in zip(ours, theirs, strict=True):
        program = program.replace(line, other)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(program + training.text, {"__name__": "__main__"})
    losses = [float(line.split()[-1]) for line in output.getvalue().splitlines()]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = torch.ones(2)\nx.sum()  # tensor(3.)", "shown is tensor\\(2\\.\\)"),
        ("print(torch.ones(2))  # tensor([1., 2.])", "the page says"),
        ("torch.ones(2)  # ValueError: no", "DID NOT RAISE"),
        ("torch.ones(2).view(3)  # RuntimeError: another message", "says otherwise"),
        ("torch.no_such_name", "no_such_name"),
    ],
)
def test_a_false_block_is_found(code: str, says: str) -> None:
    with pytest.raises((AssertionError, AttributeError, pytest.fail.Exception), match=says):
        run_block(Block("python", "", code, 1), {"torch": tinygrad_fm}, "page")


@pytest.mark.parametrize("line", ["python train_mlp.py --hiden 3", "python -m apps graph", "python -m examples unet"])
def test_a_false_command_is_found(line: str, monkeypatch: pytest.MonkeyPatch, workplace: Path) -> None:
    with pytest.raises(AssertionError, match="code 2"):
        check_python(single_commands(line)[0][1:], monkeypatch)
