"""Distributions against PyTorch's: values, gradients, shapes, printing, errors; samples against what is known of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm

torch = pytest.importorskip("torch")
BOTH = [tinygrad_fm, torch]
rng = np.random.default_rng(0)
REAL, OTHER = rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
POSITIVE, PROBABILITY = np.exp(rng.standard_normal((3, 2))), rng.uniform(0.1, 0.9, (3, 2))
MATRIX = np.linalg.cholesky(np.cov(rng.standard_normal((2, 9))))

# class -> parameters by name, a value to score, and another set of parameters to diverge from
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("Normal", {"loc": REAL, "scale": POSITIVE}, OTHER),
    ("Normal", {"loc": REAL, "scale": POSITIVE[:, :1]}, rng.standard_normal((4, 3, 2))),
    ("Laplace", {"loc": REAL, "scale": POSITIVE}, OTHER),
    ("Uniform", {"low": REAL, "high": REAL + POSITIVE}, REAL + POSITIVE * 0.3),
    ("Exponential", {"rate": POSITIVE}, PROBABILITY),
    ("Bernoulli", {"probs": PROBABILITY}, np.array([[0.0, 1], [1, 1], [0, 0]])),
    ("Bernoulli", {"logits": REAL}, np.array([[0.0, 1], [1, 1], [0, 0]])),
    ("Categorical", {"probs": POSITIVE}, np.array([0.0, 1, 1])),
    ("Categorical", {"logits": REAL}, np.array([[1.0], [0]])),
    ("OneHotCategorical", {"probs": POSITIVE}, np.array([[0.0, 1], [1, 0], [0, 1]])),
    ("OneHotCategorical", {"logits": REAL}, np.array([[0.0, 1], [1, 0], [0, 1]])),
    ("Multinomial", {"total_count": 3, "probs": POSITIVE}, np.array([[0.0, 3], [1, 2], [2, 1]])),
    ("Multinomial", {"total_count": 3, "logits": REAL}, np.array([1.0, 2])),
    ("MultivariateNormal", {"loc": REAL, "scale_tril": MATRIX}, OTHER),
    ("MultivariateNormal", {"loc": REAL, "covariance_matrix": MATRIX @ MATRIX.T}, OTHER),
    ("MultivariateNormal", {"loc": REAL, "precision_matrix": MATRIX @ MATRIX.T}, rng.standard_normal((4, 3, 2))),
]
IDS = [f"{name}-{'-'.join(parameters)}" for name, parameters, _ in CASES]


def made(library: Any, name: str, parameters: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The distribution, and its parameters that take gradients."""
    given = {k: library.tensor(v, requires_grad=True) if isinstance(v, np.ndarray) else v for k, v in parameters.items()}
    return getattr(library.distributions, name)(**given), [v for v in given.values() if not isinstance(v, int)]


def derivatives(library: Any, y: Any, leaves: list[Any]) -> list[np.ndarray[Any, Any]]:
    """``y`` and its first and second derivatives, zeros where there are none."""
    weights = library.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)))
    zeros = [np.zeros(tuple(x.shape)) for x in leaves]
    if not y.requires_grad:
        return [y.detach().numpy(), *zeros, *zeros]
    first = library.autograd.grad((y * weights).sum(), leaves, create_graph=True, allow_unused=True)
    squares = [(g * g).sum() for g in first if g is not None and g.requires_grad]
    second = library.autograd.grad(sum(squares), leaves, allow_unused=True) if squares else [None] * len(leaves)
    found = [z if g is None else g.detach().numpy() for g, z in zip([*first, *second], [*zeros, *zeros], strict=True)]
    return [y.detach().numpy(), *found]


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def outcome(library: Any, name: str, parameters: dict[str, Any], ask: Any) -> Any:
    """What ``ask`` gives of the distribution with its derivatives, or the class of the error that it raises."""
    distribution, leaves = made(library, name, parameters)
    try:
        y = ask(library, distribution)
    except NotImplementedError as error:
        return type(error)
    return derivatives(library, y, leaves)


QUESTIONS: dict[str, Any] = {
    "entropy": lambda _, d: d.entropy(),
    "perplexity": lambda _, d: d.perplexity(),
    "mean": lambda _, d: d.mean,
    "mode": lambda library, d: d.mode.to(library.float64),
    "variance": lambda _, d: d.variance,
    "stddev": lambda _, d: d.stddev,
    "enumerate_support": lambda library, d: d.enumerate_support().to(library.float64),
    "enumerate_support, not expanded": lambda library, d: d.enumerate_support(expand=False).to(library.float64),
    "cdf": lambda library, d: d.cdf(library.tensor(PROBABILITY)),
    "icdf": lambda library, d: d.icdf(library.tensor(PROBABILITY)),
    "expand": lambda library, d: d.expand((5, 3)).mean if len(d.batch_shape) == 1 else d.expand((5, 3, 2)).mean,
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("name", "parameters", "value"), CASES, ids=IDS)
def test_what_is_known_of_it(name: str, parameters: dict[str, Any], value: Any, question: str) -> None:
    if question == "cdf" and name == "Uniform":
        parameters = {"low": REAL * 0, "high": REAL * 0 + 2}
    ours, theirs = (outcome(library, name, parameters, QUESTIONS[question]) for library in BOTH)
    if isinstance(theirs, type):
        assert ours is theirs
    else:
        assert_same(ours, theirs)


@pytest.mark.parametrize(("name", "parameters", "value"), CASES, ids=IDS)
def test_log_prob(name: str, parameters: dict[str, Any], value: Any) -> None:
    found, printed = [], []
    for library in BOTH:
        distribution, leaves = made(library, name, parameters)
        sample = library.tensor(value, requires_grad=distribution.has_rsample)
        y = distribution.log_prob(sample)
        found.append(derivatives(library, y, [*leaves, *([sample] if distribution.has_rsample else [])]))
        expanded = distribution.expand((4, *distribution.batch_shape))
        assert tuple(expanded.log_prob(expanded.sample()).shape) == tuple(expanded.batch_shape)
        printed.append((repr(distribution), repr(expanded), tuple(distribution.batch_shape), tuple(distribution.event_shape),
                        distribution.has_rsample, distribution.has_enumerate_support, repr(distribution.support)))  # fmt: skip
    assert_same(*found)
    if name == "Uniform":  # its support prints tensors
        printed = [entry[:-1] for entry in printed]
    assert printed[0] == printed[1]


@pytest.mark.parametrize(("name", "parameters", "value"), CASES, ids=IDS)
def test_samples(name: str, parameters: dict[str, Any], value: Any) -> None:
    """Shapes and dtypes are PyTorch's; mean and variance those of the distribution, within five standard errors."""
    tinygrad_fm.manual_seed(0)
    ours, leaves = made(tinygrad_fm, name, parameters)
    theirs, _ = made(torch, name, parameters)
    for shape in ((), (4,), (2, 3)):
        a, b = ours.sample(shape), theirs.sample(shape)
        assert tuple(a.shape) == tuple(b.shape) and str(a.dtype) == str(b.dtype)
        assert not a.requires_grad
        ours.log_prob(a)
    n = 4000
    drawn = ours.sample((n,)).to(tinygrad_fm.float64).numpy()
    if name == "Categorical":
        drawn = np.eye(2)[drawn.astype(int)]
        mean, variance = ours.probs.detach().numpy(), (ours.probs * (1 - ours.probs)).detach().numpy()
    else:
        mean, variance = ours.mean.detach().numpy(), ours.variance.detach().numpy()
    assert (np.abs(drawn.mean(0) - mean) < 5 * np.sqrt(variance / n)).all()
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.25)
    if ours.has_rsample:
        sample = ours.rsample((7,))
        assert all(g is not None for g in tinygrad_fm.autograd.grad(sample.sum(), leaves, allow_unused=True)[:1])
    else:
        with pytest.raises(NotImplementedError):
            ours.rsample()


def test_gradients_of_samples() -> None:
    """With the same noise, loc's gradient is 1 and scale's the noise; both as PyTorch has them."""
    for name in ("Normal", "Laplace"):
        ours, (loc, scale) = made(tinygrad_fm, name, {"loc": REAL, "scale": POSITIVE})
        sample = ours.rsample()
        of_loc, of_scale = tinygrad_fm.autograd.grad(sample.sum(), (loc, scale))
        np.testing.assert_allclose(of_loc.numpy(), 1)
        np.testing.assert_allclose(of_scale.numpy(), ((sample - loc) / scale).detach().numpy(), rtol=1e-9)


KINDS = ["Normal", "Laplace", "Uniform", "Exponential", "Bernoulli", "Categorical", "OneHotCategorical", "MultivariateNormal"]


def two(library: Any, kind: str, second: bool) -> tuple[Any, list[Any]]:
    name, parameters, _ = next(case for case in CASES if case[0] == kind)
    if second:
        parameters = {k: v * 0.7 if k not in ("loc", "low") else v - 0.2 for k, v in parameters.items()}
        if kind == "Uniform":
            parameters = {"low": REAL - 1, "high": REAL + POSITIVE * np.array([2, 0.5])}
    return made(library, name, parameters)


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_divergence(first: str, second: str) -> None:
    found: list[Any] = []
    for library in BOTH:
        (p, leaves), (q, more) = two(library, first, False), two(library, second, True)
        try:
            y = library.distributions.kl_divergence(p, q)
        except NotImplementedError as error:
            found.append(type(error))
        else:
            found.append(derivatives(library, y, leaves + more))
    if found[1] is NotImplementedError:
        assert found[0] is NotImplementedError
    else:
        assert_same(*found)


@pytest.mark.parametrize("library", BOTH, ids=["ours", "torch"])
def test_independent(library: Any) -> None:
    d = library.distributions
    normal = d.Normal(library.zeros(4, 3, 2), library.ones(4, 3, 2))
    whole = d.Independent(normal, 2)
    assert (tuple(whole.batch_shape), tuple(whole.event_shape)) == ((4,), (3, 2))
    assert repr(whole) == "Independent(Normal(loc: torch.Size([4, 3, 2]), scale: torch.Size([4, 3, 2])), 2)"
    x = library.ones(4, 3, 2)
    np.testing.assert_allclose(whole.log_prob(x).numpy(), normal.log_prob(x).sum((1, 2)).numpy(), rtol=1e-6)
    np.testing.assert_allclose(whole.entropy().numpy(), normal.entropy().sum((1, 2)).numpy(), rtol=1e-6)
    assert whole.expand((5, 4)).rsample((7,)).shape == (7, 5, 4, 3, 2)
    assert tuple(d.kl_divergence(whole, whole).shape) == (4,)
    assert whole.support.event_dim == 2 and whole.has_rsample
    with pytest.raises(NotImplementedError, match="cartesian"):
        d.Independent(d.Bernoulli(library.ones(2) / 2), 1).enumerate_support()


@pytest.mark.parametrize("library", BOTH, ids=["ours", "torch"])
def test_divergences_of_ones_own(library: Any) -> None:
    d = library.distributions

    class Mine(d.Normal):  # type: ignore[misc, name-defined]
        pass

    assert d.kl_divergence(Mine(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 0
    d.register_kl(Mine, d.Normal)(lambda p, q: library.tensor(7.0))
    assert d.kl_divergence(Mine(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 7
    with pytest.raises(TypeError):
        d.register_kl(3, d.Normal)


WRONG: dict[str, Any] = {
    "scale": lambda t, d: d.Normal(0.0, -1.0),
    "a batch of scales": lambda t, d: d.Normal(t.zeros(2), t.tensor([1.0, -1.0])),
    "a NaN": lambda t, d: d.Normal(float("nan"), 1.0),
    "no tensor": lambda t, d: d.Normal(0.0, 1.0).log_prob(1.0),
    "a value that is NaN": lambda t, d: d.Normal(0.0, 1.0).log_prob(t.tensor(float("nan"))),
    "a value of another shape": lambda t, d: d.Normal(t.zeros(3), 1.0).log_prob(t.zeros(2)),
    "no parameter": lambda t, d: d.Categorical(),
    "two parameters": lambda t, d: d.Bernoulli(probs=t.ones(2), logits=t.ones(2)),
    "0-d probabilities": lambda t, d: d.Categorical(probs=t.tensor(1.0)),
    "negative probabilities": lambda t, d: d.Categorical(t.tensor([-1.0, 2.0])),
    "probabilities of zero": lambda t, d: d.Categorical(t.zeros(2)),
    "no such class": lambda t, d: d.Categorical(t.ones(2)).log_prob(t.tensor(2)),
    "half a class": lambda t, d: d.Categorical(t.ones(2)).log_prob(t.tensor(0.5)),
    "a probability above one": lambda t, d: d.Bernoulli(1.5),
    "half a one": lambda t, d: d.Bernoulli(0.5).log_prob(t.tensor(0.5)),
    "low above high": lambda t, d: d.Uniform(1.0, 0.0),
    "outside": lambda t, d: d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0)),
    "too many": lambda t, d: d.Multinomial(3, t.ones(2)).log_prob(t.tensor([3.0, 1.0])),
    "several counts": lambda t, d: d.Multinomial(t.tensor([1, 2]), t.ones(2, 2)),
    "no matrix": lambda t, d: d.MultivariateNormal(t.zeros(2)),
    "a vector": lambda t, d: d.MultivariateNormal(t.zeros(2), t.ones(2)),
    "a negative matrix": lambda t, d: d.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "no symmetric matrix": lambda t, d: d.MultivariateNormal(t.zeros(2), t.tensor([[1.0, 0.5], [0.0, 1.0]])),
    "a full factor": lambda t, d: d.MultivariateNormal(t.zeros(2), scale_tril=t.ones(2, 2)),
    "too many dimensions": lambda t, d: d.Independent(d.Normal(t.zeros(2), 1.0), 2),
    "no pair": lambda t, d: d.kl_divergence(d.Normal(0.0, 1.0), d.Categorical(t.ones(2))),
    "a string": lambda t, d: d.Normal("0", 1.0),
    "a rate": lambda t, d: d.Exponential(0.0),
    "a default": lambda t, d: d.Distribution.set_default_validate_args(None),
    "two ones": lambda t, d: d.OneHotCategorical(t.ones(2)).log_prob(t.ones(2)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors(wrong: str) -> None:
    said = []
    for library in BOTH:
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            WRONG[wrong](library, library.distributions)
        said.append((type(caught.value), str(caught.value).replace(" instances of Number, torch.Tensor or objects implementing "
                     "__torch_function__.", " instances of Number or Tensor")))  # fmt: skip
    if wrong == "a default":
        assert said[0][0] is said[1][0]
    else:
        assert said[0] == said[1]


def test_unchecked() -> None:
    d = tinygrad_fm.distributions
    assert np.isnan(d.Normal(0.0, -1.0, validate_args=False).log_prob(tinygrad_fm.tensor(1.0)).item())
    before = d.Distribution._validate_args
    try:
        d.Distribution.set_default_validate_args(False)
        d.Normal(0.0, -1.0)
    finally:
        d.Distribution.set_default_validate_args(before)


CONSTRAINTS: dict[str, Any] = {
    "real": REAL, "positive": REAL, "nonnegative": REAL, "unit_interval": REAL, "boolean": np.array([0.0, 1, 0.5]),
    "simplex": np.array([[0.5, 0.5], [1.0, 0.1]]), "one_hot": np.array([[0.0, 1], [1, 1]]),
    "nonnegative_integer": np.array([0.0, 1.5, -1, 3]), "positive_integer": np.array([0.0, 1.5, 2]), "real_vector": REAL,
    "lower_triangular": np.stack([np.eye(2), np.ones((2, 2))]), "lower_cholesky": np.stack([np.eye(2), -np.eye(2)]),
    "square": np.ones((3, 2, 2)), "symmetric": np.stack([np.eye(2), np.triu(np.ones((2, 2)))]),
    "positive_definite": np.stack([np.eye(2), np.ones((2, 2)) - np.eye(2)]),
    "positive_semidefinite": np.stack([np.eye(2), np.ones((2, 2)), -np.eye(2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints(name: str) -> None:
    ours, theirs = (getattr(library.distributions.constraints, name) for library in BOTH)
    value = CONSTRAINTS[name]
    assert ours.check(tinygrad_fm.tensor(value)).tolist() == theirs.check(torch.tensor(value)).tolist()
    assert (repr(ours), ours.event_dim, ours.is_discrete) == (repr(theirs), theirs.event_dim, theirs.is_discrete)
