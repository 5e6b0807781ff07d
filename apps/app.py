"""Open the app in a browser: predictions for your own pictures, runs and their curves, the graphs of models.

It runs on this machine and for it alone: it listens on the loopback address, and nothing that it is shown leaves it.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import socket
from pathlib import Path

from tinygrad_fm.errors import MissingExtraError

from .app_logic import settings

HOST = "localhost"
_FIRST_PORT, _PORTS = 8501, 20  # the first is Streamlit's own
_ADDRESS = "127.0.0.1"  # a name may stand for several addresses, of which some may be others' to reach
_MAIN = Path(__file__).parent / "app_pages" / "main.py"

# what Streamlit would otherwise do: send statistics, ask for an email address, watch files, be reachable from the network
_OPTIONS = {
    "browser.gatherUsageStats": False,
    "browser.serverAddress": HOST,
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "logger.hideWelcomeMessage": True,
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "server.address": _ADDRESS,
    "server.allowedHosts": [HOST, _ADDRESS],
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": settings.MAX_MEGABYTES,
    "server.runOnSave": False,
    "server.showEmailPrompt": False,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are (default: runs)")
    parser.add_argument("--port", type=_port, metavar="N", help=f"default: the first free one from {_FIRST_PORT} on")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser, only print the address")


def run(args: argparse.Namespace) -> int:
    """Serve the app until Ctrl-C."""
    if importlib.util.find_spec("streamlit") is None:
        raise MissingExtraError("the app needs Streamlit, and that Python 3.11 or later; it comes with: pip install '.[app]'")
    if args.runs.exists() and not args.runs.is_dir():
        raise NotADirectoryError(f"--runs is to be a folder of runs, {args.runs} is a file")
    port = _free_port(args.port)
    settings.RUNS = args.runs.resolve()
    logging.getLogger("tinygrad_fm.viz").setLevel(logging.ERROR)
    # not first by a session: another's thread would meet half of them
    import altair  # noqa: F401
    import pandas  # noqa: F401
    from streamlit import net_util
    from streamlit.web import bootstrap

    # a request from a page elsewhere would make Streamlit ask a server elsewhere for this machine's address
    net_util.get_external_ip = net_util.get_internal_ip = lambda: None
    options = {**_OPTIONS, "server.headless": args.no_browser, "server.port": port, "browser.serverPort": port}
    bootstrap.load_config_options(options)
    print(f"The app runs at http://{HOST}:{port}; Ctrl-C ends it.", flush=True)
    bootstrap.run(str(_MAIN), False, [], options)
    return 0


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1024 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1024 to 65535, not {text!r}")
    return port


def _free_port(wanted: int | None) -> int:
    """The port that was asked for, or the first free one. Raises OSError if there is none."""
    ports = range(_FIRST_PORT, _FIRST_PORT + _PORTS) if wanted is None else [wanted]
    for port in ports:
        with socket.socket() as trial:
            if os.name == "posix":  # a port that was just left is free; elsewhere this would take one that is not
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((_ADDRESS, port))
            except OSError:
                continue
            return port
    taken = f"port {wanted} is" if wanted is not None else f"the ports {ports[0]} to {ports[-1]} are"
    raise OSError(f"{taken} taken by another program; choose another with --port")
