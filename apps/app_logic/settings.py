"""What the app was started with. The command sets it before the pages are run, in the same process."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")  #: the folder whose folders are runs
MAX_MEGABYTES = 20  #: of one file that is uploaded
