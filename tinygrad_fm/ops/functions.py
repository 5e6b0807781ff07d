"""Every operation in one namespace, for the rest of the package: ``from ..ops import functions as ops``."""

from ..autograd.broadcast import sum_to
from .activation import *
from .adaptive_pooling import *
from .attention import *
from .bessel import *
from .bessel import i0e, i1, i1e
from .comparison import *
from .conv import *
from .copy import *

# what only Tensor's methods and nn.functional offer under these names
from .copy import copy
from .counting import *
from .creation import *
from .cross_entropy import *
from .ctc import *
from .cumulative import *
from .decompositions import *
from .determinants import *
from .diagonal import *
from .distance import *
from .division_rounding import *
from .dropout import *
from .einsum import *
from .elementwise import *
from .clamp import *
from .embedding import *
from .mantissa_exponent import *
from .fold import *
from .pixel_shuffle import *
from .gamma import *
from .gamma import zeta
from .gather_scatter import *
from .grid_sample import *
from .indexing import *
from .indexing import getitem, setitem
from .interpolate import *
from .inverses import *
from .join_split import *
from .matmul import *
from .matmul import linear
from .normalization import normalize_channels
from .loss import *
from .matrix_functions import *
from .max_min import *
from .normal_distribution import *
from .normal_distribution import erfcx, log_ndtr, ndtr, ndtri
from .group_norm import *
from .normalization import *
from .norms import *
from .padding import *
from .pooling import *
from .pooling3d import *
from .rearrange import *
from .rearrange import repeat
from .reduction import *
from .rnn import *
from .sampling import *
from .scatter_reduce import *
from .shape import *
from .shape import T, expand, expand_as, mT, view
from .softmax import *
from .sorting import *
from .special import *
from .triangular_solve import *
from .unpooling import *
from .covariance import *
from .special import entr, xlog1py
from .docstrings import document

document(globals())
