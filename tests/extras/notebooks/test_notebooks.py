"""The notebooks run, also without network, data and Graphviz's program, and what is committed came of their sources."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notebooks.__main__ import SOURCES, main
from notebooks.making import execute, read_source, smaller_png, tidy
from notebooks.stamping import FOLDER

NAMES = [source.stem for source in SOURCES]
MOST_BYTES = {"one": 900_000, "all": 3_000_000}  # what a forge still shows at once
# what comes with the extra or with the library; `torch` where it is installed
MAY_IMPORT = {"tinygrad_fm", "numpy", "matplotlib", "torch"} | set(sys.stdlib_module_names)
OF_A_MACHINE = re.compile(r"/home/|/root/|/tmp/|/usr/|/Users/|[A-Z]:\\\\|site-packages|https?://(?!doi\.org|arxiv\.org)")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(notebook: Any) -> str:
    """All text in the outputs of a notebook."""
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    parts = [part for output in outputs for part in (output.get("text", ""), output.get("data", {}).get("text/plain", ""))]
    return "\n".join("".join(part) for part in parts)


def committed(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def alone(folder: Path) -> dict[str, str]:
    """The variables of a machine that has no data, reaches no other, and has no Graphviz and no PyTorch."""
    kept = {name: value for name, value in os.environ.items() if name in ("SYSTEMROOT", "TEMP", "TMP", "LANG")}
    nowhere = "http://127.0.0.1:9"  # where nobody listens
    (folder / "empty").mkdir()
    (folder / "start").mkdir()
    (folder / "start" / "sitecustomize.py").write_text("import sys\n\nsys.modules['torch'] = None\n", encoding="utf-8")
    return {
        **kept,
        "PATH": str(folder / "empty"),
        "PYTHONPATH": str(folder / "start"),
        "HOME": str(folder),
        "TINYGRAD_FM_CACHE": str(folder / "cache"),
        "http_proxy": nowhere,
        "https_proxy": nowhere,
    }


def test_each_source_has_its_notebook() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_without_network_data_dot_and_pytorch(name: str, tmp_path: Path) -> None:
    notebook = execute(read_source(FOLDER / f"{name}.py"), tmp_path, alone(tmp_path))  # raises what a cell raises
    text = shown(notebook)
    assert "Warning" not in text
    assert ("load_splits(" in (FOLDER / f"{name}.py").read_text(encoding="utf-8")) == ("SYNTHETIC IMAGES" in text)
    if "pytorch" in name:
        assert text.count("PyTorch 2.13.0 (recorded) both say") == shown(committed(name)).count("both say") >= 7
        assert "read by tinygrad_fm and the scores agree: True" in text
    results = [output["data"] for cell in code_cells(notebook) for output in cell["outputs"] if "data" in output]
    for data in results:
        assert "image/svg+xml" not in data
        assert ("text/html" in data) == ("<Graph" in data["text/plain"])


@pytest.mark.skipif("FASHION_MNIST_DIR" not in os.environ, reason="FASHION_MNIST_DIR does not name a folder")
@pytest.mark.parametrize("name", NAMES[:2])
def test_it_runs_on_the_real_pictures(name: str, tmp_path: Path) -> None:
    """What is committed, but for the last digits, comes out again."""
    text = shown(tidy(execute(read_source(FOLDER / f"{name}.py"), tmp_path)))
    assert "Real photographs" in text
    assert "SYNTHETIC" not in text
    blurred = [re.sub(r"\d+(\.\d+)?", "#", part).split() for part in (text, shown(committed(name)))]
    assert blurred[0] == blurred[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_of_the_source(name: str) -> None:
    found, source = committed(name), read_source(FOLDER / f"{name}.py")
    cells = [[(c["id"], c["cell_type"], "".join(c["source"])) for c in book["cells"]] for book in (found, source)]
    assert cells[0] == cells[1], f"run: python -m notebooks {name}"
    assert [cell["execution_count"] for cell in code_cells(found)] == list(range(1, len(code_cells(found)) + 1))
    outputs = [output for cell in code_cells(found) for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert all(output.get("name", "stdout") == "stdout" for output in outputs), "a warning was shown"
    kinds = [[output["output_type"] for output in cell["outputs"]] for cell in code_cells(found)]
    assert all(kind.count("stream") <= 1 for kind in kinds), "a cell's prints are one output"
    if "load_splits(" in str(found):
        assert "Real photographs" in shown(found)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_can_be_read_on_a_forge(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES["one"]
    assert sum((FOLDER / f"{other}.ipynb").stat().st_size for other in NAMES) < MOST_BYTES["all"]
    of_pictures = re.compile(r"http://www\.w3\.org/\d+/\w+|http://www\.w3\.org/Graphics/\S+")  # SVG's names of itself
    assert not (found := OF_A_MACHINE.search(of_pictures.sub("", text))), f"{found} in {name}"
    assert "text/html" not in text, "a graph was drawn without Graphviz: its page is large, and forges leave it out"


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_nothing_but_the_library(name: str) -> None:
    """Where it is opened elsewhere there is no checkout around it."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {module.partition(".")[0] for module in modules} <= MAY_IMPORT


def test_graphs_are_shown_as_pictures_where_graphviz_is_and_else_as_pages(tmp_path: Path) -> None:
    source = tmp_path / "graph.py"
    source.write_text("# %%\nimport tinygrad_fm as torch\n\ntorch.draw(torch.ones(2, requires_grad=True) * 2)\n")
    (cell,) = tidy(execute(read_source(source), tmp_path)).cells
    (output,) = cell.outputs
    kind, begins = ("image/svg+xml", "<svg") if shutil.which("dot") else ("text/html", "<iframe")
    assert output.data[kind].startswith(begins)
    assert output.data["text/plain"].startswith("<Graph")


def test_a_cell_that_raises_ends_it_and_leaves_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1_wrong.py").write_text("# %% [markdown]\n# # Wrong\n\n# %%\n1 / 0\n")
    (tmp_path / "1_wrong.ipynb").write_text("old")
    monkeypatch.setattr("notebooks.__main__.SOURCES", [tmp_path / "1_wrong.py"])
    monkeypatch.setattr(sys, "argv", ["notebooks"])
    with pytest.raises(SystemExit, match=r"(?s)1_wrong.py: .*1 / 0.*ZeroDivisionError.*left as it was"):
        main()
    assert (tmp_path / "1_wrong.ipynb").read_text() == "old"


def test_what_is_not_to_be_committed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    source = "# %%\nimport tinygrad_fm as torch\n\ntorch.draw(torch.ones(2, requires_grad=True) * 2)\n"
    (tmp_path / "1_graph.py").write_text(source)
    monkeypatch.setattr("notebooks.__main__.SOURCES", [tmp_path / "1_graph.py"])
    monkeypatch.setattr(sys, "argv", ["notebooks", "graph"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main() == 0
    assert "not to be committed: the program dot was not found" in capsys.readouterr().out
    assert json.loads((tmp_path / "1_graph.ipynb").read_text(encoding="utf-8"))["cells"]


def test_pictures_become_smaller_and_black_text_stays_black() -> None:
    picture = Image.new("RGB", (300, 300), "white")
    for x in range(300):
        picture.putpixel((x, 20), (0, 0, 0))
        for y in range(40, 300):
            picture.putpixel((x, y), (x % 256, y % 256, (x * y) % 256))
    made = io.BytesIO()
    picture.save(made, "PNG")
    before = base64.b64encode(made.getvalue()).decode()
    after = smaller_png(before)
    assert len(after) < 0.7 * len(before)
    again = Image.open(io.BytesIO(base64.b64decode(after))).convert("RGB")
    assert max(again.getpixel((100, 20))) < 16
    assert min(again.getpixel((100, 5))) > 250
