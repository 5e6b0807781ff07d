"""How training grows with processes: measured on this machine, and predicted for others from what was measured.

An all-reduce of n bytes among P processes over a network of latency α and bandwidth β, whose sums a process adds up at γ, takes

    ring       2 (P − 1) (α + n / (P β)) + (P − 1) n / (P γ)
    doubling   log₂ P (α + n / β + n / γ)

whichever is less (MPI chooses by size). Source: Thakur, Rabenseifner and Gropp 2005, "Optimization of collective communication
operations in MPICH", section 4.4. A step of batch b, by itself, takes t(b) = a + c b, fitted to what was measured.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_fm import runtime
from tinygrad_fm.distributed.launch import mpiexec

MODELS = ("mlp", "lenet", "cnn2", "resnet")
BATCH = 64
BATCHES = [2, 4, 8, 16, 32, 64]
SIZES = [1 << power for power in range(4, 25, 2)]
RANKS = (8, 16, 32, 64)
_NUMBERS = 4 * 8  # bytes: what the training scripts tell each other of every step, beside gradients


class Network(NamedTuple):
    """A network between machines: seconds that a short message takes from program to program, and bytes per second."""

    latency: float
    bandwidth: float


# assumed, not measured: usual figures of MPI over TCP for Ethernet, and over RDMA for InfiniBand
NETWORKS = {
    "1 GbE": Network(50e-6, 0.117e9),
    "10 GbE": Network(25e-6, 1.17e9),
    "25 GbE": Network(15e-6, 2.9e9),
    "100 GbE": Network(10e-6, 11.6e9),
    "InfiniBand HDR": Network(1.5e-6, 24e9),
}


class Cost(NamedTuple):
    """What a model's training step costs.

    Attributes:
        fixed, each: seconds of a step by itself, and of each image in it.
        bytes: of its gradients.
        norms: channels of its batch norms.
        add: bytes per second at which gradients are added up.
    """

    fixed: float
    each: float
    bytes: int
    norms: Sequence[int]
    add: float

    def step(self, batch: float) -> float:
        """Seconds of a step of one process by itself."""
        return self.fixed + self.each * batch

    def exchange(self, ranks: int, network: Network, sync_batch_norm: bool = True) -> float:
        """Seconds that the processes exchange for, none of it hidden behind the backward pass."""
        small = [_NUMBERS, *(24 * c for c in self.norms), *(16 * c for c in self.norms)] if sync_batch_norm else [_NUMBERS]
        return sum(all_reduce(size, ranks, network, self.add) for size in [self.bytes, *small])

    def speedup(self, batch: int, ranks: int, network: Network) -> float:
        """How many times as fast as one process these make a step of ``batch`` images together."""
        return self.step(batch) / (self.step(batch / ranks) + self.exchange(ranks, network))


def all_reduce(size: float, ranks: int, network: Network, add: float) -> float:
    """Seconds of an all-reduce of ``size`` bytes; see the module.

    >>> round(1e3 * all_reduce(440e3, 8, NETWORKS["10 GbE"], 5e9), 2)  # ms, by a ring
    1.08
    """
    if ranks == 1:
        return 0.0
    latency, bandwidth = network
    ring = 2 * (ranks - 1) * (latency + size / ranks / bandwidth) + (ranks - 1) / ranks * size / add
    doubling = math.ceil(math.log2(ranks)) * (latency + size / bandwidth + size / add)
    return min(ring, doubling)


def pays_until(cost: Cost, batch: int, network: Network) -> tuple[int, float]:
    """The most processes, of 1, 2, 4 … 64, at which doubling them still made a step a fifth faster; and the speedup there."""
    ranks = 1
    while ranks < RANKS[-1] and 2 * ranks * 2 <= batch:
        if cost.speedup(batch, 2 * ranks, network) < 1.2 * cost.speedup(batch, ranks, network):
            break
        ranks *= 2
    return ranks, cost.speedup(batch, ranks, network)


# -- measuring ---------------------------------------------------------------------------------------------------------


def run(ranks: int, **job: Any) -> dict[str, Any]:
    """What so many processes measure. Raises RuntimeError with their error output if they fail."""
    command = [sys.executable, "-m", "benchmarks.rank_worker", json.dumps({"ranks": ranks, **job})]
    command = [str(mpiexec()), "-n", str(ranks), *command] if ranks > 1 else command
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parent.parent, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{job} in {ranks} processes failed:\n{done.stderr.strip()}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(rounds: int, seconds: float, models: Sequence[str] = MODELS) -> dict[str, Any]:
    """Measure everything: one process with one thread and with two, two processes with one each, in turns."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ways = {"alone": (1, 1), "threads": (1, 2), "ranks": (2, 1)}
    found: dict[str, Any] = {"processors": processors, "kernels": runtime.get_kernels(), "models": {}, "exchanges": {}}
    for ranks in (2, 4):
        found["exchanges"][str(ranks)] = run(ranks, what="exchanges", sizes=SIZES, seconds=seconds / 10)
    for model in models:
        turns: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (ranks, threads) in ways.items():
                batches = BATCHES if way == "alone" else [BATCH]
                turns[way].append(run(ranks, what="steps", case=model, batches=batches, threads=threads, seconds=seconds))
        found["models"][model] = {
            way: {size: statistics.median(turn["ms"][size] for turn in made) for size in made[0]["ms"]}
            for way, made in turns.items()
        } | {name: turns["alone"][0][name] for name in ("bytes", "norms")}
    return found


def shared_memory(found: dict[str, Any]) -> Network:
    """Latency and bandwidth of two processes on this machine, by least squares of relative errors."""
    times = {int(size): ms / 1e3 for size, ms in found["exchanges"]["2"]["ms"].items()}
    rows = np.array([[2, int(size)] for size in times]) / np.array(list(times.values()))[:, None]
    latency, per_byte = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=None)[0]
    return Network(max(float(latency), 0.0), 1 / max(float(per_byte), 1e-15))


def cost_of(found: dict[str, Any], model: str) -> Cost:
    """A model's costs, from the steps measured in one process with one thread."""
    entry = found["models"][model]
    sizes = np.array([int(size) for size in entry["alone"]])
    times = np.array(list(entry["alone"].values())) / 1e3
    rows = np.stack([np.ones_like(times), sizes], 1) / times[:, None]
    fixed, each = np.linalg.lstsq(rows, np.ones_like(times), rcond=None)[0]
    return Cost(max(float(fixed), 0.0), float(each), entry["bytes"], entry["norms"], found["exchanges"]["2"]["add"] * 1e9)


# -- reporting ---------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _here(found: dict[str, Any]) -> str:
    rows = []
    for model, entry in found["models"].items():
        alone, threads, ranks = entry["alone"][str(BATCH)], entry["threads"][str(BATCH)], entry["ranks"][str(BATCH)]
        times = [f"{ms:.2f} ms" for ms in (alone, threads, ranks)]
        rows.append([model, *times, f"{alone / threads:.2f}", f"{alone / ranks:.2f}"])
    head = ["batch 64", "1 thread", "2 threads", "2 processes", "speedup of threads", "of processes"]
    return _table(head, rows)


def _exchanges(found: dict[str, Any]) -> str:
    two, four = (found["exchanges"][ranks]["ms"] for ranks in ("2", "4"))
    rows = [[f"{int(size):,}", f"{1e3 * ms:.1f} µs", f"{1e3 * four[size]:.1f} µs"] for size, ms in two.items()]
    return _table(["bytes", "2 processes", f"4, on {found['processors']} processors"], rows)


def _weak(found: dict[str, Any]) -> str:
    rows = []
    for model in found["models"]:
        cost = cost_of(found, model)
        for name, network in NETWORKS.items():
            own = cost.step(BATCH)
            rows.append([model, name, *(f"{own / (own + cost.exchange(ranks, network)):.0%}" for ranks in RANKS)])
    return _table(["64 images to each", "network", *(f"{ranks} processes" for ranks in RANKS)], rows)


def _strong(found: dict[str, Any]) -> str:
    rows = []
    for model in found["models"]:
        cost = cost_of(found, model)
        for batch in (BATCH, 16 * BATCH):
            ends = [pays_until(cost, batch, network) for network in NETWORKS.values()]
            rows.append([model, f"{batch:,}", *(f"{ranks} (× {speedup:.1f})" for ranks, speedup in ends)])
    return _table(["model", "batch", *NETWORKS], rows)


def report(found: dict[str, Any]) -> str:
    """All of it as Markdown."""
    network, add = shared_memory(found), found["exchanges"]["2"]["add"]
    fitted = [
        [model, f"{1e3 * cost.fixed:.2f} ms", f"{1e3 * cost.each:.3f} ms", f"{cost.bytes:,}", str(len(cost.norms))]
        for model in found["models"]
        for cost in [cost_of(found, model)]
    ]
    return "\n\n".join(
        [
            f"Measured on {found['date']}: {found['machine']}; kernels: {found['kernels']}.",
            "Two processes against two threads:",
            _here(found),
            "An all-reduce:",
            _exchanges(found),
            f"Fitted for two processes: latency {1e6 * network.latency:.1f} µs, {network.bandwidth / 1e9:.1f} GB/s; "
            f"adding up: {add:.1f} GB/s.",
            "A step of one process with one thread, as a + c · batch, and what it exchanges:",
            _table(["model", "a", "c", "bytes of gradients", "batch norms"], fitted),
            "Predicted efficiency, each process with a batch of its own:",
            _weak(found),
            "Predicted for one batch shared by all: up to how many processes a doubling still makes a step a fifth faster, and "
            "the speedup there:",
            _strong(found),
        ]
    )


PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of what was measured -->\n"


def with_tables(page: str, found: dict[str, Any]) -> str:
    """``page`` with what was found between its two marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{report(found)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Write docs/scaling.md's tables anew from the JSON that ``python -m benchmarks --ranks`` wrote."""
    kept = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), kept["ranks"]), encoding="utf-8")


if __name__ == "__main__":
    main()
