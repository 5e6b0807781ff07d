"""DataLoader: batches from a data set, in PyTorch's interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator
from .collate import default_collate, default_convert
from .dataset import IterableDataset, fast_path, index_array, overrides_both, samples_at
from .sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "get_worker_info"]

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


def get_worker_info() -> None:
    """None: all work happens in the calling process."""


class DataLoader(Generic[T]):
    """Iterate over a data set in batches; PyTorch's arguments, in PyTorch's order.

    All work happens in the calling process: a data set in arrays (``TensorDataset``, ``FashionMNIST``,
    ``SyntheticFashion``, subsets of them) hands over whole batches in a few NumPy calls, which no worker process could
    beat. ``num_workers``, ``pin_memory``, ``timeout``, ``worker_init_fn``, ``multiprocessing_context``,
    ``prefetch_factor``, ``persistent_workers``, ``pin_memory_device`` and ``in_order`` are accepted so that PyTorch
    code runs unchanged, and have no effect.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``; a list will do.
        batch_size: samples to a batch; None gives single samples, not batched.
        shuffle: a new random order at each pass.
        sampler: the order of indices instead of ``shuffle``; any iterable.
        batch_sampler: whole batches of indices instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
        collate_fn: makes a batch from a list of samples; ``default_collate`` if None.
        drop_last: leave out the last batch when it is not full.
        generator: what ``shuffle`` draws from; the global one (``manual_seed``) if None.

    Raises:
        TypeError: the data set has no ``__getitem__``, or no ``__len__`` where the loader needs one.
        ValueError: arguments exclude each other or are out of range.

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
        self.dataset = dataset
        self.num_workers, self.pin_memory, self.timeout = num_workers, pin_memory, timeout
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.prefetch_factor, self.persistent_workers = prefetch_factor, persistent_workers
        self.pin_memory_device, self.in_order = pin_memory_device, in_order
        self.generator = generator
        self.drop_last = drop_last
        if batch_sampler is not None:
            batch_size = None
        elif isinstance(dataset, IterableDataset):
            sampler = _Stream(dataset)
        elif sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.sampler, self.batch_sampler = batch_size, sampler, batch_sampler
        self._collates_by_default = collate_fn is None
        self.collate_fn: Callable[[Any], Any] = collate_fn or (
            default_collate if self.batch_sampler is not None else default_convert
        )
        self._built = True

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
        source = self._index_source()
        # Only where the loader makes the batches: a BatchSampler given as ``sampler`` hands its lists to the data set.
        if self.batch_sampler is not None and overrides_both(source, "iter_from", "__iter__"):
            indices = source.iter_from(start)  # type: ignore[attr-defined]
        else:
            indices = islice(source, start, None)
        return map(self._fetcher(), indices)

    def _index_source(self) -> Iterable[Any]:
        source = self.sampler if self.batch_sampler is None else self.batch_sampler
        assert source is not None
        return source

    def _fetcher(self) -> Callable[[Any], Any]:
        """What turns one item of the index source into what the loop receives."""
        dataset, collate = self.dataset, self.collate_fn
        if isinstance(self.sampler, _Stream):
            return collate  # what comes from it are samples, not indices
        if self.batch_sampler is None:
            return lambda index: collate(dataset[index])
        get_batch = fast_path(dataset) if self._collates_by_default else None
        if get_batch is not None:
            return lambda indices: get_batch(index_array(indices))
        return lambda indices: collate(samples_at(dataset, indices.tolist() if isinstance(indices, np.ndarray) else indices))


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
