"""Made of tensor_methods.py and ops by ``python -m tests.test_tensor_stub``; a test holds it current."""

import builtins
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._tensor import Tensor
from .random import Generator
from .ops.counting import Histogram
from .ops.mantissa_exponent import MantissaExponent
from .ops.max_min import MinMax
from .ops.decompositions import OldQR
from .ops.decompositions import OldSVD
from .ops.determinants import OldSlogdet
from .ops.triangular_solve import TriangularSolution
from .ops.sorting import ValuesIndices

class Methods:
    @property
    def H(self) -> Tensor:
        """A matrix transposed; conjugating, which it also means, changes real numbers not."""
    @property
    def T(self) -> Tensor:
        """All dimensions in reverse order."""
    def abs(self) -> Tensor:
        """The absolute value of each element, ``|input|``; its derivative at 0 is 0."""
    def abs_(self) -> Tensor:
        """:meth:`abs`, written into this tensor."""
    def absolute(self) -> Tensor:
        """The absolute value of each element, ``|input|``; its derivative at 0 is 0."""
    def absolute_(self) -> Tensor:
        """:meth:`absolute`, written into this tensor."""
    def acos(self) -> Tensor:
        """The inverse cosine of each element, in radians, from 0 to π; NaN outside of [−1, 1]."""
    def acos_(self) -> Tensor:
        """:meth:`acos`, written into this tensor."""
    def acosh(self) -> Tensor:
        """The inverse hyperbolic cosine of each element; NaN below 1."""
    def acosh_(self) -> Tensor:
        """:meth:`acosh`, written into this tensor."""
    def add(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """``input + alpha · other``, broadcast. The dtype is PyTorch's promotion of both."""
    def add_(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """:meth:`add`, written into this tensor."""
    def addbmm(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """``beta · input + alpha · Σ batch1 @ batch2`` over the batch: (B, p, n) and (B, n, m); input broadcasts to (p, m)."""
    def addbmm_(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """:meth:`addbmm`, written into this tensor."""
    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """``input + value · tensor1 / tensor2``."""
    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """:meth:`addcdiv`, written into this tensor."""
    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """``input + value · tensor1 · tensor2``."""
    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """:meth:`addcmul`, written into this tensor."""
    def addmm(self, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """``beta · input + alpha · mat1 @ mat2`` for matrices (p, n) and (n, m); input broadcasts to (p, m)."""
    def addmm_(self, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """:meth:`addmm`, written into this tensor."""
    def addmv(self, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """``beta · input + alpha · mat @ vec`` for a matrix (p, n) and a vector (n,); input broadcasts to (p,)."""
    def addmv_(self, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """:meth:`addmv`, written into this tensor."""
    def addr(self, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """``beta · input + alpha · vec1 vec2ᵀ`` for vectors (n,) and (m,); input broadcasts to (n, m)."""
    def addr_(self, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """:meth:`addr`, written into this tensor."""
    def adjoint(self) -> Tensor:
        """The last two dimensions exchanged, a view; conjugating, which it also means, changes real numbers not."""
    def all(self, dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
        """Whether all elements over ``dim`` are true (not 0). NaN counts as true."""
    def allclose(self, other: Any, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False) -> builtins.bool:
        """Whether all elements are close, by :func:`isclose`."""
    def amax(self, dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
        """The largest element over ``dim`` (an int, a tuple, or None for all dimensions)."""
    def amin(self, dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
        """The smallest element over ``dim`` (an int, a tuple, or None for all dimensions)."""
    def aminmax(self, *, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> MinMax:
        """Least and largest element, over all dimensions or over ``dim``."""
    def any(self, dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
        """Whether an element over ``dim`` is true (not 0). NaN counts as true."""
    def arccos(self) -> Tensor:
        """The inverse cosine of each element, in radians, from 0 to π; NaN outside of [−1, 1]."""
    def arccos_(self) -> Tensor:
        """:meth:`arccos`, written into this tensor."""
    def arccosh(self) -> Tensor:
        """The inverse hyperbolic cosine of each element; NaN below 1."""
    def arccosh_(self) -> Tensor:
        """:meth:`arccosh`, written into this tensor."""
    def arcsin(self) -> Tensor:
        """The inverse sine of each element, in radians, from −π/2 to π/2; NaN outside of [−1, 1]."""
    def arcsin_(self) -> Tensor:
        """:meth:`arcsin`, written into this tensor."""
    def arcsinh(self) -> Tensor:
        """The inverse hyperbolic sine of each element."""
    def arcsinh_(self) -> Tensor:
        """:meth:`arcsinh`, written into this tensor."""
    def arctan(self) -> Tensor:
        """The inverse tangent of each element, in radians, from −π/2 to π/2."""
    def arctan2(self, b: Any, /) -> Tensor:
        """The angle, in radians, of the point with ordinate ``input`` and abscissa ``other``, from −π to π. The two broadcast."""
    def arctan2_(self, b: Any, /) -> Tensor:
        """:meth:`arctan2`, written into this tensor."""
    def arctan_(self) -> Tensor:
        """:meth:`arctan`, written into this tensor."""
    def arctanh(self) -> Tensor:
        """The inverse hyperbolic tangent of each element; ±∞ at ±1, NaN beyond."""
    def arctanh_(self) -> Tensor:
        """:meth:`arctanh`, written into this tensor."""
    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index (int64) of the largest element along ``dim``, or in the flattened tensor if that is None."""
    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index (int64) of the smallest element along ``dim``, or in the flattened tensor if that is None."""
    def argsort(self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = False) -> Tensor:
        """The indices (int64) that put ``input`` in order along ``dim``. Always stable: equal elements keep their order."""
    def argwhere(self, *, as_tuple: builtins.bool = False) -> Any:
        """The indices (n, ndim) of the n elements that are not 0, in order; as a tuple of one vector per dimension if wished."""
    def asin(self) -> Tensor:
        """The inverse sine of each element, in radians, from −π/2 to π/2; NaN outside of [−1, 1]."""
    def asin_(self) -> Tensor:
        """:meth:`asin`, written into this tensor."""
    def asinh(self) -> Tensor:
        """The inverse hyperbolic sine of each element."""
    def asinh_(self) -> Tensor:
        """:meth:`asinh`, written into this tensor."""
    def atan(self) -> Tensor:
        """The inverse tangent of each element, in radians, from −π/2 to π/2."""
    def atan2(self, b: Any, /) -> Tensor:
        """The angle, in radians, of the point with ordinate ``input`` and abscissa ``other``, from −π to π. The two broadcast."""
    def atan2_(self, b: Any, /) -> Tensor:
        """:meth:`atan2`, written into this tensor."""
    def atan_(self) -> Tensor:
        """:meth:`atan`, written into this tensor."""
    def atanh(self) -> Tensor:
        """The inverse hyperbolic tangent of each element; ±∞ at ±1, NaN beyond."""
    def atanh_(self) -> Tensor:
        """:meth:`atanh`, written into this tensor."""
    def baddbmm(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """``beta · input + alpha · batch1 @ batch2`` for (B, p, n) and (B, n, m); input broadcasts to (B, p, m)."""
    def baddbmm_(self, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """:meth:`baddbmm`, written into this tensor."""
    def bernoulli(self, *, generator: Any = None) -> Tensor:
        """For each element 1 with that probability, else 0."""
    def bernoulli_(self, p: builtins.float = 0.5, *, generator: Any = None) -> Tensor:
        """Fill with 1 with probability ``p``, else 0; raises RuntimeError for a probability that is not from 0 to 1."""
    def bincount(self, weights: Any = None, minlength: builtins.int = 0) -> Tensor:
        """How often each number from 0 on occurs in a vector of integers, or the sum of the ``weights`` where it does."""
    def bitwise_and(self, other: Any, /) -> Tensor:
        """The bits that are set in both, for whole numbers and bools, which broadcast. Raises an error for floats."""
    def bitwise_and_(self, other: Any, /) -> Tensor:
        """:meth:`bitwise_and`, written into this tensor."""
    def bitwise_left_shift(self, other: Any, /) -> Tensor:
        """The bits of ``input`` moved up by ``other`` places: ``input · 2**other``, for whole numbers."""
    def bitwise_left_shift_(self, other: Any, /) -> Tensor:
        """:meth:`bitwise_left_shift`, written into this tensor."""
    def bitwise_not(self) -> Tensor:
        """Every bit turned over: ``−input − 1`` for signed whole numbers, 'not' for bools."""
    def bitwise_not_(self) -> Tensor:
        """:meth:`bitwise_not`, written into this tensor."""
    def bitwise_or(self, other: Any, /) -> Tensor:
        """The bits that are set in either, for whole numbers and bools, which broadcast."""
    def bitwise_or_(self, other: Any, /) -> Tensor:
        """:meth:`bitwise_or`, written into this tensor."""
    def bitwise_right_shift(self, other: Any, /) -> Tensor:
        """The bits of ``input`` moved down by ``other`` places: ``input / 2**other``, rounded down, for whole numbers."""
    def bitwise_right_shift_(self, other: Any, /) -> Tensor:
        """:meth:`bitwise_right_shift`, written into this tensor."""
    def bitwise_xor(self, other: Any, /) -> Tensor:
        """The bits that are set in one of the two only, for whole numbers and bools, which broadcast."""
    def bitwise_xor_(self, other: Any, /) -> Tensor:
        """:meth:`bitwise_xor`, written into this tensor."""
    def bmm(self, mat2: Any) -> Tensor:
        """The products of two batches of matrices, (B, p, n) and (B, n, m), without broadcasting: (B, p, m)."""
    def bool(self, memory_format: Any = None) -> Tensor:
        """``to(bool)``."""
    def broadcast_to(self, shape: Any) -> Tensor:
        """``input`` expanded to ``shape``, as :func:`expand`."""
    def byte(self, memory_format: Any = None) -> Tensor:
        """``to(uint8)``."""
    def ceil(self) -> Tensor:
        """Each element rounded up to a whole number; the derivative is 0."""
    def ceil_(self) -> Tensor:
        """:meth:`ceil`, written into this tensor."""
    def char(self, memory_format: Any = None) -> Tensor:
        """``to(int8)``."""
    def cholesky(self, upper: builtins.bool = False) -> Tensor:
        """:func:`linalg.cholesky` under its older name."""
    def cholesky_inverse(self, upper: builtins.bool = False) -> Tensor:
        """The inverse of A = L Lᵀ (Lᵀ L where ``upper``), given its Cholesky factor L, (…, n, n)."""
    def cholesky_solve(self, L: Any, upper: builtins.bool = False) -> Tensor:
        """The solution X of A X = input, where A = L Lᵀ, or Lᵀ L where ``upper``: (…, n, k) for L (…, n, n)."""
    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """``input`` split along ``dim`` into at most ``chunks`` parts of equal size; the last may be smaller."""
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """``input`` with what is below ``min`` set to it, and what is above ``max``; the gradient passes up to and at the bounds."""
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """:meth:`clamp`, written into this tensor."""
    def clamp_max(self, max: Any) -> Tensor:
        """``clamp(input, max=max)``."""
    def clamp_max_(self, max: Any) -> Tensor:
        """:meth:`clamp_max`, written into this tensor."""
    def clamp_min(self, min: Any) -> Tensor:
        """``clamp(input, min=min)``."""
    def clamp_min_(self, min: Any) -> Tensor:
        """:meth:`clamp_min`, written into this tensor."""
    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """``input`` with what is below ``min`` set to it, and what is above ``max``; the gradient passes up to and at the bounds."""
    def clip_(self, min: Any = None, max: Any = None) -> Tensor:
        """:meth:`clip`, written into this tensor."""
    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy, which gradients pass through."""
    def contiguous(self, memory_format: Any = None) -> Tensor:
        """The tensor itself if its elements lie in memory in the order of their indices, else a copy that does."""
    def copy_(self, source: Any, /) -> Tensor:
        """:meth:`copy`, written into this tensor."""
    def copysign(self, other: Any, /) -> Tensor:
        """The size of ``input`` with the sign of ``other``, which broadcast; the sign of −0.0 counts."""
    def copysign_(self, other: Any, /) -> Tensor:
        """:meth:`copysign`, written into this tensor."""
    def corrcoef(self) -> Tensor:
        """Pearson's correlation coefficients (V, V) of V variables with N observations each, (V, N): from −1 to 1."""
    def cos(self) -> Tensor:
        """The cosine of each element, in radians."""
    def cos_(self) -> Tensor:
        """:meth:`cos`, written into this tensor."""
    def cosh(self) -> Tensor:
        """The hyperbolic cosine of each element, (eˣ + e⁻ˣ) / 2."""
    def cosh_(self) -> Tensor:
        """:meth:`cosh`, written into this tensor."""
    def count_nonzero(self, dim: Any = None) -> Tensor:
        """How many elements over ``dim`` are not 0, as int64."""
    def cov(self, *, correction: builtins.int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
        """The covariance matrix (V, V) of V variables with N observations each."""
    def cpu(self, memory_format: Any = None) -> Tensor:
        """The tensor itself."""
    def cross(self, other: Any, dim: builtins.int | None = None) -> Tensor:
        """The cross product of vectors of 3 along ``dim``, by default the first dimension of size 3; others broadcast."""
    def cuda(self, *args: Any, **kwargs: Any) -> Tensor:
        """Raises RuntimeError: there is only the CPU."""
    def cummax(self, dim: builtins.int) -> ValuesIndices:
        """The largest element up to each place along ``dim``, and its index: the last one of equal ones."""
    def cummin(self, dim: builtins.int) -> ValuesIndices:
        """The smallest element up to each place along ``dim``, and its index: the last one of equal ones."""
    def cumprod(self, dim: builtins.int, *, dtype: Any = None) -> Tensor:
        """The running product along ``dim``: yᵢ = x₀ · … · xᵢ. Integers and bools are multiplied as int64."""
    def cumprod_(self, dim: builtins.int, *, dtype: Any = None) -> Tensor:
        """:meth:`cumprod`, written into this tensor."""
    def cumsum(self, dim: builtins.int, *, dtype: Any = None) -> Tensor:
        """The running sum along ``dim``: yᵢ = x₀ + … + xᵢ. Integers and bools are summed as int64."""
    def cumsum_(self, dim: builtins.int, *, dtype: Any = None) -> Tensor:
        """:meth:`cumsum`, written into this tensor."""
    def data_ptr(self) -> builtins.int:
        """Address of the first element."""
    def deg2rad(self) -> Tensor:
        """Degrees as radians."""
    def deg2rad_(self) -> Tensor:
        """:meth:`deg2rad`, written into this tensor."""
    def det(self) -> Tensor:
        """:func:`linalg.det`."""
    def diag(self, diagonal: builtins.int = 0) -> Tensor:
        """Of a vector, the square matrix with it on the diagonal; of a matrix, a copy of its diagonal."""
    def diag_embed(self, offset: builtins.int = 0, dim1: builtins.int = -2, dim2: builtins.int = -1) -> Tensor:
        """Zeros with ``input``'s last dimension as the diagonal in the plane of ``dim1`` and ``dim2`` of the result."""
    def diagflat(self, offset: builtins.int = 0) -> Tensor:
        """A matrix with all elements of ``input`` on one diagonal."""
    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """A view of the diagonal in the plane of ``dim1`` and ``dim2``, as a new last dimension; ``offset`` > 0 lies above."""
    def diagonal_scatter(self, src: Any, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """A copy of ``input`` with ``src`` on its diagonal, as :func:`diagonal` gives it."""
    def diff(self, n: builtins.int = 1, dim: builtins.int = -1, prepend: Any = None, append: Any = None) -> Tensor:
        """Each element's difference from the one before along ``dim``, ``n`` times over."""
    def digamma(self) -> Tensor:
        """The derivative of :func:`lgamma`."""
    def digamma_(self) -> Tensor:
        """:meth:`digamma`, written into this tensor."""
    def dist(self, other: Any, p: builtins.float = 2) -> Tensor:
        """The p-norm of the difference."""
    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """``input / other``, broadcast; integers give the default float dtype. Division by 0 gives ±inf or NaN."""
    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """:meth:`div`, written into this tensor."""
    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """``input / other``, broadcast; integers give the default float dtype. Division by 0 gives ±inf or NaN."""
    def divide_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """:meth:`divide`, written into this tensor."""
    def dot(self, tensor: Any) -> Tensor:
        """The inner product of two vectors of one length: Σ input_i · tensor_i, 0-d."""
    def double(self, memory_format: Any = None) -> Tensor:
        """``to(float64)``."""
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Views of parts along the third dimension; see :func:`tensor_split`."""
    def element_size(self) -> builtins.int:
        """Bytes per element."""
    def eq(self, other: Any, /) -> Tensor:
        """Where the two are equal, as bools; they broadcast. NaN equals nothing."""
    def eq_(self, other: Any, /) -> Tensor:
        """:meth:`eq`, written into this tensor."""
    def equal(self, other: Any) -> builtins.bool:
        """Whether both have the same shape and the same elements."""
    def erf(self) -> Tensor:
        """The error function, 2/√π · ∫₀ˣ exp(−t²) dt, of each element."""
    def erf_(self) -> Tensor:
        """:meth:`erf`, written into this tensor."""
    def erfc(self) -> Tensor:
        """One minus the error function of each element, exact also where that is close to 1."""
    def erfc_(self) -> Tensor:
        """:meth:`erfc`, written into this tensor."""
    def erfinv(self) -> Tensor:
        """The inverse of the error function, for elements between −1 and 1; ±∞ at the ends, NaN beyond."""
    def erfinv_(self) -> Tensor:
        """:meth:`erfinv`, written into this tensor."""
    def exp(self) -> Tensor:
        """e to the power of each element. Its derivative is itself."""
    def exp2(self) -> Tensor:
        """2 to the power of each element."""
    def exp2_(self) -> Tensor:
        """:meth:`exp2`, written into this tensor."""
    def exp_(self) -> Tensor:
        """:meth:`exp`, written into this tensor."""
    def expand(self, *sizes_: Any, size: Any = None) -> Tensor:
        """A read-only view in which dimensions of size 1, and new ones in front, are repeated without taking memory."""
    def expand_as(self, other: Any) -> Tensor:
        """``input`` expanded to the shape of ``other``."""
    def expm1(self) -> Tensor:
        """eˣ − 1 of each element, exact also where x is close to 0."""
    def expm1_(self) -> Tensor:
        """:meth:`expm1`, written into this tensor."""
    def exponential_(self, lambd: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with numbers drawn from lambd · exp(−lambd · x), x > 0."""
    def fill_(self, value: Any) -> Tensor:
        """:meth:`fill`, written into this tensor."""
    def fix(self) -> Tensor:
        """Each element rounded towards 0; the derivative is 0."""
    def fix_(self) -> Tensor:
        """:meth:`fix`, written into this tensor."""
    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """The dimensions from ``start_dim`` to ``end_dim``, both included, merged into one; (N, C, H, W) → (N·C·H·W,)."""
    def flip(self, *axes: Any, dims: Any = None) -> Tensor:
        """A copy with the order of the elements reversed along ``dims``, ints one by one or a tuple."""
    def fliplr(self) -> Tensor:
        """Columns in reverse order."""
    def flipud(self) -> Tensor:
        """Rows in reverse order."""
    def float(self, memory_format: Any = None) -> Tensor:
        """``to(float32)``."""
    def float_power(self, exponent: Any) -> Tensor:
        """``input`` to the power ``exponent``, both as float64."""
    def float_power_(self, exponent: Any) -> Tensor:
        """:func:`float_power` of the tensor itself, which must be float64, as the result is; else raises RuntimeError."""
    def floor(self) -> Tensor:
        """Each element rounded down to a whole number; the derivative is 0."""
    def floor_(self) -> Tensor:
        """:meth:`floor`, written into this tensor."""
    def floor_divide(self, other: Any, /) -> Tensor:
        """``input / other`` rounded down, as Python's ``//``; they broadcast. Whole numbers stay whole."""
    def floor_divide_(self, other: Any, /) -> Tensor:
        """:meth:`floor_divide`, written into this tensor."""
    def fmax(self, b: Any, /) -> Tensor:
        """The larger of the two; where one is NaN, the other. They broadcast. Of equal ones ``input`` gets the gradient."""
    def fmin(self, b: Any, /) -> Tensor:
        """The smaller of the two; where one is NaN, the other. They broadcast. Of equal ones ``input`` gets the gradient."""
    def fmod(self, b: Any, /) -> Tensor:
        """The remainder of ``input / other`` rounded towards 0: it has the sign of ``input``. They broadcast."""
    def fmod_(self, b: Any, /) -> Tensor:
        """:meth:`fmod`, written into this tensor."""
    def frac(self) -> Tensor:
        """The part behind the point: ``input − trunc(input)``."""
    def frac_(self) -> Tensor:
        """:meth:`frac`, written into this tensor."""
    def frexp(self) -> MantissaExponent:
        """``input`` as mantissa · 2^exponent: the mantissa's size from ½ to below 1, the exponent int32. Floats only."""
    def gather(self, dim: builtins.int, index: Any, *, sparse_grad: builtins.bool = False) -> Tensor:
        """Elements picked along ``dim``: for dim 1 of three, ``out[i, j, k] = input[i, index[i, j, k], k]``."""
    def gcd(self, other: Any, /) -> Tensor:
        """The greatest common divisor of whole numbers, which broadcast."""
    def gcd_(self, other: Any, /) -> Tensor:
        """:meth:`gcd`, written into this tensor."""
    def ge(self, other: Any, /) -> Tensor:
        """Where ``input ≥ other``, as bools; they broadcast."""
    def ge_(self, other: Any, /) -> Tensor:
        """:meth:`ge`, written into this tensor."""
    def ger(self, vec2: Any) -> Tensor:
        """The outer product of two vectors (n,) and (m,): (n, m), input_i · vec2_j."""
    def get_device(self) -> builtins.int:
        """−1, as on the CPU."""
    def greater(self, other: Any, /) -> Tensor:
        """Where ``input > other``, as bools; they broadcast."""
    def greater_(self, other: Any, /) -> Tensor:
        """:meth:`greater`, written into this tensor."""
    def greater_equal(self, other: Any, /) -> Tensor:
        """Where ``input ≥ other``, as bools; they broadcast."""
    def greater_equal_(self, other: Any, /) -> Tensor:
        """:meth:`greater_equal`, written into this tensor."""
    def gt(self, other: Any, /) -> Tensor:
        """Where ``input > other``, as bools; they broadcast."""
    def gt_(self, other: Any, /) -> Tensor:
        """:meth:`gt`, written into this tensor."""
    def half(self, memory_format: Any = None) -> Tensor:
        """``to(float16)``."""
    def hardshrink(self, lambd: builtins.float = 0.5) -> Tensor:
        """``input``, but 0 within ``lambd`` of 0."""
    def heaviside(self, values: Any) -> Tensor:
        """0 below zero, 1 above, and ``values`` at zero. Raises RuntimeError unless both are of one dtype."""
    def heaviside_(self, values: Any) -> Tensor:
        """:meth:`heaviside`, written into this tensor."""
    def histc(self, bins: builtins.int = 100, min: builtins.float = 0, max: builtins.float = 0) -> Tensor:
        """How many elements fall into each of ``bins`` equal stretches of [min, max]; of the data's own range if both are equal."""
    def histogram(self, bins: Any, *, range: Any = None, weight: Any = None, density: builtins.bool = False) -> Histogram:
        """How many elements fall between neighbouring edges, the last one included, and the edges."""
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Views of parts with some of the columns each (of a vector, of the elements); see :func:`tensor_split`."""
    def hypot(self, b: Any, /) -> Tensor:
        """The length √(input² + other²), without overflow on the way; they broadcast."""
    def hypot_(self, b: Any, /) -> Tensor:
        """:meth:`hypot`, written into this tensor."""
    def i0(self) -> Tensor:
        """The modified Bessel function of the first kind, of order 0, of each element."""
    def i0_(self) -> Tensor:
        """:meth:`i0`, written into this tensor."""
    def igamma(self, other: Any, /) -> Tensor:
        """The regularised lower incomplete gamma function, ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a), with a = ``input`` and x = ``other``."""
    def igamma_(self, other: Any, /) -> Tensor:
        """:meth:`igamma`, written into this tensor."""
    def igammac(self, other: Any, /) -> Tensor:
        """The regularised upper incomplete gamma function, one minus :func:`igamma`, exact also where that is close to 1."""
    def igammac_(self, other: Any, /) -> Tensor:
        """:meth:`igammac`, written into this tensor."""
    def index_add(self, dim: builtins.int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
        """``input`` with ``alpha`` times the slices of ``source`` added to its slices ``index`` along ``dim``."""
    def index_add_(self, dim: builtins.int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
        """:meth:`index_add`, written into this tensor."""
    def index_copy(self, dim: builtins.int, index: Any, source: Any) -> Tensor:
        """``input`` with the slices ``index`` along ``dim`` taken from ``source``, in its order."""
    def index_copy_(self, dim: builtins.int, index: Any, source: Any) -> Tensor:
        """:meth:`index_copy`, written into this tensor."""
    def index_fill(self, dim: builtins.int, index: Any, value: Any) -> Tensor:
        """``input`` with ``value``, a number or a 0-d tensor, in the slices ``index`` along ``dim``; negative ones count back."""
    def index_fill_(self, dim: builtins.int, index: Any, value: Any) -> Tensor:
        """:meth:`index_fill`, written into this tensor."""
    def index_put(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """A copy of ``input`` with ``input[indices] = values``, or with ``values`` added there."""
    def index_put_(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """:meth:`index_put`, written into this tensor."""
    def index_reduce(self, dim: builtins.int, index: Any, source: Any, reduce: str, *, include_self: builtins.bool = True) -> Tensor:
        """As :func:`scatter_reduce` of whole slices: slice i of ``source`` along ``dim`` goes to slice ``index[i]``."""
    def index_reduce_(self, dim: builtins.int, index: Any, source: Any, reduce: str, *, include_self: builtins.bool = True) -> Tensor:
        """:meth:`index_reduce`, written into this tensor."""
    def index_select(self, dim: builtins.int, index: Any) -> Tensor:
        """The slices of ``input`` along ``dim`` at the places ``index``, a vector of integers, as a copy."""
    def inner(self, other: Any) -> Tensor:
        """The sum of products over the last dimensions; a plain product where one is 0-d."""
    def int(self, memory_format: Any = None) -> Tensor:
        """``to(int32)``."""
    def inverse(self) -> Tensor:
        """:func:`linalg.inv` under its older name."""
    def is_complex(self) -> builtins.bool:
        """Always False: there are no complex tensors here."""
    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether the elements lie in memory in the order of their indices."""
    is_cpu: builtins.bool
    is_cuda: builtins.bool
    def is_floating_point(self) -> builtins.bool:
        """Whether the elements are floating-point numbers."""
    def is_inference(self) -> builtins.bool:
        """Whether the tensor was made in :class:`inference_mode`."""
    is_meta: builtins.bool
    is_mps: builtins.bool
    def is_nonzero(self) -> builtins.bool:
        """The truth of a tensor with one element."""
    def is_pinned(self) -> builtins.bool:
        """False."""
    is_quantized: builtins.bool
    def is_same_size(self, other: Any) -> builtins.bool:
        """Whether the shapes are equal."""
    def is_shared(self) -> builtins.bool:
        """False."""
    def is_signed(self) -> builtins.bool:
        """Whether the dtype has negative numbers."""
    is_sparse: builtins.bool
    def isclose(self, other: Any, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False) -> Tensor:
        """Elementwise ``|input − other| ≤ atol + rtol · |other|``; infinities are close to themselves."""
    def isfinite(self) -> Tensor:
        """Where elements are neither infinite nor NaN, as bools."""
    def isinf(self) -> Tensor:
        """Where elements are infinite, as bools."""
    def isnan(self) -> Tensor:
        """Where elements are NaN, as bools."""
    def isneginf(self) -> Tensor:
        """Whether each element is −∞."""
    def isposinf(self) -> Tensor:
        """Whether each element is +∞."""
    def isreal(self) -> Tensor:
        """True for each element: there are no complex numbers here."""
    @property
    def itemsize(self) -> builtins.int:
        """Bytes per element."""
    def kron(self, other: Any) -> Tensor:
        """Kronecker's product: every element of ``input`` times the whole of ``other``, side by side."""
    def kthvalue(self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False) -> ValuesIndices:
        """The ``k``-th smallest element along ``dim``, counted from 1, and its index. NaN counts as the largest."""
    def lcm(self, other: Any, /) -> Tensor:
        """The least common multiple of whole numbers, which broadcast."""
    def lcm_(self, other: Any, /) -> Tensor:
        """:meth:`lcm`, written into this tensor."""
    def ldexp(self, other: Any) -> Tensor:
        """``input · 2^other``."""
    def ldexp_(self, other: Any) -> Tensor:
        """:meth:`ldexp`, written into this tensor."""
    def le(self, other: Any, /) -> Tensor:
        """Where ``input ≤ other``, as bools; they broadcast."""
    def le_(self, other: Any, /) -> Tensor:
        """:meth:`le`, written into this tensor."""
    def lerp(self, end: Any, weight: Any) -> Tensor:
        """``input + weight · (end − input)``: the point at ``weight`` of the way from ``input`` to ``end``."""
    def lerp_(self, end: Any, weight: Any) -> Tensor:
        """:meth:`lerp`, written into this tensor."""
    def less(self, other: Any, /) -> Tensor:
        """Where ``input < other``, as bools; they broadcast."""
    def less_(self, other: Any, /) -> Tensor:
        """:meth:`less`, written into this tensor."""
    def less_equal(self, other: Any, /) -> Tensor:
        """Where ``input ≤ other``, as bools; they broadcast."""
    def less_equal_(self, other: Any, /) -> Tensor:
        """:meth:`less_equal`, written into this tensor."""
    def lgamma(self) -> Tensor:
        """log |Γ(x)| of each element; the derivative is :func:`digamma`."""
    def lgamma_(self) -> Tensor:
        """:meth:`lgamma`, written into this tensor."""
    def log(self) -> Tensor:
        """The natural logarithm of each element; −∞ at 0, NaN below."""
    def log10(self) -> Tensor:
        """The logarithm to base 10 of each element; −∞ at 0, NaN below."""
    def log10_(self) -> Tensor:
        """:meth:`log10`, written into this tensor."""
    def log1p(self) -> Tensor:
        """log(1 + x) of each element, exact also where x is close to 0."""
    def log1p_(self) -> Tensor:
        """:meth:`log1p`, written into this tensor."""
    def log2(self) -> Tensor:
        """The logarithm to base 2 of each element; −∞ at 0, NaN below."""
    def log2_(self) -> Tensor:
        """:meth:`log2`, written into this tensor."""
    def log_(self) -> Tensor:
        """:meth:`log`, written into this tensor."""
    def log_softmax(self, dim: builtins.int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
        """log(softmax(input)) along ``dim``, computed without overflow or loss; arguments as for :func:`softmax`."""
    def logaddexp(self, other: Any) -> Tensor:
        """log(exp(a) + exp(b)), without overflow."""
    def logaddexp2(self, other: Any) -> Tensor:
        """log₂(2^a + 2^b), without overflow."""
    def logcumsumexp(self, dim: builtins.int) -> Tensor:
        """The running logsumexp along ``dim``: yᵢ = log(exp(x₀) + … + exp(xᵢ)), without overflow."""
    def logdet(self) -> Tensor:
        """log det of square matrices; NaN where the determinant is negative."""
    def logical_and(self, other: Any, /) -> Tensor:
        """Where both are not 0, as bools; they broadcast."""
    def logical_and_(self, other: Any, /) -> Tensor:
        """:meth:`logical_and`, written into this tensor."""
    def logical_not(self) -> Tensor:
        """Where elements are 0, as bools."""
    def logical_not_(self) -> Tensor:
        """:meth:`logical_not`, written into this tensor."""
    def logical_or(self, other: Any, /) -> Tensor:
        """Where one of the two is not 0, or both, as bools; they broadcast."""
    def logical_or_(self, other: Any, /) -> Tensor:
        """:meth:`logical_or`, written into this tensor."""
    def logical_xor(self, other: Any, /) -> Tensor:
        """Where one of the two is not 0, but not both, as bools; they broadcast."""
    def logical_xor_(self, other: Any, /) -> Tensor:
        """:meth:`logical_xor`, written into this tensor."""
    def logit(self, eps: builtins.float | None = None) -> Tensor:
        """The inverse of sigmoid, log(x / (1 − x)); x is first clamped to [eps, 1 − eps] if ``eps`` is given."""
    def logit_(self, eps: builtins.float | None = None) -> Tensor:
        """:meth:`logit`, written into this tensor."""
    def logsumexp(self, dim: Any, keepdim: builtins.bool = False) -> Tensor:
        """log Σ exp(x) over ``dim``, without overflow: the largest element is taken out before and added again after."""
    def long(self, memory_format: Any = None) -> Tensor:
        """``to(int64)``."""
    def lt(self, other: Any, /) -> Tensor:
        """Where ``input < other``, as bools; they broadcast."""
    def lt_(self, other: Any, /) -> Tensor:
        """:meth:`lt`, written into this tensor."""
    @property
    def mH(self) -> Tensor:
        """:func:`adjoint`: the last two dimensions exchanged."""
    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""
    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """``input`` with ``value``, a number or a 0-d tensor, where ``mask`` holds; mask and input broadcast."""
    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """:meth:`masked_fill`, written into this tensor."""
    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        """``input`` with the elements where ``mask`` holds taken from ``source``, one after the other."""
    def masked_scatter_(self, mask: Any, source: Any) -> Tensor:
        """:meth:`masked_scatter`, written into this tensor."""
    def masked_select(self, mask: Any) -> Tensor:
        """The elements of ``input`` where ``mask`` holds, in one dimension; the two broadcast."""
    def matmul(self, other: Any) -> Tensor:
        """The matrix product ``input @ other``."""
    def matrix_exp(self) -> Tensor:
        """Σ Aⁿ / n! for square matrices, (…, n, n): the series of A / 2ˢ, squared s times (scaling and squaring)."""
    def matrix_power(self, n: builtins.int) -> Tensor:
        """``n`` times the matrix by itself, batches too; by squaring. A negative power is one of the inverse."""
    def max(self, dim: Any = None, keepdim: builtins.bool = False, *, other: Any = None) -> Any:
        """The largest element."""
    def maximum(self, b: Any, /) -> Tensor:
        """The larger of the two, elementwise; they broadcast. NaN if one is NaN. Equal ones share the gradient."""
    def mean(self, dim: Any = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The average over ``dim``; NaN of nothing. Raises RuntimeError for integers, unless ``dtype`` makes them float."""
    def median(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """The middle element in order, the lower one of two: of all, or along ``dim`` as a named tuple ``(values, indices)``."""
    def min(self, dim: Any = None, keepdim: builtins.bool = False, *, other: Any = None) -> Any:
        """The smallest element; arguments and result as those of :func:`max`."""
    def minimum(self, b: Any, /) -> Tensor:
        """The smaller of the two, elementwise; they broadcast. NaN if one is NaN. Equal ones share the gradient."""
    def mm(self, mat2: Any) -> Tensor:
        """The product of two matrices (p, n) and (n, m): :func:`matmul` that accepts nothing else."""
    def mode(self, dim: builtins.int = -1, keepdim: builtins.bool = False) -> ValuesIndices:
        """The most frequent element along ``dim``, the smallest of equally frequent ones, and the last index where it is."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """A view with the dimensions ``source`` (an int or several) moved to ``destination``; the others keep their order."""
    def movedim(self, source: Any, destination: Any) -> Tensor:
        """A view with the dimensions ``source`` (an int or several) moved to ``destination``; the others keep their order."""
    def msort(self) -> Tensor:
        """``input`` in order along its first dimension."""
    def mul(self, b: Any, /) -> Tensor:
        """``input · other``, elementwise. They broadcast; the dtype is PyTorch's promotion of both."""
    def mul_(self, b: Any, /) -> Tensor:
        """:meth:`mul`, written into this tensor."""
    def multinomial(self, num_samples: builtins.int, replacement: builtins.bool = False, *, generator: Generator | None = None) -> Tensor:
        """Indices drawn with probabilities proportional to ``input``, (K,) or (N, K); returns int64 (num_samples,) or (N, …)."""
    def multiply(self, b: Any, /) -> Tensor:
        """``input · other``, elementwise. They broadcast; the dtype is PyTorch's promotion of both."""
    def multiply_(self, b: Any, /) -> Tensor:
        """:meth:`multiply`, written into this tensor."""
    def mv(self, vec: Any) -> Tensor:
        """The product of a matrix (p, n) and a vector (n,): (p,)."""
    def mvlgamma(self, p: builtins.int) -> Tensor:
        """The logarithm of the multivariate gamma function of dimension ``p``. Raises RuntimeError unless input > (p − 1) / 2."""
    def mvlgamma_(self, p: builtins.int) -> Tensor:
        """:meth:`mvlgamma`, written into this tensor."""
    def nan_to_num(self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None) -> Tensor:
        """``input`` with NaN and the infinities replaced; the infinities by the largest numbers there are, if not given."""
    def nan_to_num_(self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None) -> Tensor:
        """:meth:`nan_to_num`, written into this tensor."""
    def nanmean(self, dim: Any = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The mean of what is not NaN."""
    def nanmedian(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """As :func:`median`, of what is not NaN."""
    def nanquantile(self, q: Any, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, interpolation: str = 'linear') -> Tensor:
        """As :func:`quantile`, of what is not NaN; NaN where nothing else is."""
    def nansum(self, dim: Any = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The sum of what is not NaN."""
    def narrow(self, dim: builtins.int, start: Any, length: builtins.int) -> Tensor:
        """A view of ``length`` elements along ``dim`` from ``start`` on, which may be negative to count from the end."""
    @property
    def nbytes(self) -> builtins.int:
        """Bytes of all elements."""
    def ndimension(self) -> builtins.int:
        """How many dimensions."""
    def ne(self, other: Any, /) -> Tensor:
        """Where the two differ, as bools; they broadcast. NaN differs from everything."""
    def ne_(self, other: Any, /) -> Tensor:
        """:meth:`ne`, written into this tensor."""
    def neg(self) -> Tensor:
        """Each element with the other sign, ``−input``. Raises RuntimeError for bools."""
    def neg_(self) -> Tensor:
        """:meth:`neg`, written into this tensor."""
    def negative(self) -> Tensor:
        """Each element with the other sign, ``−input``. Raises RuntimeError for bools."""
    def negative_(self) -> Tensor:
        """:meth:`negative`, written into this tensor."""
    def nelement(self) -> builtins.int:
        """How many elements."""
    def new(self, *data: Any) -> Tensor:
        """A tensor of this one's dtype from ``data``, or of that size, filled with zeros; an older way to make one."""
    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """:func:`zeros` with this tensor's dtype."""
    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False, layout: Any = None, pin_memory: builtins.bool = False) -> Tensor:
        """:func:`full` with this tensor's dtype."""
    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """:func:`ones` with this tensor's dtype."""
    def new_tensor(self, data: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """:func:`tensor` with this tensor's dtype."""
    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """:func:`zeros` with this tensor's dtype."""
    def nextafter(self, other: Any, /) -> Tensor:
        """The floating-point number next to ``input`` in the direction of ``other``. They broadcast."""
    def nextafter_(self, other: Any, /) -> Tensor:
        """:meth:`nextafter`, written into this tensor."""
    def nonzero(self, *, as_tuple: builtins.bool = False) -> Any:
        """The indices (n, ndim) of the n elements that are not 0, in order; as a tuple of one vector per dimension if wished."""
    def norm(self, p: Any = 'fro', dim: Any = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The norm (Σ |x|ᵖ)^(1/p) over ``dim``, of the elements as one long vector."""
    def normal_(self, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with normally distributed numbers."""
    def not_equal(self, other: Any, /) -> Tensor:
        """Where the two differ, as bools; they broadcast. NaN differs from everything."""
    def not_equal_(self, other: Any, /) -> Tensor:
        """:meth:`not_equal`, written into this tensor."""
    def outer(self, vec2: Any) -> Tensor:
        """The outer product of two vectors (n,) and (m,): (n, m), input_i · vec2_j."""
    def permute(self, *axes: Any, dims: Any = None) -> Tensor:
        """A view with the dimensions in the order ``dims``, ints one by one or a tuple."""
    def pin_memory(self, device: Any = None) -> Tensor:
        """The tensor itself."""
    def pinverse(self, rcond: builtins.float = 1e-15) -> Tensor:
        """:func:`linalg.pinv` under its older name."""
    def polygamma(self, n: builtins.int) -> Tensor:
        """:func:`polygamma`, whose first argument is ``n``."""
    def polygamma_(self, n: builtins.int) -> Tensor:
        """:func:`polygamma` of the tensor itself."""
    def positive(self) -> Tensor:
        """``+input``, the tensor itself. Raises RuntimeError for bools."""
    def pow(self, exponent: Any) -> Tensor:
        """``input`` to the power ``exponent``; either may be a number."""
    def pow_(self, exponent: Any) -> Tensor:
        """:meth:`pow`, written into this tensor."""
    def prelu(self, weight: Any) -> Tensor:
        """``input`` where it is positive, elsewhere ``weight · input``."""
    def prod(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The product over ``dim``, or of all elements. Integers and bools are multiplied as int64."""
    def put(self, index: Any, source: Any, accumulate: builtins.bool = False) -> Tensor:
        """``input`` with the elements at ``index``, counted as if it were a vector, taken from ``source``, or added up there."""
    def put_(self, index: Any, source: Any, accumulate: builtins.bool = False) -> Tensor:
        """:meth:`put`, written into this tensor."""
    def qr(self, some: builtins.bool = True) -> OldQR:
        """:func:`linalg.qr` in its older form: reduced, or complete where not ``some``."""
    def quantile(self, q: Any, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, interpolation: str = 'linear') -> Tensor:
        """The value below which a share ``q`` of the elements lies, over all dimensions or over ``dim``. NaN if there is one."""
    def rad2deg(self) -> Tensor:
        """Radians as degrees."""
    def rad2deg_(self) -> Tensor:
        """:meth:`rad2deg`, written into this tensor."""
    def random_(self, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Any = None) -> Tensor:
        """Fill with whole numbers from [``from_``, ``to``), or [0, ``from_``) if it is the only one given."""
    def ravel(self) -> Tensor:
        """``input`` in one dimension; a view where the memory allows."""
    def reciprocal(self) -> Tensor:
        """1 / x of each element; ±∞ at 0."""
    def reciprocal_(self) -> Tensor:
        """:meth:`reciprocal`, written into this tensor."""
    def relu(self, inplace: builtins.bool = False) -> Tensor:
        """max(input, 0), elementwise; the derivative at 0 is 0."""
    def relu_(self, inplace: builtins.bool = False) -> Tensor:
        """:meth:`relu`, written into this tensor."""
    def remainder(self, b: Any, /) -> Tensor:
        """The remainder of ``input / other`` rounded down: it has the sign of ``other``, as Python's ``%``. They broadcast."""
    def remainder_(self, b: Any, /) -> Tensor:
        """:meth:`remainder`, written into this tensor."""
    def renorm(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Tensor:
        """``input`` with those slices along ``dim`` whose p-norm is above ``maxnorm`` scaled down to it."""
    def renorm_(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Tensor:
        """:meth:`renorm`, written into this tensor."""
    def repeat(self, *repeats: Any) -> Tensor:
        """``input`` put down ``repeats`` times along each dimension; sizes in front of its own make new dimensions."""
    def repeat_interleave(self, repeats: Any = None, dim: builtins.int | None = None, *, output_size: builtins.int | None = None) -> Tensor:
        """Each slice along ``dim`` (each element of the flattened tensor if None) ``repeats`` times in a row."""
    def reshape(self, *sizes_: Any, shape: Any = None) -> Tensor:
        """``input``'s elements, in order, in another shape; a view where the memory allows, else a copy."""
    def reshape_as(self, other: Any) -> Tensor:
        """``reshape(other.shape)``."""
    def resize_(self, *size: Any, memory_format: Any = None) -> Tensor:
        """Give the tensor another size: its elements in memory order, cut off or with zeros behind them."""
    def resize_as_(self, the_template: Any, memory_format: Any = None) -> Tensor:
        """:meth:`resize_` to the size of ``the_template``."""
    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """``input`` with its elements moved on by ``shifts`` along ``dims``, those at the end coming in again at the start."""
    def rot90(self, k: builtins.int = 1, dims: Any = (0, 1)) -> Tensor:
        """Turned ``k`` quarter turns in the plane of two dimensions, from the first towards the second."""
    def round(self, *, decimals: builtins.int = 0) -> Tensor:
        """To the nearest whole number (or to ``decimals`` places), halves to the even one. The derivative is 0."""
    def round_(self, *, decimals: builtins.int = 0) -> Tensor:
        """:meth:`round`, written into this tensor."""
    def rsqrt(self) -> Tensor:
        """1 / √x of each element; ∞ at 0, NaN below."""
    def rsqrt_(self) -> Tensor:
        """:meth:`rsqrt`, written into this tensor."""
    def scatter(self, dim: builtins.int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
        """``input`` with elements put in place along ``dim``: for dim 1 of three, ``out[i, index[i, j, k], k] = src[i, j, k]``."""
    def scatter_(self, dim: builtins.int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
        """:meth:`scatter`, written into this tensor."""
    def scatter_add(self, dim: builtins.int, index: Any, src: Any) -> Tensor:
        """``input`` with elements of ``src`` added along ``dim``: ``out[i, index[i, j, k], k] += src[i, j, k]`` for dim 1 of three."""
    def scatter_add_(self, dim: builtins.int, index: Any, src: Any) -> Tensor:
        """:meth:`scatter_add`, written into this tensor."""
    def scatter_reduce(self, dim: builtins.int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = True) -> Tensor:
        """``input`` with the elements of ``src`` that ``index`` sends to one place along ``dim`` made into one there."""
    def scatter_reduce_(self, dim: builtins.int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = True) -> Tensor:
        """:meth:`scatter_reduce`, written into this tensor."""
    def select(self, dim: builtins.int, index: Any) -> Tensor:
        """A view of the slice at ``index`` along ``dim``, without that dimension."""
    def select_scatter(self, src: Any, dim: builtins.int, index: builtins.int) -> Tensor:
        """A copy of ``input`` with ``src`` as the slice ``index`` along ``dim``."""
    def sgn(self) -> Tensor:
        """:func:`sign`."""
    def sgn_(self) -> Tensor:
        """:meth:`sgn`, written into this tensor."""
    def share_memory_(self) -> Tensor:
        """The tensor itself; it is not shared with other processes."""
    def short(self, memory_format: Any = None) -> Tensor:
        """``to(int16)``."""
    def sigmoid(self) -> Tensor:
        """The logistic function 1 / (1 + e⁻ˣ) of each element; the derivative is y · (1 − y)."""
    def sigmoid_(self) -> Tensor:
        """:meth:`sigmoid`, written into this tensor."""
    def sign(self) -> Tensor:
        """−1, 0 or 1, as each element is negative, 0 or positive; the derivative is 0."""
    def sign_(self) -> Tensor:
        """:meth:`sign`, written into this tensor."""
    def signbit(self) -> Tensor:
        """Whether the sign is minus, also that of −0."""
    def sin(self) -> Tensor:
        """The sine of each element, in radians."""
    def sin_(self) -> Tensor:
        """:meth:`sin`, written into this tensor."""
    def sinc(self) -> Tensor:
        """sin(πx) / (πx) of each element, and 1 at 0."""
    def sinc_(self) -> Tensor:
        """:meth:`sinc`, written into this tensor."""
    def sinh(self) -> Tensor:
        """The hyperbolic sine of each element, (eˣ − e⁻ˣ) / 2."""
    def sinh_(self) -> Tensor:
        """:meth:`sinh`, written into this tensor."""
    def slice_scatter(self, src: Any, dim: builtins.int = 0, start: builtins.int | None = None, end: builtins.int | None = None, step: builtins.int = 1) -> Tensor:
        """A copy of ``input`` with ``src`` as the slices ``start:end:step`` along ``dim``."""
    def slogdet(self) -> OldSlogdet:
        """:func:`linalg.slogdet`."""
    def softmax(self, dim: builtins.int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
        """exp(input) divided by its sum along ``dim``: positive numbers that add up to 1."""
    def sort(self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = False) -> ValuesIndices:
        """``input`` in order along ``dim``, and where each element came from. Always stable; NaN counts as the largest."""
    def split(self, split_size_or_sections: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Views of consecutive parts along ``dim``."""
    def split_with_sizes(self, split_size_or_sections: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Views of consecutive parts along ``dim``."""
    def sqrt(self) -> Tensor:
        """The square root of each element; NaN below 0. The derivative at 0 is ∞."""
    def sqrt_(self) -> Tensor:
        """:meth:`sqrt`, written into this tensor."""
    def square(self) -> Tensor:
        """``input ²``."""
    def square_(self) -> Tensor:
        """:meth:`square`, written into this tensor."""
    def squeeze(self, dim: Any = None) -> Tensor:
        """``input`` without its dimensions of size 1, or without those among ``dim`` (an int or a tuple) that have size 1."""
    def squeeze_(self, *dim: Any) -> Tensor:
        """:func:`squeeze` of the tensor itself."""
    def std(self, dim: Any = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None) -> Tensor:
        """The standard deviation over ``dim``: the square root of :func:`var`; where it is 0 its derivative is taken to be 0."""
    def storage_offset(self) -> builtins.int:
        """How many elements of the memory's owner lie before this tensor's first."""
    def stride(self, dim: builtins.int | None = None) -> Any:
        """Elements (not bytes) from one index to the next, in each dimension or in ``dim``."""
    def sub(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """``input − alpha · other``, broadcast. Raises RuntimeError for bools, as for those only ``^`` makes sense."""
    def sub_(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """:meth:`sub`, written into this tensor."""
    def subtract(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """``input − alpha · other``, broadcast. Raises RuntimeError for bools, as for those only ``^`` makes sense."""
    def subtract_(self, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
        """:meth:`subtract`, written into this tensor."""
    def sum(self, dim: Any = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The sum over ``dim``. Integers and bools are summed as int64."""
    def sum_to_size(self, *size: Any) -> Tensor:
        """The sum over the dimensions that were broadcast from ``size``."""
    def svd(self, some: builtins.bool = True, compute_uv: builtins.bool = True) -> OldSVD:
        """:func:`linalg.svd` in its older form, with V in place of its transpose; U and V are zeros where not ``compute_uv``."""
    def swapaxes(self, axis0: builtins.int, axis1: builtins.int) -> Tensor:
        """As :func:`transpose`."""
    def swapaxes_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """:func:`transpose` of the tensor itself."""
    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """A view with the dimensions ``dim0`` and ``dim1`` swapped."""
    def swapdims_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """:func:`transpose` of the tensor itself."""
    def t(self) -> Tensor:
        """The transpose of a matrix; tensors of fewer dimensions stay as they are."""
    def t_(self) -> Tensor:
        """:func:`t` of the tensor itself."""
    def take(self, index: Any) -> Tensor:
        """The elements at ``index``, counted as if ``input`` were a vector; of the index's shape."""
    def take_along_dim(self, indices: Any, dim: builtins.int | None = None) -> Tensor:
        """As :func:`gather`, with ``input`` and ``indices`` broadcast in all dimensions but ``dim``; None flattens both."""
    def tan(self) -> Tensor:
        """The tangent of each element, in radians."""
    def tan_(self) -> Tensor:
        """:meth:`tan`, written into this tensor."""
    def tanh(self) -> Tensor:
        """The hyperbolic tangent of each element; the derivative is 1 − y²."""
    def tanh_(self) -> Tensor:
        """:meth:`tanh`, written into this tensor."""
    def tensor_split(self, indices_or_sections: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Views of the parts: a number of parts, as even as can be, or the indices at which to cut."""
    def tile(self, *reps: Any, dims: Any = None) -> Tensor:
        """As :func:`repeat`, but missing counts in front are 1."""
    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """This tensor as another dtype: ``to(float64)``, ``to('cpu')``, ``to('cpu', float64)`` or ``to(other_tensor)``."""
    def topk(self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True, sorted: builtins.bool = True) -> ValuesIndices:
        """The ``k`` largest elements along ``dim`` (or the smallest), in order, and their indices."""
    def trace(self) -> Tensor:
        """The sum of a matrix's diagonal."""
    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """A view with the dimensions ``dim0`` and ``dim1`` swapped."""
    def transpose_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """:func:`transpose` of the tensor itself."""
    def triangular_solve(self, A: Any, upper: builtins.bool = True, transpose: builtins.bool = False, unitriangular: builtins.bool = False) -> TriangularSolution:
        """The older form of :func:`linalg.solve_triangular`: the solution of A X = input (or AᵀX = input), and A's copy."""
    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The lower triangle of each matrix, up to and with the given diagonal; zeros elsewhere."""
    def tril_(self, diagonal: builtins.int = 0) -> Tensor:
        """:meth:`tril`, written into this tensor."""
    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The upper triangle of each matrix, from the given diagonal on; zeros elsewhere."""
    def triu_(self, diagonal: builtins.int = 0) -> Tensor:
        """:meth:`triu`, written into this tensor."""
    def true_divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """``input / other``, broadcast; integers give the default float dtype. Division by 0 gives ±inf or NaN."""
    def true_divide_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """:meth:`true_divide`, written into this tensor."""
    def trunc(self) -> Tensor:
        """Each element rounded towards 0; the derivative is 0."""
    def trunc_(self) -> Tensor:
        """:meth:`trunc`, written into this tensor."""
    def type(self, dtype: Any = None) -> Any:
        """The name of the tensor's type, or with an argument the tensor cast to that dtype."""
    def type_as(self, other: Any) -> Tensor:
        """This tensor in the dtype of ``other``."""
    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Views of all slices along ``dim``, as a tuple."""
    def unflatten(self, dim: builtins.int, sizes: Any) -> Tensor:
        """Dimension ``dim`` split into ``sizes``, of which one may be -1: the way back from :func:`flatten`."""
    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """All windows of ``size`` elements, ``step`` apart, along ``dimension``; they become the last dimension. A copy."""
    def uniform_(self, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with numbers drawn evenly from [``from_``, ``to``)."""
    def unique(self, sorted: builtins.bool = True, return_inverse: builtins.bool = False, return_counts: builtins.bool = False, dim: builtins.int | None = None) -> Any:
        """The different elements in rising order, or the different slices along ``dim``."""
    def unique_consecutive(self, return_inverse: builtins.bool = False, return_counts: builtins.bool = False, dim: builtins.int | None = None) -> Any:
        """``input`` with every run of equal elements (or of equal slices along ``dim``) shortened to one."""
    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """``input`` with a dimension of size 1 put in at ``dim``, from -ndim - 1 to ndim."""
    def unsqueeze_(self, dim: builtins.int) -> Tensor:
        """:func:`unsqueeze` of the tensor itself."""
    def var(self, dim: Any = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None) -> Tensor:
        """The variance over ``dim``: Σ (x − mean)² / max(0, n − correction), in two passes, so that it is never negative."""
    def vdot(self, tensor: Any) -> Tensor:
        """The inner product of two vectors of one length: Σ input_i · tensor_i, 0-d."""
    def view(self, *sizes_: Any, size: Any = None) -> Tensor:
        """As :func:`reshape`, for when memory is to be shared: where the memory order forbids that, ``view`` too makes a copy"""
    def view_as(self, other: Any) -> Tensor:
        """``view(other.shape)``."""
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """Views of parts with some of the rows each; see :func:`tensor_split`."""
    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where ``condition`` holds, else ``other``."""
    def xlogy(self, other: Any, /) -> Tensor:
        """input · log(other), and 0 where input is 0 whatever other is, unless that is NaN. Either may be a number."""
    def xlogy_(self, other: Any, /) -> Tensor:
        """:meth:`xlogy`, written into this tensor."""
    def zero_(self) -> Tensor:
        """Set all elements to 0."""
    def __add__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __lshift__(self, other: Any) -> Tensor: ...
    def __rshift__(self, other: Any) -> Tensor: ...
    def __rlshift__(self, other: Any) -> Tensor: ...
    def __rrshift__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __lt__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __iand__(self, other: Any) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __ilshift__(self, other: Any) -> Tensor: ...
    def __irshift__(self, other: Any) -> Tensor: ...
    def __getitem__(self, other: Any) -> Tensor: ...
