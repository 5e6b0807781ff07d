"""Makes the pictures of docs/app.md anew: ``python docs/app_screenshots.py [NAME ...]``, from the project's folder.

It needs the extra ``test-extras``, Chromium, and Fashion-MNIST in the folder that FASHION_MNIST_DIR names. A run is trained,
the app is started in an empty folder, and a real browser goes through it.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "app"
LENET = ["--model", "lenet", "--epochs", "2", "--train-size", "20000", "--data", "fashion-mnist", "--validation", "2000"]


def photo(number: int, garment: tuple[int, int, int], ground: tuple[int, int, int]) -> bytes:
    """A test image of Fashion-MNIST as if it were a photo: large, in colour, with light from one side, and noise."""
    from tinygrad_fm.data import FashionMNIST

    data = FashionMNIST(train=False, download=False)
    light = Image.fromarray(np.asarray(data.data[number])).resize((420, 420), Image.Resampling.BICUBIC)
    values = np.zeros((600, 800, 1), np.float32)
    values[90:510, 190:610, 0] = np.asarray(light, np.float32) / 255
    solid = np.clip(values * 12, 0, 1)
    cloth = np.array(garment) * (1.2 - 0.9 * values)
    picture = (cloth * solid + np.array(ground) * (1 - solid)) * np.linspace(0.8, 1.08, 800)[None, :, None]
    picture += np.random.default_rng(0).normal(0, 6, picture.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def predict(page: Any) -> None:
    """Two photos uploaded."""
    files = {"boot.jpg": photo(0, (70, 45, 30), (205, 190, 165)), "shirt.jpg": photo(4, (150, 40, 50), (225, 228, 232))}
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in files.items()]
    )
    page.get_by_role("img", name="Feature maps of conv2").wait_for()


def draw(page: Any) -> None:
    """A dress drawn with a finger, on a telephone, in the dark."""
    page.get_by_role("radio", name="Draw").click()
    box = page.get_by_label("Canvas to draw a garment on").bounding_box()
    corners = [(115, 30), (95, 50), (115, 120), (70, 255), (210, 255), (165, 120), (185, 50), (165, 30), (140, 50), (115, 30)]
    page.mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    page.get_by_role("table").wait_for()


def test_images(page: Any) -> None:
    """Three test images picked."""
    page.get_by_role("radio", name="Test images").click()
    for number in (1, 2):
        page.get_by_role("checkbox").nth(number).focus()
        page.keyboard.press("Space")
        page.get_by_role("table").nth(number).wait_for()


def training(page: Any) -> None:
    """A second run started, and seen while it trains."""
    page.get_by_role("tab", name="Start a run").click()
    entries = {"Name": "mlp 256", "How long": "300", "Only the first images": "20000", "Images held out": "2000"}
    for label, value in entries.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Further options, as on the command line", exact=True).fill("--hidden 256 128 --dropout 0.3")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("after epoch 6").wait_for(timeout=120_000)


def predictions(page: Any) -> None:
    """A cell of the confusion matrix clicked."""
    page.get_by_role("tab", name="Predictions").click()
    page.get_by_role("combobox", name="Run", exact=True).click()
    page.get_by_role("option", name="lenet").click()
    page.get_by_text("After step 562").wait_for()
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()
    page.locator('path[aria-label*="predicted label: Shirt; true label: Coat;"]').last.click(force=True)
    page.get_by_role("combobox", name="Predicted label").and_(page.locator("[value=Shirt]")).wait_for()


def settings(page: Any) -> None:
    """The settings of both runs."""
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("table", name="Settings").first.wait_for()


def graph(page: Any) -> None:
    """LeNet, its colours showing where the time goes."""
    page.get_by_role("combobox", name="Colours show").click()
    page.get_by_role("option", name="memory").click()
    page.get_by_role("table", name="Costs").wait_for()
    page.frame_locator("iframe").get_by_text("saved for backward").first.wait_for()


def typed(page: Any) -> None:
    """A model whose layers do not fit, on a telephone."""
    page.get_by_role("radio", name="Typed").click()
    area = page.get_by_role("textbox", name="Model, of the modules of nn")
    area.fill("nn.Sequential(\n    nn.Flatten(),\n    nn.Linear(784, 64),\n    nn.ReLU(),\n    nn.Linear(32, 10),\n)")
    area.press("Control+Enter")
    page.frame_locator("iframe").get_by_text("operation that failed").wait_for()


# file, page, what is done there, the window, and how much of the page is taken at most
DESK: dict[str, Any] = {"viewport": {"width": 1080, "height": 900}}
TELEPHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
SHOTS: list[tuple[str, str, Callable[[Any], None], dict[str, Any], int]] = [
    ("predict", "", predict, DESK, 1900),
    ("draw", "", draw, TELEPHONE, 1150),
    ("test-images", "", test_images, DESK, 1000),
    ("training", "runs", training, DESK, 1200),
    ("predictions", "runs", predictions, DESK, 1500),
    ("settings", "runs", settings, TELEPHONE, 844),
    ("graph", "graph", graph, DESK, 1500),
    ("typed", "graph", typed, TELEPHONE, 1500),
]


def save(page: Any, path: Path, most: int) -> None:
    """The whole page, not what fits into the window, as a PNG of few colours."""
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()
    page.mouse.move(0, 0)
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(height, most)})
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def stop_all(runs: Path) -> None:
    """Stop what trains there."""
    from apps.app_logic import processes
    from apps.app_logic.run_states import all_runs

    while alive := [run for run in all_runs(runs) if processes.is_running(run)]:
        for run in alive:
            processes.stop(run)
        time.sleep(0.1)


def main(names: list[str]) -> None:
    """Make those of these names, or all."""
    from playwright.sync_api import sync_playwright

    from tests.extras.app.conftest import served, visitor
    from tests.extras.conftest import FLAGS
    from tests.viz.browser import find

    folder = Path(tempfile.mkdtemp())
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        out = folder / "runs" / "lenet"
        subprocess.run([sys.executable, str(ROOT / "train_cnn.py"), *LENET, "--out", str(out)], check=True, cwd=folder)
        with served(folder, with_images=True) as app, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=find(), args=list(FLAGS))
            for name, where, act, window, most in SHOTS:
                if not names or name in names:
                    with visitor(app, browser, **window) as page:
                        page.goto(f"{app.url}/{where}")
                        act(page)
                        save(page, FOLDER / f"{name}.png", most)
            browser.close()
    finally:
        stop_all(folder / "runs")
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
