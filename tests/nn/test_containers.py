"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from tinygrad_fm import nn
from tinygrad_fm import tensor as tensor_of


def tensor(*shape):
    return tensor_of(np.ones(shape, np.float32))


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_sequential_runs_in_order():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    model = nn.Sequential(first, nn.ReLU(), second)
    x = tensor_of(np.array([[1.0, -2.0]], np.float32))
    assert model(x).tolist() == second(first(x).relu()).tolist()


def test_sequential_is_a_list():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(model) == 3
    assert model[0] is next(iter(model))
    assert model[-1] is model[2]
    assert kinds(model[::2]) == ["Linear", "Linear"]
    assert list(model[1:]._modules) == ["1", "2"]
    assert isinstance(model[:1], nn.Sequential)
    model.append(nn.Tanh()).extend([nn.Sigmoid()]).insert(0, nn.Flatten())
    assert kinds(model) == ["Flatten", "Linear", "ReLU", "Linear", "Tanh", "Sigmoid"]
    assert list(model._modules) == list("012345")
    assert kinds([model.pop(0), model.pop(-1)]) == ["Flatten", "Sigmoid"]
    del model[0]
    assert kinds(model) == ["ReLU", "Linear", "Tanh"]
    assert list(model._modules) == list("012")
    del model[1:]
    model[0] = nn.GELU()
    assert kinds(model + nn.Sequential(nn.ReLU())) == ["GELU", "ReLU"]
    model += nn.Sequential(nn.Tanh())
    assert kinds(model) == ["GELU", "Tanh"]
    assert kinds(model.insert(-1, nn.ReLU())) == ["GELU", "ReLU", "Tanh"]


def test_sequential_takes_names():
    model = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 2), act=nn.ReLU()))
    assert model.hidden is model[0]
    assert [name for name, _ in model.named_parameters()] == ["hidden.weight", "hidden.bias"]
    assert list(model[:1]._modules) == ["hidden"]
    del model[0]
    assert list(model._modules) == ["0"]  # deleting numbers the others anew, as in PyTorch
    assert repr(nn.Sequential()) == "Sequential()"


@pytest.mark.parametrize(
    ("error", "wrong"),
    [
        (IndexError, lambda m: m[5]),
        (IndexError, lambda m: m[-3]),
        (TypeError, lambda m: m["a"]),
        (TypeError, lambda m: m.append(3)),
        (IndexError, lambda m: m.insert(9, nn.ReLU())),
        (TypeError, lambda m: m.extend(3)),
        (TypeError, lambda m: type(m)([3]) if isinstance(m, nn.ModuleList) else type(m)(3)),
    ],
)
@pytest.mark.parametrize("cls", [nn.Sequential, nn.ModuleList])
def test_mistakes(cls, error, wrong):
    with pytest.raises(error):
        wrong(cls().extend([nn.ReLU(), nn.Tanh()]))


def test_module_list():
    layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    assert len(list(layers.parameters())) == 6
    assert isinstance(layers[1:], nn.ModuleList)
    assert list(layers[1:]._modules) == ["0", "1"]
    assert kinds(layers + [nn.ReLU()]) == ["Linear"] * 3 + ["ReLU"]  # noqa: RUF005  # it is `+` that is tested
    layers += [nn.ReLU()]
    assert repr(layers) == ("ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n  (3): ReLU()\n)")
    assert repr(nn.ModuleList()) == "ModuleList()"
    with pytest.raises(NotImplementedError):
        layers(1)


def test_module_dict():
    parts = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    parts["c"] = nn.Tanh()
    parts.update([("a", nn.Sigmoid())])
    assert list(parts) == list(parts.keys()) == ["a", "b", "c"]
    assert kinds(parts.values()) == ["Sigmoid", "Linear", "Tanh"]
    assert "b" in parts
    assert len(parts) == 3
    assert type(parts.pop("c")).__name__ == "Tanh"
    del parts["a"]
    assert [key for key, _ in parts.items()] == ["b"]
    assert repr(parts) == "ModuleDict(\n  (b): Linear(in_features=1, out_features=1, bias=True)\n)"
    parts.update(nn.ModuleDict({"d": nn.ReLU()}))
    assert [name for name, _ in parts.named_parameters()] == ["b.weight", "b.bias"]
    with pytest.raises(KeyError):
        parts["z"]
    with pytest.raises(TypeError):
        parts["z"] = 3
    parts.clear()
    assert len(parts) == 0


def test_parameter_list():
    values = nn.ParameterList([tensor(2), nn.Parameter(tensor(2, 3))])
    values.append(tensor(1))
    assert [name for name, _ in values.named_parameters()] == ["0", "1", "2"]
    assert all(isinstance(p, nn.Parameter) for p in values)
    values[0] = tensor(4)
    assert values[0].shape == (4,)
    assert len(values[1:]) == 2
    assert values[-1].shape == (1,)
    values += [tensor(5)]
    assert len(values) == 4
    assert repr(values[:2]) == (
        "ParameterList(\n    (0): Parameter containing: [torch.float32 of size 4]\n"
        "    (1): Parameter containing: [torch.float32 of size 2x3]\n)"
    )
    with pytest.raises(TypeError):
        values.extend(3)


def test_parameter_dict():
    values = nn.ParameterDict({"a": tensor(2)})
    values["b"] = tensor(3)
    assert [name for name, _ in values.named_parameters()] == ["a", "b"]
    assert isinstance(values["a"], nn.Parameter)
    del values["a"]
    assert list(values) == ["b"]
