"""Data sets under the name of PyTorch's file."""

from ...data.dataset import *  # noqa: F403
