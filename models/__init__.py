"""The models that the scripts train, composed of ``nn`` as a user would write them, and ``build``, which makes them by name."""

from __future__ import annotations

import difflib
import inspect
import re
from typing import Any, get_type_hints

from tinygrad_fm import nn
from tinygrad_fm.schema import check

from .cnn import CNN
from .fast import Fast
from .lenet import LeNet
from .mlp import MLP
from .resnet import ResNet
from .vgg import VGG

MODELS: dict[str, type[nn.Module]] = {"mlp": MLP, "lenet": LeNet, "cnn": CNN, "fast": Fast, "resnet": ResNet, "vgg": VGG}

__all__ = ["CNN", "MLP", "MODELS", "VGG", "Fast", "LeNet", "ResNet", "build"]


def build(name: str, **options: Any) -> nn.Module:
    """Make a model by its name, as checkpoints and the command line give it.

    Args:
        name: "mlp", "lenet", "cnn", "fast", "resnet" or "vgg"; a number behind it is the depth: "resnet32" is
            ``build("resnet", depth=32)``.
        **options: the arguments of the model's class.

    Returns:
        The model in training mode, its weights drawn from the default generator.

    Raises:
        ValueError: there is no such model, the model has no such option, or an option is out of range.

    >>> from models import build
    >>> sum(p.numel() for p in build("lenet").parameters())
    61750
    >>> build("mlp", hiden=[32])
    Traceback (most recent call last):
      ...
    ValueError: mlp has no option 'hiden'; did you mean 'hidden'? It has: hidden, activation, dropout, batch_norm, ...
    """
    found = re.fullmatch(r"([a-z]+)(\d{0,18})", name)
    kind, depth = (found[1], found[2]) if found else (name, "")
    model = MODELS.get(kind)
    takes = list(inspect.signature(model).parameters) if model else []
    if model is None or (depth and "depth" not in takes):
        raise ValueError(f"there is no model {name!r}{_meant(kind, list(MODELS))} The models are: {', '.join(MODELS)}")
    if depth:
        options = {"depth": int(depth), **options}
    for option in options:
        if option not in takes:
            raise ValueError(f"{kind} has no option {option!r}{_meant(option, takes)} It has: {', '.join(takes)}")
    hints = get_type_hints(model.__init__, include_extras=True)
    for option, value in options.items():
        check(value, hints[option], option)
    return model(**options)


def _meant(wrong: str, names: list[str]) -> str:
    close = difflib.get_close_matches(wrong, names, 1)
    return f"; did you mean {close[0]!r}?" if close else "."
