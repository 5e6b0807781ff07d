"""A student's file: what it may say, what is still unfinished in it, and how its functions are called.

It is read before it is run: anything that the exercises do not need is refused by name (imports other than NumPy, underscores,
``getattr``, methods of tensors). And it is watched while it runs: a call into the library, by whatever way, ends it.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import gc
import inspect
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_fm

from .exercise import Wrong
from .recording import NUMPY, NUMPY_NAMES, is_recorded

LIBRARY = str(Path(tinygrad_fm.__file__).parent)
LONGEST = 100_000  # characters of a file
PRINTS = 1_000  # calls of print, and characters of what is printed

_BUILTINS = """
    abs all any bool dict enumerate float int isinstance len list map max min object print range reversed round set slice
    sorted sum super tuple zip True False None Exception IndexError KeyError RuntimeError TypeError ValueError
"""
BUILTINS = frozenset(_BUILTINS.split())
_OF_ARRAYS = "T mean ndim reshape shape sum swapaxes"  # and of Tensors
_OF_CONTAINERS = "add append clear extend get insert items keys pop remove reverse sort update values"
ATTRIBUTES = frozenset(f"{_OF_ARRAYS} {_OF_CONTAINERS}".split())
INSTEAD = {  # of methods of arrays, where it is not NumPy's function of the same name
    "astype": "a comparison may be multiplied as it is, and np.where(x > 0, 1.0, 0.0) makes numbers of it",
    "dot": "write a @ b",
    "flatten": "write x.reshape(-1)",
    "item": "a rule works on whole arrays",
    "ravel": "write x.reshape(-1)",
    "transpose": "write x.T, or np.transpose(x, axes)",
}
_REFUSED: tuple[type[ast.AST], ...] = (
    *(ast.Try, ast.With, ast.Global, ast.Nonlocal, ast.AsyncFunctionDef, ast.Await, ast.Delete),
    ast.Match,  # whose patterns read attributes: case object(__globals__=names)
)
if hasattr(ast, "TryStar"):
    _REFUSED = (*_REFUSED, ast.TryStar)
# names that a file does not make its own by setting them: after `self.__globals__ = 1` every function would show its own
_KINDS = (
    *(object, type, str, BaseException, np.ndarray, tinygrad_fm.Tensor, types.FunctionType, types.MethodType, types.ModuleType),
    *(types.GeneratorType, types.FrameType, types.CodeType, types.TracebackType),
)
_TAKEN = frozenset(name for kind in _KINDS for name in dir(kind))


class StudentError(Exception):
    """Something is wrong in the student's file: at which line, and what."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.hints: list[str] = []

    def add_hint(self, hint: str) -> None:
        self.hints.append(hint)


class NotAllowed(StudentError):
    """The file uses what the exercise says it may not."""


class Caught(BaseException):
    """The library was called for the answer. (No Exception, so that the student's code cannot catch it.)"""


class NotStarted(Exception):
    """A function gives back ``...``."""


# -- reading -----------------------------------------------------------------------------------------------------------


def _is_gap(node: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _has_gap(function: ast.FunctionDef) -> bool:
    """Whether ``...`` stands where a value belongs, or for the whole function."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return not body or any(
        _is_gap(getattr(node, "value", None)) for node in ast.walk(function) if not isinstance(node, ast.Expr)
    )


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


class _Reader(ast.NodeVisitor):
    """Raises :class:`NotAllowed` at the first thing that an exercise does not need."""

    def __init__(self, tree: ast.Module, attributes: frozenset[str], imports: frozenset[str], everything: bool) -> None:
        self.attributes, self.imports, self.everything = attributes, imports, everything
        self.modules: dict[str, str] = {}
        self.own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.own |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        self.own |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        # attributes that the file itself sets, self.x = 1, and the methods of its classes
        own = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
        own |= {n.name for c in classes for n in c.body if isinstance(n, ast.FunctionDef)}
        self.own_attributes, self.taken = own - _TAKEN, own & _TAKEN

    def refuse(self, node: Any, what: str, instead: str = "") -> None:
        raise NotAllowed(f"{what} is not allowed here{instead}", getattr(node, "lineno", 0))

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, _REFUSED) and not (self.everything and isinstance(node, ast.With)):
            name = type(node).__name__.removesuffix("Star").removeprefix("Async").removesuffix("FunctionDef").lower()
            self.refuse(node, f"`{name or 'async'}`", ": no exercise needs it")
        super().visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in self.imports:
                self.refuse(
                    node, f"import {alias.name}", f": this exercise is solved with {' and '.join(sorted(self.imports))}"
                )
            self.modules[(alias.asname or alias.name).partition(".")[0]] = alias.name
            self.own.add((alias.asname or alias.name).partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        name = "." * node.level + (node.module or "")
        if name not in self.imports or node.level or name in ("numpy", "math"):
            instead = ": write `import numpy as np` and np.exp" if name == "numpy" else ""
            self.refuse(
                node, f"from {name} import", instead or f": this exercise is solved with {' and '.join(sorted(self.imports))}"
            )
        self.own |= {alias.asname or alias.name for alias in node.names}

    def visit_Name(self, node: ast.Name) -> None:
        if node.id.startswith("__") and node.id != "__name__":
            self.refuse(node, f"the name {node.id}")
        if node.id not in self.own and node.id not in BUILTINS and hasattr(builtins, node.id):
            self.refuse(node, f"{node.id}()")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name.startswith("__") and node.name != "__init__":
            self.refuse(node, f"the method {node.name}")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        name = node.attr
        root = next(n for n in ast.walk(node) if not isinstance(n, ast.Attribute))
        if isinstance(node.ctx, ast.Store) and isinstance(root, ast.Name) and root.id in self.modules:
            self.refuse(node, f"changing {ast.unparse(node)}")
        if name.startswith("_") and name not in self.own_attributes | {"__init__"}:
            self.refuse(node, f"the attribute .{name}")
        module = self.modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if module == "numpy":
            if name not in NUMPY_NAMES:
                self.refuse(node, f"np.{name}", _suggest(name, NUMPY_NAMES) or ": docs/exercises.md lists what is")
        elif isinstance(node.value, ast.Name) and node.value.id == "np" and "np" not in self.own:
            self.refuse(node, f"np.{name}", " yet: write `import numpy as np` at the top")
        elif module is None and not self.everything and name not in self.attributes | self.own_attributes:
            numpy = "" if "np" in self.own else ", and `import numpy as np` at the top"
            instead = f": write np.{name}(x){numpy}" if name in NUMPY_NAMES else _suggest(name, self.attributes)
            instead = f": {INSTEAD[name]}" if name in INSTEAD else instead
            instead = ": Python, NumPy or the library has one of this name" if name in self.taken else instead
            self.refuse(node, f"the attribute .{name}", instead)


def _parse(source: str) -> ast.Module:
    if len(source) > LONGEST:
        raise StudentError(f"the file has {len(source):,} characters; an exercise has some hundred")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise StudentError(f"{type(error).__name__}: {error.msg}", error.lineno or 0) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise StudentError(f"the file is no Python: {str(error) or type(error).__name__}") from None


# -- running -----------------------------------------------------------------------------------------------------------


def _importer(imports: frozenset[str]) -> Callable[..., Any]:
    """What ``import`` does in a student's file: NumPy is the part of it that the exercises need."""

    def guarded(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if name == "numpy":
            return NUMPY
        # NumPy's own code imports parts of it when they are first used, and by the importer of whoever called it
        if level or (name not in imports and not name.startswith("numpy.")):
            raise NotAllowed(f"import {name} is not allowed here")
        return builtins.__import__(name, globals, locals, fromlist, level)

    return guarded


def _printer() -> Callable[..., None]:
    """A ``print`` that falls silent after a while: in a loop without an end it would fill the memory."""
    left = PRINTS

    def limited(*values: Any, sep: str = " ", end: str = "\n") -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            print(*(str(value)[:PRINTS].replace("\0", "") for value in values), sep=sep, end=end)

    return limited


def sentence(error: Exception) -> str:
    """What an exception of a student's code says, in a line."""
    if isinstance(error, RecursionError):
        return "the function calls itself too deeply (RecursionError): use a loop"
    if isinstance(error, MemoryError):
        return "the memory is full (MemoryError): something grows without end"
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class Student:
    """A student's file, read and run.

    Attributes:
        unfinished: the functions in which ``...`` stands.
        functions: what the file defines.
    """

    def __init__(
        self,
        source: str,
        name: str,
        attributes: frozenset[str] = frozenset(),
        imports: frozenset[str] = frozenset({"numpy", "math"}),
        everything: bool = False,
    ) -> None:
        self.source, self.name = source, name
        self.filename = f"<student's {name}>"
        self.lines = source.splitlines()
        tree = _parse(source)
        self.tree = tree
        self.unfinished = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and _has_gap(n)}
        _Reader(tree, ATTRIBUTES | attributes, imports, everything).visit(tree)
        allowed = {n: getattr(builtins, n) for n in BUILTINS if hasattr(builtins, n)}
        allowed["print"] = _printer()
        allowed |= {"__build_class__": builtins.__build_class__, "__import__": _importer(imports)}
        self.functions: dict[str, Any] = {"__builtins__": allowed, "__name__": name}
        self.library = everything  # whether the library may be called
        with self._errors():
            code = compile(tree, self.filename, "exec")
            with watched(self.filename, self.library):
                exec(code, self.functions)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Exceptions of the student's code become a sentence with their line."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (NotStarted, StudentError, Wrong):
            raise
        except Caught as error:
            raise NotAllowed(str(error), self.line_of(error)) from None
        except Exception as error:
            raise StudentError(sentence(error), self.line_of(error)) from None

    def line_of(self, error: BaseException) -> int:
        """The last line of the student's that an exception passed."""
        trace, line = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def where(self, error: StudentError) -> str:
        """``line 12 of 02_product.py:  return g * c`` of an error."""
        if not error.line:
            return self.name
        text = self.lines[error.line - 1].strip() if error.line <= len(self.lines) else ""
        return f"line {error.line} of {self.name}:  {text}"

    def check_signature(self, signature: str) -> Callable[..., Any]:
        """The function, if its arguments are still those of ``signature``: "multiply_a(g, a, b)"."""
        name, _, rest = signature.partition("(")
        function = self.functions.get(name)
        if not isinstance(function, (types.FunctionType, type)):
            raise StudentError(f"there is no function {signature} any more; it must keep its name and arguments")
        if isinstance(function, types.FunctionType):
            parameters = ", ".join(inspect.signature(function).parameters)
            if parameters != rest.rstrip(")"):
                line = function.__code__.co_firstlineno
                raise StudentError(f"{name}({parameters}) must keep its arguments: {signature}", line)
        return function

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the file's under watch."""
        with self._errors(), watched(self.filename, self.library):
            result = function(*args)
        if result is ...:
            raise NotStarted
        return result


@contextmanager
def watched(filename: str, library: bool = False) -> Iterator[None]:
    """Raise :class:`Caught` if what runs in here calls the library.

    On arrays nothing of it has a reason to run. On Tensors its operators do, but never its backward pass.
    """
    if library:
        yield
        return
    recorded = is_recorded()
    forbidden = str(Path(LIBRARY) / "autograd" / "backward_pass") if recorded else LIBRARY
    others = ("torch", "jax", "autograd", "tensorflow", "dezero", "mygrad")

    def look(frame: Any, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_filename.startswith(forbidden) or str(frame.f_globals.get("__name__")).partition(".")[0] in others:
            raise Caught(
                f"the answer was computed by a library ({Path(code.co_filename).stem}.{code.co_name}); write the formula"
            )

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()  # what is collected may call the library
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
