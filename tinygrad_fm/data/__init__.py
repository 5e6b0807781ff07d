"""Data sets, loaders and transforms; also importable as ``tinygrad_fm.utils.data``, PyTorch's name for it."""

from .augment import RandomErasing, RandomHorizontalFlip, RandomShift
from .splits import CHOICES, Splits, load_splits
from .collate import default_collate, default_convert
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .download import NotAvailableError
from .fashion_mnist import FashionMNIST
from .cache import cache_folder
from .image_dataset import CLASSES, ImageDataset
from .loader import DataLoader, get_worker_info
from .sampler import (
    BatchSampler,
    EpochSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .synthetic import SyntheticFashion
from .transforms import Compose, Lambda, Normalize, ToTensor, Transform

__all__ = [
    "CHOICES",
    "CLASSES",
    "BatchSampler",
    "Compose",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "EpochSampler",
    "FashionMNIST",
    "ImageDataset",
    "IterableDataset",
    "Lambda",
    "Normalize",
    "NotAvailableError",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomSampler",
    "RandomShift",
    "Sampler",
    "SequentialSampler",
    "Splits",
    "Subset",
    "SubsetRandomSampler",
    "SyntheticFashion",
    "TensorDataset",
    "ToTensor",
    "Transform",
    "WeightedRandomSampler",
    "cache_folder",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "load_splits",
    "random_split",
]
