"""Where in the user's code an operation was recorded. Off by default: walking the stack costs more than a small op."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .box import is_tensor
from .hooks import OpCall, op_hook
from .node import Node, Output

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def user_line() -> str:
    """The file and line, ``path:12``, of the innermost frame outside this package; '' if there is none."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""


def recorded(results: Any) -> Iterator[Node]:
    """The nodes that ``results``, one Tensor or a tuple of them, were just recorded with, each once."""
    seen: set[Node] = set()
    for result in results if isinstance(results, tuple) else (results,):
        node = result._node if is_tensor(result) else None
        if isinstance(node, Output):
            node = node.parents[0]
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            yield node


def note_line(call: OpCall, run: Callable[[], Any]) -> Any:
    """The op hook behind :func:`record_places`."""
    results = run()
    if call.phase == "forward":
        line = user_line()
        for node in recorded(results):
            node.source_line = line
    return results


@contextmanager
def record_places() -> Iterator[None]:
    """Within the block every recorded operation notes the line of the user's code that it comes from.

    Errors of the backward pass and the pictures of ``viz`` show it. It makes small operations a few times slower.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> with torch.autograd.record_places():
    ...     y = x * x
    >>> y.grad_fn.source_line.endswith(":2")
    True
    """
    with op_hook(note_line):
        yield
