"""``python -m apps COMMAND``: what can be done with models and runs besides training them."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

# A command is a module of this name here (- is _), with a docstring, add_arguments(parser) and run(args), which returns the
# exit code. It is imported only when it is called. What it raises of these kinds is the user's to mend: one line, exit code 2.
COMMANDS = {
    "app": "open the app in a browser: predictions, runs, graphs",
    "audit": "find duplicates and doubtful labels among the images",
    "compare": "train a multi-layer perceptron and a convolutional network and compare them",
    "evaluate": "test every checkpoint of training runs",
    "export": "write a run's model for other programs: PyTorch, safetensors, ONNX, NumPy",
    "features": "draw the filters of a run's convolutions, and what they make of a picture",
    "graph": "draw the computation graph of a model",
    "plot": "draw the curves of several runs over one another",
    "predict": "say what is on your own pictures of garments",
    "reproduce": "train the rows of docs/results.md, and write the page",
    "sweep": "train with many settings, and find those that do best",
    "sweep-report": "draw what a sweep found, and test its winner",
    "try": "run programs in the browser: a page that needs no installation",
}
_USER_ERRORS = (ValueError, TypeError, OSError, RuntimeError, ImportError, ArithmeticError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` (or the process's arguments) names; returns the exit code. Without one, lists them all."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with _ctrl_c_ends_at_once():
        from tinygrad_fm.training.console import run_command
    return run_command(lambda: _run(argv))


def _run(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m apps", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules: dict[str, Any] = {}
    for name, text in COMMANDS.items():
        chosen = name in argv[:1]
        command = commands.add_parser(name, help=text, add_help=chosen)
        if chosen:
            with _ctrl_c_ends_at_once():
                modules[name] = import_module(f".{name.replace('-', '_')}", "apps")
            command.description = modules[name].__doc__
            modules[name].add_arguments(command)
    if not argv:
        parser.print_help()
        return 0
    args = parser.parse_args(argv)
    try:
        return int(modules[args.command].run(args))
    except BrokenPipeError:
        raise
    except _USER_ERRORS as error:
        what = f"there is not enough memory: {error}" if isinstance(error, MemoryError) else str(error)
        sys.stderr.write(f"python -m apps {args.command}: {what}\n")
        return 2


@contextlib.contextmanager
def _ctrl_c_ends_at_once() -> Iterator[None]:
    """While modules are imported Python may print an interrupt and go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


if __name__ == "__main__":
    sys.exit(main())
