"""Where we differ from PyTorch on its own samples, and mean to: each with its reason."""

from __future__ import annotations

# operators of the database whose name we use for something else, or only in part; they are not compared
LEFT_OUT: dict[str, str] = {}

# operator -> (part of the failure's text, why this difference is meant)
KNOWN: dict[str, list[tuple[str, str]]] = {}
