"""How results of several named tensors are printed."""

from __future__ import annotations

from typing import Any


def printed_as(name: str, result: Any) -> str:
    """A named tuple of tensors as PyTorch prints it: ``torch.return_types.name(``, and a line for each field.

    >>> import tinygrad_fm as torch
    >>> torch.aminmax(torch.tensor([2.0, 1.0]))
    torch.return_types.aminmax(
    min=tensor(1.),
    max=tensor(2.))
    """
    fields = ",\n".join(f"{field}={value!r}" for field, value in zip(result._fields, result, strict=True))
    return f"torch.return_types.{name}(\n{fields})"
