"""The trackers by name: their packages, and the loggers that a run opens."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import TypedDict

from ...errors import MissingExtraError
from ..config import TRACKERS, Config
from ..console import Report
from ..run_folder import RunFolder
from .logger import Logger
from .tensorboard import TensorBoardLogger
from .tracking import Tracking
from .wandb_like import open_trackio, open_wandb

_FILE = "tracking.json"


class TrackingFile(TypedDict):
    """What tracking.json says: the name that the trackers know the run by."""

    id: str


def check_trackers(names: Iterable[str]) -> None:
    """Raise MissingExtraError if the package of one of the trackers is not installed. It is imported here, since an import
    takes its time, and would take it from training."""
    for name in names:
        if name == "wandb":  # which reads this when it is imported: offline is offline
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import_module(TRACKERS[name])
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"--track {name} needs the package {error.name}; it comes with: pip install 'tinygrad_fm[track-{name}]'"
            ) from error
        except Exception:  # the logger will meet it again, and the user be warned
            continue


def open_tracking(config: Config, folder: RunFolder, report: Report, done: int = 0) -> Tracking:
    """The tracking of a run, as its settings ask for it.

    Args:
        config: the settings.
        folder: the run's. Its tracking.json names the run, so that it is gone on with when it is resumed.
        report: where warnings go.
        done: the steps behind it: what a tracker knows of later ones is void.
    """
    if not config.track:
        return Tracking()
    saved: TrackingFile | None = folder.read_json(_FILE, TrackingFile)
    if saved is None:
        saved = {"id": uuid.uuid4().hex[:12]}
        folder.write_json(_FILE, saved)
    settings = flat(config.as_dict())
    makers: dict[str, Callable[[], Logger]] = {
        "tensorboard": partial(TensorBoardLogger, folder.path / "tensorboard", settings, done),
        "wandb": partial(open_wandb, folder.path, saved["id"], settings),
        "trackio": partial(open_trackio, folder.path, saved["id"], settings),
    }
    return Tracking({name: makers[name] for name in config.track}, report.line)


def flat(settings: dict[str, object]) -> dict[str, bool | int | float | str]:
    """Settings as all trackers take them: one level, and text for all that is no number.

    >>> flat({"options": {"hidden": [32, 16]}, "lr": 0.1, "ema": None})
    {'options.hidden': '32 16', 'lr': 0.1, 'ema': 'none'}
    """
    found: dict[str, bool | int | float | str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": inner for key, inner in flat(value).items()}
        elif isinstance(value, (list, tuple)):
            found[name] = " ".join(map(str, value)) or "none"
        else:
            found[name] = value if isinstance(value, (bool, int, float, str)) else "none"
    return found
