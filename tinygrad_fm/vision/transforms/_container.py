"""Transforms that consist of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...random import bits
from ._transform import _Change, _happens, _probability


class _OfTransforms(_Change):
    """What consists of other transforms."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n" + "".join(f"    {step}\n" for step in self.transforms) + ")"


class RandomApply(_OfTransforms):
    """All of the transforms one after another, with probability p; else none.

    >>> import numpy as np
    >>> from tinygrad_fm.vision.transforms import RandomHorizontalFlip
    >>> RandomApply([RandomHorizontalFlip(1.0)], p=1.0)(np.array([[1, 2]], np.uint8)).tolist()
    [[2, 1]]
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        if _happens(self.p):
            for step in self.transforms:
                img = step(img)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    p={self.p}\n" + "".join(f"    {step}\n" for step in self.transforms) + ")"


class RandomChoice(_OfTransforms):
    """One of the transforms; p are their weights, equal ones if None.

    Raises ValueError unless p has one weight, not negative, for each transform, and not all are 0.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomChoice([transforms.Pad(1), transforms.Pad(1)])(torch.ones(1, 2, 2)).shape
        torch.Size([1, 4, 4])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and (len(p) != len(transforms) or min(p) < 0 or sum(p) <= 0):
            raise ValueError(f"p must have one weight, not negative, for each of {len(transforms)} transforms, got {p}")
        self.p = p

    def __call__(self, img: Any) -> Any:
        weights = None if self.p is None else np.asarray(self.p, float) / sum(self.p)
        return self.transforms[int(bits().choice(len(self.transforms), p=weights))](img)


class RandomOrder(_OfTransforms):
    """All of the transforms, in a random order.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomOrder([transforms.Pad(1), transforms.CenterCrop(2)])(torch.ones(1, 2, 2)).ndim
        3
    """

    def __call__(self, img: Any) -> Any:
        for which in bits().permutation(len(self.transforms)):
            img = self.transforms[which](img)
        return img
