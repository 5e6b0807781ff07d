"""gradcheck and gradgradcheck: right rules pass, planted wrong ones are caught, and the report says where and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import gradcheck, gradgradcheck, primitive
from tinygrad_fm.autograd.box import box, raw
from tinygrad_fm.errors import GradcheckError

MODES = pytest.mark.parametrize("fast_mode", [False, True])


def random(*shape: int, seed: int = 0) -> Any:
    return box(np.asarray(np.random.default_rng(seed).uniform(0.5, 1.5, shape))).requires_grad_()


def op(kernel: Any, name: str, **rules: Any) -> Any:
    return primitive(kernel, name=name, **rules)


cube = op(lambda x: x**3, "cube", x=lambda g, x: g * 3 * x * x)
wrong_factor = op(lambda x: x**3, "wrong_factor", x=lambda g, x: g * x * x)
wrong_sign = op(lambda x: x**3, "wrong_sign", x=lambda g, x: -g * 3 * x * x)


def _first_lost(g: Any) -> Any:
    mask = np.ones(raw(g).shape)
    mask[(0,) * mask.ndim] = 0
    return g * mask


one_entry = op(lambda x: x**3, "one_entry", x=lambda g, x: _first_lost(g) * 3 * x * x)
untransposed = op(lambda a, b: a @ b, "untransposed", a=lambda g, b: g @ b, b=lambda g, a: a.mT @ g)
second_order = op(lambda x: x**3, "second_order", x=lambda g, x: g * 3 * x * raw(x))
memory = op(lambda x: x**3, "memory", x=lambda g, x: g * 3 * (x * x if raw(x).flags.c_contiguous else x))
gradient_memory = op(lambda x: x * 2, "gradient_memory", x=lambda g: g * 2 if raw(g).flags.c_contiguous else g * 3)


# -- what is right passes ----------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0)])
def test_right_rules_pass_for_every_shape(shape: tuple[int, ...], fast_mode: bool) -> None:
    assert gradcheck(cube, (random(*shape),), fast_mode=fast_mode)
    assert gradgradcheck(cube, (random(*shape),), fast_mode=fast_mode)


@MODES
def test_several_inputs_and_outputs_among_other_arguments(fast_mode: bool) -> None:
    def several(a: Any, power: int, b: Any, index: Any) -> Any:
        return a * b, cube(b) * power, index, a[index]

    inputs = (random(3), 2, random(3, seed=1), torch.tensor([0, 2]))
    assert gradcheck(several, inputs, fast_mode=fast_mode)
    assert gradgradcheck(several, inputs, fast_mode=fast_mode)


@MODES
def test_non_contiguous_inputs_are_moved_in_their_own_memory(fast_mode: bool) -> None:
    wide = np.arange(1.0, 13.0).reshape(3, 4)
    x = box(wide[:, ::2].T).requires_grad_()
    seen = []

    def watch(x: Any) -> Any:
        seen.append(x._array.strides)
        return cube(x)

    assert gradcheck(watch, (x,), fast_mode=fast_mode)
    assert set(seen) == {x._array.strides}
    np.testing.assert_array_equal(wide, np.arange(1.0, 13.0).reshape(3, 4))  # and are put back exactly


def test_inputs_are_put_back_when_the_function_raises() -> None:
    x = random(3)
    before = x._array.copy()
    calls = []

    def breaks(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyError("planted")
        return cube(x)

    with pytest.raises(KeyError, match="planted"):
        gradcheck(breaks, (x,))
    np.testing.assert_array_equal(x._array, before)


def test_an_output_that_is_a_view_of_the_input() -> None:
    assert gradcheck(lambda x: x.T, (random(2, 3),))
    assert gradgradcheck(lambda x: x.T, (random(2, 3),))


def test_an_output_without_gradient_must_be_constant() -> None:
    assert gradcheck(lambda x: (x * 2, (x > 0).double()), (random(3),))
    with pytest.raises(GradcheckError, match=r"output 0.*analytic 0, numerical 2"):
        gradcheck(lambda x: x.detach() * 2, (random(2),))


def test_given_gradients_and_non_contiguous_ones() -> None:
    assert gradgradcheck(cube, (random(3),), random(3, seed=1))
    assert gradgradcheck(cube, (random(2, 3),), gen_non_contig_grad_outputs=True)


def test_gradients_of_the_inputs_are_not_touched() -> None:
    x = random(3)
    gradcheck(cube, (x,))
    gradgradcheck(cube, (x,))
    assert x.grad is None


# -- what is wrong is caught -------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("wrong", [wrong_factor, wrong_sign, one_entry])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4)])
def test_wrong_rules_are_caught(wrong: Any, shape: tuple[int, ...], fast_mode: bool) -> None:
    with pytest.raises(GradcheckError, match=wrong.primitive.name):
        gradcheck(wrong, (random(*shape),), fast_mode=fast_mode)
    assert gradcheck(wrong, (random(*shape),), fast_mode=fast_mode, raise_exception=False) is False


@MODES
def test_a_missing_transposition_is_caught_for_its_input_only(fast_mode: bool) -> None:
    a, b = random(3, 3), random(3, 3, seed=1)
    with pytest.raises(GradcheckError, match="with respect to input 0"):
        gradcheck(untransposed, (a, b), fast_mode=fast_mode)
    assert gradcheck(untransposed, (a.detach(), b), fast_mode=fast_mode)


@MODES
def test_a_rule_wrong_only_in_second_order(fast_mode: bool) -> None:
    x = random(2, 3)
    assert gradcheck(second_order, (x,), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match=r"gradgradcheck.*gradient of input 0"):
        gradgradcheck(second_order, (x,), fast_mode=fast_mode)


@MODES
def test_rules_wrong_only_for_non_contiguous_arrays(fast_mode: bool) -> None:
    assert gradcheck(memory, (random(2, 3),), fast_mode=fast_mode)
    transposed = box(random(3, 2)._array.T).requires_grad_()
    with pytest.raises(GradcheckError, match="memory"):
        gradcheck(memory, (transposed,), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="gradient that comes in is not contiguous"):
        gradcheck(gradient_memory, (random(3),), fast_mode=fast_mode)


def test_a_rule_that_is_not_deterministic() -> None:
    noise = np.random.default_rng(0)
    noisy = op(lambda x: x * 1, "noisy", x=lambda g: g + 1e-9 * noise.standard_normal())
    with pytest.raises(GradcheckError, match="two backward passes"):
        gradcheck(noisy, (random(3),))
    inaccurate = op(lambda x: x * 1, "inaccurate", x=lambda g: g + 1e-12 * noise.standard_normal())
    assert gradcheck(inaccurate, (random(3),), nondet_tol=1e-9)


def test_one_wrong_entry_among_many_is_found_by_directions() -> None:
    with pytest.raises(GradcheckError, match=r"output 0\[0, 0\] by input 0\[0, 0\]"):
        gradcheck(one_entry, (random(10, 12),), fast_mode=True)


def test_too_many_entries_to_look_at_are_said_to_be_so() -> None:
    with pytest.raises(GradcheckError, match=r"random directions: analytic .* fast_mode=False"):
        gradcheck(wrong_sign, (random(200),), fast_mode=True)


# -- the report --------------------------------------------------------------------------------------------------------


def report(func: Any, *inputs: Any, **options: Any) -> str:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(func, inputs, **options)
    return str(caught.value)


def test_it_names_function_operation_output_input_entries_and_values() -> None:
    x = box(np.array([[1.0, 2.0], [3.0, 4.0]])).requires_grad_()

    def model(a: Any, b: Any) -> Any:
        return a * 2, one_entry(b)

    text = report(model, random(2), x)
    assert "gradcheck of model" in text
    assert "output 1 with respect to input 1 is wrong in 1 of 16 entries" in text
    assert "computed by 'one_entry'" in text
    assert "output 1[0, 0] by input 1[0, 0]: analytic 0, numerical 3" in text
    assert "[1, 1]" not in text


def test_it_shows_the_worst_entries_first() -> None:
    text = report(wrong_factor, box(np.arange(1.0, 9.0)).requires_grad_())
    assert text.index("input 0[7]") < text.index("input 0[6]")
    assert "input 0[0]" not in text


def test_it_recognises_factors_transpositions_kinks_and_float32() -> None:
    assert "0.3333 times the numerical" in report(wrong_factor, random(3))
    assert "-1 times the numerical" in report(wrong_sign, random(3))

    matrix = np.arange(9.0).reshape(3, 3)
    turned = op(lambda x: matrix @ x, "turned", x=lambda g: matrix @ g)
    assert "transposed" in report(turned, random(3))

    kink = box(np.array([1.0, 0.0])).requires_grad_()
    text = report(torch.relu, kink)
    assert "output 0[1] by input 0[1]: analytic 0, numerical 0.5" in text
    assert "one-sided differences disagree there (0 from below, 1 from above)" in text
    assert "kink" not in report(wrong_sign, random(3))

    text = report(lambda x: torch.exp(x.float()).double(), random(3))
    assert "computes in float32" in text
    assert "float32" not in report(wrong_sign, random(3))


def test_nan_is_no_gradient() -> None:
    bad = op(lambda x: x * 1, "bad", x=lambda g: g * np.nan)
    assert "analytic nan, numerical 1" in report(bad, random(2))


# -- wrong calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_inputs_that_cannot_be_checked(check: Any) -> None:
    single = torch.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"input 1 is float32.*\.double\(\)"):
        check(lambda a, b: a * b, (random(2), single))
    with pytest.raises(ValueError, match="no input requires a gradient"):
        check(cube, (random(2).detach(),))
    shared = box(np.broadcast_to(np.float64(1.0), (3,))).requires_grad_()
    with pytest.raises(ValueError, match="input 0 share memory"):
        check(cube, (shared,))
    with pytest.raises(ValueError, match="check_batched_grad is not offered"):
        check(cube, (random(2),), check_batched_grad=True)


def test_outputs_that_are_no_tensors() -> None:
    with pytest.raises(TypeError, match="output 0 must be a Tensor, got float"):
        gradcheck(lambda x: float(x.sum().item()), (random(2),))
    with pytest.raises(ValueError, match="no output requires a gradient"):
        gradgradcheck(lambda x: x.detach(), (random(2),))
