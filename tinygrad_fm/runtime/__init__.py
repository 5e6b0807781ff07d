"""The process: threads, BLAS, compiled kernels, and the memory of freed arrays. Importing this changes nothing in it."""

from .kernels import Compiled, compiled, describe_kernels, get_kernels, on_compiling, run_compiled, set_kernels, use_compiled
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
    "Compiled",
    "Deferred",
    "blas_has_threads",
    "compiled",
    "defer",
    "describe_kernels",
    "get_kernels",
    "get_num_threads",
    "on_compiling",
    "parallel",
    "resolve",
    "run_compiled",
    "set_kernels",
    "set_num_threads",
    "take_over_blas",
    "threads_were_chosen",
    "tune_allocator",
    "use_compiled",
]
