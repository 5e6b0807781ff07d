"""What a visitor does: runs every example, makes mistakes, stops programs."""

from __future__ import annotations

import re
from typing import Any

import pytest


def choose(visit: Any, name: str) -> None:
    visit.page.select_option("#example", name)  # and Run waits until its text has come


def test_a_scalar_expression(visit: Any) -> None:
    choose(visit, "scalar")
    out = visit.run()
    assert "L    = -8.0" in out and "dL/da = 6.0" in out and "Done in" in visit.status
    visit.graph.locator("svg [data-role=leaf]").first.wait_for()
    assert visit.graph.locator("svg [data-role=leaf]").count() == 4


def test_a_neuron(visit: Any) -> None:
    choose(visit, "neuron")
    assert "the neuron gives 0.2000" in visit.run()
    labels = visit.page.eval_on_selector_all("#charts [role=img]", "all => all.map(e => e.getAttribute('aria-label'))")
    assert len(labels) == 2 and all("60 points" in label for label in labels)
    visit.graph.locator("svg").get_by_text("tanh → y", exact=True).wait_for()


def test_stepping_through_one_backward_pass(visit: Any) -> None:
    choose(visit, "scalar")
    visit.run()
    told, count = visit.graph.locator(".told"), visit.graph.locator(".count")
    count.get_by_text("0 / 11", exact=True).wait_for()
    seen = []
    visit.graph.locator("button.forward").focus()
    for position in range(1, 12):
        visit.page.keyboard.press("ArrowRight")
        count.get_by_text(f"{position} / 11", exact=True).wait_for()
        seen.append(told.inner_text())
    forward, backward = seen[:3], seen[3:]
    assert all("forward" in text for text in forward) and all("backward" in text for text in backward)
    assert "mul(a, b)" in forward[0] and "L = mul(add, f)" in forward[2] and "from L" in backward[0]
    assert "the gradient of a is complete" in backward[-1] and ".grad" in backward[-1] and backward[-1].split()[-1] == "6"
    assert visit.graph.locator("svg .lit").count() > 0
    visit.page.keyboard.press("ArrowLeft")
    count.get_by_text("10 / 11", exact=True).wait_for()
    assert told.inner_text() == seen[-2]


def test_points_with_their_boundary(visit: Any) -> None:
    visit.write(visit.page.evaluate("fetch('examples/points.py').then(r => r.text())").replace("STEPS = 400", "STEPS = 60"))
    assert re.search(r"accuracy (\d+\.\d) %", visit.run())
    label = visit.page.get_attribute("#pictures canvas", "aria-label")
    assert "100 points of class 0" in label and "class 1 in" in label
    drawn = "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    assert visit.page.eval_on_selector("#pictures canvas", drawn) > 5


def test_lenet_on_the_drawn_garments(visit: Any) -> None:
    visit.write(visit.page.evaluate("fetch('examples/lenet.py').then(r => r.text())").replace("STEPS = 120", "STEPS = 40"))
    found = re.search(r"after 40 steps (\d+) %", visit.run())
    assert found and int(found[1]) >= 20, visit.output  # a tenth would be guessing
    assert visit.page.locator("#pictures canvas").count() == 26  # ten garments twice, six filters
    assert "40 points" in visit.page.get_attribute("#charts [role=img]", "aria-label")
    visit.graph.locator("svg").get_by_text("conv2d", exact=True).first.wait_for()


def test_the_users_own_program(visit: Any) -> None:
    choose(visit, "own")
    assert "the network's sin(1) is 0.8" in visit.run()


def test_an_error_is_marked_in_its_line_and_shows_only_the_users_lines(visit: Any) -> None:
    choose(visit, "own")
    visit.run("import tinygrad_fm as torch\n\ndef f(x):\n    return x @ torch.ones(3, 3)\n\nf(torch.ones(2, 2))\n")
    marked = visit.page.locator(".error-line")
    assert marked.inner_text().strip() == "return x @ torch.ones(3, 3)"
    assert visit.status == "Error in line 4"
    lines = re.findall(r'File "([^"]+)", line (\d+)', visit.output)
    assert lines == [("program.py", "6"), ("program.py", "4")]
    last = visit.output.splitlines()[-1]
    assert visit.page.inner_text(".error-text") == last and "matmul" in last
    visit.page.locator(".cm-content").focus()
    visit.page.keyboard.press("End")
    visit.page.keyboard.insert_text(" ")
    assert marked.count() == 0  # what is changed may be right


def test_the_keyboard_alone(visit: Any) -> None:
    """Tab indents in the editor; Escape and then Tab leaves it. Every control has a name."""
    visit.write("if 1:")
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.type("print('key')")
    visit.page.keyboard.press("Control+Enter")
    visit.page.get_by_text("key", exact=True).wait_for()
    visit.wait()
    visit.page.locator(".cm-content").focus()
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Tab")
    assert not visit.page.evaluate("document.querySelector('.cm-editor').contains(document.activeElement)")
    tree = visit.page.locator("body").aria_snapshot()
    for name in ('combobox "Example"', 'button "Run"', 'button "Stop"', 'textbox "Program"', 'log "Output"', "status"):
        assert name in tree, tree


def test_a_syntax_error_is_marked(visit: Any) -> None:
    visit.run("print('before')\nx = (1,\nprint(x\n")
    assert visit.status == "Error in line 3"
    assert "SyntaxError" in visit.output and "before" not in visit.output


def test_the_next_program_starts_from_nothing(visit: Any) -> None:
    visit.run(
        "import tinygrad_fm as torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\nkept = 1\n1 / 0"
    )
    out = visit.run("import tinygrad_fm as torch\nprint(torch.ones(1).dtype, torch.is_grad_enabled(), 'kept' in globals())")
    assert out.strip() == "torch.float32 True False"
    assert visit.page.locator("#pictures canvas").count() == 0 and visit.page.locator("#graphs iframe").count() == 0


def test_output_comes_while_the_program_runs_and_stop_interrupts_an_endless_loop(visit: Any) -> None:
    assert visit.page.evaluate("self.crossOriginIsolated")
    visit.write("import time\nn = 0\nprint('begun')\nwhile True:\n    n += 1\n")
    visit.page.keyboard.press("Control+Enter")
    visit.page.get_by_text("begun", exact=True).wait_for()
    assert visit.page.is_disabled("#run")
    visit.page.click("#stop")
    visit.wait()
    assert visit.status.startswith("Stopped after")
    assert visit.run("print('still here')").strip() == "still here"


def test_a_program_that_does_not_heed_stop_is_ended(visit: Any) -> None:
    visit.write("while True:\n    try:\n        while True: pass\n    except BaseException:\n        print('no')\n")
    visit.page.click("#run")
    visit.wait("running")
    visit.page.click("#stop")
    visit.wait("loading")
    assert "Python starts anew" in visit.status
    visit.wait()
    assert visit.run("print(2 + 2)").strip() == "4"


def test_a_million_lines(visit: Any) -> None:
    out = visit.run("for i in range(1_000_000):\n    print(i)\n")
    lines = out.split("\n")
    left_out = int(re.search(r"… ([\d,]+) earlier lines", lines[0])[1].replace(",", ""))  # type: ignore[index]
    numbers = [int(line) for line in lines[1:] if line]
    assert numbers == list(range(left_out, 1_000_000)) and 1000 < len(numbers) <= 2000


def test_out_of_memory(visit: Any) -> None:
    visit.run("import tinygrad_fm as torch\nx = [torch.empty(500_000_000) for _ in range(4)]\n")
    assert "MemoryError" in visit.output
    assert visit.run("print('again')").strip() == "again"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("input('name? ')", "input() cannot ask anything in this page"),
        ("def f(): f()\nf()", "RecursionError"),
        ("raise SystemExit('enough')", "The program ended by itself: enough"),
        ("import requests", "ModuleNotFoundError: No module named 'requests'"),
    ],
)
def test_what_a_program_may_do(visit: Any, program: str, said: str) -> None:
    assert said in visit.run(program)
    assert visit.run("print('fine')").strip() == "fine"
