"""Layers of volumes, padding modes and grids against PyTorch: its own module samples to second order, and cases of ours."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    modules = pytest.importorskip("torch.testing._internal.common_modules")

import tinygrad_fm  # noqa: E402

from .harness import Converter  # noqa: E402
from .test_rnn import flat, ours_of  # noqa: E402

_LAYERS = """Conv3d ConvTranspose3d MaxPool3d AvgPool3d AdaptiveAvgPool3d AdaptiveMaxPool3d LPPool3d MaxUnpool3d BatchNorm3d
    InstanceNorm3d ReplicationPad3d ReflectionPad3d ConstantPad3d ZeroPad3d CircularPad3d Dropout3d Upsample"""
LAYERS = _LAYERS.split()
INFOS = [info for info in modules.module_db if info.name.removeprefix("nn.") in LAYERS]
DRAWN = ("nn.Dropout3d",)


def derivatives(library: Any, results: list[Any], leaves: list[Any], order: int = 2) -> list[Any]:
    """The results, and first and second derivatives of a weighted sum of them, as arrays; zeros where there are none."""
    rng = np.random.default_rng(0)
    total = sum((y * library.tensor(rng.standard_normal(tuple(y.shape)))).sum() for y in results)
    first = library.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    squares = [(g * g).sum() for g in first if g is not None and g.requires_grad and order == 2]
    second = library.autograd.grad(sum(squares), leaves, allow_unused=True) if squares else [None] * len(leaves)
    zeros = [np.zeros(tuple(x.shape)) for x in leaves] * 2
    found = [z if g is None else g.detach().numpy(force=True) for g, z in zip([*first, *second], zeros, strict=True)]
    return [*(y.detach().numpy() for y in results), *found]


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("info", INFOS, ids=[info.name for info in INFOS])
@pytest.mark.parametrize("training", [True, False])
def test_module_samples_to_second_order(info: Any, training: bool) -> None:
    torch.manual_seed(0)
    for sample in info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=training):
        made, called = sample.constructor_input, sample.forward_input
        if called is None:
            continue
        theirs = info.module_cls(*made.args, **made.kwargs).double().train(training)
        mine = ours_of(theirs, *made.args, **made.kwargs)
        assert repr(mine) == repr(theirs)
        converter = Converter()
        args = converter(called.args)
        pairs = list(converter.pairs)
        if training and info.name in DRAWN:
            assert mine(*args).shape == tuple(theirs(*called.args).shape)
            continue
        ours = flat(mine(*args, **converter(called.kwargs)))
        wanted = flat(theirs(*called.args, **called.kwargs))
        leaves = [*(b for _, b in pairs), *mine.parameters()], [*(a for a, _ in pairs), *theirs.parameters()]
        assert_same(
            derivatives(tinygrad_fm, [y for y in ours if y.is_floating_point()], leaves[0]),
            derivatives(torch, [y for y in wanted if y.is_floating_point()], leaves[1]),
        )
        for a, b in zip(ours, wanted, strict=True):
            assert a.tolist() == b.tolist() or a.is_floating_point()


def test_all_of_the_layers_are_there() -> None:
    assert [name for name in LAYERS if not hasattr(tinygrad_fm.nn, name)] == []


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2, 1), "same"])
def test_conv3d_padding_modes(mode: str, padding: Any) -> None:
    theirs = torch.nn.Conv3d(2, 3, (3, 3, 2), padding=padding, padding_mode=mode).double()
    mine = ours_of(theirs, 2, 3, (3, 3, 2), padding=padding, padding_mode=mode)
    x = np.random.default_rng(0).standard_normal((2, 2, 4, 4, 5))
    found = []
    for library, module in ((tinygrad_fm, mine), (torch, theirs)):
        leaf = library.tensor(x, requires_grad=True)
        found.append(derivatives(library, [module(leaf)], [leaf, *module.parameters()]))
    assert_same(*found)


def test_output_size_of_a_transposed_convolution() -> None:
    theirs = torch.nn.ConvTranspose3d(2, 3, 3, stride=2, padding=1).double()
    mine = ours_of(theirs, 2, 3, 3, stride=2, padding=1)
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 3, 3))
    wanted = theirs(torch.tensor(x), output_size=(6, 5, 6)).detach().numpy()
    np.testing.assert_allclose(mine(tinygrad_fm.tensor(x), output_size=(6, 5, 6)).detach().numpy(), wanted, rtol=1e-9)
    for library, module in ((tinygrad_fm, mine), (torch, theirs)):
        with pytest.raises(ValueError, match="output size"):
            module(library.tensor(x), output_size=(9, 9, 9))


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("special", [None, np.nan, -np.inf])
def test_indices_of_the_largest(ceil_mode: bool, special: Any) -> None:
    """Of several equal elements the first is taken, of several NaNs the last."""
    x = np.random.default_rng(0).integers(0, 3, (2, 2, 5, 6, 5)).astype(np.float64)
    if special is not None:
        x[:, :, 1:3, 2:4, 1:3] = special
    options = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": ceil_mode, "return_indices": True}
    y, index = tinygrad_fm.nn.functional.max_pool3d(tinygrad_fm.tensor(x), **options)
    wanted, places = torch.nn.functional.max_pool3d(torch.tensor(x), **options)
    np.testing.assert_array_equal(y.numpy(), wanted.numpy())
    np.testing.assert_array_equal(index.numpy(), places.numpy())
    y, index = tinygrad_fm.nn.functional.adaptive_max_pool3d(tinygrad_fm.tensor(x), (2, 4, 3), True)
    wanted, places = torch.nn.functional.adaptive_max_pool3d(torch.tensor(x), (2, 4, 3), True)
    np.testing.assert_array_equal(y.numpy(), wanted.numpy())
    if special is None:
        np.testing.assert_array_equal(index.numpy(), places.numpy())


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grids_far_outside(mode: str, padding_mode: str, align_corners: bool) -> None:
    rng = np.random.default_rng(0)
    x, grid = rng.standard_normal((2, 3, 4, 5)), rng.uniform(-7, 7, (2, 6, 5, 2))
    found = []
    for library in (tinygrad_fm, torch):
        leaves = [library.tensor(a, requires_grad=True) for a in (x, grid)]
        y = library.nn.functional.grid_sample(*leaves, mode, padding_mode, align_corners)
        found.append(derivatives(library, [y], leaves))
    assert_same(*found)
    for beyond in (1e30, np.inf, -np.inf, np.nan):  # PyTorch leaves open what becomes of these; here they are far outside
        grid[0, 0, 0] = (beyond, 0)
        points = tinygrad_fm.tensor(grid)
        y = tinygrad_fm.nn.functional.grid_sample(tinygrad_fm.tensor(x), points, mode, padding_mode, align_corners)
        assert bool(y.isfinite().all())


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_the_gradient_of_a_grid_is_zeros_where_the_nearest_is_taken(padding_mode: str) -> None:
    for size in ((1, 2, 4, 5), (1, 2, 3, 4, 5)):
        for library in (tinygrad_fm, torch):
            grid = library.ones(1, *size[2:], len(size) - 2, requires_grad=True)
            library.nn.functional.grid_sample(library.ones(size), grid, "nearest", padding_mode, False).sum().backward()
            assert grid.grad is not None and not grid.grad.any()


def test_the_identity_samples_the_image_itself() -> None:
    torch_like = tinygrad_fm
    for size in ((1, 2, 4, 5), (1, 2, 3, 4, 5)):
        dims = len(size) - 2
        theta = torch_like.eye(dims, dims + 1)[None]
        x = torch_like.randn(*size)
        for corners in (False, True):
            grid = torch_like.nn.functional.affine_grid(theta, size, align_corners=corners)
            same = torch_like.nn.functional.grid_sample(x, grid, align_corners=corners)
            np.testing.assert_allclose(same.numpy(), x.numpy(), atol=1e-5)
