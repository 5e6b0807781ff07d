"""``autograd.graph``, nodes as ``grad_fn`` shows them, and hooks on them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tests.platforms import needs_threads
from tinygrad_fm.autograd import graph


def leaf(*values: float) -> Any:
    return torch.tensor(values, requires_grad=True)


# -- what a node shows -------------------------------------------------------------------------------------------------


def test_a_node_prints_as_pytorchs() -> None:
    node = (leaf(1.0) * 2).grad_fn
    assert repr(node) == f"<MulBackward0 object at {id(node):#x}>"
    assert node.name() == "MulBackward0" and isinstance(node, graph.Node)
    assert repr(leaf(1.0)._node).startswith("<AccumulateGrad object at 0x")


def test_next_functions_lead_to_the_leaves() -> None:
    x, w = leaf(1.0, 2.0), torch.ones(2)
    ((mul, zero),) = (x * w).sum().grad_fn.next_functions
    assert (mul.name(), zero) == ("MulBackward0", 0)
    (accumulate, _), nothing = mul.next_functions
    assert accumulate.name() == "AccumulateGrad" and accumulate.variable is x and accumulate.next_functions == ()
    assert nothing == (None, 0)


def test_the_results_of_one_operation_have_one_node() -> None:
    a, b = leaf(1.0, 2.0, 3.0).split([1, 2])
    assert a.grad_fn is b.grad_fn and (a.output_nr, b.output_nr) == (0, 1)
    assert b.exp().grad_fn.next_functions == ((a.grad_fn, 1),)
    assert leaf(1.0).output_nr == torch.ones(1).output_nr == 0


def test_a_node_takes_notes() -> None:
    node = (leaf(1.0) * 2).grad_fn
    node.metadata["seen"] = True
    assert node.metadata == {"seen": True} and (leaf(1.0) * 2).grad_fn.metadata == {}


def test_what_was_saved_is_seen_under_pytorchs_names() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    assert y.grad_fn._saved_self.equal(x) and y.grad_fn._saved_other.equal(x)
    assert x.exp().grad_fn._saved_result.equal(x.exp())
    assert (x * 2).grad_fn._saved_self is None  # not needed
    with pytest.raises(AttributeError, match="_saved_nothing"):
        _ = y.grad_fn._saved_nothing
    y.sum().backward()
    with pytest.raises(RuntimeError, match="let go"):
        _ = y.grad_fn._saved_self


def test_the_node_of_a_function_shows_its_context() -> None:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float) -> Any:
            ctx.save_for_backward(x)
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.factor, None

    x = leaf(1.0, 2.0)
    node = Scale.apply(x, 3.0).grad_fn
    assert node.name() == "ScaleBackward" and node.factor == 3.0 and node.needs_input_grad == (True, False)
    assert node.saved_tensors[0].equal(x)
    with pytest.raises(AttributeError, match="other"):
        _ = node.other


# -- hooks on nodes ----------------------------------------------------------------------------------------------------


def test_a_prehook_sees_and_replaces_the_gradients_of_the_results() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    handle = y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [30.0, 30.0])
    handle.remove()
    y = x * 3
    seen: list[Any] = []
    y.grad_fn.register_prehook(seen.append)
    y.sum().backward()
    assert [g.tolist() for (g,) in seen] == [[1.0, 1.0]]


def test_a_prehook_of_an_operation_with_several_results() -> None:
    x = leaf(1.0, 2.0, 3.0)
    a, b = x.split([1, 2])
    seen: list[Any] = []
    a.grad_fn.register_prehook(lambda grads: seen.append(grads) or (grads[0], grads[1] * 5))  # type: ignore[func-returns-value]
    (a.sum() + b.sum()).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 5.0, 5.0])
    a, b = x.split([1, 2])
    a.grad_fn.register_prehook(lambda grads: seen.append(grads))
    a.sum().backward()
    assert seen[-1][1] is None


def test_a_hook_sees_and_replaces_the_gradients_of_the_inputs() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    seen = []

    def hook(grad_inputs: Any, grad_outputs: Any) -> Any:
        seen.append((grad_inputs, grad_outputs))
        return (grad_inputs[0] * 2, None)

    handle = y.grad_fn.register_hook(hook)
    y.sum().backward(retain_graph=True)
    assert [g.tolist() for g in seen[0][0]] == [[3.0, 4.0], [1.0, 2.0]] and seen[0][1][0].tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [6.0, 8.0] and w.grad is None
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [9.0, 12.0] and w.grad.tolist() == [1.0, 2.0]


def test_hooks_on_nodes_are_differentiated_too() -> None:
    x = leaf(2.0)
    y = x * x
    y.grad_fn.register_hook(lambda gi, go: tuple(g * x for g in gi))
    (dx,) = torch.autograd.grad(y, x, create_graph=True)
    assert dx.item() == 8.0  # 2 x · x
    assert torch.autograd.grad(dx, x)[0].item() == 8.0


# -- what nodes save ---------------------------------------------------------------------------------------------------


def test_saved_tensors_are_packed_and_unpacked() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    packed: list[Any] = []

    def pack(t: Any) -> int:
        packed.append(t.detach().clone())
        return len(packed) - 1

    with graph.saved_tensors_hooks(pack, lambda i: packed[i]):
        y = (x * w).exp().sum()
    outside = x.exp()
    assert [t.tolist() for t in packed[:2]] == [[1.0, 2.0], [3.0, 4.0]] and len(packed) == 3  # x, w and the result of exp
    (y + outside.sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), w.detach().numpy() * np.exp([3.0, 8.0]) + np.exp([1.0, 2.0]), rtol=1e-6)


def test_saved_tensors_hooks_reach_functions_and_second_derivatives() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    x = leaf(3.0)
    packed = []
    with graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):  # type: ignore[func-returns-value]
        y = Square.apply(x)
        z = x * x * x
    assert len(packed) == 1 + 4
    assert torch.autograd.grad(y, x)[0].item() == 6.0
    (dz,) = torch.autograd.grad(z, x, create_graph=True)
    assert (dz.item(), torch.autograd.grad(dz, x)[0].item()) == (27.0, 18.0)


@needs_threads
def test_the_innermost_hooks_count_and_only_in_their_thread() -> None:
    x = leaf(1.0)
    outer: list[Any] = []
    inner: list[Any] = []

    def noting(notes: list[Any]) -> Any:
        return graph.saved_tensors_hooks(lambda t: notes.append(t) or t, lambda t: t)  # type: ignore[func-returns-value]

    with noting(outer):
        x.exp()
        with noting(inner):
            x.exp()
        thread = threading.Thread(target=x.exp)
        thread.start()
        thread.join()
    assert (len(outer), len(inner)) == (1, 1)


@pytest.mark.parametrize(
    ("unpack", "error", "message"),
    [
        (lambda t: 3, TypeError, "must return a Tensor, got int"),
        (lambda t: torch.ones(3), RuntimeError, r"shape \(3,\)"),
        (lambda t: torch.ones(2, dtype=torch.float64), RuntimeError, "float64"),
    ],
)
def test_what_is_unpacked_is_checked(unpack: Any, error: type[Exception], message: str) -> None:
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: t, unpack):
        y = x.exp().sum()
    with pytest.raises(error, match=message):
        y.backward()


def test_saved_tensors_hooks_can_be_forbidden() -> None:
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"), hooks:
        pass
    with graph.save_on_cpu():
        y = leaf(2.0) ** 2
    y.backward()


def test_edges_and_versions() -> None:
    x = leaf(1.0, 2.0)
    assert graph.get_gradient_edge(x).node is x._node and graph.get_gradient_edge(x * 2).output_nr == 0
    with pytest.raises(RuntimeError, match="does not require grad"):
        graph.get_gradient_edge(torch.ones(2))
    y = x * 1
    z = (y * y).sum()
    graph.increment_version(y)
    assert y._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    a, b = torch.ones(2), torch.ones(2)
    graph.increment_version([a, b])
    assert a._version == b._version == 1


# -- going through a graph again ---------------------------------------------------------------------------------------

KEEP_NOTHING: dict[str, Any] = {
    "view": lambda x: x.view(3, 2),
    "flatten": lambda x: x.flatten(),
    "reshape": lambda x: x.reshape(6),
    "permute": lambda x: x.permute(1, 0),
    "transpose": lambda x: x.t(),
    "squeeze": lambda x: x.unsqueeze(0).squeeze(),
    "expand": lambda x: x.expand(4, 2, 3),
    "split": lambda x: x.split(1)[0],
    "unbind": lambda x: x.unbind(1)[2],
    "getitem": lambda x: x[:, 1:],
    "cat": lambda x: torch.cat([x, x]),
    "stack": lambda x: torch.stack([x, x]),
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(1),
    "pad": lambda x: torch.nn.functional.pad(x, (1, 1)),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1, 0),
    "cumsum": lambda x: x.cumsum(1),
    "repeat": lambda x: x.repeat(2, 2),
    "add": lambda x: x + x,
    "sub": lambda x: 1 - x,
    "neg": lambda x: -x,
    "clone": lambda x: x.clone(),
    "diagonal": lambda x: x.diagonal(),
    "tril": lambda x: x.tril(),
    "double": lambda x: x.double(),
}


@pytest.mark.parametrize("name", KEEP_NOTHING)
def test_operations_that_keep_no_arrays_can_be_gone_through_again(name: str) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    h = KEEP_NOTHING[name](x)
    h.sum().backward()
    once = x.grad.clone()
    (h * 3).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 4 * once.numpy())


@pytest.mark.parametrize("f", [torch.exp, lambda x: x * x, lambda x: x @ x.t(), lambda x: x.softmax(0)])
def test_operations_that_keep_arrays_cannot(f: Any) -> None:
    x = torch.ones(2, 2, requires_grad=True)
    h = f(x)
    h.sum().backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time.*retain_graph=True"):
        h.sum().backward()
