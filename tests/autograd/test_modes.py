"""Grad modes: as context managers, as decorators, nested, and each thread for itself."""

from __future__ import annotations

import threading

import pytest

import tinygrad_fm as torch
from tests.platforms import needs_threads


def records() -> bool:
    return bool((torch.ones(1, requires_grad=True) * 2).requires_grad)


def test_no_grad_and_enable_grad_nest() -> None:
    assert records()
    with torch.no_grad():
        assert not records()
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert records()
            with torch.no_grad():
                assert not records()
            assert records()
        assert not records()
    assert records()


def test_one_object_entered_twice() -> None:
    mode = torch.no_grad()
    with mode:
        with mode:
            assert not records()
        assert not records()
    assert records()


def test_the_mode_comes_back_after_an_exception() -> None:
    with pytest.raises(KeyError), torch.no_grad():
        raise KeyError
    assert records()


@pytest.mark.parametrize("decorator", [torch.no_grad(), torch.no_grad], ids=["called", "bare"])
def test_as_decorator(decorator) -> None:
    @decorator
    def f(a, b=1):
        """Adds."""
        assert not records()
        return a + b

    assert f(1, b=2) == 3
    assert f.__name__ == "f"
    assert f.__doc__ == "Adds."
    assert records()


def test_enable_grad_as_decorator() -> None:
    @torch.enable_grad()
    def f():
        return records()

    with torch.no_grad():
        assert f()
        assert not records()


def test_set_grad_enabled() -> None:
    with torch.set_grad_enabled(False):
        assert not records()
        with torch.set_grad_enabled(True):
            assert records()
        assert not records()
    assert records()
    torch.set_grad_enabled(False)
    try:
        assert not records()
    finally:
        torch.set_grad_enabled(True)
    assert records()


def test_set_grad_enabled_as_decorator() -> None:
    @torch.set_grad_enabled(False)
    def f():
        return records()

    assert records()
    assert not f()
    assert records()


@needs_threads
def test_a_thread_has_its_own_mode() -> None:
    seen = {}

    def work() -> None:
        seen["start"] = records()
        with torch.no_grad():
            seen["inside"] = records()

    with torch.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert not records()
    assert seen == {"start": True, "inside": False}


def test_leaves_made_under_no_grad_still_require_grad() -> None:
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
        y = x * 2
    assert x.requires_grad
    assert not y.requires_grad
    assert y.is_leaf
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_backward_pass_leaves_the_mode_alone() -> None:
    x = torch.ones(2, requires_grad=True)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
        assert not records()
    assert records()
    seen = []
    h = x * x
    h.register_hook(lambda g: seen.append(records()))
    h.sum().backward()
    assert seen == [False]
    assert records()


def test_composed_is_a_mode_too() -> None:
    from tinygrad_fm.autograd.modes import state

    assert not state.composed
    with torch.autograd.composed():
        assert state.composed
    assert not state.composed


def test_tensors_of_inference_mode_are_marked() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        a = torch.ones(2)
        assert torch.is_inference_mode_enabled() and not torch.is_grad_enabled()
        assert a.is_inference() and (a * 2).is_inference() and (x * 2).is_inference() and not x.is_inference()
        with torch.inference_mode(False):
            assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
    assert a.is_inference() and not torch.ones(2).is_inference() and not (x * 2).is_inference()
    assert not a.clone().requires_grad_().is_inference()
    with pytest.raises(RuntimeError, match="made in inference_mode"):
        a.add_(1)
    with pytest.raises(RuntimeError, match="made in inference_mode"):
        a.requires_grad_()


def test_a_mode_is_a_bool() -> None:
    with pytest.raises(TypeError, match="bool, got str"):
        torch.set_grad_enabled("no")  # type: ignore[arg-type]
