"""What is measured. Each case is written once, for PyTorch's interface, and runs under either library.

A case makes a *step*: a function without arguments that does the work once and returns the loss (or None). Weights and
batches are drawn by NumPy, the same for every library; the losses of the first steps show that both compute the same.
Dropout cannot draw the same masks in two libraries: it is on where time is measured and off where losses are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

Step = Callable[[], Any]
BATCH = 64
BATCHES = 32  # different batches, used in turn
IMAGE = (1, 28, 28)


# -- models ------------------------------------------------------------------------------------------------------------


def mlp(torch: Any, options: dict[str, Any]) -> Any:
    """MLP 784-128-64-10, or with ``width`` and ``depth`` as many hidden layers of that width."""
    nn = torch.nn
    widths = [options["width"]] * options.get("depth", 2) if "width" in options else [128, 64]
    layers = [nn.Flatten()]
    for inputs, outputs in zip([784, *widths], widths, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def lenet(torch: Any, options: dict[str, Any]) -> Any:
    """LeNet with batch norm, 61,750 parameters."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def cnn2(torch: Any, options: dict[str, Any]) -> Any:
    """Two 3×3 convolutions, 32 and 64 channels, with batch norm, pooling and dropout; a hidden layer of 128."""
    nn = torch.nn
    quarter, half = (0.25, 0.5) if options.get("dropout", True) else (0.0, 0.0)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(quarter),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(half), nn.Linear(128, 10),
    )  # fmt: skip


def resnet(torch: Any, options: dict[str, Any]) -> Any:
    """Residual network with 16, 32 and 64 channels, one block each."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.main = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip
            self.side = nn.Identity() if inputs == outputs else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            return torch.relu(self.main(x) + self.side(x))

    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


MODELS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {"mlp": mlp, "lenet": lenet, "cnn2": cnn2, "resnet": resnet}


def same_weights(torch: Any, model: Any) -> Any:
    """Overwrite the parameters with numbers that do not depend on the library's generator."""
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                shape = tuple(parameter.shape)
                scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.0
                offset = "Norm" in type(module).__name__ and parameter is module.weight
                values = rng.standard_normal(shape) * scale + offset
                parameter.copy_(torch.from_numpy(values.astype(np.float32)))
    return model


def made(torch: Any, name: str, options: dict[str, Any]) -> Any:
    """The model ``name`` with the weights and in the memory format that all runs of these options share."""
    model = same_weights(torch, MODELS[name](torch, options))
    return model.to(memory_format=torch.channels_last) if options.get("channels_last") else model


def batches(torch: Any, options: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Made-up images (N, 1, 28, 28) and labels, in batches of ``options["batch"]``."""
    rng = np.random.default_rng(1)
    size = options.get("batch", BATCH)
    found = []
    for _ in range(BATCHES if size <= 256 else 4):
        x = torch.from_numpy(rng.standard_normal((size, *IMAGE)).astype(np.float32))
        if options.get("channels_last"):
            x = x.to(memory_format=torch.channels_last)
        found.append((x, torch.from_numpy(rng.integers(0, 10, size))))
    return found


def adam(torch: Any, model: Any, options: dict[str, Any]) -> Any:
    """Adam over the model's parameters, fused where the options say so."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if options.get("fused") else {}))


# -- steps -------------------------------------------------------------------------------------------------------------


def chain(torch: Any, options: dict[str, Any]) -> Step:
    """50 operations on tensors of 4 numbers, forward and backward: what the tape itself costs."""
    x = torch.tensor([0.1, -0.2, 0.3, -0.4], requires_grad=True)
    w = torch.tensor([1.1, 0.9, -0.7, 0.4], requires_grad=True)

    def loss_of() -> Any:
        y = x
        for _ in range(10):
            y = y * w
            y = y + x
            y = torch.tanh(y)
            y = y - w
            y = torch.sigmoid(y)
        return y.sum()

    forward = torch.compile(loss_of) if options.get("compile") else loss_of

    def step() -> Any:
        x.grad = w.grad = None
        loss = forward()
        loss.backward()
        return loss

    return step


def training(model_name: str, torch: Any, options: dict[str, Any]) -> Step:
    """One training step: forward, cross-entropy, backward, Adam; with ``parallel`` in all processes together."""
    nn, model = torch.nn, made(torch, model_name, options)
    if options.get("parallel"):
        model = nn.parallel.DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(model), broadcast_buffers=False)
    optimizer = adam(torch, model, options)
    forward = torch.compile(model) if options.get("compile") else model
    data = batches(torch, options)
    position = 0

    def step() -> Any:
        nonlocal position
        x, y = data[position % len(data)]
        position += 1
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def inference(model_name: str, torch: Any, options: dict[str, Any]) -> Step:
    """The logits of one batch, in evaluation mode, without a tape. Returns their mean."""
    model = made(torch, model_name, options).eval()
    forward = torch.compile(model) if options.get("compile") or options.get("compile_inference") else model
    data = batches(torch, options)
    position = 0

    @torch.inference_mode()
    def step() -> Any:
        nonlocal position
        x, _ = data[position % len(data)]
        position += 1
        return forward(x).mean()

    return step


def epoch(torch: Any, options: dict[str, Any]) -> Step:
    """One epoch of LeNet on 60,000 images with flips and shifts, loaded in batches of 64; or its first batches. Returns the
    last loss."""
    from .loading import loader

    model = made(torch, "lenet", options)
    optimizer = adam(torch, model, options)
    forward = torch.compile(model) if options.get("compile") else model
    data = loader(torch, options)

    def step(most: int | None = None) -> Any:
        for x, y in islice(data, most):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(forward(x), y)
            loss.backward()
            optimizer.step()
        return loss

    return step


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        title: what it is, for people. make: makes the step.
        bar: the most that ours, with compiled kernels, should take as a part of PyTorch's time in its best setting.
        kind: "chain", "train", "infer" or "epoch". model: the one measured, if any. options: for ``make``.
    """

    title: str
    make: Callable[..., Step]
    bar: float
    kind: str
    model: str = ""
    batch: int = BATCH
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> bool:
        """Whether memory formats of images matter."""
        return self.model not in ("", "mlp")


def _trains(title: str, bar: float, model: str, **options: Any) -> Case:
    return Case(f"{title}, training step", partial(training, model), bar, "train", model, options=options)


def _infers(title: str, bar: float, model: str, size: int) -> Case:
    what = "1 image" if size == 1 else f"{size:,} images"
    return Case(f"{title}, inference, {what}", partial(inference, model), bar, "infer", model, size)


WIDE = (256, 512, 1024)

CASES: dict[str, Case] = {
    "mlp": _trains("MLP 784-128-64-10", 0.8, "mlp"),
    "lenet": _trains("LeNet", 0.75, "lenet"),
    "cnn2": _trains("CNN, 32-64 channels", 0.8, "cnn2"),
    "resnet": _trains("ResNet, 16-32-64 channels", 1.0, "resnet"),
    **{f"mlp-{width}": _trains(f"MLP, 2 hidden layers of {width:,}", 1.0, "mlp", width=width) for width in WIDE},
    **{
        f"{model}-infer-{size}": _infers(title, bar, model, size)
        for size, bars in [(1, (0.9, 0.7, 0.9, 0.9)), (1000, (1.0, 0.9, 0.9, 0.9))]
        for model, title, bar in zip(MODELS, ("MLP", "LeNet", "CNN", "ResNet"), bars, strict=True)
    },
    "chain": Case("50 tiny operations, forward and backward", chain, 0.9, "chain"),
    "epoch": Case("LeNet, an epoch with loading and augmentation", epoch, 0.6, "epoch", "lenet"),
}
