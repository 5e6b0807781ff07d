"""The folder of static files that is the page ``docs/try``: what is committed there, this package's wheel, and settings.json.

``python -m apps try`` serves it, the documentation site publishes it, the tests open it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import urllib.parse
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tinygrad_fm.version import __version__

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "try"
WHEEL = f"tinygrad_fm-{__version__}-py3-none-any.whl"
_NOT_PUBLISHED = ("README.md", "*.entry.js", "__pycache__")

PYODIDE_VERSION = "0.29.0"
PYODIDE = f"https://cdn.jsdelivr.net/npm/pyodide@{PYODIDE_VERSION}/"
PACKAGES = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE_VERSION}/full/"


class RuntimeFile(NamedTuple):
    """A file of the Python that runs in the browser: the folder it is published in, its size, and its SHA-256."""

    name: str
    folder: str
    size: int
    sha256: str


RUNTIME = [
    RuntimeFile("pyodide.mjs", PYODIDE, 17616, "31afa960fdf68333de6f3f0513bad154495c8fc635a66b7e58ab9cf356a76501"),
    RuntimeFile("pyodide.asm.js", PYODIDE, 1074248, "f1e70077bd701757b2798fc57f540fe39cf23d36ee5cd7c1a9b3a6f35cf500a7"),
    RuntimeFile("pyodide.asm.wasm", PYODIDE, 8647609, "615172c6b2f5efe53e41d0201a98eb37c1f3aa7675d11cb06b6079b3a6b2bef5"),
    RuntimeFile("python_stdlib.zip", PYODIDE, 2423414, "e389fbdc394a00d31ff0624386c9e3e52e04727130ac73597a99c477afe4f1ca"),
    RuntimeFile("pyodide-lock.json", PYODIDE, 114535, "701557726114e9a968d2088153414b2f126b8631aa734ed98eaf1797d4e4d087"),
    RuntimeFile(
        "numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl",
        PACKAGES,
        3110297,
        "2ca46b70661caea8f9f8089d22495c7a24c120fc5881e68934ac3a04d3fc8a02",
    ),
]
NUMPY = RUNTIME[-1].name


def write_folder(folder: Path, pyodide: Sequence[Path] = ()) -> Path:
    """Write the complete static folder of the page.

    Args:
        folder: where; it is made if it is not there, and files of the same names are written over.
        pyodide: folders in which the runtime's files are (``npm install pyodide``, and NumPy's wheel for it). They are copied
            beside the page, which then asks no other host for anything. Without them it takes them from the address at which
            Pyodide's makers publish them.

    Returns:
        ``folder``.

    Raises:
        FileNotFoundError: a runtime file is in none of the folders. ValueError: one is of another version.
    """
    local = [_found(file, pyodide) for file in RUNTIME] if pyodide else []
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns(*_NOT_PUBLISHED), dirs_exist_ok=True)
    write_wheel(folder / WHEEL)
    for path in local:
        (folder / "pyodide").mkdir(exist_ok=True)
        shutil.copyfile(path, folder / "pyodide" / path.name)
    (folder / "settings.json").write_text(json.dumps(_settings(folder, bool(local)), indent=1), encoding="utf-8")
    return folder


def _found(file: RuntimeFile, folders: Iterable[Path]) -> Path:
    looked_in = list(folders)
    for path in (folder / file.name for folder in looked_in):
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
                raise ValueError(f"{path} is not the file of Pyodide {PYODIDE_VERSION}: its check sum is another")
            return path
    where = ", ".join(map(str, looked_in))
    raise FileNotFoundError(
        f"{file.name} is not in {where}: `npm install pyodide@{PYODIDE_VERSION}` puts Pyodide's files into "
        f"node_modules/pyodide; NumPy's wheel is {PACKAGES}{NUMPY}"
    )


def _settings(folder: Path, is_local: bool) -> dict[str, object]:
    """What the page has to know: where its parts are, how large they are, and their check sums."""
    wheel = (folder / WHEEL).read_bytes()
    files = [{"url": WHEEL, "bytes": len(wheel), "integrity": _integrity(hashlib.sha256(wheel).digest())}]
    for file in RUNTIME:
        url = f"pyodide/{file.name}" if is_local else file.folder + file.name
        files.append({"url": url, "bytes": file.size, "integrity": _integrity(bytes.fromhex(file.sha256))})
    return {
        "version": __version__,
        "pyodide": "pyodide/" if is_local else PYODIDE,
        "numpy": files[-1]["url"],
        "wheel": WHEEL,
        "files": files,
    }


def _integrity(digest: bytes) -> str:
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def write_wheel(path: Path) -> None:
    """The package as a wheel, the same bytes each time: what a build makes, without needing the tools of one."""
    info = f"tinygrad_fm-{__version__}.dist-info"
    files = {
        name.relative_to(ROOT).as_posix(): name.read_bytes()
        for name in sorted((ROOT / "tinygrad_fm").rglob("*"))
        if name.is_file() and "__pycache__" not in name.parts
    }
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: tinygrad_fm\nVersion: {__version__}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tinygrad_fm\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = f"{info}/RECORD"
    files[record] = (
        "".join(f"{name},{_record(content)}\n" for name, content in files.items()).encode() + f"{record},,\n".encode()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _record(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
    return f"sha256={digest},{len(content)}"


def link(code: str, page: str = "") -> str:
    """The address at which the page opens with a program in its editor; it is run when the reader presses Run.

    >>> link("print(1 + 1)", "try/")
    'try/#code=print%281%20%2B%201%29'
    """
    return f"{page}#code={urllib.parse.quote(code, safe='')}"
