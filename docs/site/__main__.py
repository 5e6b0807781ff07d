"""``python -m docs.site [FOLDER]``: build the documentation site, and check every link inside it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from apps.try_folder import write_folder

from . import check_browser, check_links, pages, reference


def build(out: Path, look: bool = False) -> int:
    """Build the site in the folder ``out``; 0 if Sphinx had nothing to say, no link is broken, and Chromium shows it well."""
    shutil.rmtree(out, ignore_errors=True)
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
    code = build(folder, options.look)
    if not code:
        print(f"The site is in {folder}; open {folder / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
