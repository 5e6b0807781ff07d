"""Results written into ``out``, inputs by name, and functions that write in place, as PyTorch has them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tinygrad_fm
from tinygrad_fm.torch_compat.out import IN_PLACE, WITH_OUT

torch = pytest.importorskip("torch")

CALLS: dict[str, Any] = {
    "add": lambda t, x, **out: t.add(x, 1, **out),
    "mul": lambda t, x, **out: t.mul(x, x, **out),
    "exp": lambda t, x, **out: t.exp(x, **out),
    "sum": lambda t, x, **out: t.sum(x, 1, **out),
    "cat": lambda t, x, **out: t.cat([x, x], **out),
    "matmul": lambda t, x, **out: t.matmul(x, x.T, **out),
    "clamp": lambda t, x, **out: t.clamp(x, 0.2, 0.6, **out),
    "where": lambda t, x, **out: t.where(x > 0.5, x, x, **out),
    "lgamma": lambda t, x, **out: t.lgamma(x, **out),
    "full": lambda t, x, **out: t.full((2, 2), 0.5, **out),
}


def made(library: Any) -> Any:
    """The same six numbers in either library."""
    return library.arange(6, dtype=library.float32).reshape(2, 3) / 6 + 0.1


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("start", ["fits", "empty", "other shape"])
def test_out(name: str, start: str) -> None:
    said = []
    for library in (torch, tinygrad_fm):
        x = made(library)
        wanted = CALLS[name](library, x)
        out = library.zeros({"fits": tuple(wanted.shape), "empty": (0,), "other shape": (7,)}[start])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = CALLS[name](library, x, out=out)
        assert result is out
        assert out.tolist() == wanted.tolist()
        said.append([w.category for w in caught])
    assert said[0] == said[1]


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_out_of_several_results(library: Any) -> None:
    values, indices = library.empty(0), library.empty(0, dtype=library.int64)
    library.sort(library.tensor([3.0, 1.0, 2.0]), out=(values, indices))
    assert values.tolist() == [1.0, 2.0, 3.0] and indices.tolist() == [1, 2, 0]


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_out_that_cannot_be(library: Any) -> None:
    x = made(library)
    with pytest.raises(RuntimeError, match="can't be cast"):
        library.exp(x, out=library.empty(2, 3, dtype=library.int64))
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        library.exp(x.clone().requires_grad_(), out=library.empty(2, 3))
    with pytest.raises(TypeError):
        library.exp(x, out=[1.0])
    with pytest.raises(TypeError):
        library.exp(x, nothing=1)


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_inputs_by_name(library: Any) -> None:
    x = made(library)
    assert library.exp(input=x).tolist() == x.exp().tolist()
    assert library.mul(input=x, other=x).tolist() == library.mul(x, other=x).tolist() == (x * x).tolist()
    assert library.add(x, other=x, alpha=2).tolist() == (x + x * 2).tolist()
    assert library.pow(input=x, exponent=2).tolist() == (x * x).tolist()
    assert library.clamp(input=x, min=0.3).tolist() == x.clamp(0.3).tolist()
    assert library.matmul(input=x, other=x.T).shape == (2, 2)


def test_every_name_is_pytorchs() -> None:
    assert not [name for name in (WITH_OUT + " " + IN_PLACE).split() if not hasattr(torch, name)]


@pytest.mark.parametrize(
    "name", [n for n in IN_PLACE.split() if n[:-1] in ("exp", "neg", "relu", "sin", "zero", "log1p", "sqrt")]
)
def test_functions_in_place(name: str) -> None:
    for library in (torch, tinygrad_fm):
        x = made(library)
        assert getattr(library, name)(x) is x
        assert x.tolist() != made(library).tolist() or name == "relu_"


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_the_same_bytes_as_another_dtype(library: Any) -> None:
    x = library.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.view(library.int32)[0, 0].item() == 0x3F800000
    assert tuple(x.view(library.uint8).shape) == (2, 8) and tuple(x.view(library.float64).shape) == (2, 1)
    x.view(library.int32)[0, 0] = 0
    assert x[0, 0].item() == 0
    with pytest.raises(RuntimeError):
        x.T.view(library.float64)
    assert library.tensor([1], dtype=float).dtype is library.float64


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_what_makes_tensors(library: Any) -> None:
    assert library.broadcast_shapes((2, 1), (3,), 1) == (2, 3) and isinstance(library.broadcast_shapes((2,)), library.Size)
    with pytest.raises(RuntimeError):
        library.broadcast_shapes((2,), (3,))
    assert library.frombuffer(bytearray(b"\1\0\2\0"), dtype=library.int16).tolist() == [1, 2]
    with pytest.raises(ValueError):
        library.frombuffer(bytearray(3), dtype=library.int16)
    assert library.scalar_tensor(3).dtype is library.float32 and library.block_diag().shape == (1, 0)
    assert library.repeat_interleave(library.tensor([1, 0, 2])).tolist() == [0, 2, 2]
    assert library.randint(high=1, size=(2,)).tolist() == [0, 0]
    x = library.ones(2)
    assert x.new_full((2,), 1.0, requires_grad=True).requires_grad and library.asarray(x, requires_grad=True).requires_grad
    assert library.asarray(x, copy=True, requires_grad=False).data_ptr() != x.data_ptr()
    assert library.asarray(x, requires_grad=False).data_ptr() == x.data_ptr()
    with pytest.raises(ValueError):
        library.asarray([1.0], copy=False, requires_grad=False)
    assert [i.tolist() for i in library.unravel_index(library.tensor([5, 0]), (2, 3))] == [[1, 0], [2, 0]]
    assert library.zeros(2, 2).resize_(3).tolist() == [0, 0, 0]
    assert library.zeros(3).scatter(0, library.tensor([0, 0]), 2.0, reduce="multiply").tolist() == [0, 0, 0]


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_shifts(library: Any) -> None:
    x = library.tensor([1, 6])
    assert (x << 2).tolist() == [4, 24] and (x >> 1).tolist() == [0, 3] and (1 << x).tolist() == [2, 64]
    x <<= 1
    assert x.tolist() == [2, 12] and x.new_zeros(size=(1,)).tolist() == [0]
    with pytest.raises((RuntimeError, NotImplementedError)):
        library.tensor([True]) << 1.5
