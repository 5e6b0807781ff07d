"""What `Module` itself does, against PyTorch's: each program below runs in both libraries and must find the same.

A program is given the library and returns what it saw; where something raises, the kind of the error.
"""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # deprecated ways that still must work
    pytest.mark.filterwarnings("ignore:For backward hooks to be called:UserWarning"),
    pytest.mark.filterwarnings("ignore:`?torch.nn.utils.weight_norm:UserWarning"),
]

PROGRAMS: list[Callable[[Any], list[Any]]] = []


def program(function: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    PROGRAMS.append(function)
    return function


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda f: f.__name__)
def test_does_what_pytorchs_does(run):
    assert run(tinygrad_fm) == run(torch)


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What ``function`` gives, printed unless it is plain; or the built-in class of the error that it raises."""
    try:
        found = function(*args, **kwargs)
    except Exception as error:
        return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins")
    return found if isinstance(found, (int, str, float, list, tuple, type(None), dict)) else repr(found)


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def dtypes(tensors: Any) -> list[str]:
    return [str(t.dtype).removeprefix("torch.") for t in tensors]


def make(T: Any) -> Any:
    class Net(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = T.nn.Linear(2, 3)
            self.scale = T.nn.Parameter(T.ones(2))
            self.register_buffer("seen", T.zeros(2))
            self.register_buffer("scratch", T.zeros(1), persistent=False)
            self.rest = T.nn.Sequential(T.nn.Linear(3, 3), T.nn.BatchNorm1d(3))
            self.nothing = None

        def forward(self, x):
            return self.rest(self.first(x * self.scale))

    return Net()


# ---- attributes ------------------------------------------------------------------------------------------------------


@program
def assignment(T):
    nn, seen = T.nn, []
    values = {
        "a module": lambda: nn.ReLU(),
        "a parameter": lambda: nn.Parameter(T.ones(1)),
        "a tensor": lambda: T.ones(3),
        "a buffer": lambda: nn.Buffer(T.ones(1)),
        "a buffer that is not saved": lambda: nn.Buffer(T.ones(1), persistent=False),
        "a number": lambda: 3,
        "None": lambda: None,
    }
    for name in ("first", "scale", "seen", "scratch", "nothing", "training", "new"):
        for value in values.values():
            net = make(T)
            seen.append(attempt(setattr, net, name, value()))
            seen += [
                names(net.named_children()),
                names(net.named_parameters()),
                names(net.named_buffers()),
                list(net.state_dict()),
            ]
            seen += [name in net.__dict__, repr(net)]
            seen += [attempt(setattr, net, name, None), list(net.state_dict()), attempt(hasattr, net, name)]
    return seen


@program
def deletion(T):
    net, seen = make(T), []
    for name in ("scale", "seen", "first", "scratch", "nothing", "zzz", "rest", "training"):
        seen += [attempt(delattr, net, name), hasattr(net, name)]
    net.register_buffer("scratch", T.ones(1))
    return [*seen, list(net.state_dict())]


@program
def registration(T):
    nn, seen = T.nn, []
    for method in ("register_parameter", "register_buffer", "add_module", "register_module"):
        for name in ("a.b", "", 3, None, "first", "scale", "seen", "forward", "training", "nothing", "weird name\n", "1"):
            seen.append(attempt(getattr(make(T), method), name, None))
        for value in (T.ones(2), nn.Parameter(T.ones(2)), nn.Buffer(T.ones(2)), [1], nn.ReLU(), nn.ReLU):
            net = make(T)
            seen += [attempt(getattr(net, method), "z", value), names(net.named_buffers()), names(net.named_parameters())]
    product = nn.Parameter(T.ones(2))
    with T.no_grad():
        product.mul_(2)
    return [*seen, attempt(make(T).register_parameter, "product", product)]


@program
def without_super_init(T):
    class Forgot(T.nn.Module):
        def __init__(self):
            pass

    seen = [attempt(getattr(Forgot(), m), "a", None) for m in ("register_parameter", "register_buffer", "add_module")]
    values = (T.nn.Parameter(T.ones(1)), T.nn.Buffer(T.ones(1)), T.ones(1), T.nn.ReLU(), 3)
    seen += [attempt(setattr, Forgot(), "x", value) for value in values]
    seen += [
        attempt(list, Forgot().parameters()),
        attempt(repr, Forgot()),
        attempt(Forgot().state_dict),
        attempt(Forgot().train),
    ]
    return [*seen, attempt(Forgot(), 1), attempt(getattr, Forgot(), "zzz")]


@program
def bases(T):
    class Plain:
        def __init__(self, a=1):
            self.a = a

    class Passing(T.nn.Module, Plain):
        call_super_init = True

        def __init__(self, a):
            super().__init__(a=a)
            self.act = T.nn.ReLU()

    class Both(Plain, T.nn.Module):
        def __init__(self):
            T.nn.Module.__init__(self)
            Plain.__init__(self, 3)
            self.act = T.nn.ReLU()

    class Properties(T.nn.Module):
        @property
        def broken(self):
            return self.missing

        @property
        def settable(self):
            return self._settable

        @settable.setter
        def settable(self, value):
            self._settable = value

    module = Properties()
    module.settable = 3
    replaced = T.nn.Linear(2, 2)
    replaced.forward = lambda x: 7
    return [Passing(5).a, repr(Both()), attempt(getattr, module, "broken"), module.settable, replaced(1)]


# ---- the tree --------------------------------------------------------------------------------------------------------


@program
def names_of_parts(T):
    net, seen = make(T), []
    net.again, net.other = net.first, net.scale
    for method in ("named_parameters", "named_buffers", "named_modules"):
        for once in (True, False):
            for prefix in ("", "x"):
                seen.append(names(getattr(net, method)(prefix=prefix, remove_duplicate=once)))
    memo: set[Any] = set()
    seen += [names(net.named_modules(memo)), names(net.named_modules(memo)), len(memo)]
    seen += [names(net.named_parameters(recurse=False)), names(net.named_children()), len(list(net.children()))]
    seen += [len(list(net.parameters(recurse=False))), len(list(net.buffers(False))), len(list(net.buffers()))]
    seen += [[d for d in dir(net) if d in ("scale", "seen", "first", "training")], [d for d in dir(net.rest) if d[0].isdigit()]]
    return seen


@program
def paths(T):
    seen = []
    for path in (
        "",
        "first",
        "rest.0",
        "rest.1.weight",
        "x",
        "rest.5",
        "nothing",
        "rest.0.in_features",
        "first.",
        ".",
        "scale",
    ):
        for method in ("get_submodule", "get_parameter", "get_buffer"):
            seen.append(attempt(lambda net, method, path: type(getattr(net, method)(path)).__name__, make(T), method, path))
    for path in ("", "first", "rest.0", "new", "rest.new", "x.y", "scale", "forward"):
        for strict in (False, True):
            net = make(T)
            seen += [attempt(net.set_submodule, path, T.nn.ReLU(), strict), names(net.named_modules())]
    return [*seen, attempt(make(T).set_submodule, "first", 3)]


@program
def modes(T):
    net, order = make(T), []
    seen = [attempt(lambda v: [m.training for m in net.train(v).modules()], v) for v in (True, False, 1, None, "a")]
    seen += [net.eval() is net, net.requires_grad_(False) is net, [p.requires_grad for p in net.parameters()]]
    net.requires_grad_().train()(T.ones(4, 2)).sum().backward()
    before = net.scale.grad
    net.zero_grad(set_to_none=False)
    seen += [before is net.scale.grad, before.tolist()]
    net.zero_grad()
    return [*seen, net.scale.grad, net.apply(lambda m: order.append(type(m).__name__)) is net, order]


@program
def casts(T):
    ways = [
        lambda m: m.double(),
        lambda m: m.half(),
        lambda m: m.to(T.float64),
        lambda m: m.to("cpu"),
        lambda m: m.to(device="cpu", dtype=T.float16),
        lambda m: m.to(T.ones(1, dtype=T.float64)),
        lambda m: m.to("cpu", T.float64, True),
        lambda m: m.to(T.int64),
        lambda m: m.type(T.float64),
        lambda m: m.type(T.int64),
        lambda m: m.to(),
        lambda m: m.to_empty(device="cpu"),
        lambda m: m.cpu(),
    ]
    seen = []
    for way in ways:
        net = make(T)
        net.register_buffer("count", T.zeros(2, dtype=T.int64))
        net(T.ones(4, 2)).sum().backward()
        before = list(net.parameters())
        seen.append(attempt(lambda way, net: way(net) is net, way, net))
        if seen[-1] is True:
            seen += [dtypes(net.parameters()), dtypes(net.buffers()), dtypes(p.grad for p in net.parameters())]
            seen += [all(a is b for a, b in zip(before, net.parameters(), strict=True)), [p.requires_grad for p in before]]
    return seen


# ---- saving ----------------------------------------------------------------------------------------------------------


@program
def state_dicts(T):
    net, filled = make(T), OrderedDict()
    saved = net.state_dict()
    seen = [type(saved).__name__, list(saved), dict(saved._metadata), list(net.state_dict(prefix="a."))]
    seen += [
        dict(net.state_dict(prefix="a.")._metadata),
        net.state_dict(destination=filled) is filled,
        hasattr(filled, "_metadata"),
    ]
    seen += [list(net.state_dict(OrderedDict(), "x.", True)), any(v.requires_grad for v in saved.values())]
    return [*seen, [v.requires_grad for v in net.state_dict(keep_vars=True).values()]]


@program
def loading(T):
    changes = [
        lambda s: s.pop("scale"),
        lambda s: s.update(foo=T.ones(1)),
        lambda s: s.update({"first.foo": T.ones(1)}),
        lambda s: s.update({"foo.bar": T.ones(1)}),
        lambda s: s.update({"scale.x": T.ones(1)}),
        lambda s: s.update({"": T.ones(1)}),
        lambda s: s.update({"first._extra_state": 3}),
        lambda s: s.update(scale=T.ones(3)),
        lambda s: s.update(scale=3),
        lambda s: s.update(scratch=T.ones(1)),
        lambda s: s.update(nothing=T.ones(1)),
        lambda s: s.pop("rest.1.num_batches_tracked"),
        lambda s: s.update({"rest.1.num_batches_tracked": T.ones(1, dtype=T.int64)}),
        lambda s: s.update(scale=T.ones(2, dtype=T.float64)),
        lambda s: s.update(scale=T.ones(2, dtype=T.int64)),
        lambda s: s.update(scale=T.ones(2, requires_grad=True)),
        lambda s: s.update({"first.weight": T.ones(2, 3).t()}),
    ]
    seen = []
    for change in changes:
        for strict in (True, False):
            for assign in (False, True):
                for with_metadata in (True, False):
                    net, saved = make(T), make(T).state_dict()
                    saved = saved if with_metadata else dict(saved)
                    change(saved)
                    seen.append(attempt(net.load_state_dict, saved, strict=strict, assign=assign))
                    if "Error" not in seen[-1]:
                        p = net.scale
                        seen += [dtypes([p]), p.tolist(), type(p).__name__, p.requires_grad, p.is_leaf]
    seen += [attempt(make(T).load_state_dict, bad) for bad in (3, None, [("scale", 1)], "a")]
    net, saved = make(T), make(T).state_dict(keep_vars=True)
    net.load_state_dict(saved, assign=True)
    seen += [net.scale is saved["scale"], net.seen is saved["seen"]]
    saved, version = make(T).state_dict(), net.scale._version
    net.load_state_dict(saved)
    saved["scale"].fill_(8)
    return [*seen, net.scale.tolist(), net.scale._version - version]


@program
def hooks_around_saving(T):
    net, log = make(T), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", type(m).__name__, prefix, keep)))
    handle = net._register_state_dict_hook(lambda m, s, prefix, meta: log.append(("post", list(s), prefix, dict(meta))))
    net.first.register_state_dict_post_hook(lambda m, s, prefix, meta: s.__delitem__(f"{prefix}bias"))

    def before(module, state, prefix, meta, strict, missing, unexpected, errors):
        log.append(("load", type(module).__name__, prefix, strict, sorted(meta)))
        state.pop("junk", None)

    def fill(module, state, prefix, *rest):
        state[f"{prefix}bias"] = T.ones(3)

    net.register_load_state_dict_pre_hook(before)
    net._register_load_state_dict_pre_hook(lambda state, prefix, *rest: log.append(("load without module", prefix)))
    net.first.register_load_state_dict_pre_hook(fill)
    net.register_load_state_dict_post_hook(
        lambda m, keys: log.append(("loaded", keys.missing_keys[:], keys.unexpected_keys[:]))
    )
    net.rest.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    saved = net.state_dict()
    seen = [list(saved)]
    saved["junk"] = T.ones(1)
    del saved["rest.0.weight"]
    seen += [attempt(net.load_state_dict, saved), net.first.bias.tolist(), log]
    handle.remove()
    net.register_state_dict_post_hook(lambda *a: 3)
    seen.append(attempt(net.state_dict))
    net = make(T)
    net._register_state_dict_hook(lambda m, s, prefix, meta: {"x": 1})
    seen.append(net.state_dict())
    for wrong in (lambda m, keys: 3, lambda m, keys: keys.missing_keys.append("zz")):
        net = make(T)
        net.register_load_state_dict_post_hook(wrong)
        seen.append(attempt(net.load_state_dict, net.state_dict()))
    return seen


@program
def extra_state_and_versions(T):
    class Counting(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 1
            self.weight = T.nn.Parameter(T.ones(1))

        def get_extra_state(self):
            return self.count

        def set_extra_state(self, state):
            self.count = state

    net = T.nn.Sequential(Counting())
    saved = net.state_dict()
    seen = [list(saved)]
    saved["0._extra_state"] = 5
    seen += [attempt(net.load_state_dict, saved), net[0].count]
    del saved["0._extra_state"]
    seen += [attempt(net.load_state_dict, saved), attempt(net.load_state_dict, saved, strict=False)]
    seen += [attempt(T.nn.Linear(1, 1).get_extra_state), attempt(T.nn.Linear(1, 1).set_extra_state, 1)]
    log = []

    class Versioned(T.nn.Module):
        _version = 3

        def __init__(self):
            super().__init__()
            self.weight = T.nn.Parameter(T.ones(1))

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[f"{prefix}more"] = T.ones(1)

        def _load_from_state_dict(self, state, prefix, meta, strict, missing, unexpected, errors):
            log.append((meta.get("version"), strict))
            state.pop(f"{prefix}more", None)
            super()._load_from_state_dict(state, prefix, meta, strict, missing, unexpected, errors)
            log.append(self.weight.tolist())

    net = Versioned()
    saved = net.state_dict()
    saved["weight"] = T.ones(1) * 4
    return [*seen, list(saved), attempt(net.load_state_dict, saved), attempt(net.load_state_dict, dict(saved)), log]


# ---- hooks -----------------------------------------------------------------------------------------------------------


@program
def hooks_of_all_modules(T):
    every, log = T.nn.modules.module, []
    net, name = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.ReLU()), lambda m: type(m).__name__
    handles = [
        every.register_module_forward_pre_hook(lambda m, args: log.append(("before", name(m), len(args)))),
        every.register_module_forward_hook(lambda m, args, out: log.append(("after", name(m)))),
        every.register_module_full_backward_pre_hook(lambda m, g: log.append(("before backward", name(m)))),
        every.register_module_full_backward_hook(lambda m, gi, go: log.append(("after backward", name(m)))),
    ]
    net[0].register_forward_hook(lambda *a: log.append("own"))
    net[0].register_forward_hook(lambda *a: log.append("own, in front"), prepend=True)
    net[0].register_full_backward_hook(lambda *a: log.append("own backward"))
    net(T.ones(1, 2, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    log.append("removed")
    net(T.ones(1, 2, requires_grad=True)).sum().backward()
    double = lambda m, args, kwargs, out: out * 2 if isinstance(m, T.nn.ReLU) else None
    with every.register_module_forward_hook(double, with_kwargs=True):
        log.append(T.nn.ReLU()(T.ones(1)).tolist())
    return [*log, T.nn.ReLU()(T.ones(1)).tolist()]


@program
def hooks_of_registration(T):
    every, log = T.nn.modules.module, []
    handles = [
        every.register_module_parameter_registration_hook(lambda m, name, value: log.append(("parameter", name))),
        every.register_module_buffer_registration_hook(lambda m, name, value: log.append(("buffer", name))),
        every.register_module_module_registration_hook(lambda m, name, value: log.append(("module", name))),
    ]
    make(T)
    T.nn.Linear(2, 2, bias=False)
    net = T.nn.Module()
    net.a = T.nn.ReLU()
    net.add_module("c", T.nn.ReLU())
    net.a = None
    net.b = T.nn.Buffer(T.ones(1))
    net.b = None
    for handle in handles:
        handle.remove()
    with every.register_module_parameter_registration_hook(lambda m, name, value: T.nn.Parameter(T.zeros(5))):
        net.w = T.nn.Parameter(T.ones(1))
    return [*log, net.w.tolist()]


@program
def backward_hooks_of_the_older_kind(T):
    log = []

    class Returns(T.nn.Module):
        def __init__(self, make_result):
            super().__init__()
            self.make_result = make_result

        def forward(self, x):
            return self.make_result(x)

    makers = [lambda x: {"n": 3, "a": x * 2, "b": x * 3}, lambda x: [[x * 2], x * 3], lambda x: x * 2, lambda x: (x * 2,)]
    for maker in makers:
        module = Returns(maker)
        module.register_backward_hook(lambda m, gi, go: log.append([g.tolist() for g in go]))
        first = module(T.ones(2, requires_grad=True))
        while not isinstance(first, T.Tensor):
            first = first["a"] if isinstance(first, dict) else first[0]
        (first * T.tensor([1.0, 2.0])).sum().backward()
    layer = T.nn.Linear(2, 2)
    layer.register_backward_hook(lambda *a: None)
    log.append(attempt(layer.register_full_backward_hook, print))
    layer = T.nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda *a: None)
    return [*log, attempt(layer.register_backward_hook, print)]


@program
def hooks_that_raise(T):
    log = []

    def boom(*args):
        raise KeyError("boom")

    layer = T.nn.Linear(1, 1)
    layer.register_forward_hook(boom)
    layer.register_forward_hook(lambda m, args, out: log.append("always"), always_call=True)
    log.append(attempt(layer, T.ones(1)))
    layer.register_forward_pre_hook(boom)
    log.append(attempt(layer, T.ones(1)))
    wrong = T.nn.Linear(1, 1)
    wrong.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    return [*log, attempt(wrong, T.ones(1))]


# ---- copies, normalised weights --------------------------------------------------------------------------------------


@program
def pickles_and_copies(T):
    nn, seen = T.nn, []
    made = [
        nn.utils.spectral_norm(nn.Linear(2, 3)),
        nn.utils.weight_norm(nn.Linear(2, 3)),
        nn.utils.weight_norm(nn.Linear(2, 3), dim=None),
        nn.BatchNorm1d(2),
        nn.Sequential(nn.Linear(2, 2), nn.ReLU()),
    ]
    for module in made:
        module.eval()
        copied = pickle.loads(pickle.dumps(module))
        x = T.ones(2, 2)
        seen.append(np.allclose(module(x).detach().numpy(), copied(x).detach().numpy()))
        seen += [names(copied.named_parameters()), names(copied.named_buffers())]
    module.register_forward_hook(print)
    shallow = copy.copy(module)
    seen += [len(pickle.loads(pickle.dumps(module))._forward_hooks), len(copy.deepcopy(module)._forward_hooks)]
    return [*seen, shallow[0].weight is module[0].weight, shallow._forward_hooks is module._forward_hooks]


@program
def normalised_weights(T):
    nn, seen = T.nn, []
    layer = nn.Linear(3, 2)
    before = layer.weight.tolist()
    nn.utils.weight_norm(layer)
    seen += [np.allclose(layer.weight.tolist(), before), tuple(layer.weight_g.shape), tuple(layer.weight_v.shape)]
    seen += [attempt(nn.utils.weight_norm, layer)]
    nn.utils.remove_weight_norm(layer)
    seen += [
        names(layer.named_parameters()),
        np.allclose(layer.weight.tolist(), before),
        attempt(nn.utils.remove_weight_norm, layer),
    ]
    for dim in (0, 1, -1, None):
        seen.append(tuple(nn.utils.weight_norm(nn.Conv2d(3, 5, 2), dim=dim).weight_g.shape))
    layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    seen += [names(layer.named_parameters()), names(layer.named_buffers()), attempt(nn.utils.spectral_norm, layer)]
    layer.eval()
    seen += [np.allclose(layer(T.ones(1, 3)).tolist(), layer(T.ones(1, 3)).tolist()), layer.weight.requires_grad]
    nn.utils.remove_spectral_norm(layer)
    seen += [names(layer.named_parameters()), attempt(nn.utils.remove_spectral_norm, layer)]
    layer = nn.utils.spectral_norm(nn.ConvTranspose2d(3, 5, 2))
    return [*seen, tuple(layer.weight_u.shape), tuple(layer.weight_v.shape)]


# ---- batch norm ------------------------------------------------------------------------------------------------------


@program
def batch_norm_whose_settings_change(T):
    nn, seen, x = T.nn, [], T.arange(6.0).reshape(2, 3)
    rounded = lambda t: np.round(t.tolist(), 3).tolist()
    norm = nn.BatchNorm1d(3)
    norm.track_running_stats = False
    norm(x)
    seen += [norm.running_mean.tolist(), norm.num_batches_tracked.item(), rounded(norm.eval()(x))]
    norm = nn.BatchNorm1d(3, track_running_stats=False)
    norm.track_running_stats = True
    seen += [rounded(norm(x)), rounded(norm.eval()(x))]
    norm = nn.BatchNorm1d(3)
    norm.running_mean = None
    seen += [attempt(norm, x), attempt(norm.eval(), x)]
    norm = nn.BatchNorm1d(3, momentum=None)
    norm(x)
    norm(x * 3)
    seen += [norm.running_mean.tolist(), norm.running_var.tolist()]
    seen += [attempt(lambda **options: rounded(nn.BatchNorm1d(3, **options)(x)), **o) for o in ({"eps": -1.0}, {"eps": 0.0})]
    return seen


@program
def norms_of_an_empty_batch(T):
    seen = []
    for norm in (T.nn.BatchNorm2d(3), T.nn.BatchNorm2d(3).eval(), T.nn.GroupNorm(1, 3), T.nn.LayerNorm((3, 2, 2))):
        x = T.ones(0, 3, 2, 2, requires_grad=True)
        norm(x).sum().backward()
        seen += [norm.weight.grad.sum().item(), norm.bias.grad.sum().item(), tuple(x.grad.shape)]
        seen += [b.tolist() for b in norm.buffers()]
    return seen


# ---- containers, parameters, utilities -------------------------------------------------------------------------------


@program
def sequential(T):
    nn = T.nn
    layers = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh())
    seen = [attempt(layers.insert, -1, nn.Sigmoid()), attempt(layers.insert, 9, nn.Sigmoid()), attempt(layers.insert, 0, 3)]
    del layers[1:3]
    seen.append(repr(layers))
    layers *= 2
    seen += [repr(layers), attempt(layers.__imul__, 0), repr(layers.pop(0)), repr(layers[1:]), repr(2 * layers)]
    layers[0] = nn.GELU()
    layers += nn.Sequential(nn.ReLU())
    seen += [repr(layers), attempt(layers.__setitem__, 9, nn.ReLU()), attempt(layers.__setitem__, 0, 3)]
    seen += [attempt(layers.extend, [3]), attempt(layers.__add__, [nn.ReLU()]), attempt(layers.__iadd__, [nn.ReLU()])]
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.GELU()))
    seen.append(repr(named[1:]))
    del named[0]
    return [*seen, repr(named), repr(nn.Sequential(*named, nn.ReLU()))]


@program
def lists_of_modules(T):
    nn = T.nn
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    layers.insert(1, nn.GELU())
    layers += [nn.ReLU()]
    seen = [repr(layers), repr(layers.pop(-1)), repr(layers[::2]), layers[0] in layers, nn.ReLU() in layers]
    del layers[0]
    seen += [repr(layers), repr(layers + [nn.ReLU()])]  # noqa: RUF005  # it is `+` that is tested
    seen += [attempt(layers.extend, None), attempt(layers.__getitem__, 99), attempt(layers.append, 3)]
    return [*seen, attempt(layers, 1), attempt(layers.append, None), repr(layers)]


@program
def dicts_of_modules(T):
    nn = T.nn
    layers = nn.ModuleDict({"a": nn.ReLU()})
    layers["b"] = nn.Tanh()
    seen = [repr(layers), attempt(layers.__getitem__, "z"), attempt(layers.pop, "z"), repr(layers.pop("a"))]
    seen += [attempt(layers.update, wrong) for wrong in ([1], [("a",)], 3, {"x": 3}, {"a.b": nn.ReLU()})]
    layers.update({"q": nn.ReLU()})
    seen += [list(layers.keys()), names(layers.items()), [type(v).__name__ for v in layers.values()], "q" in layers]
    layers.clear()
    layers.x = nn.ReLU()
    return [*seen, list(layers), attempt(layers, 1)]


@program
def lists_and_dicts_of_parameters(T):
    nn = T.nn
    values = nn.ParameterList([T.ones(1), nn.Parameter(T.ones(2)), 3, "text"])
    seen = [repr(values), names(values.named_parameters()), list(values.state_dict())]
    values[-1] = T.zeros(3)
    seen += [values[3].tolist(), attempt(values.__getitem__, 5), attempt(values.__getitem__, "a"), len(values[::2])]
    seen += [repr(values[:1]), attempt(values), attempt(values.extend, T.ones(2))]
    by_name = nn.ParameterDict({"x": T.ones(1), "a": 3})
    seen += [repr(by_name), list(by_name), attempt(by_name.__getitem__, "k"), by_name.setdefault("y", T.ones(2)).tolist()]
    seen += [list(reversed(by_name)), by_name.copy()["x"] is by_name["x"], by_name.get("k", 5), "x" in by_name]
    seen += [list(by_name | nn.ParameterDict({"b": T.ones(1)})), by_name.fromkeys(["p", "q"], 1).get("p")]
    seen += [by_name.popitem()[0], by_name.pop("a"), list(by_name), list(by_name.state_dict())]
    by_name.clear()
    return [*seen, len(by_name), attempt(by_name.popitem)]


@program
def parameters(T):
    first, second = T.nn.Linear(2, 2), T.nn.Linear(2, 2)
    seen = [attempt(setattr, first, "weight", second.weight + 2), attempt(first.register_parameter, "x", second.weight + 2)]
    p = T.nn.Parameter(T.ones(2))
    q = p + 1
    seen += [T.nn.Parameter(q).is_leaf, attempt(copy.deepcopy, q), type(copy.deepcopy(p)).__name__, type(p.data).__name__]
    seen += [type(p.detach()).__name__, type(p.clone()).__name__, T.nn.Parameter(p) is p, repr(p)]
    frozen = T.nn.Parameter(T.ones(2), requires_grad=False)
    return [*seen, copy.deepcopy(frozen).requires_grad, frozen.add_(1).tolist(), attempt(p.add_, 1)]


@program
def clipping(T):
    utils, seen = T.nn.utils, []

    def layer(value=None):
        made = T.nn.Linear(3, 3)
        for p in made.parameters():
            p.grad = T.arange(1.0, p.numel() + 1).reshape(tuple(p.shape)) if value is None else T.full(tuple(p.shape), value)
        return made

    for norm in (1.5, 2, 4, float("inf"), "inf", 1, 0, -1):
        made = layer()
        found = attempt(lambda made, norm: utils.clip_grad_norm_(made.parameters(), 2.0, norm_type=norm).item(), made, norm)
        seen += [np.round(found, 3), np.round(made.weight.grad.tolist(), 4).tolist()]
    made = layer(float("inf"))
    seen += [attempt(utils.clip_grad_norm_, made.parameters(), 1.0, error_if_nonfinite=True)]
    seen += [utils.clip_grad_norm_(made.parameters(), 1.0).item(), str(made.weight.grad.tolist())]
    made.zero_grad()
    seen += [utils.clip_grad_norm_(made.parameters(), 1.0).item(), utils.get_total_norm([T.ones(2), T.ones(2)]).item()]
    made = layer()
    utils.clip_grad_value_(made.weight, 2.5)
    vector = utils.parameters_to_vector(made.parameters())
    seen += [made.weight.grad.tolist(), tuple(vector.shape), vector.requires_grad]
    utils.vector_to_parameters(T.arange(12.0), made.parameters())
    return [*seen, [p.tolist() for p in made.parameters()], attempt(utils.vector_to_parameters, [1], made.parameters())]
