"""A model typed as a Python expression: read as a tree, of which only some kinds of nodes mean anything, and never evaluated.

>>> model = read("nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))").build()
>>> model[1].in_features
784
>>> read("nn.Sequential(nn.Flaten())")
Traceback (most recent call last):
  ...
apps.app_logic.typed_model.ExpressionError: there is no module nn.Flaten; did you mean Flatten?
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

import models
from tinygrad_fm import nn

MOST_LETTERS = 20_000
_MOST_NUMBER = 10**9
_TOO_DEEP = "it is nested too deeply"
_MODULES = {
    name: getattr(nn, name)
    for name in nn.__all__
    if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module) and name != "DataParallel"
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}
#: What a model that was typed or chosen may raise, when it is built or run
MODEL_ERRORS = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError, AttributeError)


class ExpressionError(ValueError):
    """What was typed is no model.

    Args:
        message: why.
        text: what was typed.
        node: the part of it that is to blame; or its line, from 1, and column, from 0.
    """

    def __init__(self, message: str, text: str, node: ast.expr | tuple[int, int]) -> None:
        super().__init__(message)
        lines = text.split("\n")
        if isinstance(node, tuple):
            line, start, end = *node, node[1] + 1
        else:
            line, written = node.lineno, lines[node.lineno - 1].encode()
            start = len(written[: node.col_offset].decode())  # Python counts bytes
            ends_here = node.end_lineno == node.lineno and node.end_col_offset is not None
            end = len((written[: node.end_col_offset] if ends_here else written).decode())
        self.line, self.start, self.end = line, start, max(end, start + 1)
        self._written = lines[line - 1] if line <= len(lines) else ""

    def marked(self, width: int = 72) -> str:
        """The line, and below it marks under the part that is to blame."""
        begin = max(0, self.start - width // 2) if len(self._written) > width else 0
        shown = self._written[begin : begin + width].replace("\t", " ")
        marks = " " * (self.start - begin) + "^" * max(1, min(self.end - begin, len(shown)) - (self.start - begin))
        return f"{shown}\n{marks}"


class Expression:
    """A model as it was typed, checked but not made yet."""

    def __init__(self, text: str, root: ast.expr) -> None:
        self.text, self._root = text, root
        self._nodes: dict[int, ast.expr] = {}

    def build(self) -> nn.Module:
        """Make the model. Raises ExpressionError if a module refuses its arguments."""
        self._nodes.clear()
        try:
            model: nn.Module = self._value(self._root)
        except RecursionError as error:
            raise ExpressionError(_TOO_DEEP, self.text, self._root) from error
        return model

    def blame(self, module: nn.Module | None, error: Exception) -> ExpressionError:
        """An error that was raised in ``module`` of the model when it was run, at the place where that was typed."""
        return ExpressionError(str(error) or type(error).__name__, self.text, self._nodes.get(id(module), self._root))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=elements):
                return [self._value(element) for element in elements]
            case ast.Tuple(elts=elements):
                return tuple(self._value(element) for element in elements)
            case ast.Dict(keys=keys, values=values):
                return {self._value(k): self._value(v) for k, v in zip(keys, values, strict=True) if k is not None}
            case ast.UnaryOp(op=sign, operand=operand):
                return -self._number(operand) if isinstance(sign, ast.USub) else +self._number(operand)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._arithmetic(node, _ARITHMETIC[type(sign)], self._number(left), self._number(right))
            case ast.Call():
                return self._called(node)
        raise AssertionError("read() lets nothing else through")

    def _number(self, node: ast.expr) -> Any:
        value = self._value(node)
        if type(value) not in (int, float):
            raise ExpressionError("only numbers can be calculated with", self.text, node)
        return value

    def _arithmetic(self, node: ast.expr, operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
        try:
            value = operation(a, b)
        except ArithmeticError as error:
            raise ExpressionError(str(error), self.text, node) from error
        if not abs(value) <= _MOST_NUMBER:
            raise ExpressionError(f"numbers may be as large as {_MOST_NUMBER:,}", self.text, node)
        return value

    def _called(self, node: ast.Call) -> nn.Module:
        args: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                args += self._value(argument.value)
            else:
                args.append(self._value(argument))
        options = {str(keyword.arg): self._value(keyword.value) for keyword in node.keywords}
        name = _dotted(node.func) or ""
        try:
            if name.rpartition(".")[2] in _MODULES:
                module = _MODULES[name.rpartition(".")[2]](*args, **options)
            elif args:
                raise TypeError(f"give the options of {name} by their names")
            else:
                module = models.build(name, **options)
        except MODEL_ERRORS as error:
            message = re.sub(r"^\w+\.__init__\(\)", name, str(error))
            raise ExpressionError(message if name in message else f"{name}: {message}", self.text, node) from error
        self._nodes[id(module)] = node
        return module


def read(text: str) -> Expression:
    """Read a model of ``nn``'s modules, or one of the project's by its name, such as ``resnet(depth=20)``.

    Arguments may be numbers (+ - * / // between them), texts, True, False, None, lists, tuples, dicts and modules.

    Raises ExpressionError for anything else.
    """
    if len(text) > MOST_LETTERS:
        raise ExpressionError(f"a model may have {MOST_LETTERS:,} letters, these are {len(text):,}", text[:80], (1, 0))
    text = text.strip().replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise ExpressionError("type a model, such as nn.Sequential(nn.Flatten(), nn.Linear(784, 10))", text, (1, 0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd is not allowed here anyway
            root = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        place = (error.lineno or 1, max((error.offset or 1) - 1, 0))
        raise ExpressionError(f"this is no Python expression: {error.msg}", text, place) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(
            f"this is no Python expression: {error if isinstance(error, ValueError) else _TOO_DEEP}", text, (1, 0)
        ) from error
    if not isinstance(root, ast.Call):
        raise ExpressionError("a model is a module with its arguments in parentheses, such as nn.Linear(784, 10)", text, root)
    try:
        _check(root, text)
    except RecursionError as error:
        raise ExpressionError(_TOO_DEEP, text, root) from error
    return Expression(text, root)


def _check(node: ast.expr, text: str) -> None:
    """Raise ExpressionError if there is anything in it that means nothing here."""
    match node:
        case ast.Constant(value=constant):
            if not (constant is None or isinstance(constant, (int, float, str))):
                raise ExpressionError(f"{type(constant).__name__} is of no use here", text, node)
            if isinstance(constant, (int, float)) and not abs(constant) <= _MOST_NUMBER:
                raise ExpressionError(f"numbers may be as large as {_MOST_NUMBER:,}", text, node)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            for part in parts:
                _check(part, text)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if not (isinstance(key, ast.Constant) and type(key.value) is str):
                    raise ExpressionError("the keys of a dict must be texts", text, key or value)
                _check(value, text)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, text)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            _check(left, text)
            _check(right, text)
        case ast.Call():
            _check_call(node, text)
        case _:
            what = _dotted(node) or "this"
            raise ExpressionError(
                f"{what} means nothing here: arguments are numbers, texts, True, False, None, lists, tuples, dicts and modules",
                text,
                node,
            )


def _check_call(node: ast.Call, text: str) -> None:
    name = _dotted(node.func)
    if name is None:
        raise ExpressionError("only modules can be called, such as nn.Linear", text, node.func)
    short = re.sub(r"^(torch\.)?nn\.", "", name)
    is_model = re.fullmatch(r"([a-z]+)\d{0,3}", name)
    if short not in _MODULES and not (is_model and is_model[1] in models.MODELS):
        close = difflib.get_close_matches(short, [*_MODULES, *models.MODELS], 1)
        raise ExpressionError(
            f"there is no module {name}" + (f"; did you mean {close[0]}?" if close else ": the modules of nn can stand here"),
            text,
            node.func,
        )
    for argument in node.args:
        unpacked = isinstance(argument, ast.Starred) and isinstance(argument.value, (ast.List, ast.Tuple))
        _check(argument.value if unpacked else argument, text)  # type: ignore[attr-defined]
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ExpressionError("give options by their names", text, keyword.value)
        _check(keyword.value, text)


def _dotted(node: ast.expr) -> str | None:
    """``torch.nn.Linear`` of such a node; None of any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)) is not None:
        return f"{before}.{node.attr}"
    return None
