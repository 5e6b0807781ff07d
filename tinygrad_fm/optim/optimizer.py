"""What every optimizer is: parameter groups, per-parameter state, and PyTorch's form of saving them.

A group is a plain dict, ``{"params": [...], "lr": ..., ...}``, and its options are read anew at every step, so a
schedule only has to write ``group["lr"]``. State is ``state[parameter][name]``; saved, a parameter is its position
over all groups.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import enable_grad
from ..autograd.primitive import box
from ..nn.utils.clip_grad import clear_gradients
from ..tensor import Tensor

Closure = Callable[[], Any]
Group = dict[str, Any]


class Optimizer:
    """Base class of all optimizers, and of your own.

    A subclass calls ``super().__init__(params, defaults)`` and defines ``step``; it may keep what it likes in
    ``self.state[parameter]``.

    Args:
        params: an iterable of tensors, of ``(name, tensor)`` pairs, or of dicts ``{"params": ..., option: value}``.
        defaults: the options of a group that does not give its own.

    Attributes:
        param_groups: list of dicts, each with ``"params"`` and every option of ``defaults``.
        state: ``{parameter: {name: Tensor}}``, filled as parameters receive their first gradient.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import Optimizer
        >>> from tinygrad_fm import tensor
        >>> class SignSGD(Optimizer):
        ...     def __init__(self, params, lr=0.5):
        ...         super().__init__(params, {"lr": lr})
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 p.data -= group["lr"] * p.grad.sign()
        >>> w = tensor(np.zeros(2), requires_grad=True)
        >>> w.grad = tensor(np.array([3.0, -7.0]))
        >>> SignSGD([w]).step()
        >>> w.tolist()
        [-0.5, 0.5]
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, (Tensor, np.ndarray)):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got a {type(params).__name__}"
            )
        self.defaults = dict(defaults)
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._step_calls = 0  # lets a scheduler notice that it was stepped before the optimizer
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _counted(cls.__dict__["step"])  # type: ignore[method-assign]

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient once.

        Args:
            closure: evaluates the model anew and returns the loss; called first, with gradients enabled.

        Returns:
            What ``closure`` returned, or None.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: drop ``.grad`` altogether (the default: the next backward need not add), or fill it with zeros.
        """
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, say a layer that is unfrozen late in training.

        Args:
            param_group: ``{"params": a tensor or an iterable of them, option: value, ...}``; options not given take the
                optimizer's defaults.

        Raises:
            TypeError: for what is not a dict of tensors in a definite order.
            ValueError: for a non-leaf, a parameter of another group, or a missing option without default.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the order of a set "
                "changes between runs: pass a list"
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        group = {**self.defaults, **param_group}
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            params = [param for _, param in params]
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if missing := [option for option, value in group.items() if value is required]:
            raise ValueError(f"parameter group didn't specify a value of required optimization parameter {missing[0]}")
        if len(set(params)) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                UserWarning,
                stacklevel=3,
            )
        if not set(params).isdisjoint(chain.from_iterable(g["params"] for g in self.param_groups)):
            raise ValueError("some parameters appear in more than one parameter group")
        group["params"] = params
        self.param_groups.append(group)

    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's form: ``{"state": {position: {name: Tensor}}, "param_groups": [{..., "params": [0,
        1]}]}``.

        Tensors are the live ones, as in PyTorch: copy or save them before stepping on.
        """
        position = {param: i for i, param in enumerate(chain.from_iterable(g["params"] for g in self.param_groups))}
        groups = [{**group, "params": [position[param] for param in group["params"]]} for group in self.param_groups]
        state = {position[key] if isinstance(key, Tensor) else key: dict(entry) for key, entry in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that ``state_dict`` gave: ours, or PyTorch's (its tensors or their arrays).

        Floating-point state is cast to its parameter's dtype, ``step`` is kept as it is; everything is copied.

        Raises:
            ValueError: where groups, their sizes or the shapes of the state do not match; nothing has changed then.
        """
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(groups)} where this optimizer has {len(self.param_groups)}"
            )
        for i, (ours, theirs) in enumerate(zip(self.param_groups, groups, strict=True)):
            if len(ours["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    f"optimizer's group: group {i} has {len(theirs['params'])} parameters there, "
                    f"{len(ours['params'])} here"
                )
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        owner = dict(zip(chain.from_iterable(group["params"] for group in groups), params, strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, entry in state_dict["state"].items():
            if key in owner:
                state[owner[key]] = {name: self._restored(name, v, owner[key], key) for name, v in entry.items()}
            else:
                state[key] = copy.deepcopy(entry)
        self.state = state
        self.param_groups = [
            {**self.defaults, **copy.deepcopy({**theirs, "params": None}), "params": ours["params"]}
            for ours, theirs in zip(self.param_groups, groups, strict=True)
        ]

    def _restored(self, name: str, value: Any, param: Tensor, position: Any) -> Any:
        """One loaded value of a parameter's state: a Tensor of our own where it is an array, else the value itself."""
        if isinstance(value, Tensor):
            value = value._array
        elif isinstance(value, (bool, int, float, str, type(None))):
            return value
        array = np.asarray(value).copy()  # also PyTorch's tensors, which give their array
        if name != "step" and array.dtype.kind == "f" and param._array.dtype.kind == "f":
            array = array.astype(param._array.dtype)
        return box(array)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {option}: {group[option]}" for option in sorted(group) if option != "params"]
        return "\n".join([*lines, ")"])


class _Required:
    """The default of an option that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()


def run_closure(closure: Closure | None) -> Any:
    """Call ``closure`` with gradients enabled, whatever the mode around ``step``; None without one."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


def check_options(**options: tuple[float, bool]) -> None:
    """Raise a ValueError for the first option, ``what=(value, valid)``, that is not valid; ``__`` reads as a space."""
    for what, (value, valid) in options.items():
        if not valid:
            raise ValueError(f"Invalid {what.replace('__', ' ')}: {value}")


def execution_options(foreach: bool | None, capturable: bool, differentiable: bool, fused: bool | None) -> dict[str, Any]:
    """PyTorch's options for *how* a step is computed, kept in the groups so that a state_dict has PyTorch's keys.

    ``foreach`` and ``fused`` ask for speed and change no value; a step is always fused here. The other two ask for what
    there is not.
    """
    if capturable:
        raise ValueError("capturable=True is for CUDA graphs, which do not exist here")
    if differentiable:
        raise ValueError("differentiable=True is not supported: the update works in place, outside the tape")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    return {"foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused}


def _counted(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step``, counting its calls on the optimizer."""

    @functools.wraps(step)
    def counted_step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._step_calls += 1
        return step(self, *args, **kwargs)

    return counted_step
