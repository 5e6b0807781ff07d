"""``python -m apps COMMAND``: what can be done with models and runs besides training them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

# A command is a module of this name here, with a docstring, add_arguments(parser) and run(args), which returns the exit
# code. It is imported only when it is called. What it raises of these kinds is the user's to mend: one line, exit code 2.
COMMANDS = {
    "compare": "train a multi-layer perceptron and a convolutional network and compare them",
    "evaluate": "test every checkpoint of training runs",
    "features": "draw the filters of a run's convolutions, and what they make of a picture",
    "graph": "draw the computation graph of a model",
    "plot": "draw the curves of several runs over one another",
    "predict": "say what is on your own pictures of garments",
}
_USER_ERRORS = (ValueError, TypeError, OSError, RuntimeError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` (or the process's arguments) names; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="python -m apps", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules: dict[str, Any] = {}
    for name, text in COMMANDS.items():
        chosen = name in argv[:1]
        command = commands.add_parser(name, help=text, add_help=chosen)
        if chosen:
            modules[name] = import_module(f".{name}", "apps")
            command.description = modules[name].__doc__
            modules[name].add_arguments(command)
    args = parser.parse_args(argv)
    try:
        return int(modules[args.command].run(args))
    except _USER_ERRORS as error:
        sys.stderr.write(f"python -m apps {args.command}: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
