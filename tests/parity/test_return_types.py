"""Results of several named tensors: their classes' fields and what they print, beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")

ROWS = """
T.qr(a) | T.linalg.qr(a) | T.slogdet(a) | T.linalg.slogdet(a) | T.svd(a) | T.linalg.svd(a) | T.linalg.eigh(a) | T.aminmax(a)
T.linalg.inv_ex(a) | T.linalg.cholesky_ex(a) | T.linalg.solve_ex(a, a) | T.linalg.lstsq(a, a) | T.triangular_solve(a, a)
T.frexp(a) | T.histogram(a, 2) | a.max(0) | a.min(0) | a.median(0) | a.nanmedian(0) | a.mode(0) | a.sort() | a.topk(1)
a.kthvalue(1) | a.cummax(0) | a.cummin(0) | a.qr() | a.slogdet() | a.svd() | a.aminmax(dim=0) | a.frexp() | T.var_mean(a)
T.std_mean(a) | T.unique(a, return_counts=True) | T.unique_consecutive(a, return_inverse=True) | T.linalg.matrix_rank(a)
"""
EXPRESSIONS = [row.strip() for line in ROWS.strip().splitlines() for row in line.split(" | ")]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_prints_as_pytorchs(expression: str) -> None:
    found: list[Any] = []
    for library in (torch, tinygrad_fm):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's older functions say that there are newer ones
            found.append(eval(expression, {"T": library, "a": library.ones(1, 1)}))
    wanted, got = found
    assert repr(got) == repr(wanted)
    assert isinstance(got, tuple) == isinstance(wanted, tuple)
