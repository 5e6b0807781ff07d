"""What an optimizer does besides stepping, against PyTorch's: hooks, groups, states, errors. One program, both libraries."""

from __future__ import annotations

import copy
import importlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_fm
import tinygrad_fm.optim

torch = pytest.importorskip("torch")
LIBRARIES = (tinygrad_fm, torch)

NAMES = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop"]


def seen(value: Any) -> Any:
    """A result with its tensors as rounded lists."""
    if isinstance(value, (tinygrad_fm.Tensor, torch.Tensor)):
        return str(value.dtype).split(".")[-1], [round(x, 5) for x in value.detach().reshape(-1).tolist()]
    if isinstance(value, dict):
        return {key: seen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [seen(item) for item in value]
    return value


def outcome(program: Callable[[Any], Any], lib: Any) -> Any:
    """What a program gives, or the class of what it raises, and the classes of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = seen(program(lib))
        except Exception as error:
            result = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return result, [warning.category for warning in caught]


def params(lib: Any, count: int = 2) -> list[Any]:
    found = [lib.nn.Parameter(lib.tensor([1.0 + i, -2.0])) for i in range(count)]
    for i, p in enumerate(found):
        p.grad = lib.tensor([0.5, 1.0 + i])
    return found


def adam(lib: Any, **options: Any) -> Any:
    return lib.optim.Adam(params(lib), **options)


def stepped(optimizer: Any, steps: int = 2) -> Any:
    for _ in range(steps):
        optimizer.step()
    return optimizer


def hooks_around_steps(lib: Any) -> Any:
    calls: list[Any] = []
    a, b = adam(lib), adam(lib)

    def note(name: str) -> Callable[..., None]:
        return lambda optimizer, args, kwargs: calls.append((name, optimizer is a, args[0] is optimizer, sorted(kwargs)))

    register = importlib.import_module(f"{lib.__name__}.optim.optimizer")
    handles = [
        a.register_step_pre_hook(note("before")),
        a.register_step_pre_hook(note("before, second")),
        a.register_step_post_hook(note("after")),
        register.register_optimizer_step_pre_hook(note("before any")),
        register.register_optimizer_step_post_hook(note("after any")),
    ]
    try:
        a.step()
        b.step(closure=None)
    finally:
        for handle in handles:
            handle.remove()
    a.step()
    return calls


def hooks_that_change_arguments(lib: Any) -> Any:
    a = adam(lib)
    a.register_step_pre_hook(lambda optimizer, args, kwargs: ((optimizer, lambda: "its loss"), {}))
    return a.step()


def a_hook_that_returns_something_else(lib: Any) -> Any:
    a = adam(lib)
    a.register_step_pre_hook(lambda optimizer, args, kwargs: 1)
    a.step()


def hooks_of_state(lib: Any) -> Any:
    a, calls = stepped(adam(lib)), []
    a.register_state_dict_pre_hook(lambda optimizer: calls.append("before"))
    a.register_state_dict_pre_hook(lambda optimizer: calls.append("first"), prepend=True)
    a.register_state_dict_post_hook(lambda optimizer, state: calls.append(sorted(state)))
    a.register_state_dict_post_hook(lambda optimizer, state: {"state": state["state"], "instead": 1})
    result = a.state_dict()
    return calls, sorted(result), sorted(result["state"])


def hooks_of_loading(lib: Any) -> Any:
    a, b, calls = stepped(adam(lib)), adam(lib), []
    state = a.state_dict()
    b.register_load_state_dict_pre_hook(lambda optimizer, state: state["param_groups"][0].update(lr=0.5))
    b.register_load_state_dict_pre_hook(lambda optimizer, state: {**state, "state": {}})
    b.register_load_state_dict_pre_hook(lambda optimizer, state: calls.append(len(state["state"])), prepend=True)
    b.register_load_state_dict_post_hook(lambda optimizer: calls.append(optimizer.param_groups[0]["lr"]))
    b.load_state_dict(state)
    return calls, len(b.state)


def a_copy_without_hooks(lib: Any) -> Any:
    a, calls = adam(lib), []
    a.register_step_pre_hook(lambda *args: calls.append(1))
    copy.deepcopy(a).step()
    return calls


def steps_that_are_numbers(lib: Any) -> Any:
    a = stepped(adam(lib))
    state = a.state_dict()
    for entry in state["state"].values():
        entry["step"] = entry["step"].item()
    a.load_state_dict(state)
    return stepped(a).state_dict()["state"]


def repeated_groups(lib: Any) -> Any:
    a = adam(lib)
    a.param_groups.extend(a.param_groups)
    return [group["params"] for group in a.state_dict()["param_groups"]]


def old_states(lib: Any) -> Any:
    a = stepped(adam(lib))
    state = copy.deepcopy(a.state_dict())
    for option in ("maximize", "foreach", "fused", "capturable", "differentiable", "amsgrad"):
        del state["param_groups"][0][option]
    a.load_state_dict(state)
    return stepped(a).state_dict()


def names_and_loading(lib: Any) -> Any:
    named = lib.optim.SGD([(f"w{i}", p) for i, p in enumerate(params(lib))], lr=0.1)
    plain, others = lib.optim.SGD(params(lib), lr=0.2), lib.optim.SGD([("x", p) for p in params(lib)], lr=0.3)
    state = named.state_dict()
    found = [copy.deepcopy(state["param_groups"])]
    named.load_state_dict(plain.state_dict())
    found.append(named.param_groups[0].get("param_names"))
    plain.load_state_dict(others.state_dict())
    return *found, plain.param_groups[0].get("param_names")


def the_group_that_is_given(lib: Any) -> Any:
    a, (p,) = adam(lib), params(lib, 1)
    group = {"params": p, "lr": 0.5}
    a.add_param_group(group)
    group["lr"] = 0.25
    return a.param_groups[1]["lr"], a.param_groups[1] is group, sorted(group)


def state_that_is_live(lib: Any) -> Any:
    a = stepped(adam(lib))
    first = a.state_dict()["state"][0]["exp_avg"]
    before = first.clone()
    a.step()
    return bool((first != before).all())


def nested_state(lib: Any) -> Any:
    class Own(lib.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 1.0})

    (p,), (q,) = params(lib, 1), params(lib, 1)
    a, b = Own([p]), Own([q])
    a.state[p] = {"history": [lib.zeros(2), lib.ones(2)], "inner": {"x": lib.ones(1), "n": 3}, "pair": (lib.ones(1), None)}
    a.state["all"] = {"n": 2}
    b.load_state_dict(a.state_dict())
    return b.state[q], b.state["all"]


def through_a_file(lib: Any) -> Any:
    a, b = stepped(adam(lib, amsgrad=True)), adam(lib, amsgrad=True)
    file = io.BytesIO()
    lib.save(a.state_dict(), file)
    file.seek(0)
    b.load_state_dict(lib.load(file, weights_only=True))
    return stepped(b).state_dict()


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "hooks around steps": hooks_around_steps,
    "hooks that change arguments": hooks_that_change_arguments,
    "a hook that returns something else": a_hook_that_returns_something_else,
    "hooks of state_dict": hooks_of_state,
    "hooks of load_state_dict": hooks_of_loading,
    "a copy without hooks": a_copy_without_hooks,
    "steps that are numbers": steps_that_are_numbers,
    "repeated groups": repeated_groups,
    "states of older versions": old_states,
    "names": names_and_loading,
    "the group that is given": the_group_that_is_given,
    "state that is live": state_that_is_live,
    "nested state": nested_state,
    "through a file": through_a_file,
    "a rate that is a tensor": lambda t: stepped(adam(t, lr=t.tensor(0.1))).state_dict()["state"],
    "rates of two numbers": lambda t: adam(t, lr=t.tensor([0.1, 0.2])),
    "a rate that is a tensor of one number": lambda t: stepped(t.optim.SGD(params(t), lr=t.tensor([0.1]))).param_groups[0][
        "params"
    ],
    "betas that are tensors": lambda t: stepped(adam(t, betas=(t.tensor(0.8), t.tensor(0.9)))).param_groups[0]["params"],
    "betas of both kinds": lambda t: adam(t, betas=(t.tensor(0.8), 0.9)),
    "foreach with a rate that is a tensor": lambda t: adam(t, lr=t.tensor(0.1), foreach=True),
    "foreach with betas that are tensors": lambda t: adam(t, betas=(t.tensor(0.8), t.tensor(0.9)), foreach=True),
    "foreach": lambda t: stepped(adam(t, foreach=True)).state_dict(),
    "fused": lambda t: stepped(adam(t, fused=True)).state_dict()["state"],
    "fused and foreach": lambda t: adam(t, fused=True, foreach=True),
    "fused and differentiable": lambda t: adam(t, fused=True, differentiable=True),
    "differentiable, of a leaf": lambda t: adam(t, differentiable=True).step(),
    "a non-leaf": lambda t: t.optim.SGD([params(t)[0] * 2], lr=0.1),
    "a non-leaf, differentiable": lambda t: len(t.optim.SGD([params(t)[0] * 2], lr=0.1, differentiable=True).param_groups),
    "a tensor for parameters": lambda t: t.optim.SGD(params(t)[0], lr=0.1),
    "nothing": lambda t: t.optim.SGD([], lr=0.1),
    "numbers": lambda t: t.optim.SGD([1.0], lr=0.1),
    "twice": lambda t: len(t.optim.SGD(params(t, 1) * 2, lr=0.1).param_groups),
    "in two groups": lambda t: t.optim.SGD([{"params": p} for p in params(t, 1) * 2], lr=0.1),
    "a set": lambda t: t.optim.SGD([{"params": set(params(t))}], lr=0.1),
    "a group that is a list": lambda t: adam(t).add_param_group(params(t)),
    "some with names": lambda t: t.optim.SGD([("a", params(t)[0]), params(t)[1]], lr=0.1),
    "a group with names, one without": lambda t: t.optim.SGD(
        [{"params": [("a", params(t)[0])]}, {"params": params(t)}], lr=0.1
    ),
    "a dict of names": lambda t: t.optim.SGD(dict(enumerate(params(t))).items(), lr=0.1).param_groups[0]["param_names"],
    "other numbers of groups": lambda t: adam(t).load_state_dict({"state": {}, "param_groups": []}),
    "other numbers of parameters": lambda t: adam(t).load_state_dict({"state": {}, "param_groups": [{"params": [0]}]}),
    "a closure": lambda t: adam(t).step(lambda: (params(t)[0] * 2).sum().requires_grad),
    "a base class": lambda t: t.optim.Optimizer(params(t), {}).step(),
    "printing": lambda t: repr(t.optim.SGD([{"params": params(t)}, {"params": params(t), "lr": 0.2}], lr=0.1)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    ours, theirs = (outcome(PROGRAMS[name], library) for library in LIBRARIES)
    assert ours == theirs


@pytest.mark.parametrize("name", NAMES)
def test_steps_without_gradients_and_with_zeros(name: str) -> None:
    def program(lib: Any) -> Any:
        first, second = params(lib)
        first.grad, second.grad = None, lib.zeros(2)
        optimizer = getattr(lib.optim, name)([first, second], lr=0.1, weight_decay=0)
        return [p.tolist() for p in (first, second)] == [p.tolist() for p in stepped(optimizer).param_groups[0]["params"]]

    for library in LIBRARIES:
        assert outcome(program, library) == (True, [])
