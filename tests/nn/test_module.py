"""Module: attributes, the tree, modes, hooks, saving, printing."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest

from tinygrad_fm import Tensor, nn
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.autograd.modes import state


def tensor(*shape):
    return tensor_of(np.arange(float(np.prod(shape)), dtype=np.float32).reshape(shape))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.scale = nn.Parameter(tensor(3))
        self.register_buffer("seen", tensor(1))
        self.register_buffer("scratch", tensor(2), persistent=False)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(3, 2, bias=False))

    def forward(self, x):
        return self.rest(self.first(x) * self.scale)


def names(pairs):
    return [name for name, _ in pairs]


# ---- attributes ------------------------------------------------------------------------------------------------------


def test_names_follow_definition():
    net = Net()
    assert names(net.named_parameters()) == ["scale", "first.weight", "first.bias", "rest.1.weight"]
    assert names(net.named_buffers()) == ["seen", "scratch"]
    assert names(net.named_modules()) == ["", "first", "rest", "rest.0", "rest.1"]
    assert names(net.named_children()) == ["first", "rest"]
    assert names(net.named_parameters(prefix="net", recurse=False)) == ["net.scale"]
    assert list(net.state_dict()) == ["scale", "seen", "first.weight", "first.bias", "rest.1.weight"]
    assert [type(m).__name__ for m in net.modules()] == ["Net", "Linear", "Sequential", "ReLU", "Linear"]
    assert len(list(net.children())) == 2
    assert {"scale", "seen", "first", "forward"} <= set(dir(net))


def test_a_shared_part_comes_once_but_is_saved_under_each_name():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert names(net.named_parameters()) == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.parameters())) == 3
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert "1.weight" in names(net.named_parameters(remove_duplicate=False))
    twice = nn.Sequential(net[0], net[0])
    assert names(twice.named_modules()) == ["", "0"]
    assert names(twice.named_children()) == ["0"]
    assert names(twice.named_modules(remove_duplicate=False)) == ["", "0", "1"]
    copied = copy.deepcopy(net)
    assert copied[1].weight is copied[0].weight
    assert copied[0].weight is not net[0].weight


def test_assignment_keeps_the_place_and_changes_the_kind():
    net = Net()
    net.first = nn.Linear(4, 3)
    assert names(net.named_children()) == ["first", "rest"]
    net.scale = nn.Parameter(tensor(1))
    assert net.scale.shape == (1,)
    net.plain = 3
    net.plain = nn.Parameter(tensor(1))
    assert "plain" not in net.__dict__
    assert net.get_parameter("plain") is net.plain
    net.plain = nn.ReLU() if False else None
    assert net.plain is None
    assert "plain" not in names(net.named_parameters())
    net.first = None
    assert names(net.named_modules()) == ["", "rest", "rest.0", "rest.1"]
    net.seen = tensor(5)
    assert net.get_buffer("seen").shape == (5,)
    del net.seen, net.rest, net.scale
    assert names(net.named_modules()) == [""]
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'scale'"):
        _ = net.scale


def test_a_buffer_may_become_a_parameter():
    net = Net()
    del net.scratch
    net.register_buffer("scratch", tensor(2))
    assert "scratch" in net.state_dict()
    net.register_parameter("free", None)
    assert net.free is None


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (TypeError, "cannot assign 'int' as child module 'first'", lambda n: setattr(n, "first", 3)),
        (TypeError, "cannot assign 'Tensor' as parameter 'scale'", lambda n: setattr(n, "scale", tensor(3))),
        (TypeError, "cannot assign 'int' as buffer 'seen'", lambda n: setattr(n, "seen", 3)),
        (KeyError, "contain", lambda n: n.register_parameter("a.b", None)),
        (KeyError, "be empty", lambda n: n.register_parameter("", None)),
        (KeyError, "'first' already exists", lambda n: n.register_parameter("first", None)),
        (KeyError, "'forward' already exists", lambda n: n.add_module("forward", nn.ReLU())),
        (TypeError, "should be a string", lambda n: n.register_buffer(3, None)),
        (TypeError, "object to parameter 'z'", lambda n: n.register_parameter("z", tensor(2))),
        (TypeError, "object to buffer 'z'", lambda n: n.register_buffer("z", 3)),
        (TypeError, "int is not a Module subclass", lambda n: n.add_module("z", 3)),
        (ValueError, "training mode is expected to be boolean", lambda n: n.train(3)),
        (AttributeError, "Linear has no attribute `x`", lambda n: n.get_submodule("first.x")),
        (AttributeError, "`weight` is not an nn.Module", lambda n: n.get_submodule("first.weight")),
        (AttributeError, "`in_features` is not an nn.Parameter", lambda n: n.get_parameter("first.in_features")),
        (AttributeError, "`first` is not a buffer", lambda n: n.get_buffer("first")),
        (TypeError, "only accepts floating point", lambda n: n.to(__import__("tinygrad_fm").int64)),
        (NotImplementedError, r"\[Module\] is missing the required \"forward\"", lambda n: nn.Module()(1)),
    ],
)
def test_mistakes(error, text, wrong):
    with pytest.raises(error, match=text):
        wrong(Net())


def test_a_forgotten_super_init_is_named():
    class Forgot(nn.Module):
        def __init__(self, part):
            self.number = 3
            if part is not None:
                self.part = part

        def forward(self):
            return self.number

    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\) call"):
        Forgot(nn.ReLU())
    with pytest.raises(AttributeError, match=r"cannot assign parameters before Module.__init__\(\) call"):
        Forgot(nn.Parameter(tensor(1)))
    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Forgot(None)()
    with pytest.raises(AttributeError, match="cannot assign buffer before"):
        Forgot(None).register_buffer("b", None)


def test_get_by_path():
    net = Net()
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_submodule("") is net
    assert net.get_parameter("rest.1.weight") is net.rest[1].weight
    assert net.get_buffer("seen") is net.seen


# ---- modes, casts, gradients -----------------------------------------------------------------------------------------


def test_train_eval_apply():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    seen = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_casting_keeps_the_parameters():
    import tinygrad_fm as torch

    net = Net()
    net.register_buffer("count", tensor_of(np.array(3, np.int64)))
    weight = net.first.weight
    net(tensor(2, 4)).sum().backward()
    assert net.double() is net
    assert net.first.weight is weight
    assert {p.dtype for p in net.parameters()} == {torch.float64} == {p.grad.dtype for p in net.parameters()}
    assert (net.seen.dtype, net.count.dtype) == (torch.float64, torch.int64)
    net.to("cpu")
    assert weight.dtype == torch.float64
    net.to(device="cpu", dtype=torch.float32)
    assert weight.dtype == torch.float32
    assert net.double().float().scale.dtype == torch.float32
    with pytest.raises(RuntimeError, match="cuda"):
        net.to("cuda")


def test_freezing_and_zero_grad():
    net = Net()
    net.first.requires_grad_(False)
    net(tensor(2, 4)).sum().backward()
    assert net.first.weight.grad is None
    assert net.scale.grad is not None
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0.0, 0.0, 0.0]
    net.zero_grad()
    assert net.scale.grad is None


def test_deepcopy_is_independent():
    net = Net()
    net.register_forward_hook(lambda module, args, out: out * 0)
    other = copy.deepcopy(net)
    other.scale.data = tensor(3) + 7
    assert net.scale.tolist() == [0.0, 1.0, 2.0]
    assert isinstance(other.scale, nn.Parameter)
    assert other(tensor(2, 4)).abs().sum().item() == 0.0
    scopes = []
    other.rest.register_forward_pre_hook(lambda module, args: scopes.append(state.scope))
    other(tensor(2, 4))
    assert [scopes[0].outermost(), scopes[0].innermost()] == [other, other.rest]


def test_modules_are_freed_without_the_collector():
    net = Net()
    gone = weakref.ref(net)
    gc.disable()
    try:
        net(tensor(2, 4)).sum().backward()
        del net
        assert gone() is None
    finally:
        gc.enable()


# ---- calling ---------------------------------------------------------------------------------------------------------


def test_the_tape_knows_the_module_being_called():
    net, seen = Net(), []
    net.rest[1].register_forward_pre_hook(lambda module, args: seen.append(state.scope))
    assert state.scope is None
    net(tensor(2, 4))
    outermost, innermost, _ = seen[0]
    assert (outermost(), innermost()) == (net, net.rest[1])
    with pytest.raises((RuntimeError, ValueError)):
        net(tensor(2, 5))
    assert state.scope is None


def test_hooks_see_and_replace():
    layer, calls = nn.Identity(), []
    first = layer.register_forward_hook(lambda module, args, out: calls.append(("after", args, out)))
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    layer.register_forward_hook(lambda module, args, out: out * 10)
    assert layer(1) == 20
    assert calls == [("after", (2,), 2)]
    first.remove()
    layer(1)
    assert len(calls) == 1


def test_hooks_with_kwargs_prepend_and_always_call():
    class Add(nn.Module):
        def forward(self, a, b=0):
            return a + b

    layer, order = Add(), []
    layer.register_forward_pre_hook(lambda module, args, kwargs: (args, {"b": kwargs["b"] * 2}), with_kwargs=True)
    layer.register_forward_hook(lambda module, args, kwargs, out: order.append((1, kwargs["b"])), with_kwargs=True)
    layer.register_forward_hook(lambda module, args, out: order.append(0), prepend=True)
    assert layer(1, b=2) == 5
    assert order == [0, (1, 4)]
    layer.register_forward_hook(lambda module, args, out: order.append(out), always_call=True)
    with pytest.raises(TypeError):
        layer("a", b=2)
    assert order[2:] == [None]
    layer.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple of"):
        layer(1, b=2)


# ---- saving ----------------------------------------------------------------------------------------------------------


def test_state_dict_round_trip():
    a, b = Net(), Net()
    saved = a.state_dict()
    assert all(not value.requires_grad for value in saved.values())
    assert a.state_dict(keep_vars=True)["scale"] is a.scale
    kept = b.scale
    assert repr(b.load_state_dict(saved)) == "<All keys matched successfully>"
    assert b.scale is kept
    for name, value in b.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), saved[name].numpy())
        assert not np.shares_memory(value.numpy(), saved[name].numpy())
    assert list(a.state_dict(prefix="net.", destination={"x": 1}))[:2] == ["x", "net.scale"]


def test_arrays_load_and_are_cast():
    net = nn.Linear(2, 2)
    net.load_state_dict({"weight": np.eye(2), "bias": np.array([1, 2])})
    assert net.weight._array.dtype == np.float32
    assert net.bias.tolist() == [1.0, 2.0]
    net.load_state_dict({"weight": np.eye(2), "bias": np.ones(2)}, assign=True)
    assert net.weight._array.dtype == np.float64
    assert isinstance(net.weight, nn.Parameter)


def test_everything_that_does_not_fit_is_listed_and_nothing_changed():
    net = Net()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    wrong = {name: value + 1 for name, value in before.items()}
    del wrong["seen"], wrong["first.bias"]
    wrong.update({"extra": 1, "scratch": 2, "rest.1.weight": np.zeros((3, 2)), "scale": "text"})
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(wrong)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "seen", "first.bias". \n'
        '\tUnexpected key(s) in state_dict: "extra", "scratch". \n'
        '\tWhile copying the parameter named "scale", expected a tensor or an array from checkpoint but received '
        "<class 'str'>\n"
        "\tsize mismatch for rest.1.weight: copying a param with shape torch.Size([3, 2]) from checkpoint, the shape "
        "in current model is torch.Size([2, 3])."
    )
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_not_strict():
    net = nn.Linear(2, 1)
    result = net.load_state_dict({"weight": np.ones((1, 2)), "other": np.ones(1)}, strict=False)
    assert result.missing_keys == ["bias"]
    assert result.unexpected_keys == ["other"]
    assert repr(result) == "_IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['other'])"
    assert net.weight.tolist() == [[1.0, 1.0]]
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        net.load_state_dict({"weight": np.ones((2, 2))}, strict=False)


def test_loading_is_noticed_by_a_graph_that_needs_the_old_values():
    layer = nn.Linear(2, 2)
    x = tensor(1, 2).requires_grad_()
    y = layer(x)
    layer.load_state_dict({"weight": np.eye(2), "bias": np.ones(2)})
    with pytest.raises(RuntimeError, match=r"version|modified|changed"):
        y.sum().backward()


# ---- printing --------------------------------------------------------------------------------------------------------


def test_repr_of_nested_modules():
    assert repr(Net()) == (
        "Net(\n  (first): Linear(in_features=4, out_features=3, bias=True)\n  (rest): Sequential(\n    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=2, bias=False)\n  )\n)"
    )

    class Own(nn.Module):
        def extra_repr(self):
            return "a=1\nb=2"

    assert repr(Own()) == "Own(\n  a=1\n  b=2\n)"
    own = Own()
    own.part = nn.ReLU()
    assert repr(own) == "Own(\n  a=1\n  b=2\n  (part): ReLU()\n)"
    assert repr(nn.Module()) == "Module()"


def test_parameter():
    source = tensor(2)
    p = nn.Parameter(source)
    assert p.requires_grad
    assert p.is_leaf
    assert not source.requires_grad
    assert np.shares_memory(p._array, source._array)
    assert type(p * 2) is Tensor
    assert repr(p) == "Parameter containing:\ntensor([0., 1.], requires_grad=True)"
    assert not nn.Parameter(source, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)
    assert type(copy.deepcopy(p)) is nn.Parameter


def test_backward_hooks_see_and_replace_gradients():
    layer, seen = nn.Linear(2, 1, bias=False), []
    layer.weight.data.copy_(tensor_of([[2.0, 3.0]]))

    def hook(module, grad_input, grad_output):
        seen.append((module is layer, grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    before = layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 5,))
    after = layer.register_full_backward_hook(hook)
    x = tensor_of(np.ones((1, 2), np.float32), requires_grad=True)
    layer(x).sum().backward()
    assert seen == [(True, [[10.0, 15.0]], [[5.0]])]
    assert x.grad.tolist() == [[100.0, 150.0]] and layer.weight.grad.tolist() == [[5.0, 5.0]]
    before.remove()
    after.remove()
    x.grad = None
    layer(x).sum().backward()
    assert x.grad.tolist() == [[2.0, 3.0]] and len(seen) == 1


def test_a_transformer_learns_to_copy():
    from tinygrad_fm import manual_seed, optim
    from tinygrad_fm.nn import functional as F

    manual_seed(0)
    embed, head = nn.Embedding(5, 8), nn.Linear(8, 5)
    body = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1)
    steps = optim.Adam([*embed.parameters(), *body.parameters(), *head.parameters()], lr=0.02)
    x = tensor_of(np.random.default_rng(0).integers(0, 5, (8, 6)))
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    for _ in range(60):
        loss = F.cross_entropy(head(body(embed(x), mask=mask)).flatten(0, 1), x.flatten())
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize("name", ["bfloat16", "share_memory", "xpu"])
def test_methods_that_are_left_out_say_why(name):
    layer = nn.Linear(1, 1)
    assert not hasattr(layer, name)
    with pytest.raises(AttributeError, match=rf"'torch.nn.Module.{name}' is left out"):
        getattr(layer, name)


@pytest.mark.parametrize("wrong", [None, [1.0, 2.0], "text", 3])
@pytest.mark.parametrize(
    "layer", [nn.Linear(2, 2), nn.Conv2d(1, 1, 1), nn.Softmax(0), nn.MaxPool2d(2), nn.Sequential(nn.ReLU())]
)
def test_an_argument_that_is_no_tensor_is_named(layer, wrong):
    with pytest.raises(TypeError, match=f"must be Tensor, not {type(wrong).__name__ if wrong is not None else None}"):
        layer(wrong)


def test_an_attribute_error_of_a_users_module_is_left_alone():
    class Own(nn.Module):
        def forward(self, x):
            return x.shape

    with pytest.raises(AttributeError, match="'list' object has no attribute 'shape'"):
        Own()([1.0])
