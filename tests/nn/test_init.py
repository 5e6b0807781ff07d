"""nn.init: the initialisers that tests of the layers do not reach."""

from __future__ import annotations

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn


def test_dirac_hands_its_input_through() -> None:
    for dims in (1, 2, 3):
        weight = nn.init.dirac_(torch.empty(4, 2, *(3,) * dims), groups=2)
        assert weight.sum().item() == 4
        assert [weight[(o, o % 2, *(1,) * dims)].item() for o in range(4)] == [1.0] * 4
    layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight)
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(layer(x), x)
    assert nn.init.dirac_(torch.empty(4, 2, 3)).sum().item() == 2  # outputs beyond the inputs' channels stay zero


def test_sparse_zeroes_a_share_of_each_column() -> None:
    weight = nn.init.sparse_(torch.empty(10, 6, dtype=torch.float64), 0.35, std=2.0)
    assert (weight == 0).sum(0).tolist() == [4] * 6
    assert 0.5 < weight[weight != 0].std().item() < 4


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("3, 4, or 5 dimensions", lambda: nn.init.dirac_(torch.ones(3, 3))),
        ("divisible by groups", lambda: nn.init.dirac_(torch.ones(3, 3, 3), 2)),
        ("2 dimensions", lambda: nn.init.sparse_(torch.ones(3), 0.5)),
    ],
)
def test_mistakes(text, wrong) -> None:
    with pytest.raises(ValueError, match=text):
        wrong()


def test_older_names_say_the_newer() -> None:
    weight = torch.empty(3)
    with pytest.warns(FutureWarning, match=r"nn.init.constant is now nn.init.constant_"):
        nn.init.constant(weight, 2.0)
    assert weight.tolist() == [2.0] * 3
