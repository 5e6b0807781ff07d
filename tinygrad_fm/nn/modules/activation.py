"""Activations as modules: each is the function of that name in ``nn.functional``, with its settings.

Where the formula is not in the docstring here, it is in the function's. ``inplace`` writes the result into the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..._tensor import Tensor
from ...errors import ArgumentError
from .. import functional as F
from .. import init
from ..parameter import Parameter, empty
from .linear import NonDynamicallyQuantizableLinear
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _Activation(Module):
    """What activations share: the attributes named in ``_settings`` are passed to the function as keywords."""

    _function: ClassVar[Callable[..., Tensor]]
    _settings: ClassVar[tuple[str, ...]] = ()

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input``."""
        return type(self)._function(input, **{name: getattr(self, name) for name in self._settings})

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._settings if name != "inplace"]
        return ", ".join(shown + ["inplace=True"] * bool(getattr(self, "inplace", False)))


class _MayWriteInPlace(_Activation):
    _settings = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


# ---- rectifiers and their relatives ----------------------------------------------------------------------------------


class ReLU(_MayWriteInPlace):
    """max(0, x).

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.ReLU()(tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    _function = staticmethod(F.relu)


class LeakyReLU(_Activation):
    """x where x > 0, elsewhere negative_slope · x.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LeakyReLU(0.1)(torch.tensor([-1.0, 2.0]))
        tensor([-0.1000,  2.0000])
    """

    _function = staticmethod(F.leaky_relu)
    _settings = ("negative_slope", "inplace")

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace


class PReLU(Module):
    """x where x > 0, elsewhere weight · x, with a weight (num_parameters,) that is learned; one, or one per channel.

    Source: He et al. 2015, "Delving deep into rectifiers", section 2.1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.PReLU()(torch.tensor([-1.0, 2.0])).tolist()
        [-0.25, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty((num_parameters,), device, dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to its first value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input`` (N, C, …)."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """Leaky relu whose slopes are drawn anew for each element, evenly from lower to upper; their mean in evaluation.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.RReLU().eval()(torch.tensor([3.0]))
        tensor([3.])
    """

    _settings = ("lower", "upper", "inplace")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input``."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Hardtanh(_Activation):
    """x kept between min_val and max_val.

    Raises:
        ArgumentError: ``max_val`` is not above ``min_val``.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Hardtanh()(torch.tensor([-2.0, 0.5, 2.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """

    _function = staticmethod(F.hardtanh)
    _settings = ("min_val", "max_val", "inplace")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if not max_val > min_val:
            raise ArgumentError(f"max_val must be larger than min_val, got {min_val} and {max_val}")
        super().__init__()
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace


class ReLU6(Hardtanh):
    """min(max(0, x), 6).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReLU6()(torch.tensor([-1.0, 3.0, 8.0]))
        tensor([0., 3., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class _Hard(_Activation):
    def extra_repr(self) -> str:
        return ""  # PyTorch's does not show inplace


class Hardsigmoid(_Hard):
    """A sigmoid of straight lines: relu6(x + 3) / 6.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Hardsigmoid()(torch.tensor([-4.0, 0.0, 4.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """

    _function = staticmethod(F.hardsigmoid)
    _settings = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class Hardswish(_Hard):
    """x · hardsigmoid(x).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Hardswish()(torch.tensor([-4.0, 1.0, 4.0]))
        tensor([-0.0000, 0.6667, 4.0000])
    """

    _function = staticmethod(F.hardswish)
    _settings = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class Threshold(_Activation):
    """x where it is above ``threshold``, elsewhere ``value``.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Threshold(1.0, -1.0)(torch.tensor([0.5, 2.0]))
        tensor([-1.,  2.])
    """

    _function = staticmethod(F.threshold)
    _settings = ("threshold", "value", "inplace")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace


class _Shrink(_Activation):
    _settings = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by ``lambd``, and no further than 0.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Softshrink()(torch.tensor([-1.0, 0.3, 1.0]))
        tensor([-0.5000,  0.0000,  0.5000])
    """

    _function = staticmethod(F.softshrink)


class Hardshrink(_Shrink):
    """x, but 0 within ``lambd`` of 0.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Hardshrink()(torch.tensor([-1.0, 0.3, 1.0]))
        tensor([-1.,  0.,  1.])
    """

    _function = staticmethod(F.hardshrink)


# ---- smooth ones -----------------------------------------------------------------------------------------------------


class _ELU(_Activation):
    _settings = ("alpha", "inplace")

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace


class ELU(_ELU):
    """x where x > 0, elsewhere alpha · (exp(x) − 1).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ELU()(torch.tensor([-1.0, 1.0]))
        tensor([-0.6321,  1.0000])
    """

    _function = staticmethod(F.elu)


class CELU(_ELU):
    """x where x > 0, elsewhere alpha · (exp(x / alpha) − 1).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CELU()(torch.tensor([-1.0, 1.0]))
        tensor([-0.6321,  1.0000])
    """

    _function = staticmethod(F.celu)


class SELU(_MayWriteInPlace):
    """1.0507… · elu(x, 1.6733…), which keeps activations near mean 0 and variance 1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.SELU()(torch.tensor([-1.0, 1.0]))
        tensor([-1.1113,  1.0507])
    """

    _function = staticmethod(F.selu)


class SiLU(_MayWriteInPlace):
    """x · sigmoid(x), also called swish.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.SiLU()(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
    """

    _function = staticmethod(F.silu)


class Mish(_MayWriteInPlace):
    """x · tanh(softplus(x)).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Mish()(torch.tensor([-1.0, 1.0]))
        tensor([-0.3034,  0.8651])
    """

    _function = staticmethod(F.mish)


class GELU(_Activation):
    """x · Φ(x), Φ being the normal distribution's cumulative function; approximate="tanh" is faster and close.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units".

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.GELU()(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])
    """

    _function = staticmethod(F.gelu)
    _settings = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate


class Softplus(_Activation):
    """log(1 + exp(beta · x)) / beta, and x itself where beta · x is above ``threshold``.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Softplus()(torch.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])
    """

    _function = staticmethod(F.softplus)
    _settings = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold


class Softsign(_Activation):
    """x / (1 + |x|).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Softsign()(torch.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """

    _function = staticmethod(F.softsign)


class Tanh(_Activation):
    """tanh(x).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Tanh()(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """

    _function = staticmethod(F.tanh)


class Tanhshrink(_Activation):
    """x − tanh(x).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Tanhshrink()(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2384])
    """

    _function = staticmethod(F.tanhshrink)


class Sigmoid(_Activation):
    """1 / (1 + exp(−x)).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Sigmoid()(torch.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])
    """

    _function = staticmethod(F.sigmoid)


class LogSigmoid(_Activation):
    """log(sigmoid(x)), computed without overflow.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LogSigmoid()(torch.tensor([0.0]))
        tensor([-0.6931])
    """

    _function = staticmethod(F.logsigmoid)


# ---- along a dimension -----------------------------------------------------------------------------------------------


class _Along(_Activation):
    _settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_Along):
    """exp(x) divided by its sum along ``dim``.

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.Softmax(dim=1)(tensor([[1.0, 1.0]]))
        tensor([[0.5000, 0.5000]])
    """

    _function = staticmethod(F.softmax)


class LogSoftmax(_Along):
    """log(softmax(x)) along ``dim``, computed without overflow.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LogSoftmax(dim=1)(torch.zeros(1, 2))
        tensor([[-0.6931, -0.6931]])
    """

    _function = staticmethod(F.log_softmax)


class Softmin(_Along):
    """softmax(−x) along ``dim``.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Softmin(dim=0)(torch.tensor([1.0, 1.0]))
        tensor([0.5000, 0.5000])
    """

    _function = staticmethod(F.softmin)


class GLU(_Activation):
    """The first half of x along ``dim`` times the sigmoid of the second.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.GLU()(torch.tensor([2.0, 0.0]))
        tensor([1.])
    """

    _function = staticmethod(F.glu)
    _settings = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim


class Softmax2d(Module):
    """softmax over the channels of (N, C, H, W) or (C, H, W).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Softmax2d()(torch.zeros(1, 2, 1, 1)).flatten()
        tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply to ``input``."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)


class MultiheadAttention(Module):
    """Attention by H heads at once, each on its own projection of queries, keys and values to E / H features.

    Args:
        embed_dim: E. num_heads: H, a divisor of E.
        dropout: share of the weights that are dropped in training.
        bias: whether the projections have one.
        add_bias_kv: whether a learned key and value are added to the others. add_zero_attn: whether one of zeros is.
        kdim, vdim: features of keys and values; E if None.
        batch_first: whether sequences are (N, L, E).
        device: "cpu". dtype: of the parameters, float32 unless said otherwise.

    Attributes:
        in_proj_weight: (3 · E, E), or with ``kdim`` or ``vdim`` q_proj_weight (E, E), k_proj_weight, v_proj_weight.
        in_proj_bias: (3 · E,) or None. bias_k, bias_v: (1, 1, E) or None. out_proj: a `Linear`.

    Raises:
        ArgumentError: the heads do not divide ``embed_dim``.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> x = torch.randn(2, 5, 8)
        >>> output, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
        >>> output.shape, weights.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ArgumentError(
                "MultiheadAttention: embed_dim and num_heads must be greater than 0, and embed_dim must be divisible by "
                f"num_heads, got {embed_dim} and {num_heads}"
            )
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.head_dim, self.add_zero_attn = embed_dim // num_heads, add_zero_attn
        apart = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        shapes = {f"{name}_proj_weight": (embed_dim, width) for name, width in apart.items()}
        joint = {"in_proj_weight": (3 * embed_dim, embed_dim)}
        used, unused = (joint, shapes) if set(apart.values()) == {embed_dim} else (shapes, joint)
        for name, shape in used.items():
            self.register_parameter(name, Parameter(empty(shape, device, dtype)))
        for name in unused:
            self.register_parameter(name, None)
        self.register_parameter("in_proj_bias", Parameter(empty((3 * embed_dim,), device, dtype)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        for name in ("bias_k", "bias_v"):
            setattr(self, name, Parameter(empty((1, 1, embed_dim), device, dtype)) if add_bias_kv else None)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name, param in self._parameters.items():
            if param is not None and name.endswith("weight"):
                init.xavier_uniform_(param)
        for param in (self.in_proj_bias, self.out_proj.bias):
            if param is not None:
                init.zeros_(param)
        for param in (self.bias_k, self.bias_v):
            if param is not None:
                init.xavier_normal_(param)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Let each query look at all keys.

        Args:
            query, key, value: (L, N, E), (S, N, kdim), (S, N, vdim), or as the module's docstring says.
            key_padding_mask: (N, S) or (S,); True, or −inf, for keys to leave out.
            need_weights: whether to return the weights.
            attn_mask: (L, S) or (N · H, L, S); True, or −inf, where a query may not look.
            average_attn_weights: over the heads.
            is_causal: only a hint that ``attn_mask`` is causal, which must be given.

        Returns:
            The result, shaped as ``query``, and the weights (N, L, S), (N, H, L, S) if not averaged, or None.
        """
        turned = self.batch_first and query.ndim == 3
        if turned:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        y, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            self.in_proj_weight is None,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return y.transpose(0, 1) if turned else y, weights
