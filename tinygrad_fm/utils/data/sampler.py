"""Samplers under the name of PyTorch's file."""

from ...data.sampler import *  # noqa: F403
