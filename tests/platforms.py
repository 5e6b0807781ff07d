"""What the platforms that the tests run on have, and have not."""

from __future__ import annotations

import sys

import pytest

WINDOWS, LINUX = sys.platform == "win32", sys.platform.startswith("linux")
WASM = sys.platform == "emscripten"  # Pyodide

needs_threads = pytest.mark.skipif(WASM, reason="no threads in WebAssembly")
needs_processes = pytest.mark.skipif(WASM, reason="no processes in WebAssembly")
