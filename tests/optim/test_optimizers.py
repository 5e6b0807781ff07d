"""Optimizers: parameter groups, state, and the flat arrays behind it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tinygrad_fm import optim
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.optim import SGD, Adadelta, Adagrad, Adam, AdamW, NAdam, RMSprop, flat_optimizer

ALL = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.9, "centered": True}),
    (Adam, {"lr": 0.1, "amsgrad": True}),
    (AdamW, {"lr": 0.1}),
    (NAdam, {"lr": 0.1}),
    (Adadelta, {}),
]


def param(values, dtype=np.float64):
    return tensor_of(np.array(values, dtype), requires_grad=True)


def params(seed=0, dtype=np.float64, shapes=((3, 4), (5,), (), (0,))):
    rng = np.random.default_rng(seed)
    return [param(rng.standard_normal(shape), dtype) for shape in shapes]


def give_gradients(ps, seed=1):
    rng = np.random.default_rng(seed)
    for p in ps:
        p.grad = tensor_of(rng.standard_normal(p._array.shape).astype(p._array.dtype))


def run(optimizer, ps, steps, seed=1):
    for step in range(steps):
        give_gradients(ps, seed + step)
        optimizer.step()


def values(ps):
    return [p._array.copy() for p in ps]


def assert_equal(xs, ys):
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_array_equal(x, y)


# ---- the formulas by hand, so that these tests do not need PyTorch -------------------------------------------------------


def by_sgd(x, gs):
    v = None
    for g in gs:
        d = g + 0.1 * x
        v = d if v is None else 0.9 * v + d
        x = x - 0.2 * (d + 0.9 * v)
    return x


def by_rmsprop(x, gs):
    s = a = b = 0.0
    for g in gs:
        s, a = 0.8 * s + 0.2 * g * g, 0.8 * a + 0.2 * g
        b = 0.5 * b + g / (np.sqrt(s - a * a) + 1e-3)
        x = x - 0.2 * b
    return x


def by_adam(x, gs, decay=0.1, decoupled=False, amsgrad=False):
    m = v = top = 0.0
    for t, g in enumerate(gs, start=1):
        d = g if decoupled else g + decay * x
        x = x * (1 - 0.2 * decay) if decoupled else x
        m, v = 0.8 * m + 0.2 * d, 0.6 * v + 0.4 * d * d
        top = np.maximum(top, v) if amsgrad else v
        x = x - 0.2 * (m / (1 - 0.8**t)) / (np.sqrt(top / (1 - 0.6**t)) + 1e-3)
    return x


def by_nadam(x, gs):
    m, v, product = 0.0, 0.0, np.float32(1)
    for t, g in enumerate(gs, start=1):
        m, v = 0.8 * m + 0.2 * g, 0.6 * v + 0.4 * g * g
        mu, ahead = (0.8 * (1 - 0.5 * 0.96 ** (k * 0.1)) for k in (t, t + 1))
        product = np.float32(product * np.float32(mu))
        mean = ahead * m / (1 - float(product) * ahead) + (1 - mu) * g / (1 - float(product))
        x = x - 0.2 * mean / (np.sqrt(v / (1 - 0.6**t)) + 1e-3)
    return x


ADAM = {"lr": 0.2, "betas": (0.8, 0.6), "eps": 1e-3}


@pytest.mark.parametrize(
    ("cls", "options", "formula"),
    [
        (SGD, {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True}, by_sgd),
        (RMSprop, {"lr": 0.2, "alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "centered": True}, by_rmsprop),
        (Adam, {**ADAM, "weight_decay": 0.1}, by_adam),
        (Adam, {**ADAM, "weight_decay": 0.1, "amsgrad": True}, lambda x, gs: by_adam(x, gs, amsgrad=True)),
        (AdamW, {**ADAM, "weight_decay": 0.1}, lambda x, gs: by_adam(x, gs, decoupled=True)),
        (NAdam, {**ADAM, "momentum_decay": 0.1}, by_nadam),
    ],
)
def test_formulas(cls, options, formula):
    x, gs = np.array([1.0, -2.0]), [np.array(g) for g in ([0.5, 1.0], [-3.0, 0.2], [1.0, 2.0], [0.1, 0.1])]
    p = param(x)
    optimizer = cls([p], **options)
    for g in gs:
        p.grad = tensor_of(g)
        optimizer.step()
    np.testing.assert_allclose(p._array, formula(x, gs), rtol=1e-12)


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_a_gradient_is_left_as_it_is(cls, options):
    ps = params()
    give_gradients(ps)
    before = [p.grad._array.copy() for p in ps]
    cls(ps, **options).step()
    assert_equal([p.grad._array for p in ps], before)


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_parameters_keep_their_arrays_and_blocks_do_not_matter(cls, options, monkeypatch):
    whole = params()
    arrays = [p._array for p in whole]
    run(cls(whole, **options), whole, 5)
    assert all(p._array is a for p, a in zip(whole, arrays, strict=True))
    for block, alone in ((6, 2), (3, 3), (100, 6), (12, 100)):  # which parameters are gathered, which stand alone
        monkeypatch.setattr(flat_optimizer, "BLOCK", block)
        monkeypatch.setattr(flat_optimizer, "ALONE", alone if alone < block else block)
        cut = params()
        cut[0].data = tensor_of(np.asfortranarray(cut[0]._array))
        run(cls(cut, **options), cut, 5)
        assert_equal(values(whole), values(cut))


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_a_group_of_many_is_many_groups_of_one(cls, options):
    together, apart = params(), params()
    run(cls(together, **options), together, 5)
    run(cls([{"params": [p]} for p in apart], **options), apart, 5)
    assert_equal(values(together), values(apart))


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_parameters_without_gradient_stay_with_their_state(cls, options):
    ps, alone = params(), params()
    optimizer, reference = cls(ps, **options), cls([alone[1]], **options)
    for step in range(8):
        give_gradients(ps, step)
        give_gradients(alone, step)
        if step in (0, 3, 4):  # the second parameter steps less often, also than its neighbours
            ps[1].grad = alone[1].grad = None
            before, state = ps[1]._array.copy(), copy.deepcopy(optimizer.state_dict()["state"].get(1))
        optimizer.step()
        reference.step()
        if ps[1].grad is None:
            assert_equal([ps[1]._array], [before])
            after = optimizer.state_dict()["state"].get(1)
            assert (state is None) == (after is None)
            for name in state or ():
                assert_equal([after[name]._array], [state[name]._array])
    assert_equal([ps[1]._array], [alone[1]._array])


def test_state_appears_with_the_first_gradient():
    ps = params()
    optimizer = Adam(ps)
    optimizer.step()
    assert not optimizer.state
    give_gradients(ps[:1])
    optimizer.step()
    assert list(optimizer.state) == ps[:1]
    assert list(optimizer.state_dict()["state"]) == [0]


def test_dtypes_mix_in_a_group():
    ps = [param([1.0, 2.0], np.float32), param([3.0], np.float64), param([4.0], np.float32)]
    alone = [param([1.0, 2.0], np.float32), param([3.0], np.float64), param([4.0], np.float32)]
    run(Adam(ps, lr=0.1), ps, 4)
    for i, p in enumerate(alone):
        optimizer = Adam([p], lr=0.1)
        for step in range(4):
            give_gradients(alone, 1 + step)
            optimizer.step()
        assert p._array.dtype == ps[i]._array.dtype
    assert_equal(values(ps), values(alone))


def test_numpys_float64_options_do_not_change_float32_results():
    a, b = params(dtype=np.float32), params(dtype=np.float32)
    run(Adam(a, lr=np.float64(0.1), betas=(np.float64(0.9), np.float64(0.99))), a, 3)
    run(Adam(b, lr=0.1, betas=(0.9, 0.99)), b, 3)
    assert_equal(values(a), values(b))


def test_maximize_climbs():
    p = param([0.0])
    p.grad = tensor_of(np.array([2.0]))
    SGD([p], lr=0.5, maximize=True).step()
    assert p._array[0] == 1.0


def test_a_step_raises_the_version_of_what_it_moved():
    from tinygrad_fm.autograd.versions import version

    p, q = param([1.0]), param([1.0])
    p.grad = tensor_of(np.array([1.0]))
    before = version(p._array), version(q._array)
    SGD([p, q], lr=0.1).step()
    assert (version(p._array), version(q._array)) == (before[0] + 1, before[1])


# ---- state as a user sees and changes it -----------------------------------------------------------------------------


def test_state_shows_what_the_next_step_uses():
    p = param([[1.0, 2.0]])
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    p.grad = tensor_of(np.array([[4.0, 8.0]]))
    optimizer.step()
    velocity = optimizer.state[p]["momentum_buffer"]
    assert velocity.tolist() == [[4.0, 8.0]]
    velocity._array[...] = 0  # written in place ...
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [[4.0, 8.0]]
    optimizer.state[p]["momentum_buffer"] = tensor_of(np.array([[100.0, 0.0]]))  # ... or replaced
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [[54.0, 8.0]]


@pytest.mark.parametrize(
    "forget",
    [
        lambda o, p: o.state.clear(),
        lambda o, p: o.state.pop(p),
        lambda o, p: o.state[p].clear(),
        lambda o, p: setattr(o, "state", type(o.state)(dict)),
    ],
)
def test_state_that_was_deleted_starts_anew(forget):
    p = param([1.0, 2.0])
    optimizer = Adam([p], lr=0.1)
    run(optimizer, [p], 5)
    forget(optimizer, p)
    again = param(p._array)
    run(optimizer, [p], 3, seed=7)
    run(Adam([again], lr=0.1), [again], 3, seed=7)
    assert_equal([p._array], [again._array])
    assert optimizer.state[p]["step"].item() == 3


def test_looking_at_state_that_is_not_there_changes_nothing():
    p, q = param([1.0, 2.0]), param([1.0, 2.0])
    optimizer = SGD([p], lr=0.1, momentum=0.9, dampening=0.5)
    assert optimizer.state[p] == {}
    run(optimizer, [p], 3)
    run(SGD([q], lr=0.1, momentum=0.9, dampening=0.5), [q], 3)
    assert_equal([p._array], [q._array])


def test_replaced_data_is_what_the_next_step_moves():
    p, q = param([1.0, 2.0]), param([1.0, 2.0])
    a, b = Adam([p], lr=0.1), Adam([q], lr=0.1)
    run(a, [p], 3)
    run(b, [q], 3)
    old = p._array
    p.data = tensor_of(np.array([7.0, 7.0]))
    q._array[...] = 7.0
    frozen = old.copy()
    run(a, [p], 3, seed=9)
    run(b, [q], 3, seed=9)
    assert_equal([p._array, old], [q._array, frozen])


def test_a_parameter_cast_between_steps_takes_its_state_along():
    p, q = param([1.0, 2.0], np.float32), param([1.0, 2.0], np.float64)
    a, b = Adam([p], lr=0.1), Adam([q], lr=0.1)
    run(a, [p], 3)
    run(b, [q], 3)
    p.data = tensor_of(p._array.astype(np.float64))
    run(a, [p], 3, seed=9)
    run(b, [q], 3, seed=9)
    assert a.state[p]["exp_avg"]._array.dtype == np.float64
    np.testing.assert_allclose(p._array, q._array, rtol=1e-6)


def test_options_that_need_more_state_can_come_later():
    p = param([1.0, 2.0])
    optimizer = Adam([p], lr=0.1)
    run(optimizer, [p], 2)
    kept = optimizer.state[p]["exp_avg"]._array.copy()
    optimizer.param_groups[0]["amsgrad"] = True
    optimizer.param_groups[0]["lr"] = 0.0
    run(optimizer, [p], 1)
    assert set(optimizer.state[p]) == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
    assert optimizer.state[p]["step"].item() == 3
    assert not np.array_equal(optimizer.state[p]["exp_avg"]._array, kept)


def test_a_replaced_list_of_parameters_is_used():
    p, q = param([1.0]), param([1.0])
    optimizer = SGD([p], lr=1.0)
    run(optimizer, [p], 1)
    optimizer.param_groups[0]["params"] = [q]
    before = values([p])
    give_gradients([p, q])
    optimizer.step()
    assert_equal(values([p]), before)
    assert q._array[0] != 1.0


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_a_copy_goes_on_by_itself(cls, options):
    ps = params()
    optimizer = cls(ps, **options)
    run(optimizer, ps, 3)
    ps2, optimizer2 = copy.deepcopy((ps, optimizer))
    frozen = values(ps)
    run(optimizer2, ps2, 3, seed=9)
    assert_equal(values(ps), frozen)
    run(optimizer, ps, 3, seed=9)
    assert_equal(values(ps), values(ps2))


def test_adagrad_starts_every_group_from_its_own_value():
    p, q = param([1.0]), param([1.0])
    optimizer = Adagrad([p], lr=1.0, initial_accumulator_value=3.0)
    optimizer.add_param_group({"params": q, "initial_accumulator_value": 0.0})
    assert [optimizer.state[x]["sum"].tolist() for x in (p, q)] == [[3.0], [0.0]]
    for x in (p, q):
        x.grad = tensor_of(np.array([1.0]))
    optimizer.step()
    np.testing.assert_allclose([p._array[0], q._array[0]], [0.5, 0.0], atol=1e-9)


# ---- saving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "options"), ALL)
def test_resuming_is_exact(cls, options):
    ps = params(dtype=np.float32)
    optimizer = cls(ps, **options)
    run(optimizer, ps, 4)
    saved, arrays = copy.deepcopy(optimizer.state_dict()), values(ps)
    run(optimizer, ps, 4, seed=20)
    fresh = [tensor_of(a, requires_grad=True) for a in arrays]
    resumed = cls(fresh, lr=99.0)
    resumed.load_state_dict(saved)
    assert resumed.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    run(resumed, fresh, 4, seed=20)
    assert_equal(values(fresh), values(ps))


def test_loading_copies_and_casts():
    p, q = param([1.0, 2.0]), param([1.0, 2.0], np.float32)
    a, b = Adam([p], lr=0.1), Adam([q], lr=0.1)
    run(a, [p], 2)
    saved = a.state_dict()
    b.load_state_dict(saved)
    assert b.state[q]["exp_avg"]._array.dtype == np.float32
    c = Adam([param([1.0, 2.0])])
    c.load_state_dict(saved)
    run(a, [p], 2)
    assert c.state_dict()["state"][0]["step"].item() == 2
    a.param_groups[0]["lr"] = 5.0
    assert c.param_groups[0]["lr"] == 0.1


def test_positions_run_over_all_groups():
    ps = params()
    optimizer = SGD([{"params": ps[:2]}, {"params": ps[2:], "lr": 0.5}], lr=0.1, momentum=0.9)
    run(optimizer, ps, 1)
    saved = optimizer.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0, 1], [2, 3]]
    assert sorted(saved["state"]) == [0, 1, 2, 3]


def test_states_that_do_not_fit_are_refused_and_change_nothing():
    ps = params()
    optimizer = Adam(ps, lr=0.1)
    run(optimizer, ps, 2)
    saved = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match=r"doesn't match the size .* group 0 has 1 parameters there, 4 here"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": [0]}]})
    wrong = copy.deepcopy(saved)
    wrong["state"][1]["exp_avg"] = tensor_of(np.zeros(3))
    wrong["param_groups"][0]["lr"] = 7.0
    with pytest.raises(ValueError, match=r"exp_avg of parameter 1 has shape \(3,\), the parameter \(5,\)"):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert after["param_groups"] == saved["param_groups"]
    for i, entry in saved["state"].items():
        for name, value in entry.items():
            assert_equal([after["state"][i][name]._array], [value._array])


# ---- groups, closures, mistakes --------------------------------------------------------------------------------------


def test_named_parameters_keep_their_names():
    ps = params()
    optimizer = SGD([("a", ps[0]), ("b", ps[1])], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    assert optimizer.param_groups[0]["params"] == ps[:2]


def test_parameters_may_come_from_a_generator():
    ps = params()
    assert SGD((p for p in ps), lr=0.1).param_groups[0]["params"] == ps


def test_closure_runs_with_gradients_enabled_and_its_loss_is_returned():
    from tinygrad_fm.autograd import is_grad_enabled, no_grad

    p = param([3.0])
    optimizer = SGD([p], lr=1.0)

    def closure():
        optimizer.zero_grad()
        p.grad = tensor_of(np.array([1.0 if is_grad_enabled() else 100.0]))
        return "loss"

    with no_grad():
        assert optimizer.step(closure) == "loss"
    assert p._array[0] == 2.0


def test_zero_grad():
    p = param([3.0])
    p.grad = kept = tensor_of(np.array([1.0]))
    optimizer = SGD([p], lr=1.0)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept
    assert kept.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_a_gradient_of_another_shape_is_refused():
    p = param([[1.0, 2.0]])
    p._grad = tensor_of(np.array([1.0, 2.0]))  # unchecked
    with pytest.raises(RuntimeError, match=r"\(1, 2\) has a gradient of shape \(2,\)"):
        SGD([p], lr=0.1).step()


def test_what_is_no_parameter_is_refused():
    p = param([1.0])
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        SGD(p)
    with pytest.raises(ValueError, match="empty parameter list"):
        SGD([])
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is float"):
        SGD([p, 1.0])
    with pytest.raises(TypeError, match="ordered collections"):
        SGD([{"params": {p}}])
    with pytest.raises(TypeError, match="param_group must be a dict"):
        SGD([p]).add_param_group([p])
    with pytest.raises(ValueError, match="more than one parameter group"):
        SGD([{"params": [p]}, {"params": [p]}])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([p, p])
    with pytest.raises(ValueError, match="capturable"):
        Adam([p], capturable=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        SGD([p], differentiable=True, fused=True)


def test_a_non_leaf_is_refused():
    p = param([1.0])
    with pytest.raises(ValueError, match="non-leaf"):
        SGD([p * 2])


def test_an_option_without_default_must_be_given():
    class Own(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": optim.optimizer.required})

    p = param([1.0])
    assert Own([{"params": [p], "lr": 1}]).param_groups[0]["lr"] == 1
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        Own([p])


def test_an_optimizer_of_ones_own_saves_its_state():
    class Count(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 1.0})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["n"] = self.state[p].get("n", 0) + 1

    p = param([1.0])
    optimizer = Count([p])
    optimizer.step()
    optimizer.step()
    other = Count([p])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[p]["n"] == 2


def test_hooks_of_a_step_that_calls_its_parents_run_once():
    """In PyTorch once or twice, by whether the parent class has been used before."""

    class Own(SGD):
        def step(self, closure=None):
            super().step(closure)
            return "own"

    calls, own = [], Own([param([1.0])], lr=0.1)
    own.register_step_pre_hook(lambda *args: calls.append("before"))
    own.register_step_post_hook(lambda *args: calls.append("after"))
    assert own.step() == "own"
    assert calls == ["before", "after"]
