"""One walk over nested lists, tuples and dicts, and those who use it."""

from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm._pytree import replace_tensors, tensors_in, tree_leaves, tree_map
from tinygrad_fm.errors import AutogradError
from tinygrad_fm.utils.checkpoint import checkpoint

Pair = namedtuple("Pair", ["first", "second"])


def test_leaves_come_in_the_order_of_the_structure() -> None:
    value = [1, ("text", b"bytes"), {"a": None, "b": [2.5, ()]}, Pair(3, UserDict(c=4)), {5}]
    assert list(tree_leaves(value)) == [1, "text", b"bytes", None, 2.5, 3, 4, {5}]


@pytest.mark.parametrize(
    "value",
    [(1, 2), [1, [2]], {"a": 1}, Pair(1, (2,)), OrderedDict(b=1, a=2), torch.Size([1, 2]), UserDict(a=1), 3],
    ids=lambda value: type(value).__name__,
)
def test_a_map_keeps_the_kinds_of_containers(value: Any) -> None:
    doubled = tree_map(lambda leaf: 2 * leaf, value)
    assert type(doubled) is type(value)
    assert list(tree_leaves(doubled)) == [2 * leaf for leaf in tree_leaves(value)]


def test_a_map_keeps_a_default_factory_and_leaves_the_original_alone() -> None:
    value = defaultdict(list, a=[1])
    assert tree_map(str, value)["b"] == []
    assert value == {"a": [1]}


def test_tensors_are_found_and_replaced_in_order() -> None:
    x, y = torch.ones(2), torch.zeros(3)
    value = {"x": x, "rest": [1, Pair(y, None)]}
    assert tensors_in(value)[0] is x and tensors_in(value)[1] is y
    replaced = replace_tensors(value, ["first", "second"])
    assert replaced == {"x": "first", "rest": [1, Pair("second", None)]}


def test_a_checkpointed_function_may_take_and_return_nested_tensors() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    def function(given: dict[str, Any], scale: list[Any]) -> dict[str, Any]:
        return {"out": [(given["x"] * given["x"]).exp() * scale[0]]}

    result = checkpoint(function, {"x": x}, scale=[torch.tensor(3.0)])
    assert callable(result["out"][0]._node.parents[0].saved)  # let go of, to be computed again
    result["out"][0].sum().backward()
    assert torch.allclose(x.grad, 6 * x * (x * x).exp())


def test_a_nested_input_of_a_checkpoint_that_was_written_to_is_refused() -> None:
    x, scale = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(3.0)
    result = checkpoint(lambda given, scale: (given[0] * given[0]).exp() * scale["by"], [x], scale={"by": scale})
    scale.mul_(2)
    with pytest.raises(AutogradError, match="modified in place"):
        result.sum().backward()


def test_a_nested_state_of_an_optimizer_is_loaded() -> None:
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9)
    saved = {"state": {0: {"momentum_buffer": torch.ones(2), "more": {"a": [torch.ones(3, dtype=torch.float64), 1]}}}}
    optimizer.load_state_dict({**saved, "param_groups": optimizer.state_dict()["param_groups"]})
    kept, number = optimizer.state[p]["more"]["a"]
    assert kept.dtype == torch.float32 and number == 1
