"""The parts of docs/results.md beside the rows: comparisons on the multi-layer perceptron, and what is odd about the images."""

from __future__ import annotations

from tinygrad_fm.data.image_dataset import CLASSES

from .comparisons import GROUPS, SEED_OF_GRID, SEEDS, Comparisons, Found, Group
from .data_audit import SURE, Record, pairs_in_words
from .records import mean_and_deviation
from .words import image, paragraph, per_cent, table

TITLES: dict[Group, str] = {"optimizer": "optimizer", "activation": "activation", "init": "initial weights"}


# -- comparisons -----------------------------------------------------------------------------------------------------------


def comparisons_section(comparisons: Comparisons) -> str:
    """Tables of optimizers, activations and initial weights."""
    base, seeds = comparisons.base, ", ".join(map(str, SEEDS))
    hidden = "-".join(map(str, base.options["hidden"]))
    parts = [
        "## Which optimizer, which activation, which initial weights?",
        paragraph(
            f"Compared on the MLP 784-{hidden}-10 without batch norm and dropout, {base.epochs} epochs of batches of "
            f"{base.batch_size}, schedule `{base.schedule}`: `python -m apps reproduce comparisons`. One thing is changed at a",
            "time; the others are Adam, ReLU and PyTorch's initial weights. Each choice has the learning rate that did best",
            f"with seed {SEED_OF_GRID}, of a grid that goes on while the best is at its end; with that rate seeds {seeds} are",
            "trained, and reported. All accuracies are of validation images.",
        ),
    ]
    every = {group: comparisons.found(group) for group in GROUPS}
    if not any(every.values()):
        return "\n\n".join([*parts, "Not measured yet."])
    for group, found in every.items():
        head = (TITLES[group], "validation accuracy", "learning rate", "of those tried")
        if found:
            parts.append(table(head, map(_choice_line, found)))
        if lacking := len(GROUPS[group]) - len(found):
            parts.append(f"{TITLES[group].capitalize()}: {lacking} more to be measured.")
    parts.append(_said(every))
    parts.append(
        image("comparisons.png", "Optimizers, activations and initial weights: validation accuracy of three seeds each")
    )
    return "\n\n".join(parts)


def _choice_line(choice: Found) -> list[str]:
    mean, deviation = mean_and_deviation(choice.accuracies)
    tried = ", ".join(f"{rate:g}" for rate in choice.tried)
    return [f"`{choice.name}`", f"{100 * mean:.2f} ± {100 * (deviation or 0):.2f} %", f"{choice.lr:g}", tried]


def _said(every: dict[Group, list[Found]]) -> str:
    """Which choices are the best, as far as the seeds tell."""
    said = []
    for group, found in every.items():
        if len(found) == len(GROUPS[group]):  # before that nobody knows
            equals = [f"`{choice.name}`" for choice in alike(found)]
            said.append(f"{TITLES[group]}: {', '.join(equals)}")
    if not said:
        return "Which are the best is said when a group is complete."
    return paragraph(
        f"The best, with those that the seeds do not tell from it: {'; '.join(said)}. (Not told apart: the means differ by",
        "less than two standard errors of their difference.) Published sweeps say Adam and ReLU.",
    )


def alike(found: list[Found]) -> list[Found]:
    """The best choice, and those whose mean is less than two standard errors of the difference below its own."""
    best, deviation = mean_and_deviation(found[0].accuracies)
    result = []
    for choice in found:
        mean, other = mean_and_deviation(choice.accuracies)
        error = (((deviation or 0) ** 2 + (other or 0) ** 2) / len(choice.accuracies)) ** 0.5
        if choice is found[0] or best - mean < 2 * error:
            result.append(choice)
    return result


# -- the images --------------------------------------------------------------------------------------------------------------


def audit_section(record: Record | None) -> str:
    """What is odd about the images."""
    head = "## The images themselves"
    if record is None:
        return f"{head}\n\nNot looked at yet: `python -m apps reproduce audit`."
    settings = record["settings"]
    judged = paragraph(
        f"To judge the labels, the training images are cut into {settings['folds']} parts, and each is predicted by a",
        f"`{settings['model']}` that was trained on the others for {settings['epochs']} epochs;",
        f"{per_cent(record['held_out_accuracy'], 2)} of the labels are what the model says. {record['sure']:,} are denied",
        f"with a probability of at least {per_cent(SURE, 0)}: some are wrong, many of garments between two",
        "classes. Most often:",
    )
    parts = [head, _duplicates(record)]
    if record["groups"]:
        parts.append(image("duplicates.png", "Images that occur more than once"))
    parts += [judged, table(("label", "the model says", "images"), pairs_in_words(record, CLASSES))]
    parts.append(image("mislabelled.png", "Training images whose label is denied by a model that never saw them"))
    return "\n\n".join(parts)


def _duplicates(record: Record) -> str:
    sizes, groups = record["dataset"], record["groups"]
    sets = f"{sizes['training']:,} training and {sizes['test']:,} test images"
    looked = f"`python -m apps audit` compared all {sets} with one another, pixel for pixel:"
    if not groups:
        return paragraph(looked, "no two are equal, within a set or between them.")
    return paragraph(
        looked,
        f"{record['within_training']:,} training and {record['within_test']:,} test images equal an earlier one of their set,",
        f"and {record['between']:,} test images are training images, too. {record['contradicting']:,} of these {len(groups):,}",
        "groups stand under several labels. The results above are of the test set as it is published.",
    )
