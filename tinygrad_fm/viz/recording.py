"""What was computed, as a plain list of steps: the form that a tape and a trace are both read into before anything is drawn."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.modes import Scope
from ..autograd.node import Constant, Leaf, Node, Output

__all__ = [
    "Kept",
    "Origin",
    "Reader",
    "Recording",
    "Shape",
    "Step",
    "dtype_text",
    "gradient_origin",
    "input_name",
    "norm",
    "number_text",
    "read_tape",
    "saved_names",
    "static_arrays",
    "static_text",
    "telling",
    "value_text",
]

Shape = tuple[int, ...]
_MOST_COMPARED = 1_000_000  # elements of indices that are looked for by their contents
_SMALL = 4  # matrices of no more rows and columns are shown element by element


@dataclass(slots=True, eq=False)
class Origin:
    """A tensor that no step computed: a leaf, or a constant.

    Attributes:
        leaf: its place on the tape, for one that wants a gradient.
        array: a weak reference to its array.
        given: whether it was handed to the model, rather than met on the way.
        value: the number, of a constant of one element.
        data: its numbers as text (see :func:`value_text`), where they are wanted.
    """

    shape: Shape
    dtype: str
    leaf: Any = None
    array: Any = None
    given: bool = False
    value: str = ""
    data: str = ""


@dataclass(slots=True, eq=False)
class Kept:
    """An array that a step keeps for backward; ``bytes`` is 0 if another step or a leaf holds the same memory anyway."""

    name: str
    shape: Shape
    dtype: str
    bytes: int


@dataclass(slots=True, eq=False)
class Step:
    """One run of an operation.

    Attributes:
        inputs: the name of each input and where it came from: (step, which result), an Origin, or the text of a number.
        results: shape and dtype of each.
        scope: weak references to the outermost and innermost module (see ``autograd.node.Node``).
        static, brief: the other arguments as text, all of them and those that belong into the picture.
        place: the line of the user's code.
        taped: whether it is on the tape.
        gradient_of: of a step of a recorded backward, the operation that it is the gradient of.
        inplace: whether the result was written into the first input.
        error: why it failed, if it did.
        rules: the inputs whose backward rules are live.
        kept: what it keeps for backward; None once that has been let go.
        forward, backward: seconds. order: its turn in the backward pass.
        gradient: the size of the result's gradient (see :func:`norm`).
        data, grad: the numbers of the result and of its gradient as text (see :func:`value_text`), where they are wanted.
    """

    name: str
    inputs: list[tuple[str, Any]]
    results: list[tuple[Shape, str]]
    scope: Any = None
    static: str = ""
    brief: str = ""
    place: str = ""
    taped: bool = True
    gradient_of: str = ""
    inplace: bool = False
    error: str = ""
    rules: tuple[str, ...] = ()
    kept: list[Kept] | None = None
    forward: float | None = None
    backward: float | None = None
    gradient: float | None = None
    order: int = 0
    data: str = ""
    grad: str = ""

    def took_gradient(self, gradients: tuple[Any, ...], values: bool) -> None:
        """Note the gradient that backward came with: Tensors or arrays, of several results a tuple of them and of None."""
        self.gradient = norm(gradients)
        if values:
            self.grad = "\n".join(value_text(getattr(g, "_array", g)) for g in gradients if g is not None)


@dataclass
class Recording:
    """Steps in the order they ran, and what came out.

    Attributes:
        named: results that the caller has a name for.
        buffers: the buffers that the model ran with, by name, if not its own.
        gradients: the gradients of leaves, where they were measured.
        inputs_known: whether all that was handed to the model is marked as such.
        notes: what the picture should say in words.
    """

    steps: list[Step]
    outputs: list[Any]
    reader: Reader
    named: dict[Any, str] = field(default_factory=dict)
    buffers: dict[str, Any] = field(default_factory=dict)
    gradients: dict[Any, Any] = field(default_factory=dict)
    inputs_known: bool = False
    notes: list[str] = field(default_factory=list)


@functools.cache
def dtype_text(dtype: np.dtype[Any]) -> str:
    """The dtype's name; NumPy takes a few microseconds to find it."""
    return str(dtype)


def number_text(value: Any) -> str:
    """A number as a label shows it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def value_text(array: np.ndarray[Any, Any]) -> str:
    """What a picture shows of an array's numbers: one, a few in rows, or the range of many.

    >>> value_text(np.float32([-2.5])), value_text(np.arange(4).reshape(2, 2)), value_text(np.linspace(-1, 1, 100))
    ('-2.5', '0  1\\n2  3', '-1 … 1')
    """
    if array.size == 1:
        return _element_text(array.item())
    if array.size == 0:
        return "empty"
    if array.ndim <= 2 and max(array.shape) <= _SMALL:
        rows = [[_element_text(v) for v in row] for row in np.atleast_2d(array).tolist()]
        wide = max(len(text) for row in rows for text in row)
        return "\n".join("  ".join(text.rjust(wide, "\N{FIGURE SPACE}") for text in row) for row in rows)
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} True"
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    ends = f"{_element_text(finite.min().item())} … {_element_text(finite.max().item())}" if finite.size else ""
    odd = array.size - finite.size
    return ", ".join(part for part in (ends, f"{odd:,} not finite" if odd else "") if part)


def _element_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def static_text(static: dict[str, Any]) -> str:
    """The static arguments in one line: numbers, words and tuples of them as they are, larger things by their kind."""
    return ", ".join(
        _index_text(value) if name == "key" else f"{name}={_argument_text(value)}"
        for name, value in static.items()
        if not _is_silent(value)
    )


def _is_silent(value: Any) -> bool:
    """Whether an argument says nothing: one left out, one that is drawn, or what was prepared for the kernel and is nested."""
    nested = isinstance(value, tuple) and any(isinstance(v, tuple) for v in value)
    return value is None or value is False or nested or isinstance(value, np.ndarray)


def _index_text(key: Any) -> str:
    """An index as it is written: ``[1:, :, index]``, with a word for each array."""
    parts = key if isinstance(key, tuple) else (key,)
    texts = ["index" if isinstance(part, np.ndarray) else _argument_text(part) for part in parts]
    return "[" + ", ".join(texts if len(texts) == 1 or texts[-1] != "..." else texts[:-1]) + "]"


def static_arrays(static: dict[str, Any]) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Indices and masks among the static arguments, each with what the operation calls it."""
    found = []
    for name, value in static.items():
        parts = value if isinstance(value, (tuple, list)) else (value,)
        found += [("index" if name == "key" else name, part) for part in parts if isinstance(part, np.ndarray)]
    return found


# static arguments that a reader of the picture wants to see; the others are in the tooltips and the text
_TELLING = ("dim", "dims", "index", "key", "replay", "diagonal", "start", "end", "repeats", "shifts", "p", "decimals")


def telling(static: dict[str, Any]) -> dict[str, Any]:
    """The static arguments that belong into a picture."""
    return {name: value for name, value in static.items() if name in _TELLING}


def _argument_text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if isinstance(value, (tuple, list)):
        text = ", ".join(_argument_text(v) for v in value[:8]) + (", …" if len(value) > 8 else "")
        return f"({text},)" if len(value) == 1 else f"({text})"
    if isinstance(value, slice):
        bounds = (value.start, value.stop) if value.step is None else (value.start, value.stop, value.step)
        return ":".join("" if v is None else str(v) for v in bounds)
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        return number_text(value) if isinstance(value, float) else str(value)[:40]
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.dtype):
        return str(value)
    replay = getattr(value, "op", None)  # how a view was made
    return str(getattr(replay or value, "__name__", type(value).__name__))


def norm(gradients: tuple[Any, ...]) -> float:
    """The Euclidean norm of all ``gradients`` (Tensors, arrays, None) together; a single number keeps its sign."""
    arrays = [getattr(g, "_array", g) for g in gradients if g is not None]
    if len(arrays) == 1 and arrays[0].size == 1:
        return float(arrays[0].item())
    with np.errstate(all="ignore"):
        return float(np.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays)))


def gradient_origin(scope: Scope | None) -> str:
    """The operation that a step with this scope is the gradient of; '' for a step of the forward pass."""
    return scope.gradient_of if scope is not None else ""


class Reader:
    """Reads nodes of the tape into steps, each once.

    Attributes:
        steps: those read so far, inputs before what uses them.
        made: the step of every node known.
    """

    def __init__(self, made: MutableMapping[Any, Step] | None = None) -> None:
        self.steps: list[Step] = []
        self.made: MutableMapping[Any, Step] = {} if made is None else made
        self._leaves: dict[Leaf, Origin] = {}
        self._arrays: dict[int, tuple[Any, Any]] = {}  # by id: a weak reference to the array, and where it came from
        self._indices: dict[Any, Any] = {}  # by contents: where whole numbers and masks came from
        self._held: dict[int, Any] = {}  # storages that some step is known to keep
        self._names: dict[Any, list[str]] = {}  # of what a plan saves

    def read(self, roots: Iterable[Any]) -> list[Step]:
        """Read the nodes that ``roots`` were computed through and that are not known yet, in the order of the tape; returns
        their steps."""
        known = len(self.steps)
        pending = [node for node in roots if node is not None]
        found: set[Any] = set()
        while pending:
            node = pending.pop()
            if node not in found and node not in self.made and not isinstance(node, Leaf):
                found.add(node)
                pending += [parent for parent in node.parents if parent is not None]
        for node in sorted((n for n in found if isinstance(n, Node)), key=lambda n: n.number):
            self.steps.append(self._step(node))
        return self.steps[known:]

    def _step(self, node: Node) -> Step:
        saved = self._saved_inputs(node)
        inputs = []
        for i, parent in enumerate(node.parents):
            value = self.value_of(parent) if parent is not None else self._without_gradient(node, i, saved.get(i))
            if value is not None:
                inputs.append((input_name(node, i), value))
        inputs += self.indices(node.static)
        results = [(node.shape, dtype_text(node.dtype))] * node.outputs
        step = Step(node.op.name, inputs, results, node.scope, static_text(node.static), static_text(telling(node.static)))
        self.made[node] = step
        self.describe(step, node)
        return step

    def describe(self, step: Step, node: Node) -> None:
        """Fill in what only the tape knows: the line, the live rules, what is kept."""
        step.place = node.source_line or step.place
        step.gradient_of = gradient_origin(node.scope)
        step.rules = tuple(input_name(node, i) for i, parent in enumerate(node.parents) if parent is not None)
        step.kept = self.kept(node)

    def value_of(self, node: Any) -> Any:
        """Where the result that has this place on the tape came from; its step must have been read."""
        if isinstance(node, Leaf):
            if node not in self._leaves:
                tensor = node.tensor()
                array = None if tensor is None else weakref.ref(tensor._array)
                self._leaves[node] = Origin(node.shape, dtype_text(node.dtype), node, array)
            return self._leaves[node]
        if isinstance(node, Output):
            made = self.made[node.parents[0]]
            made.results[node.index] = (node.shape, dtype_text(node.dtype))
            return made, node.index
        return self.made[node], 0

    def constant(self, value: Any) -> Any:
        """Where an array came from: a step that is known to have made it, or an Origin. A number gives its text."""
        if isinstance(value, np.ndarray):
            held = self._arrays.get(id(value))
            if held is not None and held[0]() is value:
                return held[1]
            origin = Origin(value.shape, dtype_text(value.dtype), None, weakref.ref(value))
            if value.size == 1:
                origin.value = _element_text(value.item())
            self.remember(value, origin)
            return origin
        if isinstance(value, (bool, int, float)):
            return number_text(value)
        return None

    def _without_gradient(self, node: Node, position: int, saved: Any) -> Any:
        """Where an input came from that no gradient goes to."""
        known = node.constants.get(position)
        if not isinstance(known, Constant):
            return self.constant(saved if known is None else known)
        array = known.array() if known.array() is not None else saved
        if isinstance(array, np.ndarray):
            return self.constant(array)
        return Origin(
            known.shape, dtype_text(known.dtype), value="" if known.value is None else _element_text(known.value.item())
        )

    def find(self, tensor: Any) -> Any:
        """Where ``tensor`` came from, if a step that is known made it; else None."""
        node = tensor._node
        if isinstance(node, Output):
            return self.value_of(node) if node.parents[0] in self.made else None
        if isinstance(node, Node):
            return self.value_of(node) if node in self.made else None
        held = self._arrays.get(id(tensor._array))
        found = held[1] if held is not None and held[0]() is tensor._array else None
        return found if isinstance(found, tuple) else None

    def remember(self, array: np.ndarray[Any, Any], value: Any) -> None:
        """From now on, ``array`` came from ``value``."""
        forget = self._arrays.pop
        key = id(array)
        self._arrays[key] = (weakref.ref(array, lambda _: forget(key, None)), value)
        if array.dtype.kind in "iub" and 0 < array.size <= _MOST_COMPARED:
            for part in array.nonzero() if array.dtype.kind == "b" else [array]:
                self._indices.setdefault(_contents(part), value)

    def indices(self, static: dict[str, Any]) -> list[tuple[str, Any]]:
        """Where the indices and masks among the static arguments came from. Operations index with copies, and by a mask with
        the positions where it is true, so what is not known itself is looked for by its contents."""
        found: dict[tuple[str, Any], None] = {}
        for name, array in static_arrays(static):
            known = id(array) not in self._arrays and array.dtype.kind in "iu" and array.size <= _MOST_COMPARED
            same = self._indices.get(_contents(array)) if known else None
            found[name, self.constant(array) if same is None else same] = None
        return list(found)

    @staticmethod
    def _saved_inputs(node: Node) -> dict[int, Any]:
        """The inputs that the node saved, by position."""
        if not isinstance(node.saved, (list, tuple)):
            return {}
        kept = getattr(node.plan, "kept", ())
        return {at: value for at, value in zip(kept, node.saved, strict=False) if at < len(node.parents)}

    def kept(self, node: Node) -> list[Kept] | None:
        """The arrays that ``node`` keeps for backward; None if it has let them go, or keeps something else in their place."""
        if not isinstance(node.saved, (list, tuple)):
            return None
        names = self._names.get(node.plan)
        if names is None:
            names = self._names[node.plan] = saved_names(node)
        kept = []
        for i, value in enumerate(node.saved):
            array = getattr(value, "_array", value)
            if isinstance(array, np.ndarray):
                name = names[i] if i < len(names) else f"saved {i}"
                kept.append(Kept(name, array.shape, dtype_text(array.dtype), self._new_bytes(node, array)))
        return kept

    def _new_bytes(self, node: Node, array: np.ndarray[Any, Any]) -> int:
        """The bytes that live only because ``node`` keeps ``array``."""
        owner = versions.storage(array)
        held = self._held.get(id(owner))
        if held is not None and held() is owner:
            return 0
        self._held[id(owner)] = weakref.ref(owner)
        tensors = (parent.tensor() for parent in node.parents if isinstance(parent, Leaf))
        return 0 if any(t is not None and versions.storage(t._array) is owner for t in tensors) else int(owner.nbytes)


def _contents(array: np.ndarray[Any, Any]) -> tuple[Shape, bytes]:
    """Equal for arrays of the same whole numbers."""
    return array.shape, np.asarray(array, np.int64).tobytes()


def input_name(node: Node, position: int) -> str:
    """The operation's own name for one of its inputs; '' if it has none."""
    inputs = getattr(node.op, "inputs", ())
    return inputs[position] if position < len(inputs) and inputs != ("*",) else ""


# what kernels return besides their result, by the kernel's own names for it
_RESIDUALS = {
    "gelu": {"cdf": "normal distribution at x", "t": "tanh of the inner term"},
    "cross_entropy": {
        "e": "exp(input − maximum)",
        "sums": "sum of exp over the classes",
        "picks": "position of each target",
        "counted": "targets that count",
        "w": "weight of each target",
        "even": "share of label smoothing",
        "total": "sum of weights",
    },
    "batch_norm": {"mean": "batch mean", "inv": "1 / standard deviation"},
    "normalize_channels": {"inv": "1 / standard deviation"},
    "layer_norm": {"average": "mean", "inv": "1 / standard deviation"},
    "group_norm": {"average": "mean", "inv": "1 / standard deviation"},
    "max_pool2d": {"index": "position of each maximum"},
}


def saved_names(node: Node) -> list[str]:
    """A name for each of the node's saved values."""
    count = len(node.parents)
    names = [input_name(node, i) or f"input {i}" for i in range(count)]
    meaning = _RESIDUALS.get(node.op.name, {})
    names += ["result", *(meaning.get(r, r) for r in getattr(node.op, "residuals", ())), *getattr(node.op, "extras", ())]
    return [names[i] if i < len(names) else f"saved {i}" for i in getattr(node.plan, "kept", ())]


def read_tape(tensors: list[Any], named: Iterable[Any] = ()) -> Recording:
    """The steps that ``tensors`` were computed through, from the tape alone. The tape and the tensors stay as they are.

    Args:
        named: tensors that the caller has names for.
    """
    reader = Reader()
    for tensor in named:
        if tensor._node is None:
            reader.constant(tensor._array)
    nodes = [_current_node(tensor) for tensor in tensors]
    reader.read(nodes)
    return Recording(reader.steps, [reader.value_of(node) for node in nodes], reader)


def _current_node(tensor: Any) -> Any:
    """The tensor's place on the tape, brought up to date if it is a view that was written to elsewhere, and nothing changed."""
    chain, t = [], tensor
    while t._view is not None:
        chain.append((t, t._node, t._view.seen))
        t = t._view.base
    if chain:
        tensor._view.refresh(tensor)
    node = tensor._node
    for t, old, seen in chain:
        t._node, t._view.seen = old, seen
    return node
