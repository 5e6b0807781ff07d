"""What ``mpiexec`` says to the processes that it starts, in environment variables: read without importing mpi4py."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path

# rank and size as MPICH, Intel's and MVAPICH's MPI (Hydra), Open MPI, and Slurm's srun by either protocol name them
_VARIABLES = (
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("PMIX_RANK", "SLURM_NTASKS"),
)

NEEDS_MPI = (
    'several processes need mpi4py and MPI: python -m pip install "tinygrad_fm[mpi]" (in a checkout ".[mpi]") brings both, and '
    "mpiexec, which lies beside python then"
)


def launched() -> tuple[int, int] | None:
    """This process's rank and the number of processes, if ``mpiexec`` or its like has started it; else None."""
    for names in _VARIABLES:
        rank, size = (os.environ.get(name, "") for name in names)
        if rank.isdigit() and size.isdigit():
            return int(rank), int(size)
    return None


def is_available() -> bool:
    """Whether mpi4py is installed.

    >>> is_available() in (True, False)
    True
    """
    return importlib.util.find_spec("mpi4py") is not None


is_mpi_available = is_available


def mpiexec() -> Path:
    """The ``mpiexec`` that the extra ``mpi`` installs beside this Python."""
    return Path(sysconfig.get_path("scripts")) / "mpiexec"
