"""Kullback and Leibler's divergence between two distributions, found by their classes.

https://pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..ops import functions as ops
from ..ops.triangular_solve import solve_triangular
from .bernoulli import Bernoulli
from .categorical import Categorical
from .exponential import Exponential
from .independent import Independent
from .laplace import Laplace
from .multivariate_normal import MultivariateNormal, half_log_det, squared_distance
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .uniform import Uniform
from .utils import sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """A decorator that makes ``function(p, q)`` the divergence of ``type_p`` from ``type_q``, and of classes derived from them.

    Raises TypeError for what is no class.

    >>> from tinygrad_fm import distributions, tensor
    >>> class Fixed(distributions.Normal): pass
    >>> @distributions.register_kl(Fixed, Fixed)
    ... def nothing(p, q): return tensor(0.0)
    >>> distributions.kl_divergence(Fixed(0.0, 1.0), Fixed(1.0, 1.0))
    tensor(0.)
    """
    for side in (type_p, type_q):
        if not isinstance(side, type):
            raise TypeError(f"Expected type_p and type_q to be classes of distributions but got {side!r}")

    def register(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        _REGISTRY[type_p, type_q] = function
        return function

    return register


def _find(p: type, q: type) -> Callable[[Any, Any], Any] | None:
    """The function for the pair of classes that is nearest in the order of inheritance, p's first."""
    for of_p in p.__mro__:
        for of_q in q.__mro__:
            if (of_p, of_q) in _REGISTRY:
                return _REGISTRY[of_p, of_q]
    return None


def kl_divergence(p: Any, q: Any) -> Any:
    """∫ p log(p / q), of the batch shape.

    Raises NotImplementedError for a pair that nobody has registered.

    >>> from tinygrad_fm import distributions
    >>> distributions.kl_divergence(distributions.Normal(1.0, 1.0), distributions.Normal(0.0, 1.0))
    tensor(0.5000)
    """
    function = _find(type(p), type(q))
    if function is None:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}")
    return function(p, q)


def _infinite(like: Any) -> Any:
    return ops.full_like(like, math.inf)


@register_kl(Normal, Normal)
def _normal_normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p: Any, q: Any) -> Any:
    softplus = ops.softplus
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    one = one.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    zero = zero.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)
    return one + zero


@register_kl(Categorical, Categorical)
def _categorical_categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = terms.masked_fill((q.probs == 0).expand_as(terms), math.inf)
    return terms.masked_fill((p.probs == 0).expand_as(terms), 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_one_hot(p: Any, q: Any) -> Any:
    return _categorical_categorical(p._categorical, q._categorical)


@register_kl(Uniform, Uniform)
def _uniform_uniform(p: Any, q: Any) -> Any:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return found.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Exponential, Exponential)
def _exponential_exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Laplace, Laplace)
def _laplace_laplace(p: Any, q: Any) -> Any:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@register_kl(Laplace, Normal)
def _laplace_normal(p: Any, q: Any) -> Any:
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    squares = 0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)
    return -0.5 * (2 * ratio / math.pi).log() + ratio + squares / variance - 1


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    away = p.loc - q.loc
    ratio, distance = p.scale / q.scale, away / p.scale
    term = math.sqrt(2 / math.pi) * p.scale * (-0.5 * distance.pow(2)).exp() + away * (math.sqrt(0.5) * distance).erf()
    return -ratio.log() + term / q.scale - (0.5 + 0.5 * math.log(0.5 * math.pi))


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width, variance = p.high - p.low, q.scale.pow(2)
    middle = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return (math.sqrt(2 * math.pi) * q.scale / width).log() + 0.5 * (width.pow(2) / 12 + middle) / variance


@register_kl(Exponential, Normal)
def _exponential_normal(p: Any, q: Any) -> Any:
    variance, rate = q.scale.pow(2), p.rate
    first = 0.5 * (rate.pow(2) * variance * 2 * math.pi).log()
    return first - 1 + rate.reciprocal().pow(2) / variance - q.loc / (rate * variance) + 0.5 * q.loc.pow(2) / variance


@register_kl(Normal, Uniform)
@register_kl(Laplace, Uniform)
@register_kl(Normal, Exponential)
@register_kl(Laplace, Exponential)
def _wider_than_its_support(p: Any, q: Any) -> Any:
    return _infinite(p.loc)


@register_kl(Exponential, Uniform)
def _exponential_uniform(p: Any, q: Any) -> Any:
    return _infinite(p.rate)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    found = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return found.masked_fill((p.low < 0).expand_as(found), math.inf)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normals(p: Any, q: Any) -> Any:
    """½ (tr(Σq⁻¹ Σp) + the squared distance of the means − K) + log det Lq − log det Lp."""
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two Multivariate Normals with different event shapes cannot be computed")
    of_p, of_q = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    trace = solve_triangular(of_q, of_p, upper=False).pow(2).sum((-2, -1))
    distance = squared_distance(of_q, q.loc - p.loc)
    return half_log_det(of_q) - half_log_det(of_p) + 0.5 * (trace + distance - p.event_shape[0])


@register_kl(Independent, Independent)
def _independent_independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
