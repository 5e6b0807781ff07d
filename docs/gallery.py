"""Makes the graph pictures in docs/images anew: ``python docs/gallery.py``, from the project's folder.

It runs the Python code of docs/graphs.md, or of the pages that are named.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def render(page: Path) -> None:
    """Run the page's blocks one after another, as one program."""
    names: dict[str, Any] = {"__name__": page.stem}
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text[: block.start(1)].count("\n")
        # the empty lines in front make errors, and the places in pictures, name the line of the page
        exec(compile("\n" * line + block[1], str(page), "exec"), names)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    Path("docs/images").mkdir(parents=True, exist_ok=True)
    for argument in sys.argv[1:] or ["docs/graphs.md"]:
        render(Path(argument))
