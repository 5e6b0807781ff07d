"""Recipes: each can be trained, the command line chooses one and changes it, and the run folder says which it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import models
import train_cnn
import train_mlp
from tinygrad_fm.training import RECIPES, Config, RunFolder, main
from tinygrad_fm.training.cli_arguments import config_of, make_parser

SCRIPTS = {"train_mlp.py": train_mlp, "train_cnn.py": train_cnn}
ROWS = (
    "linear",
    "mlp",
    "mlp_best",
    "lenet_5000",
    "lenet_best",
    "cnn",
    "fast",
    "fast_long",
    "resnet20",
    "sprint_93",
    "sprint_94",
)
MOST = {"linear": 7_850, "mlp_best": 1_500_000, "lenet_5000": 61_750, "lenet_best": 61_750, "resnet20": 300_000}
PARAMETERS = {**dict.fromkeys(ROWS, 230_000), **MOST}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_configuration_whose_model_is_as_small_as_its_row_says(name: str) -> None:
    recipe = RECIPES[name]
    script = SCRIPTS[recipe.script]
    config = config_of({"recipe": name}, script.DEFAULTS)
    assert config.recipe == name and "\n" not in recipe.why
    assert len(set(recipe.seeds)) == len(recipe.seeds) >= 5 and "seed" not in recipe.settings
    model = models.build(config.model, **config.options)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) <= PARAMETERS[name]
    assert config.early_stopping is None, "what is reported is the last epoch"
    parser = make_parser(recipe.script, "", script.DEFAULTS, script.model_options)
    known = {action.dest for action in parser._actions}
    assert recipe.settings.keys() <= known, "a recipe is what a command line could say"


def test_every_row_has_a_recipe() -> None:
    assert tuple(RECIPES) == ROWS


def test_other_options_change_a_recipe() -> None:
    plain = config_of({"recipe": "lenet_5000"}, train_cnn.DEFAULTS)
    assert (plain.model, plain.steps, plain.epochs, plain.batch_size) == ("lenet", 5000, None, 64)
    changed = config_of({"recipe": "lenet_5000", "epochs": 2, "lr": 0.5}, train_cnn.DEFAULTS)
    assert (changed.model, changed.steps, changed.epochs, changed.lr) == ("lenet", None, 2, 0.5)
    other = config_of({"recipe": "mlp_best", "hidden": [7], "optimizer": "sgd"}, train_mlp.DEFAULTS)
    assert other.options["hidden"] == [7] and other.options["dropout"] == RECIPES["mlp_best"].settings["dropout"]
    assert other.lr == 0.1 and other.recipe == "mlp_best", "the rate of the recipe is for its own optimizer"
    assert config_of({"recipe": "mlp"}, train_mlp.DEFAULTS) == config_of({"recipe": "mlp"}, config_of({}, train_mlp.DEFAULTS))
    assert config_of({}, train_cnn.DEFAULTS).recipe is None
    with pytest.raises(ValueError, match="there is no recipe 'fats'; did you mean 'fast'"):
        config_of({"recipe": "fats"}, train_cnn.DEFAULTS)


@pytest.mark.parametrize(
    ("script", "name", "says"),
    [
        ("train_cnn.py", "linear", "linear is a recipe of train_mlp.py: python train_mlp.py --recipe linear"),
        ("train_mlp.py", "quick", "there is no recipe 'quick'. The recipes of train_mlp.py are: linear, mlp, mlp_best"),
        ("train_mlp.py", "mpl", "there is no recipe 'mpl'; did you mean 'mlp'?"),
        ("train_mlp.py", "", "there is no recipe ''."),
    ],
)
def test_a_recipe_that_is_not_the_scripts(script: str, name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    of = SCRIPTS[script]
    with pytest.raises(SystemExit) as stopped:
        main(script, "", of.DEFAULTS, of.build, of.model_options, ["--recipe", name])
    assert stopped.value.code == 2 and says in capsys.readouterr().err


def test_help_lists_the_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    for script, of in SCRIPTS.items():
        with pytest.raises(SystemExit):
            main(script, "", of.DEFAULTS, of.build, of.model_options, ["--help"])
        said = " ".join(capsys.readouterr().out.split())
        for name, recipe in RECIPES.items():
            assert (f"{name}: {recipe.why}" in said) == (recipe.script == script)


def test_the_run_folder_says_which_recipe_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--data", "synthetic", "--train-size", "60", "--validation", "20", "--batch-size", "20", "--epochs", "1"]
    of = train_mlp
    assert main("train_mlp.py", "", of.DEFAULTS, of.build, of.model_options, ["--recipe", "linear", *small, "--out", "a"]) == 0
    saved = json.loads((tmp_path / "a/config.json").read_text())
    assert saved["settings"]["recipe"] == "linear" and saved["settings"]["options"]["hidden"] == []
    assert Config.from_dict(RunFolder("a").read_config()["settings"]).recipe == "linear"
