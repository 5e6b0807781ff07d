"""no_grad, enable_grad and the other modes, one set per thread: whether it records, in which module it is, what is fused."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Scope(NamedTuple):
    """Which module an operation belongs to; its dotted path is looked up when asked (``node.module_path``).

    Attributes:
        outermost, innermost: weak references to the first and the last of the modules being called, one within another.
        gradient_of: of an operation that a backward pass recorded, the name of the one that it is the gradient of; else "".
    """

    outermost: Callable[[], Any]
    innermost: Callable[[], Any]
    gradient_of: str = ""


class State(threading.local):
    """One thread's modes; the class attributes are what a new thread starts with."""

    grad_enabled: bool = True
    composed: bool = False
    inference: bool = False
    scope: Scope | None = None  # None outside any module
    # True while the innermost op of a hooked call runs, so that the hooks do not see it twice
    inside_hook: bool = False
    mapped: int = 0  # a bit for each vmap that is at work, one within another
    on_read: Callable[[], None] | None = None  # told when Python is given the value of a tensor (``replay``)
    may_draw: bool = True  # False within a vmap whose function must not draw random numbers


state = State()


def _within(mode: Callable[[], Any], function: F) -> F:
    """``function``, run within ``mode()``: a generator too, whenever it runs, but not while it waits for its caller."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if inspect.isgeneratorfunction(function):
            return _steps(mode, function(*args, **kwargs))
        with mode():
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def _steps(mode: Callable[[], Any], generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    step: Callable[[Any], Any] = generator.send
    sent: Any = None
    while True:
        try:
            with mode():
                found = step(sent)
        except StopIteration as end:
            return end.value
        try:
            step, sent = generator.send, (yield found)
        except BaseException as error:  # thrown in by the caller: passed on into the generator, as is its close()
            step, sent = generator.throw, error


class _Mode:
    """Sets one attribute of :data:`state` for a while: a context manager, and a decorator with or without ``()``."""

    attribute = "grad_enabled"
    value = True
    _previous: list[bool]

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        self._previous = []
        return self if function is None else self(function)  # `@no_grad` without parentheses decorates

    def __enter__(self) -> None:
        self._previous.append(getattr(state, self.attribute))  # a stack: one object may be entered twice
        setattr(state, self.attribute, self.value)

    def __exit__(self, *exception: Any) -> None:
        setattr(state, self.attribute, self._previous.pop())

    def __call__(self, function: F) -> F:
        return _within(type(self), function)


class no_grad(_Mode):
    """Operations inside record nothing: ``with no_grad():`` or ``@no_grad()``. Holds for the current thread only.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    value = False


class enable_grad(_Mode):
    """Operations inside record again, within a :class:`no_grad`.

    Example:
        >>> import tinygrad_fm as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> with torch.no_grad(), torch.enable_grad():
        ...     y = x * 2
        >>> y.requires_grad
        True
    """


class composed(_Mode):
    """Fused kernels are off inside: every operation runs as the plain composition that defines it. For the current thread.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.autograd.composed():
    ...     torch.nn.functional.gelu(x)  # GeluBackward0 outside
    tensor([0.8413], grad_fn=<MulBackward0>)
    """

    attribute = "composed"


class set_grad_enabled:
    """Turn recording on or off: at once when called, and back at the end when used as ``with set_grad_enabled(mode):``.

    Raises:
        TypeError: ``mode`` is no bool.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.set_grad_enabled(False):
    ...     y = x * 2
    >>> y.requires_grad, (x * 2).requires_grad
    (False, True)
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): mode must be a bool, got {type(mode).__name__}")
        self._mode = mode
        self._previous = state.grad_enabled
        state.grad_enabled = self._mode

    def __enter__(self) -> None:
        state.grad_enabled = self._mode

    def __exit__(self, *exception: Any) -> None:
        state.grad_enabled = self._previous

    def __call__(self, function: F) -> F:
        state.grad_enabled = self._previous  # as a decorator it only counts while the function runs
        return _within(lambda: set_grad_enabled(self._mode), function)


inference_seen = False  # whether any thread has ever entered inference_mode; until then nobody asks for its marks


class inference_mode(no_grad):
    """:class:`no_grad` that also marks the tensors made inside: ``with inference_mode():``, ``@inference_mode()``.

    Args:
        mode: False records again, as :class:`enable_grad`.

    Example:
        >>> import tinygrad_fm as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> y = torch.inference_mode()(lambda: x * 2)()
        >>> y.requires_grad
        False
    """

    def __new__(cls, mode: Any = True) -> Any:
        if isinstance(mode, bool):
            return super().__new__(cls) if mode else enable_grad()
        return super().__new__(cls, mode)

    def __enter__(self) -> None:
        global inference_seen  # noqa: PLW0603
        inference_seen = True
        super().__enter__()
        self._previous.append(state.inference)
        state.inference = True

    def __exit__(self, *exception: Any) -> None:
        state.inference = self._previous.pop()
        super().__exit__(*exception)


def is_inference_mode_enabled() -> bool:
    """Whether the current thread is in :class:`inference_mode`.

    >>> import tinygrad_fm as torch
    >>> with torch.inference_mode():
    ...     torch.is_inference_mode_enabled()
    True
    >>> torch.is_inference_mode_enabled()
    False
    """
    return state.inference


def is_grad_enabled() -> bool:
    """Whether the current thread records operations.

    >>> import tinygrad_fm as torch
    >>> torch.is_grad_enabled()
    True
    """
    return state.grad_enabled
