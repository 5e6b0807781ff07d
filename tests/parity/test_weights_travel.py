"""Weights go both ways: a state_dict of PyTorch's loads here, ours loads there, for every kind of module that has any."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import nn

torch = pytest.importorskip("torch")

MODULES = [
    ("Linear", (3, 4)),
    ("Linear", (3, 4, False)),
    ("Bilinear", (2, 3, 4)),
    ("Conv1d", (2, 4, 3)),
    ("Conv2d", (2, 4, 3)),
    ("Conv2d", (4, 4, (1, 3), 1, 0, 1, 2)),
    ("ConvTranspose1d", (2, 4, 3)),
    ("ConvTranspose2d", (4, 2, 3)),
    ("BatchNorm1d", (3,)),
    ("BatchNorm2d", (3,)),
    ("LayerNorm", (5,)),
    ("GroupNorm", (2, 4)),
    ("RMSNorm", (5,)),
    ("InstanceNorm2d", (3, 1e-5, 0.1, True, True)),
    ("Embedding", (7, 3)),
    ("PReLU", (4,)),
    ("MultiheadAttention", (8, 2)),
    ("TransformerEncoderLayer", (8, 2, 16)),
    ("TransformerDecoderLayer", (8, 2, 16)),
]


@pytest.mark.parametrize(("name", "args"), MODULES)
def test_a_module_of_every_kind(name, args):
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    for given in (theirs.state_dict(), {k: v.numpy() for k, v in theirs.state_dict().items()}):
        fresh = getattr(nn, name)(*args)
        assert str(fresh.load_state_dict(given)) == "<All keys matched successfully>"
        for key, value in theirs.state_dict().items():
            np.testing.assert_array_equal(fresh.state_dict()[key].numpy(), value.numpy(), strict=True)
    there = getattr(torch.nn, name)(*args)
    there.load_state_dict({k: torch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    for key, value in ours.state_dict().items():
        np.testing.assert_array_equal(there.state_dict()[key].numpy(), value.numpy(), strict=True)


def test_loading_copies():
    ours, theirs = nn.Linear(2, 2), torch.nn.Linear(2, 2)
    ours.load_state_dict(theirs.state_dict())
    before = ours.weight.detach().clone()
    with torch.no_grad():
        theirs.weight.zero_()
    assert tinygrad_fm.equal(ours.weight, before)


def test_training_goes_on_where_pytorch_left_off():
    rng = np.random.default_rng(0)
    batches = rng.standard_normal((10, 6, 3)).astype(np.float32)
    theirs = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.1)
    losses = []
    for i, batch in enumerate(batches):
        if i == 5:  # both libraries go on from here
            ours = nn.Linear(3, 1)
            ours.load_state_dict(theirs.state_dict())
            our_optimizer = tinygrad_fm.optim.Adam(ours.parameters(), lr=0.5)
            our_optimizer.load_state_dict(optimizer.state_dict())
        pairs = [(theirs, optimizer, torch)] + ([(ours, our_optimizer, tinygrad_fm)] if i >= 5 else [])
        for model, steps, library in pairs:
            loss = (model(library.tensor(batch)) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            losses.append(loss.item())
    np.testing.assert_allclose(losses[6::2], losses[5::2], rtol=1e-5)


@pytest.mark.parametrize(("name", "args"), MODULES)
def test_a_state_dict_of_ours_loads_there_as_it_is(name, args):
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert not any(theirs.load_state_dict(ours.state_dict()))
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy())
    with pytest.raises(RuntimeError, match="size mismatch"):
        torch.nn.Linear(20, 20).load_state_dict(nn.Linear(20, 21).state_dict())
    other = getattr(torch.nn, name)(*args)
    assert not any(other.load_state_dict(ours.state_dict(), strict=False))


def test_functions_of_pytorchs_take_tensors_of_ours_unless_a_graph_would_be_lost():
    ours = tinygrad_fm.tensor([1.0, 2.0])
    assert torch.cat([ours, torch.ones(1)]).tolist() == [1.0, 2.0, 1.0]
    assert torch.add(torch.ones(2), other=ours).tolist() == [2.0, 3.0]
    with pytest.raises(RuntimeError, match="detach"):
        torch.add(torch.ones(2), ours.requires_grad_())
