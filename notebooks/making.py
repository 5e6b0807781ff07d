"""From a notebook's source to the notebook with what it shows: executed, and small enough to read on a forge."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import nbformat
from PIL import Image

from tinygrad_fm.atomic_files import write_atomically

ROOT = Path(__file__).resolve().parents[1]

TIMEOUT = 300  # seconds for a cell
COLOURS = 200  # a plot has few: a palette of them makes its PNG half as large
MACHINE_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
}


def read_source(path: Path) -> Any:
    """The notebook that a source says, without outputs. Its cells are numbered, so that the same source gives the same file."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {**MACHINE_METADATA, "language_info": {"name": "python"}}
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = nbformat.from_dict(
            {name: cell.metadata[name] for name in cell.metadata.keys() & {"tags"}}
        )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(
    notebook: Any, folder: Path, environment: dict[str, str] | None = None
) -> Any:
    """Run all cells in ``folder``, in a fresh kernel that finds this checkout, and put into the notebook what they show.

    Args:
        notebook: as `read_source` gives it; it is changed.
        folder: an empty one, so that nothing is read or left elsewhere.
        environment: the kernel's variables, by default those of this process.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised an exception, which the message shows.
    """
    variables = {**(os.environ if environment is None else environment)}
    variables["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [variables.get("PYTHONPATH")])]
    )
    variables["IPYTHONDIR"] = str(folder / ".ipython")  # not the user's settings
    client = nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT,
        extra_arguments=["--log-level=ERROR"],
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=variables)
    return notebook


def smaller_png(data: str) -> str:
    """A PNG in base64, with a palette in place of all colours where that is smaller."""
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    made = io.BytesIO()
    picture.quantize(
        COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    ).save(made, "PNG", optimize=True)
    small = base64.b64encode(made.getvalue()).decode("ascii")
    return small if len(small) < len(data) else data


def tidy(notebook: Any) -> Any:
    """Make the outputs small, and take out of them what only this machine says."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = smaller_png(data["image/png"])
                output.metadata = nbformat.from_dict({})
            if "text/plain" in data:
                data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", data["text/plain"])
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    write_atomically(path, lambda file: file.write(text.encode("utf-8")))
