"""What the player says of an event, in sentences. Each states what was recorded, under the names that the picture has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .content import Content, Item, bytes_text, plural, shape_text
from .events import Began, Gift, Ran, Took, Wrote
from .recording import Kept, Shape, Step

__all__ = ["Words"]

_MOST_NAMED = 6  # names in a list


class Words:
    """Titles and sentences for the events of one picture."""

    def __init__(self, content: Content) -> None:
        self._item_of = content.item_of
        self._numbers = _numbers(content)

    def name(self, value: Any, index: bool = True) -> str:
        """What a sentence calls a value: the caller's name, or the operation's, with its module and number among its like.

        Args:
            index: whether to say which of the operation's results it is, if there are several.
        """
        if isinstance(value, str):
            return value
        item = self._item_of.get(value)
        if item is None:
            return value[0].name if isinstance(value, tuple) else "a tensor outside the picture"
        if not isinstance(value, tuple):
            return item.title
        which = f"[{value[1]}]" if index and len(value[0].results) > 1 else ""
        path = _module_path(item)
        return (
            item.name + which
            if item.name
            else item.title + self._numbers.get(item, "") + which + (f" of {path}" if path else "")
        )

    def names(self, values: list[Any]) -> str:
        """Several, in a list that has an end."""
        found = list(dict.fromkeys(map(self.name, values)))
        return ", ".join(found[:_MOST_NAMED]) + (f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else "")

    # -- forward ------------------------------------------------------------------------------------------------------

    def ran_title(self, event: Ran, item: Item | None) -> str:
        """``e = mul(a, b)``."""
        step = event.step
        inputs = ", ".join([*(self.name(v) for _, v in step.inputs), *([step.brief] if step.brief else [])])
        call = f"{item.title if item is not None else step.name}({inputs})"
        if item is None:
            return call
        if item.name:
            return f"{item.name} = {call}"
        path = _module_path(item)
        which = self.name((step, 0), index=False) if item in self._numbers else path
        return f"{which}: {call}" if which else call

    def ran(self, event: Ran) -> Iterator[str]:
        """What there is to say of an operation that ran."""
        step = event.step
        if step.error:
            yield f"It fails: {step.error}"
            return
        if event.unseen:
            yield self._unseen(step)
        elif event.within and not step.gradient_of:
            yield "It runs within the backward pass: a rule written by the user, or a module run again (checkpoint)."
        if step.gradient_of:
            yield f"Part of the gradient of {step.gradient_of}: the backward pass is itself recorded (create_graph=True)."
        for value, shape in event.expanded:
            yield f"{self.name(value)} {shape_text(shape)} is broadcast to {shape_text(event.values[0].shape)}."
        first = self.name(step.inputs[0][1]) if step.inputs else "its input"
        if event.view:
            yield f"The result is a view: it shares the memory of {first}, nothing is copied."
        if event.version:
            yield f"In place: written into the memory of {first}, which is at version {event.version} now."
        if len(event.values) > 1:
            yield f"It has {len(event.values)} results; the first is shown."
        if step.taped:
            yield f"On the tape, with a rule for the gradient of {self.live(step)}."
            if event.packed:
                yield "What it saves for backward was packed by saved_tensors_hooks."
            if step.kept is None:
                return
            kept = ", ".join(dict.fromkeys(self.kept(step, k) for k in step.kept or ()))
            yield f"Saved for backward: {kept}." if kept else "Its rules need nothing to be saved."
        elif not event.recording:
            yield "Not on the tape: gradients are off here, as within no_grad()."
        else:
            yield "Not on the tape: nothing that it reads requires a gradient."

    def live(self, step: Step) -> str:
        """The inputs that have a rule."""
        by_name = dict(step.inputs)
        names = (self.name(by_name[rule]) if rule in by_name else rule or "an input" for rule in step.rules)
        return ", ".join(dict.fromkeys(names))

    @staticmethod
    def _unseen(step: Step) -> str:
        if step.name == "view_scatter":
            return (
                "A view was written to: its base is from now on the old base, with the view's new values in place of that part."
            )
        return "Found on the tape: it was recorded before this began, by an autograd.Function, or to follow a write."

    def kept(self, step: Step | None, kept: Kept, size: int | None = None) -> str:
        """An array that an operation saves: ``x (64, 784) 200.7 KB``."""
        by_name = dict(step.inputs) if step is not None else {}
        name = "its result" if kept.name == "result" else self.name(by_name[kept.name]) if kept.name in by_name else kept.name
        size = kept.bytes if size is None else size
        return " ".join([name, *([shape_text(kept.shape)] if kept.shape else []), *([bytes_text(size)] if size else [])])

    # -- backward -----------------------------------------------------------------------------------------------------

    def began(self, event: Began) -> Iterator[str]:
        """What there is to say of the beginning of a pass."""
        if event.emptied:
            yield f".grad of {self.names(event.emptied)} was taken away since the last pass: it is None (zero_grad)."
        if event.inner:
            yield "A pass within the pass: a fused operation is differentiated through the operations that it stands for."
        for value, shown in event.roots:
            yield f"It starts at {self.name(value)}. The gradient there is {_short(shown.text, shown.shape)}."
        if event.wanted is not None:
            asked = self.names(event.wanted)
            yield f"Asked for is the gradient of {asked}: only what leads there is visited."
        if event.create:
            yield "create_graph=True: what the rules compute is itself recorded, so that it can be differentiated again."
        if event.retain:
            yield "retain_graph=True: operations keep what they saved, and the graph can be gone through again."
        else:
            yield "Operations let go of what they saved as soon as it has been used."

    def took_title(self, event: Took) -> str:
        """``backward through e``."""
        if event.kind == "operation":
            return f"backward through {self.name(event.value, index=False)}"
        name = self.name(event.value)
        return (
            f"the gradient of {name} is complete" if event.kind == "leaf" else f"the gradient of {name}, one of several results"
        )

    def took(self, event: Took) -> Iterator[str]:
        """What there is to say of a node that the loop took."""
        if event.waiting:
            yield f"Taken first of the {len(event.waiting) + 1} that wait: its number on the tape is the highest."
        if event.arrived > 1:
            yield f"Its gradient is complete: the sum of the {event.arrived} that arrived."
        yield from self._hooks(event)
        if event.wanted:
            yield "This is what was asked for." + ("" if event.goes_on and event.kind != "leaf" else " The pass ends here.")
        elif event.kind == "leaf":
            yield from self._delivery(event)
        elif event.kind == "result":
            yield "Put beside the gradients of the operation's other results."
        for gift in event.gifts:
            yield self._gift(gift)
        yield from self._saved(event)
        if event.error:
            yield f"It fails: {event.error}"

    @staticmethod
    def _hooks(event: Took) -> Iterator[str]:
        own = [name for name in event.hooks if name != "retain_grad"]
        if own:
            yield f"{plural(len(own), 'hook')} of the user: {', '.join(own)}."
        if event.replaced is not None:
            yield f"A hook replaced the gradient: it is {_short(event.replaced.text, event.replaced.shape)} now."
        if len(own) < len(event.hooks):
            yield "retain_grad(): a copy of the gradient is kept in .grad."

    @staticmethod
    def _delivery(event: Took) -> Iterator[str]:
        if event.gone:
            yield "Nobody holds this leaf any more: its gradient is dropped."
        elif event.after is not None and event.before is None:
            yield "Added to .grad, which was None until now."
        elif event.after is not None and event.before is not None:
            small = event.after.shape == ()
            yield "Added to .grad" + (
                f": {event.before.text} before, {event.after.text} now." if small else ", which was there already."
            )

    def _gift(self, gift: Gift) -> str:
        item = self._item_of.get(gift.value)
        words = [f"{self.name(gift.value)} gets {_short(gift.text, gift.shape)}"]
        if gift.summed is not None:
            axes = _axes_text(gift.summed, gift.shape)
            words.append(f"summed over the broadcast {axes}, from {shape_text(gift.summed)} to {shape_text(gift.shape)}")
        if gift.cast:
            words.append(f"cast from {gift.cast} to {item.dtype if item is not None else 'its dtype'}")
        if gift.total:
            words.append(f"added to what waits there: {_short(gift.total, gift.shape)} now")
        return ", ".join(words) + "."

    def _saved(self, event: Took) -> Iterator[str]:
        step = event.value[0] if isinstance(event.value, tuple) else None
        if event.keeps:
            yield "It keeps what it saved: the graph can be gone through again."
        freed = dict.fromkeys(self.kept(step, kept, 0) for kept, is_freed in event.released if is_freed)
        if freed:
            yield f"Let go of {bytes_text(event.freed)}: {', '.join(freed)}."
        held = dict.fromkeys(self.kept(step, kept, 0) for kept, is_freed in event.released if not is_freed)
        if held:
            yield f"Let go of {', '.join(held)}: something else still holds that memory."

    # -- updates ------------------------------------------------------------------------------------------------------

    def wrote_title(self, event: Wrote) -> str:
        """``w, b written to``."""
        return f"{self.names([origin for origin, _, _ in event.leaves])} written to"

    def wrote(self, event: Wrote) -> Iterator[str]:
        """What there is to say of a write that was no operation."""
        yield "Written to by no operation on the tape: by the step of an optimizer, for example."
        versions = sorted({version for _, version, _ in event.leaves})
        memory = "Their memory is" if len(event.leaves) > 1 else "Its memory is"
        yield f"{memory} at version {', '.join(map(str, versions))} now."


def _module_path(item: Item) -> str:
    """The path of the module that ran the operation; '' for none, and for the model itself."""
    return item.box.path if item.box is not None and item.box.what == "module" else ""


def _numbers(content: Content) -> dict[Item, str]:
    """A number, " #2", for each of the operations without a name that do not differ in name and module."""
    alike: dict[tuple[Any, str], list[Item]] = {}
    for item in content.operations():
        if not item.name:
            alike.setdefault((item.box, item.title), []).append(item)
    return {item: f" #{i + 1}" for items in alike.values() if len(items) > 1 for i, item in enumerate(items)}


def _short(text: str, shape: Shape) -> str:
    """The numbers in a line; of a matrix only its shape."""
    return " ".join(text.split()) if "\n" not in text else f"a gradient of shape {shape_text(shape)}"


def _axes_text(wide: Shape, narrow: Shape) -> str:
    """The axes of ``wide`` over which a gradient is summed to get ``narrow``: ``axis 0``, ``axes 0, 1``."""
    extra = len(wide) - len(narrow)
    axes = [i for i, size in enumerate(wide) if i < extra or (narrow[i - extra] == 1 and size != 1)]
    return ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))
