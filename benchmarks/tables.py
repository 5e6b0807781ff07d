"""The tables of README.md, docs/performance.md and docs/profiles.md, made of what ``python -m benchmarks`` kept as JSON:

python -m benchmarks.tables runs/benchmark/benchmark.json runs/benchmark/scaling.json
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import CASES, MODELS
from .libraries import FAST, OURS
from .report import IMPORT, best_rival, fit, misses, peak_share, ratios, title
from .runs import ROOT

TERMS = "Batches of 64 where it trains; with the extra `fast`, inference is by `torch.compile` of ours."
MEMORY_BAR, IMPORT_BAR = 0.4, 150.0  # of PyTorch's least peak; milliseconds


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _time(measured: dict[str, Any], name: str | None) -> str:
    if name is None or not fit(measured, name):
        return ""
    ms = measured[name]["ms"]
    value, unit = (ms / 1e3, "s") if ms >= 1000 else (ms, "ms")
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def _ratio(case: str, measured: dict[str, Any], ours: str, spread: bool = False) -> str:
    rival = best_rival(case, measured)
    if rival is None or not fit(measured, ours):
        return ""
    ratio, least, most = ratios(measured, ours, rival)
    return f"{ratio:.2f} ({least:.2f}–{most:.2f})" if spread else f"{ratio:.2f}"


def times(found: dict[str, Any]) -> str:
    """Every case: what each takes, and the ratios to the best of PyTorch with the spread of the turns."""
    rows = []
    for case, measured in found["cases"].items():
        rival, share = best_rival(case, measured), peak_share(case, found, FAST)
        setting = f", {rival.removeprefix('pytorch').strip() or 'default'}" if rival else ""
        rows.append(
            [
                title(case),
                _time(measured, OURS),
                _time(measured, FAST),
                _time(measured, rival) + setting,
                _time(measured, "jax"),
                _ratio(case, measured, OURS, spread=True),
                _ratio(case, measured, FAST, spread=True),
                str(CASES[case].bar) if case in CASES else f"{IMPORT_BAR:.0f} ms",
                f"{share:.0%}" if share else "",
            ]
        )
    head = [
        "", "NumPy's kernels", "`fast`", "PyTorch's best", "JAX",
        "NumPy's / PyTorch", "`fast` / PyTorch", "bar", "`fast`, of sgemm's peak",
    ]  # fmt: skip
    return markdown(head, rows)


def _memory_rows(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for case, measured in found["cases"].items():
        least = best_rival(case, measured, "mib")
        if case not in CASES or CASES[case].kind not in ("train", "epoch"):
            continue
        sides = [f"{measured[name]['mib']:.0f} MiB" if name and fit(measured, name) else "" for name in (OURS, FAST, least)]
        ratio = f"{measured[FAST]['mib'] / measured[least]['mib']:.2f}" if least and sides[1] else ""
        rows.append([title(case), *sides, ratio])
    return rows


def memory(found: dict[str, Any]) -> str:
    """The peaks of memory of training."""
    head = ["peak of the process", "NumPy's kernels", "`fast`", "PyTorch's least", f"`fast` / PyTorch (bar {MEMORY_BAR})"]
    return markdown(head, _memory_rows(found))


def missed(found: dict[str, Any]) -> str:
    """Which bars are missed, in words."""
    over = [f"{title(case)}: {ratio:.2f} (bar {CASES[case].bar})" for case, ratio in misses(found)]
    over += [
        f"memory, {row[0]}: {row[-1]} (bar {MEMORY_BAR})" for row in _memory_rows(found) if float(row[-1] or 0) > MEMORY_BAR
    ]
    taken = found["cases"].get(IMPORT, {}).get(OURS, {}).get("ms", 0.0)
    over += [f"importing: {taken:.0f} ms (bar {IMPORT_BAR:.0f})"] if taken > IMPORT_BAR else []
    return "Missed:\n\n" + "\n".join(f" - {line}" for line in over) if over else "No bar is missed."


def about(found: dict[str, Any], more: str = "") -> str:
    """Where, when and with what it was measured, in a sentence, and ``more`` behind it."""
    versions = {
        name: next((f["version"] for m in found["cases"].values() for n, f in m.items() if n == key and fit(m, n)), None)
        for name, key in (("PyTorch", "pytorch"), ("JAX", "jax"))
    }
    used = [f"NumPy {found['numpy']}", *(f"{name} {version}" for name, version in versions.items() if version)]
    top = found["limits"]
    text = (
        f"Measured on {found['date']}: {found['machine']}; {', '.join(used)}, on {found['threads']} threads; "
        f"{top['gflops']:.0f} GFLOP/s (sgemm), {top['gbps']:.0f} GB/s (copying memory).{more}"
    )
    return textwrap.fill(text, 128, break_long_words=False, break_on_hyphens=False)


def short(found: dict[str, Any]) -> str:
    """The table of the README: training and inference of the four networks."""
    rows = []
    for case, measured in found["cases"].items():
        if case.split("-infer-")[0] not in MODELS:
            continue
        sides = [_time(measured, name) for name in (OURS, FAST, best_rival(case, measured), "jax")]
        rows.append([title(case), *sides, _ratio(case, measured, OURS), _ratio(case, measured, FAST)])
    ratios_of = ["NumPy alone / PyTorch", "extra `fast` / PyTorch"]
    head = ["", "NumPy alone", "with the extra `fast`", "PyTorch's best", "JAX", *ratios_of]
    return markdown(head, rows)


def scaling(found: dict[str, Any]) -> str:
    """The MLP by batch size, width, depth and threads."""
    rows = []
    for what, lines in found["scaling"].items():
        for line in lines:
            ms = line["ms"]
            best = min((value for name, value in ms.items() if name.startswith("pytorch")), default=None)
            sides = [ms.get(OURS), ms.get(FAST), best]
            ratio = f"{ms[FAST] / best:.2f}" if best and FAST in ms else ""
            rows.append([f"{what} {line['value']:,}", *("" if t is None else f"{t:.2f} ms" for t in sides), ratio])
    return f"Measured on {found['date']}.\n\n" + markdown(
        ["MLP", "NumPy's kernels", "`fast`", "PyTorch's best", "`fast` / PyTorch"], rows
    )


def profiles(found: dict[str, Any]) -> str:
    """What was seen of the cases that miss their bar."""
    return "\n\n".join(f"```text\n{text}\n```" for text in found["profiles"].values()) or "No bar is missed."


# -- pages -------------------------------------------------------------------------------------------------------------


def with_part(page: str, part: str, text: str, name: str) -> str:
    """``page`` with ``text`` between its marks ``<!-- part -->`` and ``<!-- end of part -->``; ``name`` is the page's."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->\n"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{name} has no part between {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{text}\n\n{end}{after}"


def parts(found: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Page → name of a part → what it should say, of all that was measured."""
    if "scaling" in found:
        return {"docs/performance.md": {"scaling": scaling(found)}}
    return {
        "README.md": {"benchmark": f"{about(found, f' {TERMS}')}\n\n{short(found)}"},
        "docs/performance.md": {"benchmark": f"{about(found)}\n\n{times(found)}\n\n{memory(found)}", "missed": missed(found)},
        "docs/profiles.md": {"profiles": f"{about(found)}\n\n{profiles(found)}"},
    }


def write(found: dict[str, Any], root: Path = ROOT) -> None:
    """Put what was measured into the pages."""
    for name, texts in parts(found).items():
        page = (root / name).read_text(encoding="utf-8")
        for part, text in texts.items():
            page = with_part(page, part, text, name)
        (root / name).write_text(page, encoding="utf-8")


def main() -> None:
    """Write the tables of the pages anew from the files that are named."""
    for path in sys.argv[1:]:
        write(json.loads(Path(path).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
