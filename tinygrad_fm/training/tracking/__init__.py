"""Experiment trackers beside metrics.jsonl: ``--track tensorboard wandb trackio``."""

from .logger import Logger
from .open import TRACKERS, check_trackers, open_tracking
from .tracking import Tracking

__all__ = ["TRACKERS", "Logger", "Tracking", "check_trackers", "open_tracking"]
