"""What the step player plays is what the engine did: order, values, gradients and words held against the engine itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tests.platforms import needs_threads
from tinygrad_fm import nn, optim, viz
from tinygrad_fm.viz.events import MOST_EVENTS


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
    for step, after in zip(taken(steps), taken(steps)[1:], strict=False):  # the next is the first that waits, or was given
        assert after["nodes"][0] in [*step.get("waiting", [])[:1], *(id for id, _ in step.get("gives", []))]
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


def test_a_leaf_alone_is_a_pass_of_its_own() -> None:
    steps = steps_of(viz.draw(torch.ones(2, requires_grad=True)))
    assert [s["title"] for s in steps["steps"]] == ["backward from leaf", "the gradient of leaf is complete"]


def test_what_is_let_go_of_and_what_lives_on() -> None:
    x = torch.randn(100, 50, requires_grad=True)
    with viz.trace() as t:
        h = x.exp()
        h.tanh().sum().backward()
    words = said(steps_of(t.draw(names={"x": x, "h": h})))
    assert "Let go of 20.0 KB: its result (100, 50)." in words  # tanh's: nobody holds it
    assert "Let go of its result (100, 50): something else still holds that memory." in words  # exp's: it is h


def test_memory_that_is_saved_twice_is_let_go_of_once() -> None:
    x = torch.randn(100, 50, requires_grad=True)
    with viz.trace() as t:
        h = x + 1
        first, second = h[:50], h[50:]
        y = (h * h).sum() + (first * second).sum()
        del h, first, second
        y.backward()
    freed = [text for text in said(steps_of(t.draw())).splitlines() if text.startswith("Let go of 20.0 KB")]
    assert len(freed) == 1 and "40.0 KB" not in said(steps_of(t.draw()))


def test_retain_graph_hooks_and_accumulation() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with viz.trace() as t:
        h = x * x

        def double(g: Any) -> Any:
            return g * 2

        h.register_hook(double)
        h.retain_grad()
        s = h.sum()
        s.backward(retain_graph=True)
        s.backward()
    steps = steps_of(t.draw(names={"x": x, "h": h, "s": s}))
    words = said(steps)
    assert words.count("1 hook of the user: double.") == words.count("A hook replaced the gradient: it is 2 2 now.") == 2
    assert words.count("retain_grad(): a copy of the gradient is kept in .grad.") == 2
    assert words.count("It keeps what it saved: the graph can be gone through again.") == 1
    assert words.count("retain_graph=True") == 1
    assert words.count("which was None until now") == words.count("which was there already") == 1
    assert "added to what waits there: 4 8 now" in words
    last = steps["steps"][-1]
    assert numbers(steps, last["grads"]["in1"]).tolist() == x.grad.tolist() == [8.0, 16.0]
    assert [s["title"].split("(")[0] for s in steps["steps"] if s["phase"] == "forward"] == ["h = mul", "s = sum"]  # no clone


def test_gradients_have_their_tensors_names() -> None:
    w = torch.ones(2, requires_grad=True)
    with viz.trace() as t:
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    graph = t.draw(names={"w": w})
    titles = [s["title"] for s in steps_of(graph)["steps"] if s["phase"] == "forward"]
    assert titles == ["mul #1: mul(w, w)", "sum(mul #1)", "mul #2: mul(w.grad, 0.1)", "w = sub_(w, mul #2)", "fill_(w.grad, 0)"]


def test_views_and_writes() -> None:
    with viz.trace() as t:
        x = torch.ones(4, 4, requires_grad=True)
        y = x * 1
        y[0].mul_(2)
        y.sum().backward()
    words = said(steps_of(t.draw(names={"x": x, "y": y})))
    assert "The result is a view: it shares the memory of mul, nothing is copied." in words
    assert "In place: written into the memory of getitem, which is at version 1 now." in words
    assert "the old base, with the view's new values in place of that part" in words


def test_sums_and_casts_are_the_engines() -> None:
    a = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    b, c = torch.ones(3, requires_grad=True), torch.ones(2, 1, dtype=torch.float64, requires_grad=True)
    words = said(steps_of(viz.draw((a * b + c).sum(), names={"a": a, "b": b, "c": c})))
    assert "b (3,) is broadcast to (2, 3)." in words
    assert "b gets 2 2 2, summed over the broadcast axis 0, from (2, 3) to (3,), cast from float64 to float32." in words
    assert "c gets a gradient of shape (2, 1), summed over the broadcast axis 1, from (2, 3) to (2, 1)." in words
    assert words.count("summed over") == 2 and words.count("cast from") == 1


def test_what_was_asked_for() -> None:
    x, w = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    with viz.trace() as t:
        h = x * w
        h.sum().backward(inputs=[x])
    steps = steps_of(t.draw(names={"x": x, "w": w, "h": h}))
    assert "Asked for is the gradient of x: only what leads there is visited." in said(steps)
    assert [s["title"] for s in taken(steps)] == ["backward through sum", "backward through h", "the gradient of x is complete"]
    assert taken(steps)[-1]["say"] == ["This is what was asked for. The pass ends here."]


def test_packed_and_recorded_before() -> None:
    x = torch.ones(3, requires_grad=True)
    early = x.exp()
    with viz.trace() as t, torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        (early * early).sum().backward()
    steps = steps_of(t.draw(names={"x": x, "early": early}))
    assert steps["steps"][0]["title"] == "early = exp(x)" and "Found on the tape" in steps["steps"][0]["say"][0]
    assert "What it saves for backward was packed by saved_tensors_hooks." in steps["steps"][1]["say"]
    assert numbers(steps, steps["steps"][0]["values"]["op1"]) == pytest.approx(np.e * np.ones(3), rel=1e-3)


def test_the_second_derivative() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with viz.trace() as t:
        y = x * x * x
        (dy,) = torch.autograd.grad(y, x, create_graph=True)
        dy.backward()
    graph = t.draw(names={"x": x, "y": y, "dy/dx": dy})
    steps = steps_of(graph)
    assert "create_graph=True" in said(steps) and "Part of the gradient of mul" in said(steps)
    assert numbers(steps, steps["steps"][-1]["grads"]["in1"]) == 12.0
    assert "This is what was asked for." in said(steps)


def test_the_order_of_several_results() -> None:
    x = torch.arange(6.0).reshape(6).requires_grad_()
    a, b, c = x.split(2)
    steps = steps_of(viz.draw((a * b + c).sum(), names={"x": x}))
    titles = [s["title"] for s in taken(steps)]
    results = [f"the gradient of split[{i}], one of several results" for i in (2, 1, 0)]
    assert titles == [
        "backward through sum",
        "backward through add",
        "backward through mul",
        *results,
        "backward through split",
        "the gradient of x is complete",
    ]


def test_forward_only_is_said() -> None:
    model = nn.Linear(3, 2)
    with torch.no_grad():
        steps = steps_of(viz.draw(model, (1, 3)))
    assert steps["notes"] == [
        "Forward only: nothing is on the tape, as nothing requires a gradient, or gradients are off (no_grad)."
    ]
    assert {s["phase"] for s in steps["steps"]} == {"forward"}
    with viz.trace() as t:
        model(torch.ones(1, 3))
    assert steps_of(t.draw())["notes"] == ["Forward only: no backward pass was seen while this was recorded."]


def test_a_failed_operation_and_a_failed_pass() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError), viz.trace() as t:
        torch.exp(x) @ torch.ones(2, 3)
    assert steps_of(t.draw())["steps"][-1]["say"][0].startswith("It fails: ShapeError: matmul()")
    with pytest.raises(RuntimeError), viz.trace() as t:
        s = x.exp().sum()
        s.backward()
        s.backward()
    last = steps_of(t.draw())["steps"][-1]
    assert last["title"] == "backward through exp" and "a second time" in last["say"][-1]


def test_too_many_steps() -> None:
    with viz.trace() as t:
        x = torch.ones(1, requires_grad=True)
        for _ in range(2001):
            x = x + 1
    graph = t.draw()
    with pytest.raises(ValueError, match=r"more than 2,000 steps were recorded.*record less"):
        graph.data(steps=True)
    with pytest.raises(ValueError, match="no operation ran"):
        viz.trace().draw().data(steps=True)


def test_a_backward_pass_for_which_there_is_no_room_is_not_passed_over() -> None:
    x = torch.ones((), requires_grad=True)
    with viz.trace() as t:
        y = x
        for _ in range(MOST_EVENTS):
            y = y + 1
        y.backward()
    with pytest.raises(ValueError, match="too many to play"):
        t.draw().data(steps=True)


def test_large_arrays_are_sampled_and_it_is_said() -> None:
    images = torch.arange(2.0 * 3 * 28 * 56).reshape(2, 3, 28, 56).requires_grad_()
    steps = steps_of(viz.draw(images.sum(), names={"images": images}))
    shown = steps["arrays"][steps["start"]["in1"]]
    assert shown["cut"] == "[0, 0, :, :] to [1, 0, :, :] of 2 × 3 matrices, every 2nd row, every 4th column"
    heat = np.array(shown["heat"])
    assert heat.shape == (4, 14, 14)
    expected = images.detach().numpy().reshape(6, 28, 56)[:4, ::2, ::4]
    np.testing.assert_allclose(heat / 100 * shown["largest"], expected, atol=shown["largest"] / 150)


def test_the_file_stays_small() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(layer for _ in range(250) for layer in (nn.Linear(64, 64), nn.Tanh())))
    graph = viz.draw(model, (32, 64))
    assert len(json.dumps(graph.data(steps=True))) < 3_500_000
    assert steps_of(graph)["notes"][0].endswith("only the range is kept, so that the file stays small")


def test_not_finite_and_empty_arrays() -> None:
    x = torch.tensor([1.0, float("nan"), float("inf")], requires_grad=True)
    steps = steps_of(viz.draw((x * torch.ones(0, 1)).sum() + (x * torch.ones(20, 1)).sum(), names={"x": x}))
    assert steps["arrays"][steps["start"]["in1"]]["numbers"] == [[1.0, "nan", "inf"]]
    product = next(a for a in steps["arrays"] if a["shape"] == [20, 3] and "heat" in a and None in a["heat"][0][0])
    assert product["heat"][0][0] == [100, None, None]
    assert any(a["text"] == "empty" for a in steps["arrays"])


@pytest.mark.parametrize("shape", [(0, 100), (100, 0), (3, 0, 5), (2, 3, 0), (1, 0, 28, 28)])
def test_an_empty_array_has_no_cells(shape: tuple[int, ...]) -> None:
    steps = steps_of(viz.draw(torch.ones(shape, requires_grad=True) * 2))
    empty = [array for array in steps["arrays"] if array["text"] == "empty"]
    assert empty and all(array["heat"] == [] for array in empty)  # the player takes the first row of the first matrix


def test_a_large_tape_has_to_be_held_by_somebody() -> None:
    x = torch.ones(3_000_000, requires_grad=True)
    s = x.exp().sum()
    graph = viz.draw(s)
    assert len(steps_of(graph)["steps"]) == 6
    del s
    with pytest.raises(ValueError, match=r"more than 8\.0 MB"):
        graph.data(steps=True)


@needs_threads
def test_other_threads_and_other_passes_are_not_watched() -> None:
    from tinygrad_fm.autograd import hooks

    x = torch.ones(3, requires_grad=True)
    with viz.trace() as t:
        s = (x * x).sum()
        viz.draw(s, values=True)  # goes back through the tape for its own ends
        other = threading.Thread(target=lambda: (x * 2).sum().backward())
        other.start()
        other.join()
        s.backward()
    assert not hooks.passes and not hooks.active
    titles = [s["title"] for s in steps_of(t.draw())["steps"]]
    assert titles.count("backward from sum") == 1


def test_values_of_a_tape_whose_leaf_nobody_holds() -> None:
    x = torch.tensor([0.5, 1.0], requires_grad=True)
    for _ in range(3):
        x = torch.sin(x)
    graph = viz.draw(x.sum())
    steps = steps_of(graph)
    values = [numbers(steps, s["values"][s["nodes"][0]]).tolist() for s in steps["steps"] if s["phase"] == "forward"]
    expected = np.array([0.5, 1.0])
    for value in values[:3]:
        expected = np.sin(expected)
        np.testing.assert_allclose(value, expected, rtol=1e-3)
    assert not steps["notes"] and "Nobody holds this leaf any more: its gradient is dropped." in said(steps)


def test_a_tape_that_cannot_be_copied() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g * ctx.saved_tensors[0]

    x = torch.tensor([1.0, 3.0], requires_grad=True)
    s = Square.apply(x).sum()
    steps = steps_of(viz.draw(s, names={"x": x}))
    assert any("with retain_graph=True" in note for note in steps["notes"])
    assert numbers(steps, steps["steps"][-1]["grads"]["in1"]).tolist() == [2.0, 6.0] and x.grad is None
    s.backward()
    steps = steps_of(viz.draw(s, names={"x": x}))
    assert {step["phase"] for step in steps["steps"]} == {"forward"}
    assert "The backward pass is over, and cannot be computed again: record it within viz.trace()." in steps["notes"]


KEYS = {"phase", "title", "say", "nodes", "reads", "gives", "waiting", "values", "gradients", "grads", "line"}
ARRAY_KEYS = {"shape", "dtype", "text", "cut", "numbers", "heat", "largest"}


@pytest.mark.parametrize("make", [drawn_before_backward, drawn_after_backward, traced])
def test_the_data_is_as_its_schema_says(make: Callable[[], viz.Graph]) -> None:
    data = json.loads(json.dumps(make().data(steps=True)))
    steps = data["steps"]
    ids = {item["id"] for item in data["graph"]["items"]}
    assert set(steps) == {"schema", "notes", "names", "arrays", "start", "steps"} and set(steps["names"]) <= ids
    for step in steps["steps"]:
        assert set(step) <= KEYS and {"phase", "title", "say", "nodes"} <= set(step)
        lists = [*step["nodes"], *step.get("reads", []), *step.get("waiting", []), *(id for id, _ in step.get("gives", []))]
        known = [step.get(key, {}) for key in ("values", "gradients", "grads")]
        assert ids.issuperset([*lists, *(id for table in known for id in table)])
        assert all(index is None or 0 <= index < len(steps["arrays"]) for table in known for index in table.values())
    assert all(set(array) <= ARRAY_KEYS for array in steps["arrays"])
