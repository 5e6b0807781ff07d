"""All pages of the app: they open, from one another and by their address."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .conftest import App


@pytest.mark.parametrize(("path", "title"), [("", "Predict"), ("runs", "Runs"), ("graph", "Graph")])
def test_every_page_opens_by_its_address(page: Page, app: App, path: str, title: str) -> None:
    page.goto(f"{app.url}/{path}")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
