"""``DistributedSampler``: each process's part of an epoch's order."""

from __future__ import annotations

import math
from collections.abc import Sized

import numpy as np

from ..distributed import ProcessGroup, get_rank, get_world_size
from .dataset import IndexArray
from .sampler import _ArraySampler, epoch_order

__all__ = ["DistributedSampler"]


class DistributedSampler(_ArraySampler):
    """Every ``num_replicas``-th index of an order that follows from ``(seed, epoch)`` alone, from index ``rank`` on.

    All parts are of one length: the order's last indices are left out (``drop_last``), or its first come again. Call
    ``set_epoch`` before each epoch, else every epoch has the same order. The order is that of ``EpochSampler``, not PyTorch's,
    whose generator is another.

    Args:
        dataset: the data set, (N samples).
        num_replicas, rank: how many processes, and which this is; those of the default group by default.
        group: instead of the default group.
        shuffle: False for 0, 1, 2 ….
        seed: the same in all processes.
        drop_last: leave out what is left over, instead of adding samples.

    Raises ValueError for a rank that is not 0 … num_replicas − 1, and, if either is not given, before ``init_process_group``.

    >>> [list(DistributedSampler(range(10), 4, rank, shuffle=False)) for rank in range(4)]
    [[0, 4, 8], [1, 5, 9], [2, 6, 0], [3, 7, 1]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        *,
        group: ProcessGroup | None = None,
    ) -> None:
        self.num_replicas = get_world_size(group) if num_replicas is None else num_replicas
        self.rank = get_rank(group) if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"Invalid rank {self.rank}, rank should be in the interval [0, {self.num_replicas - 1}]")
        self.dataset, self.shuffle, self.seed, self.drop_last = dataset, shuffle, seed, drop_last
        self.epoch = 0
        count = len(dataset)
        self.num_samples = count // self.num_replicas if drop_last else math.ceil(count / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration has."""
        self.epoch = epoch

    def order(self) -> IndexArray:
        count = len(self.dataset)
        whole = epoch_order(count, self.seed, self.epoch) if self.shuffle else np.arange(count, dtype=np.int64)
        return np.resize(whole, self.total_size)[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return self.num_samples
