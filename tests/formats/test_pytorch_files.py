"""PyTorch's format without PyTorch: a file that it wrote, and what save writes, read again."""

from __future__ import annotations

import collections
import enum
import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_fm as torch
from tests.formats.files import CHECKPOINT
from tinygrad_fm import dtypes, nn
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.formats import npz, pytorch_writer


class Named(io.BytesIO):
    """A file in memory whose name asks for PyTorch's format."""

    name = "memory.pt"


def through(value: Any) -> Any:
    file = Named()
    torch.save(value, file)
    assert file.getvalue()[30:].startswith(b"archive/data.pkl")
    return torch.load(file)


@pytest.fixture
def checkpoint() -> Any:
    with pytest.warns(UserWarning, match=r"torch-2\.13\.pt has tensors of bfloat16; they become float32"):
        return torch.load(CHECKPOINT)


def test_a_checkpoint_of_pytorch(checkpoint: Any) -> None:
    assert (checkpoint["epoch"], checkpoint["loss"], checkpoint["device"]) == (3, 0.1, torch.device("cpu"))
    assert {name: tensor.dtype for name, tensor in checkpoint["kinds"].items()} == {
        dtype.name: dtype for dtype in dtypes.OURS.values()
    }
    assert all(tensor.tolist() == [0, 1, 1 if name == "bool" else 2] for name, tensor in checkpoint["kinds"].items())
    assert checkpoint["bfloat16"].dtype is torch.float32 and checkpoint["bfloat16"].tolist() == [1.5, -2]
    whole, turned, part, expanded, none = checkpoint["views"]
    assert torch.equal(turned, whole.T) and torch.equal(part, whole[1:3, ::2]) and none.shape == (0, 6)
    assert torch.equal(expanded, whole[0].expand(2, 6)) and expanded.stride() == (0, 1)
    with torch.no_grad():
        whole[1, 0] = 50
    assert turned[0, 1] == 50 and part[0, 0] == 50
    assert type(checkpoint["parameter"]) is nn.Parameter and checkpoint["parameter"].requires_grad
    assert checkpoint["leaf"].requires_grad and checkpoint["leaf"].is_leaf
    assert [tuple(tensor.shape) for tensor in checkpoint["empty"]] == [(), (0,), (2, 0)]
    others = (None, True, 2**70, -5, "ü", b"\xff", bytearray(b"x"), {1, 2}, 1 + 2j, torch.float16, torch.Size([2, 3]))
    assert checkpoint["others"] == others and type(checkpoint["others"][-1]) is torch.Size
    assert type(checkpoint["model"]) is collections.OrderedDict and checkpoint["model"]._metadata["1"] == {"version": 2}
    assert type(checkpoint["schedule"]["milestones"]) is collections.Counter


def test_training_goes_on_where_pytorch_stopped(checkpoint: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1])
    assert not any(model.load_state_dict(checkpoint["model"]))
    optimizer.load_state_dict(checkpoint["optimizer"])
    schedule.load_state_dict(checkpoint["schedule"])
    losses = []
    for i in range(20):
        if i == 10:  # and once more through a file of our own
            kept = through({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()})
            optimizer.load_state_dict(kept["optimizer"])
            schedule.load_state_dict(kept["schedule"])
        loss = nn.functional.cross_entropy(model(checkpoint["images"]), checkpoint["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, checkpoint["losses"], rtol=1e-4)


def test_a_file_that_is_mapped() -> None:
    with pytest.warns(UserWarning, match="bfloat16"):
        mapped = torch.load(str(CHECKPOINT), mmap=True)["images"]
    before = CHECKPOINT.read_bytes()
    mapped.add_(1)
    assert CHECKPOINT.read_bytes() == before


@pytest.mark.parametrize("kind", dtypes.OURS.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (5,), (2, 3, 4)], ids=str)
def test_tensors_keep_dtype_shape_and_values(kind: Any, shape: tuple[int, ...]) -> None:
    array = np.asarray((np.random.default_rng(0).normal(size=shape) * 3).astype(kind.numpy))
    back = through(torch.from_numpy(array))
    assert back.dtype is kind and tuple(back.shape) == shape
    np.testing.assert_array_equal(back.numpy(), array)


def test_views_and_odd_memory_orders_keep_their_values() -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    raw = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(np.float64)  # at an odd address
    records = np.zeros(3, [("a", "f8"), ("b", "i4")])  # 12 bytes apart
    arrays = [base.T, base[:, ::-1], base[..., ::2], np.broadcast_to(base[:1], (5, 3, 4)), base[:, :0], raw, records["a"]]
    for views in (arrays, *([array] for array in arrays)):
        for array, back in zip(views, through([torch.from_numpy(array) for array in views]), strict=True):
            np.testing.assert_array_equal(back.numpy(), array)


def test_a_small_part_of_a_large_tensor_makes_a_small_file() -> None:
    large, file = torch.zeros(1000, 1000), Named()
    torch.save({"row": large[3], "column": large[:, 3]}, file)
    assert len(file.getvalue()) > 3_900_000  # the two meet, so that what lies between them is kept as well
    file = Named()
    torch.save({"a": large[3], "b": large[7], "c": large[0, :1].expand(1 << 40)}, file)
    assert len(file.getvalue()) < 20_000
    assert torch.load(file)["c"].shape == (1 << 40,)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(VALUES)
def test_nested_values_come_back_as_they_were(value: Any) -> None:
    assert repr(through(value)) == repr(value)


def test_other_values() -> None:
    class Level(enum.IntEnum):
        HIGH = 2

    Point = collections.namedtuple("Point", "x y")
    given = [Level.HIGH, np.float32(0.5), np.int8(-3), np.bool_(True), Point(1, 2), math.inf, "\ud800", {3}, set(), dtypes.int8]
    back = through(given)
    assert repr(back) == repr([2, 0.5, -3, True, (1, 2), math.inf, "\ud800", {3}, set(), dtypes.int8])
    own: list[Any] = []
    own += [own, through([torch.zeros(1)] * 2)]
    again = through(own)
    assert again[0] is again and again[1][0] is again[1][1]
    buffer = through(nn.Buffer(torch.ones(1)))
    assert type(buffer) is torch.Tensor


ONES = torch.ones(2)


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        ({"a": [object()]}, TypeError, r"a object cannot be saved; it is in the object\['a'\]\[0\]"),
        ({"a": np.ones(2)}, TypeError, r"no NumPy arrays; there is one in the object\['a'\].*from_numpy"),
        (nn.Linear(1, 1), TypeError, r"save its state_dict\(\)"),
        (1 << 2040, ValueError, "256 bytes"),
        ([ONES, ONES.view(torch.int32)], RuntimeError, "view the same data as different types"),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, error: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=says):
        torch.save(value, tmp_path / "f.pt")
    assert not list(tmp_path.iterdir())


def test_a_nest_that_is_too_deep(tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        torch.save(deep, tmp_path / "f.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["f.pt", "f.PTH", "checkpoint.pth.tar"])
def test_the_ending_says_what_is_written(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / name, str(tmp_path / name)):
        torch.save({"w": torch.ones(2)}, path)
        assert b"archive/data.pkl" in (tmp_path / name).read_bytes()
    with open(tmp_path / name, "wb") as file:
        torch.save({"w": torch.zeros(2)}, file)
    with open(tmp_path / name, "rb") as file:
        assert torch.load(file)["w"].tolist() == [0, 0]
    assert zipfile.ZipFile(tmp_path / name).testzip() is None


def test_the_content_says_what_is_read(tmp_path: Path) -> None:
    """Older versions wrote .npz archives under every name."""
    with open(tmp_path / "f.pt", "wb") as file:
        npz.write({"w": torch.ones(2), "n": 3}, file)
    assert torch.load(tmp_path / "f.pt")["n"] == 3
    (tmp_path / "f.npz").write_bytes(CHECKPOINT.read_bytes())
    with pytest.warns(UserWarning, match="bfloat16"):
        assert torch.load(tmp_path / "f.npz")["epoch"] == 3
    torch.save({"w": torch.ones(2)}, tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz") as archive:
        assert archive["0"].tolist() == [1, 1]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.pt"
    torch.save([1], path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pytorch_writer._Archive, "finish", full)
    with pytest.raises(OSError, match="No space"):
        torch.save([2], path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        torch.save({"w": torch.ones(2), "list": [1, 2]}, tmp_path / name)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_records_begin_at_multiples_of_64(tmp_path: Path) -> None:
    path = tmp_path / "f.pt"
    torch.save([torch.ones(n) for n in range(5)], path)
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for entry in archive.infolist():
            file.seek(entry.header_offset + 26)
            lengths = np.frombuffer(file.read(4), "<u2")
            assert (entry.header_offset + 30 + int(lengths.sum())) % 64 == 0


def test_a_model_with_fewer_classes_takes_the_other_weights(tmp_path: Path) -> None:
    """As one does with weights of torchvision: what fits is loaded by strict=False, a size that differs is an error."""
    import models

    torch.save(models.build("lenet", num_classes=100).state_dict(), tmp_path / "large.pth")
    model = models.build("lenet")
    state = torch.load(tmp_path / "large.pth", map_location="cpu", weights_only=True)
    with pytest.raises(RuntimeError, match=r"size mismatch for .*: copying a param with shape torch\.Size\(\[100"):
        model.load_state_dict(state)
    own = model.state_dict()
    kept = {key: value for key, value in state.items() if value.shape == own[key].shape}
    missing, unexpected = model.load_state_dict(kept, strict=False)
    assert len(missing) == 2 and not unexpected
    with pytest.raises(RuntimeError, match=r"Missing key\(s\)"):
        model.load_state_dict(kept)


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "f.pt").write_bytes(CHECKPOINT.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"f\.pt is damaged, or its end is missing"):
        torch.load(tmp_path / "f.pt")
