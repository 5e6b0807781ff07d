"""Runs one call under PyTorch and under this framework on the same data, and compares everything that comes out.

Compared: result values, dtypes, shapes and requires_grad; gradients from random cotangents; in float64 second gradients as
well; and where PyTorch raises, that we raise too.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import tinygrad_fm

torch.set_num_threads(1)  # the samples are small; threads would only wait for one another

TOLERANCE = {  # dtype -> (relative, absolute), for values; gradients get ten times that
    torch.float64: (1e-7, 1e-9),
    torch.float32: (1e-5, 1e-5),
    torch.float16: (2e-3, 2e-3),
}


class Unsupported(Exception):
    """A sample uses what this framework leaves out: complex numbers, bfloat16, sparse layouts, other devices."""


# -- from PyTorch to ours ----------------------------------------------------------------------------------------------


class Converter:
    """Copies PyTorch values into ours; what shared memory or identity there shares it here, and strides stay."""

    def __init__(self) -> None:
        self.storages: dict[int, np.ndarray[Any, Any]] = {}
        self.tensors: dict[int, Any] = {}
        self.pairs: list[tuple[torch.Tensor, Any]] = []  # every tensor met that requires grad, theirs and ours

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.tensors:
                self.tensors[id(value)] = self._tensor(value)
            return self.tensors[id(value)]
        if isinstance(value, torch.dtype):
            return dtype_of(value)
        if isinstance(value, torch.device):
            return str(value)
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, (tuple, list)):
            return type(value)(self(item) for item in value)
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if value is torch.strided:
            return None
        if isinstance(value, torch.memory_format) and hasattr(tinygrad_fm, str(value).split(".")[1]):
            return getattr(tinygrad_fm, str(value).split(".")[1])
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
            return value
        raise Unsupported(f"{type(value).__name__} {value}")

    def _tensor(self, value: torch.Tensor) -> Any:
        if value.layout is not torch.strided:
            raise Unsupported(f"layout {value.layout}")
        if value.ndim > 64:
            raise Unsupported("more dimensions than NumPy has")
        dtype_of(value.dtype)
        key = value.untyped_storage().data_ptr()
        if value.numel() and key not in self.storages:
            raw = torch.empty(0, dtype=torch.uint8).set_(value.untyped_storage())
            self.storages[key] = raw.numpy().copy()
        item, numpy_dtype = value.element_size(), np.dtype(str(value.dtype).removeprefix("torch."))
        if value.numel():
            array = np.ndarray(
                tuple(value.shape),
                numpy_dtype,
                self.storages[key],
                value.storage_offset() * item,
                tuple(stride * item for stride in value.stride()),
            )
        else:
            array = np.empty(tuple(value.shape), numpy_dtype)
        ours = tinygrad_fm.from_numpy(array)
        if value.requires_grad:
            ours.requires_grad_()
            self.pairs.append((value, ours))
        return ours


def dtype_of(dtype: torch.dtype) -> Any:
    """Our dtype object for PyTorch's."""
    name = str(dtype).removeprefix("torch.")
    if "complex" in name or name in ("bfloat16", "chalf") or not hasattr(tinygrad_fm, name):
        raise Unsupported(f"dtype {name}")
    return getattr(tinygrad_fm, name)


# -- comparing ---------------------------------------------------------------------------------------------------------


def flat(value: Any) -> list[Any]:
    """What an operation returned, as a flat list."""
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        return [item for part in value for item in flat(part)]
    return [value]


def array_of(value: Any) -> np.ndarray[Any, Any]:
    """The array behind a tensor of either library."""
    return np.asarray(value.detach().numpy(force=True))  # forced: PyTorch's lazy zeros have no array yet


def difference(theirs: Any, ours: Any, scale: float = 1.0, values: bool = True) -> str | None:
    """How ``ours`` differs from ``theirs``, or None. With ``values`` off only dtype and shape count."""
    if not isinstance(theirs, torch.Tensor):
        if isinstance(theirs, torch.Size):
            theirs = tuple(theirs)
        if isinstance(theirs, torch.dtype):
            return None if ours is dtype_of(theirs) else f"expected {theirs}, got {ours}"
        same = theirs == ours or (
            isinstance(theirs, float)
            and isinstance(ours, float)
            and (math.isclose(theirs, ours, rel_tol=1e-5) or (math.isnan(theirs) and math.isnan(ours)))
        )
        return None if (same and type(theirs) is type(ours)) or not values else f"expected {theirs!r}, got {ours!r}"
    if not isinstance(ours, tinygrad_fm.Tensor):
        return f"expected a Tensor, got {type(ours).__name__}"
    name = str(theirs.dtype)
    if str(ours.dtype) != name:
        return f"dtype: expected {name}, got {ours.dtype}"
    if tuple(theirs.shape) != tuple(ours.shape):
        return f"shape: expected {tuple(theirs.shape)}, got {tuple(ours.shape)}"
    if not values or theirs.numel() == 0:
        return None
    want, got = array_of(theirs), array_of(ours)
    if want.dtype.kind != "f":
        wrong = want != got
    else:
        relative, absolute = TOLERANCE[theirs.dtype]
        with np.errstate(all="ignore"):
            wrong = ~np.isclose(got, want, rtol=relative * scale, atol=absolute * scale, equal_nan=True)
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0]) if want.ndim else ()
    return f"{int(wrong.sum())} of {want.size} values, first at {at}: expected {want[at]!r}, got {got[at]!r}"


# -- running -----------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of one comparison: ``kind`` is pass, fail or skip."""

    kind: str
    detail: str = ""


@dataclass
class Check:
    """How to compare one call.

    Attributes:
        values: compare values, not only dtypes and shapes (random operations).
        second: compare second gradients too.
        quiet: a RuntimeWarning of NumPy's counts as a difference; PyTorch never warns of numbers.
        process: applied to both results before comparing (the sample's own choice of what to compare).
    """

    values: bool = True
    gradients: bool = True
    second: bool = False
    quiet: bool = True
    process: Callable[[Any], Any] = field(default=lambda result: result)


def compare(
    theirs: Callable[..., Any], ours: Callable[..., Any], args: Iterable[Any], kwargs: dict[str, Any], check: Check
) -> Outcome:
    """Call both on the same arguments, PyTorch's values, and compare."""
    args = tuple(args)
    if "out" in kwargs:
        return Outcome("skip", "out= is not offered")
    convert = Converter()
    try:
        our_args, our_kwargs = convert(args), convert(kwargs)
    except Unsupported as reason:
        return Outcome("skip", str(reason))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = theirs(*args, **kwargs)
    except Exception as error:  # whatever it is, ours must raise as well
        return _must_raise(ours, our_args, our_kwargs, error)
    if any(isinstance(t, torch.Tensor) and (t.is_complex() or t.dtype is torch.bfloat16) for t in flat(want)):
        return Outcome("skip", "complex or bfloat16 result")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # where PyTorch warns of an argument, so do we
        if not check.quiet:
            warnings.simplefilter("ignore", RuntimeWarning)
        try:
            got = ours(*our_args, **our_kwargs)
            found = _compare_results(check, want, got) or _compare_gradients(check, want, got, convert.pairs)
        except Exception as error:  # any exception is a difference, and is shown as one
            found = f"{type(error).__name__}: {error}"
    return Outcome("fail", found) if found else Outcome("pass")


# what code that expects PyTorch's exception may meet here
_ACCEPTED: dict[type[Exception], tuple[type[Exception], ...]] = {
    NotImplementedError: (NotImplementedError, RuntimeError, TypeError),
    RuntimeError: (RuntimeError, IndexError),
}


def _must_raise(ours: Callable[..., Any], args: Any, kwargs: Any, error: Exception) -> Outcome:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", UserWarning)
            got = ours(*args, **kwargs)
    except Exception as ours_raised:  # raising is what is asked for
        if any(isinstance(ours_raised, kind) for kind in _ACCEPTED.get(type(error), (type(error),))):
            return Outcome("pass")
        return Outcome(
            "fail",
            f"PyTorch raises {type(error).__name__}: {str(error)[:100]!r}, "
            f"ours {type(ours_raised).__name__}: {str(ours_raised)[:100]!r}",
        )
    return Outcome("fail", f"PyTorch raises {type(error).__name__}: {str(error)[:150]!r}, ours returned {str(got)[:80]}")


def _compare_results(check: Check, want: Any, got: Any) -> str | None:
    if isinstance(want, (tuple, list)) and not isinstance(want, torch.Size):
        if not isinstance(got, (tuple, list)):
            return f"expected a {type(want).__name__} of results, got {type(got).__name__}"
        for name in ("values", "indices", "sign", "logabsdet"):
            if hasattr(want, name) and not hasattr(got, name):
                return f"the tuple of results has no field {name!r}"
    want, got = flat(check.process(want)), flat(check.process(got))
    if len(want) != len(got):
        return f"expected {len(want)} results, got {len(got)}"
    for i, (theirs, ours) in enumerate(zip(want, got, strict=True)):
        found = difference(theirs, ours, values=check.values)
        if found:
            return f"result {i}: {found}"
        if check.gradients and isinstance(theirs, torch.Tensor) and theirs.requires_grad != ours.requires_grad:
            return f"result {i}: requires_grad expected {theirs.requires_grad}, got {ours.requires_grad}"
    return None


def _differentiable(results: Any) -> list[Any]:
    return [r for r in flat(results) if hasattr(r, "requires_grad") and r.requires_grad]


def _compare_gradients(check: Check, want: Any, got: Any, pairs: list[tuple[torch.Tensor, Any]]) -> str | None:
    want, got = _differentiable(check.process(want)), _differentiable(check.process(got))
    if not check.gradients or not want or not pairs:
        return None
    theirs, ours = [t for t, _ in pairs], [t for _, t in pairs]
    convert = Converter()
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(t.shape, generator=generator, dtype=t.dtype).requires_grad_(check.second) for t in want]
    our_start = convert(start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = torch.autograd.grad(want, theirs, start, create_graph=check.second, allow_unused=True)
    except RuntimeError as error:
        if "not implemented" in str(error):
            return None
        raise
    our_first = tinygrad_fm.autograd.grad(got, ours, our_start, create_graph=check.second, allow_unused=True)
    found = _compare_lists("gradient", first, our_first, check.values, theirs)
    if found or not check.second:
        return found
    chosen = [i for i, g in enumerate(first) if g is not None and g.requires_grad]
    if not chosen or any(our_first[i] is None for i in chosen):
        return None
    missing = [i for i in chosen if not our_first[i].requires_grad]
    if missing:
        # PyTorch marks a gradient that is constant as requiring grad too; then its own gradient is zero
        return _constant_gradients(first, missing, theirs)
    again = [torch.randn(first[i].shape, generator=generator, dtype=first[i].dtype) for i in chosen]
    try:
        second = torch.autograd.grad([first[i] for i in chosen], theirs + start, again, allow_unused=True)
    except RuntimeError as error:
        if "not implemented" in str(error) or "does not require grad" in str(error):
            return None
        raise
    our_second = tinygrad_fm.autograd.grad(
        [our_first[i] for i in chosen], ours + our_start, Converter()(again), allow_unused=True
    )
    return _compare_lists("second gradient", second, our_second, check.values, theirs + start)


def _constant_gradients(first: Any, missing: list[int], inputs: list[torch.Tensor]) -> str | None:
    for i in missing:
        found = torch.autograd.grad(first[i].sum(), inputs, retain_graph=True, allow_unused=True)
        if any(g is not None and g.abs().sum() > 0 for g in found):
            return f"gradient {i} of create_graph=True does not require grad, though it is not constant"
    return None


def _compare_lists(what: str, want: Any, got: Any, values: bool, inputs: list[torch.Tensor]) -> str | None:
    for i, (theirs, ours) in enumerate(zip(want, got, strict=True)):
        if theirs is None and ours is None:
            continue
        if theirs is None or ours is None:  # "no gradient" and "a gradient of zeros" are the same to a sum
            zeros = (theirs is None and not np.any(array_of(ours))) or (ours is None and not torch.any(theirs))
            if not zeros and values:
                return f"{what} {i} of {tuple(inputs[i].shape)}: expected {theirs}, got {ours}"
            continue
        found = difference(theirs, ours, scale=10.0, values=values)
        if found:
            return f"{what} {i} of {tuple(inputs[i].shape)}: {found}"
    return None


# -- finding ours ------------------------------------------------------------------------------------------------------


def our_function(name: str) -> Callable[..., Any] | None:
    """Our function of PyTorch's name (``add``, ``nn.functional.relu``), or None."""
    found: Any = tinygrad_fm
    for part in name.split("."):
        found = vars(found).get(part)  # not getattr: names that are left out have a stand-in that raises
        if found is None:
            return None
    return found if callable(found) and not isinstance(found, type(tinygrad_fm)) else None


def our_method(name: str) -> Callable[..., Any] | None:
    """Our method of PyTorch's name as a function of the tensor, or None; properties such as ``T`` too."""
    if "." in name or not hasattr(tinygrad_fm.Tensor, name):
        return None
    if isinstance(getattr(tinygrad_fm.Tensor, name), property):
        return lambda x: getattr(x, name)

    def method(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, tinygrad_fm.Tensor):
            raise TypeError(f"{name} is a method of tensors, not of {type(x).__name__}")
        return getattr(x, name)(*args, **kwargs)

    return method


def inplace(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that writes to its tensor, made to write to a clone so that leaves stay as they are."""

    @functools.wraps(method)
    def on_a_clone(x: Any, *args: Any, **kwargs: Any) -> Any:
        return method(x.clone(), *args, **kwargs)

    return on_a_clone
