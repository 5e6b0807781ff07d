"""The methods made of the lists in ``ops`` are PyTorch's: each exists there, and none that it has of ours is missing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tinygrad_fm  # noqa: E402
from tinygrad_fm.ops import functions  # noqa: E402
from tinygrad_fm.tensor_operations import operations  # noqa: E402
from tinygrad_fm.torch_compat.left_out import TENSOR_METHODS  # noqa: E402


def test_each_is_a_method_there() -> None:
    """Unless PyTorch has nothing of that name, and the operation is ours alone."""
    wanted = [name for name in operations() if any(hasattr(place, name.rstrip("_")) for place in (torch, torch.Tensor))]
    assert len(wanted) > 390
    assert not [name for name in wanted if not hasattr(torch.Tensor, name)]


def test_none_is_missing_here() -> None:
    ours = [name for name in functions.__dict__ if not name.startswith("_") and callable(functions.__dict__[name])]
    wanted = {form for name in ours for form in (name, f"{name}_") if hasattr(torch.Tensor, form)}
    assert not {name for name in wanted if not hasattr(tinygrad_fm.Tensor, name)} - {"sum_to"}


def test_what_is_left_out_is_a_method_there() -> None:
    assert not [name for name in TENSOR_METHODS if not hasattr(torch.Tensor, name)]
