"""Modules that find their sizes at the first call."""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar

from ..parameter import is_lazy

__all__: list[str] = []


class LazyModuleMixin:
    """Makes a module lazy: its first call looks at the input, gives the parameters their shapes, and then runs.

    A subclass, ``class LazyScale(LazyModuleMixin, Scale)``, makes its parameters `UninitializedParameter` and defines
    ``initialize_parameters(*inputs)``, which materializes them. A state dict gives them their shapes as well. Until then
    whatever asks for the values of a parameter fails with an error that says so, and so does an optimizer's step; ``to`` may
    change the dtype.

    Attributes:
        cls_to_become: the class that the module has after its first call; None to keep the one it has.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> model = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        >>> model[3].weight
        <UninitializedParameter>
        >>> tuple(model(torch.zeros(2, 1, 8, 8)).shape)
        (2, 10)
        >>> model[3]
        Linear(in_features=144, out_features=10, bias=True)
    """

    cls_to_become: ClassVar[type[Any] | None] = None
    _inferred = False

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the uninitialized parameters their shapes and values, by the arguments of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer of this module, its children left aside, is not initialized."""
        return any(map(is_lazy, chain(self._parameters.values(), self._buffers.values())))

    def reset_parameters(self: Any) -> None:
        """As the module does; nothing, as long as there are no parameters to set."""
        if not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]

    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._inferred:
            self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
            self._inferred = True
            if self.cls_to_become is not None:
                del self._inferred
                self.__class__ = self.cls_to_become
                return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)  # type: ignore[misc]
