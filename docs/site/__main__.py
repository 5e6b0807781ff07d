"""``python -m docs.site [FOLDER]``: build the documentation site, and check every link inside it."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from apps.try_folder import write_folder

from . import check_browser, check_links, pages, reference

MARK = ".nojekyll"  # a file of every site: it tells the forge's pages to leave the files as they are


class NotASiteError(ValueError):
    """The folder to build in holds something else than a site."""


def clear(out: Path) -> None:
    """Make ``out`` an empty folder, marked as a site's. Raises NotASiteError where it holds anything but an older site."""
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise NotASiteError(f"{out} holds other things than a site, and is left as it is: name a new folder or an empty one")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()


def build(out: Path, look: bool = False) -> int:
    """Build the site in the folder ``out``; 0 if Sphinx had nothing to say, no link is broken, and Chromium shows it well."""
    from sphinx.cmd.build import main as sphinx

    clear(out)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder, "source")
        names = reference.write(stage)
        pages.write_pages(stage, {"Reference": names})
        here = Path(__file__).parent
        code = sphinx(
            ["-q", "-W", "--keep-going", "-b", "html", "-c", str(here), "-d", f"{folder}/doctrees", str(stage), str(out)]
        )
        for picture in stage.glob("images/**/*.*"):  # HTML within Markdown names them by their paths
            target = out / picture.relative_to(stage)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)
    if code:
        return code
    write_folder(out / "try")
    broken = check_links.broken(out)
    if look:
        with check_browser.launched() as browser:
            broken += check_browser.problems(out, browser)
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/site"), help="where to (%(default)s)")
    parser.add_argument("--look", action="store_true", help="open every kind of page in Chromium (needs playwright)")
    options = parser.parse_args()
    folder = options.folder
    if importlib.util.find_spec("sphinx") is None:
        parser.error('Sphinx is not installed: python -m pip install ".[docs]"')
    try:
        code = build(folder, options.look)
    except (NotASiteError, pages.BrokenLinkError) as error:
        parser.error(str(error))
    if not code:
        print(f"The site is in {folder}; open {folder / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
