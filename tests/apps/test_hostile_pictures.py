"""Files that call themselves pictures: what is in them must not run, hang, or fill the memory."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from apps.photos import FORMATS, MAX_BYTES, MAX_PIXELS, read_photo
from tinygrad_fm.errors import DataError


def encoded(kind: str, size: tuple[int, int] = (32, 32), mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 100).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, chunks: bytes = b"") -> bytes:
    """A PNG of any size, with the first rows only."""

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


def tiff(width: int, height: int, **tags: int) -> bytes:
    """A grey TIFF, compressed by zlib; ``tags`` are further ones, or others, as t322=…"""
    strip = zlib.compress(bytes(100))
    entries = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 273: 0, 277: 1, 278: height, 279: len(strip)}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    start = 8 + 2 + 12 * len(entries) + 4
    for offsets in (273, 324):
        if offsets in entries:
            entries[offsets] = start
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + strip


def progressive_jpeg(width: int, height: int) -> bytes:
    content = bytearray(encoded("JPEG", progressive=True))
    at = content.index(b"\xff\xc2")  # start of frame: length, depth, height, width
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\n"
PROGRAMS: dict[str, bytes] = {
    "writes.png": EPS + b"(written.txt) (w) file (here) writestring\nshowpage\n%%EOF\n",
    "loops.jpg": EPS + b"{} loop\n",
    "plain.png": b"%!PS\n{} loop\n",
    "dos.png": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 30, len(EPS), 0, 0, 0, 0) + bytes(2) + EPS + b"{} loop\n",
    "document.png": b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n",
    "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "placeable.png": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hHI", 0, 0, 100, 100, 96, 0) + b"\0\0\x01\0\x09\0" + bytes(60),
    "enhanced.png": struct.pack("<2I", 1, 108) + bytes(32) + b" EMF" + bytes(64),
    "script.png": b"#!/bin/sh\ntouch written.txt\n",
    "page.png": b"<!DOCTYPE html><html></html>",
    "pickle.png": b"\x80\x04\x95cposix\nsystem\n.",
}
OTHER_KINDS = [("ICO", "RGBA"), ("ICNS", "RGBA"), ("PCX", "L"), ("TGA", "RGB"), ("SGI", "RGB"), ("XBM", "1"), ("DDS", "RGB")]
OTHER_FORMATS: dict[str, bytes] = {
    **{f"{kind.lower()}.png": encoded(kind, mode=mode) for kind, mode in OTHER_KINDS},
    "cursor.png": b"\0\0\2\0\1\0" + struct.pack("<4B2H2I", 0, 0, 0, 0, 1, 1, 40, 22) + encoded("ICO", mode="RGBA")[22:],
    "psd.png": b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 30000, 30000, 8, 3) + bytes(12),
    "film.png": struct.pack("<IHHHHHH", 128, 0xAF12, 1000, 320, 200, 8, 0) + bytes(112),
}

ZEROS = zlib.compress(bytes(200_000_000), 1)
GIF = struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<4HB", 0, 0, 65535, 65535, 0) + b"\x02\x02L\x01\0;"
BMP = struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30000, 30000, 1, 8, 1, 10, 0, 0, 0, 0) + bytes(40)
WEBP = struct.pack("<IB3s", 10, 2, bytes(3)) + 2 * struct.pack("<I", 16382)[:3] + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
BOMBS: dict[str, bytes] = {
    "1.6 GB.png": png(20_000, 20_000),
    "beyond 2³¹.png": png(2**31 - 1, 2**31 - 1),
    "just too large.png": png(10_000, MAX_PIXELS // 10_000 + 1),
    "a profile of 200 MB.png": png(8, 8, chunk(b"iCCP", b"x\0\0" + ZEROS)),
    "a text of 200 MB.png": png(8, 8, chunk(b"zTXt", b"x\0\0" + ZEROS)),
    "strips.tif": tiff(60_000, 60_000),
    "a long strip.tif": tiff(9_000, 9_000, t278=2**31 - 1),
    "tiles.tif": tiff(64, 64, t322=2**16, t323=2**16, t324=0, t325=20),
    "tiles beyond 2³¹.tif": tiff(64, 64, t322=2**31, t323=2**31, t324=0, t325=20),
    "screen.gif": b"GIF89a" + GIF,
    "rle.bmp": b"BM" + BMP,
    "rows.ppm": b"P6 30000 30000 255\n" + bytes(100),
    "canvas.webp": b"RIFF" + struct.pack("<I", len(WEBP) + 8) + b"WEBPVP8X" + WEBP,
    "progressive.jpg": progressive_jpeg(10_000, 10_000),
    "large progressive.jpg": progressive_jpeg(65_500, 65_500),
}
HALVES = {f"half.{kind.lower()}": encoded(kind, (300, 300)) for kind in ("PNG", "BMP", "PPM")}
BROKEN: dict[str, bytes] = {
    "nothing.png": b"",
    "zeros.png": bytes(10_000),
    "one byte.jpg": b"\xff",
    **{name: content[: len(content) // 2] for name, content in HALVES.items()},
    **{f"begun.{kind.lower()}": encoded(kind)[:20] for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")},
    "no rows.png": png(10, 0),
}

READ_ALL = """
import json, os, resource, subprocess, sys
sys.path.insert(0, os.environ["ROOT"])
from PIL import Image
from apps.photos import read_photo
from tinygrad_fm.errors import DataError
def never(*args, **kwargs): raise SystemExit(f"started {args}")
subprocess.Popen = os.system = os.popen = never
Image.init()
limit = 1 << 30  # 1 GB beyond what importing has taken
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() if os.path.exists("/proc") else 1 << 32
resource.setrlimit(resource.RLIMIT_AS, (used + limit, used + limit))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # ends what hangs
for name in sorted(os.listdir()):
    try:
        said = f"read {read_photo(name).shape}"
    except DataError as error:
        said = f"DataError {error}"
    except MemoryError:
        said = "MemoryError"
    print(json.dumps([name, said]), flush=True)
"""


def read_in_a_process(files: dict[str, bytes], folder: Path) -> dict[str, str]:
    """What reading each file says, in a process with little memory and time, that may start no other."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    root = str(Path(__file__).resolve().parents[2])
    run = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        check=False, cwd=folder, env={**os.environ, "ROOT": root}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(os.listdir(folder)) == sorted(files)  # nothing was written
    return dict(json.loads(line) for line in run.stdout.splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory and time are POSIX's")
@pytest.mark.parametrize("files", [PROGRAMS, OTHER_FORMATS, BOMBS, BROKEN], ids=["programs", "formats", "bombs", "broken"])
def test_hostile_files_are_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    said = read_in_a_process(files, tmp_path)
    assert said.keys() == files.keys()
    for name, text in said.items():
        assert text.startswith(f"DataError {name}: "), f"{name}: {text}"


def test_messages_say_what_came_and_the_limit(tmp_path: Path) -> None:
    def message(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_photo(tmp_path / name)
        return str(caught.value)

    assert "10,000 × 5,001 pixels, the limit is 50,000,000" in message("a.png", BOMBS["just too large.png"])
    assert f"no picture of a format that is read here ({', '.join(FORMATS)})" in message("b.png", PROGRAMS["writes.png"])
    with open(tmp_path / "c.bmp", "wb") as file:
        file.truncate(MAX_BYTES + 1)  # takes no room on the disk
    with pytest.raises(DataError, match="268,435,457 bytes, the limit is 268,435,456"):
        read_photo(tmp_path / "c.bmp")


def many_frames(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), (5 * i, 0, 0)) for i in range(20)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        *[lambda kind=kind: encoded(kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")],
        *[lambda kind=kind: many_frames(kind) for kind in ("GIF", "PNG", "WEBP", "TIFF")],
        lambda: encoded("JPEG", progressive=True),
        lambda: encoded("MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))]),  # as phones write
        lambda: encoded("TIFF", mode="I;16"),
    ],
)
def test_honest_pictures_are_read(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "picture"  # the content decides
    path.write_bytes(make())
    assert read_photo(path).shape[2] == 4


def test_a_large_photo_of_a_camera_is_read(tmp_path: Path) -> None:
    """100 megapixels: a JPEG is decoded small."""
    content = bytearray(encoded("JPEG", (16, 16)))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", 10_000, 10_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert read_photo(path).shape == (280, 280, 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="no regular file"):
        read_photo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="a folder"):
        read_photo(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_photo("a\0b.png")
