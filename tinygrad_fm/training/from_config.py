"""From the names in a configuration to the objects: data, initial weights, optimizer, schedule."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from .._tensor import Tensor
from ..autograd import no_grad
from ..data import (
    AlternatingFlip,
    Compose,
    ImageDataset,
    Normalize,
    RandomErasing,
    RandomHorizontalFlip,
    RandomShift,
    Subset,
    ToTensor,
    Transform,
    load_splits,
)
from ..nn import init
from ..nn.modules.batchnorm import _BatchNorm
from ..ops.functions import from_numpy, zeros
from ..optim import SGD, Adam, AdamW, NAdam, Optimizer, RMSprop, lr_scheduler
from ..optim.swa_utils import AveragedModel, move_towards
from .config import Config
from .muon_with_adamw import MuonWithAdamW

IMAGE = (1, 28, 28)
MEAN, STD = 0.2860, 0.3530
"""Of Fashion-MNIST's training pixels, scaled to 0 … 1; the drawn set is normalised by the same."""


class Data(NamedTuple):
    """What a run trains on: two parts of the training set, the test set, and what to say about them.

    >>> from tinygrad_fm import training
    >>> data = training.load_data(training.Config(data="synthetic", train_size=100, validation=20))
    >>> len(data.train), len(data.validation), data.choice
    (80, 20, 'synthetic')
    """

    train: Subset[Any]
    validation: Subset[Any]
    test: ImageDataset
    choice: str  # "fashion-mnist" or "synthetic", never "auto"
    name: str
    digest: str
    notice: str | None

    def set_epoch(self, epoch: int) -> None:
        """Let the training images be those of epoch number ``epoch``, from 0, where the augmentation asks for it."""
        for change in self.train.dataset.transform.transforms:
            if isinstance(change, AlternatingFlip):
                change.set_epoch(epoch)


def evaluation_transform() -> Transform:
    """From a raw image to what the models take: what ``evaluate`` and ``predict`` apply to pictures.

    >>> import numpy as np
    >>> from tinygrad_fm import training
    >>> training.evaluation_transform()(np.zeros((28, 28), np.uint8)).shape
    torch.Size([1, 28, 28])
    """
    return Compose([ToTensor(), Normalize(MEAN, STD)])


def load_data(config: Config, choice: str | None = None) -> Data:
    """The data set of a configuration, split.

    Args:
        config: the settings.
        choice: the data set to take instead of ``config.data``: a resumed run does not choose again.

    Raises:
        ValueError: there are too few images for the validation part, or for one batch.
        DataError: see ``FashionMNIST``.

    >>> from tinygrad_fm import training
    >>> data = training.load_data(training.Config(data="synthetic", train_size=100, validation=20))
    >>> image, label = data.validation[0]
    >>> image.shape, len(data.test)
    (torch.Size([1, 28, 28]), 100)
    """
    splits = load_splits(choice or config.data, transform=evaluation_transform(), size=config.train_size)
    whole = splits.train
    left = len(whole) - config.validation
    if left < config.batch_size:
        raise ValueError(
            f"validation must leave at least one batch of {config.batch_size} to train on: "
            f"it takes {config.validation} of {len(whole)} images"
        )
    images = AlternatingFlip(config.seed).start(whole.data) if "altflip" in config.augment else whole.data
    augmented = ImageDataset(images, whole.targets, _training_transform(config), classes=whole.classes, name=whole.name)
    order = np.random.Generator(np.random.PCG64([config.seed % 2**64, 0x5A11D])).permutation(len(whole))
    held_out: Any = np.sort(order[: config.validation])
    rest: Any = np.sort(order[config.validation :])
    chosen = "synthetic" if splits.notice or (choice or config.data) == "synthetic" else "fashion-mnist"
    return Data(Subset(augmented, rest), Subset(whole, held_out), splits.test, chosen, splits.name, whole.digest, splits.notice)


def _training_transform(config: Config) -> Transform:
    changes: dict[str, Transform] = {
        "flip": RandomHorizontalFlip(),
        "altflip": AlternatingFlip(config.seed),
        "shift": RandomShift(2, config.shift_padding),
        "erase": RandomErasing(0.5, (0.02, 0.25)),
    }
    return Compose([*(changes[name] for name in changes if name in config.augment), ToTensor(), Normalize(MEAN, STD)])


def check_batch_size(model: nn.Module, batch_size: int) -> None:
    """Raise ValueError if a batch is too small for ``model`` to be trained with: batch norm over single values.

    >>> from tinygrad_fm import nn, training
    >>> model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784))
    >>> training.check_batch_size(model, 2)
    >>> training.check_batch_size(model, 1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
      ...
    ValueError: batch_size must be at least 2 for this model: ...
    """
    if batch_size == 1:
        trial = copy.deepcopy(model).train()
        try:
            with no_grad():
                trial(zeros(1, *IMAGE))
        except ValueError as error:
            raise ValueError(f"batch_size must be at least 2 for this model: {error}") from error


def initialise(model: nn.Module, how: str) -> None:
    """Set the weights of all linear and convolutional layers anew, and their biases to 0; "default" changes nothing.

    "random" is normal with standard deviation 0.05, "xavier" Glorot's uniform, "he" He's normal for rectifiers.

    >>> from tinygrad_fm import nn, training
    >>> layer = nn.Linear(3, 2)
    >>> training.initialise(layer, "he")
    >>> layer.bias
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """
    if how == "default":
        return
    fill = {
        "random": lambda w: init.normal_(w, std=0.05),
        "xavier": init.xavier_uniform_,
        "he": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
    }[how]
    for layer in model.modules():
        weight = getattr(layer, "weight", None)
        if weight is not None and weight.ndim >= 2:
            fill(weight)
            if getattr(layer, "bias", None) is not None:
                init.zeros_(layer.bias)


def initialise_from_data(model: nn.Module, data: Data) -> None:
    """Call the model's method ``initialize_from``, if it has one, with the first 5,000 training images, as it will be given
    them, but without augmentation: float32 (N, 1, 28, 28).

    >>> import models
    >>> from tinygrad_fm import training
    >>> data = training.load_data(training.Config(data="synthetic", train_size=100, validation=20))
    >>> model = models.build("fast", channels=[4], blocks=[1])
    >>> training.initialise_from_data(model, data)
    >>> bool((model.whiten.weight[:9] == -model.whiten.weight[9:]).all())
    True
    """
    if hasattr(model, "initialize_from"):
        chosen: Any = data.train.indices[:5000]
        images = data.train.dataset.data[chosen]
        model.initialize_from(from_numpy(evaluation_transform().batch(images)))


def make_optimizer(config: Config, model: nn.Module) -> Optimizer:
    """The optimizer that a configuration names, over the parameters of ``model`` that are trained.

    With ``config.bn_bias_lr`` the biases of batch norm are a group of their own, with so many times the learning rate, and, as
    the decay of weights is multiplied by the rate, so many times less of it.

    >>> from tinygrad_fm import nn, training
    >>> training.make_optimizer(training.Config(optimizer="adam", lr=0.5), nn.Linear(2, 1)).param_groups[0]["lr"]
    0.5
    """
    params = [p for p in model.parameters() if p.requires_grad]
    factor, biases = config.bn_bias_lr, []
    if factor != 1:
        norms = (layer for layer in model.modules() if isinstance(layer, _BatchNorm))
        biases = [layer.bias for layer in norms if layer.bias is not None and layer.bias.requires_grad]
    chosen = set(biases)
    optimizer = _optimizer_over([p for p in params if p not in chosen], config)
    if biases:
        optimizer.add_param_group(
            {"params": biases, "lr": config.learning_rate * factor, "weight_decay": config.decay / factor}
        )
    return optimizer


def _optimizer_over(params: list[Tensor], config: Config) -> Optimizer:
    lr, decay = config.learning_rate, config.decay
    if config.optimizer in ("sgd", "momentum", "nag"):
        momentum = 0.0 if config.optimizer == "sgd" else config.momentum
        return SGD(params, lr, momentum=momentum, nesterov=config.optimizer == "nag", weight_decay=decay)
    kinds: dict[str, Any] = {"rmsprop": RMSprop, "adam": Adam, "nadam": NAdam, "adamw": AdamW, "muon": MuonWithAdamW}
    made: Optimizer = kinds[config.optimizer](params, lr=lr, weight_decay=decay)
    return made


def make_schedule(config: Config, optimizer: Optimizer, total: int) -> Any:
    """The schedule of a run of ``total`` steps, or None for a constant rate.

    All are stepped once per training step, but ``ReduceLROnPlateau`` once per epoch, with the validation loss.

    >>> from tinygrad_fm import nn, training
    >>> config = training.Config(optimizer="sgd", lr=0.5, schedule="cosine")
    >>> optimizer = training.make_optimizer(config, nn.Linear(2, 1))
    >>> training.make_schedule(config, optimizer, total=100).get_last_lr()
    [0.5]
    """
    if config.schedule == "constant":
        return None
    if config.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, T_max=total)
    if config.schedule in ("onecycle", "triangular"):  # the momentum stays as it was asked for
        rates = [group["lr"] for group in optimizer.param_groups]
        shape: dict[str, Any] = {}
        if config.schedule == "triangular":
            shape = {"anneal_strategy": "linear", "div_factor": 5.0}
            total += 1  # 0 is reached after the last step: beyond its end the line would go below
        return lr_scheduler.OneCycleLR(
            optimizer, rates, total_steps=total, pct_start=config.pct_start, cycle_momentum=False, **shape
        )
    if config.schedule == "step":
        return lr_scheduler.StepLR(optimizer, step_size=-(-total // 3), gamma=config.gamma)
    if config.schedule == "multistep":
        return lr_scheduler.MultiStepLR(optimizer, milestones=[total // 2, total * 3 // 4], gamma=config.gamma)
    return lr_scheduler.ReduceLROnPlateau(optimizer, factor=config.gamma, patience=config.patience)


def make_average(config: Config, model: nn.Module) -> AveragedModel | None:
    """The moving average of a model's weights and buffers that a configuration asks for, if it does.

    average ← d · average + (1 − d) · value, with d = min(decay, (1 + t) / (10 + t)) at update t, so that the first weights do
    not linger. Integer buffers, such as batch norm's count, are copied.

    >>> from tinygrad_fm import nn, training
    >>> model = nn.Linear(2, 1)
    >>> training.make_average(training.Config(), model) is None
    True
    >>> int(training.make_average(training.Config(ema=0.99), model).n_averaged)
    1
    """
    if config.ema is None:
        return None
    decay = config.ema

    def move(averages: Any, values: Any, t: Any) -> None:
        move_towards(averages, values, 1 - min(decay, (1 + int(t)) / (10 + int(t))))

    averaged = AveragedModel(model, multi_avg_fn=move, use_buffers=True)
    averaged.n_averaged.fill_(1)  # the initial weights are the first: else the first update would replace them
    return averaged
