"""Pictures: the computation graph, the model summary, the plots of a run."""

from .draw import Graph, draw
from .inside import Tiles, feature_maps, filters
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = ["Graph", "Summary", "Tiles", "Trace", "draw", "feature_maps", "filters", "summary", "trace"]
