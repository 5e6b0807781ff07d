"""Sequences of different lengths: as one padded tensor, or packed as recurrent layers read them.

Letters: N sequences, T the length of the longest, Lᵢ the length of each; … is any shape of the elements. Padded is (T, N, …),
or (N, T, …) with ``batch_first``. Packed is (rows, …): the first elements of all sequences, longest sequence first, then the
second ones, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box, raw
from ...ops import functions as ops
from ...ops._arguments import as_index, int64
from ...torch_compat.left_out import refuse

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _PackedSequence(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_PackedSequence):
    """Sequences packed, as :func:`pack_padded_sequence` and :func:`pack_sequence` make them and recurrent layers take them.

    Attributes:
        data: (rows, …), the elements.
        batch_sizes: int64 (T,), how many sequences have an element at each step.
        sorted_indices: int64 (N,), which sequence each of the packed ones is, or None if they were in order.
        unsorted_indices: the inverse of that.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]).batch_sizes
        tensor([2, 1])
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # as PyTorch takes it: a pair
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences with ``data.to(…)``; itself if that changes nothing."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    def cpu(self) -> PackedSequence:
        """Itself: everything is on the CPU."""
        return self

    def pin_memory(self) -> PackedSequence:
        """Itself: there is no other memory."""
        return self

    def is_pinned(self) -> bool:
        """False."""
        return False

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def double(self) -> PackedSequence:
        """As float64, and so on for the others."""
        return self._cast("double")

    def float(self) -> PackedSequence:
        return self._cast("float")

    def half(self) -> PackedSequence:
        return self._cast("half")

    def long(self) -> PackedSequence:
        return self._cast("long")

    def int(self) -> PackedSequence:
        return self._cast("int")

    def short(self) -> PackedSequence:
        return self._cast("short")

    def char(self) -> PackedSequence:
        return self._cast("char")

    def byte(self) -> PackedSequence:
        return self._cast("byte")

    def _cast(self, method: str) -> PackedSequence:
        data = getattr(self.data, method)()
        return self if data is self.data else self._replace(data=data)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes ``permutation``, a vector of the numbers from 0 on; None of None.

    >>> import tinygrad_fm as torch
    >>> torch.nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else box(int64(np.argsort(raw(permutation), kind="stable")))


def _starts(sizes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The row in packed data at which each step begins."""
    return np.cumsum(sizes, dtype=np.int64) - sizes


def _sizes_of(lengths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How many of the sequences have an element at each step."""
    return int64((lengths[None] > np.arange(lengths.max())[:, None]).sum(1))


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Padded sequences without their padding.

    Args:
        input: (T, N, …), or (N, T, …) with ``batch_first``.
        lengths: of each sequence, N integers from 1 to T.
        enforce_sorted: whether the longest must come first. False puts them in order, and remembers how they stood.

    Raises:
        RuntimeError: lengths that are not sorted, below 1, above T or not N of them; nothing to pack.
        IndexError: ``input`` has fewer than 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.utils.rnn import pack_padded_sequence
    >>> packed = pack_padded_sequence(torch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]]), [2, 1, 3], True, enforce_sorted=False)
    >>> packed.data, packed.batch_sizes
    (tensor([4, 1, 3, 5, 2, 6]), tensor([3, 2, 1]))
    """
    if input.ndim < 2:
        raise IndexError(
            f"pack_padded_sequence(): expected an input of 2 dimensions or more, got shape {tuple(input.shape)} "
            "(Dimension out of range)"
        )
    wanted = np.asarray(raw(lengths) if isinstance(lengths, Tensor) else lengths).astype(np.int64)
    count, longest = (input.shape[0], input.shape[1]) if batch_first else (input.shape[1], input.shape[0])
    _check_lengths(input, wanted, count, longest)
    indices = None
    if not enforce_sorted:
        order = int64(np.argsort(-wanted, kind="stable"))
        wanted, indices = wanted[order], box(order)
        input = input.index_select(0 if batch_first else 1, indices)
    elif (wanted[1:] > wanted[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not "
            "need ONNX exportability."
        )
    sizes = _sizes_of(wanted)
    steps, starts = (np.repeat(each, as_index(sizes)) for each in (np.arange(len(sizes)), _starts(sizes)))
    places = np.arange(sizes.sum()) - starts  # of each row among those of its step
    rows = places * longest + steps if batch_first else steps * count + places
    data = input.reshape(count * longest, *input.shape[2:]).index_select(0, box(rows))
    return PackedSequence(data, box(sizes), indices)


def _check_lengths(input: Tensor, lengths: np.ndarray[Any, Any], count: int, longest: int) -> None:
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.ndim != 1:
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.ndim}D")
    if len(lengths) != count:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={count})")
    if lengths.min() <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if lengths.max() > longest:
        raise RuntimeError(
            f"pack_padded_sequence(): a length of {lengths.max()}, but the input {tuple(input.shape)} has {longest} steps"
        )


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The way back from :func:`pack_padded_sequence`: the padded sequences and their lengths (N,), in the order they had.

    Args:
        batch_first: (N, T, …) instead of (T, N, …).
        padding_value: what fills up the shorter ones.
        total_length: T, if not the length of the longest.

    Raises ValueError for a ``total_length`` below that of the longest.

    >>> import tinygrad_fm as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)[0]
    tensor([[1, 2],
            [3, 0]])
    """
    sizes = raw(sequence.batch_sizes)
    longest = len(sizes)
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = total_length
    data, count = sequence.data, int(sizes[0])
    sizes = np.concatenate([sizes, np.zeros(longest - len(sizes), sizes.dtype)])
    places = np.arange(count)
    rows = np.where(places < sizes[:, None], _starts(sizes)[:, None] + places, len(data))  # (T, N); len(data) is the padding
    if sequence.unsorted_indices is not None:
        rows = rows[:, raw(sequence.unsorted_indices)]
    lengths = int64((rows < len(data)).sum(0))
    if batch_first:
        rows = rows.T
    padding = ops.full((1, *data.shape[1:]), padding_value).to(data.dtype)
    return ops.cat([data, padding]).index_select(0, box(rows.ravel())).reshape(*rows.shape, *data.shape[1:]), box(lengths)


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (Lᵢ, …) side by side, filled up to the longest: (T, N, …), or (N, T, …) with ``batch_first``.

    Raises RuntimeError for no sequences, elements of different shapes, or a side other than "left" and "right".

    >>> import tinygrad_fm as torch
    >>> torch.nn.utils.rnn.pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest, dtype = max(len(s) for s in sequences), sequences[0].dtype
    rows = []
    for s in sequences:
        filling = ops.full((longest - len(s), *s.shape[1:]), padding_value).to(dtype)
        rows.append(ops.cat([s.to(dtype), filling] if padding_side == "right" else [filling, s.to(dtype)]))
    return ops.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The way back from :func:`pad_sequence`.

    >>> import tinygrad_fm as torch
    >>> torch.nn.utils.rnn.unpad_sequence(torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (Lᵢ, …) packed; ``enforce_sorted`` as of :func:`pack_padded_sequence`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.utils.rnn import pack_sequence
    >>> pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])]).data
    tensor([1, 4, 6, 2, 5, 3])
    """
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The way back from :func:`pack_sequence`.

    >>> import tinygrad_fm as torch
    >>> packed = torch.nn.utils.rnn.pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> torch.nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


__getattr__ = refuse("torch.nn.utils.rnn")
