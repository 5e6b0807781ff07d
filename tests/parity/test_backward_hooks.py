"""Backward hooks of modules: what they see and what their results do, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")


def numbers(grads):
    return [None if g is None else g.detach().numpy().round(4).tolist() for g in grads]


def build(library):
    class Net(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = library.nn.Linear(3, 2)

        def forward(self, x, factor, shift):
            return self.inner(x) * factor + shift, x.sum()

    net = Net()
    weight, bias = np.arange(6.0, dtype=np.float32).reshape(2, 3), np.ones(2, np.float32)
    net.load_state_dict({"inner.weight": library.tensor(weight), "inner.bias": library.tensor(bias)})
    return net


def record(library):
    """What the hooks saw in several backward passes, and the gradients that came out."""
    net, seen = build(library), []
    x, shift = library.ones(2, 3, requires_grad=True), library.ones(2, 2)

    def pre(module, grad_output):
        seen.append(("pre", numbers(grad_output)))
        return tuple(None if g is None else g * 2 for g in grad_output)

    def post(module, grad_input, grad_output):
        seen.append(("post", numbers(grad_input), numbers(grad_output)))

    net.register_full_backward_pre_hook(pre)
    net.register_full_backward_hook(post)
    triple = net.inner.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 3,))

    a, b = net(x, 5.0, shift)
    (a.sum() + b).backward()
    seen.append(x.grad.tolist())
    triple.remove()
    x.grad = None
    net(x, 5.0, shift)[0].sum().backward()  # the second result is not used
    seen.append(x.grad.tolist())
    net(x.detach(), 5.0, shift)[0].sum().backward()  # no input needs a gradient
    seen.append(net.inner.weight.grad.tolist())
    (g,) = library.autograd.grad((net(x, 2.0, shift)[0] ** 2).sum(), x, create_graph=True)
    g.sum().backward()
    seen.append(x.grad.tolist())
    with library.no_grad():
        net(x, 1.0, shift)
    handle = net.register_full_backward_hook(lambda module, grad_input, grad_output: (None,) * 5)
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 5, but expected 3"):
        net(x, 1.0, shift)[0].sum().backward()
    handle.remove()
    return seen


def test_hooks_see_what_pytorchs_see():
    ours, theirs = record(tinygrad_fm), record(torch)
    assert ours == theirs
    assert len(ours) > 10


def test_a_hook_in_front_runs_first_and_other_results_are_left_alone():
    for library in (tinygrad_fm, torch):
        layer, order = library.nn.Linear(2, 2), []
        layer.register_full_backward_hook(lambda *args, order=order: order.append("later"))
        layer.register_full_backward_hook(lambda *args, order=order: order.append("first"), prepend=True)
        layer(library.ones(1, 2, requires_grad=True)).sum().backward()
        assert order == ["first", "later"]

        class Table(library.nn.Module):
            def forward(self, x):
                return {"x": x * 2}

        table = Table()
        table.register_full_backward_hook(lambda *args: None)
        with pytest.warns(UserWarning):
            assert table(library.ones(1, requires_grad=True))["x"].item() == 2
