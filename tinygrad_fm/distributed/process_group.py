"""The processes that work together, and which of them this one is; PyTorch's names over MPI.

Nothing here imports mpi4py before ``init_process_group`` is called: importing it starts MPI.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from .. import runtime
from ..errors import MissingExtraError
from .launch import NEEDS_MPI, launched, mpiexec

__all__ = [
    "ProcessGroup",
    "destroy_process_group",
    "get_backend",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "is_initialized",
    "new_group",
]

_PRINTED = 0.2  # seconds in which mpiexec takes what was printed, before it ends everybody


class ProcessGroup:
    """Some of the processes, or all of them: what the functions here take as ``group``.

    Attributes:
        comm: the communicator, of mpi4py.

    >>> from types import SimpleNamespace
    >>> from tinygrad_fm import distributed
    >>> group = distributed.ProcessGroup(SimpleNamespace(Get_rank=lambda: 0, Get_size=lambda: 1))  # as MPI.COMM_SELF
    >>> group.rank(), group.size()
    (0, 1)
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm

    def rank(self) -> int:
        """This process's number in the group, from 0."""
        return int(self.comm.Get_rank())

    def size(self) -> int:
        """How many processes the group has."""
        return int(self.comm.Get_size())


class group:
    """The default group, of all processes: ``group.WORLD``, None before ``init_process_group``.

    >>> from tinygrad_fm import distributed
    >>> distributed.group.WORLD is None
    True
    """

    WORLD: ProcessGroup | None = None


_groups = group  # where an argument is called group

NOT_A_MEMBER = object()
"""What ``new_group`` returns where this process is not in the group."""


def _mpi() -> Any:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py finds no MPI library
        raise MissingExtraError(f"{NEEDS_MPI} ({error})") from error
    return MPI


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Join the processes that ``mpiexec -n N python …`` has started; a process started without is the only one.

    From then on a process that ends by an exception prints it and ends the others too, and each works with one thread, unless
    ``OMP_NUM_THREADS`` or its like, or ``set_num_threads``, has said how many: processes are the parallelism, and BLAS's
    threads of several on the same processors wait for each other.

    Args:
        backend: "mpi", the only one; None is the same.
        world_size, rank: -1, or what MPI says anyway.
        init_method, timeout, store, group_name, pg_options, device_id: accepted as PyTorch has them, without effect.

    Raises:
        MissingExtraError: mpi4py, or an MPI library, is not installed.
        RuntimeError: ``mpiexec`` is of another MPI than mpi4py, so that the processes do not see each other.
        ValueError: another backend, size or rank; or the group is initialised already.

    See https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.init_process_group

    >>> from tinygrad_fm import distributed
    >>> distributed.init_process_group("nccl")
    Traceback (most recent call last):
      ...
    ValueError: init_process_group(): the backend is 'mpi', got 'nccl'; start with: mpiexec -n N python …
    """
    if group.WORLD is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if backend not in (None, "mpi"):
        raise ValueError(f"init_process_group(): the backend is 'mpi', got {backend!r}; start with: mpiexec -n N python …")
    mpi = _mpi()
    found = ProcessGroup(mpi.COMM_WORLD)
    started = launched()
    if started is not None and started[1] != found.size():
        raise RuntimeError(
            f"mpiexec has started {started[1]} processes, but mpi4py sees {found.size()}: they belong to different MPIs. Start "
            f"with the mpiexec of mpi4py's own ({mpi.Get_library_version().splitlines()[0].strip()}), perhaps {mpiexec()}"
        )
    for what, given, own in (("world_size", world_size, found.size()), ("rank", rank, found.rank())):
        if given not in (-1, own):
            raise ValueError(f"init_process_group(): {what} is {given}, but MPI says {own}; leave it out")
    group.WORLD = found
    if found.size() > 1:
        if not runtime.threads_were_chosen():
            runtime.set_num_threads(1)
        sys.excepthook = _end_all


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leave the processes: of the default group all that ``init_process_group`` has changed is as before, but for threads.

    Raises ValueError before ``init_process_group``.

    >>> from tinygrad_fm import distributed
    >>> if distributed.is_initialized():
    ...     distributed.destroy_process_group()
    >>> distributed.is_initialized()
    False
    """
    found = _resolve(group)
    if found is _world():
        _groups.WORLD = None
        if sys.excepthook is _end_all:
            sys.excepthook = sys.__excepthook__
    else:
        found.comm.Free()


def is_initialized() -> bool:
    """Whether ``init_process_group`` was called.

    >>> is_initialized()
    False
    """
    return group.WORLD is not None


def get_rank(group: ProcessGroup | None = None) -> int:
    """This process's number, from 0 up; -1 if it is not in ``group``. Raises ValueError before ``init_process_group``.

    >>> from tinygrad_fm import distributed
    >>> distributed.get_rank() if distributed.is_initialized() else 0
    0
    """
    return -1 if group is NOT_A_MEMBER else _resolve(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """How many processes there are; -1 if this one is not in ``group``. Raises ValueError before ``init_process_group``.

    >>> from tinygrad_fm import distributed
    >>> distributed.get_world_size() if distributed.is_initialized() else 1
    1
    """
    return -1 if group is NOT_A_MEMBER else _resolve(group).size()


def get_backend(group: ProcessGroup | None = None) -> str:
    """ "mpi". Raises ValueError before ``init_process_group``.

    >>> from tinygrad_fm import distributed
    >>> distributed.get_backend() if distributed.is_initialized() else "mpi"
    'mpi'
    """
    _resolve(group)
    return "mpi"


def new_group(ranks: Sequence[int] | None = None, *_: Any, **__: Any) -> Any:
    """A group of some of the processes, all by default. Every process must call this, also those that are not in it: they get
    ``GroupMember.NON_GROUP_MEMBER``. PyTorch's further arguments have no effect.

    Raises ValueError before ``init_process_group``, and for ``ranks`` that are none, not different, or not those of processes.

    >>> from tinygrad_fm import distributed
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     first = distributed.new_group([0])
    ...     rank = distributed.get_rank(first)  # 0 in the first process, -1 in the others
    """
    world = _world()
    chosen = sorted(range(world.size()) if ranks is None else ranks)
    if not chosen or len(set(chosen)) < len(chosen) or not 0 <= chosen[0] <= chosen[-1] < world.size():
        raise ValueError(f"new_group(): ranks must be different ones of 0 … {world.size() - 1}, got {ranks}")
    mpi = _mpi()
    comm = world.comm.Split(0 if world.rank() in chosen else mpi.UNDEFINED, world.rank())
    return NOT_A_MEMBER if comm == mpi.COMM_NULL else ProcessGroup(comm)


def get_process_group_ranks(group: ProcessGroup | None = None) -> list[int]:
    """The ranks, among all processes, of those in ``group``.

    Raises ValueError before ``init_process_group``, and in a process that is not in ``group``.

    >>> from tinygrad_fm import distributed
    >>> distributed.get_process_group_ranks() if distributed.is_initialized() else [0]
    [0]
    """
    found, world = _resolve(group), _world()
    if found is world:
        return list(range(found.size()))
    inner, outer = found.comm.Get_group(), world.comm.Get_group()
    return list(inner.Translate_ranks(list(range(found.size())), outer))


def _world() -> ProcessGroup:
    if group.WORLD is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return group.WORLD


def _resolve(given: ProcessGroup | None) -> ProcessGroup:
    """``given``, or the default group."""
    world = _world()
    if given is None:
        return world
    if not isinstance(given, ProcessGroup):
        raise ValueError(f"this process is not in the group: {given!r}" if given is NOT_A_MEMBER else f"no group: {given!r}")
    return given


# -- waiting ----------------------------------------------------------------------------------------------------------

_POLLS, _NAP = 50, 20e-6


def wait_for(request: Any) -> None:
    """Wait until a request of MPI is complete: busily at first, then asleep in between.

    MPI waits busily, which is quickest where each process has a processor. Where there are fewer, or others use them, it keeps
    from the processor whom it waits for: an all-reduce among four processes on two took 4 ms so, 0.4 with naps.
    """
    polls = 0
    while not request.Test():
        polls += 1
        if polls > _POLLS:
            time.sleep(_NAP)


# -- the end -----------------------------------------------------------------------------------------------------------


def abort(code: int) -> None:
    """End all processes now, with this exit code: what a process must do that cannot go on, as the others would wait for it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads it
            stream.flush()
    time.sleep(_PRINTED)
    _mpi().COMM_WORLD.Abort(code)


def _end_all(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """The ``sys.excepthook`` of one among several processes: prints the exception, and ends them all."""
    rank = _mpi().COMM_WORLD.Get_rank()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"rank {rank} ends all processes:\n")
    sys.__excepthook__(kind, value, trace)
    abort(130 if issubclass(kind, KeyboardInterrupt) else 1)
