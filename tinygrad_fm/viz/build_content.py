"""From steps to a picture's content: names, roles, and the boxes of the modules that were being called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..nn import Module, Parameter
from .content import Box, Content, Edge, Item, bytes_text, plural
from .recording import Origin, Recording, Step, norm, value_text

__all__ = ["Path", "build"]

Path = tuple[tuple[str, Any], ...]  # the modules from the outermost to the innermost, each with its dotted path


# how operations of two operands are written
INFIX = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "/",
    "floor_divide": "//",
    "remainder": "%",
    "pow": "**",
    "matmul": "@",
    "gt": ">",
    "ge": "≥",
    "lt": "<",
    "le": "≤",
    "eq": "=",
    "ne": "≠",
}
COMMUTATIVE = {"add", "mul", "eq", "ne", "maximum", "minimum", "logical_and", "logical_or", "logical_xor", "cat", "stack"}
_LETTERS = ("", "a", "b", "x", "y", "input", "other")  # names of inputs that say nothing


def operands_text(name: str, operands: list[str]) -> str:
    """The numbers among an operation's operands, each where it stands: ``x − 1``, ``1 − x``; '' if there are none."""
    numbers = [text for text in operands if text]
    symbol = INFIX.get(name.rstrip("_"))
    if not numbers or symbol is None or len(operands) != 2:
        return ", ".join(numbers)
    return f" {symbol} ".join(text or "x" for text in operands)


class _Names:
    """What tensors are called: by the caller, or by their place in a module."""

    def __init__(self, modules: list[Module], given: Mapping[str, Any], buffers: Mapping[str, Any]) -> None:
        self._leaves: dict[Any, tuple[str, str]] = {}
        self._arrays: dict[int, tuple[str, str]] = {}
        for module in reversed(modules):  # the first one's names win
            for name, tensor in module.named_buffers():
                self._arrays[id(tensor._array)] = (name, "constant")
            for name, tensor in module.named_parameters():
                self._add(tensor, name, "parameter")
        for name, tensor in buffers.items():
            self._arrays[id(tensor._array)] = (name, "constant")
        for name, tensor in given.items():
            leaf = tensor._node
            role = "input" if leaf is None else "parameter" if isinstance(tensor, Parameter) else "leaf"
            self._add(tensor, name, role)

    def _add(self, tensor: Any, name: str, role: str) -> None:
        self._arrays[id(tensor._array)] = (name, role)
        if tensor._grad is not None:
            self._arrays[id(tensor._grad._array)] = (f"{name}.grad", "input")
        if tensor._node is not None:
            self._leaves[tensor._node] = (name, role)

    def of(self, origin: Origin) -> tuple[str, str] | None:
        """Name and role of something that was not computed."""
        if origin.leaf is not None and origin.leaf in self._leaves:
            return self._leaves[origin.leaf]
        array = origin.array() if origin.array is not None else None
        return None if array is None else self._arrays.get(id(array))


class _Paths:
    """The module path of a scope, with what is looked up kept."""

    def __init__(self, model: Module | None) -> None:
        self._model = model
        self._names: dict[int, dict[int, str]] = {}
        self._known: dict[tuple[int, int], Path] = {}

    def of(self, scope: Any) -> Path:
        if scope is None:
            return ()
        key = id(scope[0]), id(scope[1])  # of the weak references, which the steps hold
        if key not in self._known:
            self._known[key] = self._find(scope[0](), scope[1]())
        return self._known[key]

    def _find(self, outermost: Any, innermost: Any) -> Path:
        if outermost is None or innermost is None:
            return ()
        for root in (self._model, outermost):
            if root is None:
                continue
            if id(root) not in self._names:
                self._names[id(root)] = {id(m): name for name, m in root.named_modules()}
            name = self._names[id(root)].get(id(innermost))
            if name is not None:
                return self._chain(root, name)
        return ()

    @staticmethod
    def _chain(root: Module, name: str) -> Path:
        """The modules on the way from ``root`` to the one at ``name``; containers that are never called count too."""
        chain: list[tuple[str, Any]] = [("", root)]
        for part in name.split(".") if name else ():
            path = f"{chain[-1][0]}.{part}".lstrip(".")
            chain.append((path, getattr(chain[-1][1], part)))
        return tuple(chain)


class _Builder:
    def __init__(self, recording: Recording, model: Module | None, names: Mapping[str, Any], times: bool) -> None:
        self.recording, self.times = recording, times
        outermost = {id(m): m for s in recording.steps if s.scope is not None for m in [s.scope[0]()] if m is not None}
        modules = ([model] if model is not None else []) + [m for m in outermost.values() if m is not model]
        self.names = _Names(modules, names, recording.buffers)
        self.paths = _Paths(model)
        self.items: list[Item] = []
        self.edges: list[Edge] = []
        self.top: list[Any] = []
        self.of_value: dict[Any, Item] = {}
        self.open: list[tuple[Any, Box]] = []  # the boxes that the next operation may still be put into
        self.calls: dict[str, int] = {}
        self.count = {"op": 0, "in": 0, "p": 0, "c": 0, "out": 0}

    def new_id(self, kind: str) -> str:
        self.count[kind] += 1
        return f"{kind}{self.count[kind]}"

    def place_in(self, box: Box | None, thing: Any) -> None:
        if box is not None:
            box.children.append(thing)
        elif self.open and self.top[-1] is self.open[0][1]:
            self.top.insert(-1, thing)  # an input stands before the module that reads it
        else:
            self.top.append(thing)

    def box_for(self, step: Step) -> Box | None:
        """The innermost box for the step, opened if it is not: modules that are called again get a box of their own."""
        path: list[tuple[Any, str, Any]] = [(id(m), name, m) for name, m in self.paths.of(step.scope)]
        if step.gradient_of:
            path = [("backward", "gradient", None), *path]
        depth = 0
        while depth < min(len(path), len(self.open)) and self.open[depth][0] == path[depth][0]:
            depth += 1
        del self.open[depth:]
        for key, name, module in path[depth:]:
            parent = self.open[-1][1] if self.open else None
            box = self._new_box(name, module, parent, len(path) > 0 and path[0][0] == "backward")
            self.place_in(parent, box)
            self.open.append((key, box))
        return self.open[-1][1] if self.open else None

    def _new_box(self, name: str, module: Any, parent: Box | None, backward: bool) -> Box:
        key = ("gradient/" if backward else "") + (name if module is None or name else type(module).__name__)
        call = self.calls[key] = self.calls.get(key, 0) + 1
        key = re.sub(r"[^\w./-]", lambda match: f"_{ord(match[0]):x}_", key)  # dot takes a colon for a port, XML no controls
        if module is None:
            return Box(f"{key}#{call}", "recorded backward", "", parent, "backward", call)
        box = Box(f"{key}#{call}", name, type(module).__name__, parent, call=call)
        own = list({id(p): p for p in module.parameters()}.values())
        box.parameters, box.bytes = sum(p.numel() for p in own), sum(p.nbytes for p in own)
        return box

    def add_step(self, step: Step) -> None:
        box = self.box_for(step)
        role = "failed" if step.error else "gradient" if step.gradient_of else "operation" if step.taped else "untracked"
        shape, dtype = step.results[0] if step.results else (None, "")
        item = Item(
            self.new_id("op"),
            role,
            step.name + ("_" if step.inplace else ""),
            box,
            shape,
            dtype,
            note=step.static,
            place=step.place,
            error=step.error,
            rules=step.rules,
            kept=step.kept,
            order=step.order,
            gradient_of=step.gradient_of,
            data=step.data,
            grad=step.grad,
        )
        kept = None if step.kept is None else float(sum(k.bytes for k in step.kept))
        known = {"kept": kept, "gradient": step.gradient}
        if self.times:
            known.update(forward=step.forward, backward=step.backward)
        item.measures = {name: value for name, value in known.items() if value is not None}
        self.add_edges(item, step, box)
        item.brief = ", ".join(part for part in (operands_text(step.name, item.operands), step.brief) if part)
        self.place_in(box, item)
        self.items.append(item)
        for i in range(max(1, len(step.results))):
            self.of_value[step, i] = item
            item.name = self.recording.named.get((step, i), item.name)

    def add_edges(self, item: Item, step: Step, box: Box | None) -> None:
        """The edges to ``item`` from what its step reads; numbers are written among its operands."""
        drawn = []
        for position, (name, value) in enumerate(step.inputs):
            if isinstance(value, str):
                infix = step.name.rstrip("_") in INFIX
                item.operands.append(value if infix or not name else f"{name}={value}")
                continue
            item.operands.append("")
            source, shape, dtype = self.source(value, name, step, box)
            live = not step.rules or not name or name in step.rules
            live = live and step.taped and (source.role not in ("input", "constant", "untracked"))
            drawn.append((position, Edge(source, item, shape, dtype, name, live)))
        self.edges += [edge for _, edge in drawn]
        several = [edge for _, edge in drawn if edge.source.role != "parameter"]
        if len(several) > 1 and step.name.rstrip("_") not in COMMUTATIVE:
            for position, edge in drawn:
                if step.name.rstrip("_") in INFIX:
                    edge.label = ("left", "right")[min(position, 1)]
                elif edge.source.role != "parameter" and edge.name not in _LETTERS:
                    edge.label = edge.name

    def source(self, value: Any, name: str, step: Step, box: Box | None) -> tuple[Item, Any, str]:
        """The item that an input came from, with shape and dtype; made now if it is an origin met for the first time."""
        if isinstance(value, tuple):
            made, i = value
            return self.of_value[value], *made.results[i]
        if value not in self.of_value:
            self.of_value[value] = self.add_origin(value, name, box, bool(step.gradient_of))
        return self.of_value[value], value.shape, value.dtype

    def add_origin(self, origin: Origin, name: str, box: Box | None, backward: bool = False) -> Item:
        """The item of a tensor that was not computed; ``name`` is what the operation that reads it first calls it."""
        tensor = origin.leaf.tensor() if origin.leaf is not None else None
        title, role = self.names.of(origin) or self._unnamed(origin, name, box, backward)
        inside = None if role in ("input", "leaf") else box
        item_id = self.new_id({"parameter": "p", "constant": "c"}.get(role, "in"))
        item = Item(item_id, role, title, inside, origin.shape, origin.dtype)
        array = tensor._array if tensor is not None else origin.array() if origin.array is not None else None
        item.data = value_text(array) if array is not None else origin.value
        gradient = self.recording.gradients.get(origin.leaf)
        if tensor is not None and tensor._grad is not None:
            gradient = tensor._grad
        if gradient is not None:
            item.measures["gradient"] = norm((gradient,))
            item.grad = value_text(getattr(gradient, "_array", gradient))
        self.place_in(inside, item)
        self.items.append(item)
        return item

    def _unnamed(self, origin: Origin, name: str, box: Box | None, backward: bool) -> tuple[str, str]:
        """Title and role of a tensor that neither the caller nor a module has a name for.

        | a leaf that is a Parameter                                   | what the operation calls it  | parameter |
        | another leaf                                                 | "leaf"                       | leaf      |
        | handed to the model                                          | "input"                      | input     |
        | one number                                                   | the number                   | constant  |
        | what a model was handed is known, or in a recorded backward  | what the operation calls it  | constant  |
        | the first tensor that the operations of modules read         | "input"                      | input     |
        | any other tensor within a module: it was made there          | what the operation calls it  | constant  |
        | one met outside modules                                      | its name there, or "input"   | input     |
        """
        word = name if name not in _LETTERS else "constant"
        if origin.leaf is not None:
            return (name or "parameter", "parameter") if isinstance(origin.leaf.tensor(), Parameter) else ("leaf", "leaf")
        if origin.given:
            return "input", "input"
        if origin.value:
            return origin.value, "constant"
        if self.recording.inputs_known or backward:
            return word, "constant"
        first = all(item.role != "input" for item in self.items)
        return (name if name not in _LETTERS else "input", "input") if box is None or first else (word, "constant")

    def add_output(self, value: Any, title: str) -> None:
        if value not in self.of_value and isinstance(value, Origin):
            self.of_value[value] = self.add_origin(value, "", None)
        source = self.of_value[value]
        shape, dtype = (value.shape, value.dtype) if isinstance(value, Origin) else value[0].results[value[1]]
        item = Item(self.new_id("out"), "output", title, None, shape, dtype)
        live = source.role in ("operation", "gradient", "parameter", "leaf")
        self.edges.append(Edge(source, item, shape, dtype, "", live))
        self.top.append(item)
        self.items.append(item)


def build(
    recording: Recording, model: Module | None, names: Mapping[str, Any], output_names: list[str | None], times: bool
) -> Content:
    """The content of the picture of ``recording``.

    Args:
        model: paths and names of parameters are those in it; without it, those in the outermost module that was called.
        names: the caller's names of leaves and inputs.
        output_names: one for each output; None for "output" with a number.
        times: take the measured times too; without them the same computation always gives the same picture.
    """
    builder = _Builder(recording, model, names, times)
    for step in recording.steps:
        builder.add_step(step)
    for value, name in zip(recording.outputs, output_names, strict=True):
        builder.add_output(value, name or "output")
    _unique_titles(builder.items)
    content = Content(builder.items, builder.edges, builder.top, "", list(recording.notes), builder.of_value)
    content.title = _title(content, model)
    return content


def name_inputs(content: Content, names: list[str]) -> None:
    """Give the first inputs and leaves these names. Raises ValueError if there are fewer of them than names."""
    unnamed = [item for item in content.items if item.role in ("input", "leaf")]
    if len(names) > len(unnamed):
        found = ", ".join(item.title for item in unnamed)
        raise ValueError(
            f"draw(): {plural(len(names), 'name')} for {plural(len(unnamed), 'input')} ({found}); to name results or "
            'parameters, pass a dict: {"loss": loss}'
        )
    for item, name in zip(unnamed, names, strict=False):
        item.title = name


def _unique_titles(items: list[Item]) -> None:
    """Tensors that share a name (the weights of layers that nobody named) get a number each."""
    groups: dict[tuple[str, bool], list[Item]] = {}
    for item in items:
        if not item.id.startswith("op") and item.title != item.data:  # equal numbers may be written twice
            groups.setdefault((item.title, item.role == "output"), []).append(item)
    for group in groups.values():
        for i, item in enumerate(group if len(group) > 1 else ()):
            item.title += f" {i + 1}"


def _title(content: Content, model: Module | None) -> str:
    count = plural(len(content.operations()), "operation")
    if model is None:
        named = [item.title for item in content.items if item.role == "output" and item.title.rstrip(" 0123456789") != "output"]
        return " · ".join([", ".join(named), count] if named else [count])
    own = list({id(p): p for p in model.parameters()}.values())
    total, size = sum(p.numel() for p in own), sum(p.nbytes for p in own)
    return f"{type(model).__name__} · {plural(total, 'parameter')} · {bytes_text(size)} · {count}"
