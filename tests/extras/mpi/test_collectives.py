"""Real processes, each of which runs a program that checks itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import ranks
from tests.test_docs import blocks_of

from .conftest import ROOT, Launch

HERE = Path(__file__).parent


@pytest.mark.parametrize("program", ["collectives.py", "parallel.py"])
def test_every_process_finds_all_right(program: str, launch: Launch) -> None:
    done = launch(3, HERE / program)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [f"rank {rank} of 3: all right" for rank in range(3)]


def test_one_process_needs_no_mpiexec(launch: Launch) -> None:
    program = "import tinygrad_fm as torch, tinygrad_fm.distributed as dist, sys\nassert 'mpi4py' not in sys.modules\n"
    program += "dist.init_process_group()\nx = torch.ones(2)\ndist.all_reduce(x)\nprint(dist.get_world_size(), x.tolist())"
    done = launch(0, "-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 [1.0, 1.0]\n", "")


EXAMPLES = """
import doctest, tinygrad_fm.distributed as dist
dist.init_process_group()
for module in (dist.collectives, dist.objects):
    found = doctest.testmod(module)
    assert found.attempted and not found.failed, module
doctest.run_docstring_examples(dist.new_group, {})
"""
RAISES = """
import tinygrad_fm as torch, tinygrad_fm.distributed as dist
dist.init_process_group("mpi")
if dist.get_rank() == 1:
    raise ZeroDivisionError("of rank 1 alone")
dist.all_reduce(torch.zeros(2))
"""
DIES = """
import os, signal, tinygrad_fm as torch, tinygrad_fm.distributed as dist
dist.init_process_group("mpi")
if dist.get_rank() == 1:
    os.kill(os.getpid(), signal.SIGKILL)
dist.all_reduce(torch.zeros(2))
"""


def test_the_examples_of_the_docstrings_hold_between_two_processes(launch: Launch) -> None:
    done = launch(2, "-c", EXAMPLES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_exception_of_one_ends_all_and_is_shown(launch: Launch) -> None:
    done = launch(2, "-c", RAISES)
    assert done.returncode == 1
    assert "rank 1 ends all processes" in done.stderr and "ZeroDivisionError: of rank 1 alone" in done.stderr


def test_a_process_that_is_killed_ends_all(launch: Launch) -> None:
    done = launch(2, "-c", DIES)
    assert done.returncode == 9 and "Killed (signal 9)" in done.stdout + done.stderr


def test_another_mpis_mpiexec_is_noticed(launch: Launch) -> None:
    program = (
        "import os, tinygrad_fm.distributed as dist\nos.environ.update(OMPI_COMM_WORLD_RANK='1', OMPI_COMM_WORLD_SIZE='2')\n"
    )
    done = launch(0, "-c", program + "dist.init_process_group('mpi')")
    assert done.returncode == 1
    assert "RuntimeError: mpiexec has started 2 processes, but mpi4py sees 1: they belong to different MPIs" in done.stderr


def test_the_program_of_the_page_prints_what_the_page_says(launch: Launch) -> None:
    blocks = blocks_of((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8"))
    (program,) = [block for block in blocks if block.extra == "needs-mpi"]
    (shown,) = [block.text for block in blocks if block.language == "text"]
    done = launch(2, "-c", program.text)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")


def test_processes_are_measured() -> None:
    found = ranks.run(2, what="exchanges", sizes=[16, 4096], seconds=0.001)
    assert found["ms"].keys() == {"16", "4096"} and min(found["ms"].values()) > 0 < found["add"]
    found = ranks.run(2, what="steps", case="lenet", batches=[8], threads=1, seconds=0.001)
    assert found["ms"]["8"] > 0 and found["bytes"] == 4 * 61_750 and found["norms"] == [6, 16]
