"""What the reference says of a name's counterpart in PyTorch is true."""

from __future__ import annotations

import importlib

import pytest

from docs.site import reference
from docs.site.only_here import ONLY_HERE
from docs.site.public_names import MODULES

pytest.importorskip("torch")


def is_there(full: str) -> bool:
    module, _, name = full.rpartition(".")
    parts = module.split(".")
    found = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:number]))
        found = getattr(found, part)
    return hasattr(found, name)


def named() -> set[str]:
    """Every name that the reference has, as PyTorch would call it."""
    return {f"{MODULES[e.module]}.{e.name}" for listed in reference.entries().values() for e in listed if MODULES[e.module]}


def test_the_names_that_only_we_have_are_listed() -> None:
    ours = {full for full in named() if full.startswith("torch.") and not is_there(full)}
    assert {full for full in ONLY_HERE if full.startswith("torch.")} == ours
