"""What a row of the table of operations is, and how it is called (the rows are in ``cases``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tinygrad_fm
from tinygrad_fm.ops import functions as ops

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# how the distinct numbers u in (0, 1), evenly spaced and shuffled, become inputs
DOMAINS: dict[str, Callable[[Array], Array]] = {
    # a little out of step, so that no quotient or difference of two is a whole number
    "real": lambda u: 4.1 * u - 2.05 + 0.01 * np.sin(1000 * u),
    "positive": lambda u: 0.3 + 2.5 * u,
    "unit": lambda u: 1.9 * u - 0.95,
    "probability": lambda u: 0.05 + 0.9 * u,
    "above one": lambda u: 1.1 + 2 * u,
}


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    reference: Callable[..., Any]
    shapes: tuple[Shape, ...]
    domain: str = "real"
    broadcasts: bool = False
    call: Callable[..., Any] | None = None
    empty: tuple[Shape, ...] | None = ()
    bare: bool = True
    static: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = "x".join("·".join(map(str, shape)) or "0d" for shape in self.shapes)
        options = ",".join(f"{key}={value}" for key, value in self.static.items() if not isinstance(value, np.ndarray))
        return f"{self.name}-{shapes}" + (f"-{options}" if options else "")

    def run(self, *inputs: Any) -> Any:
        """The operation on ``inputs``, Tensors or arrays."""
        if self.call is not None:
            return self.call(*inputs)
        return function(self.name)(*inputs, **self.static)

    def draw(self, dtype: Any = np.float64, shapes: tuple[Shape, ...] | None = None, seed: int = 0) -> list[Array]:
        """Inputs from the case's domain, no two values equal, none zero."""
        shapes = self.shapes if shapes is None else shapes
        sizes = [int(np.prod(shape)) for shape in shapes]
        total = sum(sizes) + sum(sizes) % 2  # an even number of steps leaves zero out
        u = (np.random.default_rng(seed).permutation(total) + 0.5) / max(total, 1)
        parts = np.split(u[: sum(sizes)], np.cumsum(sizes)[:-1])
        spread = DOMAINS[self.domain]
        return [spread(part).reshape(shape).astype(dtype) for part, shape in zip(parts, shapes, strict=True)]

    def empty_shapes(self) -> tuple[Shape, ...] | None:
        """The shapes of the size-0 call, None if there is none."""
        if self.empty == ():
            return tuple((0, *shape[1:]) if shape else shape for shape in self.shapes)
        return self.empty


def C(name: str, reference: Callable[..., Any], *shapes: Shape, **options: Any) -> Case:
    """A row; keywords that are not options of the row are arguments of the call."""
    own = {key: options.pop(key) for key in list(options) if key in Case.__dataclass_fields__}
    return Case(name, reference, shapes, static=options, **own)


# -- what there is to test ---------------------------------------------------------------------------------------------


def public_ops() -> dict[str, Callable[..., Any]]:
    """Every function of tinygrad_fm.ops that users can reach, by name: as a function, a method, in special or nn.functional;
    those of linalg by that name with ``linalg.`` before it."""
    reachable = (
        vars(tinygrad_fm).keys()
        | vars(tinygrad_fm.special).keys()
        | vars(tinygrad_fm.nn.functional).keys()
        | set(dir(tinygrad_fm.Tensor))
    )
    found = {
        name: value
        for name, value in vars(ops).items()
        if name in reachable and callable(value) and not inspect.isclass(value) and not name.startswith("_")
    }
    linalg = {f"linalg.{name}": getattr(tinygrad_fm.linalg, name) for name in tinygrad_fm.linalg.__all__}
    return found | {name: value for name, value in linalg.items() if not inspect.isclass(value)}


PUBLIC = public_ops()


def function(name: str) -> Callable[..., Any]:
    """The operation of that name."""
    return PUBLIC[name]
