"""Training as both scripts do it: settings, the loop, checkpoints that resume bit for bit, metrics, the run folder."""

from .checkpoint import Checkpoint, Progress, load_checkpoint, load_model
from .cli import main
from .calibration import Reliability, fit_temperature, reliability, with_temperature
from .config import Config, environment
from .evaluation import Evaluation, evaluate, predict
from .final_test import finish, write_pictures
from .recipes import RECIPES, Recipe, find_recipe
from .run_folder import RunFolder
from .metrics import accuracy, confusion_matrix, precision_recall
from .from_config import (
    Data,
    check_batch_size,
    evaluation_transform,
    initialise,
    initialise_from_data,
    load_data,
    make_average,
    make_optimizer,
    make_schedule,
)
from .console import Report, Silence
from .interrupt import Interrupted, StopRequest
from .early_stopping import EarlyStopping
from .muon_with_adamw import MuonWithAdamW
from .trainer import Trainer

__all__ = [
    "RECIPES",
    "Checkpoint",
    "Config",
    "Data",
    "EarlyStopping",
    "Evaluation",
    "Interrupted",
    "MuonWithAdamW",
    "Progress",
    "Recipe",
    "Reliability",
    "Report",
    "RunFolder",
    "Silence",
    "StopRequest",
    "Trainer",
    "accuracy",
    "check_batch_size",
    "confusion_matrix",
    "environment",
    "evaluate",
    "evaluation_transform",
    "find_recipe",
    "finish",
    "fit_temperature",
    "initialise",
    "initialise_from_data",
    "load_checkpoint",
    "load_data",
    "load_model",
    "main",
    "make_average",
    "make_optimizer",
    "make_schedule",
    "precision_recall",
    "predict",
    "reliability",
    "with_temperature",
    "write_pictures",
]
