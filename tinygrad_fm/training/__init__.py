"""Training as both scripts do it: settings, the loop, checkpoints that resume bit for bit, metrics, the run folder."""

from .average import WeightAverage
from .checkpoint import load_checkpoint, load_model
from .command import main
from .config import Config, environment
from .evaluate import Evaluation, evaluate, predict
from .finish import finish, write_pictures
from .folder import RunFolder
from .metrics import accuracy, confusion_matrix, precision_recall
from .recipe import Data, evaluation_transform, initialise, load_data, make_optimizer, make_schedule
from .report import Report, Silence
from .stop import Interrupted, StopRequest
from .trainer import Progress, Trainer

__all__ = [
    "Config",
    "Data",
    "Evaluation",
    "Interrupted",
    "Progress",
    "Report",
    "RunFolder",
    "Silence",
    "StopRequest",
    "Trainer",
    "WeightAverage",
    "accuracy",
    "confusion_matrix",
    "environment",
    "evaluate",
    "evaluation_transform",
    "finish",
    "initialise",
    "load_checkpoint",
    "load_data",
    "load_model",
    "main",
    "make_optimizer",
    "make_schedule",
    "precision_recall",
    "predict",
    "write_pictures",
]
