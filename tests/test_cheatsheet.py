"""The cheat sheet says what is so: its rules, sizes and updates against the library, and its files against its text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from docs import cheatsheet
from docs.cheatsheet import BROADCASTS, OPTIMIZERS, RULES, SIZES, Rule, Size, Update


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.operation)
def test_a_backward_rule_is_the_librarys(rule: Rule) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in rule.shapes]
    if rule.positive:
        arrays = [np.abs(array) + 0.5 for array in arrays]
    inputs = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = rule.forward(*inputs)
    g = rng.standard_normal(y.shape)
    expected = torch.autograd.grad(y, inputs, torch.tensor(g))
    found = rule.backward(g, y.detach().numpy(), *arrays)
    assert len(found) == len(inputs)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("update", OPTIMIZERS, ids=lambda update: update.name.strip())
def test_an_update_is_the_librarys(update: Update) -> None:
    """Five steps of a parameter by both."""
    rng = np.random.default_rng(0)
    p: Any = rng.standard_normal(4)
    parameter, state = torch.tensor(p, requires_grad=True), {}
    optimizer = update.make([parameter])
    for _ in range(5):
        g = rng.standard_normal(4)
        parameter.grad = torch.tensor(g)
        optimizer.step()
        p = update.step(p, g, state)
    np.testing.assert_allclose(p, parameter.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.layer)
def test_a_size_is_the_librarys(size: Size) -> None:
    assert size.forward(torch.ones(1, 1, size.n, size.n)).shape == (1, 1, size.side, size.side)


@pytest.mark.parametrize(("a", "b", "result"), BROADCASTS)
def test_shapes_broadcast_as_it_says(a: Any, b: Any, result: Any) -> None:
    if result is None:
        with pytest.raises(RuntimeError):
            torch.ones(a) + torch.ones(b)
    else:
        assert (torch.ones(a) + torch.ones(b)).shape == result


def test_its_files_are_of_its_text() -> None:
    """``python -m docs.cheatsheet`` makes them anew."""
    digest = cheatsheet.digest(cheatsheet.draw())
    assert digest in cheatsheet.SVG.read_text(encoding="utf-8")
    assert digest.encode() in cheatsheet.PDF.read_bytes()


def test_nothing_lies_over_anything_else() -> None:
    """All text is on the page, and no two pieces of it overlap."""
    figure = cheatsheet.draw()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts if text.get_text()]
    for i, (text, box) in enumerate(boxes):
        assert figure.bbox.contains(box.x0, box.y0) and figure.bbox.contains(box.x1, box.y1), text
        for other, its_box in boxes[:i]:
            wide = min(box.x1, its_box.x1) - max(box.x0, its_box.x0)
            high = min(box.y1, its_box.y1) - max(box.y0, its_box.y0)
            assert wide < 1 or high < 4, (text, other)  # a line's accents may reach into the one above
