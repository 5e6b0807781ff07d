"""``Tensor``: an array with a place on the tape.

The class holds nothing but the array, the node that made it, and (for a leaf) its gradient. Every operator and method is
the operation of that name from ``ops``, where the kernels, the rules and the documentation are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .autograd import backward as run_backward
from .autograd import versions
from .autograd.box import TensorBase, box, raw, register_tensor
from .autograd.hooks import Removable, is_retained, retain
from .autograd.inplace import wrote
from .autograd.modes import state
from .autograd.node import Leaf
from .autograd.primitives import as_operator
from .autograd.vmap_levels import refuse_value
from .devices import CPU, check_device, device
from .dtypes import OURS, default_float, dtype
from .errors import AutogradError
from .ops import elementwise
from .ops import functions as ops
from .ops.creation import as_array
from .ops.creation import shape_from as sizes
from .printing import format_tensor
from .tensor_methods import Methods
from .tensor_numpy import NumPyMethods
from .tensor_operations import in_place
from .torch_compat.left_out import TENSOR_METHODS


def _unpickled(cls: type, array: np.ndarray[Any, Any], requires_grad: bool) -> Any:
    out: Any = object.__new__(cls)
    out._array = array
    return out.requires_grad_(requires_grad)


class Size(tuple[int, ...]):
    """A shape: a tuple that prints as PyTorch's does and counts its elements.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.Size([2, 3]).numel()
        6
    """

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        return int(np.prod(self, dtype=np.int64))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


def _operator(op: Callable[..., Any]) -> Callable[..., Tensor]:
    """``op`` as a Python operator. An object that it knows nothing of is asked in its turn: ``x * y`` is ``y.__rmul__(x)``
    then, and ``x == None`` is False."""
    if hasattr(op, "primitive"):
        return as_operator(op)

    def run(self: Any, other: Any) -> Any:
        return op(self, other) if isinstance(other, (TensorBase, np.ndarray, np.generic, int, float)) else NotImplemented

    return run


def _reversed(op: Callable[..., Any]) -> Callable[..., Tensor]:
    """The operator with this tensor on the right: ``2 - x``."""
    op = _operator(op)
    return lambda self, other: op(other, self)


class Tensor(TensorBase, NumPyMethods, Methods):
    """An n-dimensional array of one dtype that remembers, where asked to, how it was computed.

    ``Tensor(data)`` makes a tensor of the default float dtype from nested lists, an array or a tensor, and ``Tensor(2, 3)``
    one of that size; :func:`tensor` keeps the kind of its data and is what one usually wants.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    def __init__(self, *data: Any, device: Any = None) -> None:
        check_device(device)
        if len(data) == 1 and not isinstance(data[0], (int, Size)):
            self._array = as_array(data[0]).astype(default_float(), copy=False)
        else:
            self._array = np.zeros(sizes(data), default_float())

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of dimension ``dim``."""
        return Size(self._array.shape) if dim is None else self._array.shape[dim]

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return self._array.ndim

    def dim(self) -> int:
        """How many dimensions."""
        return self._array.ndim

    def numel(self) -> int:
        """How many elements."""
        return self._array.size

    @property
    def dtype(self) -> dtype:
        """The type of the elements."""
        return OURS[self._array.dtype]

    @property
    def device(self) -> device:
        """The CPU."""
        return CPU

    # -- the tape ----------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        if self._view is not None:
            self._view.refresh(self)
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for this leaf's gradient, or no longer; returns the tensor.

        Raises RuntimeError for integers and bools, and for switching it off on the result of an operation.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_(): requires_grad must be a bool, got {type(requires_grad).__name__}")
        if requires_grad == self.requires_grad:
            return self
        if not requires_grad:
            if not self.is_leaf:
                raise AutogradError(
                    "requires_grad can only be switched off for leaf tensors; use detach() to get this value without its graph"
                )
            self._node = None
        elif self._inference and not state.inference:
            raise AutogradError("requires_grad_(): this tensor was made in inference_mode; clone() it first")
        elif not self.is_floating_point():
            raise AutogradError(f"only floating-point tensors can require gradients, this one is {self.dtype}")
        else:
            self._node, self._view = Leaf(self), None  # as a leaf it depends on no base
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return not self.requires_grad or isinstance(self._node, Leaf)

    @property
    def grad_fn(self) -> Any:
        """The tape's node of the operation that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._node.edge()[0]

    @property
    def output_nr(self) -> int:
        """Which of the results of its operation this tensor is."""
        return 0 if self._node is None else self._node.edge()[1]

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add this tensor's gradient to ``.grad`` of the leaves it was computed from; see :func:`autograd.backward`."""
        run_backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory without the graph.

        >>> import tinygrad_fm as torch
        >>> torch.detach(torch.ones(1, requires_grad=True) * 2).requires_grad
        False
        """
        out = box(self._array)
        out._counted, out._mapped = self._counted, self._mapped
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor off its graph; it becomes a leaf that requires no gradient.

        Raises AutogradError for a view, as its base would stay on the graph: use :meth:`detach`.

        >>> import tinygrad_fm as torch
        >>> x = torch.ones(2, requires_grad=True) * 2
        >>> x.detach_().requires_grad
        False
        """
        if self._view is not None:
            raise AutogradError("detach_(): a view cannot be cut off its base in place; use detach()")
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without the graph. Writes through it are not counted: backward will not notice them."""
        out = box(self._array)
        out._counted = False
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data must be a Tensor, got {type(value).__name__}")
        if self._node is not None and not value.is_floating_point():
            raise AutogradError(f"data of a tensor that requires gradients must be floating-point, got {value.dtype}")
        if self.requires_grad and not value.is_floating_point():
            raise AutogradError(f"data of a tensor that requires gradients must be floating point, got {value.dtype}")
        self._array = value._array
        self._view = None
        if isinstance(self._node, Leaf):
            self._node.describe_result(self._array)

    @property
    def _base(self) -> Any:
        """Of a view, the tensor that owns the memory."""
        base = self._view and self._view.base
        while base is not None and base._view is not None:
            base = base._view.base
        return base

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def _version(self) -> int:
        return versions.version(self._array)

    def _written(self) -> None:
        """Count a write made to ``_array`` by other means than an in-place method."""
        wrote(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Removable:
        """Call ``hook(grad)`` when this tensor's gradient is known; what it returns, if not None, replaces the gradient.

        Returns a handle whose ``remove()`` takes the hook away.
        """
        if not self.requires_grad:
            raise AutogradError("register_hook(): this tensor does not require grad")
        if self._node.hooks is None:
            self._node.hooks = {}
        return Removable(self._node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Removable:
        """Call ``hook(self)`` after a backward has added to this leaf's ``.grad``. Raises RuntimeError for other tensors."""
        if not isinstance(self._node, Leaf):
            raise AutogradError("register_post_accumulate_grad_hook(): only leaf tensors that require grad accumulate one")
        if self._node.after_hooks is None:
            self._node.after_hooks = {}
        return Removable(self._node.after_hooks, hook)

    def retain_grad(self) -> None:
        """Keep this tensor's gradient in ``.grad`` after backward, though it is not a leaf."""
        if not self.requires_grad:
            raise AutogradError("retain_grad(): this tensor does not require grad")
        if not self.is_leaf:
            retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether :meth:`retain_grad` was called on this tensor."""
        return not self.is_leaf and is_retained(self)

    __hash__ = object.__hash__

    def __copy__(self) -> Tensor:
        out: Tensor = object.__new__(type(self))
        out.__dict__.update({k: v for k, v in self.__dict__.items() if k not in ("_node", "_view", "_grad")})
        if self.requires_grad:
            out._node = Leaf(out)  # the copy gets a gradient of its own
        return out

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise AutogradError("only leaf tensors can be deep-copied; detach() or clone() this one first")
        out = object.__new__(type(self))
        memo[id(self)] = out
        own = ("_array", "_node", "_view", "_counted", "_grad")
        out.__dict__.update({k: v for k, v in self.__dict__.items() if k not in own})
        out._array = self._array.copy(order="K")
        out._node = Leaf(out) if self._node is not None else None
        if self._grad is not None:
            out._grad = self._grad.detach().clone()
        return out

    # -- as a Python number, sequence and text ---------------------------------------------------------------------------

    def item(self: Any) -> Any:
        """The value of a tensor with one element, as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(f"a tensor with {self._array.size} elements cannot be converted to one number")
        if self._mapped:
            refuse_value(self, item=True)
        return self._array.item()

    def tolist(self: Any) -> Any:
        """The elements as nested lists of Python numbers."""
        if self._mapped:
            refuse_value(self, item=True)
        return self._array.tolist()

    def __bool__(self: Any) -> bool:
        if self._array.size != 1:
            raise RuntimeError(
                f"the truth of a tensor with {self._array.size} elements is ambiguous; use any(), all() or numel()"
            )
        if self._mapped:
            refuse_value(self, item=False)
        return bool(self._array.item())

    def __float__(self: Any) -> float:
        return float(self.item())

    def __int__(self: Any) -> int:
        return int(self.item())

    def __index__(self: Any) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of one element can be used as an index")
        if self._mapped:
            refuse_value(self, item=True)
        return int(self._array.item())

    def __len__(self: Any) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self: Any) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self, 0))

    def __reduce__(self: Any) -> tuple[Any, ...]:
        """What ``pickle`` keeps, as between processes: the class, the values, and whether a gradient is asked for."""
        if not self.is_leaf:
            raise AutogradError("only leaf tensors can be pickled; detach() this one first, or save its values with save()")
        return _unpickled, (type(self), self._array, self.requires_grad)

    def __contains__(self: Any, value: Any) -> bool:
        if self._mapped:
            refuse_value(self, item=False)
        return bool(np.any(self._array == raw(value)))

    def __repr__(self: Any) -> str:
        return format_tensor(self)

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if not self._array.ndim else object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in TENSOR_METHODS]

    # -- operators: the taped operations -------------------------------------------------------------------------------

    if not TYPE_CHECKING:  # tensor_methods.pyi declares them
        __add__, __sub__, __mul__, __truediv__ = map(
            _operator, (elementwise._add, elementwise._sub, ops.mul, elementwise.true_div)
        )
        __radd__, __rmul__ = __add__, __mul__
        __rsub__, __rtruediv__ = _reversed(elementwise._sub), _reversed(elementwise.true_div)
        __pow__, __rpow__ = _operator(elementwise._pow), _reversed(elementwise._pow)
        __floordiv__, __rfloordiv__ = _operator(ops.floor_divide), _reversed(ops.floor_divide)
        __mod__, __rmod__ = _operator(ops.remainder), _reversed(ops.remainder)
        __matmul__, __rmatmul__ = _operator(ops.matmul), _reversed(ops.matmul)
        __neg__, __abs__, __invert__ = ops.neg, ops.abs, ops.bitwise_not
        __and__, __or__, __xor__ = map(_operator, (ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor))
        __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
        __lshift__, __rshift__ = map(_operator, (ops.bitwise_left_shift, ops.bitwise_right_shift))
        __rlshift__, __rrshift__ = _reversed(ops.bitwise_left_shift), _reversed(ops.bitwise_right_shift)
        __eq__, __ne__ = map(_operator, (ops.eq, ops.ne))
        __lt__, __le__, __gt__, __ge__ = map(_operator, (ops.lt, ops.le, ops.gt, ops.ge))
        __iadd__, __isub__, __imul__, __itruediv__ = (
            _operator(in_place(op)) for op in (elementwise._add, elementwise._sub, ops.mul, elementwise.true_div)
        )
        __ipow__, __ifloordiv__, __imod__ = (
            _operator(in_place(op)) for op in (elementwise._pow, ops.floor_divide, ops.remainder)
        )
        __iand__, __ior__, __ixor__ = (_operator(in_place(op)) for op in (ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor))
        __ilshift__, __irshift__ = (_operator(in_place(op)) for op in (ops.bitwise_left_shift, ops.bitwise_right_shift))

        __getitem__ = ops.getitem

    def __pos__(self) -> Tensor:
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.setitem(self, index, value)


register_tensor(Tensor)
