"""The space of a sweep: a TOML file that says which settings are tried, read and checked.

Its keys are the options of the training script without their dashes, ``batch_size`` for ``--batch-size``; for an mlp also
``layers`` and ``width``, which make ``--hidden``.
"""

from __future__ import annotations

import difflib
import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import models
import train_cnn
import train_mlp
from tinygrad_fm.errors import MissingExtraError
from tinygrad_fm.training import Config
from tinygrad_fm.training.cli_arguments import config_of, make_parser

SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("none", "median", "hyperband")
_SHAPE = ("layers", "width")
_NOT_KEYS = {"help", "out", "resume", "recipe"}
_RANGE = {"low", "high", "step", "log", "when"}
_MOST = 100_000  # configurations of a grid


@dataclass(frozen=True)
class Setting:
    """One setting that is tried.

    Attributes:
        name: its key.
        choices: its values, or () for a range.
        low, high, step, log: of a range, both ends included; of integers if they are integers.
        when: it is tried only where each of these other settings has one of these values.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @property
    def labels(self) -> list[Any]:
        """The choices as a study and a picture can hold them: a list is text."""
        return [" ".join(map(str, value)) or "none" if isinstance(value, list) else value for value in self.choices]

    def active(self, chosen: Mapping[str, Any]) -> bool:
        """Whether it is tried beside the values that others have."""
        return all(name in chosen and chosen[name] in values for name, values in self.when)

    def value_of(self, label: Any) -> Any:
        """The value that the script takes."""
        return self.choices[self.labels.index(label)] if self.choices else label

    def suggest(self, trial: Any) -> Any:
        """A value, as text for a list, that the sampler of an Optuna trial gives."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.labels)
        if isinstance(self.low, int):
            return trial.suggest_int(self.name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def points(self) -> list[Any]:
        """All its values. Raises ValueError if they cannot be counted."""
        if self.choices:
            return self.labels
        step = self.step or (1 if isinstance(self.low, int) and not self.log else None)
        if step is None:
            raise ValueError(f"[space] {self.name}: a grid needs values to count: list them, or give the range a step")
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self.low + i * step for i in range(min(count, _MOST + 1))]


@dataclass(frozen=True)
class Space:
    """What a space file says.

    Attributes:
        settings: those that are tried.
        fixed: the others that are given.
        sampler, pruner, seeds, seed: how they are tried: with so many seeds each, from ``seed`` of the sampler.
        trials, seconds: when to end, of the whole study; None for no such limit.
    """

    settings: tuple[Setting, ...]
    fixed: dict[str, Any]
    sampler: str
    pruner: str
    seeds: int
    seed: int
    trials: int | None
    seconds: float | None

    @property
    def script(self) -> Any:
        """The training script's module."""
        return train_mlp if self.fixed["model"] == "mlp" else train_cnn

    def identity(self) -> dict[str, Any]:
        """What must stay as it is while a study is gone on with: all but the budget, as JSON holds it."""
        space: dict[str, dict[str, Any]] = {
            s.name: {"choices": s.labels} if s.choices else {"low": s.low, "high": s.high, "step": s.step, "log": s.log}
            for s in self.settings
        }
        for s in self.settings:
            space[s.name]["when"] = {name: list(values) for name, values in s.when}
        return {
            "space": space,
            "fixed": self.fixed,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "seeds": self.seeds,
            "seed": self.seed,
        }

    def suggest(self, trial: Any) -> dict[str, Any]:
        """What an Optuna trial is to try."""
        chosen: dict[str, Any] = {}
        for setting in self.settings:
            if setting.active(chosen):
                chosen[setting.name] = setting.suggest(trial)
        return chosen

    def grid(self) -> list[dict[str, Any]]:
        """All that can be tried, in an order that ``seed`` decides. Raises ValueError if it is too much, or has no end."""
        found: list[dict[str, Any]] = [{}]
        for setting in self.settings:
            points = setting.points()
            found = [
                {**chosen, setting.name: point} if setting.active(chosen) else chosen
                for chosen in found
                for point in (points if setting.active(chosen) else [None])
            ]
            if len(found) > _MOST:
                raise ValueError(f"[space] the grid has more than {_MOST:,} configurations: try fewer, or another sampler")
        random.Random(self.seed).shuffle(found)
        return found

    def given(self, chosen: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
        """The options of the training script for what :meth:`suggest` has chosen, with one of the seeds, by its number."""
        values = {s.name: s.value_of(chosen[s.name]) for s in self.settings if s.name in chosen}
        given = {"threads": 1, **self.fixed, **values}
        given["seed"] = given.get("seed", 0) + seed
        if "layers" in given:
            given["hidden"] = [given.pop("width")] * given.pop("layers")
        if given["model"] == "mlp":
            del given["model"]
        return given

    def config(self, chosen: Mapping[str, Any], seed: int = 0) -> Config:
        """The settings of a run. Raises ValueError for one out of range."""
        config = config_of(self.given(chosen, seed), self.script.DEFAULTS)
        if not config.validation:
            raise ValueError("validation must be positive in a sweep, which chooses by the images held out, got 0")
        return config

    def command(self, chosen: Mapping[str, Any], seed: int = 0) -> list[str]:
        """The command line of the training script that makes the same run."""
        words = [f"{self.script.__name__}.py"]
        for name, value in self.given(chosen, seed).items():
            flag = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words += [flag] if value else [] if name == "composed" else [f"--no-{flag[2:]}"]
            else:
                words += [flag, *map(str, value if isinstance(value, list) else [value])]
        return words


def read_space(path: Path) -> Space:
    """Read a space file.

    Raises:
        ValueError: it is no TOML, or says what cannot be; the message begins with the file and names the key.
        OSError: it cannot be read.
        MissingExtraError: Python 3.10 without tomli.
    """
    try:
        import tomllib
    except ImportError:
        try:
            import tomli as tomllib  # type: ignore[import-not-found, no-redef, unused-ignore]
        except ImportError as error:
            raise MissingExtraError("Python 3.10 needs tomli for this; it comes with: pip install '.[sweep]'") from error
    try:
        return make_space(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def make_space(content: Mapping[str, Any]) -> Space:
    """The space that the content of a file means, checked. Raises ValueError."""
    _known(content, ["sweep", "fixed", "space"], "")
    for name in content:
        if not isinstance(content[name], dict):
            raise ValueError(f"[{name}] must be a table, got {content[name]!r}")
    fixed = {"model": "mlp", **content.get("fixed", {})}
    script = train_mlp if fixed["model"] == "mlp" else train_cnn
    keys = [*_keys_of(script), *(_SHAPE if fixed["model"] == "mlp" else ())]
    _known(fixed, [*keys, "model"], "[fixed] ")
    _known(content.get("space", {}), [key for key in keys if key not in ("model", "seed", "track")], "[space] ")
    settings: list[Setting] = []
    for name, entry in content.get("space", {}).items():
        if name in fixed:
            raise ValueError(f"[space] {name}: it is in [fixed] too: leave out one of them")
        settings.append(_setting(name, entry, settings))
    if not settings:
        raise ValueError("[space] names no setting to try")
    given = {*fixed, *(s.name for s in settings)}
    if (fixed["model"] == "mlp" and len(given & {*_SHAPE}) == 1) or ("layers" in given and "hidden" in given):
        raise ValueError("[space] layers and width go together, and in place of hidden")
    space = Space(tuple(settings), fixed, **_how(content.get("sweep", {})))
    _try_out(space)
    return space


def _keys_of(script: Any) -> list[str]:
    """The options of a training script."""
    parser = make_parser(f"{script.__name__}.py", "", script.DEFAULTS, script.model_options)
    return [action.dest for action in parser._actions if action.dest not in _NOT_KEYS]


def _known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            close = difflib.get_close_matches(key, keys, 2, 0.5)
            meant = f": did you mean {' or '.join(close)}?" if close else f". There are: {', '.join(keys)}"
            raise ValueError(f"{where}{key} is unknown{meant}")


def _setting(name: str, entry: Any, before: Sequence[Setting]) -> Setting:
    """One line of [space]: a list of choices, or a table of choices or of a range."""

    def wrong(what: str) -> NoReturn:
        raise ValueError(f"[space] {name}: {what}")

    if isinstance(entry, list):
        entry = {"choices": entry}
    if not isinstance(entry, dict):
        wrong(
            f"must be a list of choices or a range {{ low = …, high = … }}, got {entry!r}; a single value belongs into [fixed]"
        )
    _known(entry, ["choices", "when"] if "choices" in entry else sorted(_RANGE), f"[space] {name}: ")
    when = _conditions(name, entry.get("when", {}), before)
    if "choices" in entry:
        choices = entry["choices"]
        if not isinstance(choices, list) or not choices:
            wrong(f"choices must be a list of values, got {choices!r}")
        made = Setting(name, tuple(choices), when=when)
        if len({*map(repr, made.labels)}) < len(choices) or any(isinstance(c, dict) for c in choices):
            wrong(f"choices must be different values, got {choices!r}")
        return made
    if not {"low", "high"} <= entry.keys():
        wrong("a range needs low and high")
    numbers = {key: entry[key] for key in ("low", "high", "step") if key in entry}
    for key, number in numbers.items():
        if type(number) not in (int, float) or not math.isfinite(number):
            wrong(f"{key} must be a number, got {number!r}")
    if any(isinstance(number, float) for number in numbers.values()):
        numbers = {key: float(number) for key, number in numbers.items()}
    low, high, step, log = numbers["low"], numbers["high"], numbers.get("step"), entry.get("log", False)
    if low > high:
        wrong(f"low must not be above high, got {low} and {high}")
    if step is not None and step <= 0:
        wrong(f"step must be positive, got {step}")
    if not isinstance(log, bool):
        wrong(f"log must be true or false, got {log!r}")
    if log and (low <= 0 or step is not None):
        wrong("a logarithmic range must begin above 0, and has no step")
    if step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-6:
        wrong(f"the steps of {step} from {low} must lead to {high}")
    return Setting(name, (), low, high, step, log, when)


def _conditions(name: str, entry: Any, before: Sequence[Setting]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """``when = { optimizer = ["momentum", "nag"] }``."""
    if not isinstance(entry, dict):
        raise ValueError(f'[space] {name}: when must be a table such as {{ optimizer = ["momentum"] }}, got {entry!r}')
    others = {s.name: s for s in before}
    found = []
    for other, wanted in entry.items():
        if other not in others:
            close = difflib.get_close_matches(other, list(others), 1)
            meant = f": did you mean {close[0]}?" if close else ""
            raise ValueError(f"[space] {name}: when names {other}, which does not stand above it in [space]{meant}")
        values = wanted if isinstance(wanted, list) else [wanted]
        setting = others[other]
        for value in values:
            if setting.choices and value not in setting.labels:
                raise ValueError(
                    f"[space] {name}: when wants {other} = {value!r}, which is none of {', '.join(map(str, setting.labels))}"
                )
        found.append((other, tuple(values)))
    return tuple(found)


def _how(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table [sweep]."""
    defaults: dict[str, Any] = {"sampler": "tpe", "pruner": "none", "seeds": 1, "seed": 0, "trials": None, "time": None}
    _known(table, list(defaults), "[sweep] ")
    found = {**defaults, **table}
    for key, names in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if found[key] not in names:
            raise ValueError(f"[sweep] {key} must be one of {', '.join(names)}, got {found[key]!r}")
    for key, least in (("seeds", 1), ("seed", 0), ("trials", 1)):
        if found[key] is not None and (type(found[key]) is not int or not least <= found[key] < 2**31):
            raise ValueError(f"[sweep] {key} must be a whole number from {least} on, got {found[key]!r}")
    time = found.pop("time")
    if time is None and found["trials"] is None and found["sampler"] != "grid":
        raise ValueError('[sweep] needs an end: trials = 50, or time = "2h"')
    return {**found, "seconds": None if time is None else _seconds(time)}


def _seconds(time: Any) -> float:
    """``"90s"``, ``"30m"``, ``"2h"`` in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", time) if isinstance(time, str) else None
    if match is None or float(match[1]) == 0:
        raise ValueError(f'[sweep] time must be such as "90s", "30m" or "2h", got {time!r}')
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def _try_out(space: Space) -> None:
    """Make the settings and the model of some configurations, so that each value has been tried. Raises ValueError."""
    if space.sampler == "grid":
        space.grid()
    for chosen, name in _samples(space):
        try:
            config = space.config(chosen)
            models.build(config.model, **config.options)
        except (ValueError, TypeError, OverflowError) as error:
            named = name or str(error).partition(" ")[0]
            where = f"[space] {named} = {chosen[named]}" if named in chosen else "[fixed]"
            raise ValueError(f"{where}: {error}") from error


def _samples(space: Space) -> Iterator[tuple[dict[str, Any], str]]:
    """Configurations in which each setting has each of its choices and ends once, each with the name of that setting."""

    def ends(setting: Setting) -> list[Any]:
        return setting.labels if setting.choices else [setting.low, setting.high]

    def filled(wanted: Mapping[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for setting in space.settings:
            if setting.active(chosen):
                chosen[setting.name] = wanted.get(setting.name, ends(setting)[0])
        return chosen

    yield filled({}), ""
    for setting in space.settings:
        needed = [[(other, value) for value in values[:1]] for other, values in setting.when]
        for conditions in itertools.product(*needed):
            for value in ends(setting):
                yield filled({**dict(conditions), setting.name: value}), setting.name
