"""Operators of ONNX files, held to the standard's own examples: onnx.backend.test, made from its reference implementation."""

from __future__ import annotations

import functools
import io
import re
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import tinygrad_fm as torch
from tinygrad_fm.onnx.import_table import DTYPES, READERS

# examples that are not met, by their names, and why
NOT_OFFERED = {
    "3d": "images of three dimensions of space",
    "training_dropout": "the module's mode decides whether dropout drops, and the numbers are drawn by another generator",
    "dilations": "average pooling with dilations",
    "with_argmax": "the places of maxima",
    "tf_crop_and_resize|antialias|not_larger|not_smaller": "ways of resizing",
    "batch_dim1": "batch dimensions of GatherND",
    "with_reduction_(mul|max|min)|scatternd_(multiply|max|min)": "reductions of scatter other than add",
    "not_[234]d": "version 1 of the operators",
}


@functools.cache
def examples() -> dict[str, Any]:
    """The standard's examples whose operators are in the table and whose numbers are of dtypes that are here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it overflows on purpose while it makes them
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    return {case.name: case for case in cases if _is_here(case)}


def _is_here(case: Any) -> bool:
    graph = case.model.graph
    kinds = {v.type.tensor_type.elem_type for v in [*graph.input, *graph.output]}
    kinds |= {a.i for n in graph.node for a in n.attribute if n.op_type == "Cast" and a.name == "to"}
    kinds |= {a.t.data_type for n in graph.node for a in n.attribute if a.t.name or a.t.dims}
    return kinds <= DTYPES.keys() and {node.op_type for node in graph.node} <= READERS.keys()


def array_of(value: Any) -> np.ndarray[Any, Any]:
    return np.array(numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value)


def check(case: Any) -> None:
    model = torch.onnx.load(io.BytesIO(case.model.SerializeToString())).eval()
    for inputs, outputs in case.data_sets:
        names = [value.name for value in case.model.graph.input]
        found = model(**{name: torch.from_numpy(array_of(x)) for name, x in zip(names, inputs, strict=True)})
        for a, b in zip(found if isinstance(found, tuple) else (found,), outputs, strict=True):
            expected = array_of(b)
            assert a.detach().numpy().dtype == expected.dtype and a.shape == expected.shape
            np.testing.assert_allclose(a.detach().numpy(), expected, rtol=1e-3, atol=1e-5)


def test_the_standards_examples() -> None:
    wrong, right = [], 0
    for name, case in examples().items():
        try:
            check(case)
            right += 1
        except Exception as error:
            if not any(re.search(pattern, name) for pattern in NOT_OFFERED):
                wrong.append(f"{name}: {error}")
    assert not wrong
    assert right > 900


@pytest.mark.parametrize("pattern", NOT_OFFERED)
def test_what_is_not_offered_says_so(pattern: str) -> None:
    """None of them computes something else without a word, but for dropout."""
    for name in [name for name in examples() if re.search(pattern, name) and "dropout" not in name]:
        try:
            check(examples()[name])
        except AssertionError as error:
            raise AssertionError(f"{name} computes something else") from error
        except Exception as error:
            assert "offered" in str(error) or "unpack" in str(error), name
