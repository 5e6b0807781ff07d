"""Serve the page that runs programs in the browser, on this machine."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from .quiet_server import QuietServer
from .try_folder import PYODIDE_VERSION, write_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--port", type=int, default=8765, metavar="N", help="where to serve it; 0 takes a free one (default: 8765)"
    )
    parser.add_argument(
        "--pyodide",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help=f"folders with Pyodide {PYODIDE_VERSION}'s files and NumPy's wheel for it; no other host is then asked",
    )
    parser.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="write the static files there, for any web server, and end"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")


_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".py": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
}


class Handler(SimpleHTTPRequestHandler):
    """Files with their right kinds, and the headers with which Stop interrupts a program instead of ending its Python."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | _KINDS
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        for name, value in (
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Embedder-Policy", "require-corp"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-cache"),
        ):
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""


def serve(folder: Path, port: int = 0, handler: type[Handler] = Handler) -> QuietServer:
    """A server of the folder on this machine alone, ready for ``serve_forever()``.

    Raises:
        OSError: the port is taken, or not one that may be used.
    """
    try:
        return QuietServer(("127.0.0.1", port), partial(handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise OSError(f"--port {port} cannot be used: {error}. Choose another, or 0 for a free one") from error


def run(args: argparse.Namespace) -> int:
    """Write the folder, and serve it until Ctrl+C."""
    if args.folder is not None:
        if args.folder.exists() and any(args.folder.iterdir()):
            raise ValueError(f"--folder {args.folder}: there is something in it; name a new folder")
        print(f"wrote {write_folder(args.folder, args.pyodide)}")
        return 0
    with tempfile.TemporaryDirectory(prefix="tinygrad_fm-try-") as scratch:
        server = serve(write_folder(Path(scratch), args.pyodide), args.port)
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"the page is at {address} (Ctrl+C ends this)", flush=True)
        if not args.no_browser:
            webbrowser.open(address)
        with server, contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
