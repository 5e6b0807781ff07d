"""Pictures: the computation graph, the model summary, the plots of a run."""

from .draw import Graph, draw
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = ["Graph", "Summary", "Trace", "draw", "summary", "trace"]
