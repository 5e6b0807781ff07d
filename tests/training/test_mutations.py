"""Files of a run, changed at random: resuming ends with an error that names the file, or as if nothing had been changed."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import serialization
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import Config, RunFolder, Trainer, final_test, load_model, main, start

from .conftest import data_of, small

RECIPES: list[dict[str, Any]] = [
    {"ema": 0.9, "label_smoothing": 0.1},
    {"optimizer": "momentum", "schedule": "plateau", "lr": 1},
    {"optimizer": "nadam", "schedule": "multistep", "early_stopping": 2},
    {"optimizer": "rmsprop", "schedule": "cosine"},
    {"optimizer": "muon"},
]
DEEP: Any = []
for _ in range(600):
    DEEP = [DEEP]
VALUES = [None, True, 0, 1, -1, 7, 10**30, 10**400, 2**63, 1.5, float("nan"), float("inf"), "", "x", "\ud800", [], {}, [None],
          {"a": 1}, (1, 2), DEEP]  # fmt: skip
ARRAYS = [torch.zeros(3), torch.tensor(1.0), torch.full((2,), float("nan")), torch.zeros(2, 784).long(), np.zeros(2, np.int64)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    """Runs that were stopped in the middle of their second epoch, each with the last weights of one that was not."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "load_data", lambda config, choice=None: data_of(config))
        patch.setattr(final_test, "write_pictures", lambda *_: [])
        for number, recipe in enumerate(RECIPES):
            path = tmp_path_factory.mktemp("runs") / str(number)
            config = small(**recipe, steps=8, epochs=None, options={"hidden": [2], "batch_norm": True}, checkpoint_seconds=0.0)
            with pytest.MonkeyPatch.context() as stop:
                step = Trainer._train_step
                stop.setattr(Trainer, "_train_step", lambda self, batches, step=step: _until_six(self, step, batches))
                assert main("t", "", config, models.build, lambda group: None, ["--out", str(path)]) == 130
            whole = Path(shutil.copytree(path, path.with_name("whole")))
            assert resume(whole) == 0
            found.append((path, bits(whole)))
    return found


def _until_six(trainer: Trainer, step: Any, batches: Any) -> None:
    step(trainer, batches)
    if trainer.progress.step == 6:
        raise KeyboardInterrupt


def resume(run: Path) -> int:
    return main("t", "", Config(), models.build, lambda group: None, ["--resume", str(run)])


def bits(run: Path) -> str:
    return repr({name: t.numpy().tobytes() for name, t in serialization.load(run / "checkpoints/last.npz")["weights"].items()})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, (list, tuple)) else ():
        yield from places(value[key], (*path, key))


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """``value`` with that at ``path`` replaced by what ``change`` makes of it; an Ellipsis takes it away."""
    if not path:
        return change(value)
    if not isinstance(value, dict):
        items = [changed(item, path[1:], change) if i == path[0] else item for i, item in enumerate(value)]
        return type(value)(item for item in items if item is not ...)
    entries = {key: changed(item, path[1:], change) if key == path[0] else item for key, item in value.items()}
    return {key: item for key, item in entries.items() if item is not ...}


def mutated(value: Any, rng: random.Random, pool: list[Any]) -> Any:
    everywhere = list(places(value))
    path = rng.choice(everywhere if rng.random() < 0.6 else [p for p in everywhere if len(p) <= 2])
    new = rng.choice([..., *pool]) if path else rng.choice(pool)
    if rng.random() < 0.1:
        return changed(
            value, path, lambda old: {**old, rng.choice(["x", "step", 0, "kind"]): new} if isinstance(old, dict) else new
        )
    return changed(value, path, lambda old: new)


def in_bytes(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return rng.choice([
        content[:at],
        content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :],
        content[:at] + content[at + rng.choice([1, 10, 100]) :],
        content[:at] + rng.choice([b"0", b'"', b"{", b",", b"\n", b"\0", b"9" * 30, b"NaN", b"null"]) + content[at:],
    ])  # fmt: skip


def spoil(run: Path, kind: str, rng: random.Random) -> None:
    if kind == "checkpoint":
        path = run / "checkpoints/last.npz"
        serialization.save(mutated(serialization.load(path), rng, VALUES + ARRAYS), path)
    elif kind == "config":
        path = run / "config.json"
        path.write_text(json.dumps(mutated(json.loads(path.read_text()), rng, VALUES)))
    elif kind == "metrics":
        path = run / "metrics.jsonl"
        lines = path.read_text().splitlines()
        at = rng.randrange(len(lines))
        lines[at] = json.dumps(mutated(json.loads(lines[at]), rng, VALUES))
        path.write_text("\n".join(lines) + "\n")
    else:
        path = run / rng.choice(["config.json", "metrics.jsonl", "checkpoints/last.npz"])
        path.write_bytes(in_bytes(path.read_bytes(), rng))


def read_everything(run: Path) -> None:
    folder = RunFolder(run)
    for read in (
        lambda: load_model(folder.last, models.build),
        folder.read_config,
        folder.read_summary,
        lambda: list(folder.read_metrics()),
    ):
        try:
            read()
        except CheckpointError as error:
            assert re.search(r"last\.npz|config\.json|metrics\.jsonl", str(error))


@pytest.mark.parametrize("kind", ["checkpoint", "config", "metrics", "bytes"])
def test_changed_files_are_named_or_do_no_harm(
    kind: str, runs: list[tuple[Path, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "load_data", lambda config, choice=None: data_of(config))
    monkeypatch.setattr(final_test, "write_pictures", lambda *_: [])
    rng, refused = random.Random(7), 0
    for number in range(80):
        original, whole = rng.choice(runs)
        run = Path(shutil.copytree(original, tmp_path / str(number)))
        try:
            spoil(run, kind, rng)
        except (TypeError, ValueError, RecursionError):  # what no writer could write
            continue
        capsys.readouterr()
        code, message = resume(run), capsys.readouterr().err
        refused += code == 1
        if code == 0 and kind != "checkpoint":  # another number in a checkpoint may be as good as the right one
            assert bits(run) == whole
        else:
            assert code in (0, 1) and (code == 0 or str(run) in message), message
        read_everything(run)
    assert refused > 5
