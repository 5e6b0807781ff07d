"""``DistributedDataParallel``: every process has the whole model and a part of each batch, and gradients are averaged.

The gradients travel in *buckets*: arrays of several gradients, in the order in which backward finishes them (the last layer's
first). A bucket is sent as soon as it is full, and backward goes on meanwhile.

Source: Li et al. 2020, "PyTorch Distributed: experiences on accelerating data parallel training", section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..._pytree import tensors_in
from ..._tensor import Tensor
from ...autograd import is_grad_enabled
from ...autograd.box import box
from ...autograd.node import Leaf
from ...distributed import ProcessGroup, all_gather_object, get_rank, get_world_size, new_group
from ...distributed.process_group import wait_for
from ..modules.module import Module

__all__ = ["DistributedDataParallel"]

_FIRST = 1 << 20  # bytes of the first bucket: a small one, so that sending begins early
_CAP = 25 << 20


class DistributedDataParallel(Module):
    """Trains ``module`` in all processes together: after ``backward`` each parameter's ``.grad`` is the mean over them.

    All begin with process 0's parameters and buffers. Where every process has as many samples, and the loss is a mean over
    them, that is the gradient of the mean over all. Names in ``state_dict()`` begin with ``module.``, as in PyTorch.

    Args:
        module: the model, the same in all processes, with at least one parameter that requires a gradient.
        broadcast_buffers: let all processes have process 0's buffers (batch norm's running statistics) before each forward.
        process_group: the processes; all by default.
        bucket_cap_mb: largest size of a bucket, in MiB (25); the first is of 1 MiB at most.
        find_unused_parameters: look, at each forward, which parameters the results depend on. Needed where some get none.
        device_ids, output_device, dim, check_reduction, gradient_as_bucket_view, static_graph, ...: accepted as PyTorch has
            them, without effect.

    Raises:
        ValueError: before ``init_process_group``.
        RuntimeError: no parameter requires a gradient, or the processes have different models; from the call, if a parameter
            got no gradient in the step before.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html

    A training step is that of one process, with a ``DistributedSampler``::

        dist.init_process_group("mpi")
        model = nn.parallel.DistributedDataParallel(Net())
        loss = F.cross_entropy(model(images), labels)
        loss.backward()     # gradients are averaged when this returns
        optimizer.step()

    >>> import tinygrad_fm as torch
    >>> torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
    Traceback (most recent call last):
    ...
    ValueError: Default process group has not been initialized, please make sure to call init_process_group.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        **_: Any,
    ) -> None:
        super().__init__()
        names = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not names:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        self.module = module
        self.process_group = process_group
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self.require_backward_grad_sync = True
        self._buffers_wait = False  # whether the forward before this one was without synchronisation
        self._check_same(names)
        # messages of its own, so that whatever else the user sends during backward does not come between
        self._comm = (new_group() if process_group is None else process_group).comm.Dup()
        if init_sync:
            _broadcast([*module.parameters(), *module.buffers()], self._comm)
        cap = _CAP if bucket_cap_mb is None else int(bucket_cap_mb * (1 << 20))
        self._reducer = _Reducer(names, self._comm, cap)

    def _check_same(self, names: Mapping[str, Tensor]) -> None:
        """Raise RuntimeError unless all processes have the same parameters."""
        own = [[name, str(p.dtype), list(p.shape)] for name, p in names.items()]
        found: list[Any] = [None] * get_world_size(self.process_group)
        all_gather_object(found, own, self.process_group)
        for rank, other in enumerate(found):
            if other != own:
                pairs = zip([*own, *[None] * len(other)], [*other, *[None] * len(own)], strict=False)
                mine, theirs = next((a, b) for a, b in pairs if a != b)
                raise RuntimeError(
                    f"DistributedDataParallel expects the same model in all processes, but process {rank} has {theirs} where "
                    f"process {get_rank(self.process_group)} has {mine}"
                )

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module, and have the backward of what it returns average the gradients."""
        synchronise = is_grad_enabled() and self.require_backward_grad_sync
        if synchronise:
            self._reducer.check_finished()
        if self.broadcast_buffers and not self._buffers_wait:
            _broadcast(list(self.module.buffers()), self._comm)
        self._buffers_wait = is_grad_enabled() and not self.require_backward_grad_sync
        found = self.module(*inputs, **kwargs)
        if synchronise:
            self._reducer.expect(tensors_in(found) if self.find_unused_parameters else None)
        return found

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Within the block gradients are added up in each process by itself: forward and backward of all but the last part of a
        batch that is too large for one go."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before


def _broadcast(tensors: Sequence[Tensor], comm: Any) -> None:
    """Give all processes process 0's values, in one message for each dtype."""
    for dtype in dict.fromkeys(t._array.dtype for t in tensors):
        chosen = [t for t in tensors if t._array.dtype == dtype]
        buffer = np.concatenate([t._array.reshape(-1) for t in chosen])
        wait_for(comm.Ibcast(buffer.view(np.uint8), 0))
        if comm.Get_rank():
            ends = np.cumsum([t._array.size for t in chosen])
            for t, values in zip(chosen, np.split(buffer, ends[:-1]), strict=True):
                t._array[...] = values.reshape(t._array.shape)
                t._written()


class _Bucket:
    """Some parameters whose gradients travel together, and the array in which they do."""

    def __init__(self, members: list[int], params: list[Tensor]) -> None:
        dtype = np.promote_types(params[members[0]]._array.dtype, np.float32)  # MPI has no float16
        ends = np.cumsum([0] + [params[i].numel() for i in members])
        self.buffer = np.empty(ends[-1], dtype)
        self.views = {
            i: self.buffer[start:stop].reshape(params[i].shape)
            for i, start, stop in zip(members, ends[:-1], ends[1:], strict=True)
        }
        self.missing = len(members)
        self.request: Any = None


class _Reducer:
    """Collects the gradients of one backward in buckets and averages those over the processes of ``comm``."""

    def __init__(self, names: Mapping[str, Tensor], comm: Any, cap: int) -> None:
        from mpi4py import MPI

        self._mpi, self._comm = MPI, comm
        self._names, self._params = list(names), list(names.values())
        self._buckets = [_Bucket(members, self._params) for members in _divided(self._params, cap)]
        self._bucket_of = {i: bucket for bucket in self._buckets for i in bucket.views}
        self._expecting = False
        self._unused: list[int] | None = None  # parameters that the results do not depend on; None: not looked for
        self._begin()
        for i, p in enumerate(self._params):
            p.register_post_accumulate_grad_hook(self._hook(i))

    def _begin(self) -> None:
        self._done: set[int] = set()
        self._sent = 0  # buckets, in their order
        for bucket in self._buckets:
            bucket.missing = len(bucket.views)

    def _hook(self, i: int) -> Callable[[Tensor], None]:
        return lambda _: self._ready(i)

    def check_finished(self) -> None:
        """Raise RuntimeError if the backward before has left gradients waiting."""
        if self._expecting and self._done:
            late = [name for i, name in enumerate(self._names) if i not in self._done]
            raise RuntimeError(
                "Expected to have finished reduction in the prior iteration before starting a new one. These parameters got no "
                f"gradient in it: {', '.join(late[:5])}{' …' if len(late) > 5 else ''}. If not all parameters take part in "
                "every loss, pass find_unused_parameters=True to DistributedDataParallel."
            )

    def expect(self, outputs: Iterable[Tensor] | None) -> None:
        """The next backward, from ``outputs``, is to be averaged; None if every parameter is sure to take part."""
        self._begin()
        self._expecting = True
        self._unused = None
        if outputs is not None:
            used = _leaves_below(outputs)
            self._unused = [i for i, p in enumerate(self._params) if p._node not in used]

    def _ready(self, i: int) -> None:
        """The gradient of parameter ``i`` is complete."""
        if not self._expecting:
            return
        if not self._done:
            for unused in self._unused or ():
                self._bucket_of[unused].views[unused][...] = 0
                self._add(unused)
        if i in self._done:
            raise RuntimeError(
                f"{self._names[i]} got a gradient twice in one step: call backward once for each forward, the others within "
                "no_sync()"
            )
        self._bucket_of[i].views[i][...] = self._params[i]._grad._array
        self._add(i)
        if len(self._done) == len(self._params):
            self._finish()

    def _add(self, i: int) -> None:
        self._done.add(i)
        self._bucket_of[i].missing -= 1
        for bucket in self._buckets[: self._sent]:
            bucket.request.Test()  # MPI moves data on when it is called, and at no other time
        while self._sent < len(self._buckets) and not self._buckets[self._sent].missing:
            bucket = self._buckets[self._sent]
            bucket.request = self._comm.Iallreduce(self._mpi.IN_PLACE, bucket.buffer)
            self._sent += 1

    def _finish(self) -> None:
        """Wait for the buckets, and put the means into ``.grad``."""
        self._expecting = False
        used = None
        if self._unused is not None:
            used = np.ones(len(self._params), np.uint8)
            used[self._unused] = 0
            wait_for(self._comm.Iallreduce(self._mpi.IN_PLACE, used, self._mpi.MAX))
        for bucket in self._buckets:
            wait_for(bucket.request)
            bucket.buffer /= self._comm.Get_size()
            for i, mean in bucket.views.items():
                p = self._params[i]
                if used is not None and not used[i]:
                    continue  # by no process: its gradient stays as it is
                if p._grad is None:
                    p._grad = box(np.empty_like(p._array))
                p._grad._array[...] = mean
                p._grad._written()


def _divided(params: list[Tensor], cap: int) -> list[list[int]]:
    """The numbers of the parameters, last first, in groups of one dtype and at most ``cap`` bytes, or of one parameter."""
    groups: list[list[int]] = []
    room = 0
    for i in reversed(range(len(params))):
        array = params[i]._array
        if not groups or array.nbytes > room or array.dtype != params[groups[-1][0]]._array.dtype:
            room = min(cap, _FIRST) if not groups else cap
            groups.append([])
        groups[-1].append(i)
        room -= array.nbytes
    return groups


def _leaves_below(outputs: Iterable[Tensor]) -> set[Any]:
    """The leaves that ``outputs`` were computed from."""
    pending = []
    for t in outputs:
        if t._view is not None:
            t._view.refresh(t)
        pending.append(t._node)
    seen: set[Any] = set()
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen.add(node)
            pending += node.parents
    return {node for node in seen if isinstance(node, Leaf)}
