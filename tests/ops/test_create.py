"""Tensors from data, constants, ranges and random numbers."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm as torch


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        (3, "int64"),
        (True, "bool"),
        ([1.0, 2], "float32"),
        ([[1, 2], [3, 4]], "int64"),
        ([], "float32"),
        (np.float64(2.0), "float64"),
        (np.ones(2, np.float16), "float16"),
        (np.arange(3, dtype=np.int32), "int32"),
        (np.array([True, False]), "bool"),
        ([np.ones(2), np.zeros(2)], "float64"),
        ((1, 2, 3), "int64"),
    ],
)
def test_the_dtype_of_data(data: object, dtype: str) -> None:
    assert torch.tensor(data).dtype is getattr(torch, dtype)


def test_tensor_copies() -> None:
    source = np.ones(3, np.float32)
    x = torch.tensor(source)
    source[0] = 9
    assert x.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("bad", [[[1, 2], [3]], "text", [None], 1 + 2j, np.array(["a"]), object()])
def test_data_that_is_no_tensor(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        torch.tensor(bad)


def test_sizes_one_by_one_or_as_a_sequence() -> None:
    for make in (torch.zeros, torch.ones, torch.rand, torch.randn, torch.empty):
        assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == (2, 3)
        assert make(()).shape == ()
        assert make(0, 3).numel() == 0
        assert make(2).dtype is torch.float32
        assert make(2, dtype=torch.float64, requires_grad=True).requires_grad
        with pytest.raises((RuntimeError, ValueError)):
            make(-1)


def test_the_like_forms_take_shape_and_dtype() -> None:
    x = torch.ones(2, 3, dtype=torch.float64)
    forms = (torch.zeros_like, torch.ones_like, torch.rand_like, torch.randn_like, torch.empty_like)
    for make in forms:
        assert make(x).shape == (2, 3)
        assert make(x).dtype is torch.float64
        assert make(x, dtype=torch.float32).dtype is torch.float32
        assert not make(x).requires_grad
    assert torch.full_like(x, 7).tolist() == [[7.0] * 3] * 2
    image = torch.zeros(4, 5, 6, 7).permute(3, 0, 1, 2)
    assert torch.zeros_like(image).stride() == image.stride()


def test_full_takes_its_dtype_from_the_value() -> None:
    assert torch.full((2,), 1).dtype is torch.int64
    assert torch.full((2,), 1.0).dtype is torch.float32
    assert torch.full((2,), True).dtype is torch.bool


def test_ranges() -> None:
    assert torch.arange(5).tolist() == [0, 1, 2, 3, 4]
    assert torch.arange(1, 2.5, 0.5).tolist() == [1.0, 1.5, 2.0]
    assert torch.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert torch.arange(0.0).tolist() == []
    assert torch.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert torch.eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(RuntimeError):
        torch.arange(0, 5, -1)


def test_the_same_seed_gives_the_same_numbers() -> None:
    def draw() -> list[object]:
        return [
            torch.rand(3).tolist(),
            torch.randn(3).tolist(),
            torch.randint(10, (3,)).tolist(),
            torch.randperm(5).tolist(),
            torch.bernoulli(torch.full((5,), 0.5)).tolist(),
        ]

    torch.manual_seed(3)
    first, second = draw(), draw()
    torch.manual_seed(3)
    assert draw() == first
    assert first != second


def test_a_generator_of_ones_own() -> None:
    a, b = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    torch.manual_seed(5)
    x = torch.rand(3, generator=a)
    torch.rand(7)
    assert torch.equal(x, torch.rand(3, generator=b))
    assert not torch.equal(x, torch.rand(3, generator=b))
    state = torch.get_rng_state()
    y = torch.rand(3)
    torch.set_rng_state(state)
    assert torch.equal(y, torch.rand(3))


def test_what_is_drawn_is_distributed_as_it_says() -> None:
    n = 20_000
    x = torch.rand(n)
    assert 0 <= x.min().item() <= x.max().item() < 1
    assert abs(x.mean().item() - 0.5) < 0.02
    z = torch.randn(n)
    assert abs(z.mean().item()) < 0.03
    assert abs(z.std().item() - 1) < 0.03
    k = torch.randint(2, 6, (n,))
    assert sorted(set(k.tolist())) == [2, 3, 4, 5]
    assert k.dtype is torch.int64
    assert sorted(torch.randperm(100).tolist()) == list(range(100))
    b = torch.bernoulli(torch.full((n,), 0.25))
    assert abs(b.mean().item() - 0.25) < 0.02
    weights = torch.tensor([0.0, 1.0, 3.0])
    drawn = torch.multinomial(weights, n, replacement=True)
    counts = torch.nn.functional.one_hot(drawn, 3).sum(0).tolist()
    assert counts[0] == 0
    assert abs(counts[2] / n - 0.75) < 0.02
    assert sorted(torch.multinomial(torch.ones(4), 4).tolist()) == [0, 1, 2, 3]


def test_other_devices_are_refused() -> None:
    assert torch.zeros(2, device="cpu").device == torch.device("cpu")
    with pytest.raises(RuntimeError, match="cpu"):
        torch.zeros(2, device="cuda")


def test_from_numpy_takes_arrays_only() -> None:
    with pytest.raises(TypeError):
        torch.from_numpy([1.0])
    with pytest.raises(TypeError):
        torch.from_numpy(np.ones(2, np.complex64))


def test_the_default_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.tensor(1.5).dtype is torch.float64
        assert torch.zeros(2).dtype is torch.float64
        assert (torch.tensor([1, 2]) / 2).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.get_default_dtype() is torch.float32
    with pytest.raises(TypeError):
        torch.set_default_dtype(torch.int64)
