"""Every exception a user of the framework can meet, apart from Python's own ``ValueError``, ``TypeError`` and friends.

Each derives from the built-in class that PyTorch users already catch (mostly ``RuntimeError``), so code written for PyTorch
handles ours unchanged; the class name tells a newcomer what kind of mistake it was.
"""

from __future__ import annotations

import pickle  # for the class of its errors, which code written for PyTorch catches


class AutogradError(RuntimeError):
    """The tape cannot do what was asked: a backward on a non-scalar, a graph already freed, a saved array overwritten.

    >>> import tinygrad_fm as torch
    >>> y = torch.ones(2, requires_grad=True).exp().sum()
    >>> y.backward()
    >>> try:
    ...     y.backward()
    ... except torch.errors.AutogradError as error:
    ...     print(str(error).split(",")[0])
    Trying to backward through the graph a second time
    """


class GradcheckError(AutogradError):
    """An analytic gradient differs from its finite-difference estimate; the message names op, argument and index.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    >>> try:
    ...     torch.autograd.gradcheck(lambda x: x * x.detach(), x)
    ... except torch.errors.GradcheckError as error:
    ...     print(str(error).splitlines()[1].strip())
    output 0[0] by input 0[0]: analytic 2, numerical 4
    """


class ShapeError(RuntimeError, ValueError):
    """Shapes do not fit the operation; the message gives the ones that came and the ones that were expected.

    >>> import tinygrad_fm as torch
    >>> torch.ones(2) + torch.ones(3)
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.ShapeError: add(): shapes (2,) and (3,) do not broadcast
    """


class ArgumentError(ValueError, AssertionError):
    """A layer's argument cannot be right. (PyTorch asserts some of these, so it is an AssertionError as well.)

    >>> import tinygrad_fm as torch
    >>> torch.nn.Embedding(3, 2, padding_idx=5)
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.ArgumentError: padding_idx must be within num_embeddings, got 5 of 3
    """


class IndexTypeError(TypeError, RuntimeError):
    """Indices of a dtype that cannot index here.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.embedding(torch.tensor([0.5]), torch.ones(2, 3))
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.IndexTypeError: embedding(): input must be made of integers (int64 or int32), got float32
    """


class OperandError(TypeError):
    """An operation was given an object that is neither a tensor nor a number.

    >>> import tinygrad_fm as torch
    >>> torch.mul(torch.ones(1), "a")
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.OperandError: mul(): argument 'b' must be a Tensor or a number, not str
    """


class OutOfRangeError(IndexError, RuntimeError):
    """An index lies outside its dimension; PyTorch raises one of the two classes or the other, depending on the operation.

    >>> import tinygrad_fm as torch
    >>> torch.index_select(torch.ones(3), 0, torch.tensor([3]))
    Traceback (most recent call last):
    ...
    tinygrad_fm.errors.OutOfRangeError: index_select(): index 3 is out of bounds for dimension 0 with size 3
    """


class LinAlgError(RuntimeError):
    """A matrix cannot be inverted or decomposed: it is singular, not positive-definite, or not finite. ``torch.linalg``'s.

    >>> import tinygrad_fm as torch
    >>> try:
    ...     torch.linalg.inv(torch.zeros(2, 2))
    ... except torch.linalg.LinAlgError as error:
    ...     print(str(error).split(",")[0])
    linalg.inv: The diagonal element 1 is zero
    """


class DataError(RuntimeError):
    """A data file is missing, truncated, corrupt or a different data set under the same name.

    >>> import tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.vision.datasets import CIFAR10
    >>> try:
    ...     CIFAR10(tempfile.mkdtemp(), download=False)
    ... except torch.errors.DataError as error:
    ...     print(str(error).split(":")[0])
    cifar-10-binary.tar.gz is in none of
    """


class CheckpointError(RuntimeError):
    """A saved file cannot be used: damaged, from another model, or not written by this framework.

    >>> import io, tinygrad_fm as torch
    >>> try:
    ...     torch.load(io.BytesIO(b"no file"))
    ... except torch.errors.CheckpointError as error:
    ...     print(error)
    the file begins with b'no f': it was not written by save(), or its beginning is damaged.
    """


class UnpicklingError(CheckpointError, pickle.UnpicklingError):
    """A file asks for something to be imported and called, and nothing is unpickled here; the message names it.

    >>> import io, pickle, zipfile, tinygrad_fm as torch
    >>> with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
    ...     archive.writestr("model/data.pkl", pickle.dumps(print, protocol=2))
    >>> try:
    ...     torch.load(file)
    ... except torch.errors.UnpicklingError as error:
    ...     print("builtins.print" in str(error))
    True
    """


class OnnxExporterError(RuntimeError):
    """A model cannot be written as ONNX; the message names the operation and the module that it belongs to.

    >>> import tinygrad_fm as torch
    >>> issubclass(torch.errors.OnnxExporterError, RuntimeError)
    True
    """


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; training stopped and kept the last good checkpoint.

    >>> import tinygrad_fm as torch
    >>> issubclass(torch.errors.NonFiniteLossError, RuntimeError)
    True
    """


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it.

    >>> import tinygrad_fm as torch
    >>> issubclass(torch.errors.MissingExtraError, ImportError)
    True
    """


class LeftOutError(AttributeError):
    """Something of PyTorch's that is not offered here; the message says what kind of thing, and which page has the table.

    >>> import tinygrad_fm as torch
    >>> try:
    ...     torch.complex64
    ... except torch.errors.LeftOutError as error:
    ...     print(str(error).split(":")[0])
    'torch.complex64' is left out of this framework (complex numbers and Fourier transforms)
    >>> hasattr(torch, "complex64")
    False
    """


def printable(text: str) -> str:
    """Text with escapes for what would move the cursor or colour the terminal, and for bytes of a file name that are no text.

    >>> printable("a\\x1b[31m.png")
    'a\\\\x1b[31m.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
