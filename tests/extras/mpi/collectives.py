"""Run by every process: each collective against NumPy."""

from __future__ import annotations

import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.distributed as dist
from tinygrad_fm.distributed import ReduceOp

OPERATIONS = {
    ReduceOp.SUM: lambda stack: stack.sum(0, dtype=stack.dtype),
    ReduceOp.AVG: lambda stack: stack.mean(0, dtype=stack.dtype),
    ReduceOp.PRODUCT: lambda stack: stack.prod(0, dtype=stack.dtype),
    ReduceOp.MIN: lambda stack: stack.min(0),
    ReduceOp.MAX: lambda stack: stack.max(0),
    ReduceOp.BAND: np.bitwise_and.reduce,
    ReduceOp.BOR: np.bitwise_or.reduce,
    ReduceOp.BXOR: np.bitwise_xor.reduce,
}
DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
FLOATS = {"float16", "float32", "float64"}


def values(rank: int, dtype: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """What a rank contributes: any rank knows it of any other."""
    drawn = np.random.default_rng(rank).integers(0, 4, shape)
    return (drawn + 0.5 if dtype in FLOATS else drawn).astype(dtype)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy())


def check_reductions(rank: int, size: int) -> None:
    for dtype in DTYPES:
        stack = np.stack([values(r, dtype) for r in range(size)])
        for op, reference in OPERATIONS.items():
            x = tensor(stack[rank])
            fits = dtype in FLOATS if op is ReduceOp.AVG else dtype not in FLOATS or not op.name.startswith("B")
            if not fits:
                for call in (lambda x=x, op=op: dist.all_reduce(x, op), lambda x=x, op=op: dist.reduce(x, 0, op)):
                    try:
                        call()
                    except RuntimeError as error:
                        assert dtype in str(error) and op.name in str(error)
                    else:
                        raise AssertionError(f"{op} took {dtype}")
                continue
            wanted = reference(stack)
            work = dist.all_reduce(x, op, async_op=True)
            assert work.wait() and work.is_completed()
            np.testing.assert_allclose(x.numpy(), wanted, rtol=2e-3)
            assert x.numpy().dtype == wanted.dtype
            y = tensor(stack[rank])
            assert dist.reduce(y, dst=size - 1, op=op) is None
            np.testing.assert_allclose(y.numpy(), wanted if rank == size - 1 else stack[rank], rtol=2e-3)


def check_layouts(rank: int, size: int) -> None:
    """Transposed, strided, empty and 0-d tensors; a version that moves."""
    base = tensor(np.arange(24.0).reshape(4, 6) + rank)
    view = base.t()[::2]
    before = base._version
    dist.all_reduce(view)
    assert base._version > before
    wanted = np.arange(24.0).reshape(4, 6) + rank
    wanted[:, ::2] = sum(np.arange(24.0).reshape(4, 6)[:, ::2] + r for r in range(size))
    np.testing.assert_array_equal(base.numpy(), wanted)
    scalar, empty = torch.tensor(float(rank)), torch.zeros(0, 3)
    dist.all_reduce(scalar)
    dist.all_reduce(empty)
    assert scalar.item() == sum(range(size)) and tuple(empty.shape) == (0, 3)


def check_copies(rank: int, size: int) -> None:
    for dtype in DTYPES:
        stack = np.stack([values(r, dtype) for r in range(size)])
        for src in range(size):
            x = tensor(stack[rank])
            dist.broadcast(x, src)
            np.testing.assert_array_equal(x.numpy(), stack[src])
        into = [tensor(np.zeros_like(stack[0])) for _ in range(size)]
        dist.all_gather(into, tensor(stack[rank]))
        np.testing.assert_array_equal(np.stack([t.numpy() for t in into]), stack)
        for shape in ((size, 2, 3), (size * 2, 3)):
            out = tensor(np.zeros(shape, dtype))
            dist.all_gather_into_tensor(out, tensor(stack[rank]))
            np.testing.assert_array_equal(out.numpy(), stack.reshape(shape))
        into = [tensor(np.zeros_like(stack[0])) for _ in range(size)] if rank == 1 else None
        dist.gather(tensor(stack[rank]), into, dst=1)
        if into:
            np.testing.assert_array_equal(np.stack([t.numpy() for t in into]), stack)
        x = tensor(np.zeros_like(stack[0]))
        dist.scatter(x, [tensor(part) for part in stack] if rank == 1 else None, src=1)
        np.testing.assert_array_equal(x.numpy(), stack[rank])


def check_messages(rank: int, size: int) -> None:
    ahead, behind = (rank + 1) % size, (rank - 1) % size
    for dtype in DTYPES:
        got = tensor(np.zeros_like(values(0, dtype)))
        sending = dist.isend(tensor(values(rank, dtype)), ahead, tag=3)
        assert dist.recv(got, behind, tag=3) == behind
        sending.wait()
        np.testing.assert_array_equal(got.numpy(), values(behind, dtype))
        got = tensor(np.zeros_like(values(0, dtype)))
        receiving = dist.irecv(got, None if dtype == "float32" else behind)
        dist.send(tensor(values(rank, dtype)), ahead)
        receiving.wait()
        np.testing.assert_array_equal(got.numpy(), values(behind, dtype))
    sending = dist.isend(torch.zeros(5), ahead)
    try:
        dist.recv(torch.zeros(4), behind)
    except RuntimeError as error:
        assert "20 bytes" in str(error) and "has 16" in str(error)
    else:
        raise AssertionError("4 numbers took 5")
    dist.recv(torch.zeros(5), behind)
    sending.wait()


def check_objects(rank: int, size: int) -> None:
    own = {"rank": rank, "values": [1.5, None, "x" * 1000 * rank], "tensor": torch.full((rank,), 2.0), "pair": (1, True)}
    found: list[object] = [None] * size
    dist.all_gather_object(found, own)
    for r, other in enumerate(found):
        assert isinstance(other, dict) and other["rank"] == r and len(other["values"][2]) == 1000 * r
        assert other["tensor"].tolist() == [2.0] * r and other["pair"] == (1, True)
    objects = [{"a": np.arange(3)}, "text"] if rank == 1 else [None, None]
    dist.broadcast_object_list(objects, src=1)
    assert objects[0]["a"].tolist() == [0, 1, 2] and objects[1] == "text"
    try:
        dist.all_gather_object(found, object())
    except TypeError as error:
        assert "object" in str(error)
    else:
        raise AssertionError("an object of any kind was sent")


def check_groups(rank: int, size: int) -> None:
    some = dist.new_group([0, size - 1])
    assert (some is dist.GroupMember.NON_GROUP_MEMBER) == (rank not in (0, size - 1))
    assert dist.get_rank(some) == {0: 0, size - 1: 1}.get(rank, -1)
    if rank in (0, size - 1):
        assert dist.get_process_group_ranks(some) == [0, size - 1] and dist.get_world_size(some) == 2
        x = torch.tensor([rank])
        dist.all_reduce(x, group=some)
        assert x.item() == size - 1
        last = torch.tensor([rank])  # numbered as among all, in every group
        dist.broadcast(last, src=size - 1, group=some)
        objects = [rank]
        dist.broadcast_object_list(objects, src=size - 1, group=some)
        assert last.item() == objects[0] == size - 1
        into = [torch.zeros(1, dtype=torch.int64) for _ in range(2)] if rank else None
        dist.gather(torch.tensor([rank]), into, dst=size - 1, group=some)
        assert into is None or [t.item() for t in into] == [0, size - 1]
        if rank:
            dist.send(torch.tensor([7]), dst=0, group=some)
        else:
            assert dist.recv(last, group=some) == size - 1 and last.item() == 7
        try:
            dist.reduce(last, dst=1, group=some)
        except ValueError as error:
            assert f"one of 0, {size - 1}, got 1" in str(error)
        else:
            raise AssertionError("a process outside the group was taken")
        dist.destroy_process_group(some)
    dist.barrier()


def main() -> None:
    assert not dist.is_initialized()
    dist.init_process_group("mpi")
    rank, size = dist.get_rank(), dist.get_world_size()
    assert dist.is_initialized() and dist.get_backend() == "mpi" and torch.get_num_threads() == 1
    for check in (check_reductions, check_layouts, check_copies, check_messages, check_objects, check_groups):
        check(rank, size)
    dist.destroy_process_group()
    assert not dist.is_initialized()
    print(f"rank {rank} of {size}: all right\n", end="", flush=True)


if __name__ == "__main__":
    main()
