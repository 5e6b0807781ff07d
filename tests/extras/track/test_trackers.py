"""What each tracker was told, as its own files and its own reader have it."""

from __future__ import annotations

import http.server
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.quiet_server import QuietServer
from tinygrad_fm import serialization
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.tracking.tensorboard import TensorBoardLogger
from tinygrad_fm.training.tracking.wandb_like import logged_in

ROOT = Path(__file__).resolve().parents[3]
ARGUMENTS = ["--data", "synthetic", "--train-size", "300", "--validation", "60", "--batch-size", "20", "--hidden", "8"]
ARGUMENTS += ["--threads", "1", "--epochs", "3", "--clip-norm", "1"]
STEPS = 36
SCALARS = {"train/loss", "train/accuracy", "learning_rate", "norm/gradient", "norm/weights"}
OF_EPOCHS = {"validation/loss", "validation/accuracy", "epoch/train_loss", "weight_norm/layers.1.weight",
             "gradient_norm/layers.1.weight"}  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "TRACKIO_", "FASHION_"))}
    own = {"TINYGRAD_FM_CACHE": str(folder / "cache"), "TRACKIO_DIR": str(folder / "trackio"), "HOME": str(folder)}
    return {**kept, **own, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf"), "PYTHONUNBUFFERED": "1"}


def train(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(ROOT / "train_mlp.py"), *arguments],
        cwd=folder, env={**environment(folder), **more}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


class Proxy:
    """Counts who asks for the way into the world: every library, Python's or not, asks here when the variables say so."""

    def __enter__(self) -> Proxy:
        self.asked: list[str] = []
        asked = self.asked

        class Refuse(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                asked.append(self.path)
                self.send_error(403)

            do_GET = do_POST = do_CONNECT

            def log_message(self, *_: Any) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Refuse)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{self._server.server_port}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        self.variables = {name: address for lower in names for name in (lower, lower.upper())}
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


NO_SOCKETS = """
import socket
from tinygrad_fm.training.tracking import background, tracking
background._PATIENCE = tracking._CREDIT = 100.0  # wandb begins slowly on a busy machine; every step is to be told
connect = socket.socket.connect
def blocked(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1", "localhost")):
        open({file!r}, "a").write(repr(address) + "\\n")
        raise OSError("blocked")
    return connect(self, address)
socket.socket.connect = blocked
def lookup(host, *rest, real=socket.getaddrinfo, **more):
    if host not in (None, "localhost", "127.0.0.1", "::1", socket.gethostname(), b"localhost"):
        open({file!r}, "a").write(repr(host) + "\\n")
        raise socket.gaierror("blocked")
    return real(host, *rest, **more)
socket.getaddrinfo = lookup
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run "run", told to all three trackers with the way out blocked, stopped after its first epoch and then
    gone on with."""
    folder = tmp_path_factory.mktemp("tracked")
    blocker = folder / "blocker"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(NO_SOCKETS.format(file=str(folder / "went-out")), encoding="utf-8")
    with Proxy() as proxy:
        more = {**proxy.variables, "PYTHONPATH": f"{blocker}{os.pathsep}{ROOT}"}
        with subprocess.Popen(
            [sys.executable, str(ROOT / "train_mlp.py"), *ARGUMENTS, "--out", "run", "--checkpoint-seconds", "0.001",
             "--track", "tensorboard", "wandb", "--track", "trackio"],
            cwd=folder, env={**environment(folder), **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("epoch 1/3"):
                    process.send_signal(signal.SIGTERM)
                    break
            said, errors = process.communicate(timeout=120)
            assert process.returncode == 143, said + errors
            assert "Warning" not in said
        done = train(folder, "--resume", "run", **more)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stdout
        assert proxy.asked == []
    assert not (folder / "went-out").exists(), (folder / "went-out").read_text(encoding="utf-8")
    yield folder


def records_of(run: Path, kind: str) -> dict[int, dict[str, Any]]:
    return {record["step"]: record for record in RunFolder(run / "run").read_metrics() if record["kind"] == kind}


def check_numbers(run: Path, values: dict[str, dict[int, float]]) -> None:
    """``values`` by name and step are those of metrics.jsonl, none is missing."""
    steps, epochs = records_of(run, "step"), records_of(run, "epoch")
    assert len(steps) == STEPS
    assert values.keys() >= SCALARS | OF_EPOCHS
    for name, field, records in (
        ("train/loss", "loss", steps),
        ("learning_rate", "lr", steps),
        ("validation/accuracy", "val_accuracy", epochs),
    ):
        assert values[name] == pytest.approx({step: record[field] for step, record in records.items()}, rel=1e-5)
    assert values["norm/gradient"].keys() == steps.keys()
    assert all(value > 0 for value in values["norm/weights"].values())
    summary = json.loads((run / "run/summary.json").read_text(encoding="utf-8"))
    assert values["summary/test_accuracy"][STEPS] == pytest.approx(summary["test_accuracy"], rel=1e-5)


def events_of(folder: Path) -> list[Any]:
    """The events of TensorBoard's files, by the protocol buffers of tensorboardX."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    events = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])
            assert struct.unpack("<I", data[8:12])[0] == masked_crc32c(data[:8])
            events.append(Event.FromString(data[12 : 12 + size]))
            data = data[16 + size :]
    return events


def shown(events: list[Any]) -> tuple[dict[str, dict[int, float]], dict[str, Any]]:
    """What TensorBoard shows of them: numbers by name and step, and the rest by name."""
    values: dict[str, dict[int, float]] = {}
    others: dict[str, Any] = {}
    for event in events:
        if event.HasField("session_log"):  # what a run before said of this step and later ones is void
            values = {name: {step: v for step, v in found.items() if step < event.step} for name, found in values.items()}
        for value in event.summary.value:
            if value.HasField("simple_value"):
                assert event.step not in values.setdefault(value.tag, {}), f"{value.tag} has step {event.step} twice"
                values[value.tag][event.step] = value.simple_value
            else:
                others[value.tag] = value
    return values, others


def test_steps_that_tensorboard_had_before_a_kill_are_not_doubled(tmp_path: Path) -> None:
    for done, last, value in ((0, 10, 1.0), (5, 12, 2.0)):
        logger = TensorBoardLogger(tmp_path / "log", {"lr": 0.1}, done)
        for step in range(done + 1, last + 1):
            logger.scalars({"loss": value}, step)
        logger.close()
        os.rename(tmp_path / "log", tmp_path / str(done))  # a file's name has the second in it
        for path in (tmp_path / str(done)).iterdir():
            (tmp_path / "all").mkdir(exist_ok=True)
            path.rename(tmp_path / "all" / f"{done}-{path.name}")
    values, _ = shown(events_of(tmp_path / "all"))
    assert values == {"loss": {step: 1.0 if step <= 5 else 2.0 for step in range(1, 13)}}


TRACKIO_TWICE = """
from pathlib import Path
from tinygrad_fm.training.tracking.wandb_like import open_trackio
import trackio
for first, last in ((1, 10), (6, 12)):
    logger = open_trackio(Path("run"), "0123", {"lr": 0.1})
    for step in range(first, last + 1):
        logger.scalars({"loss": float(step)}, step)
    logger.close()
(run,) = trackio.Api().runs("tinygrad_fm")
print("STEPS", [entry["step"] for entry in trackio.SQLiteStorage.get_logs("tinygrad_fm", run.name, run_id=run.id)])
"""


def test_steps_that_trackio_had_before_a_kill_are_not_doubled(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACKIO_TWICE], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert f"STEPS {[*range(1, 13)]}" in done.stdout, done.stderr


def test_tensorboard(run: Path) -> None:
    from tensorboardX.proto.graph_pb2 import GraphDef

    events = events_of(run / "run/tensorboard")
    values, others = shown(events)
    check_numbers(run, values)
    assert {"confusion", "samples", "curves"} <= others.keys()
    assert others["confusion"].image.encoded_image_string.startswith(b"\x89PNG")
    assert others["config/text_summary"].tensor.string_val[0].count(b"| optimizer | adamw |") == 1
    assert sum(others["weight/layers.1.weight"].histo.bucket) == 784 * 8
    assert "_hparams_/session_end_info" in others
    (graph,) = [GraphDef.FromString(event.graph_def) for event in events if event.graph_def]
    names = {node.name for node in graph.node}
    assert {name for node in graph.node for name in node.input} <= names
    assert any(name.startswith("layers/1/") for name in names)


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of wandb's file: LevelDB's log of protocol buffers."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        if not kind:  # the rest of a block is empty
            at += left
            continue
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


def test_wandb(run: Path) -> None:
    files = sorted((run / "run/wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2
    assert len({path.name for path in files}) == 1, "the run was gone on with under another id"
    values: dict[str, dict[int, float]] = {}
    kinds: dict[str, str] = {}
    config: dict[str, Any] = {}
    for path in files:
        for record in wandb_records(path):
            if record.WhichOneof("record_type") == "run":
                config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            items = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item}
            for name, value in items.items():
                if name.endswith("/_type"):
                    kinds[name.removesuffix("/_type")] = value
                elif isinstance(value, (int, float)):
                    earlier = values.setdefault(name, {}).setdefault(items["_step"], value)
                    assert name.startswith("_") or name == "epoch/seconds" or earlier == value
    check_numbers(run, values)
    assert config["optimizer"] == "adamw"
    assert kinds["confusion"] == kinds["samples"] == "image-file"
    assert kinds["weight/layers.1.weight"] == "histogram"
    assert kinds["graph"] == "html-file"


READ_TRACKIO = """
import json, trackio
(run,) = trackio.Api().runs("tinygrad_fm")
logs = trackio.SQLiteStorage.get_logs("tinygrad_fm", run.name, run_id=run.id)
print("\\nLOGS", json.dumps([logs, run.config, run.name], default=str))
"""


def test_trackio(run: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_TRACKIO], env=environment(run), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    logs, config, name = json.loads(done.stdout.partition("LOGS")[2])
    assert name.startswith("run-")
    values: dict[str, dict[int, float]] = {}
    kinds: dict[str, str] = {}
    for entry in logs:
        for key, value in entry.items():
            if isinstance(value, dict):
                kinds[key] = value["_type"]
            elif key not in ("step", "timestamp") and isinstance(value, (int, float)):
                assert entry["step"] not in values.setdefault(key, {}), f"{key} has step {entry['step']} twice"
                values[key][entry["step"]] = value
    check_numbers(run, values)
    assert config["optimizer"] == "adamw"
    assert kinds["confusion"] == "trackio.image"
    assert kinds["weight/layers.1.weight"] == "trackio.histogram"


def test_a_run_that_is_tracked_has_the_same_bits(run: Path) -> None:
    assert train(run, *ARGUMENTS, "--out", "plain").returncode == 0
    plain, tracked = (serialization.load(run / name / "checkpoints/last.npz")["weights"] for name in ("plain", "run"))
    assert {n: t.numpy().tobytes() for n, t in plain.items()} == {n: t.numpy().tobytes() for n, t in tracked.items()}


def test_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = "https://wandb.example.org:8080"
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "keys"))
    assert not logged_in(server)
    (tmp_path / "keys").write_text("machine wandb.example.org login user password " + "0" * 40 + "\n", encoding="utf-8")
    (tmp_path / "keys").chmod(0o600)
    assert logged_in(server)
    assert not logged_in("https://another.example.org")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert logged_in("https://another.example.org")
