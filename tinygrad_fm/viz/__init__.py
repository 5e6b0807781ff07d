"""Pictures: the computation graph, the model summary, the plots of a run."""

from .drawing import Graph, draw
from .conv_features import Tiles, feature_maps, filters
from .model_summary import Summary, summary
from .recorder import Trace, trace

__all__ = ["Graph", "Summary", "Tiles", "Trace", "draw", "feature_maps", "filters", "summary", "trace"]
