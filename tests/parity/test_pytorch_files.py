"""PyTorch's files: what torch.save writes is read here, and what save writes is read there, bit for bit."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tests.formats.files import CHECKPOINT
from tinygrad_fm import nn
from tinygrad_fm.errors import CheckpointError, UnpicklingError
from tinygrad_fm.formats import pytorch_writer

torch = pytest.importorskip("torch")

DTYPES = ["float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64", "bool"]


def from_torch(value: Any, **options: Any) -> Any:
    """What PyTorch writes, read here."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return tinygrad_fm.load(file)


class Named(io.BytesIO):
    """A file in memory whose name asks for PyTorch's format."""

    name = "memory.pt"


def to_torch(value: Any) -> Any:
    """What is written here, read by PyTorch."""
    file = Named()
    tinygrad_fm.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def checkpoint() -> dict[str, Any]:
    """What tests/formats/torch-2.13.pt holds; ``python -m tests.parity.test_pytorch_files`` writes it."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(32, 3)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [15, 18])
    images, labels = torch.randn(8, 1, 6, 6), torch.arange(8) % 3

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss.item()

    made: dict[str, Any] = {"history": [step() for _ in range(5)]}
    weights = torch.arange(24.0).reshape(4, 6)
    made |= {
        "model": torch.load(_saved(model.state_dict())),
        "optimizer": torch.load(_saved(optimizer.state_dict())),
        "schedule": schedule.state_dict(),
        "images": images,
        "labels": labels,
        "kinds": {name: torch.tensor([0, 1, 2]).to(getattr(torch, name)) for name in DTYPES},
        "bfloat16": torch.tensor([1.5, -2.0]).to(torch.bfloat16),
        "views": [weights, weights.T, weights[1:3, ::2], weights[0].expand(2, 6), weights[4:]],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "leaf": torch.ones(2, requires_grad=True),
        "empty": [torch.tensor(3), torch.empty(0), torch.empty(2, 0)],
        "epoch": 3,
        "loss": 0.1,
        "others": (None, True, 2**70, -5, "ü", b"\xff", bytearray(b"x"), {1, 2}, 1 + 2j, torch.float16, torch.Size([2, 3])),
        "device": torch.device("cpu"),
    }
    made["losses"] = [step() for _ in range(20)]
    return made


def _saved(value: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return file


def same(ours: Any, theirs: Any) -> None:
    """Fail unless both hold the same, tensors bit for bit."""
    if isinstance(theirs, torch.Tensor):
        assert type(ours) is (nn.Parameter if type(theirs) is torch.nn.Parameter else tinygrad_fm.Tensor)
        assert ours.requires_grad == theirs.requires_grad
        array = theirs.detach()
        array = array.float() if array.dtype is torch.bfloat16 else array
        assert ours.detach().numpy().dtype == array.numpy().dtype and ours.shape == tuple(array.shape)
        assert ours.detach().numpy().tobytes() == array.numpy().tobytes()
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(ours) == list(theirs)
        assert getattr(ours, "_metadata", None) == getattr(theirs, "_metadata", None)
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)) and type(theirs) is not torch.Size:
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    else:
        assert repr(ours) == repr(theirs)


def test_the_checkpoint_is_what_pytorch_writes() -> None:
    theirs, again = torch.load(CHECKPOINT), checkpoint()
    assert list(theirs) == list(again)
    np.testing.assert_allclose(theirs["losses"], again["losses"], rtol=1e-3)
    with pytest.warns(UserWarning, match="bfloat16; they become float32"):
        same(tinygrad_fm.load(CHECKPOINT), theirs)


def test_a_checkpoint_goes_through_here_and_back_bit_for_bit(tmp_path: Path) -> None:
    made = {key: value for key, value in checkpoint().items() if key != "bfloat16"}
    torch.save(made, tmp_path / "theirs.pt")
    ours = tinygrad_fm.load(tmp_path / "theirs.pt")
    tinygrad_fm.save(ours, tmp_path / "ours.pt")
    for options in ({}, {"mmap": True}):
        same(ours, torch.load(tmp_path / "ours.pt", weights_only=True, **options))
    same(tinygrad_fm.load(tmp_path / "ours.pt", mmap=True), made)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ours.pt", "theirs.pt"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol(protocol: int) -> None:
    made = {key: value for key, value in checkpoint().items() if key not in ("bfloat16", "others")}
    made["others"] = [b"\xff", {1, 2}, set(), b"", bytearray(b"xy"), "x" * 300, "y" * 70000, 2**100, [[], {}, ()], -(2**31)]
    same(from_torch(made, pickle_protocol=protocol), made)


def test_memory_that_is_shared_stays_shared_both_ways() -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    for read in (from_torch, lambda value: to_torch(from_torch(value))):
        first, second, row, apart = read([whole, whole.T, whole[1], whole.clone()])
        row[0] = 7
        assert first[1, 0] == second[0, 1] == 7 and apart[1, 0] == 4
    shared = to_torch([tinygrad_fm.ones(3)] * 2)
    assert shared[0] is shared[1]


def test_strides_come_back() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    for view in (x, x.permute(2, 0, 1), x[:, 1:, ::2], x[0].expand(5, 3, 4), x[..., None]):
        pair = from_torch([view, x])
        assert pair[0].stride() == view.stride() and pair[0].storage_offset() == view.storage_offset()
        assert to_torch(pair)[0].stride() == view.stride()


def test_what_is_one_memory_of_two_types_is_refused_as_there() -> None:
    for library in (torch, tinygrad_fm):
        x = library.ones(4)
        with pytest.raises(RuntimeError, match="view the same data as different types"):
            library.save([x, x.view(library.int32)], Named())


def test_adam_goes_on_here_and_goes_back_bit_for_bit() -> None:
    made = checkpoint()
    made.pop("bfloat16")
    kept = from_torch(made)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    optimizer = tinygrad_fm.optim.Adam(model.parameters(), lr=0.5)
    schedule = tinygrad_fm.optim.lr_scheduler.MultiStepLR(optimizer, [1])
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    schedule.load_state_dict(kept["schedule"])

    def goes_back() -> None:
        back = to_torch({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
        same(model.state_dict(), back["model"])
        theirs = torch.optim.Adam([torch.nn.Parameter(torch.zeros(tuple(p.shape))) for p in model.parameters()])
        theirs.load_state_dict(back["optimizer"])
        same(optimizer.state_dict()["state"], theirs.state_dict()["state"])
        assert theirs.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]

    assert set(optimizer.state_dict()["param_groups"][0]) == set(made["optimizer"]["param_groups"][0])
    goes_back()
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(kept["images"]), kept["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, made["losses"], rtol=1e-4)
    goes_back()


@pytest.mark.parametrize("name", ["SGD", "AdamW", "RMSprop", "NAdam", "RAdam", "Adadelta", "Adagrad", "Adamax"])
def test_the_state_of_every_optimizer_travels(name: str) -> None:
    options = {"lr": 0.1, **({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})}
    theirs = torch.nn.Linear(3, 2)
    optimizer = getattr(torch.optim, name)(theirs.parameters(), **options)
    theirs(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    ours = nn.Linear(3, 2)
    our_optimizer = getattr(tinygrad_fm.optim, name)(ours.parameters(), **options)
    our_optimizer.load_state_dict(from_torch(optimizer.state_dict()))
    back = to_torch(our_optimizer.state_dict())
    same(our_optimizer.state_dict()["state"], back["state"])
    same(from_torch(optimizer.state_dict())["state"], back["state"])


def test_what_else_pytorch_writes_is_named() -> None:
    model = torch.nn.Linear(2, 2)
    script = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model), script)
    old = io.BytesIO()
    torch.save(model.state_dict(), old, _use_new_zipfile_serialization=False)
    for file, says in ((script, "TorchScript archive.*state_dict"), (old, r"before version 1\.6.*save it again")):
        with pytest.raises(CheckpointError, match=says):
            tinygrad_fm.load(file)
    for value, says in (
        (model, r"whole object pickled: it names torch\.nn\.modules\.linear\.Linear at byte 2 .*model\.state_dict"),
        ({"a": 1, "best": np.float64(0.5)}, r"names numpy.*scalar at byte \d+ .*float\(x\)"),
        ({"w": torch.ones(2, dtype=torch.complex64)}, r"names torch\.ComplexFloatStorage at byte \d+ .*kind that is not here"),
        ({"w": torch.ones(2, dtype=torch.uint16)}, r"_rebuild_tensor_v3 at byte \d+ .*kind that is not here"),
        ({"w": torch.ones(2).to_sparse()}, r"_rebuild_sparse_tensor at byte \d+ .*kind that is not here.*to_dense"),
        ([torch.nn.Buffer(torch.ones(2))], r"_rebuild_from_type_v2 at byte \d+ .*detach"),
        ({"path": Path("/tmp")}, r"names pathlib.*is not read"),
    ):
        with pytest.raises(UnpicklingError, match=says) as caught:
            from_torch(value)
        assert isinstance(caught.value, pickle.UnpicklingError)


@pytest.mark.parametrize("name", ["2026-11-27 12:30:00", "code", "data", "constants.pkl", "model.v1", "ü", ".hidden", "a b"])
def test_names_of_files(name: str, tmp_path: Path) -> None:
    """PyTorch names the archive's folder after the file."""
    torch.save({"w": torch.ones(2)}, tmp_path / f"{name}.pt")
    assert tinygrad_fm.load(tmp_path / f"{name}.pt")["w"].tolist() == [1, 1]


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"w": torch.arange(5.0)}, tmp_path / "f.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    assert tinygrad_fm.load(tmp_path / "f.pt")["w"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("large", [None, 200])
def test_the_archive_is_laid_out_as_pytorchs(large: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch computes where storages lie, and can compare that with the directory. 200 stands for 4 GiB, for zip64."""
    if large is not None:
        monkeypatch.setattr(pytorch_writer, "_LARGE", large)
    value = {"a": tinygrad_fm.arange(100.0), "b": tinygrad_fm.ones(3), "e": tinygrad_fm.zeros(0), "c": tinygrad_fm.ones(2, 2)}
    tinygrad_fm.save(value, tmp_path / "f.pt")
    same(tinygrad_fm.load(tmp_path / "f.pt"), torch.load(tmp_path / "f.pt"))
    if large is None:
        monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
        with torch.utils.serialization.config.patch("load.calculate_storage_offsets", True):
            same(value, torch.load(tmp_path / "f.pt", mmap=True))
        same(value, torch.load(tmp_path / "f.pt"))
    theirs = io.BytesIO()
    torch.save({key: torch.from_numpy(tensor.numpy()) for key, tensor in value.items()}, theirs)
    with zipfile.ZipFile(theirs) as a, zipfile.ZipFile(tmp_path / "f.pt") as b:
        names = [name for name in a.namelist() if not name.endswith("serialization_id")]
        assert b.namelist() == names
        assert b.testzip() is None
        for name in names[1:]:
            assert a.read(name) == b.read(name)
            assert a.getinfo(name).flag_bits == b.getinfo(name).flag_bits


if __name__ == "__main__":
    torch.save(checkpoint(), CHECKPOINT)
