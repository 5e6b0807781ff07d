"""What the public docstrings lack: a text, an example, the errors that the code raises: ``python -m docs.site.lacking``."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap

from . import reference


def says_nothing(entry: reference.Entry) -> bool:
    return callable(entry.value) and (not entry.doc or entry.doc.endswith("(a primitive)."))


def silent_errors(entry: reference.Entry) -> list[str]:
    """The exceptions that the code of a function or class raises by name, of which its docstring says nothing."""
    value = inspect.unwrap(entry.value)
    if not (inspect.isfunction(value) or isinstance(value, type)) or hasattr(value, "primitive"):
        return []
    value = vars(value).get("__init__") if isinstance(value, type) else value
    if not inspect.isfunction(value) or value.__code__.co_filename.startswith("<"):  # a dataclass's __init__ has no text
        return []
    raised = {
        node.exc.func.id
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(value))))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    return sorted(name for name in raised if name not in entry.doc)


def lacks(entry: reference.Entry) -> list[str]:
    """What the docstring of a public name lacks."""
    found = ["a text"] if says_nothing(entry) else []
    found += [] if ">>>" in entry.doc else ["an example"]
    return found + [f"Raises {name}" for name in silent_errors(entry)]


def own() -> list[reference.Entry]:
    """One entry for each thing that can be called, whatever names it has."""
    everything = [entry for listed in reference.entries().values() for entry in listed if callable(entry.value)]
    return list({id(entry.value): entry for entry in everything}.values())


def main() -> None:
    """Print what is missing."""
    entries = own()
    found = {entry.full: lacks(entry) for entry in entries if lacks(entry)}
    print(f"{len(entries)} public things, of which {len(found)} lack something")
    for name, what in found.items():
        print(f"{name}: {', '.join(what)}")


if __name__ == "__main__":
    sys.exit(main())
