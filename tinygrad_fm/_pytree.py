"""Values in nested lists, tuples and dicts, as functions take and return them: one walk for all who need one.

A container is a mapping or a sequence that is not text; all else is a leaf. The names are those of PyTorch's ``utils._pytree``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

from .autograd.box import is_tensor

__all__ = ["like", "replace_tensors", "tensors_in", "tree_leaves", "tree_map"]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def tree_leaves(value: Any) -> Iterator[Any]:
    """The leaves of ``value`` in the order of its structure.

    >>> list(tree_leaves({"a": (1, "text"), "b": [2.5, None]}))
    [1, 'text', 2.5, None]
    """
    if isinstance(value, Mapping):
        for part in value.values():
            yield from tree_leaves(part)
    elif _is_sequence(value):
        for part in value:
            yield from tree_leaves(part)
    else:
        yield value


def tree_map(function: Callable[[Any], Any], value: Any) -> Any:
    """The structure of ``value`` with ``function(leaf)`` in place of each leaf.

    >>> tree_map(abs, {"a": (-1, 2), "b": [-3.5]})
    {'a': (1, 2), 'b': [3.5]}
    """
    if isinstance(value, Mapping):
        return like(value, {key: tree_map(function, part) for key, part in value.items()})
    if _is_sequence(value):
        return like(value, [tree_map(function, part) for part in value])
    return function(value)


def tensors_in(value: Any) -> list[Any]:
    """The leaves that are Tensors, in order."""
    return [leaf for leaf in tree_leaves(value) if is_tensor(leaf)]


def replace_tensors(value: Any, tensors: Iterable[Any]) -> Any:
    """The structure of ``value`` with ``tensors``, as many and in the order of :func:`tensors_in`, in place of its own."""
    rest = iter(tensors)
    return tree_map(lambda leaf: next(rest) if is_tensor(leaf) else leaf, value)


def like(model: Any, parts: Any) -> Any:
    """``parts``, a list or dict, in the container type of ``model``; as they are where that type cannot be built of them."""
    try:
        if hasattr(model, "_fields"):  # a named tuple
            return type(model)(*parts)
        if not isinstance(model, (MutableMapping, MutableSequence)):
            return type(model)(parts)
        result = copy.copy(model)  # keeps what else it holds, a default factory say
        if isinstance(result, MutableMapping):
            result.update(parts)
        else:
            for i, part in enumerate(parts):
                result[i] = part
        return result
    except TypeError:  # e.g. range, or a mapping whose constructor wants something else
        return parts
