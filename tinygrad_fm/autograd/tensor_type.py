"""The type that operations are annotated with: ``from ..autograd.tensor_type import Tensor``.

``Tensor``, with its operators and methods, stands above the operations, which therefore cannot import it. Here it is the part
that the engine knows; for editors and type checkers ``tensor_type.pyi`` says that it is ``tinygrad_fm.Tensor``.
"""

from .box import TensorBase as Tensor

__all__ = ["Tensor"]
