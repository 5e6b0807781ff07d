"""A web server on this machine that does not make a traceback of a browser that leaves."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """Several connections at once; one that the other side resets, as a page does that is closed, ends without a word."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong with a request, unless it is only that nobody waits for its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
