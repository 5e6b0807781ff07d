"""Functional transforms: PyTorch's ``torch.func``. https://pytorch.org/docs/stable/func.api.html"""

from . import apis, eager_transforms, stateless
from .apis import *
from .eager_transforms import *
from .stateless import *

__all__: list[str] = []
__all__ += apis.__all__
__all__ += eager_transforms.__all__
__all__ += stateless.__all__
