from typing import TYPE_CHECKING

if TYPE_CHECKING:  # read after what it stands on
    from .._tensor import Tensor as Tensor
