"""Functional transforms: PyTorch's ``torch.func``. https://pytorch.org/docs/stable/func.api.html"""

from .eager_transforms import *
from .eager_transforms import __all__
