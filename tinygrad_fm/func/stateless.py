"""A module with other tensors in place of its own, and several modules as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._tensor import Tensor
from ..ops.functions import stack

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other tensors in place of its parameters and buffers.

    Args:
        parameter_and_buffer_dicts: {name: tensor}, names as in ``named_parameters()`` and ``named_buffers()``; those left out
            stay. A sequence of such dicts is taken as one.
        args: the module's argument, or a tuple of them.
        tie_weights: whether a tensor that the module has under several names is replaced under all of them.
        strict: whether the names must be the module's, all of them and no others.

    Raises:
        KeyError: a name that the module does not have; PyTorch passes over it.
        ValueError: a name in several dicts, or two values for one tensor of several names.
        RuntimeError: names are missing or unexpected, with ``strict``.

    >>> import tinygrad_fm as torch
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> torch.func.functional_call(layer, {"weight": torch.tensor([[1.0, 10.0]])}, torch.tensor([3.0, 4.0]))
    tensor([43.])
    """
    given = _as_one(parameter_and_buffer_dicts)
    own = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    for what, names in (("Missing", own.keys() - given.keys()), ("Unexpected", given.keys() - own.keys())):
        if strict and names:
            raise RuntimeError(f"{what} key(s): {', '.join(map(repr, sorted(names)))}.")
    if tie_weights:
        given = _tied(given, own)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    held: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, tensor in given.items():
            prefix, _, name = path.rpartition(".")
            if path not in own:
                raise KeyError(f"functional_call(): the module has no parameter or buffer '{path}'")
            owner = module.get_submodule(prefix)
            table = owner._parameters if name in owner._parameters else owner._buffers
            held.append((table, name, table[name]))
            table[name] = tensor
        return module(*arguments, **(kwargs or {}))
    finally:
        for table, name, tensor in reversed(held):
            table[name] = tensor


def _as_one(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence) or not all(isinstance(part, dict) for part in dicts):
        raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}")
    merged: dict[str, Any] = {}
    for part in dicts:
        repeated = merged.keys() & part.keys()
        if repeated:
            raise ValueError(f"{min(repeated)} appears in multiple dictionaries; behavior of functional call is ambiguous")
        merged |= part
    return merged


def _tied(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """``given``, with each value also under the other names of the module's tensor that it stands for."""
    found = dict(given)
    for path, tensor in given.items():
        for other, value in own.items():
            if other == path or path not in own or value is not own[path]:
                continue
            if other in given and given[other] is not tensor:
                raise ValueError(f"functional_call got multiple values for keys {sorted([path, other])}, which are tied.")
            found[other] = tensor
    return found


def stack_module_state(models: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of several models of one architecture, each stacked: ``(params, buffers)``, two dicts.

    With :func:`functional_call` and :func:`vmap` the models run as one, an ensemble.

    Raises:
        RuntimeError: no models, or they differ in class, in training mode, or in what requires a gradient.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.func import functional_call, stack_module_state, vmap
    >>> models = [torch.nn.Linear(2, 3) for _ in range(4)]
    >>> params, buffers = stack_module_state(models)
    >>> params["weight"].shape
    torch.Size([4, 3, 2])
    >>> vmap(lambda p, x: functional_call(models[0], p, x), in_dims=(0, None))(params, torch.ones(5, 2)).shape
    torch.Size([4, 5, 3])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    return _stacked([dict(m.named_parameters()) for m in models]), _stacked([dict(m.named_buffers()) for m in models])


def _stacked(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    found = {}
    for name in states[0]:
        tensors = [state[name] for state in states]
        if len({t.requires_grad for t in tensors}) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        found[name] = stack([t.detach() for t in tensors]).requires_grad_(tensors[0].requires_grad)
    return found


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Have every batch norm in ``root`` use the statistics of what it is given, and keep none, as vmap needs it. Returns it.

    >>> import tinygrad_fm as torch
    >>> torch.func.replace_all_batch_norm_modules_(torch.nn.BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if "running_mean" in module._buffers and "num_batches_tracked" in module._buffers:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
