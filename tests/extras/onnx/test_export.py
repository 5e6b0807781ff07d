"""``onnx.export``: onnxruntime computes what the model computes, from one file for every batch size."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import models
import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from examples.__main__ import load as load_example
from tinygrad_fm import nn
from tinygrad_fm.errors import OnnxExporterError

from .cases import CASES, Apply, First
from .running import LARGE_BATCHES, assert_same, exported, in_batches_of, results_of, run


def check(model: nn.Module, inputs: tuple[Any, ...], sizes: tuple[int, ...] = (1, 32), **options: Any) -> onnx.ModelProto:
    data = exported(model, inputs, **options)
    for n in sizes:
        others = in_batches_of(n, inputs)
        assert_same(run(data, others), results_of(model, others))
    proto = onnx.load_from_string(data)
    onnx.checker.check_model(proto, full_check=True)
    assert proto.ir_version == 10
    return proto


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("opset", [17, 21])
def test_onnxruntime_computes_the_same(case: Any, opset: int) -> None:
    torch.manual_seed(0)
    sizes = (3, 7) if case.name in LARGE_BATCHES else (1, 7)
    proto = check(case.make(), case.inputs(), sizes, opset_version=opset)
    assert proto.opset_import[0].version == opset


@pytest.mark.parametrize("name", ["mlp", "lenet", "cnn", "fast", "resnet8", "vgg"])
def test_models(name: str) -> None:
    model = models.build(name)
    proto = check(model, (torch.randn(1, 1, 28, 28),))
    kept = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert {tensor.name for tensor in proto.graph.initializer} == kept
    assert not {node.op_type for node in proto.graph.node} & {"Identity", "Cast", "Shape"}
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert proto.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize(("activation", "batch_norm"), [("gelu", True), ("silu", False), ("leaky_relu", True), ("elu", False)])
def test_mlps(activation: str, batch_norm: bool) -> None:
    check(models.build("mlp", activation=activation, batch_norm=batch_norm, dropout=0.2), (torch.randn(1, 1, 28, 28),))


def example(name: str, part: str) -> nn.Module:
    return load_example(name, ours=True).build()[part]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("program", "part", "shapes"),
    [
        ("gan", "generator", [(2, 4)]),
        ("gan", "discriminator", [(2, 2)]),
        ("siamese", "net", [(2, 1, 8, 8), (2, 1, 8, 8)]),
        ("super_resolution", "net", [(2, 1, 8, 8)]),
        ("super_resolution", "features", [(2, 1, 8, 8)]),
        ("vae", "autoencoder", [(2, 1, 10, 10)]),
        ("image_classification", "net", [(2, 3, 16, 16)]),
        ("video", "net", [(2, 1, 6, 16, 16)]),
        ("per_sample_gradients", "model", [(2, 2)]),
        ("ensemble", "model0", [(2, 1)]),
    ],
)
def test_examples(program: str, part: str, shapes: list[tuple[int, ...]]) -> None:
    check(example(program, part), tuple(torch.randn(*shape) for shape in shapes))


def test_the_table_model_of_the_examples() -> None:
    check(example("tabular", "model"), (torch.randint(0, 3, (2, 2)), torch.randn(2, 4)))


def test_gpt_in_batches_and_lengths_of_any_size() -> None:
    model, file = example("char_gpt", "gpt"), io.BytesIO()
    torch.onnx.export(model, torch.zeros(1, 12, dtype=torch.long), file, dynamic_axes={"idx": {0: "batch", 1: "time"}})
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for shape in ((1, 1), (32, 16), (5, 7)):
        x = torch.randint(0, 28, shape)
        assert_same(session.run(None, {"idx": x.numpy()}), results_of(model, (x,)))


def test_a_recurrent_layer_is_unrolled_so_its_steps_are_fixed() -> None:
    with pytest.raises(OnnxExporterError, match="the model computes something else for other inputs"):
        exported(First(nn.GRU(3, 4, batch_first=True)), (torch.randn(2, 5, 3),), dynamic_axes={"x0": {1: "time"}})


def test_images_of_any_size() -> None:
    before = [nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.GroupNorm(2, 4)]
    model = nn.Sequential(*before, nn.ReLU(), nn.Conv2d(4, 3, 1))
    data = exported(model, (torch.randn(1, 1, 8, 8),), dynamic_axes={"x0": {0: "n", 2: "h", 3: "w"}})
    for shape in ((2, 1, 12, 6), (1, 1, 9, 31)):
        x = (torch.randn(*shape),)
        assert_same(run(data, x), results_of(model, x))


def test_without_dynamic_axes_the_sizes_are_those_of_the_example() -> None:
    proto = onnx.load_from_string(exported(nn.Linear(3, 2), (torch.ones(4, 3),), dynamic_axes=None))
    assert [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == [4, 3]


# ---- what the file is like


def names_of(proto: onnx.ModelProto) -> tuple[list[str], list[str]]:
    return [i.name for i in proto.graph.input], [o.name for o in proto.graph.output]


class Scaled(nn.Module):
    def forward(self, x: Any, *, scale: Any = None, twice: bool = False) -> Any:
        return {"y": x * scale, "z": [x * 2 if twice else x]}


def test_names_and_keyword_arguments() -> None:
    file = io.BytesIO()
    args = (torch.ones(2, 3), {"scale": torch.ones(3), "twice": True})
    torch.onnx.export(Scaled(), args, file, output_names=["y"], dynamic_shapes={"x": {0: "rows"}, "scale": None})
    proto = onnx.load_from_string(file.getvalue())
    assert names_of(proto) == (["x", "scale"], ["y", "output_1"])
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "rows"


def test_an_input_or_a_constant_may_be_a_result() -> None:
    model = Apply(lambda x: (x, torch.ones(3), x * 2, x * 2))
    x = (torch.randn(2, 3),)
    assert_same(run(exported(model, x), x), results_of(model, x))


def test_modes_the_generator_and_the_inputs_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), nn.ReLU(inplace=True))
    model[1].eval()
    x, state = torch.ones(2, 3), torch.get_rng_state()
    exported(model, (x,))
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert model[0].num_batches_tracked == 0 and (torch.get_rng_state() == state).all() and (x == 1).all()


def test_shared_parameters_are_written_once_and_views_of_parameters_keep_their_name() -> None:
    first = nn.Linear(4, 4)
    model = nn.Sequential(first, nn.Unflatten(1, (2, 2)), nn.Flatten(), first, nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 2, 3))
    proto = check(model, (torch.randn(2, 4),))
    assert [t.name for t in proto.graph.initializer] == ["0.weight", "0.bias", "5.weight", "5.bias"]


def test_what_depends_on_parameters_only_is_folded() -> None:
    model = Apply(lambda x, part: x @ (part.weight.exp() / 2 + torch.eye(3)).T, part=nn.Linear(3, 3))
    x = (torch.randn(2, 3),)
    assert [node.op_type for node in onnx.load_from_string(exported(model, x)).graph.node] == ["Constant", "MatMul"]
    proto = check(model, x, do_constant_folding=False)
    assert [t.name for t in proto.graph.initializer] == ["part.weight"]


def test_without_parameters_they_are_inputs() -> None:
    proto = onnx.load_from_string(exported(nn.Linear(3, 2), (torch.ones(2, 3),), export_params=False))
    assert names_of(proto)[0] == ["x0", "weight", "bias"]


def test_a_model_in_float64() -> None:
    check(nn.Sequential(nn.Linear(3, 2), nn.Tanh()).double(), (torch.randn(2, 3).double(),))


# ---- what is refused


class Inner(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.inner = Apply(function)

    def forward(self, x: Any) -> Any:
        return self.inner(x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.lgamma, "operation 'lgamma' in module 'inner' has no counterpart in ONNX"),
        (lambda x: x.nonzero(), "operation 'nonzero' in module 'inner' has no counterpart"),
        (
            lambda x: x * 2 if x.sum() > 0 else x + 1,
            "something else for other inputs .* 'mul' in module 'inner' for one, .* 'add'",
        ),
        (lambda x: sum(row for row in x), "the model computes something else for other inputs"),
        (lambda x: x + torch.randn(3), "'add' in module 'inner' reads an array of shape \\(3,\\) .* random numbers"),
        (lambda x: x + torch.from_numpy(np.sign(x.numpy())), "no operation computed"),
        (lambda x: x * x[0, 0].item(), "'mul' in module 'inner' takes a number that was"),
        (lambda x: x[x > 0], "bool indexing"),
        (lambda x: x.reshape(2, 3), "does not run with another size of 'batch' than the given one: reshape"),
        (lambda x: None, "returns no tensor"),
        (lambda x: "text", "must return tensors, alone or in tuples and dicts, got str"),
    ],
)
def test_what_has_no_counterpart_is_named(function: Any, message: str) -> None:
    with pytest.raises(OnnxExporterError, match=message):
        exported(Inner(function), (torch.ones(2, 3),))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset_version": 16}, "must be 17 to 21, got 16"),
        ({"input_names": ["a", "b"]}, "2 input_names for 1 input"),
        ({"output_names": ["a", "b"]}, "2 output_names for 1 result"),
        ({"output_names": ["input"]}, "must differ"),
        ({"dynamic_axes": {"z": {0: "n"}}}, r"dynamic_axes names \['z'\]; the inputs are \['input'\]"),
        ({"dynamic_axes": {"input": {2: "n"}}}, "input 'input' of shape .* has no dimension 2"),
        ({"dynamic_axes": {"input": {0: "n", 1: "n"}}}, "have the sizes"),
        ({"dynamic_shapes": {"z": {0: "n"}}}, r"for the arguments \['input'\], got \['z'\]"),
        ({"dynamic_shapes": ({0: "n"},), "dynamic_axes": {"input": [0]}}, "not both"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        torch.onnx.export(nn.Linear(3, 2), torch.ones(2, 3), io.BytesIO(), **options)


def test_wrong_kinds_of_arguments(tmp_path: Path) -> None:
    for model, args, target, kind in (
        (F.relu, torch.ones(2), io.BytesIO(), TypeError),
        (nn.ReLU(), (), io.BytesIO(), ValueError),
        (nn.ReLU(), np.ones(2), io.BytesIO(), TypeError),
        (nn.ReLU(), ([torch.ones(2)],), io.BytesIO(), TypeError),
        (nn.ReLU(), torch.ones(2), 3, TypeError),
        (nn.ReLU(), torch.ones(2), tmp_path, IsADirectoryError),
    ):
        with pytest.raises(kind, match=r"onnx.export\(\)"):
            torch.onnx.export(model, args, target)


def test_nothing_is_written_where_the_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    torch.onnx.export(nn.ReLU(), torch.ones(2), file)
    before = file.read_bytes()
    with pytest.raises(OnnxExporterError):
        torch.onnx.export(Apply(torch.lgamma), torch.ones(2), file)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
