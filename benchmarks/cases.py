"""What is measured. Each case is written once, for PyTorch's interface, and runs under either library.

A case is a function ``case(torch, options)`` that returns a *step*: a function without arguments that does the work once and
returns the loss (or None). Weights and batches are drawn by NumPy, the same for every library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
BATCH = 64
BATCHES = 32  # different batches, used in turn


def _same_weights(torch: Any, model: Any) -> Any:
    """Overwrite the parameters with numbers that do not depend on the library's generator."""
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in model.parameters():
            shape = tuple(parameter.shape)
            scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.0
            values = rng.standard_normal(shape) * scale + (1.0 if len(shape) == 1 and _is_norm(model, parameter) else 0.0)
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))
    return model


def _is_norm(model: Any, parameter: Any) -> bool:
    owners = (m for m in model.modules() if getattr(m, "weight", None) is parameter)
    return "Norm" in type(next(owners, None)).__name__


def _batches(torch: Any, shape: tuple[int, ...], options: dict[str, Any]) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(1)
    size = options.get("batch", BATCH)
    found = []
    for _ in range(BATCHES if size <= 256 else 2):
        x = torch.from_numpy(rng.standard_normal((size, *shape)).astype(np.float32))
        if options.get("channels_last"):
            x = x.to(memory_format=torch.channels_last)
        found.append((x, torch.from_numpy(rng.integers(0, 10, size))))
    return found


def _training(torch: Any, model: Any, shape: tuple[int, ...], options: dict[str, Any]) -> Step:
    """One training step: forward, cross-entropy, backward, Adam."""
    model = _same_weights(torch, model)
    if options.get("channels_last"):
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if options.get("fused") else {}))
    forward = torch.compile(model) if options.get("compile") else model
    batches = _batches(torch, shape, options)
    position = 0

    def step() -> Any:
        nonlocal position
        x, y = batches[position % len(batches)]
        position += 1
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def chain(torch: Any, options: dict[str, Any]) -> Step:
    """50 operations on tensors of 4 numbers, forward and backward: what the tape itself costs."""
    x = torch.tensor([0.1, -0.2, 0.3, -0.4], requires_grad=True)
    w = torch.tensor([1.1, 0.9, -0.7, 0.4], requires_grad=True)

    def step() -> Any:
        y = x
        for _ in range(10):
            y = y * w
            y = y + x
            y = torch.tanh(y)
            y = y - w
            y = torch.sigmoid(y)
        x.grad = w.grad = None
        loss = y.sum()
        loss.backward()
        return loss

    return step


def mlp(torch: Any, options: dict[str, Any]) -> Step:
    """The MLP 784-128-64-10 with Adam."""
    nn = torch.nn
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    return _training(torch, model, (1, 28, 28), options)


CASES: dict[str, Callable[[Any, dict[str, Any]], Step]] = {"chain": chain, "mlp": mlp}
