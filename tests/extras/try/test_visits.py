"""Other ways to come: by a link, with a small or dark screen, from a server without the headers, without a network."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

try_folder = import_module("apps.try_folder")


def test_a_link_opened_on_a_phone_in_the_dark(visiting: Any, address: str) -> None:
    """The program waits for the click; everything fits into the width."""
    program = (
        "import tinygrad_fm as torch\nfrom tinygrad_fm.viz import live\n# #code=%20\nlive.plot(loss=1)\nprint(100 * '%')\n"
    )
    phone = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
    with visiting(try_folder.link(program, address), **phone) as visit:
        visit.wait()
        assert visit.page.input_value("#example") == "link"
        assert "came with the link" in visit.page.inner_text("#notice")
        assert visit.output == ""
        visit.page.tap("#run")
        visit.wait()
        visit.page.locator("#charts canvas").wait_for()
        assert visit.output.strip() == 100 * "%"
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, paper[4:-1].split(","))) < 60


def test_run_pressed_before_anything_is_loaded_begins_once(browser: Any, serving: Any, tmp_path: Path) -> None:
    """The program waits, and Python is loaded by one worker."""
    held: list[Any] = []
    workers: list[str] = []
    with serving(try_folder.write_folder(tmp_path)) as url:
        page = browser.new_page()
        page.route("**/settings.json", lambda route: held.append(route))  # it takes no built-in
        page.route("https://cdn.jsdelivr.net/**", lambda route: None)  # never answered: it stays as it is
        page.on("worker", lambda worker: workers.append(worker.url))
        with page.expect_request("**/settings.json"):
            page.goto(url)
        page.wait_for_function("!document.getElementById('run').disabled")
        page.click("#run")
        page.click("#run")
        assert len(held) == 1
        with page.expect_event("worker"):
            held[0].continue_()
        page.wait_for_function("document.body.dataset.state === 'waiting'")
        assert len(workers) == 1
        page.close()


def test_a_link_that_cannot_be_copied_stands_in_the_address_bar(browser: Any, serving: Any, tmp_path: Path) -> None:
    """The reader's own program stays that: it did not come with a link."""
    with serving(try_folder.write_folder(tmp_path)) as url:
        page = browser.new_page()
        page.route("https://cdn.jsdelivr.net/**", lambda route: None)
        page.add_init_script("""Object.defineProperty(navigator, "clipboard", { value: {} });
            window.changes = []; addEventListener("hashchange", () => changes.push(location.hash));""")
        page.goto(url)
        page.wait_for_function("!document.getElementById('run').disabled")
        page.click("#link")
        page.wait_for_function("location.hash.startsWith('#code=')")
        page.evaluate("location.hash = ''")  # another change: when it is seen, the first one would have been
        page.wait_for_function("changes.length > 0 && changes.at(-1) === location.hash")
        assert page.locator("#example option[value=link]").count() == 0
        page.close()


def test_without_shared_memory_stop_starts_python_anew(visiting: Any, plain_address: str) -> None:
    with visiting(plain_address) as visit:
        assert not visit.page.evaluate("self.crossOriginIsolated")
        visit.write("print('on')\nwhile True: pass\n")
        visit.page.click("#run")  # while Python is loaded: the program waits for it
        visit.page.get_by_text("on", exact=True).wait_for(timeout=120_000)
        visit.page.click("#stop")
        visit.wait("loading")
        assert "Python starts anew" in visit.status
        visit.wait()
        assert visit.run("print('new')").strip() == "new"


@pytest.mark.parametrize(("change", "state"), [(b"", "ready"), (b" ", "failed")])
def test_the_published_address(browser: Any, serving: Any, folder: Path, tmp_path: Path, change: bytes, state: str) -> None:
    """Without local files Python comes from where its makers publish it, here in their name; a changed file is refused."""
    published = {file.folder + file.name: folder / "pyodide" / file.name for file in try_folder.RUNTIME}
    kinds = {".wasm": "application/wasm", ".json": "application/json"}
    asked: set[str] = set()

    def answer(route: Any) -> None:
        path = published[route.request.url]
        asked.add(route.request.url)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": kinds.get(path.suffix, "text/javascript")}
        route.fulfill(body=path.read_bytes() + (change if path.name == "pyodide.mjs" else b""), headers=headers)

    with serving(try_folder.write_folder(tmp_path)) as url:
        page = browser.new_page()
        page.route("https://cdn.jsdelivr.net/**", answer)
        page.goto(url)
        page.wait_for_function("state => document.body.dataset.state === state", arg=state, timeout=120_000)
        said = page.inner_text("#status")
        page.close()
    assert said == "Ready" if state == "ready" else "Python could not be loaded" in said
    assert asked == set(published) or state == "failed"
