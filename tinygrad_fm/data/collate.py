"""How a list of samples becomes a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._pytree import like
from .._tensor import Tensor
from ..ops.creation import from_numpy

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Join B samples of one kind into a batch, structure by structure, as PyTorch's ``default_collate``.

    Tensors and arrays are stacked along a new first dimension; floats become a float64 tensor (B,), integers int64,
    bools bool; strings and bytes stay as they are, in a list or a tuple; mappings, named tuples and sequences keep their
    form with every field collated, except that a plain tuple becomes a list.

    Raises:
        TypeError: samples are of a kind that cannot be joined; use a ``collate_fn`` of your own for those.
        RuntimeError: shapes or lengths differ.
        KeyError: samples lack each other's keys.
        ValueError: the list is empty.

    >>> default_collate([{"size": 1, "name": "a"}, {"size": 2, "name": "b"}])["name"]
    ['a', 'b']
    >>> [part.tolist() for part in default_collate([(0, 1.5), (1, 2.5)])]
    [[0, 1], [1.5, 2.5]]
    """
    if not batch:
        raise ValueError("default_collate: there are no samples to join")
    first = batch[0]
    if isinstance(first, str | bytes):  # before NumPy's scalars: its strings are both
        return batch
    if isinstance(first, Tensor | np.ndarray | np.generic):
        return _stack(batch)
    if isinstance(first, bool | int | float):
        return from_numpy(_numbers(batch))
    if isinstance(first, Mapping):
        return _rebuild(first, {key: default_collate([_field(sample, key) for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise RuntimeError(
                f"each element in list of batch should be of equal size, but the samples have {sorted(lengths)} fields"
            )
        return _rebuild(first, [default_collate(field) for field in zip(*batch, strict=True)])
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}: give the DataLoader a collate_fn"
    )


def default_convert(sample: Any) -> Any:
    """Turn the arrays inside one sample into tensors and leave all else as it is.

    >>> import numpy as np
    >>> default_convert({"x": np.zeros(3), "name": "a"})["x"].shape == (3,)
    True
    """
    if isinstance(sample, np.ndarray | np.generic) and sample.dtype.kind in "biufc":
        return from_numpy(np.asarray(sample))
    if isinstance(sample, Mapping):
        return _rebuild(sample, {key: default_convert(value) for key, value in sample.items()})
    if isinstance(sample, Sequence) and not isinstance(sample, str | bytes):
        return _rebuild(sample, [default_convert(value) for value in sample])
    return sample


def _stack(samples: Sequence[Any]) -> Tensor:
    if any(isinstance(sample, Tensor) and sample.requires_grad for sample in samples):
        from ..ops.functions import stack  # only here are samples part of a graph

        return stack(samples)
    arrays = [sample._array if isinstance(sample, Tensor) else np.asarray(sample) for sample in samples]
    if arrays[0].dtype.kind not in "biufc":
        raise TypeError(f"default_collate: an array of dtype {arrays[0].dtype} cannot become a tensor")
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise RuntimeError(f"default_collate: samples are to be of equal size, but have the shapes {sorted(shapes)}")
    return from_numpy(np.stack(arrays))


def _numbers(samples: Sequence[Any]) -> np.ndarray[Any, Any]:
    if not all(isinstance(sample, bool | int | float) for sample in samples):
        raise TypeError(f"default_collate: numbers mixed with { ({type(s).__name__ for s in samples}) }")
    if isinstance(samples[0], float):
        return np.array(samples, np.float64)
    array = np.array(samples)
    # as PyTorch: the first one decides, and whole numbers are int64 on every machine
    return array.astype({"f": np.float32, "i": np.int64}.get(array.dtype.kind, array.dtype), copy=False)


def _field(sample: Any, key: Any) -> Any:
    if not isinstance(sample, Mapping) or key not in sample:
        raise KeyError(f"default_collate: a sample has no field {key!r}, which the first sample has")
    return sample[key]


def _rebuild(model: Any, fields: Any) -> Any:
    """``fields`` in the container type of ``model``, but a list for a plain tuple."""
    return fields if type(model) is tuple else like(model, fields)
