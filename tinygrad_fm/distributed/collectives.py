"""Communication: every process of a group calls the same function, in the same order, with tensors of the same shape and dtype.

Tensors are changed in place. ``src`` and ``dst`` are numbers among all processes, also in a smaller group. With
``async_op=True`` a call returns at once, a :class:`Work` whose ``wait()`` is to be called before the tensor is used. Results
are the same on every process, and with the same number of them the same bits every time.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor
from .process_group import ProcessGroup, _mpi, _resolve, get_process_group_ranks, wait_for

__all__ = [
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_reduce",
    "barrier",
    "broadcast",
    "gather",
    "irecv",
    "isend",
    "recv",
    "reduce",
    "scatter",
    "send",
]

Array = np.ndarray[Any, Any]

_AS: dict[str, np.dtype[Any]] = {"?": np.dtype(np.uint8), "e": np.dtype(np.float32)}


class ReduceOp(enum.Enum):
    """What ``reduce`` and ``all_reduce`` do with the values of all processes. AVG is for floating point, B… for integers.

    >>> from tinygrad_fm import distributed
    >>> [op.name for op in distributed.ReduceOp]
    ['SUM', 'AVG', 'PRODUCT', 'MIN', 'MAX', 'BAND', 'BOR', 'BXOR']
    """

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"
    BAND = "BAND"
    BOR = "BOR"
    BXOR = "BXOR"


class Work:
    """A communication that goes on while the caller computes. MPI moves data on whenever it is called, so ask now and then.

    >>> from tinygrad_fm import distributed
    >>> work = distributed.Work(None)  # of a communication that is over
    >>> work.is_completed(), work.wait()
    (True, True)
    """

    def __init__(self, request: Any, finish: Callable[[], None] | None = None) -> None:
        self._request, self._finish = request, finish

    def is_completed(self) -> bool:
        """Whether ``wait`` would return at once."""
        return self._request is None or bool(self._request.Test())

    def wait(self, timeout: Any = None) -> bool:
        """Return True when the result is in the tensor."""
        if self._request is not None:
            wait_for(self._request)
        finish, self._request, self._finish = self._finish, None, None
        if finish is not None:
            finish()
        return True


def _array(op: str, tensor: Any, what: str = "tensor") -> Array:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{op}(): {what} must be a Tensor, got {type(tensor).__name__}")
    return tensor._array


def _sendable(array: Array) -> Array:
    """``array`` in C order and in a type that MPI knows: bool as uint8, float16 as float32."""
    return np.ascontiguousarray(array, _AS.get(array.dtype.char, array.dtype)).reshape(array.shape)


def _write(tensor: Tensor, values: Array) -> None:
    tensor._array[...] = values.reshape(tensor._array.shape)
    tensor._written()


def _same(op: str, tensors: Sequence[Any], like: Array, count: int, what: str) -> None:
    """Raise unless ``tensors`` are ``count``, each of ``like``'s shape and dtype."""
    if len(tensors) != count:
        raise ValueError(f"{op}(): {what} must have a tensor for each of the {count} processes, got {len(tensors)}")
    for i, tensor in enumerate(tensors):
        array = _array(op, tensor, f"{what}[{i}]")
        if (array.shape, array.dtype) != (like.shape, like.dtype):
            raise ValueError(
                f"{op}(): {what}[{i}] is {array.dtype} {array.shape}, but the tensor {like.dtype} {like.shape}: all must agree"
            )


def _rank(op: str, members: ProcessGroup, rank: int, what: str) -> int:
    """The number within ``members`` of the process that has number ``rank`` among all."""
    ranks = get_process_group_ranks(members)
    if rank not in ranks:
        raise ValueError(f"{op}(): {what} must be one of {', '.join(map(str, ranks))}, got {rank}")
    return ranks.index(rank)


def _started(request: Any, finish: Callable[[], None] | None, async_op: bool) -> Work | None:
    work = Work(request, finish)
    if async_op:
        return work
    work.wait()
    return None


# -- everybody ---------------------------------------------------------------------------------------------------------


def _operation(op: str, array: Array, how: ReduceOp) -> Any:
    """MPI's operation for ``how`` on such an array."""
    if not isinstance(how, ReduceOp):
        raise TypeError(f"{op}(): op must be a ReduceOp, got {how!r}")
    kind, name = array.dtype.kind, how.value
    if (how is ReduceOp.AVG and kind != "f") or (name in ("BAND", "BOR", "BXOR") and kind == "f"):
        raise RuntimeError(f"{op}(): ReduceOp.{how.name} does not work on {array.dtype}")
    if kind == "b":  # as for numbers that are 0 or 1, where a sum is true if one is
        name = {"SUM": "MAX", "PROD": "MIN"}.get(name, name)
    return getattr(_mpi(), "SUM" if how is ReduceOp.AVG else name)


def all_reduce(
    tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Give every process the sum (or what ``op`` says) of all processes' ``tensor``, in place.

    Args:
        tensor: any shape, the same on all.
        op: SUM, AVG, PRODUCT, MIN, MAX, or for integers BAND, BOR, BXOR.
        group: the processes; all by default.
        async_op: return a :class:`Work` at once.

    Raises ValueError before ``init_process_group``, TypeError or RuntimeError for an operation that does not go with the dtype.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> loss = torch.tensor(2.0)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     distributed.all_reduce(loss, distributed.ReduceOp.AVG)
    >>> loss
    tensor(2.)
    """
    members, array = _resolve(group), _array("all_reduce", tensor)
    how, sent = _operation("all_reduce", array, op), _sendable(array)
    found = np.empty_like(sent)

    def finish() -> None:
        _write(tensor, found / members.size() if op is ReduceOp.AVG else found)

    return _started(members.comm.Iallreduce(sent, found, how), finish, async_op)


def reduce(
    tensor: Tensor, dst: int, op: ReduceOp = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """As :func:`all_reduce`, for process ``dst`` alone; on the others ``tensor`` stays as it is.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     distributed.reduce(x, dst=0)
    >>> x.shape
    torch.Size([2])
    """
    members, array = _resolve(group), _array("reduce", tensor)
    how, sent = _operation("reduce", array, op), _sendable(array)
    root = _rank("reduce", members, dst, "dst")
    found = np.empty_like(sent) if members.rank() == root else None

    def finish() -> None:
        if found is not None:
            _write(tensor, found / members.size() if op is ReduceOp.AVG else found)

    return _started(members.comm.Ireduce(sent, found, how, root), finish, async_op)


def broadcast(tensor: Tensor, src: int, group: ProcessGroup | None = None, async_op: bool = False) -> Work | None:
    """Give every process the ``tensor`` of process ``src``, in place.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> weight = torch.zeros(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     distributed.broadcast(weight, src=0)
    >>> weight
    tensor([0., 0.])
    """
    members, array = _resolve(group), _array("broadcast", tensor)
    root = _rank("broadcast", members, src, "src")
    mine = members.rank() == root
    buffer = _sendable(array) if mine else np.empty_like(_sendable(array))

    def finish() -> None:
        if not mine:
            _write(tensor, buffer)

    return _started(members.comm.Ibcast(buffer, root), finish, async_op)


def all_gather(
    tensor_list: Sequence[Tensor], tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Write the ``tensor`` of process i into ``tensor_list[i]``, on every process.

    Raises ValueError unless there is a tensor of the same shape and dtype for each process.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     parts = [torch.zeros(2) for _ in range(distributed.get_world_size())]
    ...     distributed.all_gather(parts, x)
    >>> x
    tensor([1., 1.])
    """
    members, array = _resolve(group), _array("all_gather", tensor)
    _same("all_gather", tensor_list, array, members.size(), "tensor_list")
    sent = _sendable(array)
    found = np.empty((members.size(), *sent.shape), sent.dtype)

    def finish() -> None:
        for into, values in zip(tensor_list, found, strict=True):
            _write(into, values)

    return _started(members.comm.Iallgather(sent, found), finish, async_op)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Write the ``input_tensor`` of all processes into ``output_tensor``, joined or stacked: for (n, …) it is
    (world size · n, …) or (world size, n, …).

    Raises ValueError if ``output_tensor`` has another shape or dtype.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     stacked = torch.zeros(distributed.get_world_size(), 2)
    ...     distributed.all_gather_into_tensor(stacked, x)
    >>> x
    tensor([1., 1.])
    """
    members, array = _resolve(group), _array("all_gather_into_tensor", input_tensor, "input_tensor")
    out, count = _array("all_gather_into_tensor", output_tensor, "output_tensor"), members.size()
    joined = (count * array.shape[0], *array.shape[1:]) if array.ndim else (count,)
    if out.shape not in ((count, *array.shape), joined) or out.dtype != array.dtype:
        raise ValueError(
            f"all_gather_into_tensor(): for {array.dtype} {array.shape} from each of {count} processes output_tensor must be "
            f"{array.dtype} {(count, *array.shape)} or {joined}, got {out.dtype} {out.shape}"
        )
    sent = _sendable(array)
    found = np.empty((count, *sent.shape), sent.dtype)
    return _started(members.comm.Iallgather(sent, found), lambda: _write(output_tensor, found), async_op)


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """As :func:`all_gather`, for process ``dst`` alone; the others give no ``gather_list``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     root = distributed.get_rank() == 0
    ...     parts = [torch.zeros(2) for _ in range(distributed.get_world_size())] if root else None
    ...     distributed.gather(x, parts, dst=0)
    >>> x
    tensor([1., 1.])
    """
    members, array = _resolve(group), _array("gather", tensor)
    root = _rank("gather", members, dst, "dst")
    receives = members.rank() == root
    _given_by_root("gather", "gather_list", gather_list, receives, dst)
    into: Sequence[Tensor] = gather_list or ()
    sent = _sendable(array)
    if receives:
        _same("gather", into, array, members.size(), "gather_list")
    found = np.empty((members.size(), *sent.shape), sent.dtype) if receives else None

    def finish() -> None:
        if found is not None:
            for one, values in zip(into, found, strict=True):
                _write(one, values)

    return _started(members.comm.Igather(sent, found, root), finish, async_op)


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Give process i ``scatter_list[i]`` of process ``src``, in ``tensor``; the others give no ``scatter_list``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.zeros(1)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     root = distributed.get_rank() == 0
    ...     parts = list(torch.arange(float(distributed.get_world_size())).split(1)) if root else None
    ...     distributed.scatter(x, parts, src=0)
    >>> x.shape
    torch.Size([1])
    """
    members, array = _resolve(group), _array("scatter", tensor)
    root = _rank("scatter", members, src, "src")
    sends = members.rank() == root
    _given_by_root("scatter", "scatter_list", scatter_list, sends, src)
    parts: Sequence[Tensor] = scatter_list or ()
    if sends:
        _same("scatter", parts, array, members.size(), "scatter_list")
    sent = np.stack([_sendable(part._array) for part in parts]) if sends else None
    found = np.empty_like(_sendable(array))
    return _started(members.comm.Iscatter(sent, found, root), lambda: _write(tensor, found), async_op)


def _given_by_root(op: str, what: str, given: Any, is_root: bool, root: int) -> None:
    if is_root != bool(given):
        raise ValueError(f"{op}(): {what} must be given by process {root}, and by no other")


def barrier(group: ProcessGroup | None = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Return when every process has called this. PyTorch's ``device_ids`` has no effect.

    >>> from tinygrad_fm import distributed
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     distributed.barrier()
    """
    return _started(_resolve(group).comm.Ibarrier(), None, async_op)


# -- one to another ----------------------------------------------------------------------------------------------------


def isend(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> Work:
    """Begin to send ``tensor`` to process ``dst``, which must receive it with the same ``tag``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     sends = distributed.get_rank() == 0  # of two processes
    ...     work = distributed.isend(x, dst=1) if sends else distributed.irecv(x, src=0)
    ...     assert work.wait()
    >>> x
    tensor([1., 1.])
    """
    members, sent = _resolve(group), _sendable(_array("isend", tensor))
    return Work(members.comm.Isend(sent, _rank("isend", members, dst, "dst"), tag))


def irecv(tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0) -> Work:
    """Begin to receive into ``tensor`` what process ``src``, or any, sends.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.zeros(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     receives = distributed.get_rank() == 1  # of two processes
    ...     work = distributed.irecv(x, src=0) if receives else distributed.isend(x, dst=1)
    ...     assert work.wait()
    >>> x.shape
    torch.Size([2])
    """
    members, found = _resolve(group), np.empty_like(_sendable(_array("irecv", tensor)))
    return Work(members.comm.Irecv(found, _source(members, src), tag), lambda: _write(tensor, found))


def send(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> None:
    """Send ``tensor`` to process ``dst``; may return only when that receives it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.ones(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     if distributed.get_rank() == 0:
    ...         distributed.send(x, dst=1)
    ...     else:  # of two processes
    ...         sender = distributed.recv(x, src=0)
    >>> x
    tensor([1., 1.])
    """
    isend(tensor, dst, group, tag).wait()


def recv(tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0) -> int:
    """Receive into ``tensor``, of the shape and dtype that was sent, from process ``src`` or any; returns its rank.

    Raises RuntimeError if what came is of another size.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import distributed
    >>> x = torch.zeros(2)
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     if distributed.get_rank() == 0:
    ...         distributed.send(x, dst=1)
    ...     else:  # of two processes
    ...         sender = distributed.recv(x, src=0)
    >>> x.shape
    torch.Size([2])
    """
    mpi, members = _mpi(), _resolve(group)
    found = np.empty_like(_sendable(_array("recv", tensor)))
    status = mpi.Status()
    wait_for(_Arrival(members.comm, _source(members, src), tag, status))
    if status.Get_count(mpi.BYTE) != found.nbytes:
        raise RuntimeError(
            f"recv(): process {status.Get_source()} sends {status.Get_count(mpi.BYTE)} bytes, but {tensor.dtype} "
            f"{tuple(tensor.shape)} has {found.nbytes}: both must have the same shape and dtype"
        )
    members.comm.Recv(found, status.Get_source(), tag)
    _write(tensor, found)
    return get_process_group_ranks(members)[status.Get_source()]


class _Arrival:
    """A message that is to come, as something to wait for."""

    def __init__(self, *of: Any) -> None:
        self._comm, *self._of = of

    def Test(self) -> bool:
        """Whether it is there."""
        return bool(self._comm.Iprobe(*self._of))


def _source(members: ProcessGroup, src: int | None) -> int:
    return int(_mpi().ANY_SOURCE) if src is None else _rank("recv", members, src, "src")
