"""How many threads a run works with. On processors that other programs use too, threads that wait for each other can take ten
times as long as one alone; a few steps before the first one tell."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Mapping, Sequence
from statistics import mean, median

from .. import random, runtime
from ..nn import Module
from ..nn.functional import cross_entropy
from ..ops.functions import randn, zeros
from .from_config import IMAGE

Times = Mapping[int, Sequence[float]]

_LEAST, _SECONDS = 3, 0.5  # so many turns and so long: a stall of a tenth of a second must be seen for what it is
_IMAGES = 64


def choose_threads(times: Times) -> int:
    """How many threads to work with, from the seconds that steps took with one thread and with all of them.

    All, unless they are clearly in each other's way, on the whole and in most steps: with another number a run has other bits.

    >>> choose_threads({1: [0.010, 0.011, 0.010], 2: [0.007, 0.300, 0.008]})  # one was slow by chance
    2
    >>> choose_threads({1: [0.010, 0.020, 0.010], 2: [0.080, 0.350, 0.020]})
    1
    """
    available = max(times)
    return 1 if all(of(times[available]) > 2 * of(times[1]) for of in (median, mean)) else available


def time_steps(model: Module, batch_size: int, threads: int) -> Times:
    """The seconds that training steps of a copy of ``model`` take with one thread and with ``threads``, in turns.

    Neither the model nor the default generator is changed; the number of threads is.
    """
    trial, state = copy.deepcopy(model).train(), random.get_rng_state()
    images, labels = randn(min(batch_size, _IMAGES), *IMAGE), zeros(min(batch_size, _IMAGES)).long()
    times: dict[int, list[float]] = {1: [], threads: []}
    began = time.perf_counter()
    for number in itertools.count():
        for count, found in times.items():
            runtime.set_num_threads(count)
            started = time.perf_counter()
            cross_entropy(trial(images), labels).backward()
            if number:  # the first step also starts threads and asks for memory
                found.append(time.perf_counter() - started)
        if number >= _LEAST and time.perf_counter() - began > _SECONDS:
            break
    random.set_rng_state(state)
    return times


def settle_threads(model: Module, batch_size: int, wanted: int | None) -> str:
    """Set the number of threads to ``wanted``, or to what is quicker here; returns what is to be said of it."""
    available = runtime.get_num_threads()
    if wanted is not None or available == 1:
        runtime.set_num_threads(wanted or 1)
        return ""
    times = time_steps(model, batch_size, available)
    chosen = choose_threads(times)
    runtime.set_num_threads(chosen)
    if chosen == available:
        return ""
    one, more = (1000 * mean(found) for found in times.values())
    return (
        f"Threads: {chosen} of {available}, as other programs use the processors: a step takes {one:.0f} ms with one thread, "
        f"{more:.0f} ms with {available}. --threads {available} insists."
    )
