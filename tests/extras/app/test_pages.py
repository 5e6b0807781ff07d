"""All pages of the app: by their address and from one another, on a telephone, in the dark, for those who see and hear."""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import App, listening, visitor

PAGES = [("", "Predict"), ("runs", "Runs"), ("graph", "Graph")]

NAMELESS = """() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e])
  const named = (e) => e.ariaLabel || e.getAttribute("aria-labelledby") || e.labels?.length || e.textContent.trim() || e.title
  const used = "button, input:not([type=file], [type=hidden]), select, textarea, a[href], [role=button], iframe, canvas"
  return all(document).filter((e) => e.checkVisibility())
    .filter((e) => e.matches("img") ? !e.hasAttribute("alt") : e.matches(used) && !named(e))
    .map((e) => e.outerHTML.slice(0, 200))
}"""


@pytest.mark.parametrize(("path", "title"), PAGES)
def test_every_page_opens_by_its_address(page: Page, app: App, path: str, title: str) -> None:
    page.goto(f"{app.url}/{path}")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_pages_lead_to_one_another(page: Page, app: App) -> None:
    page.goto(app.url)
    for _, title in reversed(PAGES):
        page.get_by_role("navigation").get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


@pytest.mark.parametrize(("path", "title"), PAGES)
def test_a_telephone_shows_all_without_scrolling_sideways(app: App, browser: Browser, path: str, title: str) -> None:
    with visitor(app, browser, viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True) as page:
        page.goto(f"{app.url}/{path}")
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        settled(page)
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"
        )
        assert max(wide) <= 390
        paper = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert max(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))) < 60


@pytest.mark.parametrize(("path", "title"), PAGES)
def test_everything_that_can_be_used_has_a_name(page: Page, app: App, path: str, title: str) -> None:
    page.goto(f"{app.url}/{path}")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    settled(page)
    assert page.evaluate(NAMELESS) == []


def settled(page: Page) -> None:
    """Wait until the script of the page has run to its end."""
    expect(page.locator(".stApp[data-test-script-state=notRunning]")).to_be_visible()


def test_the_server_listens_to_this_machine_alone(app: App) -> None:
    assert listening(app.process.pid) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("host", "origin", "answer"),
    [
        ("localhost", "http://localhost", b"101"),
        ("localhost", "http://elsewhere.example", b"403"),  # another page in the same browser
        ("elsewhere.example", "http://elsewhere.example", b"403"),  # a name that somebody lets mean this machine
    ],
)
def test_no_other_page_and_no_other_name_gets_a_session(app: App, host: str, origin: str, answer: bytes) -> None:
    port = int(app.url.rsplit(":", 1)[1])
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}:{port}",
        f"Origin: {origin}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(64).split()[1] == answer
