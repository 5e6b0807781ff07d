"""The steps that the player plays: what was recorded (``events``), as plain data with its words.

``player.js`` plays them, in the page of ``graph.save("x.html", steps=True)`` and wherever else somebody gives it
``graph.data(steps=True)``. This is their schema (version 1); ids are those of the graph's items:

    {"schema": 1,
     "notes": [text],                     what was cut or could not be recorded
     "names": {id: text},                 what sentences call the items
     "arrays": [array],                   each different one once; everywhere else they are given by their index
     "start": {id: index},                values known before the first step: inputs, leaves, constants
     "steps": [{
         "phase": "forward", "backward" or "update" (a write that is no operation),
         "title": text,                   in one line
         "say": [text],                   what happened, a sentence each
         "nodes": [id],                   what lights up
         "reads": [id],                   forward: where its inputs came from
         "gives": [[id, text]],           backward: which nodes were given which gradient
         "waiting": [id],                 backward: nodes whose gradients wait, in the order in which they would be taken (the
                                          first 20; a sentence says how many there are)
         "values": {id: index},           values known from now on
         "gradients": {id: index},        gradients that have arrived
         "grads": {id: index or null},    what .grad is after the step
         "line": text                     the line of the user's code, where it is known
     }]}

An array is ``{"shape": [2, 3], "dtype": "float32", "text": "-1 … 2"}`` and ``"numbers"``, rows of numbers (what is not finite
is text, "nan"), or ``"heat"``, matrices of whole numbers from -100 to 100 (null: not finite), which are per cent of
``"largest"``; ``"cut"`` says which part of the array that is. Keys that would be empty are left out of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .content import Content, plural
from .events import MOST_EVENTS, Began, EventLog, Ran, Took, Wrote
from .recording import Origin
from .snapshot import Snapshot
from .step_words import Words

__all__ = ["steps_data"]

SCHEMA = 1
_MOST_WAITING = 20  # ids, as each step has its own list
_MOST_CELLS = 400_000  # numbers in all arrays together: about 1.5 MB of text


def steps_data(log: EventLog, content: Content) -> dict[str, Any]:
    """The recorded events of ``content``'s picture as plain data. Raises ValueError if there are too many to step through."""
    if log.count > MOST_EVENTS:
        raise ValueError(
            f"steps=True: more than {MOST_EVENTS:,} steps were recorded, too many to play; record less within viz.trace(): one "
            "iteration, a shorter sequence, or a single module of the model"
        )
    if not log.events:
        raise ValueError("steps=True: no operation ran, so there is nothing to step through")
    return _Writer(log, content).data()


class _Writer:
    def __init__(self, log: EventLog, content: Content) -> None:
        self.log, self.item_of, self.words = log, content.item_of, Words(content)
        self.arrays: list[dict[str, Any]] = []
        self.known: dict[Any, int] = {}  # index by contents
        self.cells = self.cut = 0

    def data(self) -> dict[str, Any]:
        start = {id: self.array(shown) for origin, shown in self.log.origins.items() for id in self.ids([origin])}
        steps = [
            {key: value for key, value in self.step(event).items() if value not in ([], {}, "")} for event in self.log.events
        ]
        notes = list(self.log.notes)
        if not any(isinstance(event, Began) for event in self.log.events):
            notes.append(self.forward_only())
        if self.cut:
            notes.append(f"of {plural(self.cut, 'array')} only the range is kept, so that the file stays small")
        names: dict[str, str] = {}
        for value, item in self.item_of.items():
            names.setdefault(item.id, self.words.name(value, index=False))
        return {"schema": SCHEMA, "notes": notes, "names": names, "arrays": self.arrays, "start": start, "steps": steps}

    def forward_only(self) -> str:
        """Why there is no backward pass."""
        if any(isinstance(event, Ran) and event.step.taped for event in self.log.events):
            return "Forward only: no backward pass was seen while this was recorded."
        return "Forward only: nothing is on the tape, as nothing requires a gradient, or gradients are off (no_grad)."

    def ids(self, values: Any) -> list[str]:
        """The ids of the items of ``values``, each once."""
        return list(dict.fromkeys(self.item_of[value].id for value in values if value in self.item_of))

    def array(self, shown: Snapshot) -> int:
        """The index of an array, which is taken in if it is new."""
        key = shown.shape, shown.dtype, shown.text, shown.cut, shown.tiles.shape, shown.tiles.tobytes()
        if key not in self.known:
            if self.cells + shown.tiles.size > _MOST_CELLS:
                self.cut += 1
                shown = shown.range_only()
            self.cells += shown.tiles.size
            self.known[key] = len(self.arrays)
            self.arrays.append(shown.data())
        return self.known[key]

    def step(self, event: Any) -> dict[str, Any]:
        writers: dict[type, Callable[[Any], dict[str, Any]]]
        writers = {Ran: self.ran, Began: self.began, Took: self.took, Wrote: self.wrote}
        return writers[type(event)](event)

    def ran(self, event: Ran) -> dict[str, Any]:
        step, value = event.step, (event.step, 0)
        sources = [v for _, v in step.inputs]
        changed = [value, *(v for v in sources[:1] if event.version and isinstance(v, Origin))]
        return {
            "phase": "backward" if step.gradient_of or event.within else "forward",
            "title": self.words.ran_title(event, self.item_of.get(value)),
            "say": list(self.words.ran(event)),
            "nodes": self.ids([value]),
            "reads": self.ids(sources),
            "values": {id: self.array(event.values[0]) for id in self.ids(changed)} if event.values else {},
            "line": step.place,
        }

    def began(self, event: Began) -> dict[str, Any]:
        roots = [value for value, _ in event.roots]
        return {
            "phase": "backward",
            "title": f"backward from {self.words.names(roots)}",
            "say": list(self.words.began(event)),
            "nodes": self.ids(roots),
            "waiting": self.ids(roots),
            "grads": dict.fromkeys(self.ids(event.emptied)),
        }

    def took(self, event: Took) -> dict[str, Any]:
        shown = event.replaced or next((g for g in event.gradients if g is not None), None)
        ids = self.ids([event.value])
        return {
            "phase": "backward",
            "title": self.words.took_title(event),
            "say": list(self.words.took(event)),
            "nodes": ids,
            "gives": [[id, gift.text] for gift in event.gifts for id in self.ids([gift.value])],
            "waiting": self.ids(event.waiting)[:_MOST_WAITING],
            "gradients": {id: self.array(shown) for id in ids} if shown is not None else {},
            "grads": {id: self.array(event.after) for id in ids} if event.after is not None else {},
        }

    def wrote(self, event: Wrote) -> dict[str, Any]:
        return {
            "phase": "update",
            "title": self.words.wrote_title(event),
            "say": list(self.words.wrote(event)),
            "nodes": self.ids(origin for origin, _, _ in event.leaves),
            "values": {id: self.array(shown) for origin, _, shown in event.leaves for id in self.ids([origin])},
        }
