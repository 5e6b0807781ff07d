"""What code written for PyTorch leans on without thinking about it."""

from __future__ import annotations

import copy
import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import Tensor, nn, optim
from tinygrad_fm.autograd import Variable
from tinygrad_fm.autograd.function import Function, once_differentiable
from tinygrad_fm.backends import cudnn
from tinygrad_fm.cuda.amp import GradScaler, autocast
from tinygrad_fm.nn.utils.rnn import pad_sequence, unpad_sequence
from tinygrad_fm.optim.lr_scheduler import StepLR, _LRScheduler
from tinygrad_fm.utils.checkpoint import checkpoint
from tinygrad_fm.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from tinygrad_fm.utils.data.dataloader import DataLoader as SameLoader


def make_net() -> Any:
    return nn.Sequential(OrderedDict([("first", nn.Linear(3, 4)), ("act", nn.ReLU()), ("last", nn.Linear(4, 2))]))


# -- devices -----------------------------------------------------------------------------------------------------------


def test_there_is_no_gpu_and_nothing_breaks() -> None:
    assert not torch.cuda.is_available() and torch.cuda.device_count() == 0
    assert not torch.backends.mps.is_available() and not torch.backends.cudnn.is_available()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert str(device) == device.type == "cpu" and device == torch.device("cpu", 0)
    torch.cuda.manual_seed(0)
    torch.cuda.manual_seed_all(0)
    torch.cuda.empty_cache()
    torch.cuda.synchronize()
    cudnn.benchmark, cudnn.deterministic = True, True
    x = torch.ones(2, device=device)
    assert x.to(device) is x and x.to("cpu", non_blocking=True) is x and x.cpu() is x and x.pin_memory() is x
    assert x.device == device and not x.is_cuda and x.get_device() == -1
    assert next(make_net().to(device).parameters()).device.type == "cpu"
    with pytest.raises(RuntimeError, match=r"docs/pytorch\.md"):
        x.cuda()
    with pytest.raises(RuntimeError, match=r"docs/pytorch\.md"):
        make_net().cuda()
    with pytest.raises(RuntimeError, match="no GPU"):
        torch.cuda.current_device()


def test_mixed_precision_is_off() -> None:
    scaler, layer = GradScaler(), nn.Linear(2, 1)
    steps = optim.SGD(layer.parameters(), lr=1.0)
    before = layer.weight.detach().clone()
    with autocast(), torch.autocast("cuda", dtype=torch.float16), torch.autocast("cpu", enabled=False):
        loss = layer(torch.ones(1, 2)).sum()
    scaler.scale(loss).backward()
    scaler.unscale_(steps)
    scaler.step(steps)
    scaler.update()
    scaler.load_state_dict(scaler.state_dict())
    assert scaler.get_scale() == 1.0 and not scaler.is_enabled()
    assert torch.equal(layer.weight, before - 1)
    with pytest.raises(RuntimeError, match="enabled=False"):
        torch.autocast("cpu")


def test_wrappers_for_several_gpus_hand_through() -> None:
    net = nn.DataParallel(make_net(), device_ids=[0])
    x = torch.ones(1, 3)
    assert torch.equal(net(x), net.module(x))
    assert torch.equal(nn.parallel.data_parallel(net, x), net(x))
    assert next(iter(net.state_dict())) == "module.first.weight"


# -- tensors -----------------------------------------------------------------------------------------------------------


def test_shapes_are_tuples() -> None:
    x = torch.zeros(2, 3, 4)
    assert x.shape == (2, 3, 4) == x.size() == torch.Size([2, 3, 4]) and isinstance(x.shape, torch.Size)
    assert x.size(-1) == x.shape[-1] == 4 and x.size()[0] == len(x) == 2
    b, *rest = x.shape
    assert (b, rest) == (2, [3, 4]) and (*x.shape[1:], 5) == (3, 4, 5)
    assert x.numel() == x.nelement() == x.shape.numel() == 24 and x.dim() == x.ndim == x.ndimension() == 3
    assert [tuple(row.shape) for row in x] == [(3, 4)] * 2
    assert x.view(2, -1).shape == x.view(-1, 12).size() == x.reshape([2, 12]).shape == x.view(x.size(0), -1).shape


def test_out_of_tensors() -> None:
    x = torch.tensor([[1.5, 2.0]])
    assert x.tolist() == [[1.5, 2.0]] and x[0, 0].item() == 1.5 and float(x[0, 1]) == 2 and int(x[0, 1]) == 2
    assert isinstance(x.numpy(), np.ndarray) and np.shares_memory(x.numpy(), x.data.numpy())
    assert x.detach().cpu().numpy().sum() == 3.5 and np.asarray(x).dtype == np.float32
    assert f"{x.sum():.2f} {x.mean().item():6.3f} {x[0, 0]}" == "3.50  1.750 1.5"
    assert "%.1f" % x.sum() == "3.5" and "{:d}".format(torch.tensor(3)) == "3"  # noqa: UP031, UP032
    assert [10, 20, 30][torch.tensor(1)] == 20 and list(range(torch.tensor(2))) == [0, 1]
    assert bool(torch.tensor(True)) and not torch.tensor(0) and 2.0 in x and x is not None
    assert max(torch.tensor([1, 3, 2])).item() == 3 and sum(torch.tensor([1, 2])).item() == 3
    assert sorted(torch.tensor([2.0, 1.0])) == [1.0, 2.0] and len({x, x}) == 1
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(x)


def test_dtypes_and_older_types() -> None:
    assert torch.tensor([1]).dtype == torch.long == torch.int64 and torch.tensor([1.0]).dtype == torch.float is torch.float32
    x = torch.tensor([1.7, 0.0])
    casts = (x.long(), x.int(), x.bool(), x.double(), x.half(), x.byte(), x.short(), x.char())
    assert [c.dtype for c in casts] == [
        torch.int64,
        torch.int32,
        torch.bool,
        torch.float64,
        torch.float16,
        torch.uint8,
        torch.int16,
        torch.int8,
    ]
    assert x.type() == "torch.FloatTensor" and x.type(torch.LongTensor).dtype is torch.long
    assert x.type("torch.DoubleTensor").dtype is torch.float64 and x.to(torch.float64).type_as(x).dtype is torch.float32
    assert torch.FloatTensor([1, 2]).dtype is torch.float32 and torch.LongTensor(2, 3).shape == (2, 3)
    assert isinstance(x, torch.FloatTensor) and not isinstance(x, torch.LongTensor) and isinstance(x, torch.Tensor)
    assert torch.is_tensor(x) and torch.is_floating_point(x) and not torch.is_complex(x) and torch.numel(x) == 2
    assert x.new(2, 3).shape == (2, 3) and x.new([1]).tolist() == [1.0] and x.new_zeros(2).dtype is x.dtype
    assert torch.finfo(torch.float32).eps == np.finfo(np.float32).eps and torch.iinfo(torch.int8).max == 127
    assert torch.result_type(x, 1) is torch.float32 and torch.promote_types(torch.int8, torch.float16) is torch.float16
    assert not torch.can_cast(torch.float32, torch.int32) and torch.typename(x) == "torch.FloatTensor"
    with pytest.raises(TypeError, match="iinfo"):
        torch.finfo(torch.int8)


def test_default_dtype() -> None:
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.tensor(1.0).dtype is torch.get_default_dtype() is torch.float64
        assert nn.Linear(1, 1).weight.dtype is torch.float64
        torch.set_default_tensor_type("torch.FloatTensor")
        assert torch.zeros(1).dtype is torch.float32
        torch.set_default_tensor_type(torch.DoubleTensor)
        assert torch.zeros(1).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_switches_are_accepted() -> None:
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("high")
    torch.set_num_interop_threads(1)
    torch.set_default_device("cpu")
    assert torch.are_deterministic_algorithms_enabled() and torch.get_default_device() == torch.device("cpu")
    assert torch.get_float32_matmul_precision() == "highest" and not torch.set_flush_denormal(True)
    x = torch.ones(1, 2, 3, 3)
    assert x.to(memory_format=torch.channels_last).shape == x.contiguous(memory_format=torch.contiguous_format).shape
    assert nn.Conv2d(2, 2, 1).to(memory_format=torch.channels_last)(x).shape == x.shape
    with pytest.raises(RuntimeError, match="low"):
        torch.set_float32_matmul_precision("low")


def test_shapes_in_place() -> None:
    x = torch.zeros(2, 3)
    assert x.unsqueeze_(0).shape == (1, 2, 3) and x.squeeze_(0).shape == (2, 3)
    assert x.t_().shape == (3, 2) and x.transpose_(0, 1).shape == (2, 3)
    with pytest.raises(RuntimeError, match="unsqueeze"):
        x.requires_grad_().unsqueeze_(0)


def test_older_ways_to_draw_and_fill() -> None:
    x = torch.empty(1000)
    assert x.random_(5).min() >= 0 and x.max() == 4 and x.random_(2, 4).min() == 2
    assert abs(x.exponential_(2.0).mean() - 0.5) < 0.1 and x.normal_(3, 0.1).mean() > 2.9
    assert x.uniform_(-1, 1).min() < -0.9 and set(x.bernoulli_(0.5).tolist()) == {0.0, 1.0}
    assert torch.randint(5, size=(3,)).max() < 5 and torch.zeros(size=(2, 3)).shape == torch.randn(size=(2, 3)).shape == (2, 3)
    with pytest.raises(RuntimeError, match="lambda"):
        x.exponential_(0)


def test_windows_along_a_dimension() -> None:
    x = torch.arange(10.0, requires_grad=True)
    windows = x.unfold(0, 4, 3)
    assert windows.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    windows.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 2, 1, 1, 2, 1, 1, 1]
    assert torch.zeros(2, 3, 8, 8).unfold(2, 2, 2).unfold(3, 2, 2).shape == (2, 3, 4, 4, 2, 2)


# -- gradients ---------------------------------------------------------------------------------------------------------


def test_grad_modes_in_every_form() -> None:
    w = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def silent() -> Any:
        return w * 2

    @torch.inference_mode()
    def inferred() -> Any:
        return w * 2

    @torch.inference_mode
    def bare() -> Any:
        return w * 2

    @torch.enable_grad()
    def loud() -> Any:
        return w * 2

    assert not silent().requires_grad and not inferred().requires_grad and not bare().requires_grad
    with torch.no_grad():
        assert loud().requires_grad and not (w * 2).requires_grad
    with torch.inference_mode():
        assert not torch.is_grad_enabled()
    with torch.inference_mode(False):
        assert (w * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not (w * 2).requires_grad
    torch.set_grad_enabled(False)
    assert not (w * 2).requires_grad
    torch.set_grad_enabled(True)
    with torch.autograd.set_detect_anomaly(True):
        (w * 2).sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_variables_are_tensors() -> None:
    x = torch.ones(2)
    assert Variable(x) is x and Variable(x, requires_grad=False) is x and Variable(x, volatile=True) is x
    y = Variable(x, requires_grad=True)
    (y * y).sum().backward()
    assert y.grad.tolist() == [2.0, 2.0] and not x.requires_grad and torch.autograd.Variable is Variable


def test_data_is_written_without_the_tape() -> None:
    layer = nn.Linear(2, 2)
    layer.weight.data.fill_(1.0)
    layer.weight.data = layer.weight.data * 2
    layer.weight.data -= 0.5 * torch.ones(2, 2)
    layer.bias.data.zero_()
    for p in layer.parameters():
        p.data.add_(torch.ones_like(p), alpha=0.5).clamp_(max=1.75)
    assert layer.weight.tolist() == [[1.75] * 2] * 2 and layer.bias.tolist() == [0.5, 0.5] and layer.weight.is_leaf
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0] * 2] * 2
    layer.weight.grad.data.zero_()
    layer.bias.grad.detach_().zero_()
    assert not layer.weight.grad.any() and not layer.bias.grad.any()


def test_own_functions_and_checkpoints() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Tensor) -> Tensor:
            return g * 2

    x = torch.ones(2, requires_grad=True)
    checkpoint(lambda x: Twice.apply(x).exp(), x, use_reentrant=False).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([2.0, 2.0]), rtol=1e-6)
    assert torch.utils.checkpoint.checkpoint is checkpoint and issubclass(Twice, torch.autograd.Function)


# -- modules and training ----------------------------------------------------------------------------------------------


def test_modules_are_found_and_changed() -> None:
    net = make_net()
    assert [name for name, _ in net.named_children()] == ["first", "act", "last"] and len(list(net.modules())) == 4
    assert [isinstance(m, nn.Linear) for m in net.children()] == [True, False, True] and net.first is net[0]
    assert [name for name, _ in net.named_modules()] == ["", "first", "act", "last"] and isinstance(net, torch.nn.Module)
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == 26
    net.first.requires_grad_(False)
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]
    net.last = nn.Linear(4, 5)
    net.act = nn.Identity()
    net.add_module("end", nn.Flatten())
    net.apply(lambda m: nn.init.constant_(m.weight, 0.5) if type(m) is nn.Linear else None)
    assert net(torch.ones(1, 3)).shape == (1, 5) and float(net.last.weight.sum()) == 10
    assert net.training and not net.eval().training and not net.last.training and net.train().last.training
    assert net.double().last.weight.dtype is torch.float64 and net.half().last.weight.dtype is torch.float16
    assert net.type(torch.FloatTensor).float().last.weight.dtype is torch.float32


def test_models_are_saved_and_loaded(tmp_path: Any) -> None:
    net = make_net()
    steps = optim.Adam(net.parameters(), lr=0.1)
    net(torch.ones(1, 3)).sum().backward()
    steps.step()
    path = tmp_path / "model.pt"
    torch.save({"epoch": 3, "model": net.state_dict(), "optimizer": steps.state_dict(), "best": 0.5, "names": ["a"]}, path)
    saved = torch.load(str(path), map_location=torch.device("cpu"), weights_only=True)
    other = make_net()
    assert str(other.load_state_dict(saved["model"])) == "<All keys matched successfully>"
    other_steps = optim.Adam(other.parameters())
    other_steps.load_state_dict(saved["optimizer"])
    assert saved["epoch"] == 3 and saved["names"] == ["a"] and other_steps.param_groups[0]["lr"] == 0.1
    assert torch.equal(other(torch.ones(1, 3)), net(torch.ones(1, 3)))
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    buffer.seek(0)
    assert list(torch.load(buffer)) == list(net.state_dict())
    partial = {k: v for k, v in net.state_dict().items() if "last" not in k}
    assert other.load_state_dict(partial, strict=False).missing_keys == ["last.weight", "last.bias"]
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(partial)


def test_copies_are_apart() -> None:
    net = make_net()
    net(torch.ones(1, 3)).sum().backward()
    twin = copy.deepcopy(net)
    assert torch.equal(twin.first.weight.grad, net.first.weight.grad)
    optim.SGD(net.parameters(), lr=1.0).step()
    assert not torch.equal(twin.first.bias, net.first.bias)
    y = net(torch.ones(1, 3))  # in the middle of a graph
    other = copy.deepcopy(net)
    y.sum().backward()
    assert other.last.bias.grad.tolist() == [1.0, 1.0] and net.last.bias.grad.tolist() == [2.0, 2.0]
    steps = copy.deepcopy(optim.Adam(net.parameters()))
    assert steps.param_groups[0]["params"][0] is not net.first.weight


def test_buffers_and_lists_of_parameters() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(torch.ones(2)) for _ in range(2)])
            self.heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
            self.register_buffer("mean", torch.zeros(2))
            self.none: Any = None
            self.register_parameter("missing", None)

        def forward(self, x: Tensor) -> Tensor:
            return self.heads["a"](sum(w * x for w in self.weights) - self.mean)

    net = Net()
    assert list(net.state_dict()) == ["mean", "weights.0", "weights.1", "heads.a.weight", "heads.a.bias"]
    assert "mean" in dict(net.named_buffers()) and net.missing is None
    net.mean = torch.ones(2)
    net(torch.ones(1, 2)).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_schedules_of_ones_own() -> None:
    class Linear(_LRScheduler):
        def get_lr(self) -> list[float]:
            return [lr * (1 - self.last_epoch / 10) for lr in self.base_lrs]

    steps = optim.SGD(make_net().parameters(), lr=1.0)
    schedule, other = Linear(steps), StepLR(optim.SGD(make_net().parameters(), lr=1.0), step_size=1, gamma=0.5)
    for s in (schedule, other):
        s.optimizer.step()
        s.step()
    assert schedule.get_last_lr() == [0.9] and other.optimizer.param_groups[0]["lr"] == 0.5
    for group in steps.param_groups:
        group["lr"] *= 0.1
    assert schedule.optimizer.param_groups[0]["lr"] == pytest.approx(0.09)


def test_loaders_of_every_kind() -> None:
    class Squares(Dataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> Any:
            return {"x": torch.tensor(i), "y": i * i, "name": str(i)}

    class Stream(IterableDataset):
        def __iter__(self) -> Iterator[int]:
            return iter(range(5))

    batches = list(DataLoader(Squares(), batch_size=2, shuffle=False, num_workers=2, pin_memory=True))
    assert [b["y"].tolist() for b in batches] == [[0, 1], [4, 9], [16]] and batches[0]["name"] == ["0", "1"]
    assert [b.tolist() for b in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Stream(), batch_size=2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(), batch_size=None)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Stream(), shuffle=True)
    loader = DataLoader(TensorDataset(torch.arange(6), torch.ones(6)), batch_size=3, collate_fn=lambda rows: len(rows))
    assert list(loader) == [3, 3] and len(loader) == 2 and len(loader.dataset) == 6 and SameLoader is DataLoader
    assert get_worker_info() is None and torch.utils.data.DataLoader is DataLoader
    padded = pad_sequence([torch.ones(1), torch.ones(3)], batch_first=True, padding_value=-1)
    assert padded.tolist() == [[1, -1, -1], [1, 1, 1]] and pad_sequence([torch.ones(1), torch.ones(3)]).shape == (3, 2)
    assert [len(s) for s in unpad_sequence(padded, torch.tensor([1, 3]), batch_first=True)] == [1, 3]


def test_seeds_repeat() -> None:
    def draw() -> list[Any]:
        net = nn.Linear(2, 2)
        return [torch.rand(2).tolist(), torch.randperm(5).tolist(), net.weight.tolist(), F.dropout(torch.ones(9)).tolist()]

    torch.manual_seed(5)
    first, state = draw(), torch.get_rng_state()
    later = draw()
    torch.manual_seed(5)
    assert draw() == first and first != later
    torch.set_rng_state(state)
    assert draw() == later
    generator = torch.Generator().manual_seed(3)
    a = torch.randn(2, generator=generator)
    assert torch.equal(a, torch.randn(2, generator=generator.manual_seed(3))) and torch.initial_seed() == 5
    assert torch.default_generator.initial_seed() == 5


def test_normalised_weights() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(3, 4)
    before, x = plain.weight.detach().clone(), torch.randn(2, 3)
    expected = plain(x).detach()
    layer = nn.utils.weight_norm(plain)
    assert sorted(layer.state_dict()) == ["bias", "weight_g", "weight_v"] and torch.allclose(layer(x), expected, atol=1e-6)
    layer(x).sum().backward()
    assert layer.weight_g.grad.shape == (4, 1) and layer.weight_v.grad.shape == (4, 3)
    assert torch.allclose(nn.utils.remove_weight_norm(layer).weight, before, atol=1e-6)
    spectral = nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))
    for _ in range(30):
        spectral(torch.randn(1, 3, 5, 5))
    largest = np.linalg.svd(spectral.weight.detach().numpy().reshape(4, -1))[1][0]
    assert largest == pytest.approx(1, abs=1e-3)
    y = spectral(torch.randn(1, 3, 5, 5)) + spectral(torch.randn(1, 3, 5, 5))  # twice in one graph
    y.sum().backward()
    assert spectral.weight_orig.grad is not None and "weight_u" in spectral.state_dict()
    with pytest.raises(ValueError, match="not found"):
        nn.utils.remove_weight_norm(spectral)


def test_errors_are_the_ones_that_are_caught() -> None:
    with pytest.raises(RuntimeError):
        torch.ones(2, 3) @ torch.ones(2, 3)
    with pytest.raises(RuntimeError):
        torch.ones(2) + torch.ones(3)
    with pytest.raises(IndexError):
        torch.ones(2)[5]
    with pytest.raises(IndexError):
        torch.ones(2).sum(3)
    with pytest.raises(TypeError):
        torch.ones(2) + "a"
    with pytest.raises(RuntimeError):
        torch.ones(2, requires_grad=True).numpy()
    with pytest.raises(NotImplementedError):
        nn.Module()(1)
    with pytest.raises(AttributeError):
        nn.Linear(1, 1).missing  # noqa: B018
    assert not hasattr(nn.Linear(1, 1), "missing") and not hasattr(torch.ones(1), "missing")


def test_where_alone_gives_indices() -> None:
    rows, columns = torch.where(torch.tensor([[False, True], [True, False]]))
    assert rows.tolist() == [0, 1] and columns.tolist() == [1, 0]


# -- what is left out --------------------------------------------------------------------------------------------------

LEFT_OUT = [
    "torch.jit.script",
    "torch.compiler.disable",
    "torch.fft.fft",
    "torch.sparse.mm",
    "torch.cuda.Stream",
    "torch.sparse_coo_tensor",
    "torch.complex64",
    "torch.quantization",
    "torch.distributed.reduce_scatter",
    "torch.bfloat16",
    "torch.multiprocessing",
    "torch.export.export",
    "optim.SparseAdam",
    "torch.ones(1).to_sparse",
    "torch.ones(1).bfloat16",
    "torch.utils.tensorboard",
    "torch.backends.quantized",
    "torch.nn.quantized",
    "torch.autograd.profiler",
    "torch.autograd.graph.anything",
    "torch.func.anything",
    "torch.profiler.tensorboard_trace_handler",
    "torch.anything_else",
    "nn.Anything",
    "F.anything",
    "optim.Anything",
    "torch.utils.anything",
    "nn.utils.anything",
]


@pytest.mark.parametrize("expression", LEFT_OUT)
def test_reaching_for_what_is_left_out_names_the_page(expression: str) -> None:
    with pytest.raises(AttributeError, match=r"docs/pytorch\.md"):
        eval(expression)


@pytest.mark.parametrize(
    "line",
    [
        "import tinygrad_fm.jit",
        "from tinygrad_fm.nn.quantized import Linear",
        "from tinygrad_fm.sparse import mm",
        "from tinygrad_fm.nn import AdaptiveLogSoftmaxWithLoss",
        "from tinygrad_fm import fft",
        "from tinygrad_fm.distributed import rpc",
        "from tinygrad_fm.utils.tensorboard import SummaryWriter",
    ],
)
def test_importing_what_is_left_out_names_the_page(line: str) -> None:
    with pytest.raises(ImportError, match=r"docs/pytorch\.md"):
        exec(line)


def test_asking_whether_it_is_there_is_no_error() -> None:
    assert (
        not hasattr(torch, "jit") and not hasattr(nn, "AdaptiveLogSoftmaxWithLoss") and not hasattr(torch.ones(1), "to_sparse")
    )
    assert hasattr(F, "scaled_dot_product_attention") and getattr(torch, "jit", None) is None
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        import tinygrad_fm.nonsense  # noqa: F401
    with pytest.raises(AttributeError):
        torch.__wrapped__  # noqa: B018
    with pytest.raises(Exception, match=r"tinygrad_fm|pickle"):
        torch.load(io.BytesIO(pickle.dumps({})))
