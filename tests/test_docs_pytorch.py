"""docs/pytorch.md is true: its tables are those that the code gives.

python -m tests.test_docs_pytorch       writes them anew
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

import tinygrad_fm
from docs.site.public_names import methods, names_of, top_level
from tinygrad_fm.torch_compat.left_out import INSTEAD, LEFT_OUT

PAGE = Path(__file__).parent.parent / "docs" / "pytorch.md"
MODULES = {
    "torch.nn": tinygrad_fm.nn,
    "torch.nn.functional": tinygrad_fm.nn.functional,
    "torch.nn.init": tinygrad_fm.nn.init,
    "torch.nn.utils": tinygrad_fm.nn.utils,
    "torch.optim": tinygrad_fm.optim,
    "torch.optim.lr_scheduler": tinygrad_fm.optim.lr_scheduler,
    "torch.optim.swa_utils": tinygrad_fm.optim.swa_utils,
    "torch.utils.data": tinygrad_fm.utils.data,
    "torch.autograd": tinygrad_fm.autograd,
    "torch.autograd.functional": tinygrad_fm.autograd.functional,
    "torch.autograd.forward_ad": tinygrad_fm.autograd.forward_ad,
    "torch.func": tinygrad_fm.func,
    "torch.distributed": tinygrad_fm.distributed,
    "torch.distributions": tinygrad_fm.distributions,
    "torch.linalg": tinygrad_fm.linalg,
    "torch.cuda": tinygrad_fm.cuda,
    "torch.amp": tinygrad_fm.amp,
}


def listed(names: list[str]) -> str:
    return textwrap.fill(", ".join(f"`{name}`" for name in names), 126, break_on_hyphens=False)


def left_out() -> str:
    rows = [
        f"| {kind} | {', '.join(f'`{name}`' for name in names.split()[:9])}{', …' if len(names.split()) > 9 else ''} |"
        for kind, names in LEFT_OUT.items()
    ]
    return "\n".join(["| left out | among them |", "|---|---|", *rows])


def there() -> str:
    parts = {"torch": top_level(), "torch.Tensor": methods(), **{name: names_of(module) for name, module in MODULES.items()}}
    return "\n\n".join(f"### `{name}` ({len(names)})\n\n{listed(names)}" for name, names in parts.items())


SECTIONS = {"left out": left_out, "there": there}


def with_tables(text: str) -> str:
    """``text`` with what stands between its markers written anew."""
    for name, make in SECTIONS.items():
        pattern = rf"(<!-- {name}: made by tests/test_docs_pytorch.py -->\n).*?(\n<!-- end -->)"
        text, count = re.subn(pattern, lambda m, make=make: m[1] + make() + m[2], text, flags=re.S)  # type: ignore[misc]
        assert count == 1, f"docs/pytorch.md has no place for '{name}'"
    return text


def test_the_tables_are_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: python -m tests.test_docs_pytorch"


def test_nothing_is_both_there_and_left_out() -> None:
    out = {name for names in LEFT_OUT.values() for name in names.split()}
    offered = {name for module in MODULES.values() for name in names_of(module)} | set(top_level()) | set(methods())
    # PyTorch has solve, lstsq and matrix_rank in linalg only, too, and torch.cond is something else
    assert out & offered <= {"compile", "export", "cond", "lstsq", "matrix_rank", "solve"}


def test_the_imports_of_the_page_work() -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert code is not None
    exec(code[1], {})


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def test_what_is_left_out_says_what_there_is_instead() -> None:
    assert INSTEAD.keys() == LEFT_OUT.keys()
    for reach, words in [
        (lambda: tinygrad_fm.jit, "torch.compile replays models"),
        (lambda: tinygrad_fm.ones(1).to_sparse, "use dense ones"),
        (lambda: tinygrad_fm.multiprocessing, "threads share the work"),
        (lambda: tinygrad_fm.distributed.rpc, "threads share the work"),
        (lambda: tinygrad_fm.profiler.anything, "dir"),
    ]:
        with pytest.raises(AttributeError, match=words):
            reach()
