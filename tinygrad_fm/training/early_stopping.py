"""The best validation so far, and whether to stop because no better one comes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..schema import Count, Finite


@dataclass
class EarlyStopping:
    """Told of every epoch's validation.

    Attributes:
        best_accuracy, best_loss, best_epoch: the best so far. Of two of the same accuracy, the one with the lower loss is it.
        stale: epochs since then.
        stopped_early: whether there were too many of them.

    >>> best = EarlyStopping()
    >>> [best.update(accuracy, 0.5, epoch, patience=2) for epoch, accuracy in enumerate([0.7, 0.8, 0.8, 0.7], 1)]
    [True, True, False, False]
    >>> best.best_epoch, best.stale, best.stopped_early
    (2, 2, True)
    """

    best_accuracy: Finite = -1.0
    best_loss: float = math.inf
    best_epoch: Count = 0
    stale: Count = 0
    stopped_early: bool = False

    def update(self, accuracy: float, loss: float, epoch: int, patience: int | None) -> bool:
        """Note the validation after ``epoch``; returns whether it is the best so far.

        Args:
            accuracy, loss: of the validation.
            epoch: the first is 1.
            patience: after so many epochs that are not better ``stopped_early`` is set; None never does.
        """
        better = (accuracy, -loss) > (self.best_accuracy, -self.best_loss)
        if better:
            self.best_accuracy, self.best_loss, self.best_epoch, self.stale = accuracy, loss, epoch, 0
        else:
            self.stale += 1
        self.stopped_early = patience is not None and self.stale >= patience
        return better
