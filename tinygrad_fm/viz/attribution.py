"""Which parts of an image a model's answer comes from: saliency and Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._tensor import Tensor
from ..autograd import enable_grad, grad
from ..nn import Module
from ..nn.utils.evaluating import evaluating
from ..ops.functions import as_tensor, interpolate, relu
from .conv_features import Array, convolutions

__all__ = ["grad_cam", "saliency"]


def saliency(model: Module, image: Any, target: int | None = None) -> Array:
    """How much the score of a class changes with each pixel: max over channels of |∂score / ∂pixel|, in evaluation mode.

    Source: Simonyan, Vedaldi and Zisserman 2013, "Deep inside convolutional networks", section 3.

    Args:
        model: takes images (N, C, H, W), gives logits (N, K). Its parameters' gradients are left alone.
        image: (C, H, W) or (1, C, H, W), as the model takes it.
        target: the class; by default the one with the highest score.

    Returns:
        (H, W), of the image's dtype.

    Raises:
        ValueError: this is not one image, the model does not give logits, or has no such class.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    >>> with torch.no_grad():
    ...     _ = model[1].weight.copy_(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 4.0]]))
    >>> saliency(model, torch.ones(1, 2, 2)).tolist()
    [[0.0, 2.0], [0.0, 4.0]]
    """
    x = _one_image(image)
    with evaluating(model), enable_grad():
        (slope,) = grad(_score(model(x), target), x)
    found: Array = slope.abs().amax(1)[0].numpy()
    return found


def grad_cam(model: Module, image: Any, target: int | None = None, layer: Module | str | None = None) -> Array:
    """Where a layer found what speaks for a class: ReLU(Σ αₖ Aₖ), in evaluation mode.

    Aₖ are the layer's maps for the image, αₖ is the mean of ∂score / ∂Aₖ over the positions. What comes of it is scaled up to
    the size of the image, bilinearly.

    Source: Selvaraju et al. 2016, "Grad-CAM: visual explanations from deep networks via gradient-based localization".

    Args:
        model, image, target: as for :func:`saliency`.
        layer: whose maps, or its path in ``named_modules()``; by default the last ``Conv2d`` that is called and gives more
            than one position. Of a layer that is called several times it is the last call.

    Returns:
        (H, W), at least 0, of the image's dtype; 0 everywhere where nothing speaks for the class.

    Raises:
        ValueError: as :func:`saliency`; the model has no such layer or convolution, the layer is not called, or it does not
            give maps (1, O, OH, OW).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    >>> grad_cam(model, torch.zeros(1, 28, 28), target=3).shape
    (28, 28)
    """
    x = _one_image(image)
    with evaluating(model), enable_grad():
        with _outputs(_layers(model, layer)) as outputs:
            score = _score(model(x), target)
        maps = _maps(outputs, layer)
        (slope,) = grad(score, maps, allow_unused=True, materialize_grads=True)
    cam = relu((slope.mean((2, 3), keepdim=True) * maps.detach()).sum(1, keepdim=True))
    found: Array = interpolate(cam, size=tuple(x.shape[2:]), mode="bilinear", align_corners=False)[0, 0].numpy()
    return found


def _one_image(image: Any) -> Tensor:
    """The image as a batch of one, a leaf that wants a gradient."""
    x = as_tensor(image).detach()
    if x.ndim == 3:
        x = x.unsqueeze(0)
    if x.ndim != 4 or x.shape[0] != 1 or not x.is_floating_point():
        raise ValueError(f"one image of floats (C, H, W) is wanted, got {x.dtype} {tuple(as_tensor(image).shape)}")
    return x.clone().requires_grad_()


def _score(logits: Any, target: int | None) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[0] != 1:
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"a model that gives logits (N, K) is wanted, for one image it gave {came}")
    classes = logits.shape[1]
    if target is None:
        target = int(logits.argmax(1).item())
    if not 0 <= target < classes:
        raise ValueError(f"target is a class from 0 to {classes - 1}, not {target}")
    score: Tensor = logits[0, target]
    return score


def _layers(model: Module, layer: Module | str | None) -> list[Module]:
    """Those whose outputs are to be kept."""
    if layer is None:
        found: list[Module] = list(convolutions(model).values())
        if not found:
            raise ValueError(f"{type(model).__name__} has no convolution: give a layer that makes maps (N, O, OH, OW)")
        return found
    modules = dict(model.named_modules())
    if isinstance(layer, str):
        if layer not in modules:
            raise ValueError(f"{type(model).__name__} has no layer {layer!r}; it has {', '.join(filter(None, modules))}")
        return [modules[layer]]
    if not any(layer is module for module in modules.values()):
        raise ValueError(f"this {type(layer).__name__} is no layer of {type(model).__name__}")
    return [layer]


@contextmanager
def _outputs(layers: list[Module]) -> Iterator[list[Any]]:
    """What these layers give while they are called within, in the order of the calls."""
    found: list[Any] = []
    handles = [layer.register_forward_hook(lambda _, __, output: found.append(output)) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _maps(outputs: list[Any], layer: Module | str | None) -> Tensor:
    """The outputs that the picture is made of."""
    if not outputs:
        raise ValueError("the layer is not called when the model runs")
    maps = [output for output in outputs if isinstance(output, Tensor) and output.ndim == 4]
    wide = [output for output in maps if output.shape[2] * output.shape[3] > 1]
    if not maps or (layer is not None and maps[-1] is not outputs[-1]):
        came = tuple(outputs[-1].shape) if isinstance(outputs[-1], Tensor) else type(outputs[-1]).__name__
        raise ValueError(f"a layer that gives maps (1, O, OH, OW) is wanted, it gave {came}")
    return wide[-1] if layer is None and wide else maps[-1]
