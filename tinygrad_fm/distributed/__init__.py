"""``torch.distributed`` over MPI: several processes, on one machine or many, that train one model together.

``mpiexec -n 4 python program.py`` starts them; mpiexec and mpi4py come with ``python -m pip install "tinygrad_fm[mpi]"``.
Importing this imports no mpi4py: ``init_process_group`` does.
"""

from typing import TYPE_CHECKING

from ..torch_compat.left_out import refuse
from . import collectives, objects, process_group
from .collectives import *
from .launch import is_available, is_mpi_available
from .objects import *
from .process_group import *
from .process_group import NOT_A_MEMBER

__getattr__ = refuse("torch.distributed")


class GroupMember:
    """What ``new_group`` returns to a process that is not in the new group.

    >>> from tinygrad_fm import distributed
    >>> distributed.get_rank(distributed.GroupMember.NON_GROUP_MEMBER)
    -1
    """

    NON_GROUP_MEMBER = NOT_A_MEMBER


if not TYPE_CHECKING:  # who cannot read a computed list takes every name
    __all__ = ["GroupMember", "is_available", "is_mpi_available"]
    __all__ += collectives.__all__ + objects.__all__ + process_group.__all__
