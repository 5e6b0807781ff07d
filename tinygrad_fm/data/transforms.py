"""Transforms: what happens to an image between the array it is kept in and the model.

A ``Transform`` is written once, for a whole batch of arrays (N, …), and a single sample is a batch of one. Any other
callable works as well, on one image at a time; that is slower. Images come as uint8 arrays (H, W) or (H, W, C), as
torchvision's come as pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tensor import Tensor
from ..ops.creation import from_numpy
from .collate import default_collate
from .dataset import overrides_both

__all__ = ["Compose", "Lambda", "Normalize", "ToTensor", "Transform"]

Array = npt.NDArray[Any]


class Transform:
    """A change to images that works on a whole batch at once: define ``batch``.

    >>> class Invert(Transform):
    ...     def batch(self, images):
    ...         return 255 - images
    >>> import numpy as np
    >>> Invert()(np.array([[0, 250]], np.uint8)).tolist()
    [[255, 5]]
    """

    def batch(self, images: Array) -> Array:
        """The changed images, as a new array; ``images`` (N, …) itself must not be written to."""
        raise NotImplementedError(f"{type(self).__name__} must define batch(images)")

    def __call__(self, image: Any) -> Any:
        """One image: a tensor for a tensor, an array for anything else."""
        result = self.batch(_array_of(image)[None])[0]
        return from_numpy(result) if isinstance(image, Tensor) else result


class ToTensor(Transform):
    """Image (H, W) or (H, W, C) to a tensor (C, H, W); uint8 is divided by 255 and becomes float32 in [0, 1].

    Takes arrays and Pillow images. Other dtypes keep dtype and values, as in torchvision.

    >>> import numpy as np
    >>> ToTensor()(np.full((28, 28), 51, np.uint8))[0, 0, :2].tolist() == [np.float32(0.2)] * 2
    True
    """

    def batch(self, images: Array) -> Array:
        images = _channels_first(images)
        if images.dtype != np.uint8:
            return images.copy("C")
        # Converting and then dividing in place is faster than one mixed division, which NumPy does in small buffered
        # pieces.
        result = images.astype(np.float32, order="C")
        result /= np.float32(255)
        return result

    def __call__(self, image: Any) -> Tensor:
        return from_numpy(self.batch(_array_of(image)[None])[0])

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize(Transform):
    """``(image - mean) / std`` for each channel of a float image (C, H, W).

    Args:
        mean, std: one number for each channel, or a single number for all.

    Raises:
        ValueError: a ``std`` is zero, or the numbers do not fit the image's channels.
        TypeError: from the call, for an image that is not floating point.

    >>> Normalize((0.5,), (0.25,))(from_numpy(np.ones((1, 1, 2), np.float32))).tolist()
    [[[2.0, 2.0]]]
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = mean, std
        self._mean, self._std = (np.atleast_1d(np.asarray(value, np.float64)) for value in (mean, std))
        if self._mean.ndim != 1 or self._std.ndim != 1 or not (self._std != 0).all():
            raise ValueError(f"Normalize: mean and std must be a number for each channel, std not zero; got {mean}, {std}")

    def batch(self, images: Array) -> Array:
        if images.dtype.kind != "f":
            raise TypeError(f"Normalize: the image must be floating point (after ToTensor), not {images.dtype}")
        mean, std = self._for_channels(images)
        result: Array = images - mean.astype(images.dtype)
        result /= std.astype(images.dtype)
        return result

    def _for_channels(self, images: Array) -> tuple[Array, Array]:
        channels = images.shape[1] if images.ndim == 4 else -1
        if any(len(value) not in (1, channels) for value in (self._mean, self._std)):
            raise ValueError(
                f"Normalize: mean {self.mean} and std {self.std} do not fit images of shape (C, H, W) = {images.shape[1:]}"
            )
        return self._mean.reshape(-1, 1, 1), self._std.reshape(-1, 1, 1)  # (C, 1, 1), broadcast over (N, C, H, W)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Lambda:
    """Any function of one image, with a name in ``repr``; called sample by sample.

    Raises TypeError for what cannot be called.

    >>> Lambda(lambda image: image + 1)(1)
    2
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: {type(lambd).__name__} cannot be called")
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)

    def __repr__(self) -> str:
        return "Lambda()"


class Compose(Transform):
    """Several transforms one after another; works on whole batches if each of them does.

    >>> Compose([ToTensor(), Normalize((0.5,), (0.5,))])(np.zeros((1, 2), np.uint8)).tolist()
    [[[-1.0, -1.0]]]
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def batch(self, images: Array) -> Array:
        for step in _fused(self.transforms):
            images = step.batch(images)
        return images

    def __call__(self, image: Any) -> Any:
        for step in _fused(self.transforms):
            image = step(image)
        return image

    def __repr__(self) -> str:
        return "Compose(\n" + "".join(f"    {step}\n" for step in self.transforms) + ")"


class _NormalizedTensor(ToTensor):
    """``ToTensor`` and ``Normalize`` in one: a multiplication and a subtraction instead of two divisions and one."""

    def __init__(self, normalize: Normalize) -> None:
        self.normalize = normalize

    def batch(self, images: Array) -> Array:
        if images.dtype != np.uint8:
            return self.normalize.batch(super().batch(images))
        result = _channels_first(images).astype(np.float32, order="C")
        mean, std = self.normalize._for_channels(result)
        result *= (1 / (255 * std)).astype(np.float32)
        result -= (mean / std).astype(np.float32)
        return result


def _fused(transforms: Sequence[Any]) -> list[Any]:
    steps: list[Any] = []
    for step in transforms:
        if steps and type(steps[-1]) is ToTensor and type(step) is Normalize:
            steps[-1] = _NormalizedTensor(step)
        else:
            steps.append(step)
    return steps


def works_on_batches(transform: object) -> bool:
    """Whether ``transform.batch`` may stand for calling ``transform`` on each image."""
    if isinstance(transform, Compose) and not all(works_on_batches(step) for step in transform.transforms):
        return False
    return isinstance(transform, Transform) and overrides_both(transform, "batch", "__call__")


def apply_to_batch(transform: Callable[[Any], Any], images: Array) -> Any:
    """A batch (N, …) of raw images transformed and collated: in one go if the transform can, else image by image."""
    if works_on_batches(transform):
        return from_numpy(transform.batch(images))  # type: ignore[attr-defined]
    return default_collate([transform(image) for image in images])


def _array_of(image: Any) -> Array:
    if isinstance(image, Tensor):
        if image.requires_grad:
            raise ValueError("transforms work on data and record no gradients; detach() the tensor or compute with it directly")
        return image._array
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(f"pic should be a Pillow image or an array of numbers. Got {type(image)}")
    return array


def _channels_first(images: Array) -> Array:
    """(N, H, W) or (N, H, W, C) as (N, C, H, W)."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4:
        return images.transpose(0, 3, 1, 2)
    raise ValueError(f"ToTensor: an image must have shape (H, W) or (H, W, C), not {images.shape[1:]}")
