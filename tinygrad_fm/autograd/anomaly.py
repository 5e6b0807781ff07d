"""Finding what went wrong where it went wrong: anomaly mode and debug mode, both built on the op hook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..errors import AutogradError
from . import versions
from .box import raw
from .hooks import OpCall, active, op_hook
from .modes import state
from .node import Node, module_path
from .source_lines import recorded, user_line


def _shapes(values: Any) -> str:
    return ", ".join(str(tuple(np.shape(raw(x)))) if isinstance(raw(x), np.ndarray) else repr(x) for x in values)


def _bad(value: Any) -> str:
    """ "NaN" or "inf" if the array ``value`` holds one, else ""."""
    array = raw(value)
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    return "NaN" if np.isnan(array).any() else "inf"


@contextmanager
def detect_anomaly(check_nan: bool = True) -> Iterator[None]:
    """Within the block, stop at the first NaN or inf, forward or backward, with an error that says where it arose.

    The error names the operation, the shapes of its inputs, the path of the module and the line of the user's code that
    recorded it. An operation that is *given* a NaN or inf is not reported for it; so an intended one, such as a mask of
    −inf, stops nothing.

    Args:
        check_nan: False only notes the lines, for the errors of the engine itself.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([0.0], requires_grad=True)
    >>> with torch.autograd.detect_anomaly():
    ...     y = x.log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.AutogradError: inf in the result of 'log', recorded at ...; its inputs have the shapes (1,)
    """

    with op_hook(partial(_watch_for_anomalies, check_nan)):
        yield


class set_detect_anomaly:
    """Anomaly mode on (True) or off, from now on, or until the end of the block in ``with set_detect_anomaly(True):``.

    >>> import tinygrad_fm as torch
    >>> with torch.autograd.set_detect_anomaly(True):
    ...     torch.autograd.is_anomaly_enabled()
    True
    >>> torch.autograd.is_anomaly_enabled()
    False
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = list(active)
        active[:] = [hook for hook in active if getattr(hook, "func", None) is not _watch_for_anomalies]
        if mode:
            active.append(partial(_watch_for_anomalies, check_nan))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: Any) -> None:
        active[:] = self._before


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on.

    >>> import tinygrad_fm as torch
    >>> with torch.autograd.detect_anomaly():
    ...     torch.autograd.is_anomaly_enabled()
    True
    >>> torch.autograd.is_anomaly_enabled()
    False
    """
    return any(getattr(hook, "func", None) is _watch_for_anomalies for hook in active)


def _watch_for_anomalies(check_nan: bool, call: OpCall, run: Callable[[], Any]) -> Any:
    results = run()
    if call.phase == "forward":
        line: str | None = user_line()
        for node in recorded(results):
            node.source_line = line
        scope, where, shapes = state.scope, "result", _shapes(call.inputs)
        values = results if isinstance(results, tuple) else (results,)
    else:
        line, scope, where = call.node.source_line, call.node.scope, "gradient"
        shapes = ", ".join(str(tuple(parent.shape)) for parent in call.node.parents if parent is not None)
        values = tuple(g for _, g in results)
    if check_nan and not any(_bad(x) for x in call.inputs):
        what = next(filter(None, map(_bad, values)), "")
        if what:
            path = module_path(scope)
            raise AutogradError(
                f"{what} in the {where} of '{call.name}'"
                + (f" in module '{path}'" if path else "")
                + (f", recorded at {line}" if line else "")
                + f"; its inputs have the shapes {shapes}"
            )
    return results


@contextmanager
def debug() -> Iterator[None]:
    """Within the block, arrays that a live graph needs cannot be written to behind the tape's back.

    Writing through ``tensor.numpy()`` or ``tensor.data`` is invisible to the tape: backward would use the new values and give
    wrong gradients. Here the arrays that nodes save are read-only until backward has used them, so NumPy refuses the write
    where it happens; so does an in-place method, which would otherwise be refused only at backward. What is still needed
    when the block ends is released then. Costs some microseconds per operation.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> with torch.autograd.debug():
    ...     y = x * x
    ...     x.data.numpy()[0] = 5.0
    Traceback (most recent call last):
    ...
    ValueError: assignment destination is read-only
    """
    locks = _Locks()

    def watch(call: OpCall, run: Callable[[], Any]) -> Any:
        if call.phase == "backward":
            results = run()
            locks.release(call.node)
            return results
        results = run()
        for node in recorded(results):
            locks.hold(node)
        return results

    with op_hook(watch):
        try:
            yield
        finally:
            locks.release_all()


class _Locks:
    """Which arrays are read-only, and for how many nodes."""

    def __init__(self) -> None:
        self.held: dict[int, list[Any]] = {}  # id of an array -> [the array, how many nodes need it]
        self.of: dict[Node, list[Any]] = {}

    def hold(self, node: Node) -> None:
        """Make what ``node`` saved read-only, with the arrays that own the memory."""
        arrays = [a for a in node.saved or () if isinstance(a, np.ndarray)] if not callable(node.saved) else []
        arrays = [x for a in arrays for x in {id(a): a, id(versions.storage(a)): versions.storage(a)}.values()]
        self.of[node] = arrays
        for array in arrays:
            entry = self.held.setdefault(id(array), [array, 0])
            if entry[1] or array.flags.writeable:
                entry[1] += 1
                array.flags.writeable = False

    def release(self, node: Node) -> None:
        """Give the arrays of ``node`` back, unless another node needs them."""
        if node.saved is not None and not callable(node.saved) and len(node.saved):
            return  # kept, by retain_graph, for another backward
        for array in reversed(self.of.pop(node, [])):  # the owner before its views
            entry = self.held.get(id(array))
            if entry and entry[1]:
                entry[1] -= 1
                if not entry[1]:
                    del self.held[id(array)]
                    array.flags.writeable = True

    def release_all(self) -> None:
        """Give everything back."""
        for array, count in sorted(self.held.values(), key=lambda entry: entry[0].base is not None):
            if count:
                array.flags.writeable = True
        self.held.clear()
        self.of.clear()
