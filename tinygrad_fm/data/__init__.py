"""Data sets, loaders and transforms; also importable as ``tinygrad_fm.utils.data``, PyTorch's name for it."""

from tinygrad_fm.data.choose import CHOICES, Splits, load_splits
from tinygrad_fm.data.collate import default_collate, default_convert
from tinygrad_fm.data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from tinygrad_fm.data.download import NotAvailableError
from tinygrad_fm.data.fashion_mnist import FashionMNIST
from tinygrad_fm.data.files import cache_folder
from tinygrad_fm.data.images import CLASSES, ImageDataset
from tinygrad_fm.data.loader import DataLoader
from tinygrad_fm.data.sampler import (
    BatchSampler,
    EpochSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from tinygrad_fm.data.synthetic import SyntheticFashion
from tinygrad_fm.data.transforms import Compose, Lambda, Normalize, ToTensor, Transform

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
    "Lambda",
    "Normalize",
    "NotAvailableError",
    "RandomSampler",
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
    "load_splits",
    "random_split",
]
