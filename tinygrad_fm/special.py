"""PyTorch's ``torch.special``: special functions, most of them also elsewhere under other names.

https://pytorch.org/docs/stable/special.html
"""

from .ops.bessel import i0, i0e, i1, i1e
from .ops.division_rounding import round
from .ops.elementwise import exp2, expm1, log1p
from .ops.elementwise import sigmoid as expit
from .ops.gamma import digamma, polygamma, zeta
from .ops.gamma import digamma as psi
from .ops.gamma import igamma as gammainc
from .ops.gamma import igammac as gammaincc
from .ops.gamma import lgamma as gammaln
from .ops.gamma import mvlgamma as multigammaln
from .ops.normal_distribution import erfcx, erfinv, log_ndtr, ndtr, ndtri
from .ops.reduction import logsumexp
from .ops.softmax import log_softmax, softmax
from .ops.special import entr, erf, erfc, logit, sinc, xlog1py, xlogy

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]
