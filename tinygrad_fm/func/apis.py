"""``vmap``: a function of one sample, applied to a batch of them.

The function is called once for each sample, with slices of the inputs, and its results are stacked. So whatever runs here runs
within vmap, at the cost of a call for each sample: there are no rules by which an operation would take a whole batch of inputs
that each stand for one. Operations that PyTorch cannot batch work too, but what it refuses because one run stands for all
samples is refused here as well: ``.item()``, branches on a sample's values, writes into a tensor that the samples share.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import random
from .._pytree import tree_leaves, tree_map
from .._tensor import Tensor
from ..autograd.vmap_levels import level
from ..ops.functions import stack

__all__ = ["vmap"]


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """A function that applies ``func``, written for one sample, to every sample of a batch.

    Args:
        func: takes and returns tensors, also in lists, tuples and dicts.
        in_dims: along which dimension the samples lie, of all inputs, or nested as the tuple of inputs is; None for an input
            that is the same for all samples. Keyword arguments always are.
        out_dims: where the samples' dimension goes in the results, for all or nested as they are; None for a result that does
            not depend on the sample.
        randomness: "error" if ``func`` must not draw random numbers, "different" if each sample draws its own, "same" if all
            draw the same.
        chunk_size: taken as in PyTorch; the samples come one at a time anyway.

    Returns:
        A function with the arguments of ``func``. It can be differentiated, and mapped again.

    Raises:
        ValueError: ``in_dims`` or ``out_dims`` do not fit the arguments or results, sizes differ, nothing to map over.
        RuntimeError: within ``func``, for ``.item()``, a branch on a sample's value, a write into a tensor that all share.

    >>> import tinygrad_fm as torch
    >>> x, y = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 10.0])
    >>> torch.vmap(torch.dot, in_dims=(0, None))(x, y)
    tensor([21., 43.])
    >>> per_sample = torch.vmap(torch.func.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))
    >>> per_sample(y, x)
    tensor([[ 42.,  84.],
            [258., 344.]])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
        dims = _in_dims(call, in_dims, args)
        count = _sample_count(call, args, dims)
        slices = [_slices(x, dim) for x, dim in zip(tree_leaves(args), dims, strict=True)]
        before = random.get_rng_state() if randomness == "same" else None
        rows: list[Any] = []
        with level(may_draw=randomness != "error") as mark:
            for k in range(max(count, 1)):  # without samples, one of zeros tells the shapes of the results
                if before is not None:
                    random.set_rng_state(before)
                leaves = [row if dim is None else _marked(row[k], mark) for row, dim in zip(slices, dims, strict=True)]
                rows.append(func(*_with_leaves(args, leaves), **kwargs))
        return _gathered(func, rows, out_dims, count, mark)

    return mapped


def _with_leaves(tree: Any, leaves: list[Any]) -> Any:
    """The structure of ``tree`` with other leaves, in order."""
    rest = iter(leaves)
    return tree_map(lambda _: next(rest), tree)


def _name(func: Any) -> str:
    return getattr(func, "__name__", None) or repr(func)


def _in_dims(call: str, in_dims: Any, args: tuple[Any, ...]) -> list[int | None]:
    """For each leaf of ``args`` the dimension along which its samples lie, or None."""
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: "
            f"{type(in_dims)}."
        )
    if not list(tree_leaves(args)):
        raise ValueError(
            f"{call}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no inputs. "
            "The latter is unsupported."
        )
    dims = _spread(in_dims, args)
    if dims is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`: in_dims is {in_dims}, the inputs are "
            f"{tree_map(lambda leaf: type(leaf).__name__, args)}."
        )
    return dims


def _spread(dims: Any, tree: Any) -> list[Any] | None:
    """``dims``, an int or None for all of ``tree`` or a structure like it, for each leaf; None where they do not fit."""
    if dims is None or isinstance(dims, int):
        return [dims for _ in tree_leaves(tree)]
    if isinstance(dims, Mapping) and isinstance(tree, Mapping) and dims.keys() == tree.keys():
        pairs = [(dims[key], part) for key, part in tree.items()]
    elif isinstance(dims, Sequence) and isinstance(tree, Sequence) and len(dims) == len(tree):
        pairs = list(zip(dims, tree, strict=True))
    else:
        return None
    found = [_spread(*pair) for pair in pairs]
    return None if None in found else [dim for part in found if part is not None for dim in part]


def _sample_count(call: str, args: tuple[Any, ...], dims: list[int | None]) -> int:
    """How many samples there are; raises unless all inputs that are mapped agree."""
    sizes = []
    for x, dim in zip(tree_leaves(args), dims, strict=True):
        if dim is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but the input is of type {type(x)}. We cannot vmap over non-Tensor "
                "arguments, please use None as the respective in_dim"
            )
        if not -x.ndim <= dim < x.ndim:
            raise ValueError(
                f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {x.ndim} so expected "
                f"in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}."
            )
        sizes.append(x.shape[dim])
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped "
            "dimension"
        )
    return sizes[0]


def _slices(x: Any, dim: int | None) -> Any:
    """The samples of ``x``, one of zeros if there are none; ``x`` itself where all share it."""
    if dim is None:
        return x
    if not x.shape[dim]:
        return [x.new_zeros([n for d, n in enumerate(x.shape) if d != dim % x.ndim])]
    if x.requires_grad:
        return x.unbind(dim)  # as one operation, whose gradient is one array
    return [x.select(dim, k) for k in range(x.shape[dim])]


def _marked(x: Tensor, mark: int) -> Tensor:
    x._mapped |= mark
    return x


def _gathered(func: Any, rows: list[Any], out_dims: Any, count: int, mark: int) -> Any:
    """The results of all samples as one: stacked where ``out_dims`` says."""
    name, leaves = _name(func), [list(tree_leaves(row)) for row in rows]
    dims = _spread(out_dims, rows[0])
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`, "
            f"which are {tree_map(lambda leaf: type(leaf).__name__, rows[0])}."
        )
    found = []
    for dim, values in zip(dims, zip(*leaves, strict=True), strict=True):
        if dim is None:
            if getattr(values[0], "_mapped", 0) & mark:
                raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
            found.append(values[-1])
            continue
        if not all(isinstance(value, Tensor) for value in values):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(values[0])}. Did you mean to set "
                "out_dims= to None for output?"
            )
        whole = stack(list(values), dim)
        whole._mapped &= ~mark
        found.append(whole if count else whole.narrow(dim, 0, 0))
    return _with_leaves(rows[0], found)
