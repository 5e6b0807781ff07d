"""PyTorch warns of some things once per process; here it warns each time, so that no test depends on which ran before."""

import importlib.util

if importlib.util.find_spec("torch"):  # without it this folder is left out: see tests/conftest.py
    import torch

    torch.set_warn_always(True)
