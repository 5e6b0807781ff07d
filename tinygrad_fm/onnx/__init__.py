"""Models as ONNX files and back, by the extra ``onnx``. https://pytorch.org/docs/stable/onnx.html"""

from ..errors import OnnxExporterError
from .exporter import export
from .importer import OnnxModel, load

__all__ = ["OnnxExporterError", "OnnxModel", "export", "load"]
