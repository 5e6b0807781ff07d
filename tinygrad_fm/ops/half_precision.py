"""Operations of float16 that are computed in float32, as PyTorch computes them: the largest float16 is 65,504."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..dtypes import float16, float32

_HALF = np.dtype(np.float16)


def in_single(function: Callable[..., Any], input: Any, *others: Any, **options: Any) -> Any:
    """``function`` of tensors or None. If ``input`` is of float16, it is computed in float32, and its first or only result cast
    back."""
    if raw(input).dtype != _HALF:
        return function(input, *others, **options)
    found = function(*(_widened(value) for value in (input, *others)), **options)
    return (found[0].to(float16), *found[1:]) if isinstance(found, tuple) else found.to(float16)


def _widened(value: Any) -> Any:
    return value.to(float32) if value is not None and raw(value).dtype == _HALF else value
