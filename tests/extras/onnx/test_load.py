"""``onnx.load``: files as modules that compute what they should, train, and refuse what they cannot do."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import models
import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, optim
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.onnx import OnnxModel

from .cases import CASES
from .running import LARGE_BATCHES, assert_same, exported, in_batches_of, results_of

DATA = Path(__file__).parent / "data"


def loaded(data: bytes) -> OnnxModel:
    return torch.onnx.load(io.BytesIO(data))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_export_writes(case: Any) -> None:
    torch.manual_seed(0)
    model = case.make()
    back = loaded(exported(model, case.inputs()))
    inputs = in_batches_of(7 if case.name in LARGE_BATCHES else 3, case.inputs())
    assert_same(results_of(back, inputs), results_of(model, inputs))
    state = model.state_dict()
    for name, tensor in back.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state[name].numpy())


# ---- as a module


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(27, 8),
        nn.GELU(),
        nn.Linear(8, 4),
    )


def trained(model: nn.Module, steps: int = 20) -> list[float]:
    """The losses of some steps; the model's parameters are changed."""
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(16, 1, 8, 8)).astype(np.float32)), torch.from_numpy(rng.integers(0, 4, 16))
    optimizer, losses = optim.Adam(model.parameters(), lr=0.01), []
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_it_trains_as_the_model_that_was_exported() -> None:
    model = network()
    back = loaded(exported(model, (torch.randn(2, 1, 8, 8),)))
    expected, losses = trained(model), trained(back)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert losses[-1] < 0.8 * losses[0]
    state = back.state_dict()
    for name, tensor in model.state_dict().items():  # the running statistics too
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(state[name].numpy(), tensor.numpy(), atol=1e-3)
    x = (torch.randn(5, 1, 8, 8),)
    assert_same(results_of(back, x), results_of(model, x), atol=1e-2)


def test_parameters_and_buffers_are_named_as_in_the_file() -> None:
    back = loaded(exported(models.build("lenet"), (torch.randn(1, 1, 28, 28),)))
    expected = [name for name in models.build("lenet").state_dict() if not name.endswith("num_batches_tracked")]
    assert sorted(back.state_dict()) == sorted(expected)
    assert {name for name, _ in back.named_buffers()} == {name for name in expected if "running" in name}
    assert back.get_parameter("conv1.weight").requires_grad and back.training
    assert back.load_state_dict(models.build("lenet").state_dict(), strict=False).missing_keys == []


@pytest.mark.parametrize(
    "names", [("a", "a.b"), ("forward", "training"), ("onnx::Conv_1", "0"), ("a.b.", ".c"), ("x y/z", "weight")]
)
def test_any_name_is_kept(names: tuple[str, str]) -> None:
    arrays = [numpy_helper.from_array(np.ones(3, np.float32), name) for name in names]
    nodes = [helper.make_node("Mul", ["x", names[0]], ["m"]), helper.make_node("Add", ["m", names[1]], ["y"])]
    model = loaded(file(nodes, arrays))
    assert sorted(model.state_dict()) == sorted(names)
    model.load_state_dict({name: torch.full((3,), 2.0) for name in names})
    assert model(torch.ones(3)).tolist() == [4.0, 4.0, 4.0]
    assert len(list(model.parameters())) == 2


def test_it_is_copied_moved_and_exported_again() -> None:
    model = loaded(exported(network(), (torch.randn(2, 1, 8, 8),)))
    x = (torch.randn(3, 1, 8, 8),)
    again = loaded(exported(copy.deepcopy(model), x))
    assert_same(results_of(again, x), results_of(model, x))
    assert set(again.state_dict()) == set(model.state_dict())
    assert copy.deepcopy(model).double()(x[0].double()).dtype is torch.float64


def test_inputs_by_position_and_by_name() -> None:
    model = loaded(file([helper.make_node("Sub", ["a", "b"], ["y"])], inputs=("a", "b")))
    assert model(b=torch.ones(2), a=torch.zeros(2)).tolist() == [-1.0, -1.0]
    for args, kwargs in (((torch.ones(1),), {}), ((torch.ones(1),) * 3, {}), ((torch.ones(1),) * 2, {"a": 1}), ((1, 2), {})):
        with pytest.raises(TypeError, match="input"):
            model(*args, **kwargs)


# ---- files that PyTorch wrote


@pytest.mark.parametrize("name", ["resnet_opset11", "resnet_training_opset17", "transformer_opset17"])
def test_files_of_pytorch(name: str) -> None:
    model, arrays = torch.onnx.load(DATA / f"{name}.onnx"), np.load(DATA / "outputs.npz")
    assert_same(results_of(model, (torch.from_numpy(arrays[f"{name}_x"]),)), [arrays[f"{name}_y"]])


def test_a_file_in_training_mode_trains() -> None:
    model = torch.onnx.load(DATA / "resnet_training_opset17.onnx")
    before = model.get_buffer("block.bn1.running_mean").clone()
    loss = model(torch.from_numpy(np.load(DATA / "outputs.npz")["resnet_training_opset17_x"])).square().sum()
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    assert not torch.equal(model.get_buffer("block.bn1.running_mean"), before)


# ---- what is refused


def file(nodes: list[Any], arrays: Any = (), inputs: tuple[str, ...] = ("x",), opset: int = 18, **more: Any) -> bytes:
    """A file of these nodes, from ``inputs`` to the output y."""
    values = [helper.make_tensor_value_info(name, 1, ["n"]) for name in inputs]
    graph = helper.make_graph(nodes, "graph", values, [helper.make_tensor_value_info("y", 1, ["m"])], list(arrays))
    data: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more
    ).SerializeToString()
    return data


def int64(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def node(op: str, *inputs: str, outputs: tuple[str, ...] = ("y",), **attributes: Any) -> Any:
    return helper.make_node(op, inputs, outputs, name="here", **attributes)


BRANCHES = {f"{which}_branch": helper.make_graph([], which, [], []) for which in ("then", "else")}
ELSEWHERE = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=1)
CLAIMS = onnx.TensorProto(name="w", data_type=1, dims=[2**40, 2**20], raw_data=b"1234")
SHORT = onnx.TensorProto(name="w", data_type=1, dims=[3], float_data=[1.0])
NEGATIVE = onnx.TensorProto(name="w", data_type=1, dims=[-1], float_data=[1.0])
BFLOAT = onnx.TensorProto(name="w", data_type=16, dims=[1], raw_data=b"12")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no ONNX file"),
        (b"hello" * 20, "no ONNX file"),
        (file([node("If", "x", **BRANCHES)]), r"node 'here' \(operator If\): control flow is not offered"),
        (file([node("Frobnicate", "x")]), r"node 'here' \(operator Frobnicate\): this operator is not offered"),
        (file([node("FusedConv", "x", domain="com.microsoft")]), "node 'here' .* is of the domain 'com.microsoft'"),
        (file([node("Relu", "x")], opset=6), "version 6 of ONNX's operators; 7 to"),
        (file([node("Relu", "z")]), "node 'here' .*reads 'z', which nothing before it computes"),
        (file([node("Relu", "x", outputs=("x",))]), "node 'here' .*computes 'x' again"),
        (file([node("Relu", "x", outputs=("z",))]), "nothing computes the output 'y'"),
        (file([node("Add", "x", "w")], [ELSEWHERE]), "initializer 'w' is kept in another file"),
        (file([node("Add", "x", "w")], [CLAIMS]), r"initializer 'w' of shape \(\d+, 1048576\) and float32 has 4 bytes"),
        (file([node("Add", "x", "w")], [SHORT]), r"initializer 'w' of shape \(3,\) has 1 elements"),
        (file([node("Add", "x", "w")], [NEGATIVE]), r"has the shape \(-1,\)"),
        (file([node("Add", "x", "w")], [BFLOAT]), "data type 16 of TensorProto"),
        (file([node("Constant", value=CLAIMS)]), "attribute 'value' of shape"),
        (file([node("Add", "x", "w")], [int64("w", 1)] * 2), "two initializers named 'w'"),
        (file([node("Conv", "x", "x", strides="a")]), "damaged"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        loaded(data)


BIG = 2**40


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file([node("ConstantOfShape", "s")], [int64("s", [BIG, BIG])]), "elements are allowed"),
        (file([node("Expand", "x", "s")], [int64("s", [BIG, 1])]), "elements are allowed"),
        (file([node("Tile", "x", "s")], [int64("s", [BIG])]), "elements are allowed"),
        (file([node("Pad", "x", "s")], [int64("s", [BIG, BIG])]), "elements are allowed"),
        (file([node("OneHot", "s", "d", "x")], [int64("s", [1]), int64("d", BIG)]), "elements are allowed"),
        (file([node("Range", *"abc")], [int64("a", 0), int64("b", BIG), int64("c", 1)]), "elements are allowed"),
        (file([node("Range", *"abc")], [int64("a", 0), int64("b", BIG), int64("c", 0)]), "division by zero"),
        (file([node("Split", "x", num_outputs=BIG)]), "num_outputs"),
        (file([node("TopK", "x", "k", outputs=("y", "i"))], [int64("k", [BIG])]), "k must lie in"),
        (file([node("Einsum", *"xxxxxx", equation="a,b,c,d,e,f->abcdef")]), "elements are allowed"),
        (file([node("Reshape", "x", "s")], [int64("s", [-5, 7])]), "does not fit"),
        (file([node("Gather", "x", "s")], [int64("s", [100])]), "out of bounds|out of range"),
        (file([node("Conv", "x", "x")]), "images and sequences"),
    ],
)  # fmt: skip
def test_what_a_file_asks_for_is_checked_before_it_is_made(data: bytes, message: str) -> None:
    with pytest.raises(RuntimeError, match=rf"node 'here' \(operator \w+\): .*({message})"):
        loaded(data).eval()(torch.ones(64))


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
@pytest.mark.parametrize("attributes", [{"pads": [BIG] * 4}, {"auto_pad": "SAME_UPPER"}, {"strides": [BIG, BIG]}])
def test_windows_too_large_for_any_memory(operator: str, attributes: dict[str, Any]) -> None:
    window = {"kernel_shape": [BIG, BIG]} if "Pool" in operator else {"dilations": [BIG, BIG]}
    inputs = ["x"] if "Pool" in operator else ["x", "w"]
    weight = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
    model = loaded(file([node(operator, *inputs, **attributes, **window)], [weight]))
    with pytest.raises(RuntimeError, match="node 'here'"):
        model(torch.ones(1, 1, 4, 4))


def test_mutated_files_do_no_harm() -> None:
    """An error that says what is wrong, or a model that computes or says what it cannot; nothing else, and not for long."""
    model, x = network(), torch.randn(2, 1, 8, 8)
    data, rng, refused = exported(model, (x,)), np.random.default_rng(0), 0
    for i in range(1500):
        other = bytearray(data)
        at = int(rng.integers(len(data)))
        if i % 4 == 0:
            del other[at:]
        elif i % 4 == 1:
            other[at] ^= 1 << int(rng.integers(8))
        elif i % 4 == 2:
            del other[at : at + int(rng.integers(1, 20))]
        else:
            other[at:at] = rng.bytes(4)
        try:
            loaded(bytes(other)).eval()(x)
        except CheckpointError:
            refused += 1
        except (RuntimeError, TypeError) as error:
            assert "operator" in str(error) or "inputs" in str(error)
    assert refused > 700
