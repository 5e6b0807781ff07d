"""The names, arguments and refusals of torch.distributed; what it computes is tested in tests/extras/mpi."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import tinygrad_fm
import tinygrad_fm.distributed as ours

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torch").distributed

FUNCTIONS = [name for name in ours.__all__ if inspect.isfunction(getattr(ours, name))]


@pytest.mark.parametrize("name", ours.__all__)
def test_it_is_a_name_of_pytorchs(name: str) -> None:
    assert hasattr(theirs, name) or name == "ProcessGroup"


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "new_group"])
def test_arguments_come_in_pytorchs_order(name: str) -> None:
    parameters = [list(inspect.signature(getattr(lib, name)).parameters) for lib in (ours, theirs)]
    assert parameters[0] == parameters[1][: len(parameters[0])] or name == "init_process_group"


def test_modules_have_pytorchs_arguments_and_state() -> None:
    for module in ("SyncBatchNorm", "parallel.DistributedDataParallel", "parallel.DataParallel"):
        mine, other = (
            list(inspect.signature(eval(f"lib.nn.{module}", {"lib": lib})).parameters) for lib in (tinygrad_fm, torch)
        )
        given = [name for name in mine if name not in ("_", "bias")]
        assert given == [name for name in other if name in given], module
    for lib in (tinygrad_fm, torch):
        layer = lib.nn.SyncBatchNorm(3)
        assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


@pytest.mark.parametrize("name", ["get_rank", "get_world_size", "barrier"])
def test_before_the_beginning(name: str) -> None:
    for lib in (ours, theirs):
        assert not lib.is_initialized()
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        getattr(theirs, name)(theirs.group.WORLD) if name == "barrier" else theirs.distributed_c10d._get_default_group()
    with pytest.raises(ValueError, match="Default process group has not been initialized, please make sure to call init_proc"):
        getattr(ours, name)()


def converted(lib: Any) -> Any:
    nn = lib.nn
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2, eps=1e-3, momentum=None), nn.ReLU())).eval()
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def test_converting_a_model() -> None:
    mine, other = converted(tinygrad_fm), converted(torch)
    assert list(mine.state_dict()) == list(other.state_dict())
    for model in (mine, other):
        norm = model[1][0]
        assert type(norm).__name__ == "SyncBatchNorm" and not norm.training
        assert (norm.eps, norm.momentum, norm.num_features) == (1e-3, None, 2)
