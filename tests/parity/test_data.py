"""``utils.data`` against PyTorch's: the same program, the same batches or the same kind of error."""

from __future__ import annotations

import warnings
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
import tinygrad_fm.utils.data

torch = pytest.importorskip("torch")
LIBRARIES = (tinygrad_fm, torch)

Point = namedtuple("Point", "x y")


def seen(value: Any) -> Any:
    """A result with its tensors as (dtype, list), and every container's type."""
    if isinstance(value, (tinygrad_fm.Tensor, torch.Tensor)):
        return str(value.dtype).split(".")[-1], value.tolist()
    if isinstance(value, dict | UserDict):
        return type(value), {key: seen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [seen(item) for item in value]
    return value


def outcome(program: Callable[[Any], Any], library: Any) -> Any:
    """What a program gives, or the class of what it raises, and the classes of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = seen(program(library))
        except Exception as error:
            result = type(error)
    return result, [warning.category for warning in caught]


def stream(lib: Any, n: int = 5, length: bool = True) -> Any:
    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            return iter(range(n))

    class Sized(Stream):
        def __len__(self) -> int:
            return n

    return Sized() if length else Stream()


def pairs(lib: Any, n: int = 7) -> Any:
    return lib.utils.data.TensorDataset(lib.arange(2 * n).reshape(n, 2), lib.arange(n))


def loaded(lib: Any, dataset: Any, **options: Any) -> Any:
    return list(lib.utils.data.DataLoader(dataset, **options))


class Rows:
    """A data set that takes lists of indices."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: Any) -> Any:
        assert type(index) in (int, list), type(index)
        return np.arange(6)[index] * 10


class Many(Rows):
    def __getitems__(self, indices: list[int]) -> Any:
        return [-i for i in indices]


D = "utils.data"
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    # loading
    "batches": lambda t: loaded(t, pairs(t), batch_size=3),
    "drop_last": lambda t: loaded(t, pairs(t), batch_size=3, drop_last=True),
    "single samples": lambda t: loaded(t, pairs(t), batch_size=None),
    "lists of indices to a subset": lambda t: loaded(
        t,
        t.utils.data.Subset(Rows(), [5, 4, 3, 2]),
        batch_size=None,
        sampler=t.utils.data.BatchSampler(t.utils.data.SequentialSampler(range(4)), 3, False),
    ),
    "lists of indices to a data set": lambda t: loaded(
        t, Rows(), batch_size=None, sampler=t.utils.data.BatchSampler(t.utils.data.SequentialSampler(range(6)), 4, True)
    ),
    "lists of indices to tensors": lambda t: loaded(
        t, pairs(t), batch_size=None, sampler=t.utils.data.BatchSampler(range(7), 4, False)
    ),
    "getitems": lambda t: loaded(t, Many(), batch_size=4),
    "getitems of a subset": lambda t: loaded(t, t.utils.data.Subset(Many(), [3, 1]), batch_size=4),
    "getitems that make the batch": lambda t: loaded(
        t,
        type("Batched", (), {"__getitem__": None, "__len__": lambda s: 4, "__getitems__": lambda s, i: sum(i)})(),
        batch_size=3,
        collate_fn=lambda batch: batch,
    ),
    "a batch sampler": lambda t: loaded(t, pairs(t), batch_sampler=[[0, 1], [5]]),
    "keys": lambda t: loaded(t, {"a": 1, "b": 2}, sampler=["b", "a"]),
    "a subset sampler of keys": lambda t: sorted(t.utils.data.SubsetRandomSampler(["b", "a"])),
    "a stream": lambda t: loaded(t, stream(t), batch_size=2),
    "a stream, drop_last": lambda t: loaded(t, stream(t), batch_size=2, drop_last=True),
    "a stream of samples": lambda t: loaded(t, stream(t), batch_size=None),
    "lengths": lambda t: [len(t.utils.data.DataLoader(stream(t), n)) for n in (1, 2, None)],
    "the length of a stream without one": lambda t: len(t.utils.data.DataLoader(stream(t, length=False))),
    "a loader of nothing": lambda t: loaded(t, []),
    # arguments
    "num_workers": lambda t: t.utils.data.DataLoader([1], num_workers=-1),
    "timeout": lambda t: t.utils.data.DataLoader([1], timeout=-1),
    "prefetch without workers": lambda t: t.utils.data.DataLoader([1], prefetch_factor=2),
    "persistent without workers": lambda t: t.utils.data.DataLoader([1], persistent_workers=True),
    "a shuffled stream": lambda t: t.utils.data.DataLoader(stream(t), shuffle=True),
    "a stream, not shuffled": lambda t: loaded(t, stream(t), shuffle=False),
    "a sampled stream": lambda t: t.utils.data.DataLoader(stream(t), sampler=[1]),
    "a shuffled sampler": lambda t: t.utils.data.DataLoader([1], shuffle=True, sampler=[0]),
    "shuffling nothing": lambda t: t.utils.data.DataLoader([], shuffle=True),
    "zero at once": lambda t: t.utils.data.DataLoader([1], batch_size=0),
    "True at once": lambda t: t.utils.data.DataLoader([1], batch_size=True),
    "none at once, dropped": lambda t: t.utils.data.DataLoader([1], batch_size=None, drop_last=True),
    "a batch sampler and a size": lambda t: t.utils.data.DataLoader([1], batch_size=2, batch_sampler=[[0]]),
    "assigned later": lambda t: setattr(t.utils.data.DataLoader([1]), "batch_size", 2),
    "replacement=1": lambda t: t.utils.data.RandomSampler([1], replacement=1),
    "no samples": lambda t: t.utils.data.RandomSampler([1], num_samples=0),
    "replacement='no'": lambda t: t.utils.data.WeightedRandomSampler([1.0], 1, replacement="no"),
    "True samples": lambda t: t.utils.data.WeightedRandomSampler([1.0], True),
    "weights in a matrix": lambda t: t.utils.data.WeightedRandomSampler([[1.0]], 1),
    # data sets
    "chained": lambda t: list(t.utils.data.ChainDataset([stream(t, 2), stream(t, 3)])),
    "chained, length": lambda t: len(t.utils.data.ChainDataset([stream(t, 2), stream(t, 3)])),
    "chained by +": lambda t: loaded(t, stream(t, 2) + stream(t, 3), batch_size=2),
    "chained, wrongly": lambda t: list(t.utils.data.ChainDataset([[1, 2]])),
    "chained, length, wrongly": lambda t: len(t.utils.data.ChainDataset([[1, 2]])),
    "concatenated": lambda t: loaded(t, pairs(t, 2) + pairs(t, 3), batch_size=2),
    "concatenated of nothing": lambda t: t.utils.data.ConcatDataset([]),
    "concatenated streams": lambda t: t.utils.data.ConcatDataset([stream(t)]),
    "above": lambda t: t.utils.data.ConcatDataset([[1, 2]])[2],
    "below": lambda t: t.utils.data.ConcatDataset([[1, 2]])[-3],
    "from the end": lambda t: t.utils.data.ConcatDataset([[1, 2], [3]])[-3],
    "stacked": lambda t: loaded(t, t.utils.data.StackDataset(range(3), pairs(t, 3)), batch_size=2),
    "stacked by name": lambda t: loaded(t, t.utils.data.StackDataset(a=range(6), b=Many()), batch_size=4),
    "stacked, getitems": lambda t: t.utils.data.StackDataset(range(6), Many()).__getitems__([1, 3]),
    "stacked of nothing": lambda t: t.utils.data.StackDataset(),
    "stacked of both kinds": lambda t: t.utils.data.StackDataset([1], a=[1]),
    "stacked of two lengths": lambda t: t.utils.data.StackDataset([1], [1, 2]),
    "stacked of the wrong number": lambda t: t.utils.data.StackDataset(
        type("Short", (Rows,), {"__getitems__": lambda s, i: [1]})()
    ).__getitems__([1, 2]),
    "tensors of two lengths": lambda t: t.utils.data.TensorDataset(t.zeros(2), t.zeros(3)),
    "a subset by lists": lambda t: t.utils.data.Subset(Rows(), [5, 4, 3])[[0, 2]].tolist(),
    "split": lambda t: [len(part) for part in t.utils.data.random_split(range(11), [0.25] * 4)],
    "split, generator None": lambda t: [len(part) for part in t.utils.data.random_split(range(4), [1, 3], generator=None)],
    "split into nothing": lambda t: [len(part) for part in t.utils.data.random_split(range(1), [0.5, 0.5])],
    "split beyond": lambda t: t.utils.data.random_split(range(4), [1.5, -0.5]),
    "split short": lambda t: t.utils.data.random_split(range(4), [1, 2]),
    "split of one": lambda t: [len(part) for part in t.utils.data.random_split(range(1), [1])],
    # collating
    "numbers": lambda t: t.utils.data.default_collate([1, 2]),
    "floats": lambda t: t.utils.data.default_collate([1.0, 2]),
    "an int, then a float": lambda t: t.utils.data.default_collate([1, 2.5]),
    "bools": lambda t: t.utils.data.default_collate([True, False]),
    "strings": lambda t: t.utils.data.default_collate(["a", "b"]),
    "strings in tuples": lambda t: t.utils.data.default_collate([("a", 1), ("b", 2)]),
    "strings in lists": lambda t: t.utils.data.default_collate([["a", 1], ["b", 2]]),
    "a named tuple": lambda t: t.utils.data.default_collate([Point(1, "a"), Point(2, "b")]),
    "dicts": lambda t: t.utils.data.default_collate([{"a": 1, "b": {"c": "d"}}] * 2),
    "ordered": lambda t: t.utils.data.default_collate([OrderedDict(b=1, a=2)] * 2),
    "with a default": lambda t: t.utils.data.default_collate([defaultdict(list, a=1)] * 2),
    "a dict's own class": lambda t: t.utils.data.default_collate([UserDict(a=1)] * 2),
    "ranges": lambda t: t.utils.data.default_collate([range(2), range(2)]),
    "scalars": lambda t: t.utils.data.default_collate([np.float32(1), np.float32(2)]),
    "arrays": lambda t: t.utils.data.default_collate([np.zeros((1, 2), np.int16)] * 2),
    "0-d arrays": lambda t: t.utils.data.default_collate([np.array(1.0)] * 2),
    "arrays of strings": lambda t: t.utils.data.default_collate([np.array(["a"])]),
    "shapes": lambda t: t.utils.data.default_collate([t.zeros(2), t.zeros(3)]),
    "numbers of fields": lambda t: t.utils.data.default_collate([[1], [1, 2]]),
    "keys that are missing": lambda t: t.utils.data.default_collate([{"a": 1}, {}]),
    "None": lambda t: t.utils.data.default_collate([None]),
    "complex": lambda t: t.utils.data.default_collate([1j]),
    "convert": lambda t: t.utils.data.default_convert(
        {"a": (1, [np.float32(2)]), "b": np.array(["x"]), "c": Point(np.zeros(1), "y")}
    ),
    "convert, with a default": lambda t: t.utils.data.default_convert(defaultdict(list, a=np.zeros(1))),
    "worker": lambda t: t.utils.data.get_worker_info(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    ours, theirs = (outcome(PROGRAMS[name], library) for library in LIBRARIES)
    assert ours == theirs


def test_every_name_is_there() -> None:
    pipes = [
        "DFIterDataPipe",
        "DataChunk",
        "IterDataPipe",
        "MapDataPipe",
        "argument_validation",
        "functional_datapipe",
        "non_deterministic",
    ]
    pipes += ["guaranteed_datapipes_determinism", "runtime_validation", "runtime_validation_disabled", "_DatasetKind"]
    missing = [n for n in torch.utils.data.__all__ if n not in pipes and not hasattr(tinygrad_fm.utils.data, n)]
    assert not missing


@pytest.mark.parametrize("count", [0, 1, 5, 12, 13])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_parts_of_a_distributed_sampler(count: int, drop_last: bool) -> None:
    """Which positions each process has, in PyTorch and here; shuffled, together each sample once or as often as there."""
    for replicas in (1, 2, 3, 8):
        for rank in range(replicas):
            theirs, ours = (
                lib.utils.data.distributed.DistributedSampler(range(count), replicas, rank, shuffle=False, drop_last=drop_last)
                for lib in (torch, tinygrad_fm)
            )
            assert (list(ours), len(ours), ours.total_size) == (list(theirs), len(theirs), theirs.total_size)
        parts = [
            list(tinygrad_fm.utils.data.DistributedSampler(range(count), replicas, rank, seed=4, drop_last=drop_last))
            for rank in range(replicas)
        ]
        assert len({len(part) for part in parts}) == 1
        if not count % replicas:
            assert sorted(i for part in parts for i in part) == list(range(count))
    with pytest.raises(ValueError, match=r"Invalid rank 3, rank should be in the interval \[0, 2\]"):
        tinygrad_fm.utils.data.DistributedSampler(range(4), 3, 3)
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        tinygrad_fm.utils.data.DistributedSampler(range(4))
