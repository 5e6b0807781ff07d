"""A limit on the size of models, so that a slip of the hand is named before memory is asked for."""

from __future__ import annotations

MAX_PARAMETERS = 200_000_000  # with their gradients and an optimizer's averages 3 GB


def check_size(model: str, parameters: int) -> None:
    """Raise ValueError if a model of so many parameters, counted roughly, is too large to be meant."""
    if parameters > MAX_PARAMETERS:
        about = f"{float(min(parameters, 10**300)):.1e}"
        raise ValueError(f"this {model} would have {about} parameters; at most {MAX_PARAMETERS:,} are allowed")
