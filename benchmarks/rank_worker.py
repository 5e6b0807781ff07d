"""Measures one thing in this process, or in all that ``mpiexec`` has started; rank 0 prints one line of JSON. Started by
``python -m benchmarks --ranks``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.distributed as dist

from .cases import CASES, MODELS


def timed(work: Callable[[], Any], seconds: float) -> float:
    """The median milliseconds of ``work``, called as often in every process."""
    work()
    start = time.perf_counter()
    work()
    count = torch.tensor([int(seconds / (time.perf_counter() - start)) + 5])
    if dist.is_initialized():
        dist.all_reduce(count, dist.ReduceOp.MIN)
    times = []
    for _ in range(int(count.item())):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def steps(case: str, batches: list[int], threads: int, seconds: float) -> dict[str, Any]:
    """Milliseconds of a training step by batch size, which is that of all processes together; and what is exchanged in it:
    bytes of gradients, channels of each batch norm."""
    torch.set_num_threads(threads)
    torch.runtime.tune_allocator()
    size = dist.get_world_size() if dist.is_initialized() else 1
    found = {
        batch: timed(CASES[case].make(torch, {"batch": batch // size, "parallel": size > 1}), seconds) for batch in batches
    }
    model = MODELS[case](torch, {})
    norms = [m.num_features for m in model.modules() if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d))]
    return {"ms": found, "bytes": 4 * sum(p.numel() for p in model.parameters()), "norms": norms}


def exchanges(sizes: list[int], seconds: float) -> dict[str, Any]:
    """Milliseconds of an all-reduce of so many bytes; GB/s of adding one array to another, which it does on the way."""
    arrays = {size: torch.from_numpy(np.ones(size // 4, np.float32)) for size in sizes}
    found = {size: timed(lambda x=x: dist.all_reduce(x), seconds) for size, x in arrays.items()}  # type: ignore[misc]
    a, b = (np.ones(1 << 20, np.float32) for _ in range(2))
    return {"ms": found, "add": a.nbytes / timed(lambda: np.add(a, b, out=a), seconds) / 1e6}


def main() -> None:
    """Do what the JSON in the first argument asks for."""
    job = json.loads(sys.argv[1])
    if job.pop("ranks") > 1:
        dist.init_process_group("mpi")
    result = {"steps": steps, "exchanges": exchanges}[job.pop("what")](**job)  # type: ignore[operator]
    if not dist.is_initialized() or dist.get_rank() == 0:
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
