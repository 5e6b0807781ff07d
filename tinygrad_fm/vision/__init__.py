"""Pictures under torchvision's names: ``from tinygrad_fm.vision import transforms``."""

from . import transforms

__all__ = ["transforms"]
