"""The grader cannot be passed by anything but the formula, and what is wrong with a file is said in a sentence."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_fm as torch
from exercises.grading.catalogue import BY_NAME
from exercises.grading.grade import Report, grade
from exercises.grading.recording import recorded
from exercises.grading.student import Caught, watched

from .filling import fill, shipped
from .solutions import SOLUTIONS

PRODUCT = BY_NAME["product"]


def product(body: str, head: str = "") -> Report:
    """The report of the product's exercise with this ``multiply_a``, and the rest solved."""
    source = fill(shipped(PRODUCT), {**SOLUTIONS["product"], "multiply_a": body})
    return grade(PRODUCT, f"{head}\n{source}", seed=0)


OWN = "class A:\n    def __init__(self):\n        self.{} = 1\n"
REFUSED = [
    ("import tinygrad_fm", "return g * b", "import tinygrad_fm is not allowed"),
    ("import tinygrad_fm as np", "return g * b", "import tinygrad_fm is not allowed"),
    ("from tinygrad_fm import autograd", "return g * b", "from tinygrad_fm import is not allowed"),
    ("import torch", "return g * b", "import torch is not allowed"),
    ("from exercises.grading import catalogue", "return g * b", "from exercises.grading import is not allowed"),
    ("from . import grading", "return g * b", "from . import is not allowed"),
    ("import sys", "return g * b", "import sys is not allowed"),
    ("import numpy.ctypeslib", "return g * b", "import numpy.ctypeslib is not allowed"),
    ("", "return __import__('tinygrad_fm').mul(g, b)", "the name __import__ is not allowed"),
    ("", "return eval('g * b')", "eval() is not allowed"),
    ("", "return getattr(g, 'dot')(b)", "getattr() is not allowed"),
    ("", "return open('solutions.py').read()", "open() is not allowed"),
    ("", "return ().__class__.__base__.__subclasses__()", "the attribute .__class__ is not allowed"),
    ("", "return multiply_a.__globals__", "the attribute .__globals__ is not allowed"),
    ("", "y = a.mul(b)\ny.backward()\nreturn a.grad", "the attribute .mul is not allowed"),
    ("", "a.requires_grad = True\ny = a * b\ny.backward(g)\nreturn a.grad", "the attribute .requires_grad is not allowed"),
    ("", "try:\n    return g * b\nexcept Exception:\n    return g", "`try` is not allowed"),
    ("import numpy as np", "return np.load('x.npy')", "np.load is not allowed"),
    ("import numpy as np", "return np.frompyfunc(a)", "np.frompyfunc is not allowed"),
    ("import numpy as np", "return np.sun(g)", "np.sun is not allowed here; did you mean sum?"),
    ("import numpy as np", "return g.max()", "the attribute .max is not allowed here: write np.max(x)"),
    ("", "return math.log(g)", "the attribute .log is not allowed here: write np.log(x), and `import numpy as np` at the top"),
    ("import numpy as np", "return (g > 0).astype(float)", "a comparison may be multiplied as it is"),
    ("import numpy as np", "np.multiply = np.add\nreturn g * b", "changing np.multiply is not allowed"),
    ("class A:\n    def __array__(self):\n        return 0\n", "return A()", "the method __array__ is not allowed"),
    ("", "global x\nreturn g * b", "`global` is not allowed"),
    ("", "async def f():\n    pass\nreturn g * b", "`async` is not allowed"),
    ("", "return exec('x = 1')", "exec() is not allowed"),
    ("", "return globals()['grade']", "globals() is not allowed"),
    ("", "return type(g)(b)", "type() is not allowed"),
    ("", "return '{0.__class__}'.format(g)", "the attribute .format is not allowed"),
    ("", "return multiply_a.func_globals", "the attribute .func_globals is not allowed"),
    ("", "return (x for x in [g]).gi_frame.f_back", "the attribute .gi_frame is not allowed"),
    ("import numpy", "return numpy.linalg.inv(g)", "np.linalg is not allowed"),
    ("", "match multiply_a:\n    case object(__globals__=names):\n        return g * b", "`match` is not allowed"),
    # setting an attribute of this name on an object of one's own does not open it on all others
    (OWN.format("__globals__"), "return multiply_a.__globals__ and g * b", "the attribute .__globals__ is not allowed"),
    (OWN.format("__class__"), "return g.__class__ and g * b", "the attribute .__class__ is not allowed"),
    (OWN.format("gi_frame"), "return (x for x in [g]).gi_frame and g * b", "the attribute .gi_frame is not allowed"),
    (OWN.format("f_back"), "return g.f_back", "the attribute .f_back is not allowed"),
    (OWN.format("tofile"), "return g.tofile('x')", "the attribute .tofile is not allowed here: Python, NumPy or"),
    (OWN.format("backward"), "return g.backward()", "the attribute .backward is not allowed"),
    ("class A:\n    def tofile(self):\n        return 0\n", "return g.tofile('x')", "the attribute .tofile is not allowed"),
]


@pytest.mark.parametrize(("head", "body", "message"), REFUSED)
def test_what_an_exercise_does_not_need_is_refused(head: str, body: str, message: str) -> None:
    report = product(body, head)
    assert report.state == "wrong"
    assert message in "\n".join(report.lines)
    assert report.done == []


WRONG = [
    "return 1.0",
    "return g",
    "return np.zeros(g.shape)",
    "return b * 0 + 1.25",
    "return round(1.0) * b",
    # finite differences instead of the formula
    "return g * ((a + 1e-6) * b - (a - 1e-6) * b) / 2e-6 if g.ndim == 0 else g * ((a + 1e-3) * b - a * b) / 1.1e-3",
]


@pytest.mark.parametrize("body", WRONG)
def test_constants_do_not_pass(body: str) -> None:
    for seed in range(3):
        source = fill(shipped(PRODUCT), {**SOLUTIONS["product"], "multiply_a": body})
        assert grade(PRODUCT, source, seed).state == "wrong"


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-16, reason="this processor has no numbers with more digits than float64")
def test_finite_differences_in_more_digits_do_not_pass() -> None:
    body = "h, a = 1e-6, a * np.float64(1)\nreturn g * ((a + h) * b - (a - h) * b) / (2 * h)"
    assert "no finite difference" in "\n".join(product(body, "import numpy as np").lines)


def test_finite_differences_do_not_pass() -> None:
    assert "float32" in "\n".join(product("return g * ((a + 1e-6) * b - (a - 1e-6) * b) / 2e-6").lines)


def test_the_library_is_caught_at_work_whatever_the_file_says() -> None:
    """The second guard: it does not matter by which way the library was reached."""
    with pytest.raises(Caught, match="computed by a library"), watched("student"):
        torch.mul(np.ones(2), np.ones(2))
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(Caught, match="computed by a library"), watched("student"):
        x.relu()
    with recorded(), watched("student"):
        y = x * 2  # on Tensors a rule's own operators run
    with recorded(), pytest.raises(Caught, match="computed by a library"), watched("student"):
        torch.autograd.grad(y.sum(), x)
    assert sys.getprofile() is None


def test_the_grader_is_watching() -> None:
    """A function that got hold of the library, past the reading of its file, is found out when it is called."""
    source = fill(shipped(PRODUCT), SOLUTIONS["product"])
    from exercises.grading import gradients
    from exercises.grading.student import NotAllowed, Student

    student = Student(source, PRODUCT.file)
    operation = PRODUCT.items[0]
    with pytest.raises(NotAllowed, match="computed by a library"):
        gradients.check_first(student, operation, "a", lambda g, a, b: torch.mul(g, b), 0)  # type: ignore[arg-type]


OTHER_SOLUTIONS = [
    ("derivative", "square_rule", "return 2 * x * g"),
    ("derivative", "reciprocal_rule", "return -g * (1 / x) ** 2"),
    ("derivative", "reciprocal_rule", "return g * (-1) * x ** -2"),
    ("broadcasting", "sum_to", "added = g.ndim - len(shape)\naxes = tuple(range(added)) + tuple(i + added for i, n in enumerate(shape) if n == 1)\nreturn np.reshape(np.sum(g, axis=axes), shape)"),
    ("broadcasting", "add_b", "while g.ndim > b.ndim:\n    g = g.sum(0)\nfor i in range(b.ndim):\n    if b.shape[i] == 1 and g.shape[i] > 1:\n        g = g.sum(i, keepdims=True)\nreturn g"),
    ("matmul", "matmul_a", "return np.dot(g, np.transpose(b))"),
    ("matmul", "matmul_a", "return np.einsum('nm,km->nk', g, b)"),
    ("matmul", "matmul_b", "return np.matmul(a.T, g)"),
    ("matmul", "matmul_b", "return sum([np.outer(a[n], g[n]) for n in range(len(a))])"),
    ("elementwise", "tanh_rule", "return g - g * y * y"),
    ("kinks", "relu_rule", "return np.where(x > 0, g, 0)"),
    ("kinks", "relu_rule", "dx = np.copy(g)\ndx[x <= 0] = 0\nreturn dx"),
    ("kinks", "maximum_a", "return g * ((a > b) + (a == b) / 2)"),
    ("sum_mean", "sum_rule", "return np.repeat(g[:, None], x.shape[1], axis=1)"),
    ("sum_mean", "sum_rule", "return np.tile(g.reshape(-1, 1), (1, x.shape[1]))"),
    ("sum_mean", "mean_rule", "dx = np.zeros_like(x)\nfor n in range(x.shape[0]):\n    dx[n] = g[n] / x.shape[1]\nreturn dx"),
    ("sum_mean", "mean_rule", "return np.full(x.shape, 1.0) * np.expand_dims(g, 1) / np.size(x, 1)"),
    ("max", "max_rule", "mask = (x == np.max(x, axis=1, keepdims=True)) * 1.0\nreturn mask / np.sum(mask, axis=1, keepdims=True) * np.expand_dims(g, 1)"),
    ("variance", "variance", "return np.var(x, axis=0)"),
    ("variance", "variance", "return np.mean(x ** 2, axis=0) - np.mean(x, axis=0) ** 2"),
    ("softmax", "softmax_rule", "return y * g - y * np.sum(y * g, axis=-1, keepdims=True)"),
    ("softmax", "softmax_rule", "dx = np.zeros(y.shape)\nfor n in range(len(y)):\n    j = np.eye(y.shape[1]) * y[n] - np.outer(y[n], y[n])\n    dx[n] = g[n] @ j\nreturn dx"),
    ("cross_entropy", "cross_entropy", "return -np.mean(np.sum(t * log_softmax(x), axis=1))"),
    ("linear", "linear_w", "return (x.T @ g).T"),
    ("convolution", "conv2d_x", "k = w.shape[2]\np = np.pad(g, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))\nv = np.flip(w, axis=(2, 3))\ndx = np.zeros(x.shape)\nfor i in range(k):\n    for j in range(k):\n        dx += np.einsum('nohw,oc->nchw', p[:, :, i : i + x.shape[2], j : j + x.shape[3]], v[:, :, i, j])\nreturn dx"),
    ("pooling", "avg_pool_rule", "return np.repeat(np.repeat(g, 2, axis=2), 2, axis=3) / 4"),
    ("pooling", "max_pool", "return np.maximum(np.maximum(x[:, :, ::2, ::2], x[:, :, 1::2, ::2]), np.maximum(x[:, :, ::2, 1::2], x[:, :, 1::2, 1::2]))"),
    ("pooling", "max_pool_rule", "up = np.repeat(np.repeat(y, 2, axis=2), 2, axis=3)\nreturn np.repeat(np.repeat(g, 2, axis=2), 2, axis=3) * (x == up)"),
    ("adam", "adam_step", "m = m + (1 - beta1) * (g - m)\nv = v + (1 - beta2) * (g * g - v)\na = lr * (1 - beta2 ** t) ** 0.5 / (1 - beta1 ** t)\nreturn w - a * m / (np.sqrt(v) + eps * (1 - beta2 ** t) ** 0.5), m, v"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "function", "body"), OTHER_SOLUTIONS)
def test_other_ways_to_write_it_pass(name: str, function: str, body: str) -> None:
    exercise = BY_NAME[name]
    report = grade(exercise, fill(shipped(exercise), {**SOLUTIONS[name], function: body}), seed=0)
    assert (report.state, report.lines) == ("passed", [])


SAID = [
    ("return g * c", "NameError: name 'c' is not defined"),
    ("return g * b[7]", "IndexError"),
    ("return None", "multiply_a(g, a, b) returned nothing (None)"),
    ("x = g * b\nreturn", "returned nothing (None)"),
    ("return [g, b]", "returned a list of 2, expected one array or number"),
    ("return 'g'", "returned a str, expected an array or a number"),
    ("return multiply_a(g, a, b)", "calls itself too deeply (RecursionError)"),
    ("g *= b\nreturn g", "wrote into its argument g"),
    ("return g * b / 0 * 0", "hint: NaN or infinity"),
    ("return g * b + 1e-3", "expected -"),
    ("return 3 * g * b", "every entry is 3 times what it should be"),
    ("return -g * b", "the sign is wrong"),
    ("return g / b", "expected -"),
]


@pytest.mark.parametrize(("body", "message"), SAID)
def test_what_is_wrong_is_said(body: str, message: str) -> None:
    report = product(body)
    assert report.state == "wrong"
    text = "\n".join(report.lines)
    assert message in text
    assert "Traceback" not in text
    assert report.done == ["multiply_b", "divide_a", "divide_b"], "the others are graded all the same"


def test_an_error_shows_its_line() -> None:
    source = fill(shipped(PRODUCT), {**SOLUTIONS["product"], "divide_a": "x = g + 1\nreturn x * undefined"})
    line = source.splitlines().index("    return x * undefined") + 1
    text = grade(PRODUCT, source, 0).lines
    assert text[0] == f"divide: the gradient of a: line {line} of 02_product.py:  return x * undefined"


def test_a_gap_is_where_a_value_or_the_whole_function_is_missing() -> None:
    loop = BY_NAME["backward_loop"]
    body = SOLUTIONS["backward_loop"]["backward"].replace("return None", "...")
    source = shipped(loop).rstrip().removesuffix("...") + body.strip().replace("\n", "\n    ") + "\n"
    assert grade(loop, source, 0).state == "passed", "the dots that were left at the end do no harm"
    report = product("x = ...\nreturn g * x")
    assert (report.state, report.missing) == ("begun", ["multiply_a"])
    assert product("if g.ndim == 0:\n    return g * b\nreturn ...").missing == ["multiply_a"]


def test_a_class_of_ones_own_is_allowed() -> None:
    head = "class Factor:\n    def __init__(self, x):\n        self.kept = x\n\n    def times(self, g):\n        return g * self.kept\n"
    report = product("return Factor(b).times(g)", head)
    assert (report.state, report.lines) == ("passed", [])


def test_indices_with_dots_are_no_gaps() -> None:
    assert product("return g[...] * b[...]").state == "passed"


def test_printing_without_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    report = product("for i in range(100_000):\n    print('x' * 10_000)\nreturn g * b")
    assert report.state == "passed"
    assert len(capsys.readouterr().out) < 1_100_000


def test_an_object_that_is_equal_to_everything_is_no_gradient() -> None:
    loop = BY_NAME["backward_loop"]
    for body in ("result.grad = 'x'\nreturn None", "result.grad = [1.0]\nreturn None", "result.grad = None\nreturn None"):
        assert grade(loop, fill(shipped(loop), {"backward": body}), 0).state == "wrong"


def test_gaps_are_not_errors() -> None:
    report = grade(PRODUCT, fill(shipped(PRODUCT), {"multiply_a": "g * b"}), 0)
    assert (report.state, report.done) == ("begun", ["multiply_a"])
    assert report.missing == ["multiply_b", "divide_a", "divide_b"]
    assert report.lines == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def multiply_a(g, a, b)\n    return g * b\n", "SyntaxError: expected ':'"),
        ("def multiply_a(g, a, b):\nreturn g * b\n", "IndentationError"),
        ("\0", "null bytes"),
        ("(" * 5000 + ")" * 5000, "too many nested parentheses"),
        ("", "there is no function multiply_a(g, a, b) any more"),
        ("def multiply_a(a, b):\n    return b\n", "multiply_a(a, b) must keep its arguments: multiply_a(g, a, b)"),
        ("multiply_a = 3\n", "there is no function multiply_a(g, a, b) any more"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("x = 1\n" * 50_000, "the file has 300,000 characters"),
    ],
)
def test_a_broken_file_is_a_sentence(source: str, message: str) -> None:
    report = grade(PRODUCT, source, 0)
    assert report.state == "wrong"
    assert message in "\n".join(report.lines)
