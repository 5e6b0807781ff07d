"""Copies of the notebooks that know where the project is published: a link to Colab, and a cell that installs the library.

The notebooks of the project itself know no address. What publishes them (a site, the branch `BRANCH` that Colab reads) does,
and writes stamped copies. Nothing but Python is needed for it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tinygrad_fm.atomic_files import write_atomically

FOLDER = Path(__file__).resolve().parent
BRANCH = "colab"  # where .github/workflows/notebooks.yml puts the stamped copies
LINK = re.compile(
    r"\]\(\.\./([^)]+)\)"
)  # from a notebook to another file of the project


def web_address(repository: str | None) -> str | None:
    """Where a repository is on the web, without ``.git``; None if it is nowhere there, as a folder on a disk is.

    Args:
        repository: ``OWNER/NAME``, which is on GitHub, or what ``git remote get-url`` says. A password in it is left out.

    >>> web_address("owner/name"), web_address("git@host.example:owner/name.git")
    ('https://github.com/owner/name', 'https://host.example/owner/name')
    >>> web_address("/home/me/name") is None
    True
    """
    text = (repository or "").strip().rstrip("/").removesuffix(".git")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text) and not text.startswith("."):
        return f"https://github.com/{text}"
    if copied := re.fullmatch(
        r"(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)([\w./~-]+)", text
    ):  # as ssh's scp has it
        return f"https://{copied[1]}/{copied[2]}"
    parts = urlsplit(text)
    if (
        parts.scheme in ("https", "http", "ssh", "git")
        and parts.hostname
        and len(parts.path) > 1
    ):
        return f"https://{parts.hostname}{parts.path}"
    return None


def address_of_this_project() -> str | None:
    """What the environment's ``GITHUB_REPOSITORY`` says, else where git's ``origin`` is, else None."""
    if os.environ.get("GITHUB_REPOSITORY"):
        return os.environ["GITHUB_REPOSITORY"]
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return asked.stdout.strip()


def stamp(notebook: Path, repository: str | None) -> dict[str, Any]:
    """The notebook in a file, with a link to Colab below its title and a cell that installs the library before the first.

    Without an address it comes as it is. Colab reads from GitHub alone, so for other addresses there is no link to it.

    Args:
        notebook: an .ipynb file of this folder.
        repository: as for `web_address`.
    """
    found: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    address = web_address(repository)
    if address is None:
        return found
    cells = found["cells"]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            cell["source"] = [
                LINK.sub(rf"]({address}/blob/HEAD/\1)", line) for line in cell["source"]
            ]
    if address.startswith("https://github.com/"):
        colab = address.replace(
            "https://github.com/", "https://colab.research.google.com/github/"
        )
        link = f"**[Open in Colab]({colab}/blob/{BRANCH}/notebooks/{notebook.name})**\n"
        cells[0]["source"][1:1] = ["\n", link]
    first = next(
        place for place, cell in enumerate(cells) if cell["cell_type"] == "code"
    )
    install: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
    }
    cells.insert(first, {**install, "source": [f"%pip install -q git+{address}.git"]})
    return found


def stamp_all(folder: Path, repository: str | None) -> list[Path]:
    """Write stamped copies of all notebooks into ``folder``, and give their paths."""

    def write(notebook: Path) -> Path:
        text = (
            json.dumps(stamp(notebook, repository), indent=1, ensure_ascii=False) + "\n"
        )
        write_atomically(
            folder / notebook.name, lambda file: file.write(text.encode("utf-8"))
        )
        return folder / notebook.name

    return [write(notebook) for notebook in sorted(FOLDER.glob("[0-9]*.ipynb"))]
