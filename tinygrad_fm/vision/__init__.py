"""Pictures under torchvision's names: ``from tinygrad_fm.vision import datasets, transforms``."""

from . import datasets, transforms

__all__ = ["datasets", "transforms"]
