"""Every public name of torch, Tensor, nn.functional and special is here, or left out by name with its reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

import tinygrad_fm
from tinygrad_fm.torch_compat.left_out import REASONS

torch = pytest.importorskip("torch")

# names that PyTorch's modules show and do not offer: no documentation lists them for users
INTERNAL = {
    "Python's and its own modules, seen through": r"""
        builtins|ctypes|functools|glob|importlib|inspect|math|os|platform|sys|textwrap|threading|types|warnings
        |dataclasses|torch|overrides|classes|cpp|cpu|monitor|quasirandom|return_types|serialization|testing
        |functional|torch_version|Tensor|common_args|multi_dim_common|common_notes|reproducibility_notes|sparse_support_notes|tf32_notes
        |cudnn""",
    "types of the compiler and of its graphs": r"""
        [A-Z]\w*|import_ir\w+|parse_\w+|unify_type_list|merge_type\w+|sym_\w+|fork|wait|classproperty
        |boolean_dispatch|handle_torch_function|has_torch_function\w*|assert_int_or_pair""",
    "kernels of other back ends": r"""
        (cudnn|miopen|mkldnn|fbgemm|quantized|native|batch_norm)_\w+|fused_\w+|choose_qparams\w+""",
    "functions behind others": r"""
        \w+_copy|\w+_with_indices|convolution|affine_grid_generator|grid_sampler\w*|(rnn|lstm|gru)\w*
        |empty_quantized|quantize_per_tensor_dynamic|per_(channel|tensor)\w*|max_pool\w+|grad|to_mkldnn
        |record_stream|embedding_bag""",
    "switches of the process": r"""
        (get|set|is|init|has|clear)_\w+|autocast_\w+|profiler_\w+|compiled_with\w+|prepare_multi\w+|to_dlpack""",
    "dtypes and layouts that nothing here has": r"""
        u?int\d+|bits\d+(x\d+)?|bit|quint\w+|float[48]_\w+|layout|legacy_contiguous_format|channels_last_3d
        |thread_safe_generator|from_dlpack""",
    "of tensors: other layouts, devices and names": r"""
        is_\w+|name|names|grad_dtype|to_sparse\w*""",
}
PATTERNS = [re.compile("".join(pattern.split())) for pattern in INTERNAL.values()]

PLACES: list[tuple[str, Any, Any]] = [
    ("torch", torch, tinygrad_fm),
    ("Tensor", torch.Tensor, tinygrad_fm.Tensor),
    ("nn.functional", torch.nn.functional, tinygrad_fm.nn.functional),
    ("special", torch.special, tinygrad_fm.special),
    ("linalg", torch.linalg, tinygrad_fm.linalg),
]


def unexplained(theirs: Any, ours: Any) -> list[str]:
    """PyTorch's names there that are neither ours nor left out with a reason nor internal."""
    missing = [name for name in dir(theirs) if not name.startswith("_") and name not in dir(ours) and name not in REASONS]
    return [name for name in missing if not any(pattern.fullmatch(name) for pattern in PATTERNS)]


@pytest.mark.parametrize(("theirs", "ours"), [place[1:] for place in PLACES], ids=[place[0] for place in PLACES])
def test_every_name_is_here_or_left_out_by_name(theirs: Any, ours: Any) -> None:
    assert unexplained(theirs, ours) == []


def test_nothing_that_is_here_is_called_left_out() -> None:
    # of linalg PyTorch once had some names at the top, too, and torch.cond is something else
    here = {name for _, _, ours in PLACES if ours is not tinygrad_fm.linalg for name in vars(ours)}
    stand_ins = {name for name in REASONS if not hasattr(tinygrad_fm.Tensor, name)}
    assert sorted((here - set(vars(tinygrad_fm.Tensor))) & stand_ins) == []
