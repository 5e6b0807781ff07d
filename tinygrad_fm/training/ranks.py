"""The processes that train one run together, started by ``mpiexec -n 4 python train_cnn.py …``.

Rank 0 is the run: it reads the command line, has the folder, writes and speaks. The others are handed its settings and its
state, and from there all make the same steps: each takes its share of every batch, gradients are averaged, and whatever a
decision rests on (loss, validation, a request to stop) is the same everywhere. A rank that cannot go on ends all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from .. import distributed, random
from ..autograd.box import box
from ..data import BatchSampler, DataLoader, Subset
from ..data.dataset import IndexArray
from ..data.sampler import Sampler
from ..distributed.launch import launched
from ..distributed.process_group import abort
from ..nn import Module, SyncBatchNorm
from ..nn.parallel import DistributedDataParallel
from .evaluation import BATCH, Evaluation, evaluate

Rows = list[Sequence[float]]

_LEAST = 2  # samples that a rank must have: a batch of one lies in memory in two orders at once, and dropout draws in one
_NAP = 0.01  # seconds; MPI's own waiting keeps a processor busy


class Ranks:
    """The ranks of a run: this process alone, unless MPI's process group is initialised.

    Attributes:
        rank: this process's number.
        size: how many there are.
        together: whether the others count on this one: an error here must end them too.
    """

    def __init__(self) -> None:
        several = distributed.is_initialized()
        self.rank = distributed.get_rank() if several else 0
        self.size = distributed.get_world_size() if several else 1
        self.together = False
        self._handed_out = False

    # -- a batch -----------------------------------------------------------------------------------------------------

    def check_batch_size(self, batch_size: int) -> None:
        """Raise ValueError if a batch cannot be shared."""
        if self.size > 1 and batch_size < _LEAST * self.size:
            raise ValueError(
                f"batch_size must be at least {_LEAST * self.size} for {self.size} processes, {_LEAST} images to each, "
                f"got {batch_size}"
            )

    def share(self, count: int, rank: int | None = None) -> slice:
        """Which of ``count`` things are this rank's; shares differ by one at most."""
        rank = self.rank if rank is None else rank
        return slice(count * rank // self.size, count * (rank + 1) // self.size)

    def parts(self, count: int) -> list[float]:
        """What part of ``count`` each rank has; they add up to 1."""
        return [len(range(count)[self.share(count, rank)]) / count for rank in range(self.size)]

    def drawing_for(self, count: int) -> AbstractContextManager[None]:
        """Within it, what is drawn for this rank's share of a batch of ``count`` is what one process would draw there."""
        if self.size == 1:
            return nullcontext()
        own = self.share(count)
        return random.share_of_batch(own.start, own.stop, count)

    def loader(self, dataset: Any, batch_size: int, sampler: Sampler[int]) -> DataLoader[Any]:
        """This rank's share of batches that are all full: batch norm cannot work on a single image, and equal shapes reuse
        memory."""
        if self.size == 1:
            return DataLoader(dataset, batch_size, sampler=sampler, drop_last=True)
        return DataLoader(dataset, batch_sampler=_Shares(sampler, batch_size, self.share(batch_size)))

    # -- a step ------------------------------------------------------------------------------------------------------

    def synchronised(self, model: Module) -> Module:
        """``model``, its batch norms changed so that they see the whole batch."""
        return model if self.size == 1 else SyncBatchNorm.convert_sync_batchnorm(model)

    def parallel(self, model: Module, same_buffers: bool) -> Module:
        """``model``, so that backward averages its gradients over the ranks."""
        return model if self.size == 1 else DistributedDataParallel(model, broadcast_buffers=not same_buffers)

    def gather(self, values: Sequence[float]) -> Callable[[], Rows]:
        """Begin to tell all ranks some numbers; what is returned, when called, gives those of all, a list for each rank."""
        if self.size == 1:
            return lambda: [values]
        own = np.array(values, np.float64)
        found = box(np.empty((self.size, len(own))))
        work = distributed.all_gather_into_tensor(found, box(own), async_op=True)

        def wait() -> Rows:
            assert work is not None
            work.wait()
            rows: Rows = found._array.tolist()
            return rows

        return wait

    def agree(self, signal: int | None) -> int | None:
        """The signal that asked one of the ranks to stop, if any."""
        return int(max(row[0] for row in self.gather([signal or 0])())) or None

    def evaluate(self, model: Module, dataset: Any, tta: bool) -> Evaluation:
        """:func:`~.evaluation.evaluate`, whose batches are shared; with the buffers of rank 0."""
        if self.size == 1:
            return evaluate(model, dataset, tta=tta)
        for buffer in model.buffers():
            distributed.broadcast(buffer, 0)
        own = self.share(-(-len(dataset) // BATCH))
        chosen = range(len(dataset))[own.start * BATCH : own.stop * BATCH]
        found = evaluate(model, Subset(dataset, chosen), tta=tta) if len(chosen) else None
        parts: list[Any] = [None] * self.size
        distributed.all_gather_object(parts, None if found is None else [found.labels, found.probabilities])
        labels, probabilities = zip(*filter(None, parts), strict=True)
        return Evaluation(np.concatenate(labels), np.concatenate(probabilities))

    # -- the beginning and the end -----------------------------------------------------------------------------------

    def hand_out(self, run: dict[str, Any] | None) -> None:
        """Rank 0: give the others the run to make, or None: there is none."""
        self._handed_out = True
        if self.size > 1:
            self.together = run is not None
            self._meet()
            distributed.broadcast_object_list([run])

    def receive(self) -> dict[str, Any] | None:
        """The other ranks: wait for what rank 0 hands out."""
        self._meet()
        found: list[Any] = [None]
        distributed.broadcast_object_list(found)
        self.together = found[0] is not None
        return found[0]

    def part(self) -> None:
        """From here each rank goes its own way: the others are at the same point."""
        self.together = False

    def run(self, command: Callable[[], int]) -> int:
        """Call ``command`` and return its exit code. If the other ranks wait for this one, all end with that code."""
        try:
            code = command()
        except SystemExit as error:  # of argparse
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            if self.size == 1:
                raise
        if self.together:
            abort(code)
        if self.size > 1:
            if not self.rank and not self._handed_out:
                self.hand_out(None)
            self._meet()
            distributed.destroy_process_group()
        return code

    def _meet(self) -> None:
        """Wait, asleep, until all ranks are here."""
        work = distributed.barrier(async_op=True)
        assert work is not None
        while not work.is_completed():
            time.sleep(_NAP)


def join() -> Ranks:
    """The ranks that ``mpiexec`` has started, if it has started several; else this process alone.

    Raises MissingExtraError if it has, and mpi4py is not installed.
    """
    started = launched()
    if started is not None and started[1] > 1 and not distributed.is_initialized():
        distributed.init_process_group("mpi")
    return Ranks()


class _Shares(BatchSampler):
    """A rank's share of each batch."""

    def __init__(self, sampler: Sampler[int], batch_size: int, share: slice) -> None:
        super().__init__(sampler, batch_size, drop_last=True)
        self._share = share

    def __iter__(self) -> Iterator[list[Any]]:
        return (batch[self._share] for batch in super().__iter__())

    def iter_from(self, start: int) -> Iterator[list[Any] | IndexArray]:
        """The shares of the batches from number ``start`` on."""
        return (batch[self._share] for batch in super().iter_from(start))
