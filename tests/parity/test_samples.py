"""PyTorch's own operator samples (the OpInfo database of its test suite), run under both libraries.

For each operator that both have: function, method and in-place form, on every sample for float32, float64, int64, bool and
uint8: values, dtypes, shapes, gradients, second gradients in float64, and the calls that must raise.

    python -m pytest tests/parity/test_samples.py        a choice of each long list of samples
    python -m tests.parity.test_samples [NAME …]         all samples, with every difference printed
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch

    database = pytest.importorskip("torch.testing._internal.common_methods_invocations")

import tinygrad_fm
from tinygrad_fm.torch_compat.left_out import REASONS

from .harness import Check, Outcome, compare, inplace, our_function, our_method
from .known import KNOWN, LEFT_OUT

DTYPES = [torch.float64, torch.float32, torch.int64, torch.bool, torch.uint8]
CHOSEN = 60  # samples of one operator and dtype that a test run takes; all when run by hand
# operators with thousands of samples that take long
FEWER = dict.fromkeys(
    [
        "nn.functional.max_unpool2d",
        "nn.functional.max_unpool3d",
        "nn.functional.max_pool3d",
        "nn.functional.max_pool2d",
        "nn.functional.max_pool1d",
        "nn.functional.conv2d",
        "tril",
        "triu",
    ],
    15,
)
THRESHOLD = 0.98

# random results: dtypes and shapes only
RANDOM = {
    "nn.functional.dropout",
    "nn.functional.dropout2d",
    "nn.functional.dropout3d",
    "nn.functional.alpha_dropout",
    "nn.functional.feature_alpha_dropout",
    "rand_like",
    "randn",
    "randn_like",
    "randint",
    "randint_like",
    "multinomial",
    "bernoulli",
    "normal",
    "uniform",
    "exponential",
    "geometric",
    "empty",
    "empty_like",
    "new_empty",
    "nn.functional.rrelu",
}

# where the database calls an operator in its own order of arguments, ours must be called in the same
REORDERED: dict[str, Callable[..., Any]] = {
    "where": lambda x, condition, other: tinygrad_fm.where(condition, x, other),
    "einsum": lambda tensors, equation: tinygrad_fm.einsum(equation, tensors),
    "nn.functional.embedding": lambda weight, idx, **kw: tinygrad_fm.nn.functional.embedding(idx, weight, **kw),
    "nn.functional.embedding_bag": lambda weight, idx, **kw: tinygrad_fm.nn.functional.embedding_bag(idx, weight, **kw),
    "zero_": lambda x: x.clone().zero_(),
    "normal.in_place": lambda x, *a, **kw: x.normal_(*a, **kw),
    "uniform": lambda x, *a, **kw: x.uniform_(*a, **kw),
    "exponential": lambda x, *a, **kw: x.exponential_(*a, **kw),
    "linalg.pinv.singular": lambda a, b: tinygrad_fm.linalg.pinv(a @ b.mT),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: tinygrad_fm.linalg.lstsq(a, b, driver=driver)[:2],
    "polygamma": lambda x, n: tinygrad_fm.polygamma(n, x),
    "special.polygamma": lambda x, n: tinygrad_fm.special.polygamma(n, x),
}
_NEEDED = """abs add all amax amin any arange argmax argmin bmm broadcast_to cat chunk clamp clone cos div dot double exp eye
    expand flatten flip float full full_like gather index_select linspace log log1p log_softmax logsumexp long masked_fill
    matmul max maximum mean min minimum mm mul mv neg norm ones_like permute pow prod rand_like randint randn reciprocal
    repeat reshape rsqrt sigmoid sign sin softmax split sqrt square squeeze stack std sub sum t tanh T mT to transpose
    unsqueeze var view where zeros_like eq ne lt le gt ge bool __getitem__ __radd__ __rmul__ __rsub__ __rpow__
    nn.functional.relu nn.functional.leaky_relu nn.functional.gelu nn.functional.linear nn.functional.one_hot
    nn.functional.cross_entropy nn.functional.nll_loss nn.functional.mse_loss nn.functional.binary_cross_entropy
    nn.functional.binary_cross_entropy_with_logits nn.functional.dropout expm1 log2 tan erf floor cumsum topk sort tril triu
    einsum outer addmm multinomial nn.functional.elu nn.functional.silu nn.functional.softplus nn.functional.hardtanh
    nn.functional.l1_loss nn.functional.smooth_l1_loss nn.functional.kl_div nn.functional.normalize
    nn.functional.cosine_similarity nn.functional.scaled_dot_product_attention nn.functional.embedding
    nn.functional.layer_norm nn.functional.unfold nn.functional.interpolate nn.functional.pixel_shuffle
    nn.functional.adaptive_max_pool2d nn.functional.adaptive_avg_pool2d nn.functional.avg_pool2d nn.functional.max_pool2d
    nn.functional.conv2d nn.functional.conv_transpose2d nn.functional.batch_norm nn.functional.group_norm
    nn.functional.dropout2d nn.functional.pad scatter_reduce index_reduce cummax cummin logcumsumexp copysign kthvalue
    mode nanmedian nanquantile lgamma digamma polygamma sinc frexp ldexp gcd lcm trapezoid cumulative_trapezoid cov
    corrcoef cross float_power histogram msort renorm addbmm addr matrix_exp bitwise_left_shift erfinv i0 special.ndtri
    linalg.norm linalg.vector_norm linalg.matrix_norm linalg.inv linalg.solve
    linalg.det linalg.slogdet linalg.cholesky linalg.qr linalg.svd linalg.svdvals linalg.eigh linalg.eigvalsh linalg.pinv
    linalg.lstsq linalg.matrix_rank linalg.matrix_power linalg.cross linalg.multi_dot linalg.cond linalg.solve_triangular
    linalg.vecdot linalg.diagonal linalg.inv_ex linalg.cholesky_ex linalg.solve_ex linalg.tensorinv linalg.tensorsolve
    nn.functional.conv3d nn.functional.conv_transpose3d nn.functional.max_pool3d nn.functional.avg_pool3d
    nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool3d nn.functional.max_unpool3d
    nn.functional.grid_sample nn.functional.dropout3d
    linalg.vander cholesky cholesky_inverse cholesky_solve qr svd pinverse logdet triangular_solve
    special.entr select_scatter slice_scatter diagonal_scatter unravel_index put dsplit"""
NEEDED = _NEEDED.split()


def title(op: Any) -> str:
    """An operator's name with its variant: ``max.reduction_with_dim``."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def variants(op: Any) -> dict[str, Callable[..., Any]]:
    """The forms of an operator that we have: ``function``, ``method``, ``in-place``."""
    name = op.name
    if name in LEFT_OUT:
        return {}
    if name in REORDERED or title(op) in REORDERED:
        call = REORDERED.get(name) or REORDERED[title(op)]
        return {"function": call} if our_function(name) or our_method(name) or our_method(name + "_") else {}
    found = {"function": our_function(name), "method": our_method(name), "in-place": our_method(name + "_")}
    if found["in-place"] is not None:
        found["in-place"] = inplace(found["in-place"])
    return {kind: call for kind, call in found.items() if call is not None}


OPS = [op for op in database.op_db if variants(op)]


def their_forms(op: Any) -> dict[str, Callable[..., Any]]:
    """PyTorch's forms of an operator, under the same names."""
    forms = {"function": op.op}
    if op.method_variant is not None:
        forms["method"] = op.method_variant
    elif op.op.__name__ == "<lambda>" or op.name.startswith("__"):  # has no function: the database calls the method
        forms["method"] = op.op
    if op.inplace_variant is not None:
        forms["in-place"] = inplace(op.inplace_variant)
    return forms


def samples(op: Any, dtype: torch.dtype, limit: int | None) -> list[Any]:
    """The samples of one operator and dtype; evenly chosen ones if there are more than ``limit``."""
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # some are built with what PyTorch has deprecated
            every = list(op.sample_inputs("cpu", dtype, requires_grad=_differentiable(op, dtype)))
    except RuntimeError:  # a few of the database's own samples cannot be built without a GPU
        return []
    if limit is None or len(every) <= limit:
        return every
    return [every[i * len(every) // limit] for i in range(limit)]


def _differentiable(op: Any, dtype: torch.dtype) -> bool:
    return bool(op.supports_autograd and dtype in op.supported_backward_dtypes("cpu"))


def known(name: str, text: str) -> str | None:
    """The reason, if this difference is one that we know and mean to keep."""
    return next((reason for part, reason in KNOWN["*"] + KNOWN.get(name, []) if part in text), None)


def outcomes(op: Any, limit: int | None) -> Iterator[tuple[str, Outcome]]:
    """Every comparison of one operator: a description and what became of it."""
    theirs, ours = their_forms(op), variants(op)
    forms = [kind for kind in theirs if kind in ours] or (["function"] if "function" in ours else [])
    if not forms and "method" in ours:
        theirs, forms = {"method": op.op}, ["method"]
    for dtype in DTYPES:
        if not op.supports_dtype(dtype, "cpu"):
            continue
        values = op.name not in RANDOM
        second = dtype is torch.float64 and op.supports_gradgrad and values
        for number, sample in enumerate(samples(op, dtype, limit)):
            for kind in forms:
                if kind == "in-place" and sample.broadcasts_input:
                    continue
                drops = sample.kwargs.get("dropout_p")
                compared = values and not drops
                check = Check(compared, _differentiable(op, dtype), second and compared, process=sample.output_process_fn_grad)
                where = f"{kind} {dtype} #{number} {_summary(sample)}"
                yield where, compare(theirs[kind], ours[kind], (sample.input, *sample.args), sample.kwargs, check)
    if op.error_inputs_func is not None:
        yield from _errors(op, ours.get("function") or ours["method"])


def _errors(op: Any, ours: Callable[..., Any]) -> Iterator[tuple[str, Outcome]]:
    for number, wrong in enumerate(op.error_inputs("cpu")):
        sample = wrong.sample_input
        theirs = _raising(wrong.error_type, wrong.error_regex)
        where = f"error #{number} {_summary(sample)} [{wrong.error_regex[:100]}]"
        yield where, compare(theirs, ours, (sample.input, *sample.args), sample.kwargs, Check())


def _raising(kind: type[Exception], text: str) -> Callable[..., Any]:
    def theirs(*args: Any, **kwargs: Any) -> Any:
        raise kind(text)

    return theirs


def _summary(sample: Any) -> str:
    def short(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"{str(value.dtype)[6:]}{list(value.shape)}"
        if isinstance(value, (list, tuple)):
            return "(" + ", ".join(short(item) for item in value) + ")"
        return repr(value)

    parts = [short(v) for v in (sample.input, *sample.args)] + [f"{k}={short(v)}" for k, v in sample.kwargs.items()]
    return ", ".join(parts)[:200]


# -- the tally ---------------------------------------------------------------------------------------------------------


class Tally:
    """Counts of pass, fail, known and skip, and the failures' texts, by operator."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.failures: dict[str, list[str]] = defaultdict(list)

    def add(self, op: Any, limit: int | None) -> list[str]:
        """Run one operator; returns its undocumented differences."""
        name = title(op)
        for where, outcome in outcomes(op, limit):
            text = f"{name}({where}): {outcome.detail}"
            kind = "known" if outcome.kind == "fail" and known(op.name, text) else outcome.kind
            self.counts[name][kind] += 1
            if kind == "fail":
                self.failures[name].append(text)
        return self.failures[name]

    def rate(self) -> float:
        """The share of compared samples that pass; known differences count as misses."""
        total = sum(self.counts.values(), Counter())
        compared = total["pass"] + total["fail"] + total["known"]
        return total["pass"] / compared if compared else 0.0

    def table(self) -> str:
        """One line per operator that is not simply all passed, and the sum."""
        lines = [f"{'operator':44} {'passed':>7} {'failed':>7} {'known':>7} {'skipped':>7}"]
        for name, c in self.counts.items():
            if c["fail"] or c["known"]:
                lines.append(f"{name:44} {c['pass']:7} {c['fail']:7} {c['known']:7} {c['skip']:7}")
        total = sum(self.counts.values(), Counter())
        lines.append(
            f"{f'all {len(self.counts)} operators':44} {total['pass']:7} {total['fail']:7} {total['known']:7} "
            f"{total['skip']:7}   {self.rate():.2%} of the compared"
        )
        return "\n".join(lines)


TALLY = Tally()


@pytest.mark.parametrize("op", OPS, ids=title)
def test_agrees_on_pytorchs_samples(op: Any) -> None:
    failures = TALLY.add(op, FEWER.get(op.name, CHOSEN))
    if failures:
        pytest.fail(f"{len(failures)} differences:\n" + "\n".join(failures[:8]), pytrace=False)


def test_the_rate_of_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 98 % of the samples agree, counting every known difference as a miss."""
    if not TALLY.counts:
        pytest.skip("the operators were not run")
    with capsys.disabled():
        print("\n" + TALLY.table())
    assert TALLY.rate() >= THRESHOLD


def test_every_promised_operator_is_compared() -> None:
    missing = set(NEEDED) - {op.name for op in OPS}
    assert not missing


# operators of the database that are no part of PyTorch's documented names
_INTERNAL = """__rdiv__ grid_sampler_2d grid_sampler_3d native_batch_norm native_group_norm native_layer_norm
    native_dropout_backward max_pool2d_with_indices_backward slice"""


def test_every_operator_that_is_not_compared_has_a_reason() -> None:
    """It is left out, a copy of a view (``t_copy``), or PyTorch's own: nothing falls out of the comparison unseen."""
    compared = {op.name for op in OPS}
    unseen = {op.name for op in database.op_db} - compared - set(LEFT_OUT) - set(_INTERNAL.split())
    unseen = {name for name in unseen if not name.startswith(("_", "jiterator_", "torch."))}
    unseen = {name for name in unseen if not (name.endswith("_copy") and name.removesuffix("_copy") in compared | {"alias"})}
    assert {name for name in unseen if not any({part, part + "_"} & set(REASONS) for part in name.split("."))} == set()


def test_every_known_difference_has_an_operator() -> None:
    assert set(KNOWN) - {"*"} <= {op.name for op in OPS}
    assert all(part and reason for entries in KNOWN.values() for part, reason in entries)


def main(names: list[str]) -> int:
    """Run all samples of the named operators (of all of them without names); print every difference."""
    tally = Tally()
    for op in OPS:
        if not names or op.name in names or title(op) in names:
            failures = tally.add(op, None)
            shown = failures if names else failures[:: max(1, len(failures) // 10)]
            print(*shown, sep="\n", end="\n" if shown else "")
    print(tally.table())
    return 0 if tally.rate() >= THRESHOLD else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
