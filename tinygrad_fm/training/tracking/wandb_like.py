"""Weights & Biases and trackio, which have one interface."""

from __future__ import annotations

import contextlib
import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...viz.graph import Graph
from .logger import Histogram

_PROJECT = "tinygrad_fm"


class WandbLogger:
    """Hands on to a run of ``wandb`` or of ``trackio``.

    Args:
        module: the package.
        run: what its ``init`` gave.
        known: the last step that the tracker has of it already: a run that is resumed makes some of them again, alike.
    """

    def __init__(self, module: Any, run: Any, known: int) -> None:
        self._module, self._run, self._known = module, run, known

    def _log(self, values: dict[str, Any], step: int) -> None:
        if step > self._known:
            self._run.log(values, step=step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name."""
        self._log(dict(values), step)

    def histograms(self, values: Mapping[str, Histogram], step: int) -> None:
        """Histograms by name."""
        self._log({name: self._module.Histogram(np_histogram=found) for name, found in values.items()}, step)

    def picture(self, name: str, path: Path, step: int) -> None:
        """A PNG file."""
        self._run.log({name: self._module.Image(str(path))}, step=step)

    def graph(self, graph: Graph) -> None:
        """The graph, as the page that opens its modules at a click."""
        self._log({"graph": self._module.Html(graph.html())}, 0)

    def summary(self, config: Mapping[str, Any], values: Mapping[str, float], step: int) -> None:
        """Results by name."""
        self._run.log({f"summary/{name}": value for name, value in values.items()}, step=step)

    def close(self) -> None:
        """Write what is left."""
        self._run.finish()


def open_wandb(folder: Path, id: str, settings: Mapping[str, Any]) -> WandbLogger:
    """A run of wandb in ``folder``/wandb: offline, unless the user is logged in or WANDB_MODE says otherwise."""
    import wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if logged_in(wandb.setup().settings.base_url) else "offline")
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or _PROJECT,
        id=id,
        name=folder.name,
        dir=folder,
        config=dict(settings),
        resume="allow" if mode == "online" else None,
        mode=mode,  # type: ignore[arg-type, unused-ignore]
        settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True),
    )
    return WandbLogger(wandb, run, run.step - 1 if run.resumed else -1)


def logged_in(server: str) -> bool:
    """Whether there is a key for wandb's server: in the environment, or where ``wandb login`` leaves it."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(server).hostname or ""
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            if path and netrc.netrc(os.path.expanduser(path)).authenticators(host):
                return True
    return False


def open_trackio(folder: Path, id: str, settings: Mapping[str, Any]) -> WandbLogger:
    """A run of trackio, in trackio's own folder (TRACKIO_DIR), from which ``trackio show`` reads."""
    import trackio

    project, name = os.environ.get("TRACKIO_PROJECT") or _PROJECT, f"{folder.name}-{id}"
    run = trackio.init(
        project, name, config=dict(settings), resume="allow", embed=False, auto_log_gpu=False, auto_log_cpu=False
    )
    known = trackio.SQLiteStorage.get_max_step_for_run(project, name, run_id=run.id)
    return WandbLogger(trackio, run, -1 if known is None else known)
