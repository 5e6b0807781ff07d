"""The imports run one way: a layer imports from the layers below it, never from above (docs/architecture.md), and no file
imports another that imports it."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# lowest first; modules of one layer may import each other, but never in a circle
LAYERS = [
    [
        "version",
        "errors",
        "dtypes",
        "devices",
        "promotion",
        "runtime",
        "atomic_files",
        "printing",
        "schema",
        "text_table",
        "torch_compat.left_out",
    ],
    ["autograd"],
    ["random", "_pytree"],
    ["ops"],
    ["special", "linalg", "tensor_operations", "tensor_methods", "tensor_numpy"],
    ["_tensor"],
    [
        "func",
        "profiler",
        "tracing",
        "replay_plan",
        "replay_guards",
        "replay",
        "autograd.functional",
        "autograd.forward_ad",
        "torch_compat",
        "amp",
        "formats.npz",
    ],
    ["cuda", "backends", "distributed", "distributions"],
    ["nn"],
    ["optim", "data", "torch_compat.out", "formats", "safetensors", "serialization"],
    ["viz", "training", "utils", "onnx", "vision", "compiling"],
    ["tinygrad_fm", "__main__"],
    ["models"],
    ["apps", "train_mlp", "train_cnn"],
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}
SCRIPTS = ["train_mlp.py", "train_cnn.py"]


def files() -> list[Path]:
    """Every Python file of the library, the models, the apps and the two scripts."""
    found = [path for folder in ("tinygrad_fm", "models", "apps") for path in sorted((ROOT / folder).rglob("*.py"))]
    return found + [ROOT / name for name in SCRIPTS if (ROOT / name).exists()]


def layer_module(module: str) -> str:
    """The entry of LAYERS that a dotted name belongs to: ``tinygrad_fm.nn.functional`` is in ``nn``."""
    parts = module.split(".")
    if parts[0] == "tinygrad_fm":
        inner = ".".join(parts[1:3])
        return inner if inner in LEVEL else parts[1] if len(parts) > 1 else "tinygrad_fm"
    return parts[0]


def imported(source: str, module: str, is_package: bool) -> list[tuple[int, str]]:
    """(line, absolute module) of everything that ``module``, whose text is ``source``, imports from this project."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module) if part)
            # `from tinygrad_fm import nn` takes the module nn, `from tinygrad_fm.nn import Linear` a name out of it
            found += [
                (node.lineno, f"{stem}.{alias.name}" if stem == "tinygrad_fm" and alias.name in LEVEL else stem)
                for alias in node.names
            ]
    ours = {"tinygrad_fm", "models", "apps", "train_mlp", "train_cnn"}
    return [(line, name) for line, name in found if name.split(".")[0] in ours]


def backward_imports(source: str, module: str, is_package: bool) -> list[str]:
    """The imports that run from a layer to one above it, as messages; modules unknown to the list count as well."""
    here = layer_module(module)
    wrong = []
    for line, name in imported(source, module, is_package):
        there = layer_module(name)
        if here not in LEVEL or there not in LEVEL:
            wrong.append(f"line {line}: {here} imports {there}: missing from the list of layers")
        elif LEVEL[there] > LEVEL[here]:
            wrong.append(f"line {line}: {here} imports {there}, which stands above it")
    return wrong


def module_name(path: Path) -> tuple[str, bool]:
    """The dotted name of a file, and whether it is a package's ``__init__``."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return (".".join(parts[:-1]), True) if parts[-1] == "__init__" else (".".join(parts), False)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    module, is_package = module_name(path)
    assert not backward_imports(path.read_text(encoding="utf-8"), module, is_package)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tinygrad_fm.ops.matmul", "from ..tensor import Tensor"),
        ("tinygrad_fm.ops.matmul", "from tinygrad_fm import tensor"),
        ("tinygrad_fm.autograd.node", "def f():\n    import tinygrad_fm.nn.functional"),
        ("tinygrad_fm.autograd.node", "from .. import ops"),
        ("tinygrad_fm.nn.modules.linear", "from ...training import fit"),
        ("tinygrad_fm.training.fit", "import models"),
        ("models.mlp", "from apps import evaluate"),
        ("tinygrad_fm.ops.matmul", "from ..cellar import wine"),
    ],
)
def test_an_import_that_runs_back_is_found(module: str, source: str) -> None:
    assert backward_imports(source, module, is_package=False)


def test_imports_that_are_right_are_left_alone() -> None:
    assert not backward_imports("from ..autograd import primitive\nimport numpy", "tinygrad_fm.ops.matmul", False)
    assert not backward_imports("from .nn import Module\nfrom tinygrad_fm import nn", "tinygrad_fm.training", True)


def imports_among(sources: dict[str, tuple[str, bool]]) -> dict[str, set[str]]:
    """For each module (name -> its text, whether it is a package) the others of them that it imports when it is imported.

    ``from .package import name`` means the module ``package.name`` where there is one. What stands within a function or under
    ``TYPE_CHECKING`` counts as well: it is a circle in the reader's head.
    """
    graph: dict[str, set[str]] = {}
    for module, (source, is_package) in sources.items():
        package = module.split(".") if is_package else module.split(".")[:-1]
        graph[module] = found = set()
        for node in ast.walk(ast.parse(source)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                stem = ".".join(part for part in (base, node.module) if part)
                names = [f"{stem}.{a.name}" if f"{stem}.{a.name}" in sources else stem for a in node.names]
            found |= {name for name in names if name in sources and name != module}
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Modules of ``graph`` that import each other in a circle, the first one again at the end; [] if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_one_that_imports_it() -> None:
    sources = {}
    for path in files():
        name, is_package = module_name(path)
        sources[name] = path.read_text(encoding="utf-8"), is_package
    assert circle_in(imports_among(sources)) == []


def test_a_circle_is_found() -> None:
    a, b = ("from .b import x", False), ("def f():\n    from . import a", False)
    assert set(circle_in(imports_among({"p.a": a, "p.b": b}))) == {"p.a", "p.b"}
    assert circle_in(imports_among({"p.a": a, "p.b": ("import os", False)})) == []
