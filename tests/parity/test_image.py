"""Image models against PyTorch: the same source under its import line, the same weights, the same steps."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tinygrad_fm  # noqa: E402
from tinygrad_fm import nn, optim  # noqa: E402


def twin_of(name: str) -> dict[str, Any]:
    """PyTorch's version of a file of models/: the same source with the import line changed."""
    source = inspect.getsource(importlib.import_module(f"models.{name}"))
    source = source.replace("from tinygrad_fm import Tensor, ", "from torch import Tensor, ")
    assert "tinygrad_fm" not in source
    namespace: dict[str, Any] = {"__name__": f"models.twin_{name}", "__package__": "models"}
    exec(compile(source, f"twin of {name}", "exec"), namespace)
    return namespace


def twins(name: str, cls: str, **options: Any) -> tuple[Any, Any]:
    """Our model, and PyTorch's made of the same source with the import line changed, with the same weights."""
    torch.manual_seed(0)  # a rectifier within rounding of 0 may open on one side only; with these weights none does
    namespace = twin_of(name)
    if name == "fast":
        namespace["residual_stage"] = twin_of("resnet")["residual_stage"]
    ours, theirs = getattr(importlib.import_module(f"models.{name}"), cls)(**options), namespace[cls](**options)
    rng = np.random.default_rng(0)
    for key, value in theirs.state_dict().items():  # statistics and norms too, which start at zeros and ones
        if value.dtype.is_floating_point:
            value.add_(torch.from_numpy(rng.uniform(0, 0.3, value.shape).astype(np.float32)))
        assert key in ours.state_dict()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def batch(n: int = 8, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, n)


MODELS = [
    ("lenet", "LeNet", {}),
    ("cnn", "CNN", {"dropout": 0.0}),
    ("resnet", "ResNet", {"depth": 20}),
    ("vgg", "VGG", {"dropout": 0.0}),
    ("fast", "Fast", {}),
]


def close(got: Any, want: Any, tolerance: float) -> None:
    """Within ``tolerance`` of the largest value."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= tolerance * max(1.0, np.abs(want).max())


@pytest.mark.parametrize(("name", "cls", "options"), MODELS, ids=[name for name, *_ in MODELS])
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients(name: str, cls: str, options: dict[str, Any], training: bool) -> None:
    ours, theirs = twins(name, cls, **options)
    ours.train(training)
    theirs.train(training)
    x, labels = batch()
    got, want = ours(tinygrad_fm.from_numpy(x)), theirs(torch.from_numpy(x))
    close(got.detach().numpy(), want.detach().numpy(), 1e-5)
    nn.functional.cross_entropy(got, tinygrad_fm.from_numpy(labels)).backward()
    torch.nn.functional.cross_entropy(want, torch.from_numpy(labels)).backward()
    wanted = {key: p for key, p in theirs.named_parameters() if p.requires_grad}
    largest = max(float(p.grad.abs().max()) for p in wanted.values())
    for key, p in ours.named_parameters():
        assert p.requires_grad == (key in wanted)
        if not p.requires_grad:
            continue
        assert np.abs(p.grad.numpy() - wanted[key].grad.numpy()).max() <= 1e-4 * largest, key
    for key, value in theirs.state_dict().items():
        close(ours.state_dict()[key].numpy(), value.numpy(), 1e-5)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_after_100_steps(momentum: float | None) -> None:
    ours, theirs = nn.BatchNorm2d(5, momentum=momentum), torch.nn.BatchNorm2d(5, momentum=momentum)
    rng = np.random.default_rng(0)
    for step in range(100):
        x = (rng.standard_normal((4, 5, 6, 7)) * rng.uniform(0.5, 3) + step / 20).astype(np.float32)
        ours(tinygrad_fm.from_numpy(x))
        theirs(torch.from_numpy(x))
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-5, atol=1e-6)
    x = rng.standard_normal((4, 5, 6, 7)).astype(np.float32)
    ours.eval(), theirs.eval()
    close(ours(tinygrad_fm.from_numpy(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy(), 1e-5)


def test_twenty_steps_of_training() -> None:
    """The losses of LeNet under Adam agree to 1e-4 over the first 20 steps."""
    ours, theirs = twins("lenet", "LeNet")
    ours_step, theirs_step = optim.Adam(ours.parameters(), lr=1e-3), torch.optim.Adam(theirs.parameters(), lr=1e-3)
    for step in range(20):
        x, labels = batch(64, step)
        a = nn.functional.cross_entropy(ours(tinygrad_fm.from_numpy(x)), tinygrad_fm.from_numpy(labels))
        b = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(x)), torch.from_numpy(labels))
        assert a.item() == pytest.approx(b.item(), rel=1e-4)
        ours_step.zero_grad(), theirs_step.zero_grad()
        a.backward(), b.backward()
        ours_step.step(), theirs_step.step()


LAYERS = [
    ("Conv2d", (3, 6, 5), {"padding": 2}),
    ("Conv2d", (3, 6, (3, 5)), {"stride": 2, "groups": 3, "bias": False}),
    ("Conv2d", (3, 6, 3), {"padding": "same", "padding_mode": "reflect"}),
    ("Conv2d", (3, 6, 3), {"padding": 1, "padding_mode": "circular", "dilation": 2}),
    ("ConvTranspose2d", (3, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("Conv1d", (3, 6, 3), {"padding": 1}),
    ("ConvTranspose1d", (3, 6, 3), {"stride": 2}),
    ("MaxPool2d", (2,), {}),
    ("MaxPool2d", ((3, 2),), {"stride": 2, "padding": 1, "ceil_mode": True}),
    ("MaxPool1d", (2,), {}),
    ("AvgPool2d", (2,), {}),
    ("AvgPool1d", (2,), {}),
    ("AdaptiveAvgPool2d", ((3, None),), {}),
    ("AdaptiveAvgPool1d", (4,), {}),
    ("AdaptiveMaxPool2d", (2,), {}),
    ("AdaptiveMaxPool1d", (2,), {}),
    ("BatchNorm2d", (3,), {}),
    ("BatchNorm2d", (3,), {"affine": False}),
    ("BatchNorm2d", (3,), {"track_running_stats": False}),
    ("BatchNorm3d", (3,), {}),
    ("GroupNorm", (3, 3), {}),
    ("InstanceNorm2d", (3,), {"affine": True}),
    ("InstanceNorm1d", (3,), {}),
    ("InstanceNorm2d", (3,), {"track_running_stats": True}),
    ("LayerNorm", ((8, 9),), {}),
    ("ZeroPad2d", (2,), {}),
    ("ConstantPad2d", ((1, 2, 3, 4), 2.5), {}),
    ("ReflectionPad2d", (1,), {}),
    ("ReplicationPad2d", (1,), {}),
    ("CircularPad2d", (1,), {}),
    ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}),
    ("Unfold", (2,), {}),
    ("PixelUnshuffle", (1,), {}),
    ("PixelShuffle", (1,), {}),
]


@pytest.mark.parametrize(("name", "args", "options"), LAYERS, ids=str)
def test_layers(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Printed form, state_dict and results, in training and evaluation."""
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    shapes = [{k: tuple(v.shape) for k, v in layer.state_dict().items()} for layer in (ours, theirs)]
    assert shapes[0] == shapes[1]
    ours.load_state_dict(theirs.state_dict())
    shape = (4, 3, 8, 9) if "1d" not in name and "3d" not in name else (4, 3, 9) if "1d" in name else (4, 3, 2, 3, 4)
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        a, b = tinygrad_fm.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        got, want = ours(a), theirs(b)
        close(got.detach().numpy(), want.detach().numpy(), 1e-5)
        got.square().sum().backward()
        want.square().sum().backward()
        close(a.grad.numpy(), b.grad.numpy(), 1e-4)
    for key, value in theirs.state_dict().items():
        close(ours.state_dict()[key].numpy(), value.numpy(), 1e-5)
    ours.eval(), theirs.eval()
    close(ours(a).detach().numpy(), theirs(b).detach().numpy(), 1e-5)


INITIAL = [("Conv2d", (4, 64, 5)), ("ConvTranspose2d", (64, 4, 5)), ("Conv1d", (4, 64, 9))]


@pytest.mark.parametrize(("name", "args"), INITIAL, ids=str)
def test_initial_values_are_spread_as_pytorchs(name: str, args: tuple[int, ...]) -> None:
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    for key in ("weight", "bias"):
        a, b = getattr(ours, key).detach().numpy(), getattr(theirs, key).detach().numpy()
        assert abs(a.std() / b.std() - 1) < (0.05 if key == "weight" else 0.6)
        assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.02 if key == "weight" else 0.6)
