"""The process: its threads, NumPy's BLAS, and the memory of freed arrays. Importing this changes nothing in it."""

from .memory import tune_allocator
from .threads import (
    Deferred,
    blas_has_threads,
    defer,
    get_num_threads,
    parallel,
    resolve,
    set_num_threads,
    take_over_blas,
    threads_were_chosen,
)

__all__ = [
    "Deferred",
    "blas_has_threads",
    "defer",
    "get_num_threads",
    "parallel",
    "resolve",
    "set_num_threads",
    "take_over_blas",
    "threads_were_chosen",
    "tune_allocator",
]
