"""What a program shows while it runs: the data that a page draws, and mistakes."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.viz import live


@pytest.fixture
def shown() -> Any:
    events: list[tuple[str, dict[str, Any]]] = []
    with live.listener(lambda name, data: events.append((name, data))):
        yield events


def test_points_count_their_steps_by_name(shown: Any) -> None:
    live.plot(loss=torch.tensor(2.0))
    live.plot(loss=np.float32(1.0), accuracy=True)
    live.plot(7, loss=math.nan)
    assert [data["steps"] for _, data in shown] == [{"loss": 0}, {"loss": 1, "accuracy": 0}, {"loss": 7.0}]
    assert [data["values"] for _, data in shown] == [{"loss": 2.0}, {"loss": 1.0, "accuracy": 1.0}, {"loss": None}]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: live.plot(), "name what is to be plotted"),
        (lambda: live.plot(loss=[1, 2]), r"loss must be one number, got an array of shape \(2,\)"),
        (lambda: live.plot(loss="low"), "loss must be one number, got a str"),
        (lambda: live.plot("one", loss=1), "step must be one number"),
        (lambda: live.plot(math.inf, loss=1), "step must be finite"),
        (lambda: live.images(np.zeros((2, 3, 4, 5))), r"got shape \(2, 3, 4, 5\)"),
        (lambda: live.images(np.zeros((101, 2, 2))), "got 101 of 2 × 2"),
        (lambda: live.images(np.zeros((1, 2000, 2))), "got 1 of 2000 × 2"),
        (lambda: live.images(np.zeros((0, 2, 2))), "got 0 of"),
        (lambda: live.images(np.zeros((2, 2, 2)), ["one"]), "2 pictures need as many titles, got 1"),
        (lambda: live.boundary(lambda p: p, np.zeros((3, 3)), np.zeros(3)), r"points \(N, 2\)"),
        (lambda: live.boundary(lambda p: p, np.zeros((3, 2)), np.zeros(2)), r"labels \(N,\)"),
        (lambda: live.boundary(lambda p: p[:1], np.zeros((3, 2)), np.zeros(3)), r"\(N, K\) scores"),
        (lambda: live.boundary(lambda p: p, np.full((1, 2), np.nan), np.zeros(1)), "not finite"),
        (lambda: live.boundary(lambda p: p, np.zeros((2, 2)), [0, -1]), "whole numbers from 0 to 9, got -1"),
        (lambda: live.boundary(lambda p: p, np.zeros((2, 2)), [256, 1]), "whole numbers from 0 to 9, got 256"),
        (lambda: live.boundary(lambda p: p, np.zeros((2, 2)), [0.5, 1.0]), "whole numbers from 0 to 9, got 0.5"),
    ],
)
def test_mistakes(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_images_are_bytes_from_their_least_to_their_largest_value(shown: Any) -> None:
    live.show(torch.tensor([[[0.0, 0.5], [1.0, math.inf]], [[3.0, 3.0], [3.0, math.nan]]]), "two")
    ((name, data),) = shown
    assert (name, data["shape"], data["title"]) == ("images", [2, 2, 2], "two")
    assert list(base64.b64decode(data["pixels"])) == [0, 128, 255, 0, 0, 0, 0, 0]


def test_the_boundary_is_the_models(shown: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.5))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0, 5.0]]))
        model[0].bias.zero_()
    live.boundary(model, [[-1.0, -1.0], [1.0, 1.0]], [0, 1])
    ((_, data),) = shown
    side = data["cells"]
    classes = np.frombuffer(base64.b64decode(data["classes"]), np.uint8).reshape(side, side)
    assert (classes[: side // 2] == 1).all() and (classes[side // 2 :] == 0).all()  # the first row is the uppermost
    assert model.training and model[1].training
    model[1].eval()
    live.boundary(model, [[-1.0, -1.0], [1.0, 1.0]], torch.tensor([0.0, 1.0]))  # as BCEWithLogitsLoss takes them
    assert model.training and not model[1].training  # each as it was
    assert np.frombuffer(base64.b64decode(data["shares"]), np.uint8).min() >= 127


def test_a_graph_plays_its_steps_unless_there_are_too_many(shown: Any) -> None:
    a = torch.tensor(1.0, requires_grad=True)
    live.show(torch.draw(a * a))
    b = a
    for _ in range(2500):
        b = b + 1
    live.show(torch.draw(b), "long")
    (_, short), (_, long) = shown
    assert "new Player" in short["page"] and "new Player" not in long["page"]
    assert long["title"] == "long" and "2500 operations" in long["text"].replace(",", "")


def test_listeners_nest_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    with live.listener(lambda *_: None), pytest.raises(ZeroDivisionError), live.listener(lambda *_: 1 / 0):
        live.plot(a=1)
    live.plot(5, a=1)
    live.show("text", "title")
    assert capsys.readouterr().out == "step 5  a 1\ntitle\ntext\n"
