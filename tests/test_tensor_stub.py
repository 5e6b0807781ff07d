"""``tensor_methods.pyi`` tells editors and type checkers of the methods that ``tensor_methods.py`` takes from the operations.

After a change to an operation or to a method, write it anew: ``python -m tests.test_tensor_stub``.
"""

from __future__ import annotations

import inspect
import re
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import tinygrad_fm as torch
from tinygrad_fm import tensor_methods
from tinygrad_fm.tensor_methods import Methods
from tinygrad_fm.torch_compat.left_out import TENSOR_METHODS

STUB = Path(tensor_methods.__file__).with_suffix(".pyi")
COMMAND = "python -m tests.test_tensor_stub"
HEAD = f'''"""Made of tensor_methods.py and ops by ``{COMMAND}``; a test holds it current."""

import builtins
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._tensor import Tensor
'''
# what returns a tensor or several, by its arguments
ONE_OR_SEVERAL = """adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d argwhere atleast_1d atleast_2d atleast_3d
    max max_pool1d max_pool2d max_pool3d median min nanmedian nonzero unique unique_consecutive where"""
NOT_ONE_TENSOR = {*ONE_OR_SEVERAL.split(), "stride", "type"} - {"where"}


def own_types(annotation: str, function: Any) -> dict[str, str]:
    """The types of this project that an annotation names, each with its module."""
    names = {name: function.__globals__.get(name) for name in re.findall(r"\w+", annotation)}
    return {
        name: kind.__module__
        for name, kind in names.items()
        if isinstance(kind, type) and name != "Tensor" and kind.__module__.startswith("tinygrad_fm.")
    }


def declared(name: str, function: Any, imports: dict[str, str]) -> str:
    """The declaration of one method; the types of this project that it needs are added to ``imports``."""
    signature = inspect.signature(function)
    returned = signature.return_annotation
    if returned == "Any" and name not in NOT_ONE_TENSOR:
        returned = "Tensor"
    if hasattr(function, "primitive"):
        rest = [Parameter(p, Parameter.POSITIONAL_ONLY, annotation="Any") for p in function.primitive.inputs[1:]]
    else:
        rest = list(signature.parameters.values())[1:]
    rest = [p.replace(annotation="Any") if p.kind is p.VAR_POSITIONAL else p for p in rest]  # sizes, or one tuple of them
    first = Parameter(
        "self", rest[0].kind if rest and rest[0].kind is Parameter.POSITIONAL_ONLY else Parameter.POSITIONAL_OR_KEYWORD
    )
    text = str(Signature([first, *rest], return_annotation=returned.replace("tuple[Any, ...]", "tuple[Tensor, ...]")))
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # the annotations are strings
    imports.update(own_types(text, function))
    text = re.sub(r"(?<=[ |,[])(int|float|bool|type)(?=[ |,)\]]|$)", r"builtins.\1", text)  # int() is a method here
    return f"    def {name}{text}:"


def body(doc: str | None) -> str:
    """The body of a declaration: the first line of a docstring, where there is one of its own."""
    first = (doc or "").strip().split("\n")[0].replace('"', "'").replace("\\", "\\\\")
    return f'\n        """{first}"""\n' if first and not first.endswith("(a primitive).") else " ...\n"


def operators() -> dict[str, str]:
    """What follows the name in the declaration of each of Tensor's operators that is an operation."""
    made = {
        name: function
        for name, function in vars(torch.Tensor).items()
        if re.fullmatch("__[a-z]+__", name) and inspect.isfunction(function) and not function.__qualname__.startswith("Tensor.")
    }
    unary, equality = {"__abs__", "__invert__", "__neg__"}, {"__eq__", "__ne__"}  # object's equality gives a bool
    return {
        name: f"(self{'' if name in unary else ', other: Any'}) -> Tensor: ..."
        + ("  # type: ignore[override]" if name in equality else "")
        for name in made
    }


def stub() -> str:
    """The text of the stub."""
    imports: dict[str, str] = {}
    lines = ["class Methods:\n"]
    for name, found in sorted(vars(Methods).items()):
        if name.startswith("_") or name in TENSOR_METHODS:
            continue
        if isinstance(found, property):
            lines.append(f"    @property\n{declared(name, found.fget, imports)}{body(found.__doc__)}")
        elif not callable(found):
            lines.append(f"    {name}: builtins.{type(found).__name__}\n")
        elif found.__qualname__.startswith("in_place"):
            op = getattr(tensor_methods.ops, name[:-1])
            lines.append(declared(name, op, imports) + body(f":meth:`{name[:-1]}`, written into this tensor."))
        else:
            lines.append(declared(name, found, imports) + body(found.__doc__))
    lines += [f"    def {name}{signature}\n" for name, signature in operators().items()]
    extra = [f"from .{module.removeprefix('tinygrad_fm.')} import {name}\n" for name, module in sorted(imports.items())]
    return HEAD + "".join(extra) + "\n" + "".join(lines)


def test_the_stub_is_current() -> None:
    assert STUB.read_text(encoding="utf-8") == stub(), f"run {COMMAND}"


def test_the_stub_has_every_method() -> None:
    named = set(re.findall(r"^    (?:def )?(\w+)", STUB.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for name in dir(torch.Tensor) if hasattr(Methods, name) and not name.startswith("_")} <= named


def test_operations_say_what_they_return() -> None:
    silent = {
        name
        for name, op in vars(tensor_methods.ops).items()
        if inspect.isfunction(op) and not hasattr(op, "primitive") and inspect.signature(op).return_annotation == "Any"
    }
    assert silent == set(ONE_OR_SEVERAL.split())


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
