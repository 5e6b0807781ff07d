"""Every exception a user of the framework can meet, apart from Python's own ``ValueError``, ``TypeError`` and friends.

Each derives from the built-in class that PyTorch users already catch (mostly ``RuntimeError``), so code written for PyTorch
handles ours unchanged; the class name tells a newcomer what kind of mistake it was.
"""

from __future__ import annotations

import pickle  # for the class of its errors, which code written for PyTorch catches


class AutogradError(RuntimeError):
    """The tape cannot do what was asked: a backward on a non-scalar, a graph already freed, a saved array overwritten."""


class GradcheckError(AutogradError):
    """An analytic gradient differs from its finite-difference estimate; the message names op, argument and index."""


class ShapeError(RuntimeError, ValueError):
    """Shapes do not fit the operation; the message gives the ones that came and the ones that were expected."""


class ArgumentError(ValueError, AssertionError):
    """A layer's argument cannot be right. (PyTorch asserts some of these, so it is an AssertionError as well.)"""


class IndexTypeError(TypeError, RuntimeError):
    """Indices of a dtype that cannot index here."""


class OperandError(TypeError):
    """An operation was given an object that is neither a tensor nor a number."""


class OutOfRangeError(IndexError, RuntimeError):
    """An index lies outside its dimension; PyTorch raises one of the two classes or the other, depending on the operation."""


class LinAlgError(RuntimeError):
    """A matrix cannot be inverted or decomposed: it is singular, not positive-definite, or not finite. ``torch.linalg``'s."""


class DataError(RuntimeError):
    """A data file is missing, truncated, corrupt or a different data set under the same name."""


class CheckpointError(RuntimeError):
    """A saved file cannot be used: damaged, from another model, or not written by this framework."""


class UnpicklingError(CheckpointError, pickle.UnpicklingError):
    """A file asks for something to be imported and called, and nothing is unpickled here; the message names it."""


class OnnxExporterError(RuntimeError):
    """A model cannot be written as ONNX; the message names the operation and the module that it belongs to."""


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; training stopped and kept the last good checkpoint."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class LeftOutError(AttributeError):
    """Something of PyTorch's that is not offered here; the message says what kind of thing, and which page has the table."""


def printable(text: str) -> str:
    """Text with escapes for what would move the cursor or colour the terminal, and for bytes of a file name that are no text.

    >>> printable("a\\x1b[31m.png")
    'a\\\\x1b[31m.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
