"""Pictures: the computation graph, the model summary, the plots of a run."""

from .attribution import grad_cam, saliency
from .conv_features import Tiles, feature_maps, filters
from .drawing import Trace, draw, trace
from .graph import Graph
from .model_summary import Summary, summary

__all__ = ["Graph", "Summary", "Tiles", "Trace", "draw", "feature_maps", "filters", "grad_cam", "saliency", "summary", "trace"]
