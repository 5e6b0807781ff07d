"""Every class of PyTorch's own module database on its samples, to second order; test_rnn and test_volumes have theirs."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    modules = pytest.importorskip("torch.testing._internal.common_modules")

import tinygrad_fm  # noqa: E402
from tinygrad_fm.torch_compat.left_out import REASONS  # noqa: E402

from .harness import Converter, Unsupported  # noqa: E402
from .test_rnn import INFOS as RECURRENT  # noqa: E402
from .test_rnn import flat  # noqa: E402
from .test_volumes import INFOS as VOLUMES  # noqa: E402
from .test_volumes import assert_same, derivatives  # noqa: E402

# classes that are compared elsewhere, and why their samples do not go through here
ELSEWHERE = {
    "TransformerEncoder": "the samples hand over layers of PyTorch's: test_attention",
    "CTCLoss": "its gradient differs on purpose (known.py): test_ctc",
}
DRAWN = ("Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout", "RReLU")
FIRST = ("MultiMarginLoss", "MultiLabelMarginLoss")  # PyTorch has no second derivative of these
CHOSEN = 20  # samples of one class and mode


def short(info: Any) -> str:
    return str(info.name.removeprefix("nn."))


INFOS = [
    info
    for info in modules.module_db
    if info not in RECURRENT + VOLUMES and short(info) not in ELSEWHERE and short(info) not in REASONS
]


def test_no_class_is_left_out_without_a_reason() -> None:
    missing = [short(info) for info in modules.module_db if not hasattr(tinygrad_fm.nn, short(info))]
    assert [name for name in missing if name not in REASONS] == []
    assert set(ELSEWHERE) <= {short(info) for info in modules.module_db}


def ours_of(theirs: Any, args: Any, kwargs: Any) -> Any:
    convert = Converter()
    made = getattr(tinygrad_fm.nn, type(theirs).__name__)(*convert(args), **convert(kwargs)).double()
    if not type(theirs).__name__.startswith("Lazy"):
        made.load_state_dict(convert(dict(theirs.state_dict())))
    return made.train(theirs.training)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own, and ours after its example
@pytest.mark.parametrize("info", INFOS, ids=short)
@pytest.mark.parametrize("training", [True, False])
def test_module_samples_to_second_order(info: Any, training: bool) -> None:
    torch.manual_seed(0)
    samples = info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=training)
    samples = [sample for sample in samples if sample.forward_input is not None]
    compared = 0
    for sample in samples[:: max(1, len(samples) // CHOSEN)]:
        try:
            compared += compare(info, sample, training)
        except Unsupported:
            continue
    assert compared


def compare(info: Any, sample: Any, training: bool) -> bool:
    """Assert that both classes give the same for one sample."""
    made, called = sample.constructor_input, sample.forward_input
    theirs = info.module_cls(*made.args, **made.kwargs).double().train(training)
    mine = ours_of(theirs, made.args, made.kwargs)
    assert repr(mine) == repr(theirs)
    convert = Converter()
    args, kwargs = convert(called.args), convert(called.kwargs)
    if training and short(info) in DRAWN:
        assert mine(*args, **kwargs).shape == tuple(theirs(*called.args, **called.kwargs).shape)
        return True
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the fused one has no second derivative
        wanted = [y for y in flat(theirs(*called.args, **called.kwargs)) if y is not None]
        if short(info).startswith("Lazy"):  # both draw their weights when first called
            mine(*args)
            mine.load_state_dict(Converter()(dict(theirs.state_dict())))
        ours = [y for y in flat(mine(*args, **kwargs)) if y is not None]
        pairs = convert.pairs
        leaves = [*(b for _, b in pairs), *mine.parameters()], [*(a for a, _ in pairs), *theirs.parameters()]
        order = 1 if short(info) in FIRST else 2
        assert_same(derivatives(tinygrad_fm, ours, leaves[0], order), derivatives(torch, wanted, leaves[1], order))
    return True
