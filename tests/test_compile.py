"""``torch.compile``: what it replays is what the model computes, whatever was changed in between, and it says what it did."""

from __future__ import annotations

import copy
import math
import os
import pickle
import random
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from benchmarks.cases import MODELS, made
from models import build
from tests.platforms import needs_processes, needs_threads
from tinygrad_fm import nn, optim, runtime


def images(n: int, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 1, 28, 28)).astype(np.float32))


def vectors(n: int = 3, width: int = 4, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32))


def settled(model: nn.Module) -> nn.Module:
    """``model`` in evaluation, with statistics that are not 0 and 1."""
    rng = np.random.default_rng(5)
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            drawn = rng.uniform(0.5, 2, buffer.shape) if "var" in name else rng.standard_normal(buffer.shape)
            buffer.copy_(torch.from_numpy(drawn.astype(np.float32)))
    return model.eval()


def close(a: Any, b: Any) -> None:
    """Up to rounding, which is that of the largest number: a small one is the sum of large ones."""
    a, b = a.detach().numpy(), b.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max(initial=0.0)))


def plans(compiled: Any) -> list[str]:
    return compiled.forward.describe()


def replayed(compiled: Any) -> bool:
    """Whether every kind of input so far is replayed."""
    lines = plans(compiled)
    return bool(lines) and not any("as it is" in line or "as they are" in line for line in lines)


def assert_alike(model: nn.Module, compiled: Any, *given: Any) -> None:
    """Three calls with other values each, against the model."""
    for scale in (1.0, -0.5, 2.0):
        inputs = [x * scale if x.is_floating_point() else x for x in given]
        with torch.no_grad():
            close(compiled(*inputs), model(*inputs))


@pytest.fixture(params=["numpy", "auto"])
def kernels(request: Any) -> Any:
    runtime.set_kernels(request.param)
    yield request.param
    runtime.set_kernels("auto")


# -- the same results --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("name", list(MODELS))
def test_models_of_the_benchmark(name: str, batch: int, kernels: str) -> None:
    model = settled(made(torch, name, {}))
    compiled = torch.compile(model, fullgraph=True)
    assert_alike(model, compiled, images(batch))
    assert replayed(compiled)


@pytest.mark.parametrize("options", [{}, {"batch_norm": True, "dropout": 0.5}])
def test_models_of_the_scripts_mlp(options: dict[str, Any]) -> None:
    model = settled(build("mlp", **options))
    compiled = torch.compile(model, fullgraph=True)
    assert_alike(model, compiled, images(5))
    assert ("folded" in plans(compiled)[0]) == bool(options)


@pytest.mark.parametrize("name", ["lenet", "cnn", "fast", "resnet", "vgg"])
def test_models_of_the_scripts(name: str) -> None:
    model = settled(build(name))
    compiled = torch.compile(model, fullgraph=True)
    assert_alike(model, compiled, images(2))
    assert replayed(compiled)


@pytest.mark.parametrize("batch", [1, 64])
def test_group_and_instance_norm(batch: int, kernels: str) -> None:
    layers = [nn.Conv2d(1, 6, 3), nn.GroupNorm(2, 6), nn.ReLU(), nn.InstanceNorm2d(6, affine=True), nn.ReLU(), nn.Flatten()]
    model = settled(nn.Sequential(*layers, nn.Linear(6 * 26 * 26, 4)))
    compiled = torch.compile(model, fullgraph=True)
    assert_alike(model, compiled, images(batch))
    assert plans(compiled) == [f"({batch}, 1, 28, 28) float32: 7 operations as 7 kernels, 2 in place"]


def test_double_precision_and_a_1x1_image() -> None:
    model = settled(nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), nn.BatchNorm2d(3, affine=False), nn.ReLU()).double())
    compiled = torch.compile(model, fullgraph=True)
    x = images(2).double()
    assert_alike(model, compiled, x)
    with torch.no_grad():
        assert compiled(x).dtype == torch.float64 and "1 batch norm folded" in plans(compiled)[0]


def test_results_in_dicts_and_keyword_arguments() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 3), nn.Linear(4, 2)

        def forward(self, x: Any, *, scale: float = 1.0, more: Any = None) -> Any:
            return {"one": self.one(x) * scale, "rest": (self.two(x if more is None else more), 7)}

    model = Net().eval()
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        for _ in range(2):
            for kwargs in (
                {},
                {"scale": 2.0},
                {"scale": -0.0},
                {"more": vectors(seed=3)},
                {"scale": 3.0, "more": vectors(seed=4)},
            ):
                got, wanted = compiled(vectors(), **kwargs), model(vectors(), **kwargs)
                close(got["one"], wanted["one"])
                close(got["rest"][0], wanted["rest"][0])
                assert got["rest"][1] == 7 and list(got) == ["one", "rest"]
    assert len(plans(compiled)) == 5


# -- what is folded and written in place -------------------------------------------------------------------------------


class Residual(nn.Module):
    """Reads each of its values in a way that writing in place could spoil."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.a, self.b, self.norm, self.how = nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4), how

    def forward(self, x: Any) -> Any:
        h = self.a(x)
        if self.how == "read twice":
            return F.relu(h) + h
        if self.how == "view read later":
            seen = h.view(-1, 2)
            return F.relu(h) + seen.reshape(-1, 4)
        if self.how == "norm and skip":
            return self.norm(h) + h
        if self.how == "itself":
            return F.relu(h + h)
        if self.how == "transposed":
            return (h[:3] + h[:3].T[:3, :3].sum()) + h[:3]
        if self.how == "returned too":
            return F.relu(h) * 1.5 + h * 0.5
        if self.how == "input":
            return F.relu(x) + x
        if self.how == "broadcast":
            return F.relu(h.sum(0) + h) + self.b(h).sum()
        if self.how == "in place":
            h.relu_()
            return self.b(h)
        if self.how == "in place after a view":
            seen = h.view(-1)
            h.mul_(2)
            return seen.reshape(-1, 4) + self.b(h)
        if self.how == "iadd":
            h += self.b(x)
            return F.relu(h, inplace=True) * 2
        if self.how == "norm of a constant":
            return self.norm(self.a(x)) + self.a(self.b.weight)[0]
        if self.how == "norm between":
            gamma = self.b.bias * 2
            return F.batch_norm(h, self.norm.running_mean, self.norm.running_var, gamma + 1, None)
        raise AssertionError


@pytest.mark.parametrize(
    "how",
    ["read twice", "view read later", "norm and skip", "itself", "transposed", "returned too", "input", "broadcast", "in place",
     "in place after a view", "iadd", "norm of a constant", "norm between"],
)  # fmt: skip
def test_nothing_is_written_that_is_read_later(how: str) -> None:
    model = settled(Residual(how))
    compiled = torch.compile(model)
    x = vectors(4)
    before = x.clone()
    assert_alike(model, compiled, x)
    assert torch.equal(x, before)
    if how != "in place after a view":
        assert replayed(compiled), plans(compiled)


def test_in_place_and_folding_happen() -> None:
    compiled = torch.compile(settled(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2), nn.ReLU())))
    with torch.no_grad():
        compiled(vectors())
    assert plans(compiled) == ["(3, 4) float32: 5 operations as 4 kernels, 1 batch norm folded, 2 in place"]


def test_outputs_are_not_overwritten_by_the_next_call() -> None:
    model = settled(made(torch, "lenet", {}))
    compiled = torch.compile(model)
    with torch.no_grad():
        compiled(images(2))
        first = compiled(images(2, seed=1))
        kept = first.clone()
        compiled(images(2, seed=2))
        assert torch.equal(first, kept)
        first.zero_()
        close(compiled(images(2, seed=1)), kept)


@pytest.mark.parametrize("layer", [nn.Identity(), nn.Flatten(), nn.Dropout()])
def test_a_result_that_shares_memory_with_the_input_still_does(layer: nn.Module) -> None:
    compiled = torch.compile(layer.eval())
    with torch.no_grad():
        for _ in range(3):
            x = vectors()
            compiled(x).zero_()
            assert not x.any()
    assert "share memory" in plans(compiled)[0]


# -- what changes in between -------------------------------------------------------------------------------------------


def net() -> nn.Module:
    return settled(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 26 * 26, 4)))


def step(model: nn.Module) -> None:
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    model(images(4)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def train(model: Any) -> None:
    model.train()
    step(model)
    model.eval()


def train_frozen(model: Any) -> None:
    step(model)


def load(model: Any) -> None:
    model.load_state_dict({k: v + 1 if v.is_floating_point() else v for k, v in model.state_dict().items()})


def replace_parameter(model: Any) -> None:
    model[0].weight = nn.Parameter(model[0].weight.detach() * 3)


def write_data(model: Any) -> None:
    model[0].weight.data.mul_(3)
    model[1].running_var.data.fill_(2.0)


def set_data(model: Any) -> None:
    model[1].weight.data = torch.full((3,), 4.0)


def replace_module(model: Any) -> None:
    model[2] = nn.Tanh().eval()


def change_setting(model: Any) -> None:
    model[1].eps = 0.5


def change_stride(model: Any) -> None:
    model[0].padding_mode, model[0].dilation = "zeros", (1, 1)
    model[2].forward = lambda x: x.clamp(max=1)


def add_hook(model: Any) -> None:
    model[2].register_forward_hook(lambda module, args, output: output + 1)


def write_statistics(model: Any) -> None:
    model[1].running_mean.add_(1.0)


def drop_bias(model: Any) -> None:
    model[4].bias = None


@pytest.mark.parametrize(
    "change",
    [train, train_frozen, load, replace_parameter, write_data, set_data, replace_module, change_setting, change_stride,
     add_hook, write_statistics, drop_bias],
)  # fmt: skip
def test_what_is_changed_shows(change: Callable[[Any], None]) -> None:
    model = net()
    compiled = torch.compile(model)
    with torch.no_grad():
        compiled(images(2))
        before = compiled(images(2))
    change(model)
    with torch.no_grad():
        wanted = model(images(2))
        assert not np.allclose(wanted.numpy(), before.numpy(), atol=1e-4)
        for _ in range(2):
            close(compiled(images(2)), wanted)
    assert replayed(compiled) == (change is not add_hook)


def test_training_through_it_is_training_the_model() -> None:
    torch.manual_seed(0)
    model = made(torch, "lenet", {})
    twin = copy.deepcopy(model)
    compiled = torch.compile(model)
    for module in (compiled, twin):
        module.train()
        step(module)
    for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    compiled.eval()
    assert not model.training and not model[1].training
    with torch.no_grad():
        for _ in range(2):
            close(compiled(images(2)), twin.eval()(images(2)))


def test_training_mode_without_gradients_updates_the_statistics() -> None:
    model = net().train()
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        before = model[1].num_batches_tracked.item()
        for _ in range(3):
            compiled(images(2))
    assert model[1].num_batches_tracked.item() == before + 3


def test_gradients_are_right_in_evaluation() -> None:
    model = net()
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        compiled(images(2))
        compiled(images(2))
    x, twin = images(2).requires_grad_(), images(2).requires_grad_()
    compiled(x).sum().backward()
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(twin).sum().backward()
    assert torch.equal(x.grad, twin.grad)
    assert all(torch.equal(a, p.grad) for a, p in zip(found, model.parameters(), strict=True))


def test_frozen_parameters_need_no_no_grad() -> None:
    model = net().requires_grad_(False)
    compiled = torch.compile(model, fullgraph=True)
    assert not compiled(images(2)).requires_grad
    close(compiled(images(2)), model(images(2)))
    assert replayed(compiled)
    assert compiled(images(2).requires_grad_()).requires_grad
    model[4].weight.requires_grad_()
    assert compiled(images(2)).requires_grad


def test_shapes_and_dtypes_are_kept_apart() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Softmax(-1)).eval()
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        for _ in range(2):
            for x in (vectors(2), vectors(5), vectors(5).double(), vectors(5)[0]):
                close(compiled(x), model(x))
                assert compiled(x).dtype == x.dtype
    assert len(plans(compiled)) == 4


@needs_threads
def test_threads_that_write_and_threads_that_read() -> None:
    model = settled(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()))
    compiled, x, lock = torch.compile(model), vectors(), threading.Lock()
    wrong: list[str] = []

    def work(i: int) -> None:
        with torch.no_grad():
            for k in range(40):
                with lock:
                    if k % 5 == i:
                        model[0].weight.mul_(-1.1)
                    if k % 10 == i:
                        model[0] = nn.Linear(4, 4).eval()
                    wanted = model(x)
                    if not np.allclose(compiled(x).numpy(), wanted.numpy(), rtol=1e-4, atol=1e-4):
                        wrong.append(f"{i} {k}")
                compiled(x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_threads
def test_several_threads() -> None:
    model = net()
    compiled = torch.compile(model)
    inputs = [images(1 + i % 3, seed=i) for i in range(6)]
    with torch.no_grad():
        wanted = [model(x).numpy() for x in inputs]
    wrong: list[int] = []

    def work(i: int) -> None:
        with torch.no_grad():
            for _ in range(20):
                if not np.allclose(compiled(inputs[i]).numpy(), wanted[i], rtol=1e-4, atol=1e-4):
                    wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert replayed(compiled) and len(plans(compiled)) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@needs_processes
def test_a_child_that_is_forked_while_another_thread_records() -> None:
    started, done = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x: Any) -> Any:
            started.set()
            done.wait(30)
            return x * 2

    def record() -> None:
        with torch.no_grad():
            torch.compile(Slow())(images(1))

    thread = threading.Thread(target=record)
    thread.start()
    assert started.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        model, x = net(), images(2)
        with torch.no_grad():
            os._exit(0 if np.allclose(torch.compile(model)(x).numpy(), model(x).numpy(), atol=1e-4) else 1)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- what is not replayed ----------------------------------------------------------------------------------------------

SCALE = 2.0
SETTINGS = {"scale": 2.0}


class Odd(nn.Module):
    """A model that does one thing that cannot be replayed, or that must be looked after."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.linear, self.calls, self.seen = how, nn.Linear(4, 4), 0, []
        self.sizes, self.table = [1.0, 2.0], {"a": 1.0}
        self.register_buffer("held", torch.zeros(3, 4))

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        match self.how:
            case "if":
                return y if x.sum() > 0 else -y
            case "item":
                return y * x.sum().item()
            case "float of a parameter":
                return y * float(self.linear.bias.sum())
            case "tolist":
                return y * sum(x[0].tolist())
            case "numpy":
                return y + torch.from_numpy(x.numpy() * 2)
            case "asarray":
                return y * float(np.asarray(x).sum())
            case "equal":
                return y if torch.equal(x, x.abs()) else -y
            case "allclose":
                return y if torch.allclose(x, x.abs()) else -y
            case "in":
                return y if 0.5 in x else y * math.pi * (1 if x[0, 0] > 0 else 2)
            case "nonzero":
                return y * (x > 0).nonzero().shape[0]
            case "mask":
                return y + x[x > 0].sum()
            case "index":
                return y[(x[0] > 0).long()]
            case "counter":
                self.calls += 1
                return y * self.calls
            case "list":
                self.seen.append(x.shape[0])
                return y * len(self.seen)
            case "buffer":
                self.held += x
                return y + self.held
            case "buffer not read":
                self.held.mul_(0).add_(x)
                return y * 2
            case "keeps":
                self.last = y
                return y * 2
            case "random":
                return y + torch.randn(3, 4)
            case "python random":
                return y * random.random()
            case "numpy random":
                return y * float(np.random.random())
            case "dropout":
                return F.dropout(y, 0.5)
            case "input written":
                x.mul_(2)
                return y + x
            case "input written unread":
                x.mul_(0)
                return y * 2
            case "made on the way":
                return y + torch.arange(4.0)
            case "a view written":
                y[:, 0].add_(1.0)
                return y * 2
            case "graph":
                with torch.enable_grad():
                    return self.linear(x) * 2
            case "backward":
                with torch.enable_grad():
                    z = (x * 1).detach().requires_grad_()
                    (self.linear(z) * 2).sum().backward(inputs=[z])
                return y + z.grad
            case "function":
                return y * 2 if x.shape[0] == 3 else y * 3
            case "global":
                return y * SCALE
            case "global dict":
                return y * SETTINGS["scale"]
            case "list read":
                return y * self.sizes[0] + self.table["a"]
        raise AssertionError


REFUSED = {
    "if": "given the value", "item": "given the value", "float of a parameter": "given the value", "tolist": "given the value",
    "numpy": "given the value", "asarray": "given the value", "equal": "given the value", "allclose": "given the value",
    "in": "given the value", "nonzero": "'nonzero'", "mask": "'index'", "index": "'index'", "counter": "changes the model",
    "list": "changes the model", "buffer": "changes the model", "buffer not read": "changes the model",
    "keeps": "changes the model", "random": "random", "python random": "random", "numpy random": "random",
    "dropout": "'dropout'", "input written": "input",
    "input written unread": "input", "made on the way": "made on the way", "a view written": "through a view", "graph": "graph",
    "backward": "backward",
}  # fmt: skip


@pytest.mark.parametrize("how", list(REFUSED))
def test_what_cannot_be_replayed_runs_as_it_is(how: str) -> None:
    torch.manual_seed(1)
    model = Odd(how).eval()
    twin = copy.deepcopy(model)
    compiled = torch.compile(model)

    def run(module: Any) -> list[Any]:
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)
        found = []
        with torch.no_grad():
            for scale in (1.0, -1.0, 2.0, -0.3):
                x = vectors() * scale
                found += [module(x).detach().clone(), x]
        return found

    for a, b in zip(run(compiled), run(twin), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(model.held, twin.held) and model.calls == twin.calls and model.seen == twin.seen
    assert all(REFUSED[how] in line and "runs as it is" in line for line in plans(compiled)), plans(compiled)
    with torch.no_grad(), pytest.raises(RuntimeError, match=REFUSED[how]):
        torch.compile(Odd(how).eval(), fullgraph=True)(vectors())


def test_globals_and_what_lists_hold_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for how in ("global", "list read", "function"):
        model = Odd(how).eval()
        compiled = torch.compile(model, fullgraph=True)
        assert_alike(model, compiled, vectors())
        monkeypatch.setitem(globals(), "SCALE", 5.0)
        model.sizes[0], model.table["a"] = 7.0, 8.0
        assert_alike(model, compiled, vectors())
        assert replayed(compiled)


FACTOR = 2.0


def helper(x: Any) -> Any:
    return x * FACTOR


def test_classes_helpers_and_functions_around_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    local = 3.0

    class Net(nn.Module):
        scale = 1.5

        def forward(self, x: Any) -> Any:
            return self.helped(x.relu()) * self.scale + local

        def helped(self, x: Any) -> Any:
            return helper(x)

    model = nn.Sequential(Net()).eval()
    compiled = torch.compile(model, fullgraph=True)
    assert_alike(model, compiled, vectors())
    Net.scale = 4.0
    assert_alike(model, compiled, vectors())
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert_alike(model, compiled, vectors())
    local = 6.0
    assert_alike(model, compiled, vectors())
    Net.forward = lambda self, x: x.tanh() * 2  # type: ignore[method-assign]
    assert_alike(model, compiled, vectors())
    assert replayed(compiled)


def test_keyword_arguments_are_known_by_their_names_and_order() -> None:
    class Net(nn.Module):
        def forward(self, **inputs: Any) -> Any:
            first, second = inputs.values()
            return first.relu() - second * 2 + inputs["a"]

    model = Net().eval()
    compiled = torch.compile(model, fullgraph=True)
    a, b = vectors(), vectors(seed=1)
    with torch.no_grad():
        for _ in range(2):
            close(compiled(a=a, b=b), model(a=a, b=b))
            close(compiled(b=b, a=a), model(b=b, a=a))


def test_modes_that_code_can_ask_for() -> None:
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x.relu() * 2
            y = y + 1 if torch.is_grad_enabled() else y
            return y + 3 if torch.is_inference_mode_enabled() else y + (5 if x.requires_grad else 0)

    model = Net().eval()
    compiled = torch.compile(model)
    for _ in range(2):
        for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
            with mode():
                close(compiled(vectors()), model(vectors()))
            x = vectors().requires_grad_()
            with mode():
                close(compiled(x), model(x))


def test_hooks_of_all_modules_run() -> None:
    model = net()
    compiled = torch.compile(model)
    with torch.no_grad():
        compiled(images(1))
        seen: list[str] = []
        with nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(type(module).__name__)):
            compiled(images(1))
            compiled(images(1))
        assert seen.count("BatchNorm2d") == 2
        close(compiled(images(1)), model(images(1)))
    assert "folded" in plans(compiled)[0] and plans(compiled)[1] == "other calls run as they are: a module has hooks"


def test_arguments_that_cannot_be_told_apart_run_as_they_are() -> None:
    class Net(nn.Module):
        def forward(self, x: Any, how: Any) -> Any:
            return x.relu() * how.scale

    class How:
        scale = 2.0

    compiled, how = torch.compile(Net().eval()), How()
    with torch.no_grad():
        for how.scale in (2.0, 3.0):
            close(compiled(vectors(), how), vectors().relu() * how.scale)
    with torch.no_grad(), pytest.raises(RuntimeError, match="neither a tensor"):
        torch.compile(Net().eval(), fullgraph=True)(vectors(), how)


def test_one_tensor_given_twice_is_not_two() -> None:
    class Net(nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a.relu() - b * 2

    model = Net().eval()
    compiled = torch.compile(model)
    with torch.no_grad():
        x = vectors()
        for a, b in ((x, x), (x, vectors(seed=1)), (x, x), (vectors(seed=2), x)) * 2:
            close(compiled(a, b), model(a, b))
        assert replayed(compiled) and len(plans(compiled)) == 2
        close(compiled(x, x.detach()), model(x, x))


def test_hooks_and_modes_of_others_see_the_operations() -> None:
    model = net()
    compiled = torch.compile(model)
    seen: list[str] = []

    def watch(call: Any, run: Any) -> Any:
        seen.append(call.name)
        return run()

    with torch.no_grad():
        compiled(images(2))
        compiled(images(2))
        with torch.autograd.op_hook(watch):
            compiled(images(2))
        assert "normalize_channels" in seen
        with torch.autograd.composed():
            close(compiled(images(2)), model(images(2)))
        batch = torch.stack([images(1), images(1, seed=1)])
        close(torch.vmap(compiled)(batch), torch.stack([model(x) for x in batch]))


def test_a_model_that_always_changes_is_not_recorded_for_ever() -> None:
    model = Odd("counter").eval()
    compiled = torch.compile(model)
    with torch.no_grad():
        for i in range(1, 80):
            x = vectors()
            close(compiled(x), model.linear(x) * i)
    assert compiled.forward._count == 64


def test_lazy_modules() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU()).eval()
    compiled = torch.compile(model)
    with torch.no_grad():
        for _ in range(3):
            close(compiled(vectors()), model(vectors()))


def test_inference_mode_marks_the_results() -> None:
    compiled = torch.compile(net())
    with torch.inference_mode():
        compiled(images(1))
        assert compiled(images(1)).is_inference()
    with torch.no_grad():
        assert not compiled(images(1)).is_inference()


def test_an_error_of_the_model_is_the_models() -> None:
    compiled = torch.compile(net())
    with torch.no_grad():
        for _ in range(2):
            with pytest.raises(RuntimeError, match="channels"):
                compiled(torch.ones(1, 2, 28, 28))
        close(compiled(images(1)), net_result := compiled(images(1)))
        assert net_result.shape == (1, 4)


# -- PyTorch's interface -----------------------------------------------------------------------------------------------


def test_it_is_the_model_to_those_who_ask() -> None:
    model = net()
    model.extra = 5
    compiled = torch.compile(model)
    assert isinstance(compiled, nn.Module) and compiled._orig_mod is model
    assert compiled.extra == 5
    compiled.extra = 6
    compiled.layer = nn.Linear(1, 1)
    assert model.extra == 6 and isinstance(model.layer, nn.Linear)
    del compiled.layer
    assert not hasattr(model, "layer") and not hasattr(compiled, "nothing")
    assert list(compiled.state_dict()) == [f"_orig_mod.{name}" for name in model.state_dict()]
    compiled.load_state_dict(compiled.state_dict())
    assert [name for name, _ in compiled.named_parameters()] == [f"_orig_mod.{n}" for n, _ in model.named_parameters()]
    assert not compiled.training and compiled.train() is compiled and model.training and model[1].training
    assert compiled.double()._orig_mod[0].weight.dtype == torch.float64
    assert "_orig_mod" in repr(compiled)


def test_copies_and_pickles_record_for_themselves() -> None:
    compiled = torch.compile(net())
    with torch.no_grad():
        wanted = compiled(images(1))
        twin = copy.deepcopy(compiled)
        load(compiled._orig_mod)
        for _ in range(2):
            close(twin(images(1)), wanted)
        assert twin._orig_mod is not compiled._orig_mod
        again = pickle.loads(pickle.dumps(twin))
        for _ in range(2):
            close(again(images(1)), wanted)


def test_a_module_compiles_itself_in_place() -> None:
    model = net()
    twin, names = copy.deepcopy(model), list(model.state_dict())
    assert model.compile() is None
    with torch.no_grad():
        for _ in range(3):
            close(model(images(2)), twin(images(2)))
        assert "folded" in model.forward.describe()[0]
        write_data(model)
        write_data(twin)
        close(model(images(2)), twin(images(2)))
        close(copy.deepcopy(model)(images(2)), twin(images(2)))
        model.register_forward_hook(lambda module, args, output: output * 2)
        close(model(images(2)), twin(images(2)) * 2)
    assert list(model.state_dict()) == names and "forward" not in vars(copy.deepcopy(model))
    model.compile(disable=True)
    whole = nn.Sequential(torch.compile(net()), nn.ReLU()).eval()
    whole.compile(fullgraph=True)
    with torch.no_grad():
        for _ in range(2):
            close(whole(images(2)), whole[0]._orig_mod(images(2)).relu())


def test_decorators_functions_and_arguments() -> None:
    @torch.compile
    def double(x: Any) -> Any:
        return x * 2

    @torch.compile(mode="reduce-overhead", dynamic=True)
    def triple(x: Any) -> Any:
        return x * 3

    assert double(2) == 4 and triple(2) == 6
    model = net()
    assert torch.compile(model, disable=True) is model and torch.compile(model, backend="eager") is model
    with pytest.raises(ValueError, match="backend must be 'inductor' or 'eager'"):
        torch.compile(model, backend="tensorrt")
    with pytest.raises(RuntimeError, match="unrecognized mode='fast'"):
        torch.compile(model, mode="fast")
    with pytest.raises(RuntimeError, match="mode or options"):
        torch.compile(model, mode="default", options={})
    with pytest.raises(TypeError, match="expected a module or a function, got int"):
        torch.compile(3)
