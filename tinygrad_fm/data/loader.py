"""DataLoader: batches from a data set, in PyTorch's interface."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator, default_generator
from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, fast_path, index_array, overrides_both, samples_at
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .transforms import works_on_batches
from .worker import End, Job, WorkerIterator, WorkerPool

__all__ = ["DataLoader"]

T = TypeVar("T")

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class _Stream:
    """Stands where a sampler does for an IterableDataset, and gives its samples instead of indices."""

    def __init__(self, dataset: IterableDataset[Any]) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dataset)

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]


class _Fetcher:
    """Makes what the loop receives of one item of the index source; workers have a copy."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batched: bool) -> None:
        self.dataset, self.collate, self.batched = dataset, collate, batched

    def begin(self) -> None:
        """Nothing: every index can be asked for at any time."""

    def __call__(self, indices: Any) -> Any:
        if not self.batched:
            return self.collate(self.dataset[indices])
        return self.collate(samples_at(self.dataset, indices.tolist() if isinstance(indices, np.ndarray) else indices))


class _StreamFetcher:
    """Makes the next batch of an IterableDataset, in a worker; `End` after the last one."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batch_size: int | None, drop_last: bool) -> None:
        self.dataset, self.collate, self.batch_size, self.drop_last = dataset, collate, batch_size, drop_last

    def begin(self) -> None:
        """Go to the beginning of the data set."""
        self.samples = iter(self.dataset)

    def __call__(self, _: None) -> Any:
        samples = list(islice(self.samples, self.batch_size or 1))
        if not samples or (self.drop_last and len(samples) != self.batch_size):
            return End()
        return self.collate(samples[0] if self.batch_size is None else samples)


class DataLoader(Generic[T]):
    """Iterate over a data set in batches; PyTorch's arguments, in PyTorch's order.

    With ``num_workers`` the samples come from so many processes, which work ahead while the loop computes: for data sets
    whose ``__getitem__`` is slow. The batches are the same and come in the same order. A data set in arrays
    (``TensorDataset``, ``FashionMNIST``, ``SyntheticFashion``, subsets of them, with a ``Transform`` or none) hands over
    whole batches in a few NumPy calls, which no worker process could beat: it is always read in the calling process. So is
    everything where there are no processes (WebAssembly).

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``; a list will do.
        batch_size: samples to a batch; None gives single samples, not batched.
        shuffle: a new random order at each pass.
        sampler: the order of indices instead of ``shuffle``; any iterable.
        batch_sampler: whole batches of indices instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
        collate_fn: makes a batch from a list of samples; ``default_collate`` if None.
        drop_last: leave out the last batch when it is not full.
        generator: what ``shuffle`` and the seeds of workers are drawn from; the global one (``manual_seed``) if None.
        num_workers: worker processes; 0 for none.
        timeout: seconds to wait for a batch from the workers; 0 for no limit.
        worker_init_fn: called in each worker with its number, once its random numbers are seeded.
        multiprocessing_context: how workers are started: "fork", "spawn", "forkserver", a context of ``multiprocessing``, or
            None for Python's default. Other ways than "fork" pickle the data set and the functions, and want the script's own
            work to stand under ``if __name__ == "__main__":``.
        prefetch_factor: batches that each worker has in work at a time; 2 by default.
        persistent_workers: keep the workers, and their copies of the data set, from one pass to the next.
        in_order: whether batches come in the sampler's order, or as workers finish them.
        pin_memory, pin_memory_device: accepted, without effect.

    In worker k our generator, Python's and NumPy's (``random``, ``np.random``) are seeded with the seed of the pass plus k,
    which :func:`get_worker_info` gives. Ctrl-C, an exception, and leaving the loop end the workers.

    Raises:
        TypeError: the data set has no ``__getitem__``, or no ``__len__`` where the loader needs one.
        ValueError: arguments exclude each other or are out of range.
        RuntimeError: from iterating: a worker was killed, or ``timeout`` has passed.
        Any exception of a worker: from iterating, with the worker's traceback in its message.

    To stop a run and go on later at the same sample, use an order that follows from the epoch number, and skip what is
    done::

        sampler = EpochSampler(dataset, seed=0)
        loader = DataLoader(dataset, batch_size=64, sampler=sampler)
        sampler.set_epoch(epoch)
        for images, labels in loader.iter_from(batches_done): ...

    >>> for batch in DataLoader([1, 2, 3, 4, 5], batch_size=2):
    ...     print(batch.tolist())
    [1, 2]
    [3, 4]
    [5]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], T] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_arguments(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            sampler=sampler,
            batch_sampler=batch_sampler,
            num_workers=num_workers,
            drop_last=drop_last,
            timeout=timeout,
            prefetch_factor=prefetch_factor,
            persistent_workers=persistent_workers,
        )
        _check_context(multiprocessing_context, num_workers)
        self.dataset = dataset
        self.num_workers, self.pin_memory, self.timeout = num_workers, pin_memory, timeout
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device, self.in_order = pin_memory_device, in_order
        self.generator = generator
        self.drop_last = drop_last
        self.batch_size = None if batch_sampler is not None else batch_size
        self.sampler, self.batch_sampler = self._samplers(sampler, batch_sampler, shuffle)
        self._collates_by_default = collate_fn is None
        self.collate_fn: Callable[[Any], Any] = collate_fn or (
            default_collate if self.batch_sampler is not None else default_convert
        )
        self._pool: WorkerPool | None = None
        self._last_draw = (0, 0)  # see _seed_of_pass
        self._built = True

    def _samplers(self, sampler: Any, batch_sampler: Any, shuffle: bool | None) -> tuple[Any, Any]:
        """What gives single indices, and what gives whole batches of them: None for single samples."""
        if batch_sampler is not None:
            return sampler, batch_sampler
        if isinstance(self.dataset, IterableDataset):
            sampler = _Stream(self.dataset)
        elif sampler is None:
            sampler = RandomSampler(self.dataset, generator=self.generator) if shuffle else SequentialSampler(self.dataset)
        return sampler, None if self.batch_size is None else BatchSampler(sampler, self.batch_size, self.drop_last)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and getattr(self, "_built", False):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized; make a new one")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """Batches in one pass; samples if ``batch_size`` is None."""
        return len(self._index_source())  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        return self.iter_from(0)

    def iter_from(self, start: int) -> Iterator[T]:
        """The rest of a pass from batch ``start`` on, in the whole pass's order; earlier samples are not loaded."""
        if start < 0:
            raise ValueError(f"DataLoader: cannot start at batch {start}")
        if self._has_workers():
            return self._from_workers(start)
        return map(self._fetcher(), self._indices_from(start))

    def _indices_from(self, start: int) -> Iterator[Any]:
        """What to fetch, from item ``start`` on."""
        source = self._index_source()
        # Only where the loader makes the batches: a BatchSampler given as ``sampler`` hands its lists to the data set.
        if self.batch_sampler is not None and overrides_both(source, "iter_from", "__iter__"):
            return source.iter_from(start)  # type: ignore[attr-defined]
        return islice(source, start, None)

    def _index_source(self) -> Iterable[Any]:
        source = self.sampler if self.batch_sampler is None else self.batch_sampler
        assert source is not None
        return source

    def _fetcher(self) -> Callable[[Any], Any]:
        """What turns one item of the index source into what the loop receives."""
        dataset, collate = self.dataset, self.collate_fn
        if isinstance(self.sampler, _Stream):
            return collate  # what comes from it are samples, not indices
        get_batch = fast_path(dataset) if self._collates_by_default and self.batch_sampler is not None else None
        if get_batch is not None:
            return lambda indices: get_batch(index_array(indices))
        return _Fetcher(dataset, collate, self.batch_sampler is not None)

    def _has_workers(self) -> bool:
        """Whether a pass is fetched by worker processes."""
        if self.num_workers == 0 or sys.platform in ("emscripten", "wasi"):
            return False
        whole_batches = self._collates_by_default and self.batch_sampler is not None and fast_path(self.dataset) is not None
        return not (whole_batches and _transforms_batches(self.dataset))

    def _from_workers(self, start: int) -> Iterator[Any]:
        stream = isinstance(self.sampler, _Stream)
        pool = self._pool if self._pool is not None and self._pool.close.alive else None
        if pool is None:
            pool = WorkerPool(_context(self.multiprocessing_context), self._job(stream))
        if self.persistent_workers:
            self._pool = pool
        items = None if stream else self._indices_from(start)
        prefetch = max(self.prefetch_factor or 1, 1)
        batches = WorkerIterator(pool, items, prefetch, self.in_order, self.timeout, self.persistent_workers)
        return batches.skip(start) if stream else batches

    def _job(self, stream: bool) -> Job:
        fetch = (
            _StreamFetcher(self.dataset, self.collate_fn, self.batch_size, self.drop_last)
            if stream
            else _Fetcher(self.dataset, self.collate_fn, self.batch_sampler is not None)
        )
        return Job(fetch, self.num_workers, self._seed_of_pass(), self.worker_init_fn)

    def _seed_of_pass(self) -> int:
        """What the workers' seeds begin with: it follows from the state of the generator, which is left as it is, so that
        shuffling does not depend on ``num_workers``. Where nothing has been drawn since the last pass, passes are counted.
        """
        draw = int((self.generator or default_generator).clone_state().bits.integers(2**63))
        passes = self._last_draw[1] + 1 if draw == self._last_draw[0] else 0
        self._last_draw = draw, passes
        return int(np.random.SeedSequence([draw, passes]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _transforms_batches(dataset: Any) -> bool:
    """Whether a data set that gives whole batches changes them as a whole too, and not image by image."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    transform = getattr(dataset, "transform", None)
    return transform is None or works_on_batches(transform)


def _context(given: Any) -> Any:
    import multiprocessing

    return multiprocessing.get_context(given) if given is None or isinstance(given, str) else given


def _check_context(given: Any, num_workers: int) -> None:
    """Raise for a ``multiprocessing_context`` that there is not, with PyTorch's words."""
    if given is None:
        return
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0"
        )
    import multiprocessing

    if isinstance(given, str):
        known = multiprocessing.get_all_start_methods()
        if given not in known:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {known}, "
                f"but got multiprocessing_context={given!r}"
            )
    elif not isinstance(given, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={given}"
        )


def _check_arguments(
    dataset: Any,
    *,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Iterable[Any] | None,
    batch_sampler: Iterable[Any] | None,
    num_workers: int,
    drop_last: bool,
    timeout: float,
    prefetch_factor: int | None,
    persistent_workers: bool,
) -> None:
    """Raise for arguments that exclude each other or are out of range, with PyTorch's words."""

    def require(condition: bool, message: str) -> None:
        if not condition:
            raise ValueError(message)

    require(num_workers >= 0, f"num_workers option should be non-negative, got {num_workers}; use 0 for none")
    require(timeout >= 0, f"timeout option should be non-negative, got {timeout}")
    require(
        prefetch_factor is None or num_workers > 0,
        "prefetch_factor option could only be specified in multiprocessing: leave it out, or let num_workers > 0",
    )
    require(prefetch_factor is None or prefetch_factor >= 0, f"prefetch_factor should be non-negative, got {prefetch_factor}")
    require(not persistent_workers or num_workers > 0, "persistent_workers option needs num_workers > 0")
    if not hasattr(dataset, "__getitem__"):
        raise TypeError(f"DataLoader: the data set is a {type(dataset).__name__}, which has no __getitem__(index)")
    if isinstance(dataset, IterableDataset):
        for name, value in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            require(
                value is None or (name == "shuffle" and not value),
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}; "
                "the data set decides its order itself",
            )
    elif sampler is None and batch_sampler is None and not hasattr(dataset, "__len__"):
        raise TypeError(f"DataLoader: the data set is a {type(dataset).__name__} without __len__(); give a sampler")
    require(sampler is None or not shuffle, "sampler option is mutually exclusive with shuffle: a sampler decides the order")
    require(
        batch_sampler is None or (batch_size == 1 and not shuffle and sampler is None and not drop_last),
        "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last",
    )
    require(
        batch_size is not None or not drop_last,
        "batch_size=None option disables auto-batching and is mutually exclusive with drop_last",
    )
