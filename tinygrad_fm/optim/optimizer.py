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

from .._pytree import tree_map
from .._tensor import Tensor
from ..autograd import enable_grad
from ..autograd.box import box
from ..autograd.hooks import Removable
from ..nn.parameter import clear_gradients

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

Closure = Callable[[], Any]
Group = dict[str, Any]
Hooks = dict[int, Callable[..., Any]]

#: Called around every optimizer's steps, outside its own hooks.
_global_pre_hooks: Hooks = {}
_global_post_hooks: Hooks = {}


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

    Raises:
        TypeError: ``params`` is a tensor instead of an iterable of them.
        ValueError: ``params`` is empty.

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
        self._make_hooks()
        self.defaults = dict(defaults)
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._step_calls = 0  # lets a scheduler notice that it was stepped before the optimizer,
        self._scheduled_step: Any = None  # and this that another ``step`` has since been put on the optimizer
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def _make_hooks(self) -> None:
        self._step_pre_hooks: Hooks = {}
        self._step_post_hooks: Hooks = {}
        self._state_dict_pre_hooks: Hooks = {}
        self._state_dict_post_hooks: Hooks = {}
        self._load_state_dict_pre_hooks: Hooks = {}
        self._load_state_dict_post_hooks: Hooks = {}

    def __getstate__(self) -> dict[str, Any]:
        # A copy has no hooks, as in PyTorch: they may hold on to what is not to be copied.
        return {name: value for name, value in self.__dict__.items() if not name.endswith("_hooks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._make_hooks()
        self.__dict__.update(state)

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
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [param[0] for param in params if isinstance(param, tuple)]
        require(
            len(names) in (0, len(params)), "all optimizer params should be with/without names. Some param names are missing"
        )
        params = [param[1] if isinstance(param, tuple) else param for param in params]
        group = {**self.defaults, **param_group, "params": params, **({"param_names": names} if names else {})}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not (param.is_leaf or param.retains_grad or self.defaults.get("differentiable")):
                raise ValueError("can't optimize a non-leaf Tensor")
        for option, value in group.items():
            require(
                value is not required, f"parameter group didn't specify a value of required optimization parameter {option}"
            )
        if len(set(params)) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                UserWarning,
                stacklevel=3,
            )
        require(
            all(("param_names" in other) == ("param_names" in group) for other in self.param_groups),
            "all optimizer param groups should be with/without names. cannot add param group "
            f"{'with' if 'param_names' in group else 'without'} names to the optimizer",
        )
        require(
            set(params).isdisjoint(chain.from_iterable(other["params"] for other in self.param_groups)),
            "some parameters appear in more than one parameter group",
        )
        param_group.update(group)  # the dict that was given becomes the group, as in PyTorch
        self.param_groups.append(param_group)

    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's form: ``{"state": {position: {name: Tensor}}, "param_groups": [{..., "params": [0,
        1]}]}``.

        Tensors are the live ones, as in PyTorch: copy or save them before stepping on.
        """
        for hook in tuple(self._state_dict_pre_hooks.values()):
            hook(self)
        position: dict[Tensor, int] = {}
        for i, param in enumerate(chain.from_iterable(group["params"] for group in self.param_groups)):
            position.setdefault(param, i)
        groups = [{**group, "params": [position[param] for param in group["params"]]} for group in self.param_groups]
        state = {position[key] if isinstance(key, Tensor) else key: entry for key, entry in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in tuple(self._state_dict_post_hooks.values()):
            result = _unless_none(hook(self, result), result)
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that ``state_dict`` gave: ours, or PyTorch's (its tensors or their arrays).

        Floating-point state is cast to its parameter's dtype, ``step`` is kept as it is; everything is copied.

        Raises:
            ValueError: where groups, their sizes or the shapes of the state do not match; nothing has changed then.
        """
        state_dict = dict(state_dict)
        for hook in tuple(self._load_state_dict_pre_hooks.values()):
            state_dict = _unless_none(hook(self, state_dict), state_dict)
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
            {
                **self.defaults,
                **({"param_names": ours["param_names"]} if "param_names" in ours else {}),
                **copy.deepcopy({**theirs, "params": None}),
                "params": ours["params"],
            }
            for ours, theirs in zip(self.param_groups, groups, strict=True)
        ]
        for hook in tuple(self._load_state_dict_post_hooks.values()):
            hook(self)

    def _restored(self, name: str, value: Any, param: Tensor, position: Any) -> Any:
        """One loaded value of a parameter's state: a Tensor of our own where it is an array, else the value itself."""

        def restored(leaf: Any) -> Any:
            if isinstance(leaf, (bool, int, float, str, type(None))):
                return leaf
            # PyTorch's tensors give their array.
            array = np.array(leaf._array if isinstance(leaf, Tensor) else np.asarray(leaf))
            if name != "step" and array.dtype.kind == "f" and param._array.dtype.kind == "f":
                array = array.astype(param._array.dtype)
            return box(array)

        return tree_map(restored, value)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Removable:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return other ``(args, kwargs)`` for it.

        ``args`` begins with the optimizer itself, as in PyTorch. The handle's ``remove()`` takes the hook away.

        Example:
            >>> import tinygrad_fm as torch
            >>> w = torch.ones(1, requires_grad=True)
            >>> optimizer = torch.optim.SGD([w])
            >>> handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: print("now"))
            >>> optimizer.step()
            now
        """
        return Removable(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> Removable:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return Removable(self._step_post_hooks, hook)

    def _changed_by_hooks(self, step: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Call the hooks before a step; the arguments that they leave it."""
        for hook in (*_global_pre_hooks.values(), *self._step_pre_hooks.values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}.")
                args, kwargs = changed
        return args, kwargs

    def register_state_dict_pre_hook(self, hook: Callable[[Optimizer], None], prepend: bool = False) -> Removable:
        """Call ``hook(optimizer)`` before each ``state_dict()``; before the other hooks, if ``prepend``."""
        return _registered(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[[Optimizer, dict[str, Any]], dict[str, Any] | None], prepend: bool = False
    ) -> Removable:
        """Call ``hook(optimizer, state_dict)`` after each ``state_dict()``; it may change or replace the result."""
        return _registered(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[[Optimizer, dict[str, Any]], dict[str, Any] | None], prepend: bool = False
    ) -> Removable:
        """Call ``hook(optimizer, state_dict)`` before each ``load_state_dict``; it may change or replace what is loaded."""
        return _registered(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[[Optimizer], None], prepend: bool = False) -> Removable:
        """Call ``hook(optimizer)`` after each ``load_state_dict``."""
        return _registered(self._load_state_dict_post_hooks, hook, prepend)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] if i else []  # as PyTorch prints it
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


def require(condition: bool, message: str) -> None:
    """Raise a ValueError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(message)


def checked_options(**options: Any) -> dict[str, Any]:
    """``options``, the defaults of an optimizer's groups, once those that many optimizers have are found to be in order.

    ``foreach``, ``fused``, ``capturable`` and ``differentiable`` say how a step is computed; they are kept so that a state_dict
    has PyTorch's keys. ``foreach`` and ``fused`` ask for speed and change no value: a step is always fused here, unless it is
    to be ``differentiable``. ``capturable`` asks for what there is not.

    Raises ValueError for a value that no optimizer takes, RuntimeError for two that exclude each other.
    """
    lr, weight_decay, eps, betas = (options.get(name, 0) for name in ("lr", "weight_decay", "eps", "betas"))
    require(not isinstance(lr, Tensor) or lr.numel() == 1, "Tensor lr must be 1-element")
    require(lr >= 0, f"Invalid learning rate: {lr}")
    require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
    require(eps >= 0, f"Invalid epsilon value: {eps}")
    for i, beta in enumerate(betas or ()):
        require(0 <= beta < 1, f"Invalid beta parameter at index {i}: {beta}")
    require(not options.get("capturable"), "capturable=True is for CUDA graphs, which do not exist here")
    if options.get("fused") and options.get("differentiable"):
        raise RuntimeError("`fused` does not support `differentiable`")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    return options


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> Removable:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer; see `Optimizer.register_step_pre_hook`."""
    return Removable(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., None]) -> Removable:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer."""
    return Removable(_global_post_hooks, hook)


def _registered(hooks: Hooks, hook: Callable[..., Any], prepend: bool) -> Removable:
    before = dict(hooks) if prepend else {}
    handle = Removable(hooks, hook)
    for key in before:
        hooks[key] = hooks.pop(key)
    return handle


def _unless_none(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step`` with the hooks around it, counting its calls on the optimizer."""

    @functools.wraps(step)
    def hooked_step(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        if type(self).step is not hooked_step:  # called by the step of a subclass, which has done all this
            return step(*args, **kwargs)
        self._step_calls += 1
        if _global_pre_hooks or self._step_pre_hooks:
            args, kwargs = self._changed_by_hooks(step, args, kwargs)
        result = step(*args, **kwargs)
        if _global_post_hooks or self._step_post_hooks:
            for hook in (*self._step_post_hooks.values(), *_global_post_hooks.values()):
                hook(self, args, kwargs)
        return result

    return hooked_step
