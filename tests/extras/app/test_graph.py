"""The page of graphs in a real browser: a model chosen, one of a run, one typed, a wrong one typed."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, FrameLocator, Page, expect

from .conftest import App, visitor


def graph_of(page: Page) -> FrameLocator:
    """The picture in its frame."""
    return page.frame_locator('iframe[title="The graph of the model"], [data-testid="stIFrame"]').first


def type_model(page: Page, text: str) -> None:
    area = page.get_by_role("textbox", name="Model, of the modules of nn")
    area.fill(text)
    area.press("Control+Enter")


def test_a_model_is_chosen_by_its_name_and_of_a_run(page: Page, app: App) -> None:
    page.goto(f"{app.url}/graph")
    costs = page.get_by_role("table", name="Costs")
    expect(costs.get_by_role("row", name=re.compile("conv1 .*Conv2d"))).to_be_visible()
    expect(graph_of(page).get_by_role("heading", name="LeNet")).to_be_visible()
    expect(graph_of(page).locator("svg text").filter(has_text="max_pool2d").first).to_be_visible()
    page.get_by_role("textbox", name="Its options").fill("hiden=[3]")
    page.get_by_role("textbox", name="Its options").press("Enter")
    expect(page.get_by_text("lenet has no option 'hiden'")).to_be_visible()
    page.get_by_role("radio", name="Of a run").click()
    page.get_by_role("combobox", name="Run").click()
    page.get_by_role("option", name="mlp").click()
    expect(graph_of(page).get_by_role("heading", name="MLP")).to_be_visible()
    expect(costs.get_by_role("row", name=re.compile("Linear")).first).to_be_visible()


def test_a_model_is_typed_and_a_wrong_one_is_marked(page: Page, app: App) -> None:
    page.goto(f"{app.url}/graph")
    page.get_by_role("radio", name="Typed").click()
    type_model(page, "nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.Tanh())")
    expect(page.get_by_text("9,420 trainable parameters")).to_be_visible()
    expect(graph_of(page).locator("svg text").filter(has_text="tanh").first).to_be_visible()

    type_model(page, "nn.Sequential(nn.Flatten(), nn.Linaer(784, 12))")
    expect(page.get_by_text("There is no module nn.Linaer; did you mean Linear?")).to_be_visible()
    expect(page.locator("pre").filter(has_text=re.compile(r"\n {28}\^{9}\n?$"))).to_be_visible()

    type_model(page, "nn.Sequential(nn.Flatten(), nn.Linear(12, 12))")
    expect(page.get_by_text("1 (Linear): linear(): input of shape")).to_be_visible()
    expect(graph_of(page).get_by_text("operation that failed")).to_be_visible()

    type_model(page, "__import__('os').system('touch here')")
    expect(page.get_by_text("Only modules can be called")).to_be_visible()
    assert not (app.folder / "here").exists()

    page.get_by_role("textbox", name="Shape of one input").fill("1, x")
    page.get_by_role("textbox", name="Shape of one input").press("Enter")
    expect(page.get_by_text("The shape of one input is whole numbers")).to_be_visible()


def test_a_phone_shows_the_graph_step_by_step(app: App, browser: Browser) -> None:
    with visitor(app, browser, viewport={"width": 390, "height": 800}, color_scheme="dark") as page:
        page.goto(f"{app.url}/graph")
        page.get_by_text("Step by step").click()
        expect(graph_of(page).get_by_role("button", name="play").first).to_be_visible()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
