"""The repository's address on its forge, if it is known, and which commit links into it name."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str) -> str:
    """What git prints, nothing where it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def of_remote(url: str) -> str | None:
    """``https://host/owner/name`` of a remote's address in any of git's forms; None for a folder of this machine."""
    found = re.fullmatch(r"(?:https?://(?:[^@/]*@)?|ssh://(?:[^@/]*@)?|git://|[\w.-]+@)([\w.-]+\.\w+)(?::\d+)?[:/](.+)", url)
    return f"https://{found[1]}/{found[2].strip('/').removesuffix('.git')}" if found else None


def repository() -> str | None:
    """The address, from GITHUB_REPOSITORY (``owner/name``) or the remote ``origin``; None if neither tells."""
    named = os.environ.get("GITHUB_REPOSITORY")
    if named:
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com').rstrip('/')}/{named}"
    return of_remote(git("remote", "get-url", "origin"))


def commit() -> str:
    """The commit that is built."""
    return os.environ.get("GITHUB_SHA") or git("rev-parse", "HEAD") or "main"


def files() -> list[str]:
    """The paths of the project's files: those that git knows or would add, or all but hidden ones where there is no git."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if listed == [""]:
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if "__pycache__" not in path.parts]
    return sorted(name for name in listed if name and (ROOT / name).is_file())
