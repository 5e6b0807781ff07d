"""PyTorch's ``torch.utils.dlpack``: memory shared with other libraries. https://pytorch.org/docs/stable/dlpack.html"""

from typing import Any

from ..ops.creation import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Any) -> Any:
    """A capsule with the tensor's memory, which can be taken over once. Raises BufferError if it requires grad."""
    return tensor.__dlpack__()
