"""Values that are no tensors, from process to process.

They travel in the ``.npz`` form of :func:`tinygrad_fm.save`, not pickled as in PyTorch: tensors, arrays, numbers, strings,
None, and dicts, lists and tuples of them. Nothing that arrives is ever executed.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from ..formats.npz import read, write
from .collectives import _rank
from .process_group import ProcessGroup, _resolve, wait_for

__all__ = ["all_gather_object", "broadcast_object_list"]


def _packed(value: Any) -> np.ndarray[Any, Any]:
    file = io.BytesIO()
    write(value, file)
    return np.frombuffer(file.getbuffer(), np.uint8)  # writable, as MPI wants it


def _unpacked(data: np.ndarray[Any, Any]) -> Any:
    with zipfile.ZipFile(io.BytesIO(data.tobytes())) as archive:
        return read(archive, data.size)


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Put the ``obj`` of process i into ``object_list[i]``, on every process.

    Raises TypeError for an object of another kind than :func:`tinygrad_fm.save` takes: it is never pickled.

    Raises ValueError unless ``object_list`` has a place for each process.

    >>> from tinygrad_fm import distributed
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     found = [None] * distributed.get_world_size()
    ...     distributed.all_gather_object(found, {"rank": distributed.get_rank()})
    ...     assert [one["rank"] for one in found] == list(range(len(found)))
    """
    members = _resolve(group)
    if len(object_list) != members.size():
        raise ValueError(f"all_gather_object(): object_list must have {members.size()} places, got {len(object_list)}")
    own = _packed(obj)
    sizes = np.empty(members.size(), np.int64)
    wait_for(members.comm.Iallgather(np.array([own.size], np.int64), sizes))
    found = np.empty(sizes.sum(), np.uint8)
    wait_for(members.comm.Iallgatherv(own, [found, sizes.tolist()]))
    object_list[:] = map(_unpacked, np.split(found, np.cumsum(sizes)[:-1]))


def broadcast_object_list(object_list: list[Any], src: int = 0, group: ProcessGroup | None = None, device: Any = None) -> None:
    """Give every process the objects in process ``src``'s ``object_list``, in place; all lists have one length.

    Raises TypeError for an object of another kind than :func:`tinygrad_fm.save` takes: it is never pickled.

    Raises ValueError if process ``src`` has another number of objects.

    >>> from tinygrad_fm import distributed
    >>> settings = [{"lr": 0.1}]
    >>> if distributed.is_initialized():  # by init_process_group, in each of the processes
    ...     distributed.broadcast_object_list(settings, src=0)
    >>> settings
    [{'lr': 0.1}]
    """
    members = _resolve(group)
    root = _rank("broadcast_object_list", members, src, "src")
    sends = members.rank() == root
    data = _packed(object_list) if sends else np.empty(0, np.uint8)
    size = np.array([data.size], np.int64)
    wait_for(members.comm.Ibcast(size, root))
    if not sends:
        data = np.empty(int(size[0]), np.uint8)
    wait_for(members.comm.Ibcast(data, root))
    if sends:
        return
    values = _unpacked(data)
    if len(values) != len(object_list):
        raise ValueError(f"broadcast_object_list(): process {src} has {len(values)} objects, this one {len(object_list)}")
    object_list[:] = values
