"""``torch.autograd.graph``: the nodes of the tape as PyTorch shows them, and hooks on what they save.

Source: https://pytorch.org/docs/stable/autograd.html#autograd-graph
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..errors import AutogradError
from .box import TensorBase, box, is_tensor
from .hooks import OpCall, active
from .inplace import wrote
from .node import GraphNode
from .source_lines import recorded

Node = GraphNode  # for isinstance(tensor.grad_fn, torch.autograd.graph.Node)


class GradientEdge(NamedTuple):
    """Where a tensor's gradient goes: a node, and which of the operation's results the tensor is.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> edge = torch.autograd.graph.get_gradient_edge(x * 2)
    >>> type(edge).__name__, edge.output_nr
    ('GradientEdge', 0)
    """

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The node and the number of the result that ``tensor``'s gradient goes to.

    Raises:
        TypeError: ``tensor`` is no tensor.
        AutogradError: it needs no gradient.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> torch.autograd.graph.get_gradient_edge(x).output_nr
    0
    """
    if not is_tensor(tensor):
        raise TypeError(f"get_gradient_edge(): expected a Tensor, got {type(tensor).__name__}")
    if tensor._view is not None:
        tensor._view.refresh(tensor)
    node = tensor._node
    if node is None:
        raise AutogradError("get_gradient_edge(): this tensor does not require grad, so there is no edge for its gradient")
    return GradientEdge(*node.edge())


def increment_version(tensor: TensorBase | Iterable[TensorBase]) -> None:
    """Count a write to one tensor or several that was made behind the tape's back, so that backward notices it.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(2)
    >>> before = x._version
    >>> torch.autograd.graph.increment_version(x)
    >>> x._version - before
    1
    """
    for x in [tensor] if isinstance(tensor, TensorBase) else tensor:
        wrote(x)


_forbidden: list[str] = []  # messages of the disable_saved_tensors_hooks() that are entered


class saved_tensors_hooks:
    """Within the block, ``pack_hook(tensor)`` says what a node keeps instead of a tensor that it would save.

    ``unpack_hook`` gets that back when backward needs the tensor, and returns the tensor: to keep it on disk, in fewer bits,
    or to compute it again. The innermost block counts, for the thread that entered it.

    Raises RuntimeError, in backward, if ``unpack_hook`` returns anything but a tensor of the shape and dtype that was packed.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy().tolist(), torch.tensor):
    ...     y = (x * x).sum()
    >>> y.backward(); x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._threads: list[int] = []

    def __enter__(self) -> None:
        if _forbidden:
            raise AutogradError(_forbidden[-1])
        self._threads.append(threading.get_ident())
        active.append(self)

    def __exit__(self, *exception: Any) -> None:
        self._threads.pop()
        active.remove(self)

    def __call__(self, call: OpCall, run: Callable[[], Any]) -> Any:
        """The op hook: after an operation was recorded, pack what its node saved."""
        results = run()
        if call.phase == "forward":
            for node in recorded(results):
                self.pack(node)
        return results

    def pack(self, node: Any) -> None:
        """Have ``node`` keep what ``pack_hook`` makes of the arrays that it saved."""
        if threading.get_ident() not in self._threads or callable(node.saved) or not node.plan.keeps_arrays:
            return  # another thread's, packed by an inner block, or nothing to pack
        inputs = node.parents
        kept = node.plan.kept or [len(inputs)] * len(node.saved)  # a Function's: not known to be inputs
        packed = [
            (self.pack_hook(box(value, inputs[at] if at < len(inputs) else None)), value.shape, value.dtype)
            if isinstance(value, np.ndarray)
            else (value, None, None)
            for at, value in zip(kept, node.saved, strict=True)
        ]
        node.saved = lambda: [value if shape is None else self._unpack(value, shape, kind) for value, shape, kind in packed]

    def _unpack(self, packed: Any, shape: tuple[int, ...], kind: Any) -> np.ndarray[Any, Any]:
        found = self.unpack_hook(packed)
        if not is_tensor(found):
            raise TypeError(f"saved_tensors_hooks: unpack_hook must return a Tensor, got {type(found).__name__}")
        array: np.ndarray[Any, Any] = found._array
        if array.shape != shape or array.dtype != kind:
            raise AutogradError(
                f"saved_tensors_hooks: unpack_hook returned a tensor of shape {array.shape} and {array.dtype} for one that "
                f"was packed with shape {shape} and {kind}"
            )
        return array


class save_on_cpu(saved_tensors_hooks):
    """Everything is on the CPU already: nothing changes within the block.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor(6.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: x, lambda x: x)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within the block, entering :class:`saved_tensors_hooks` raises a RuntimeError with this message.

    >>> from tinygrad_fm.autograd import graph
    >>> with graph.disable_saved_tensors_hooks("no hooks here"):
    ...     with graph.saved_tensors_hooks(lambda x: x, lambda x: x):
    ...         pass
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.AutogradError: no hooks here
    """
    _forbidden.append(error_message)
    try:
        yield
    finally:
        _forbidden.pop()


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Within the block, tensors that backward needs may be written to: nodes keep copies of them.

    >>> import tinygrad_fm as torch
    >>> a = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     b = a * 1
    ...     c = (b * b).sum()
    ...     _ = b.add_(5)
    ...     c.backward()
    >>> a.grad
    tensor([2., 2.])
    """
    with saved_tensors_hooks(lambda x: box(x._array.copy(order="K")), lambda x: x):
        yield
