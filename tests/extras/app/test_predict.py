"""The page Predict in a real browser: pictures from everywhere, wrong files, the model on the side, the first start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.apps.test_app_predict import BAD, KINDS

from .conftest import App, served, visitor
from .test_pages import NAMELESS, settled

ANSWER = re.compile(r"^.+, \d+\.\d%$")


def opened(page: Page, app: App, source: str) -> None:
    page.goto(app.url)
    page.get_by_role("radio", name=source).click()
    settled(page)


def upload(page: Page, files: dict[str, bytes]) -> None:
    found = [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files.items()]
    page.locator("input[type=file]").set_input_files(found)  # type: ignore[arg-type]


def choose(place: Page | Locator, label: str, option: str) -> None:
    """Choose in a list; it closes where the page changes meanwhile, and is opened again."""
    page = place if isinstance(place, Page) else place.page
    settled(page)
    field, wanted = place.get_by_label(label, exact=True), page.get_by_role("option", name=option, exact=True)
    for last in (False, False, False, True):
        if field.get_attribute("aria-expanded") != "true":
            field.click()
        try:
            wanted.click(timeout=60_000 if last else 5_000)
            break
        except TimeoutError:
            if last:
                raise
    settled(page)


def answers(page: Page, count: int) -> None:
    """So many pictures have an answer, and one of them its reasons."""
    expect(page.get_by_role("heading", level=3).filter(has_text=ANSWER)).to_have_count(count)
    expect(page.get_by_role("table")).to_have_count(count)
    expect(page.get_by_role("table").first.get_by_role("row")).to_have_count(10)
    expect(page.get_by_role("img", name="Saliency: how much")).to_be_visible()


def test_several_pictures_are_uploaded_and_explained(page: Page, app: App) -> None:
    opened(page, app, "Upload")
    chosen = {name: KINDS[name] for name in ("photo.jpg", "held sideways.jpg", "cut out.png", "animated.gif", "print.jpg")}
    upload(page, chosen)
    answers(page, 5)
    for words in ("What the model saw: 28 by 28", "The garment, cut out"):
        expect(page.get_by_role("img", name=words)).to_have_count(5)
    expect(page.get_by_role("img", name="Grad-CAM: where the convolution conv2")).to_be_visible()
    for maps in ("conv1: 6 maps of 28×28", "conv2: 16 maps of 10×10"):
        expect(page.get_by_role("img", name=f"Feature maps of {maps}")).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    choose(page, "Grad-CAM looks at", "conv1")
    expect(page.get_by_role("img", name="Grad-CAM: where the convolution conv1")).to_be_visible()
    choose(page, "What speaks for", "Bag")
    expect(page.get_by_role("img", name=re.compile("score of Bag$"))).to_be_visible()
    choose(page, "Picture", "4: animated.gif")
    settled(page)


def test_wrong_files_get_a_sentence_and_the_others_an_answer(page: Page, app: App) -> None:
    opened(page, app, "Upload")
    wrong = {name: BAD[name] for name in ("drawing.png", "pickled.png", "archive.png", "page.png", "cut short.jpg")}
    odd = {"![x](http://elsewhere.example/x.png) <img src=x> $y$.png": b"nothing"}
    upload(page, {**wrong, **odd, "photo.jpg": KINDS["photo.jpg"]})
    answers(page, 1)
    alerts = page.get_by_role("alert")
    expect(alerts).to_have_count(6)
    for name in (*wrong, *odd):
        expect(alerts.filter(has_text=f"{name}: ")).to_have_count(1)


def test_files_over_20_megabytes_are_refused(page: Page, app: App, tmp_path: Path) -> None:
    opened(page, app, "Upload")
    with (tmp_path / "large.jpg").open("wb") as file:
        file.write(KINDS["photo.jpg"])
        file.truncate((20 << 20) + 1)
    page.locator("input[type=file]").set_input_files(tmp_path / "large.jpg")
    expect(page.locator("[data-testid=stFileUploader]")).to_contain_text(re.compile("must be 20|large.jpg"))
    settled(page)
    expect(page.get_by_role("heading", name=ANSWER)).to_have_count(0)


def test_a_photo_is_taken(page: Page, app: App) -> None:
    opened(page, app, "Camera")
    page.wait_for_function("document.querySelector('video')?.readyState === 4")  # before there is a picture nothing is taken
    page.get_by_role("button", name="Take Photo").click()
    shown = page.get_by_role("heading", name=ANSWER).or_(page.get_by_role("alert"))
    expect(shown.first).to_be_visible()


def test_a_garment_is_drawn(page: Page, app: App) -> None:
    opened(page, app, "Draw")
    canvas = page.get_by_label("Canvas to draw a garment on")
    box = canvas.bounding_box()
    assert box is not None
    corners = [(90, 40), (80, 240), (200, 240), (190, 40), (90, 40)]
    page.mouse.move(box["x"] + 90, box["y"] + 40)
    page.mouse.down()
    for x, y in corners:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    answers(page, 1)
    seen = page.get_by_role("img", name="What the model saw: 28 by 28")
    filled = seen.get_attribute("src")
    page.get_by_text("Fill closed outlines").click()
    expect(seen).not_to_have_attribute("src", filled or "")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("table")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    answers(page, 1)


def test_the_keyboard_draws_too(page: Page, app: App) -> None:
    opened(page, app, "Draw")
    page.get_by_label("Canvas to draw a garment on").focus()
    for key in [*["ArrowUp"] * 6, "Space", *["ArrowDown"] * 12, *["ArrowRight"] * 6, "Space"]:
        page.keyboard.press(key)
    answers(page, 1)
    page.keyboard.press("Backspace")
    expect(page.get_by_role("table")).to_have_count(0)
    assert page.evaluate(NAMELESS) == []


def test_test_images_are_picked(page: Page, app: App) -> None:
    opened(page, app, "Test images")
    answers(page, 1)
    expect(page.get_by_text(re.compile("The answer is (right|wrong): this is of the class"))).to_be_visible()
    page.get_by_role("checkbox").nth(3).focus()
    page.keyboard.press("Space")
    answers(page, 2)
    choose(page, "Which garments", "Sneaker")
    expect(page.get_by_role("img", name=re.compile(r"Test image \d+: Sneaker"))).to_have_count(12)


def test_any_checkpoint_is_chosen_on_the_side(page: Page, app: App) -> None:
    opened(page, app, "Test images")
    side = page.get_by_test_id("stSidebar")
    expect(side).to_contain_text("LeNet, 61,750 parameters, trained for 30 steps")
    choose(side, "Checkpoint", "step-10")
    expect(side).to_contain_text("trained for 10 steps")
    choose(side, "Run", "mlp")
    expect(side).to_contain_text("MLP, ")
    expect(page.get_by_text("MLP has no convolutions: there are no feature maps")).to_be_visible()
    choose(side, "Run", "somewhere else …")
    field = side.get_by_label("Folder of a run, or a checkpoint")
    for text, told in ((app.folder / "output.txt", "This model cannot be used"), ("~nobody/\\", "nothing of this name")):
        field.fill(str(text))
        field.press("Enter")
        expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    field.fill(str(app.runs / "lenet" / "checkpoints" / "step-20.npz"))
    field.press("Enter")
    expect(side).to_contain_text("LeNet, 61,750 parameters, trained for 20 steps")
    answers(page, 1)


def test_the_first_start_trains_a_model_and_says_on_what(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path / "new") as app, visitor(app, browser) as page:
        page.goto(app.url)
        expect(page.get_by_role("status").filter(has_text="on drawn garments, as Fashion-MNIST is not")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_role("radio", name="Upload")).to_be_visible(timeout=120_000)
        upload(page, {"photo.jpg": KINDS["photo.jpg"]})
        answers(page, 1)
        expect(page.get_by_role("status").filter(has_text="trained on drawn garments")).to_be_visible()
        assert [path.name for path in app.runs.iterdir()] == ["first-model"]


@pytest.mark.parametrize("source", ["Upload", "Camera", "Draw", "Test images"])
def test_every_source_fits_a_telephone(app: App, browser: Browser, source: str) -> None:
    with visitor(app, browser, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        opened(page, app, source)
        if source == "Upload":
            upload(page, {"a name that is long and has no end.jpg": KINDS["photo.jpg"]})
            answers(page, 1)
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
