"""Event files for TensorBoard, by tensorboardX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...viz.content import Box
from ...viz.graph import Graph
from .logger import Histogram


class TensorBoardLogger:
    """Writes into a folder that ``tensorboard --logdir`` reads.

    Args:
        folder: the same one for a run that is resumed.
        settings: shown as text.
        done: the steps behind the run: of later ones the folder may hold records, which TensorBoard leaves out.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], done: int) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=done + 1 if done else None, flush_secs=1)
        if not done:
            rows = "".join(f"| {name} | {value} |\n" for name, value in settings.items())
            self._writer.add_text("config", f"| setting | value |\n|---|---|\n{rows}", 0)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def histograms(self, values: Mapping[str, Histogram], step: int) -> None:
        """Histograms by name. Sums are those of the middles of the bins."""
        for name, (counts, edges) in values.items():
            middles = (edges[1:] + edges[:-1]) / 2
            sums = float(counts @ middles), float(counts @ middles**2)
            ends, limits = (float(edges[0]), float(edges[-1])), edges[1:].tolist()
            self._writer.add_histogram_raw(name, *ends, int(counts.sum()), *sums, limits, counts.tolist(), step)

    def picture(self, name: str, path: Path, step: int) -> None:
        """A PNG file."""
        from PIL import Image

        with Image.open(path) as image:
            self._writer.add_image(name, np.asarray(image.convert("RGB")), step, dataformats="HWC")

    def graph(self, graph: Graph) -> None:
        """The graph, its modules as scopes that open at a click."""
        from tensorboardX.proto.attr_value_pb2 import AttrValue
        from tensorboardX.proto.graph_pb2 import GraphDef
        from tensorboardX.proto.node_def_pb2 import NodeDef
        from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboardX.proto.versions_pb2 import VersionDef

        content = graph.content
        names = {item: "/".join([*_scopes(item.box), f"{item.title}.{item.id}"]) for item in content.items}
        inputs: dict[Any, list[str]] = {item: [] for item in content.items}
        for edge in content.edges:
            inputs[edge.target].append(names[edge.source])
        nodes = []
        for item, name in names.items():
            node = NodeDef(name=name, op=item.title, input=inputs[item])
            if item.shape is not None:
                shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=int(size)) for size in item.shape])
                node.attr["_output_shapes"].CopyFrom(AttrValue(list=AttrValue.ListValue(shape=[shape])))
            nodes.append(node)
        self._writer.file_writer.add_onnx_graph(GraphDef(node=nodes, versions=VersionDef(producer=22)))

    def summary(self, config: Mapping[str, Any], values: Mapping[str, float], step: int) -> None:
        """Results as numbers, and with the settings as a row of TensorBoard's table of hyper-parameters."""
        from tensorboardX.summary import hparams

        names = {name: f"summary/{name}" for name in values}
        for part in hparams(dict(config), {names[name]: value for name, value in values.items()}):
            self._writer.file_writer.add_summary(part)
        self.scalars({names[name]: value for name, value in values.items()}, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def _scopes(box: Box | None) -> list[str]:
    """The names of the modules around an item, outermost first: those parts of each path that its parent's has not."""
    found: list[str] = []
    while box is not None:
        if box.path:
            above = f"{box.parent.path}." if box.parent is not None and box.parent.path else ""
            name = box.path.removeprefix(above)
            found.append(name if box.call == 1 else f"{name} (call {box.call})")
        box = box.parent
    return found[::-1]
