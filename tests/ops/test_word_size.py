"""Where the machine's word has 32 bits, NumPy's indices are int32, and some functions refuse int64; PyTorch's are int64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fm

PACKAGE = Path(tinygrad_fm.__file__).parent

# NumPy as it is there: what it finds and counts is int32, and take, bincount, put and repeat take no int64
NARROW = """
import numpy as np

def narrow(found):
    if isinstance(found, tuple):
        return type(found)(*map(narrow, found)) if hasattr(found, "_fields") else tuple(map(narrow, found))
    wide = isinstance(found, (np.ndarray, np.generic)) and found.dtype == np.int64
    return found.astype(np.int32) if wide and np.all(found == found.astype(np.int32)) else found

def finds(name):
    function = getattr(np, name)
    setattr(np, name, lambda *args, **named: narrow(function(*args, **named)))

def makes(name):
    function = getattr(np, name)
    def made(data, dtype=None, *args, **named):
        given = hasattr(data, "dtype") or dtype is not None
        out = function(data, dtype, *args, **named)
        return out if given else narrow(out)
    setattr(np, name, made)

def takes(name, position):
    function = getattr(np, name)
    def checked(*args, **named):
        if len(args) > position and getattr(args[position], "dtype", None) == np.int64:
            raise TypeError(f"{name}: Cannot cast array data from int64 to int32 according to the rule 'safe'")
        return function(*args, **named)
    setattr(np, name, checked)

intp = np.intp
for name in "argmax argmin argsort argwhere nonzero flatnonzero searchsorted bincount tril_indices triu_indices".split():
    finds(name)
for name in "unravel_index count_nonzero digitize lexsort".split():
    finds(name)
arange = np.arange
np.arange = lambda *args, **named: (lambda found: found if "dtype" in named else narrow(found))(arange(*args, **named))
unique = np.unique
np.unique = lambda *args, **named: (lambda values, *counts: (values, *narrow(counts)))(*unique(*args, **named))
for name in ("array", "asarray"):
    makes(name)
np.intp = np.int32
for name, position in (("take", 1), ("bincount", 0), ("repeat", 1), ("put", 1), ("choose", 0)):
    takes(name, position)
ravel_multi_index = np.ravel_multi_index
def checked(arrays, *args, **named):
    assert not any(getattr(a, "dtype", None) == np.int64 for a in arrays), "ravel_multi_index takes no int64 there"
    return ravel_multi_index(arrays, *args, **named)
np.ravel_multi_index = checked
"""

CALLS = """
import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

x = torch.tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 5.0]])
i = torch.tensor([2, 0, 2])
assert i.dtype is torch.int64, i.dtype
found = {
    "tensor": [torch.tensor(3), torch.tensor([[1, 2]]), torch.as_tensor([1]), torch.full((2,), 3), x.new_tensor([1]).long()],
    "arange": [torch.arange(3), torch.arange(1, 2**40, 2**38), torch.arange(2**40, 2**40 + 2)],
    "made": [torch.randperm(4), torch.randint(3, (2,)), torch.tril_indices(2, 2), torch.triu_indices(2, 2)],
    "argmax": [x.argmax(), x.argmax(1), x.argmin(), x.argmin(0, keepdim=True), torch.tensor(1.0).argmax()],
    "sort": [x.argsort(), x.argsort(0, True), x.sort().indices, x.sort(1, True).indices, x.topk(2).indices],
    "extremes": [x.max(1).indices, x.min(0).indices, x.median(1).indices, torch.tensor(1.0).max(0).indices],
    "places": [x.nonzero(), *x.nonzero(as_tuple=True), *torch.where(x > 1), torch.argwhere(x), torch.tensor(1.0).nonzero()],
    "unique": [*torch.unique(i, return_inverse=True, return_counts=True)],
    "unique_consecutive": [*torch.unique_consecutive(i, return_inverse=True, return_counts=True)],
    "counts": [torch.bincount(i), torch.bincount(i, minlength=5), torch.count_nonzero(x), (x > 1).sum(), i.sum(), i.prod()],
    "running": [i.cumsum(0), i.cumprod(0), (x > 1).cumsum(1)],
    "search": [torch.searchsorted(torch.tensor([1.0, 2.0]), x), torch.bucketize(x, torch.tensor([1.0, 2.0]))],
    "drawn": [torch.multinomial(x, 2), torch.multinomial(x[0], 2)],
    "classes": [F.one_hot(i), i + 1, i * 2, i // 2, i % 2, i ** 2, -i, i.clamp(0, 1), torch.where(i > 0, i, 0)],
    "pooling": [F.max_pool2d(x[None], 2, 1, return_indices=True)[1], F.adaptive_max_pool2d(x[None], 2, return_indices=True)[1]],
    "combinations": [torch.combinations(i), torch.cartesian_prod(i, i), torch.cat([i, i])],
    "repeated": [torch.repeat_interleave(i), torch.repeat_interleave(i, 2), torch.repeat_interleave(i, i), i.repeat(2)],
    "unravelled": [*torch.unravel_index(i, (2, 2)), *torch.unravel_index(torch.tensor([2**40]), (2**20, 2**21))],
    "along": [torch.cummax(x, 1)[1], torch.cummin(x, 1)[1], torch.mode(x, 1)[1], torch.kthvalue(x, 1, 1)[1], x.nanmedian(1)[1]],
}
packed = pack_padded_sequence(torch.ones(2, 3, 1), [1, 3], batch_first=True, enforce_sorted=False)
found["packed"] = [packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices, pad_packed_sequence(packed)[1]]
assert torch.arange(1, 2**40, 2**38).tolist() == [1, 2**38 + 1, 2 * 2**38 + 1, 3 * 2**38 + 1]
assert [int(n) for n in torch.unravel_index(torch.tensor(2**40), (2**20, 2**21))] == [2**19, 0]
for name, results in found.items():
    for k, y in enumerate(results):
        assert y.dtype is torch.int64, f"{name} {k}: {y.dtype}"

w = torch.ones(3, 2, requires_grad=True)
total = F.embedding_bag(i, w, torch.tensor([0, 1]), mode="max").sum() + F.embedding_bag(i[None], w).sum()
total = total + F.embedding(i, w).sum() + w[i].sum() + w.index_select(0, i).sum() + w.take(i).sum()
total = total + torch.gather(w, 0, i[:, None]).sum()
total = total + torch.repeat_interleave(w, torch.tensor([1, 2, 0]), 0).sum() + w.repeat_interleave(2, 1).sum()
total = total + w[w > 0].sum()
total = total + w.masked_select(w > 0).sum() + torch.bincount(i, x[0]).sum() + F.cross_entropy(w @ torch.ones(2, 3), i)
total = total + F.max_pool2d(w[None], 2).sum() + w.max(0).values.sum() + w.sort(0).values.sum() + w.topk(1).values.sum()
for kind in ("prod", "mean", "amax", "sum"):
    total = total + w.scatter_reduce(0, i[:, None], w, kind).sum()
total.backward()
w.detach()[i] = 0.0
w.detach().index_add_(0, i, torch.ones(3, 2))

far = torch.tensor([2**32 + 1])  # 1, if it were wrapped around
for name, call in {
    "getitem": lambda: x[far], "an int": lambda: x[2**32 + 1], "a longer int": lambda: x[2**70], "two": lambda: x[0, 2**32 + 1],
    "index_select": lambda: x.index_select(0, far), "gather": lambda: x.gather(0, far[None]), "take": lambda: x.take(far),
    "embedding": lambda: F.embedding(far, w), "embedding_bag": lambda: F.embedding_bag(far[None], w),
    "scatter": lambda: x.scatter(0, far[None], x), "index_add": lambda: x.index_add(0, far, x[:1]),
    "index_put": lambda: x.index_put((far,), x[0]), "cross_entropy": lambda: F.cross_entropy(x[:1], far),
}.items():
    try:
        print(name, "gives", call())
        raise SystemExit(1)
    except IndexError:
        pass
print("fine", w.grad.sum().item())
"""


def test_indices_are_int64_everywhere(tmp_path: Path) -> None:
    if np.intp is np.int32:  # such a machine
        exec(CALLS, {})
        return
    program = tmp_path / "narrow.py"
    program.write_text(NARROW + CALLS)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fine")


@pytest.mark.parametrize("method", [".take(", ".nonzero(", ".argsort(", ".argmax(", ".argmin(", ".searchsorted("])
def test_methods_of_arrays_are_known(method: str) -> None:
    """An array's own methods cannot be replaced as above, so the files that call them are named here, with the reason."""
    meant = {
        ".take(": ["cross_entropy.py"],  # by np.arange
        ".nonzero(": ["index_key.py", "indexing.py", "elementwise.py"],  # parts of a key; and where(), which converts
        ".argmax(": ["max_min.py", "adaptive_pooling.py", "inverses.py"],  # converted, or one number
    }
    using = set()
    for path in PACKAGE.glob("ops/*.py"):
        lines = [line.split("#")[0].replace(f"np{method}", "") for line in path.read_text("utf-8").splitlines()]
        if any(method in line and ">>>" not in line for line in lines):
            using.add(path.name)
    assert using <= set(meant.get(method, [])), using


@pytest.mark.skipif(np.intp is not np.int32, reason="the machine's word has 64 bits")
def test_counts_that_such_a_machine_cannot_hold_are_refused() -> None:
    far = tinygrad_fm.tensor([2**32 + 1])  # 1, if it were wrapped around
    with pytest.raises(MemoryError, match="at most 2147483647 on this machine, got 4294967297"):
        tinygrad_fm.bincount(far)
    with pytest.raises(MemoryError, match="at most 2147483647"):
        tinygrad_fm.repeat_interleave(tinygrad_fm.ones(1), far)
    with pytest.raises(ValueError, match="too big"):
        tinygrad_fm.ones(2**16, 1) @ tinygrad_fm.ones(1, 2**16)
    with pytest.raises(ValueError, match=r"too large|too big"):
        tinygrad_fm.ones(2**16, 1) + tinygrad_fm.ones(2**16)
