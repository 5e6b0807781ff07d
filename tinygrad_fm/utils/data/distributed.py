"""``DistributedSampler`` under the name of PyTorch's file."""

from ...data.distributed import *  # noqa: F403
