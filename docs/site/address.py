"""The repository's address on its forge, if it is known, and which commit links into it name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from notebooks.stamping import address_of_this_project, web_address

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str) -> str:
    """What git prints, nothing where it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def repository() -> str | None:
    """The address, as the notebooks find it; None where it is not known."""
    return web_address(address_of_this_project())


def commit() -> str:
    """The commit that is built."""
    return os.environ.get("GITHUB_SHA") or git("rev-parse", "HEAD") or "main"


def files() -> list[str]:
    """The paths of the project's files: those that git knows or would add, or all but hidden ones where there is no git."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if listed == [""]:
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if "__pycache__" not in path.parts]
    return sorted(name for name in listed if name and (ROOT / name).is_file())
