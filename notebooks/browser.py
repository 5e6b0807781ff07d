"""The cells that run in the browser page of docs/try as well, and links that open them there.

A cell's tag ``try`` says that it needs nothing but the library and NumPy. Those below one heading make one program.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from pathlib import Path

from apps.try_folder import link

FOLDER = Path(__file__).resolve().parent
TAG = "try"
PAGE = "../docs/try/index.html"  # from a notebook
ABSENT = "matplotlib"  # from the page in the browser


def sections(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The cells of a notebook, a list for each heading of the second level and what comes before the first."""
    found: list[list[dict[str, Any]]] = [[]]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and "## " in [
            line[:3] for line in source_of(cell).splitlines()
        ]:
            found.append([])
        found[-1].append(cell)
    return found


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def is_tagged(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "code" and TAG in cell["metadata"].get("tags", ())


def with_its_value_printed(code: str) -> str:
    """A cell's code as a program has it: what a notebook shows of its last line is printed, but for a graph, which the page shows.

    >>> with_its_value_printed("x = 3\\nx + 1")
    'x = 3\\nprint(x + 1)'
    """
    last = ast.parse(code).body[-1]
    if not isinstance(last, ast.Expr) or (
        isinstance(last.value, ast.Call)
        and ast.unparse(last.value.func) in ("print", "torch.draw")
    ):
        return code
    lines = code.splitlines()
    shown = "\n".join(lines[last.lineno - 1 : last.end_lineno])
    return "\n".join([*lines[: last.lineno - 1], f"print({shown})"])


def imports_for(code: str, first: str) -> str:
    """The import lines of a notebook's first cell whose names the program uses."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    lines = []
    for node in ast.parse(first).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and ABSENT not in ast.unparse(
            node
        ):
            node.names = [
                alias for alias in node.names if (alias.asname or alias.name) in used
            ]
            lines += [ast.unparse(node)] if node.names else []
    return "\n".join(lines)


def program(cells: list[dict[str, Any]], first: str) -> str:
    """The tagged ones of some cells as a program; empty if none is tagged."""
    code = "\n\n".join(
        with_its_value_printed(source_of(cell)) for cell in cells if is_tagged(cell)
    )
    return f"{imports_for(code, first)}\n\n{code}\n" if code else ""


def with_browser_links(notebook: dict[str, Any], page: str = PAGE) -> dict[str, Any]:
    """A copy of a notebook in which each section with tagged cells has a link that opens them in the browser page.

    Args:
        notebook: the JSON of an .ipynb file.
        page: where the page is, seen from the notebook.
    """
    made = copy.deepcopy(notebook)
    first = next(
        source_of(cell) for cell in made["cells"] if cell["cell_type"] == "code"
    )
    cells = []
    for number, section in enumerate(sections(made)):
        code = program(section, first)
        last = max(
            (place for place, cell in enumerate(section) if is_tagged(cell)), default=-1
        )
        cells += section[: last + 1]
        if code:
            text = f"[Run these lines in the browser]({link(code, page)})"
            cells.append(
                {
                    "cell_type": "markdown",
                    "id": f"try-{number}",
                    "metadata": {},
                    "source": [text],
                }
            )
        cells += section[last + 1 :]
    made["cells"] = cells
    return made
