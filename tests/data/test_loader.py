"""DataLoader, samplers and collating, held to PyTorch's documented behaviour."""

from __future__ import annotations

import multiprocessing
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    EpochSampler,
    ImageDataset,
    Normalize,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    ToTensor,
    WeightedRandomSampler,
    default_collate,
    default_convert,
)
from tinygrad_fm.data.transforms import Compose
from tinygrad_fm.ops.creation import from_numpy
from tinygrad_fm.random import Generator

PIXELS = np.random.default_rng(0).integers(0, 256, (50, 4, 4), dtype=np.uint8)
LABELS = np.arange(50) % 10


def pictures(transform: Any = None) -> ImageDataset:
    return ImageDataset(PIXELS, LABELS, transform)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def flat(loader: Any) -> list[Any]:
    return [value for batch in loader for value in batch.tolist()]


class Slow:
    """The same samples one by one."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        assert type(index) is int
        return self.data[index]


# Batches.


def test_a_plain_list_will_do() -> None:
    loader: Any = DataLoader([10, 11, 12, 13, 14], 2)
    assert [batch.tolist() for batch in loader] == [[10, 11], [12, 13], [14]]
    assert len(loader) == 3
    assert len(DataLoader([1, 2, 3], 2, drop_last=True)) == 1
    assert flat(DataLoader([1, 2, 3], 2, drop_last=True)) == [1, 2]
    assert list(DataLoader([])) == []


@pytest.mark.parametrize("transform", [None, Compose([ToTensor(), Normalize((0.3,), (0.4,))]), lambda image: image * 2])
@pytest.mark.parametrize("part", [False, True])
def test_the_fast_path_gives_what_single_samples_give(transform: Any, part: bool) -> None:
    data: Any = pictures(transform)
    if part:
        data = Subset(data, [3, 1, 4, 1, 5, 9, 2, 6])
    for fast, slow in zip(DataLoader(data, 3), DataLoader(Slow(data), 3), strict=True):
        assert type(fast) is type(slow) is list
        for ours, theirs in zip(fast, slow, strict=True):
            assert ours.numpy().dtype == theirs.numpy().dtype
            assert np.array_equal(ours.numpy(), theirs.numpy())


def test_image_batches_are_float32_nchw_in_c_order() -> None:
    images, labels = next(iter(DataLoader(pictures(), 16, shuffle=True)))
    assert (tuple(images.shape), images.numpy().dtype) == ((16, 1, 4, 4), np.float32)
    assert images.numpy().flags.c_contiguous
    assert (tuple(labels.shape), labels.numpy().dtype) == ((16,), np.int64)
    assert images.numpy().max() <= 1


def test_a_batch_is_the_callers_own() -> None:
    data = pictures()
    first = next(iter(DataLoader(data, 50)))
    first[0].numpy()[:] = 7
    first[1].numpy()[:] = 7
    assert np.array_equal(next(iter(DataLoader(data, 50)))[1].numpy(), LABELS)
    assert np.array_equal(data.images, PIXELS)


def test_a_collate_function_gets_the_list_of_samples() -> None:
    got: Any = list(DataLoader(pictures(), 20, collate_fn=lambda samples: [label for _, label in samples]))
    assert got == [LABELS[:20].tolist(), LABELS[20:40].tolist(), LABELS[40:].tolist()]


def test_getitems_is_used_where_it_exists() -> None:
    class Many(Slow):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [-self.data[i] for i in indices]

    assert flat(DataLoader(Many([1, 2, 3]), 2)) == [-1, -2, -3]


def test_without_batches() -> None:
    assert list(DataLoader([1, 2, 3], batch_size=None)) == [1, 2, 3]
    assert len(DataLoader([1, 2, 3], batch_size=None)) == 3
    (sample,) = DataLoader([np.zeros(2)], batch_size=None)
    assert isinstance(sample, tinygrad_fm.Tensor)
    assert list(DataLoader([1, 2], batch_size=None, collate_fn=str)) == ["1", "2"]


def test_pytorchs_other_arguments_are_taken_in_its_order() -> None:
    method = multiprocessing.get_all_start_methods()[0]
    loader = DataLoader([1, 2, 3], 2, False, None, None, 4, None, True, True, 60, print, method, seeded(0), prefetch_factor=2)
    assert (loader.num_workers, loader.pin_memory, loader.drop_last, loader.timeout) == (4, True, True, 60)
    assert flat(loader) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size=0"),
        ({"batch_size": 2.0}, ValueError, "batch_size=2.0"),
        ({"batch_size": True}, ValueError, "batch_size=True"),
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative, got -1"),
        ({"shuffle": True, "sampler": [0]}, ValueError, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, ValueError, "mutually exclusive with drop_last"),
        ({"drop_last": 1}, ValueError, "drop_last=1"),
        ({"dataset": iter([1])}, TypeError, "has no __getitem__"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        DataLoader(**({"dataset": [1, 2, 3]} | arguments))


def test_what_is_fixed_cannot_be_changed_unnoticed() -> None:
    loader: Any = DataLoader([1, 2, 3])
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader"):
        loader.batch_size = 2
    loader.note = "anything else may be set"


def test_an_index_out_of_range_is_an_error_on_either_path() -> None:
    for data in (pictures(), Slow(PIXELS)):
        with pytest.raises(IndexError):
            list(DataLoader(data, sampler=[50]))


# Order.


def test_shuffling_visits_everything_once_in_a_new_order_each_pass() -> None:
    loader: Any = DataLoader(range(100), 7, shuffle=True, generator=seeded(1))
    first, second = flat(loader), flat(loader)
    assert sorted(first) == sorted(second) == list(range(100))
    assert len({tuple(first), tuple(second), tuple(range(100))}) == 3
    assert flat(DataLoader(range(100), 7, shuffle=True, generator=seeded(1))) == first
    assert flat(DataLoader(range(100), 7, shuffle=True, generator=seeded(2))) != first


def test_without_a_generator_the_global_seed_decides() -> None:
    orders = []
    for seed in (3, 3, 4):
        tinygrad_fm.manual_seed(seed)
        orders.append(flat(DataLoader(range(100), 7, shuffle=True)))
    assert orders[0] == orders[1] != orders[2]


def test_a_generators_own_stream_is_not_touched_by_others() -> None:
    loader: Any = DataLoader(range(100), 7, shuffle=True, generator=seeded(1))
    expected = flat(loader)
    tinygrad_fm.manual_seed(0)
    before = tinygrad_fm.get_rng_state()
    assert flat(DataLoader(range(100), 7, shuffle=True, generator=seeded(1))) == expected
    assert tinygrad_fm.equal(tinygrad_fm.get_rng_state(), before)


def test_the_epoch_decides_the_order_whatever_came_before() -> None:
    sampler = EpochSampler(range(100), seed=-5)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert list(sampler) == orders[-1]
    assert len({tuple(order) for order in orders}) == 3
    other = EpochSampler(range(100), seed=-5)
    other.set_epoch(2)
    assert list(other) == orders[2]
    assert sorted(orders[2]) == list(range(100))
    other.seed = 5
    assert list(other) != orders[2]


class Counting(Slow):
    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.asked: list[int] = []

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize("make", [EpochSampler, lambda data: list(range(9, -1, -1)), SequentialSampler])
@pytest.mark.parametrize("drop_last", [False, True])
def test_a_pass_can_start_in_the_middle_without_loading_what_came_before(make: Any, drop_last: bool) -> None:
    data = Counting(list(range(10)))
    loader: Any = DataLoader(data, 4, sampler=make(data), drop_last=drop_last)
    whole = [batch.tolist() for batch in loader]
    for start in range(5):
        data.asked.clear()
        assert [batch.tolist() for batch in loader.iter_from(start)] == whole[start:]
        assert data.asked == [value for batch in whole[start:] for value in batch]
    with pytest.raises(ValueError, match="cannot start at batch -1"):
        loader.iter_from(-1)


def test_starting_in_the_middle_with_other_sources() -> None:
    batches = [[0, 1], [5], [2, 3, 4]]
    assert [batch.tolist() for batch in DataLoader(range(6), batch_sampler=batches).iter_from(1)] == [[5], [2, 3, 4]]  # type: ignore[attr-defined]
    assert list(DataLoader(range(6), batch_size=None).iter_from(4)) == [4, 5]
    assert len(DataLoader(range(6), batch_sampler=batches)) == 3


def test_samplers_changed_by_subclassing_are_not_bypassed() -> None:
    class Backwards(SequentialSampler):
        def __iter__(self) -> Iterator[int]:
            return reversed(range(len(self.data_source)))

    class Odd(BatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            yield [1]
            yield [3]

    assert flat(DataLoader(range(5), 2, sampler=Backwards(range(5)))) == [4, 3, 2, 1, 0]
    odd = Odd(SequentialSampler(range(5)), 2)
    assert flat(DataLoader(range(5), batch_sampler=odd)) == [1, 3]
    assert [batch.tolist() for batch in DataLoader(range(5), batch_sampler=odd).iter_from(1)] == [[3]]  # type: ignore[attr-defined]


def test_a_sampler_may_be_endless_and_give_any_kind_of_integer() -> None:
    class Endless(Sampler[Any]):
        def __iter__(self) -> Iterator[Any]:
            while True:
                yield np.int32(2)
                yield from_numpy(np.array(1))

    batches = iter(DataLoader(TensorDataset(np.arange(5)), 3, sampler=Endless()))
    assert next(batches)[0].tolist() == [2, 1, 2]  # type: ignore[index]
    with pytest.raises(TypeError):
        list(DataLoader(TensorDataset(np.arange(5)), 3, sampler=[0.5]))


def test_random_sampler() -> None:
    assert sorted(RandomSampler(range(5), num_samples=10)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    few = RandomSampler(range(5), num_samples=3)
    assert len(few) == len(set(few)) == 3
    drawn = list(RandomSampler(range(5), replacement=True, num_samples=1000, generator=seeded(0)))
    assert set(drawn) == set(range(5))
    assert len(drawn) == 1000
    assert drawn[:5] != sorted(drawn[:5])
    for bad in (0, -1, 1.5):
        with pytest.raises(ValueError, match="num_samples"):
            RandomSampler(range(5), num_samples=bad)  # type: ignore[arg-type]


def test_weighted_and_subset_samplers() -> None:
    drawn = list(WeightedRandomSampler([1, 0, 3], 4000, generator=seeded(0)))
    assert set(drawn) == {0, 2}
    assert 2.6 < drawn.count(2) / drawn.count(0) < 3.4
    assert sorted(WeightedRandomSampler([5, 1, 1], 3, replacement=False)) == [0, 1, 2]
    subset = SubsetRandomSampler([4, 7, 9, 1, 0, 3], generator=seeded(0))
    first, second = list(subset), list(subset)
    assert sorted(first) == sorted(second) == [0, 1, 3, 4, 7, 9]
    assert first != second
    for weights, count, replacement in (
        ([-1, 2], 1, True),
        ([0, 0], 1, True),
        ([1, np.nan], 1, True),
        ([1, 0], 2, False),
        ([1], 0, True),
    ):
        with pytest.raises(ValueError, match=r"WeightedRandomSampler|num_samples=0"):
            WeightedRandomSampler(weights, count, replacement)


# Collating.

Point = namedtuple("Point", "x y")


def test_collating_follows_the_structure_of_the_samples() -> None:
    sample = {
        "tensor": from_numpy(np.ones((2, 3), np.float32)),
        "array": np.zeros(2, np.int16),
        "scalar": np.float32(1.5),
        "float": 0.5,
        "int": 3,
        "bool": True,
        "text": "abc",
        "bytes": b"abc",
        "tuple": (1, "a"),
        "list": [1.0, 2.0],
        "point": Point(1, 2.0),
        "nested": OrderedDict(a=(np.zeros(1),)),
    }
    batch = default_collate([sample, sample])
    shapes = {
        key: (tuple(batch[key].shape), batch[key].numpy().dtype)
        for key in ("tensor", "array", "scalar", "float", "int", "bool")
    }
    assert shapes == {
        "tensor": ((2, 2, 3), np.float32),
        "array": ((2, 2), np.int16),
        "scalar": ((2,), np.float32),
        "float": ((2,), np.float64),
        "int": ((2,), np.int64),
        "bool": ((2,), np.bool_),
    }
    assert batch["text"] == ["abc", "abc"]
    assert batch["bytes"] == [b"abc", b"abc"]
    assert type(batch["tuple"]) is list
    assert batch["tuple"][0].tolist() == [1, 1]
    assert batch["tuple"][1] == ("a", "a")
    assert [part.tolist() for part in batch["list"]] == [[1.0, 1.0], [2.0, 2.0]]
    assert type(batch["point"]) is Point
    assert batch["point"].y.tolist() == [2.0, 2.0]
    assert type(batch["nested"]) is OrderedDict
    assert tuple(batch["nested"]["a"][0].shape) == (2, 1)


def test_collating_keeps_the_tape() -> None:
    weight = from_numpy(np.ones(3, np.float32)).requires_grad_()
    (default_collate([weight, weight * 2]) * from_numpy(np.float32([[1, 1, 1], [5, 5, 5]]))).sum().backward()
    assert weight.grad.tolist() == [11, 11, 11]


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([], ValueError, "no samples"),
        ([np.zeros(2), np.zeros(3)], RuntimeError, r"equal size, but have the shapes \[\(2,\), \(3,\)\]"),
        ([(1, 2), (1,)], RuntimeError, r"equal size, but the samples have \[1, 2\] fields"),
        ([{"a": 1}, {"b": 1}], KeyError, "no field 'a'"),
        ([{"a": 1}, 5], KeyError, "no field 'a'"),
        ([object()], TypeError, "found <class 'object'>"),
        ([None, None], TypeError, "found <class 'NoneType'>"),
        ([1, "a"], TypeError, "numbers mixed with"),
        ([np.array(["a"])], TypeError, "dtype <U1"),
    ],
)
def test_samples_that_cannot_be_joined(samples: list[Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        default_collate(samples)


def test_converting_leaves_all_but_arrays_alone() -> None:
    point = default_convert(Point(np.zeros(2), "text"))
    assert isinstance(point.x, tinygrad_fm.Tensor)
    assert point.y == "text"
    assert default_convert({"a": (1, [np.float32(2)])})["a"][0] == 1
    assert default_convert(np.array(["a"])).tolist() == ["a"]


def test_the_order_of_a_distributed_sampler_follows_from_seed_and_epoch() -> None:
    sampler = DistributedSampler(range(100), 4, 1, seed=3)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    whole = EpochSampler(range(100), seed=3)
    whole.set_epoch(1)
    assert list(whole)[1::4] == second
