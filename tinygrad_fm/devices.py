"""The one device there is, in the form that code written for PyTorch expects."""

from __future__ import annotations

from typing import Any


class device:  # PyTorch's name for the class
    """``device("cpu")``; anything else raises RuntimeError, as this framework computes on the CPU only.

    >>> import tinygrad_fm as torch
    >>> torch.ones(2, device=torch.device("cpu")).device
    device(type='cpu')
    >>> torch.device("cuda")
    Traceback (most recent call last):
    ...
    RuntimeError: the only device is 'cpu', got 'cuda'; leave the device out (see docs/pytorch.md)
    """

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        if name != "cpu" or number not in ("", "0"):
            raise RuntimeError(f"the only device is 'cpu', got {str(type)!r}; leave the device out (see docs/pytorch.md)")
        self.type = "cpu"
        self.index = int(number) if number else index

    def __str__(self) -> str:
        return "cpu" if self.index is None else f"cpu:{self.index}"

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash("cpu")

    def __enter__(self) -> device:
        """``with device("cpu"):`` new tensors go to this device, as they do anyway."""
        return self

    def __exit__(self, *error: object) -> None:
        pass


CPU = device("cpu")


def check_device(which: Any) -> None:
    """Accept None and every spelling of "cpu"; raise RuntimeError for any other device."""
    if which is not None and which is not CPU:
        device(which)
