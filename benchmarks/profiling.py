"""Where the time of a step goes, and how far each part is from what the machine can do."""

from __future__ import annotations

import statistics
import time
from typing import Any

from .cases import CASES, batches, made

STEPS = 30


def flops(name: str) -> int:
    """The floating-point operations of one step of the case ``name``, counted by the profiler; 0 where it has no model or is
    more than a step."""
    import tinygrad_fm as torch

    case = CASES[name]
    if case.kind not in ("train", "infer"):
        return 0
    options = {"batch": case.batch, **case.options}
    chosen = made(torch, case.model, options)
    x, y = batches(torch, options)[0]
    with torch.profiler.profile() as p:
        if case.kind == "infer":
            with torch.inference_mode():
                chosen.eval()(x)
        else:
            torch.nn.functional.cross_entropy(chosen(x), y).backward()
    return sum(event.flops for event in p.events)


def profiled(name: str, threads: int, limits: dict[str, float], options: dict[str, Any]) -> str:
    """The profile of one step of the case ``name`` as text: by operation, by module, beside the limits.

    Inference runs the model as it is: a compiled one has no operations left to be told apart.
    """
    import tinygrad_fm as torch

    torch.runtime.set_num_threads(threads)
    torch.runtime.tune_allocator()
    case = CASES[name]
    options = {"batch": case.batch, **case.options, **options}
    top = f"sgemm {limits['gflops']:.0f} GFLOP/s, copying {limits['gbps']:.0f} GB/s"
    lines = [f"{name}: mean of {STEPS} steps; kernels: {torch.runtime.get_kernels()}; {top}", ""]
    optimizing: list[float] = []
    step = _step_with_timer(torch, case.model, options, optimizing) if case.kind == "train" else case.make(torch, options)
    for _ in range(5):
        step()
    plain = _median(step)
    optimizing.clear()
    with torch.profiler.profile() as p:
        for _ in range(STEPS):
            step()
    lines += [_by_operation(p, limits), ""]
    if case.model:
        lines.append(p.table(by="module"))
    if optimizing:
        lines.append(f"\nThe optimizer: {statistics.median(optimizing) * 1e3:.3f} ms a step.")
    inside = sum(event.duration for event in p.events) / STEPS / 1e6
    lines.append(f"A step without the profiler: {plain * 1e3:.3f} ms; operations and rules under it: {inside:.3f} ms.")
    return "\n".join(lines)


def _step_with_timer(torch: Any, model: str, options: dict[str, Any], optimizing: list[float]) -> Any:
    """A training step that notes how long the optimizer took."""
    from .cases import adam

    chosen = made(torch, model, options)
    optimizer, data = adam(torch, chosen, options), batches(torch, options)
    count = 0

    def step() -> None:
        nonlocal count
        x, y = data[count % len(data)]
        count += 1
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(chosen(x), y).backward()
        start = time.perf_counter()
        optimizer.step()
        optimizing.append(time.perf_counter() - start)

    return step


def _median(step: Any) -> float:
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _by_operation(p: Any, limits: dict[str, float]) -> str:
    """One line per operation and direction: time, and the rates of arithmetic and of memory that it reaches.

    Memory counts what is read of the inputs and what is allocated for results, each once.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    for event in p.events:
        row = sums.setdefault((event.name, event.phase), [0, 0, 0, 0])
        read = sum(4 * _size(shape) for shape in event.shapes)
        for i, value in enumerate((1, event.duration, event.flops, read + event.allocated)):
            row[i] += value
    total = sum(row[1] for row in sums.values())
    names = ("calls", "µs a step", "share", "GFLOP/s", "of peak", "GB/s", "of peak")
    widths = (6, 10, 6, 8, 8, 7, 8)
    head = f"{'operation':<26} " + " ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [head, "-" * len(head)]
    for (name, phase), (calls, ns, count, moved) in sorted(sums.items(), key=lambda item: -item[1][1]):
        rate, traffic = count / ns, moved / ns
        lines.append(
            f"{f'{name} {phase}':<26} {calls / STEPS:>6.0f} {ns / STEPS / 1e3:>10.1f} {ns / total:>6.1%} {rate:>8.1f} "
            f"{rate / limits['gflops']:>8.1%} {traffic:>7.1f} {traffic / limits['gbps']:>8.0%}"
        )
    return "\n".join(lines)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
