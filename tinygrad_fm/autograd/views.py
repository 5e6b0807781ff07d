"""The names of this module have moved to ``view`` and ``inplace``; the operations still import them from here."""

from .inplace import inplace, wrote
from .view import Replay, View

__all__ = ["Replay", "View", "inplace", "wrote"]
