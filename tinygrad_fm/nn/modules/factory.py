"""Making the arrays that parameters and buffers start from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.primitive import box
from ...device import check_device
from ...dtypes import as_numpy, default_float
from ...tensor import Tensor


def empty(shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor of ``shape`` whose values are still to be set, in ``dtype`` or the default floating-point type."""
    check_device(device)
    return box(np.empty(shape, default_float() if dtype is None else as_numpy(dtype)))
