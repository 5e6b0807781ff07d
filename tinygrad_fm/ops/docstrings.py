"""The docstrings of operations that are made by a call, and so have no ``def`` to write one below.

(PyTorch has a file for this purpose, too.) What is here is a doctest, and is what ``help(torch.exp)`` shows.
"""

from __future__ import annotations

from typing import Any

TEXTS = {
    "abs": """
The absolute value of each element, ``|input|``; its derivative at 0 is 0.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.abs(torch.tensor([-1.5, 2.0]))
tensor([1.5000, 2.0000])
""",
    "acos": """
The inverse cosine of each element, in radians, from 0 to π; NaN outside of [−1, 1].

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.acos(torch.tensor([1.0, 0.0]))
tensor([0.0000, 1.5708])
""",
    "acosh": """
The inverse hyperbolic cosine of each element; NaN below 1.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.acosh(torch.tensor([1.0, 2.0]))
tensor([0.0000, 1.3170])
""",
    "asin": """
The inverse sine of each element, in radians, from −π/2 to π/2; NaN outside of [−1, 1].

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.asin(torch.tensor([0.0, 1.0]))
tensor([0.0000, 1.5708])
""",
    "asinh": """
The inverse hyperbolic sine of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.asinh(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.8814])
""",
    "atan": """
The inverse tangent of each element, in radians, from −π/2 to π/2.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.atan(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.7854])
""",
    "atan2": """
The angle, in radians, of the point with ordinate ``input`` and abscissa ``other``, from −π to π. The two broadcast.

>>> import tinygrad_fm as torch
>>> torch.atan2(torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0]))
tensor([0.7854, 2.3562])
""",
    "atanh": """
The inverse hyperbolic tangent of each element; ±∞ at ±1, NaN beyond.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.atanh(torch.tensor([0.0, 0.5]))
tensor([0.0000, 0.5493])
""",
    "bitwise_and": """
The bits that are set in both, for whole numbers and bools, which broadcast. Raises an error for floats.

>>> import tinygrad_fm as torch
>>> torch.bitwise_and(torch.tensor([6]), torch.tensor([3]))
tensor([2])
""",
    "bitwise_left_shift": """
The bits of ``input`` moved up by ``other`` places: ``input · 2**other``, for whole numbers.

Shapes: the two broadcast.

>>> import tinygrad_fm as torch
>>> torch.bitwise_left_shift(torch.tensor([1, 3]), torch.tensor([2, 1]))
tensor([4, 6])
""",
    "bitwise_not": """
Every bit turned over: ``−input − 1`` for signed whole numbers, "not" for bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.bitwise_not(torch.tensor([0, 5]))
tensor([-1, -6])
>>> torch.bitwise_not(torch.tensor([True]))
tensor([False])
""",
    "bitwise_or": """
The bits that are set in either, for whole numbers and bools, which broadcast.

>>> import tinygrad_fm as torch
>>> torch.bitwise_or(torch.tensor([6]), torch.tensor([3]))
tensor([7])
""",
    "bitwise_right_shift": """
The bits of ``input`` moved down by ``other`` places: ``input / 2**other``, rounded down, for whole numbers.

Shapes: the two broadcast.

>>> import tinygrad_fm as torch
>>> torch.bitwise_right_shift(torch.tensor([8, -3]), torch.tensor([2, 1]))
tensor([ 2, -2])
""",
    "bitwise_xor": """
The bits that are set in one of the two only, for whole numbers and bools, which broadcast.

>>> import tinygrad_fm as torch
>>> torch.bitwise_xor(torch.tensor([6]), torch.tensor([3]))
tensor([5])
""",
    "ceil": """
Each element rounded up to a whole number; the derivative is 0.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.ceil(torch.tensor([1.2, -1.2]))
tensor([ 2., -1.])
""",
    "copysign": """
The size of ``input`` with the sign of ``other``, which broadcast; the sign of −0.0 counts.

>>> import tinygrad_fm as torch
>>> torch.copysign(torch.tensor([1.0, -2.0]), torch.tensor([-1.0, 1.0]))
tensor([-1.,  2.])
""",
    "cos": """
The cosine of each element, in radians.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.cos(torch.tensor([0.0, 3.14159265]))
tensor([ 1., -1.])
""",
    "cosh": """
The hyperbolic cosine of each element, (eˣ + e⁻ˣ) / 2.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.cosh(torch.tensor([0.0, 1.0]))
tensor([1.0000, 1.5431])
""",
    "eq": """
Where the two are equal, as bools; they broadcast. NaN equals nothing.

>>> import tinygrad_fm as torch
>>> torch.eq(torch.tensor([1, 2, 3]), torch.tensor([1, 0, 3]))
tensor([ True, False,  True])
""",
    "erf": """
The error function, 2/√π · ∫₀ˣ exp(−t²) dt, of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.erf(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.8427])
""",
    "erfc": """
One minus the error function of each element, exact also where that is close to 1.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.erfc(torch.tensor([0.0, 1.0]))
tensor([1.0000, 0.1573])
""",
    "erfinv": """
The inverse of the error function, for elements between −1 and 1; ±∞ at the ends, NaN beyond.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.erfinv(torch.tensor([0.0, 0.5]))
tensor([0.0000, 0.4769])
""",
    "exp": """
e to the power of each element. Its derivative is itself.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.exp(torch.tensor([0.0, 1.0]))
tensor([1.0000, 2.7183])
""",
    "exp2": """
2 to the power of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.exp2(torch.tensor([0.0, 3.0]))
tensor([1., 8.])
""",
    "expm1": """
eˣ − 1 of each element, exact also where x is close to 0.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.expm1(torch.tensor([0.0, 1.0]))
tensor([0.0000, 1.7183])
""",
    "trunc": """
Each element rounded towards 0; the derivative is 0.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.trunc(torch.tensor([1.7, -1.7]))
tensor([ 1., -1.])
""",
    "floor": """
Each element rounded down to a whole number; the derivative is 0.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.floor(torch.tensor([1.7, -1.2]))
tensor([ 1., -2.])
""",
    "floor_divide": """
``input / other`` rounded down, as Python's ``//``; they broadcast. Whole numbers stay whole.

>>> import tinygrad_fm as torch
>>> torch.floor_divide(torch.tensor([7, -7]), torch.tensor([2, 2]))
tensor([ 3, -4])
""",
    "fmax": """
The larger of the two; where one is NaN, the other. They broadcast. Of equal ones ``input`` gets the gradient.

>>> import tinygrad_fm as torch
>>> torch.fmax(torch.tensor([1.0, float("nan")]), torch.tensor([0.0, 2.0]))
tensor([1., 2.])
""",
    "fmin": """
The smaller of the two; where one is NaN, the other. They broadcast. Of equal ones ``input`` gets the gradient.

>>> import tinygrad_fm as torch
>>> torch.fmin(torch.tensor([1.0, float("nan")]), torch.tensor([0.0, 2.0]))
tensor([0., 2.])
""",
    "fmod": """
The remainder of ``input / other`` rounded towards 0: it has the sign of ``input``. They broadcast.

>>> import tinygrad_fm as torch
>>> torch.fmod(torch.tensor([5.0, -5.0]), torch.tensor([3.0, 3.0]))
tensor([ 2., -2.])
""",
    "gcd": """
The greatest common divisor of whole numbers, which broadcast.

>>> import tinygrad_fm as torch
>>> torch.gcd(torch.tensor([12, 7]), torch.tensor([18, 3]))
tensor([6, 1])
""",
    "ge": """
Where ``input ≥ other``, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.ge(torch.tensor([1, 2, 3]), torch.tensor([2, 2, 2]))
tensor([False,  True,  True])
""",
    "gt": """
Where ``input > other``, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.gt(torch.tensor([1, 2, 3]), torch.tensor([2, 2, 2]))
tensor([False, False,  True])
""",
    "hypot": """
The length √(input² + other²), without overflow on the way; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.hypot(torch.tensor([3.0]), torch.tensor([4.0]))
tensor([5.])
""",
    "i0": """
The modified Bessel function of the first kind, of order 0, of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.i0(torch.tensor([0.0, 1.0]))
tensor([1.0000, 1.2661])
""",
    "igamma": """
The regularised lower incomplete gamma function, ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a), with a = ``input`` and x = ``other``.

Shapes: the two broadcast. Whole numbers become floats.

>>> import tinygrad_fm as torch
>>> torch.igamma(torch.tensor([1.0]), torch.tensor([1.0]))
tensor([0.6321])
""",
    "igammac": """
The regularised upper incomplete gamma function, one minus :func:`igamma`, exact also where that is close to 1.

Shapes: the two broadcast. Whole numbers become floats.

>>> import tinygrad_fm as torch
>>> torch.igammac(torch.tensor([1.0]), torch.tensor([1.0]))
tensor([0.3679])
""",
    "isfinite": """
Where elements are neither infinite nor NaN, as bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.isfinite(torch.tensor([1.0, float("inf"), float("nan")]))
tensor([ True, False, False])
""",
    "isinf": """
Where elements are infinite, as bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.isinf(torch.tensor([1.0, float("inf"), float("nan")]))
tensor([False,  True, False])
""",
    "isnan": """
Where elements are NaN, as bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.isnan(torch.tensor([1.0, float("inf"), float("nan")]))
tensor([False, False,  True])
""",
    "lcm": """
The least common multiple of whole numbers, which broadcast.

>>> import tinygrad_fm as torch
>>> torch.lcm(torch.tensor([4, 6]), torch.tensor([6, 9]))
tensor([12, 18])
""",
    "le": """
Where ``input ≤ other``, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.le(torch.tensor([1, 2, 3]), torch.tensor([2, 2, 2]))
tensor([ True,  True, False])
""",
    "lgamma": """
log |Γ(x)| of each element; the derivative is :func:`digamma`.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.lgamma(torch.tensor([3.0, 5.0]))
tensor([0.6931, 3.1781])
""",
    "log": """
The natural logarithm of each element; −∞ at 0, NaN below.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.log(torch.tensor([1.0, 10.0]))
tensor([0.0000, 2.3026])
""",
    "log10": """
The logarithm to base 10 of each element; −∞ at 0, NaN below.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.log10(torch.tensor([1.0, 1000.0]))
tensor([0.0000, 3.0000])
""",
    "log1p": """
log(1 + x) of each element, exact also where x is close to 0.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.log1p(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.6931])
""",
    "log2": """
The logarithm to base 2 of each element; −∞ at 0, NaN below.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.log2(torch.tensor([1.0, 8.0]))
tensor([0., 3.])
""",
    "logical_and": """
Where both are not 0, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.logical_and(torch.tensor([True, True]), torch.tensor([True, False]))
tensor([ True, False])
""",
    "logical_not": """
Where elements are 0, as bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.logical_not(torch.tensor([0, 2]))
tensor([ True, False])
""",
    "logical_or": """
Where one of the two is not 0, or both, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.logical_or(torch.tensor([True, False]), torch.tensor([False, False]))
tensor([ True, False])
""",
    "logical_xor": """
Where one of the two is not 0, but not both, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.logical_xor(torch.tensor([True, True]), torch.tensor([True, False]))
tensor([False,  True])
""",
    "lt": """
Where ``input < other``, as bools; they broadcast.

>>> import tinygrad_fm as torch
>>> torch.lt(torch.tensor([1, 2, 3]), torch.tensor([2, 2, 2]))
tensor([ True, False, False])
""",
    "maximum": """
The larger of the two, elementwise; they broadcast. NaN if one is NaN. Equal ones share the gradient.

>>> import tinygrad_fm as torch
>>> torch.maximum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
tensor([3., 5.])
""",
    "minimum": """
The smaller of the two, elementwise; they broadcast. NaN if one is NaN. Equal ones share the gradient.

>>> import tinygrad_fm as torch
>>> torch.minimum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
tensor([1., 2.])
""",
    "mul": """
``input · other``, elementwise. They broadcast; the dtype is PyTorch's promotion of both.

>>> import tinygrad_fm as torch
>>> torch.mul(torch.tensor([1.0, 2.0]), torch.tensor([[10.0], [100.0]]))
tensor([[ 10.,  20.],
        [100., 200.]])
""",
    "ne": """
Where the two differ, as bools; they broadcast. NaN differs from everything.

>>> import tinygrad_fm as torch
>>> torch.ne(torch.tensor([1, 2, 3]), torch.tensor([1, 0, 3]))
tensor([False,  True, False])
""",
    "neg": """
Each element with the other sign, ``−input``. Raises RuntimeError for bools.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.neg(torch.tensor([1.0, -2.0]))
tensor([-1.,  2.])
""",
    "nextafter": """
The floating-point number next to ``input`` in the direction of ``other``. They broadcast.

>>> import tinygrad_fm as torch
>>> torch.nextafter(torch.tensor([1.0]), torch.tensor([2.0])) > 1
tensor([True])
""",
    "reciprocal": """
1 / x of each element; ±∞ at 0.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.reciprocal(torch.tensor([2.0, 4.0]))
tensor([0.5000, 0.2500])
""",
    "remainder": """
The remainder of ``input / other`` rounded down: it has the sign of ``other``, as Python's ``%``. They broadcast.

>>> import tinygrad_fm as torch
>>> torch.remainder(torch.tensor([5.0, -5.0]), torch.tensor([3.0, 3.0]))
tensor([2., 1.])
""",
    "rsqrt": """
1 / √x of each element; ∞ at 0, NaN below.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.rsqrt(torch.tensor([4.0, 16.0]))
tensor([0.5000, 0.2500])
""",
    "sigmoid": """
The logistic function 1 / (1 + e⁻ˣ) of each element; the derivative is y · (1 − y).

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.sigmoid(torch.tensor([0.0, 2.0]))
tensor([0.5000, 0.8808])
""",
    "sign": """
−1, 0 or 1, as each element is negative, 0 or positive; the derivative is 0.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.sign(torch.tensor([-2.0, 0.0, 3.0]))
tensor([-1.,  0.,  1.])
""",
    "sin": """
The sine of each element, in radians.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.sin(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.8415])
""",
    "sinc": """
sin(πx) / (πx) of each element, and 1 at 0.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.sinc(torch.tensor([0.0, 0.5]))
tensor([1.0000, 0.6366])
""",
    "sinh": """
The hyperbolic sine of each element, (eˣ − e⁻ˣ) / 2.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.sinh(torch.tensor([0.0, 1.0]))
tensor([0.0000, 1.1752])
""",
    "sqrt": """
The square root of each element; NaN below 0. The derivative at 0 is ∞.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.sqrt(torch.tensor([4.0, 2.0]))
tensor([2.0000, 1.4142])
""",
    "tan": """
The tangent of each element, in radians.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.tan(torch.tensor([0.0, 1.0]))
tensor([0.0000, 1.5574])
""",
    "tanh": """
The hyperbolic tangent of each element; the derivative is 1 − y².

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.tanh(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.7616])
""",
    "logsigmoid": """
log(1 / (1 + e⁻ˣ)) of each element, without overflow on the way.

Shapes: any, unchanged.

>>> import tinygrad_fm as torch
>>> torch.nn.functional.logsigmoid(torch.tensor([0.0, -100.0]))
tensor([  -0.6931, -100.0000])
""",
    "entr": """
−x · log(x) of each element: 0 at 0, −∞ below.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.entr(torch.tensor([0.0, 0.5]))
tensor([0.0000, 0.3466])
""",
    "erfcx": """
exp(x²) · erfc(x) of each element, also where the first factor would overflow.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.erfcx(torch.tensor([0.0, 20.0]))
tensor([1.0000, 0.0282])
""",
    "i0e": """
exp(−|x|) · I₀(x), the scaled modified Bessel function of order 0, of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.i0e(torch.tensor([0.0, 1.0]))
tensor([1.0000, 0.4658])
""",
    "i1": """
The modified Bessel function of the first kind, of order 1, of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.i1(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.5652])
""",
    "i1e": """
exp(−|x|) · I₁(x), the scaled modified Bessel function of order 1, of each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.i1e(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.2079])
""",
    "log_ndtr": """
The logarithm of :func:`ndtr`, exact also far below 0, where that is too small for a number.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.log_ndtr(torch.tensor([0.0, -20.0]))
tensor([  -0.6931, -203.9172])
""",
    "ndtr": """
The share of the standard normal distribution that lies below each element.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.ndtr(torch.tensor([0.0, 1.0]))
tensor([0.5000, 0.8413])
""",
    "ndtri": """
The inverse of :func:`ndtr`: ±∞ at 1 and 0, NaN outside of [0, 1].

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.special.ndtri(torch.tensor([0.5, 0.9]))
tensor([0.0000, 1.2816])
""",
    "zeta": """
The Hurwitz zeta function Σ 1 / (k + other)^input, k from 0; differentiable in ``other``.

Shapes: the two broadcast. Whole numbers become floats.

>>> import tinygrad_fm as torch
>>> torch.special.zeta(torch.tensor([2.0]), torch.tensor([1.0]))
tensor([1.6449])
""",
    "xlogy": """
input · log(other), and 0 where input is 0 whatever other is, unless that is NaN. Either may be a number.

Shapes: the two broadcast. Whole numbers become floats.

>>> import tinygrad_fm as torch
>>> torch.xlogy(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 3.0]))
tensor([0.0000, 2.1972])
""",
    "xlog1py": """
input · log(1 + other), and 0 where input is 0 whatever other is, unless that is NaN.

Shapes: the two broadcast. Whole numbers become floats.

>>> import tinygrad_fm as torch
>>> torch.special.xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0]))
tensor([0.0000, 1.3863])
""",
    "softsign": """
``input / (1 + |input|)``.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.nn.functional.softsign(torch.tensor([-1.0, 3.0]))
tensor([-0.5000,  0.7500])
""",
    "tanhshrink": """
``input − tanh(input)``.

Shapes: any, unchanged. Whole numbers and bools become floats.

>>> import tinygrad_fm as torch
>>> torch.nn.functional.tanhshrink(torch.tensor([0.0, 1.0]))
tensor([0.0000, 0.2384])
""",
}

# examples of those whose text is made with them
EXAMPLES = {
    "randn_like": """
>>> import tinygrad_fm as torch
>>> torch.randn_like(torch.ones(2, 3)).shape
torch.Size([2, 3])
""",
    "rand_like": """
>>> import tinygrad_fm as torch
>>> torch.rand_like(torch.ones(2, 3)).shape
torch.Size([2, 3])
""",
    "amax": """
>>> import tinygrad_fm as torch
>>> torch.amax(torch.tensor([[1, 5], [7, 0]]), dim=1)
tensor([5, 7])
""",
    "amin": """
>>> import tinygrad_fm as torch
>>> torch.amin(torch.tensor([[1, 5], [7, 0]]), dim=1)
tensor([1, 0])
""",
    "argmax": """
>>> import tinygrad_fm as torch
>>> torch.argmax(torch.tensor([[1, 5, 2], [7, 0, 3]]), dim=1)
tensor([1, 0])
""",
    "argmin": """
>>> import tinygrad_fm as torch
>>> torch.argmin(torch.tensor([[1, 5, 2], [7, 0, 3]]), dim=1)
tensor([0, 1])
""",
    "zeros": """
>>> import tinygrad_fm as torch
>>> torch.zeros(2, 3)
tensor([[0., 0., 0.],
        [0., 0., 0.]])
""",
    "ones": """
>>> import tinygrad_fm as torch
>>> torch.ones(2, 3)
tensor([[1., 1., 1.],
        [1., 1., 1.]])
""",
    "zeros_like": """
>>> import tinygrad_fm as torch
>>> torch.zeros_like(torch.tensor([[1, 2]]))
tensor([[0, 0]])
""",
    "ones_like": """
>>> import tinygrad_fm as torch
>>> torch.ones_like(torch.tensor([[1, 2]]))
tensor([[1, 1]])
""",
    "full_like": """
>>> import tinygrad_fm as torch
>>> torch.full_like(torch.tensor([1.0, 2.0]), 7)
tensor([7., 7.])
""",
    "all": """
>>> import tinygrad_fm as torch
>>> torch.all(torch.tensor([True, False]))
tensor(False)
""",
    "any": """
>>> import tinygrad_fm as torch
>>> torch.any(torch.tensor([[True, False], [False, False]]), dim=1)
tensor([ True, False])
""",
    "empty": """
>>> import tinygrad_fm as torch
>>> torch.empty(2, 3).shape
torch.Size([2, 3])
""",
    "empty_like": """
>>> import tinygrad_fm as torch
>>> torch.empty_like(torch.ones(2, 3)).shape
torch.Size([2, 3])
""",
}

# of each operation that is a method in place: a call, and the tensor as it is then
IN_PLACE = {
    "abs": ("torch.tensor([-1.5, 2.0]).abs_()", "tensor([1.5000, 2.0000])"),
    "acos": ("torch.tensor([1.0, 0.0]).acos_()", "tensor([0.0000, 1.5708])"),
    "acosh": ("torch.tensor([1.0, 2.0]).acosh_()", "tensor([0.0000, 1.3170])"),
    "add": ("torch.tensor([1.0, 2.0]).add_(torch.tensor([3.0]), alpha=10)", "tensor([31., 32.])"),
    "addbmm": ("torch.zeros(1, 1).addbmm_(torch.ones(2, 1, 3), torch.ones(2, 3, 1))", "tensor([[6.]])"),
    "addcdiv": ("torch.tensor([1.0]).addcdiv_(torch.tensor([3.0]), torch.tensor([2.0]), value=0.5)", "tensor([1.7500])"),
    "addcmul": ("torch.tensor([1.0]).addcmul_(torch.tensor([2.0]), torch.tensor([3.0]), value=0.5)", "tensor([4.])"),
    "addmm": ("torch.ones(1, 2).addmm_(torch.ones(1, 3), torch.ones(3, 2))", "tensor([[4., 4.]])"),
    "addmv": ("torch.tensor([1.0, 2.0]).addmv_(torch.ones(2, 3), torch.ones(3))", "tensor([4., 5.])"),
    "addr": ("torch.zeros(1, 2).addr_(torch.tensor([2.0]), torch.tensor([3.0, 4.0]))", "tensor([[6., 8.]])"),
    "asin": ("torch.tensor([0.0, 1.0]).asin_()", "tensor([0.0000, 1.5708])"),
    "asinh": ("torch.tensor([0.0, 1.0]).asinh_()", "tensor([0.0000, 0.8814])"),
    "atan": ("torch.tensor([0.0, 1.0]).atan_()", "tensor([0.0000, 0.7854])"),
    "atan2": ("torch.tensor([1.0, 1.0]).atan2_(torch.tensor([1.0, -1.0]))", "tensor([0.7854, 2.3562])"),
    "atanh": ("torch.tensor([0.0, 0.5]).atanh_()", "tensor([0.0000, 0.5493])"),
    "baddbmm": ("torch.ones(1, 1, 2).baddbmm_(torch.ones(1, 1, 3), torch.ones(1, 3, 2))", "tensor([[[4., 4.]]])"),
    "bitwise_and": ("torch.tensor([6]).bitwise_and_(torch.tensor([3]))", "tensor([2])"),
    "bitwise_left_shift": ("torch.tensor([1, 3]).bitwise_left_shift_(torch.tensor([2, 1]))", "tensor([4, 6])"),
    "bitwise_not": ("torch.tensor([True, False]).bitwise_not_()", "tensor([False,  True])"),
    "bitwise_or": ("torch.tensor([6]).bitwise_or_(torch.tensor([3]))", "tensor([7])"),
    "bitwise_right_shift": ("torch.tensor([8, -3]).bitwise_right_shift_(torch.tensor([2, 1]))", "tensor([ 2, -2])"),
    "bitwise_xor": ("torch.tensor([6]).bitwise_xor_(torch.tensor([3]))", "tensor([5])"),
    "ceil": ("torch.tensor([1.2, -1.2]).ceil_()", "tensor([ 2., -1.])"),
    "clamp": ("torch.tensor([-2.0, 0.5, 3.0]).clamp_(min=0, max=1)", "tensor([0.0000, 0.5000, 1.0000])"),
    "clamp_max": ("torch.tensor([1.0, 3.0]).clamp_max_(2)", "tensor([1., 2.])"),
    "clamp_min": ("torch.tensor([1.0, 3.0]).clamp_min_(2)", "tensor([2., 3.])"),
    "copy": ("torch.zeros(2).copy_(torch.tensor([1, 2]))", "tensor([1., 2.])"),
    "copysign": ("torch.tensor([1.0, -2.0]).copysign_(torch.tensor([-1.0, 1.0]))", "tensor([-1.,  2.])"),
    "cos": ("torch.tensor([0.0, 3.14159265]).cos_()", "tensor([ 1., -1.])"),
    "cosh": ("torch.tensor([0.0, 1.0]).cosh_()", "tensor([1.0000, 1.5431])"),
    "cumprod": ("torch.tensor([1, 2, 3, 4]).cumprod_(dim=0)", "tensor([ 1,  2,  6, 24])"),
    "cumsum": ("torch.tensor([1, 2, 3, 4]).cumsum_(dim=0)", "tensor([ 1,  3,  6, 10])"),
    "deg2rad": ("torch.tensor([180.0, 90.0]).deg2rad_()", "tensor([3.1416, 1.5708])"),
    "digamma": ("torch.tensor([1.0, 2.0]).digamma_()", "tensor([-0.5772,  0.4228])"),
    "div": ('torch.tensor([7.0, -7.0]).div_(2, rounding_mode="floor")', "tensor([ 3., -4.])"),
    "eq": ("torch.tensor([1, 2, 3]).eq_(torch.tensor([1, 0, 3]))", "tensor([1, 0, 1])"),
    "erf": ("torch.tensor([0.0, 1.0]).erf_()", "tensor([0.0000, 0.8427])"),
    "erfc": ("torch.tensor([0.0, 1.0]).erfc_()", "tensor([1.0000, 0.1573])"),
    "erfinv": ("torch.tensor([0.0, 0.5]).erfinv_()", "tensor([0.0000, 0.4769])"),
    "exp": ("torch.tensor([0.0, 1.0]).exp_()", "tensor([1.0000, 2.7183])"),
    "exp2": ("torch.tensor([0.0, 3.0]).exp2_()", "tensor([1., 8.])"),
    "expm1": ("torch.tensor([0.0, 1.0]).expm1_()", "tensor([0.0000, 1.7183])"),
    "fill": ("torch.zeros(2).fill_(3.0)", "tensor([3., 3.])"),
    "floor": ("torch.tensor([1.7, -1.2]).floor_()", "tensor([ 1., -2.])"),
    "floor_divide": ("torch.tensor([7, -7]).floor_divide_(2)", "tensor([ 3, -4])"),
    "fmod": ("torch.tensor([5.0, -5.0]).fmod_(torch.tensor([3.0, 3.0]))", "tensor([ 2., -2.])"),
    "frac": ("torch.tensor([1.25, -1.25]).frac_()", "tensor([ 0.2500, -0.2500])"),
    "gcd": ("torch.tensor([12, 7]).gcd_(torch.tensor([18, 3]))", "tensor([6, 1])"),
    "ge": ("torch.tensor([1, 2, 3]).ge_(torch.tensor([2, 2, 2]))", "tensor([0, 1, 1])"),
    "gt": ("torch.tensor([1, 2, 3]).gt_(torch.tensor([2, 2, 2]))", "tensor([0, 0, 1])"),
    "heaviside": ("torch.tensor([-1.0, 0.0, 2.0]).heaviside_(torch.tensor(0.5))", "tensor([0.0000, 0.5000, 1.0000])"),
    "hypot": ("torch.tensor([3.0]).hypot_(torch.tensor([4.0]))", "tensor([5.])"),
    "i0": ("torch.tensor([0.0, 1.0]).i0_()", "tensor([1.0000, 1.2661])"),
    "igamma": ("torch.tensor([1.0]).igamma_(torch.tensor([1.0]))", "tensor([0.6321])"),
    "igammac": ("torch.tensor([1.0]).igammac_(torch.tensor([1.0]))", "tensor([0.3679])"),
    "index_add": (
        "torch.zeros(3).index_add_(0, torch.tensor([0, 0, 2]), torch.tensor([1.0, 2.0, 3.0]))",
        "tensor([3., 0., 3.])",
    ),
    "index_copy": ("torch.zeros(3).index_copy_(0, torch.tensor([0, 2]), torch.tensor([1.0, 2.0]))", "tensor([1., 0., 2.])"),
    "index_fill": ("torch.zeros(3).index_fill_(0, torch.tensor([0, 2]), 9.0)", "tensor([9., 0., 9.])"),
    "index_put": ("torch.zeros(3).index_put_((torch.tensor([0, 2]),), torch.tensor([1.0, 2.0]))", "tensor([1., 0., 2.])"),
    "index_reduce": (
        'torch.ones(2).index_reduce_(0, torch.tensor([0, 0]), torch.tensor([2.0, 3.0]), "prod")',
        "tensor([6., 1.])",
    ),
    "lcm": ("torch.tensor([4, 6]).lcm_(torch.tensor([6, 9]))", "tensor([12, 18])"),
    "ldexp": ("torch.tensor([1.0]).ldexp_(torch.tensor([4]))", "tensor([16.])"),
    "le": ("torch.tensor([1, 2, 3]).le_(torch.tensor([2, 2, 2]))", "tensor([1, 1, 0])"),
    "lerp": ("torch.tensor([0.0, 10.0]).lerp_(torch.tensor([10.0, 20.0]), 0.25)", "tensor([ 2.5000, 12.5000])"),
    "lgamma": ("torch.tensor([3.0, 5.0]).lgamma_()", "tensor([0.6931, 3.1781])"),
    "log": ("torch.tensor([1.0, 10.0]).log_()", "tensor([0.0000, 2.3026])"),
    "log10": ("torch.tensor([1.0, 1000.0]).log10_()", "tensor([0.0000, 3.0000])"),
    "log1p": ("torch.tensor([0.0, 1.0]).log1p_()", "tensor([0.0000, 0.6931])"),
    "log2": ("torch.tensor([1.0, 8.0]).log2_()", "tensor([0., 3.])"),
    "logical_and": ("torch.tensor([True, True]).logical_and_(torch.tensor([True, False]))", "tensor([ True, False])"),
    "logical_not": ("torch.tensor([0, 2]).logical_not_()", "tensor([1, 0])"),
    "logical_or": ("torch.tensor([True, False]).logical_or_(torch.tensor([False, False]))", "tensor([ True, False])"),
    "logical_xor": ("torch.tensor([True, True]).logical_xor_(torch.tensor([True, False]))", "tensor([False,  True])"),
    "logit": ("torch.tensor([0.5, 0.9]).logit_()", "tensor([0.0000, 2.1972])"),
    "lt": ("torch.tensor([1, 2, 3]).lt_(torch.tensor([2, 2, 2]))", "tensor([1, 0, 0])"),
    "masked_fill": ("torch.ones(2).masked_fill_(torch.tensor([True, False]), -1.0)", "tensor([-1.,  1.])"),
    "masked_scatter": (
        "torch.zeros(3).masked_scatter_(torch.tensor([True, False, True]), torch.tensor([1.0, 2.0]))",
        "tensor([1., 0., 2.])",
    ),
    "mul": ("torch.tensor([1.0, 2.0]).mul_(torch.tensor([10.0, 100.0]))", "tensor([ 10., 200.])"),
    "mvlgamma": ("torch.tensor([3.0]).mvlgamma_(2)", "tensor([1.5502])"),
    "nan_to_num": ('torch.tensor([float("nan"), 1.0]).nan_to_num_(nan=0.5)', "tensor([0.5000, 1.0000])"),
    "ne": ("torch.tensor([1, 2, 3]).ne_(torch.tensor([1, 0, 3]))", "tensor([0, 1, 0])"),
    "neg": ("torch.tensor([1.0, -2.0]).neg_()", "tensor([-1.,  2.])"),
    "nextafter": ("torch.tensor([1.0]).nextafter_(torch.tensor([2.0])) > 1", "tensor([True])"),
    "pow": ("torch.tensor([1.0, 2.0, 3.0]).pow_(2)", "tensor([1., 4., 9.])"),
    "put": ("torch.zeros(3).put_(torch.tensor([2]), torch.tensor([5.0]))", "tensor([0., 0., 5.])"),
    "rad2deg": ("torch.tensor([0.0, 3.14159265]).rad2deg_()", "tensor([  0., 180.])"),
    "reciprocal": ("torch.tensor([2.0, 4.0]).reciprocal_()", "tensor([0.5000, 0.2500])"),
    "relu": ("torch.tensor([-1.0, 2.0]).relu_()", "tensor([0., 2.])"),
    "remainder": ("torch.tensor([5.0, -5.0]).remainder_(torch.tensor([3.0, 3.0]))", "tensor([2., 1.])"),
    "renorm": ("torch.tensor([[3.0, 4.0]]).renorm_(p=2, dim=0, maxnorm=1)", "tensor([[0.6000, 0.8000]])"),
    "round": ("torch.tensor([2.567]).round_(decimals=1)", "tensor([2.6000])"),
    "rsqrt": ("torch.tensor([4.0, 16.0]).rsqrt_()", "tensor([0.5000, 0.2500])"),
    "scatter": ("torch.zeros(1, 3).scatter_(1, torch.tensor([[2]]), 1.0)", "tensor([[0., 0., 1.]])"),
    "scatter_add": (
        "torch.zeros(3).scatter_add_(0, torch.tensor([0, 0, 2]), torch.tensor([1.0, 2.0, 3.0]))",
        "tensor([3., 0., 3.])",
    ),
    "scatter_reduce": (
        'torch.zeros(2).scatter_reduce_(0, torch.tensor([0, 0]), torch.tensor([1.0, 2.0]), "sum")',
        "tensor([3., 0.])",
    ),
    "sgn": ("torch.tensor([-2.0, 0.0, 3.0]).sgn_()", "tensor([-1.,  0.,  1.])"),
    "sigmoid": ("torch.tensor([0.0, 2.0]).sigmoid_()", "tensor([0.5000, 0.8808])"),
    "sign": ("torch.tensor([-2.0, 0.0, 3.0]).sign_()", "tensor([-1.,  0.,  1.])"),
    "sin": ("torch.tensor([0.0, 1.0]).sin_()", "tensor([0.0000, 0.8415])"),
    "sinc": ("torch.tensor([0.0, 0.5]).sinc_()", "tensor([1.0000, 0.6366])"),
    "sinh": ("torch.tensor([0.0, 1.0]).sinh_()", "tensor([0.0000, 1.1752])"),
    "sqrt": ("torch.tensor([4.0, 2.0]).sqrt_()", "tensor([2.0000, 1.4142])"),
    "square": ("torch.tensor([1.0, -3.0]).square_()", "tensor([1., 9.])"),
    "sub": ("torch.tensor([5, 7]).sub_(torch.tensor([1, 2]), alpha=2)", "tensor([3, 3])"),
    "tan": ("torch.tensor([0.0, 1.0]).tan_()", "tensor([0.0000, 1.5574])"),
    "tanh": ("torch.tensor([0.0, 1.0]).tanh_()", "tensor([0.0000, 0.7616])"),
    "tril": ("torch.ones(2, 2).tril_()", "tensor([[1., 0.],\n        [1., 1.]])"),
    "triu": ("torch.ones(2, 2).triu_()", "tensor([[1., 1.],\n        [0., 1.]])"),
    "trunc": ("torch.tensor([1.7, -1.7]).trunc_()", "tensor([ 1., -1.])"),
    "xlogy": ("torch.tensor([0.0, 2.0]).xlogy_(torch.tensor([0.0, 3.0]))", "tensor([0.0000, 2.1972])"),
}


def example_in_place(name: str) -> str:
    """The example of the operation ``name`` as a method in place; empty where there is none."""
    call, shown = IN_PLACE.get(name, ("", ""))
    return f"\n\n>>> import tinygrad_fm as torch\n>>> {call}\n{shown}" if call else ""


__test__ = TEXTS | EXAMPLES | {f"{name}_": example_in_place(name) for name in IN_PLACE}  # for doctest


def document(operations: dict[str, Any]) -> None:
    """Give the operations, by their names, their docstrings."""
    for name, text in TEXTS.items():
        operations[name].__doc__ = text.strip("\n")
    for name, example in EXAMPLES.items():
        operations[name].__doc__ += "\n\n" + example.strip("\n")
