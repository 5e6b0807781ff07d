"""``python -m apps predict``, ``features`` and ``compare``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from apps.photos import prepare
from tinygrad_fm import serialization
from tinygrad_fm.data.transforms import apply_to_batch
from tinygrad_fm.training import RunFolder, evaluation_transform, load_model, predict
from tinygrad_fm.training.checkpoint_scores import images_of

from .conftest import ROOT, Command


def photographed(image: np.ndarray, path: Path) -> Path:
    """A small picture as a photo: larger, on a white ground with room around it."""
    large = Image.fromarray(255 - image).resize((196, 196), Image.Resampling.BICUBIC)
    photo = Image.new("L", (320, 240), 255)
    photo.paste(large, (70, 20))
    photo.convert("RGB").save(path)
    return path


def test_photos_of_test_images_get_the_labels_of_the_test_images(runs: Path, command: Command, tmp_path: Path) -> None:
    folder = RunFolder(runs / "mlp")
    data = images_of(folder)
    model, _ = load_model(folder.last, models.build)
    cropped = np.stack([prepare(image).image for image in data.data[:40]])  # drawn ones leave a margin, Fashion-MNIST's do not
    said = predict(model, apply_to_batch(evaluation_transform(), cropped)).argmax(1)
    photos = [photographed(data.data[i], tmp_path / f"photo{i}.png") for i in range(40)]
    code, out, err = command("predict", runs / "mlp", *photos, "--save-inputs", "seen")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 40
    right = sum(f"  {data.classes[label]} " in line.partition("%")[0] for line, label in zip(lines, said, strict=True))
    assert right >= 28
    for line in lines:
        shares = [float(share) for share in re.findall(r"([\d.]+)%", line)]
        assert len(shares) == 3 and shares == sorted(shares, reverse=True) and sum(shares) <= 100.2
    seen = sorted((tmp_path / "seen").iterdir())
    assert len(seen) == 40
    with Image.open(seen[0]) as image:
        assert image.size == (28, 28) and image.mode == "L"
        # the frame of an upscaled picture moves by a pixel at most: light where the original is light
        assert np.corrcoef(np.asarray(image).ravel(), data.data[0].ravel())[0, 1] > 0.6


def test_unreadable_pictures_are_named_and_the_others_go_on(runs: Path, command: Command, tmp_path: Path) -> None:
    good = photographed(np.pad(np.full((20, 12), 200, np.uint8), ((4, 4), (8, 8))), tmp_path / "good.png")
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:150])
    Image.new("RGB", (50, 50), "white").save(tmp_path / "blank.png")
    code, out, err = command("predict", runs / "lenet", "text.png", "cut.png", "nowhere.png", "good.png", "blank.png", tmp_path)
    assert code == 1
    assert len(out.splitlines()) == 1 and out.startswith("good.png")
    lines = err.splitlines()
    assert len(lines) == 5
    for line, words in zip(
        lines, ("no picture of a format", "cannot be read", "no such file", "stands out", "folder"), strict=True
    ):
        assert words in line


def test_a_checkpoint_may_stand_for_the_run(runs: Path, command: Command, tmp_path: Path) -> None:
    photo = photographed(np.pad(np.full((20, 12), 200, np.uint8), ((4, 4), (8, 8))), tmp_path / "p.png")
    by_folder = command("predict", runs / "lenet", photo)
    assert by_folder[0] == 0
    assert command("predict", runs / "lenet/checkpoints/last.npz", photo) == by_folder
    assert command("predict", runs / "lenet/checkpoints/step-10.npz", photo)[1] != by_folder[1]
    code, _, err = command("predict", photo, photo)
    assert code == 1 and "p.png" in err


def test_features_are_drawn_for_a_picture_or_the_first_test_image(runs: Path, command: Command, tmp_path: Path) -> None:
    assert (runs / "lenet/filters.png").exists() and (runs / "lenet/features.png").exists()
    assert not (runs / "mlp/filters.png").exists()
    assert command("features", runs / "lenet")[0] == 0
    assert {p.name for p in tmp_path.glob("*.png")} == {"filters.png", "features.png"}
    # the averaged or last weights and the first test image: the same picture as the end of the run drew
    assert (tmp_path / "features.png").read_bytes() == (runs / "lenet/features.png").read_bytes()
    code, _, err = command("features", runs / "mlp")
    assert code == 2 and "MLP has no convolutions" in err


def test_compare_trains_both_on_one_split(command: Command, tmp_path: Path) -> None:
    arguments = ("compare", "--data", "synthetic", "--train-size", 200, "--validation", 72, "--epochs", 1, "--out", "both")
    (tmp_path / "both/mlp/checkpoints").mkdir(parents=True)  # as a process leaves it that is killed when it begins
    code, out, _ = command(*arguments)
    assert code == 0
    configs = [json.loads((tmp_path / "both" / name / "config.json").read_text()) for name in ("mlp", "cnn")]
    assert configs[0]["dataset"] == configs[1]["dataset"]
    assert all(configs[0]["settings"][key] == configs[1]["settings"][key] for key in ("seed", "validation", "epochs", "data"))
    assert 1_150_000 < configs[0]["model"]["parameters"] < 1_250_000 and configs[1]["model"]["parameters"] <= 230_000
    results = json.loads((tmp_path / "both/comparison.json").read_text())
    table = out[out.index("\n\n        ") :]
    for name in ("mlp", "cnn"):
        assert f"{results[name]['test_accuracy']:.2%}" in table and f"{results[name]['parameters']:,}" in table
    assert re.search(r"^ +Ankle boot +[\d.]+% +[\d.]+%$", table, re.M)
    assert (tmp_path / "both/comparison.png").exists() and (tmp_path / "both/curves.png").exists()
    again, out, _ = command(*arguments)
    assert again == 0 and out.count("is finished: test accuracy") == 2
    code, _, err = command(*arguments[:-4], "--epochs", 2, "--out", "both")
    assert code == 2 and "epochs 1, not 2" in err


@pytest.mark.parametrize("name", ["predict", "features", "evaluate"])
def test_a_folder_without_checkpoints_is_refused(name: str, runs: Path, command: Command) -> None:
    for path in (runs / "mlp/checkpoints").iterdir():
        path.unlink()
    code, _, err = command(name, runs / "mlp", *(["x.png"] if name == "predict" else []))
    assert code == 1 and "holds no checkpoint" in err


GARMENT = np.pad(np.full((20, 12), 200, np.uint8), ((4, 4), (8, 8)))


def test_names_that_cannot_be_files_or_be_printed_do_not_end_it(runs: Path, command: Command, tmp_path: Path) -> None:
    names = ["a" * 251 + ".png", "Kleid-\N{DRESS}-ü.png", "esc\x1b[31m.png", "nl\n.png"]
    for name in names:
        photographed(GARMENT, tmp_path / name)
    too_long, nul = "b" * 300 + ".png", "c\0.png"
    code, out, err = command("predict", runs / "lenet", too_long, nul, *names, "--save-inputs", "seen")
    assert code == 1
    lines = out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == [*names[:2], "esc\\x1b[31m.png", "nl\\n.png"]
    assert len(err.splitlines()) == 2 and "b" * 300 in err and "c\\x00.png" in err and "\x1b" not in out + err
    assert len(list((tmp_path / "seen").iterdir())) == 4
    (tmp_path / "file").touch()
    code, out, err = command("predict", runs / "lenet", *names[:2], "--save-inputs", "file/seen")
    assert code == 1 and len(out.splitlines()) == 2 and len(err.splitlines()) == 2


def test_a_terminal_that_cannot_print_a_letter(runs: Path, tmp_path: Path) -> None:
    photographed(GARMENT, tmp_path / "ü.png")
    done = subprocess.run(
        [sys.executable, "-m", "apps", "predict", str(runs / "lenet"), str(tmp_path / "ü.png")],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"") and b"\\xfc.png" in done.stdout


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_weights_that_are_no_numbers_are_named(value: float, runs: Path, command: Command, tmp_path: Path) -> None:
    photographed(GARMENT, tmp_path / "p.png")
    path = runs / "lenet/checkpoints/last.npz"
    content = serialization.load(path)
    for tensor in content["weights"].values():
        if tensor.is_floating_point():
            tensor.numpy()[...] = value
    serialization.save(content, path)
    code, out, err = command("predict", runs / "lenet", "p.png")
    assert code == 1 and not out and "last.npz" in err and ("not finite" in err or "too large" in err)
    code, out, err = command("evaluate", runs / "lenet")
    assert code == 1 and err.count("last.npz") == 1 and "nan" not in out
