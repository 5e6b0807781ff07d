"""Looking inside a convolutional network: its learned filters, and what every convolution makes of an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tensor import Tensor
from ..nn import Conv2d, Module
from ..nn.utils.evaluating import evaluating
from ..ops.functions import as_tensor
from . import plots

__all__ = ["Array", "Tiles", "convolutions", "feature_maps", "filters", "mosaic"]

Array = npt.NDArray[Any]

_MOST = {"maps": 64, "filters": 16}  # of a convolution are drawn, and as many channels of each filter


@dataclass(frozen=True)
class Tiles:
    """Small pictures, layer by layer; ``save(path)`` draws them, and a notebook shows them.

    Attributes:
        arrays: by the path of the convolution: filters (O, C / groups, KH, KW), or maps (O, OH, OW).
        title: above the picture.
        image: the image (H, W) that the maps are of; None for filters.

    >>> from tinygrad_fm import nn, viz
    >>> tiles = viz.filters(nn.Sequential(nn.Conv2d(1, 6, 5)))
    >>> tiles.title, tiles.arrays["0"].shape
    ('Sequential: filters', (6, 1, 5, 5))
    """

    arrays: dict[str, Array]
    title: str
    image: Array | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them to a file, .png, .svg or .pdf. Raises MissingExtraError if matplotlib is not installed."""
        plots.save(self._figure(), path)

    def _repr_png_(self) -> bytes:
        return plots.content(self._figure(), "png")

    def _figure(self) -> Any:
        panels = [] if self.image is None else [plots.Panel("the image", self.image, "gray")]
        for name, array in self.arrays.items():
            is_maps = array.ndim == 3
            kind = "maps" if is_maps else "filters"
            most = _MOST[kind]
            part = array[:most] if is_maps else array[:most, :most]
            columns = part.shape[1] if array.ndim == 4 and array.shape[1] > 1 else None  # a row for each filter
            some = f", the first {most} drawn" if max(array.shape[:-2]) > most else ""
            size = "×".join(map(str, array.shape[-2:]))
            shown = mosaic(part.reshape(-1, *array.shape[-2:]), columns)
            title = f"{name}: {len(array)} {kind} {size}{some}"
            if columns is None:
                panels.append(plots.Panel(title, shown, "viridis" if is_maps else "RdBu_r"))
            else:
                inches = max(4.2, 0.34 * max(len(part), columns))  # each kernel can be told from the next
                panels.append(plots.Panel(title, shown, "RdBu_r", "input channels", "filters", inches))
        return plots.panels(panels, self.title)


def filters(model: Module) -> Tiles:
    """The weights of every convolution of a model.

    The picture has a panel for each layer; red is positive, blue negative, white 0. Where a filter reads several channels, it
    is a row, with a column for each of them.

    Raises ValueError if the model has no convolutions.

    >>> from tinygrad_fm import nn
    >>> {name: array.shape for name, array in filters(nn.Sequential(nn.Conv2d(1, 6, 5))).arrays.items()}
    {'0': (6, 1, 5, 5)}
    """
    found = {name: layer.weight.numpy(force=True).copy() for name, layer in _some_convolutions(model).items()}
    return Tiles(found, f"{type(model).__name__}: filters")


def feature_maps(model: Module, image: Any) -> Tiles:
    """What every convolution of a model gives for one image, in evaluation mode: before normalization and activation.

    Args:
        model: takes images (N, C, H, W).
        image: (C, H, W) or (1, C, H, W), as the model takes it.

    Returns:
        The maps by the path of the convolution; of one that is called several times, those of its last call.

    Raises:
        ValueError: the model has no convolutions, or this is not one image.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import nn
    >>> feature_maps(nn.Sequential(nn.Conv2d(1, 6, 5)), torch.zeros(1, 28, 28)).arrays["0"].shape
    (6, 24, 24)
    """
    x = as_tensor(image)
    if x.ndim == 3:
        x = x.unsqueeze(0)
    if x.ndim != 4 or x.shape[0] != 1:
        raise ValueError(f"feature_maps wants one image (C, H, W), got the shape {tuple(as_tensor(image).shape)}")
    found: dict[str, Array] = {}
    handles = []
    for name, layer in _some_convolutions(model).items():

        def note(_: Module, __: Any, output: Tensor, name: str = name) -> None:
            found[name] = output.numpy()[0].copy("C")

        handles.append(layer.register_forward_hook(note))
    try:
        with evaluating(model):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return Tiles(
        found,
        f"{type(model).__name__}: outputs of the convolutions, before normalization and activation",
        x.numpy(force=True)[0].mean(0),
    )


def convolutions(model: Module) -> dict[str, Conv2d]:
    """The convolutions of a model by their paths."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Conv2d)}


def _some_convolutions(model: Module) -> dict[str, Conv2d]:
    found = convolutions(model)
    if not found:
        raise ValueError(f"{type(model).__name__} has no convolutions to look at")
    return found


def mosaic(tiles: Array, columns: int | None = None) -> Array:
    """Pictures (N, H, W) as one, in rows of ``columns``, by default near a square; between them and after the last, NaN.

    >>> mosaic(np.ones((3, 2, 2))).shape
    (5, 5)
    """
    count, height, width = tiles.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    result = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        result[top : top + height, left : left + width] = tile
    return result
