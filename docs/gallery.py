"""Makes the graph pictures in docs/images anew: ``python docs/gallery.py``, from the project's folder.

It runs the Python code of docs/graphs.md, and draws the two expressions of docs/autograd.md and the player's picture
(player_picture.py).
"""

from __future__ import annotations

import os
import re
import runpy
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


def draw_autograd() -> None:
    """The two pictures of docs/autograd.md, of the expressions that it has beside them."""
    import tinygrad_fm as torch

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    y = (x * w).exp().sum()
    torch.draw(y, names={"x": x, "w": w, "y": y}, backward=True).save("docs/images/tape.svg")

    x = torch.tensor(2.0, requires_grad=True)
    y = x**3
    (dy,) = torch.autograd.grad(y, x, create_graph=True)
    torch.draw([y, dy], names={"x": x, "y": y, "dy/dx": dy}).save("docs/images/cube.svg")


def draw_player() -> None:
    """The picture that plays the steps of a neuron."""
    runpy.run_path(str(Path(__file__).with_name("player_picture.py")))["draw"]()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    os.environ["TINYGRAD_FM_KERNELS"] = "numpy"  # compiled ones save other arrays, and the pictures say how large they are
    Path("docs/images").mkdir(parents=True, exist_ok=True)
    render(Path("docs/graphs.md"))
    draw_autograd()
    draw_player()
