"""Augmentation: what each change does, that it is random, and that the random numbers are the default generator's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_fm import random
from tinygrad_fm.data import AlternatingFlip, RandomErasing, RandomHorizontalFlip, RandomShift

CHANGES = [RandomHorizontalFlip(), RandomShift(2), RandomErasing(0.5)]
SHAPES = [(200, 12, 10), (200, 12, 10, 3), (0, 12, 10), (1, 1, 1)]


def images(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).integers(1, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("change", CHANGES, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_dtype_stay_and_the_input_is_not_written_to(change: Any, shape: tuple[int, ...]) -> None:
    given = images(shape)
    before = given.copy()
    random.manual_seed(1)
    first = change.batch(given)
    assert first.shape == shape and first.dtype == np.uint8
    np.testing.assert_array_equal(given, before)
    random.manual_seed(1)
    np.testing.assert_array_equal(change.batch(given), first)
    if given.size > 1:
        assert (change.batch(given) != first).any()


def test_flips_are_mirror_images() -> None:
    given = images((400, 5, 6))
    flipped = RandomHorizontalFlip(0.25).batch(given)
    mirrored = (flipped == given[:, :, ::-1]).all((1, 2))
    same = (flipped == given).all((1, 2))
    assert (mirrored ^ same).all() and 60 < mirrored.sum() < 140


def test_shifts_move_and_fill_with_zeros() -> None:
    given = images((300, 6, 7))
    seen = set()
    for before, after in zip(given, RandomShift(1).batch(given), strict=True):
        padded = np.pad(before, 1)
        where = [(i, j) for i in range(3) for j in range(3) if (padded[i : i + 6, j : j + 7] == after).all()]
        assert len(where) == 1
        seen.update(where)
    assert len(seen) == 9


def test_shifts_reflect() -> None:
    given = images((300, 6, 7))
    seen = set()
    for before, after in zip(given, RandomShift(2, "reflect").batch(given), strict=True):
        padded = np.pad(before, 2, mode="reflect")
        where = [(i, j) for i in range(5) for j in range(5) if (padded[i : i + 6, j : j + 7] == after).all()]
        assert len(where) == 1
        seen.update(where)
    assert len(seen) == 25
    coloured = images((4, 6, 7, 3))
    random.manual_seed(1)
    apart = [RandomShift(2, "reflect").batch(coloured[..., channel]) for channel in range(1)]
    random.manual_seed(1)
    np.testing.assert_array_equal(RandomShift(2, "reflect").batch(coloured)[..., 0], apart[0])
    with pytest.raises(ValueError, match="6 pixels cannot be reflected in images of 6 × 7"):
        RandomShift(6, "reflect").batch(given)


def test_alternating_flips_show_each_image_both_ways_in_any_two_epochs() -> None:
    given = images((101, 5, 6))
    flip = AlternatingFlip(seed=7)
    begun = flip.start(given)
    assert begun is not given
    seen = []
    for epoch in range(4):
        flip.set_epoch(epoch)
        seen.append((flip.batch(begun) == given[:, :, ::-1]).all((1, 2)))
        assert ((flip.batch(begun) == given).all((1, 2)) ^ seen[-1]).all()
    assert seen[0].sum() == 50, "half of them, rounded down"
    np.testing.assert_array_equal(seen[1], ~seen[0])
    np.testing.assert_array_equal(seen[2:], seen[:2])
    other = (AlternatingFlip(seed=-8).start(given) == given[:, :, ::-1]).all((1, 2))
    assert (other != seen[0]).any()


def test_rectangles_are_erased_within_their_bounds() -> None:
    given = images((500, 20, 20))
    erased = RandomErasing(0.5, scale=(0.1, 0.2), ratio=(0.5, 2.0), value=0).batch(given)
    changed = erased == 0
    count = changed.sum((1, 2))
    assert 200 < (count > 0).sum() < 300
    for mask in changed[count > 0]:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert mask.sum() == box, "the rectangle is whole"
        assert 0.08 * 400 < box < 0.23 * 400
        assert 0.4 < (np.ptp(rows) + 1) / (np.ptp(columns) + 1) < 2.5
    np.testing.assert_array_equal(erased[~changed], given[~changed])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RandomHorizontalFlip(1.5),
        lambda: RandomShift(-1),
        lambda: RandomShift(1, "circular"),
        lambda: RandomErasing(-0.1),
        lambda: RandomErasing(scale=(0.5, 0.1)),
        lambda: RandomErasing(ratio=(0, 1)),
        lambda: RandomErasing(value=256),
    ],
)
def test_values_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="Random"):
        wrong()
