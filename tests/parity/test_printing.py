"""What ``print(tensor)`` shows, character for character."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((2, 3, 4)).astype(np.float32)
ARRAYS = [
    np.float32(1.5),
    np.float32(2),
    np.int64(3),
    np.bool_(True),
    np.float64(np.pi),
    np.array(-0.0, np.float32),
    *(np.zeros(shape, dtype) for shape in ((0,), (2, 0), (2, 0, 3)) for dtype in ("f4", "f8", "i8", "?")),
    NORMAL[0],
    NORMAL,
    NORMAL.ravel() * 1e5,
    NORMAL.ravel() * 1e-6,
    NORMAL.astype("f8"),
    NORMAL.astype("f2"),
    *(
        np.array(values, np.float32)
        for values in (
            [1, 2, 3],
            [1e10, 1],
            [1, np.nan, np.inf, -np.inf],
            [1.5, np.nan, -np.inf],
            [np.nan, np.nan],
            [np.inf],
            [np.inf, 1],
            [1e-5, 1],
            [0, 0],
            [0, 1e-5],
            [123456.789],
            [1e8],
            [99999999],
            [1e-45, 1],
            [1000.5, 1],
            [1001, 1],
            [1e-4, 2e-4],
            [9e-5],
            [[1e-3, 5]],
            [np.inf, 0.5, 1e9],
        )
    ),
    np.arange(2000),
    np.arange(2000, dtype=np.float32),
    RNG.standard_normal((50, 50)),
    RNG.integers(-1000, 1000, (3, 20)),
    RNG.standard_normal((5, 6, 7, 8)),
    np.arange(1001).reshape(7, 143),
    np.ones((3, 1001)),
    np.ones((1001, 2), np.float32),
    np.array([[True, False]]),
    np.array([3, -200], np.int32),
    np.array([3, 200], np.uint8),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}-{a.shape}")
def test_tensors_print_alike(array):
    ours, theirs = tinygrad_fm.tensor(array), torch.tensor(array)
    assert str(ours) == str(theirs)
    if ours.is_floating_point():
        assert repr(ours.requires_grad_()) == repr(theirs.requires_grad_())
        if ours.ndim:
            assert repr(tinygrad_fm.nn.Parameter(ours.detach())) == repr(torch.nn.Parameter(theirs.detach()))
        else:
            assert f"{ours:.3f} {ours}" == f"{theirs:.3f} {theirs}"


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"sci_mode": True},
        {"sci_mode": False},
        {"profile": "short"},
        {"profile": "full"},
        {"linewidth": 40},
        {"edgeitems": 1, "threshold": 5},
    ],
)
def test_options_of_printing(options):
    try:
        for library in (tinygrad_fm, torch):
            library.set_printoptions(**options)
        for array in ARRAYS:
            if array.size < 1500:
                assert str(tinygrad_fm.tensor(array)) == str(torch.tensor(array))
    finally:
        for library in (tinygrad_fm, torch):
            library.set_printoptions(profile="default")


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x * 2,
        lambda lib, x: x + 1,
        lambda lib, x: x.sum(),
        lambda lib, x: x.view(-1),
        lambda lib, x: x.relu(),
        lambda lib, x: x.mean(),
        lambda lib, x: x.exp(),
        lambda lib, x: x.clone(),
        lambda lib, x: lib.cat([x, x]),
        lambda lib, x: x.pow(2),
        lambda lib, x: -x,
        lambda lib, x: x.sigmoid(),
        lambda lib, x: x.unsqueeze(0),
    ],
)
def test_results_name_their_operation(call):
    ours, theirs = (call(lib, lib.tensor(NORMAL[0], requires_grad=True)) for lib in (tinygrad_fm, torch))
    name = lambda x: str(x).split("grad_fn=")[1]
    assert name(ours) == name(theirs)


def test_results_of_two_parts():
    for call in (
        lambda lib, x: x.max(0),
        lambda lib, x: x.min(0),
        lambda lib, x: x.median(0),
        lambda lib, x: x.sort(),
        lambda lib, x: x.topk(1),
        lambda lib, x: x.size(),
        lambda lib, x: x.dtype,
        lambda lib, x: x.device,
    ):
        ours, theirs = (call(lib, lib.tensor([1.0, 3.0, 2.0])) for lib in (tinygrad_fm, torch))
        assert repr(ours) == repr(theirs)
