"""Run by every process: ``DistributedDataParallel`` and ``SyncBatchNorm`` against one process that has the whole batch."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable

import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.distributed as dist
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, optim
from tinygrad_fm.nn.parallel import DistributedDataParallel

PARTS = 8  # samples of each process


class TwoHeads(nn.Module):
    """``second`` is used by odd ranks alone, ``never`` by none."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.never = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: torch.Tensor, odd: bool) -> dict[str, list[torch.Tensor]]:
        y = self.first(x)
        return {"y": [self.second(y) if odd else y]}


def data(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    return torch.from_numpy(rng.standard_normal((size * PARTS, 1, 6, 6))), torch.from_numpy(rng.integers(0, 4, size * PARTS))


def network(norm: bool) -> nn.Module:
    layers = [nn.Conv2d(1, 3, 3), *([nn.BatchNorm2d(3)] if norm else []), nn.Tanh(), nn.Flatten(), nn.Linear(48, 8)]
    return nn.Sequential(*layers, *([nn.BatchNorm1d(8)] if norm else []), nn.Tanh(), nn.Linear(8, 4)).double()


def own(values: torch.Tensor, rank: int) -> torch.Tensor:
    return values[rank * PARTS : (rank + 1) * PARTS]


def check_training(rank: int, size: int, norm: bool, cap: float | None) -> None:
    """Some steps in buckets of every size: the weights, and batch norm's statistics, of one process with the whole batch."""
    torch.manual_seed(rank)  # other weights in each process: those of rank 0 count
    images, labels = data(size)
    model = network(norm)
    if norm:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    parallel = DistributedDataParallel(model, bucket_cap_mb=cap)
    torch.manual_seed(0)
    alone = network(norm)
    assert list(parallel.state_dict()) == [f"module.{name}" for name in alone.state_dict()]
    for name, value in parallel.module.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), alone.state_dict()[name].numpy())
    optimizers = [optim.SGD(m.parameters(), 0.1, momentum=0.9) for m in (parallel, alone)]
    for _ in range(3):
        mine = F.cross_entropy(parallel(own(images, rank)), own(labels, rank))
        whole = F.cross_entropy(alone(images), labels)
        for optimizer, loss in zip(optimizers, (mine, whole), strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        mean = mine.detach()
        dist.all_reduce(mean, dist.ReduceOp.AVG)
        np.testing.assert_allclose(mean.item(), whole.item(), rtol=1e-12)
    for name, value in parallel.module.state_dict().items():
        np.testing.assert_allclose(value.numpy(), alone.state_dict()[name].numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def check_overlap(rank: int, size: int) -> None:
    """The last layers' gradients are on their way before the first layer's are known."""
    parallel = DistributedDataParallel(network(False), bucket_cap_mb=0)  # a bucket for each parameter
    sent = []
    parallel.module[0].weight.register_hook(lambda g: sent.append(parallel._reducer._sent))
    images, labels = data(size)
    F.cross_entropy(parallel(own(images, rank)), own(labels, rank)).backward()
    assert sent[0] >= 4 and parallel._reducer._sent == 6, sent


def check_accumulation(rank: int, size: int) -> None:
    """``no_sync`` adds up in each process; the backward after it averages the sum."""
    images, labels = data(size)
    parallel = DistributedDataParallel(network(False))
    alone = copy.deepcopy(parallel.module)
    half = PARTS // 2
    x, y = own(images, rank), own(labels, rank)
    with parallel.no_sync():
        F.cross_entropy(parallel(x[:half]), y[:half]).backward()
    partial = parallel.module[0].weight.grad.clone()
    F.cross_entropy(parallel(x[half:]), y[half:]).backward()
    (2 * F.cross_entropy(alone(images), labels)).backward()
    for p, q in zip(parallel.module.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-12)
    others = [torch.zeros_like(partial) for _ in range(size)]
    dist.all_gather(others, partial)
    assert not np.allclose(others[0].numpy(), others[1].numpy())
    loss_before_validation = parallel(x)  # recorded, and never gone back through: no gradient waits for it
    F.cross_entropy(parallel(x), y).backward()
    assert loss_before_validation.requires_grad


def check_unused(rank: int, size: int) -> None:
    torch.manual_seed(0)
    parallel = DistributedDataParallel(TwoHeads().double(), find_unused_parameters=True)
    x = own(data(size)[0], rank)[:, 0, 0]
    for _ in range(2):
        parallel(x, odd=rank % 2 == 1)["y"][0].sum().backward()
    assert parallel.module.never.weight.grad is None
    grads = [torch.zeros(6, 6).double() for _ in range(size)]
    dist.all_gather(grads, parallel.module.second.weight.grad)
    assert all((g == grads[0]).all() for g in grads) and grads[0].abs().sum() > 0
    strict = DistributedDataParallel(TwoHeads().double())
    strict(x, odd=False)["y"][0].sum().backward()
    assert refused(lambda: strict(x, odd=False), RuntimeError, "second.weight, second.bias, never.weight", "find_unused")


def check_buffers(rank: int, size: int) -> None:
    """Without SyncBatchNorm rank 0's statistics are everybody's before each forward."""
    parallel = DistributedDataParallel(network(True))
    x = own(data(size)[0], rank)
    parallel(x)
    parallel(x)
    means = [torch.zeros(3).double() for _ in range(size)]
    dist.all_gather(means, parallel.module[1].running_mean)
    assert not (means[0] == means[1]).all()  # each has added its own batch to them
    parallel.eval()(x)
    dist.all_gather(means, parallel.module[1].running_mean)
    assert all((m == means[0]).all() for m in means)


def check_uneven_norm(rank: int, size: int) -> None:
    """Parts of unequal length, one of them empty, far from 0; values and gradients are those of the whole."""
    x = np.random.default_rng(1).standard_normal((10, 3)) + 1000
    ends = [0, *np.linspace(3, 10, size - 1).astype(int), 10]
    mine = torch.from_numpy(x[ends[rank] : ends[rank + 1]]).requires_grad_()
    whole = torch.from_numpy(x).requires_grad_()
    layers = nn.SyncBatchNorm(3, momentum=None).double(), nn.BatchNorm1d(3, momentum=None).double()
    results = [layer(t) for layer, t in zip(layers, (mine, whole), strict=True)]
    for y, rows in zip(results, (slice(ends[rank], ends[rank + 1]), slice(None)), strict=True):
        (y * torch.from_numpy(np.sin(np.arange(30.0)).reshape(10, 3)[rows])).sum().backward()
    part = slice(ends[rank], ends[rank + 1])
    np.testing.assert_allclose(results[0].detach().numpy(), results[1].detach().numpy()[part], rtol=1e-7)
    np.testing.assert_allclose(mine.grad.numpy(), whole.grad.numpy()[part], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(layers[0].running_var.numpy(), layers[1].running_var.numpy(), rtol=1e-9)
    single = nn.SyncBatchNorm(2)
    assert refused(lambda: single(torch.zeros(1 if rank == 0 else 0, 2)), ValueError, "more than 1 value per channel")
    dist.barrier()


def check_mistakes(rank: int, size: int) -> None:
    assert refused(lambda: dist.init_process_group("mpi"), ValueError, "twice")
    assert refused(lambda: dist.all_reduce(np.zeros(2)), TypeError, "must be a Tensor, got ndarray")
    assert refused(lambda: dist.all_reduce(torch.zeros(2), "sum"), TypeError, "ReduceOp")
    assert refused(lambda: dist.broadcast(torch.zeros(2), src=size), ValueError, f"0, 1, 2, got {size}")
    assert refused(
        lambda: dist.all_gather([torch.zeros(2)], torch.zeros(2)), ValueError, f"each of the {size} processes, got 1"
    )
    assert refused(lambda: dist.scatter(torch.zeros(2), None if rank == 0 else [torch.zeros(2)]), ValueError, "process 0")
    assert refused(lambda: dist.all_gather([torch.zeros(3)] * size, torch.zeros(2)), ValueError, "float32 (3,)", "(2,)")
    assert refused(lambda: DistributedDataParallel(nn.ReLU()), RuntimeError, "requires a gradient")
    assert refused(lambda: DistributedDataParallel(nn.Linear(2, 2 + rank)), RuntimeError, "same model", "weight")


def refused(call: Callable[[], object], kind: type[Exception], *words: str) -> bool:
    try:
        call()
    except kind as error:
        assert all(word in str(error) for word in words), str(error)
        return True
    return False


if __name__ == "__main__":
    dist.init_process_group("mpi")
    me, count = dist.get_rank(), dist.get_world_size()
    for cap in (None, 1e-4, 0.0):
        check_training(me, count, norm=False, cap=cap)
        check_training(me, count, norm=True, cap=cap)
    for check in (check_overlap, check_accumulation, check_unused, check_buffers, check_uneven_norm, check_mistakes):
        check(me, count)
    sys.stdout.write(f"rank {me} of {count}: all right\n")
