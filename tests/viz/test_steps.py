"""What the step player plays is what the engine did: order, values, gradients and words held against the engine itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, optim, viz


def steps_of(graph: viz.Graph) -> dict[str, Any]:
    """The graph's steps, through JSON and back as a page gets them."""
    text = json.dumps(graph.data(steps=True), allow_nan=False)
    return json.loads(text)["steps"]


def numbers(steps: dict[str, Any], index: int) -> Any:
    array = steps["arrays"][index]
    return np.array(array["numbers"], np.float64).reshape(array["shape"])


def said(steps: dict[str, Any]) -> str:
    return "\n".join(text for step in steps["steps"] for text in step["say"])


def taken(steps: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of the backward loop."""
    return [s for s in steps["steps"] if s["phase"] == "backward" and not s["title"].startswith("backward from")]


def expression(x: Any, w: Any, b: Any) -> dict[str, Any]:
    h = x @ w + b
    t = h.tanh()
    s = (t * h).sum()
    return {"h": h, "t": t, "s": s}


def leaves() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(3)
    sizes = {"x": (5, 4), "w": (4, 3), "b": (3,)}
    return {name: torch.randn(size, generator=generator, requires_grad=True) for name, size in sizes.items()}


def drawn_before_backward() -> viz.Graph:
    given = leaves()
    made = expression(**given)
    return viz.draw(made["s"], names={**given, **made})


def drawn_after_backward() -> viz.Graph:
    given = leaves()
    made = expression(**given)
    made["s"].backward()
    return viz.draw(made["s"], names={**given, **made})


def traced() -> viz.Graph:
    given = leaves()
    with viz.trace() as t:
        made = expression(**given)
        made["s"].backward()
    return t.draw(names={**given, **made})


@pytest.mark.parametrize("make", [drawn_before_backward, drawn_after_backward, traced])
def test_order_values_and_gradients_are_the_engines(make: Callable[[], viz.Graph]) -> None:
    given = leaves()
    made = expression(**given)
    order: list[str] = []
    for t in given.values():
        t.register_post_accumulate_grad_hook(lambda t: order.append(next(n for n, v in given.items() if v is t)))
    for t in made.values():
        t.retain_grad()

    def watch(call: Any, run: Callable[[], Any]) -> Any:
        order.append(call.name)
        return run()

    with torch.autograd.op_hook(watch):
        made["s"].backward()
    order = [name for name in order if name != "clone"]  # of retain_grad

    graph = make()
    steps = steps_of(graph)
    titles = {item.id: item.title for item in graph.content.items}
    ids = {item.name or item.title: item.id for item in graph.content.items if item.role != "output"}
    assert [titles[id] for step in taken(steps) for id in step["nodes"]] == order
    assert [s["title"].split("(")[0].split(" = ")[-1] for s in steps["steps"][:5]] == ["matmul", "add", "tanh", "mul", "sum"]
    for name, tensor in {**given, **made}.items():
        known = {**steps["start"], **{k: v for s in steps["steps"] for k, v in s.get("values", {}).items()}}
        arrived = {k: v for s in steps["steps"] for k, v in s.get("gradients", {}).items()}
        np.testing.assert_allclose(numbers(steps, known[ids[name]]), tensor.detach().numpy(), rtol=1e-3)
        np.testing.assert_allclose(numbers(steps, arrived[ids[name]]), tensor.grad.numpy(), rtol=1e-3, atol=1e-6)
    assert "b gets" in said(steps) and "summed over the broadcast axis 0, from (5, 3) to (3,)" in said(steps)


def test_nothing_of_the_users_is_changed() -> None:
    given = leaves()
    made = expression(**given)
    calls: list[Any] = []
    given["w"].register_hook(calls.append)
    given["x"].grad = torch.ones(5, 4)
    graph = viz.draw(made["s"])
    assert "Added to .grad" in said(steps_of(graph))
    assert given["x"].grad.tolist() == torch.ones(5, 4).tolist() and given["w"].grad is None and not calls
    made["s"].backward()  # the tape is whole
    assert len(calls) == 1


def test_a_training_loop(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 1, 0])
    weights = []
    with viz.trace() as t:
        for _ in range(2):
            sgd.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            sgd.step()
            weights.append(model[0].weight.detach().numpy().copy())
    graph = t.draw(model=model)
    steps = steps_of(graph)
    updates = [s for s in steps["steps"] if s["phase"] == "update"]
    weight = next(item.id for item in graph.content.items if item.title == "0.weight")
    for update, expected in zip(updates, weights, strict=True):
        np.testing.assert_allclose(numbers(steps, update["values"][weight]), expected, rtol=1e-3)
    assert said(steps).count("taken away since the last pass") == 1
    page = graph.save(tmp_path / "loop.html", steps=True)
    assert page.stat().st_size < 1_000_000


def test_other_formats_refuse(tmp_path: Path) -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"must end in \.html, got 'x\.svg'"):
        viz.draw(x.sum()).save(tmp_path / "x.svg", steps=True)
    assert not list(tmp_path.iterdir())
