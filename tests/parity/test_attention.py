"""multi_head_attention_forward and MultiheadAttention against PyTorch's: masks, further keys, given keys, mistakes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*mismatched:UserWarning")  # PyTorch's own

RNG = np.random.default_rng(0)
L, S, N, E, H = 3, 5, 2, 4, 2
QUERY, KEY, VALUE = (RNG.standard_normal(shape).astype(np.float32) for shape in ((L, N, E), (S, N, E), (S, N, E)))
MASKS = {
    "none": None,
    "bool": RNG.random((L, S)) < 0.3,
    "float": RNG.standard_normal((L, S)).astype(np.float32),
    "of each head": RNG.random((N * H, L, S)) < 0.3,
}
PADDINGS = {"none": None, "bool": np.array([[False] * 4 + [True], [False] * 5]), "float": RNG.random((N, S)).astype(np.float32)}


def to(library, value):
    return None if value is None else library.tensor(value.copy())


def both(build, call):
    """What ``call`` finds, and the gradients of all parameters and inputs, in both libraries from the same weights."""
    theirs = build(torch)
    ours = build(tinygrad_fm)
    ours.load_state_dict(theirs.state_dict())
    results = []
    for library, module in ((tinygrad_fm, ours), (torch, theirs)):
        inputs = [to(library, x).requires_grad_() for x in (QUERY, KEY, VALUE)]
        found = [y for y in call(library, module, *inputs) if y is not None]
        sum((y * y).sum() for y in found).backward()
        results.append([y.detach().numpy() for y in found] + [t.grad.numpy() for t in (*inputs, *module.parameters())])
    return results


@pytest.mark.parametrize("further", ["nothing", "bias", "zeros", "both"])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mask", MASKS)
def test_masks_and_further_keys(mask, padding, further):
    options = {"add_bias_kv": further in ("bias", "both"), "add_zero_attn": further in ("zeros", "both")}
    for need_weights, average in itertools.product((True, False), repeat=2):
        results = both(
            lambda library: library.nn.MultiheadAttention(E, H, **options),
            lambda library, module, *inputs, need=need_weights, average=average: module(
                *inputs, to(library, PADDINGS[padding]), need, to(library, MASKS[mask]), average
            ),
        )
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, strict=True)


def test_keys_and_values_that_are_given():
    static = RNG.standard_normal((N * H, S, E // H)).astype(np.float32)

    def call(library, module, query, key, value):
        return library.nn.functional.multi_head_attention_forward(
            query,
            key,
            value,
            E,
            H,
            module.in_proj_weight,
            module.in_proj_bias,
            None,
            None,
            False,
            0.0,
            module.out_proj.weight,
            module.out_proj.bias,
            static_k=to(library, static),
            static_v=to(library, static * 2),
        )

    theirs, ours = torch.nn.MultiheadAttention(E, H), tinygrad_fm.nn.MultiheadAttention(E, H)
    ours.load_state_dict(theirs.state_dict())
    found = [call(lib, m, *(to(lib, x) for x in (QUERY, KEY, VALUE))) for lib, m in ((tinygrad_fm, ours), (torch, theirs))]
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5, strict=True)


@pytest.mark.parametrize(
    "change",
    [
        {"query": (L, N, E + 1)},
        {"query": (L, E)},
        {"query": (L, N, E, 1)},
        {"key": (S + 1, N, E)},
        {"value": (S, N + 1, E)},
        {"key": (S, N + 1, E), "value": (S, N + 1, E)},
        {"key_padding_mask": (S, N)},
        {"key_padding_mask": (S,)},
        {"attn_mask": (S, L)},
        {"attn_mask": (N, L, S)},
        {"attn_mask": (L,)},
    ],
    ids=str,
)
def test_shapes_that_do_not_fit_raise_as_pytorchs(change):
    shapes = {"query": (L, N, E), "key": (S, N, E), "value": (S, N, E), **change}
    errors = []
    for library in (tinygrad_fm, torch):
        with pytest.raises(Exception) as caught:
            library.nn.MultiheadAttention(E, H)(**{name: library.zeros(*shape) for name, shape in shapes.items()})
        errors.append(caught.value)
    assert isinstance(errors[0], (type(errors[1]), ValueError))


def test_whole_numbers_are_no_mask_and_the_hint_needs_one():
    for library in (tinygrad_fm, torch):
        attention = library.nn.MultiheadAttention(E, H)
        inputs = [to(library, x) for x in (QUERY, KEY, VALUE)]
        with pytest.raises(AssertionError, match="only bool and floating types"):
            attention(*inputs, attn_mask=library.ones(L, S, dtype=library.int64))
        with pytest.raises(RuntimeError, match="attn_mask"):
            attention(*inputs, is_causal=True)
