"""Make the cheat sheet, docs/images/cheatsheet.svg and docs/cheatsheet.pdf: ``python -m docs.cheatsheet``.

What is on it are the rows below. Rules, updates and sizes stand there twice, as text for the sheet and as code, which
tests/test_cheatsheet.py compares with the library: keep the two alike. Both files carry a digest of the text, by which the
test sees whether they are of today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F

HERE = Path(__file__).resolve().parent
SVG, PDF = HERE / "images" / "cheatsheet.svg", HERE / "cheatsheet.pdf"


class Rule(NamedTuple):
    """An operation and its backward rule.

    Attributes:
        operation, rule: as they stand on the sheet, in matplotlib's mathematics.
        shapes: of the inputs that get a gradient.
        forward: the operation, of Tensors.
        backward: the gradients of the inputs, arrays, of ``g``, the result ``y`` and the inputs, arrays.
        positive: the inputs must be.
    """

    operation: str
    rule: str
    shapes: tuple[tuple[int, ...], ...]
    forward: Callable[..., Any]
    backward: Callable[..., tuple[Any, ...]]
    positive: bool = False


class Update(NamedTuple):
    """An optimizer and its update.

    Attributes:
        name, formula, paper: as they stand on the sheet.
        make: the optimizer for parameters, of the library.
        step: the new p of ``p``, ``g`` and a dict to keep state in, arrays.
    """

    name: str
    formula: str
    paper: str
    make: Callable[..., Any]
    step: Callable[..., Any]


class Size(NamedTuple):
    """A layer on an image of ``n`` by ``n``, and the side of its result."""

    layer: str
    n: int
    side: int
    forward: Callable[..., Any]


def _softmax(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _at_max(g: Any, a: Any) -> Any:
    return g[:, None] * (a == a.max(1, keepdims=True))


def _batch_norm_rule(g: Any, y: Any, x: Any) -> tuple[Any]:
    x_hat, n = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), len(x)
    return ((g - g.sum(0) / n - x_hat * (g * x_hat).sum(0) / n) / np.sqrt(x.var(0) + 1e-5),)


def _conv_rule(g: Any, y: Any, x: Any, w: Any) -> tuple[Any, Any]:
    """One image, one channel, stride 1."""
    (h, width), (a, b) = y.shape[2:], w.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(a):
        for j in range(b):
            dx[:, :, i : i + h, j : j + width] += g * w[0, 0, i, j]
            dw[0, 0, i, j] = (g * x[:, :, i : i + h, j : j + width]).sum()
    return dx, dw


_LABELS = np.array([2, 0, 1])
_KEPT = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
_A, _AB = ((3, 4),), ((3, 4), (3, 4))

RULES = [
    Rule(r"$a + b$", r"$g, \;\; g$", _AB, lambda a, b: a + b, lambda g, y, a, b: (g, g)),
    Rule(r"$a - b$", r"$g, \;\; -g$", _AB, lambda a, b: a - b, lambda g, y, a, b: (g, -g)),
    Rule(r"$a \cdot b$", r"$g\,b, \;\; g\,a$", _AB, lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a)),
    Rule(r"$a / b$", r"$g/b, \;\; -g\,a/b^2$", _AB, lambda a, b: a / b, lambda g, y, a, b: (g / b, -g * a / b**2), True),
    Rule(r"$a^n$", r"$g\,n\,a^{n-1}$", _A, lambda a: a**3, lambda g, y, a: (g * 3 * a**2,)),
    Rule(r"$y = \exp a$", r"$g\,y$", _A, torch.exp, lambda g, y, a: (g * y,)),
    Rule(r"$\log a$", r"$g / a$", _A, torch.log, lambda g, y, a: (g / a,), True),
    Rule(r"$y = \sqrt{a}$", r"$g / (2y)$", _A, torch.sqrt, lambda g, y, a: (g / (2 * y),), True),
    Rule("relu $a$", r"$g$ where $a > 0$, else 0", _A, torch.relu, lambda g, y, a: (g * (a > 0),)),
    Rule(r"$y$ = sigmoid $a$", r"$g\,y\,(1 - y)$", _A, torch.sigmoid, lambda g, y, a: (g * y * (1 - y),)),
    Rule(r"$y = \tanh a$", r"$g\,(1 - y^2)$", _A, torch.tanh, lambda g, y, a: (g * (1 - y**2),)),
    Rule("$|a|$", r"$g\,\mathrm{sign}\,a$", _A, torch.abs, lambda g, y, a: (g * np.sign(a),)),
    Rule("sum over a dim", "$g$, repeated along it", _A, lambda a: a.sum(1), lambda g, y, a: (g[:, None] + 0 * a,)),
    Rule("mean over n", "$g/n$, repeated", _A, lambda a: a.mean(1), lambda g, y, a: (g[:, None] / 4 + 0 * a,)),
    Rule("max over a dim", "$g$ at the maximum, else 0", _A, lambda a: a.max(1).values, lambda g, y, a: (_at_max(g, a),)),
    Rule("expand, broadcast", "$g$ summed over the new axes", ((4,),), lambda a: a.expand(3, 4), lambda g, y, a: (g.sum(0),)),
    Rule("reshape", "$g$ in the old shape", _A, lambda a: a.reshape(2, 6), lambda g, y, a: (g.reshape(3, 4),)),
    Rule("transpose", "$g$ transposed", _A, lambda a: a.T, lambda g, y, a: (g.T,)),
    Rule("$a[i]$", "zeros, with $g$ added at $i$", ((4,),), lambda a: a[torch.tensor([1, 1, 3])],
         lambda g, y, a: (np.array([0, g[0] + g[1], 0, g[2]]),)),
    Rule("cat $a, b$", "$g$ in two parts", _AB, lambda a, b: torch.cat([a, b]), lambda g, y, a, b: (g[:3], g[3:])),
    Rule(r"$a\,@\,b$", r"$g\,b^T, \;\; a^T g$", ((3, 4), (4, 2)), lambda a, b: a @ b, lambda g, y, a, b: (g @ b.T, a.T @ g)),
    Rule(r"linear: $x W^T + b$", r"$g\,W, \;\; g^T x, \;\; \Sigma_N\, g$", ((3, 4), (2, 4), (2,)), F.linear,
         lambda g, y, x, w, b: (g @ w, g.T @ x, g.sum(0))),
    Rule(r"$y$ = softmax $z$", r"$y\,(g - \Sigma\, g\,y)$", _A, lambda z: z.softmax(1),
         lambda g, y, z: (y * (g - (g * y).sum(1, keepdims=True)),)),
    Rule(r"$y$ = log_softmax $z$", r"$g - e^{y}\, \Sigma\, g$", _A, lambda z: z.log_softmax(1),
         lambda g, y, z: (g - np.exp(y) * g.sum(1, keepdims=True),)),
    Rule("cross_entropy", r"$g\,($softmax $z -$ one-hot$)/N$", _A, lambda z: F.cross_entropy(z, torch.tensor(_LABELS)),
         lambda g, y, z: (g * (_softmax(z) - np.eye(4)[_LABELS]) / 3,)),
    Rule("mse_loss $a, b$", r"$\pm\, 2g\,(a - b)/n$", _AB, F.mse_loss,
         lambda g, y, a, b: (2 * g * (a - b) / 12, -2 * g * (a - b) / 12)),
    Rule("conv2d $x, w$", "$g$ spread by $w$;  $x$ correlated with $g$", ((1, 1, 5, 5), (1, 1, 3, 3)), F.conv2d, _conv_rule),
    Rule("max_pool2d", "$g$ at each window's maximum", ((1, 1, 4, 4),), lambda a: F.max_pool2d(a, 2),
         lambda g, y, a: (np.kron(g, np.ones((2, 2))) * (a == np.kron(y, np.ones((2, 2)))),)),
    Rule(r"batch_norm, $\hat{x} = (x - \mu)/\sigma$",
         r"$(g - \overline{g} - \hat{x}\,\overline{g\,\hat{x}})/\sigma$", ((5, 3),),
         lambda x: F.batch_norm(x, None, None, training=True), _batch_norm_rule),
    Rule("dropout: $a\\,m/(1-p)$", "$g\\,m/(1-p)$", _A,
         lambda a: a * torch.tensor(_KEPT) / 0.6, lambda g, y, a: (g * _KEPT / 0.6,)),
]  # fmt: skip


def _momentum(p: Any, g: Any, s: dict[str, Any]) -> Any:
    s["v"] = 0.9 * s["v"] + g if s else g
    return p - 0.1 * s["v"]


def _nesterov(p: Any, g: Any, s: dict[str, Any]) -> Any:
    s["v"] = 0.9 * s["v"] + g if s else g
    return p - 0.1 * (g + 0.9 * s["v"])


def _adagrad(p: Any, g: Any, s: dict[str, Any]) -> Any:
    s["v"] = s.get("v", 0) + g**2
    return p - 0.1 * g / (np.sqrt(s["v"]) + 1e-10)


def _rmsprop(p: Any, g: Any, s: dict[str, Any]) -> Any:
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g**2
    return p - 0.1 * g / (np.sqrt(s["v"]) + 1e-8)


def _adam(p: Any, g: Any, s: dict[str, Any], decay: float = 0.0) -> Any:
    s["t"] = t = s.get("t", 0) + 1
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    change = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8)
    return p - 0.1 * change - 0.1 * decay * p


OPTIMIZERS = [
    Update("SGD", r"$p \leftarrow p - \eta\,g$", "Robbins & Monro 1951",
           lambda p: torch.optim.SGD(p, lr=0.1), lambda p, g, s: p - 0.1 * g),
    Update("  momentum", r"$v \leftarrow \mu v + g, \quad p \leftarrow p - \eta\,v$", "Polyak 1964",
           lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), _momentum),
    Update("  Nesterov", r"the same $v$, $\quad p \leftarrow p - \eta\,(g + \mu v)$", "Nesterov 1983",
           lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), _nesterov),
    Update("Adagrad", r"$v \leftarrow v + g^2, \quad p \leftarrow p - \eta\,g/(\sqrt{v} + \epsilon)$", "Duchi et al. 2011",
           lambda p: torch.optim.Adagrad(p, lr=0.1), _adagrad),
    Update("RMSprop", r"$v \leftarrow \alpha v + (1-\alpha)\,g^2, \quad p \leftarrow p - \eta\,g/(\sqrt{v} + \epsilon)$",
           "Hinton 2012", lambda p: torch.optim.RMSprop(p, lr=0.1), _rmsprop),
    Update("Adam", r"$m \leftarrow \beta_1 m + (1-\beta_1)\,g, \quad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2$" "\n"
           r"$p \leftarrow p - \eta\,\hat{m}/(\sqrt{\hat{v}} + \epsilon), \quad "
           r"\hat{m} = m/(1-\beta_1^t), \; \hat{v} = v/(1-\beta_2^t)$",
           "Kingma & Ba 2015", lambda p: torch.optim.Adam(p, lr=0.1), _adam),
    Update("AdamW", r"Adam's step, and $\; p \leftarrow p - \eta\,\lambda\,p$", "Loshchilov & Hutter 2019",
           lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3), lambda p, g, s: _adam(p, g, s, 0.3)),
]  # fmt: skip

SIZES = [
    Size("Conv2d(k=5)", 28, 24, lambda x: F.conv2d(x, torch.ones(1, 1, 5, 5))),
    Size("Conv2d(k=5, padding=2)", 28, 28, lambda x: F.conv2d(x, torch.ones(1, 1, 5, 5), padding=2)),
    Size("Conv2d(k=3, padding=1)", 28, 28, lambda x: F.conv2d(x, torch.ones(1, 1, 3, 3), padding=1)),
    Size("Conv2d(k=3, stride=2, padding=1)", 28, 14, lambda x: F.conv2d(x, torch.ones(1, 1, 3, 3), stride=2, padding=1)),
    Size("Conv2d(k=3, dilation=2)", 28, 24, lambda x: F.conv2d(x, torch.ones(1, 1, 3, 3), dilation=2)),
    Size("MaxPool2d(2)", 28, 14, lambda x: F.max_pool2d(x, 2)),
    Size("MaxPool2d(3, stride=2)", 28, 13, lambda x: F.max_pool2d(x, 3, stride=2)),
    Size("ConvTranspose2d(k=2, stride=2)", 14, 28, lambda x: F.conv_transpose2d(x, torch.ones(1, 1, 2, 2), stride=2)),
]

BROADCASTS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]] = [
    ((64, 10), (10,), (64, 10)),
    ((64, 1), (10,), (64, 10)),
    ((8, 1, 28, 28), (6, 1, 1), (8, 6, 28, 28)),
    ((64, 1), (64,), (64, 64)),
    ((64, 10), (64,), None),
]

#: (name, formula): initial values and losses, in words of the library
INITIAL = [
    ("kaiming_normal_", r"std $\sqrt{2/n_{in}}$, for ReLU", "He et al. 2015"),
    ("xavier_normal_", r"std $\sqrt{2/(n_{in} + n_{out})}$, for tanh", "Glorot & Bengio 2010"),
    ("layers' own", r"uniform in $\pm 1/\sqrt{n_{in}}$", "as PyTorch's"),
]
LOSSES = [
    ("cross_entropy", r"$-\log\,$softmax$(z)_{label}$", "logits (N, K), labels (N,); over the N samples"),
    ("nll_loss", r"$-y_{label}$", "log-probabilities, labels; over the N samples"),
    ("bce_with_logits", r"$-t \log \sigma(z) - (1-t) \log(1 - \sigma(z))$", "any shape, targets 0 to 1; over all elements"),
    ("mse_loss", r"$(a - b)^2$", "two of one shape; over all elements"),
]
FORMULAS = [
    ("convolution, pooling", r"$\left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1$"),
    ("transposed", r"$(n-1)\,s - 2p + d\,(k-1) + p_{out} + 1$"),
    ("parameters", r"$C_{out}\,(C_{in}\,k^2 + 1)$; linear $n_{out}\,(n_{in} + 1)$"),
]
LOOP = """for x, y in loader:
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()             # dropout off, stored statistics
with torch.no_grad():    # no tape
    accuracy = (model(x).argmax(1) == y).float().mean()
model.train()"""


def shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


class Column:
    """A column of the sheet that is filled from the top down; lengths in inches."""

    def __init__(self, figure: Any, left: float, width: float, top: float) -> None:
        self.figure, self.left, self.width, self.y = figure, left, width, top

    def text(self, x: float, text: str, size: float = 7.2, **style: Any) -> None:
        width, height = self.figure.get_size_inches()
        style = {"va": "center", "color": INK, **style}
        self.figure.text((self.left + x) / width, self.y / height, text, fontsize=size, **style)

    def title(self, text: str, note: str = "") -> None:
        from matplotlib.patches import Rectangle

        self.y -= 0.12
        width, height = self.figure.get_size_inches()
        place = (self.left / width, (self.y - 0.09) / height)
        self.figure.patches.append(
            Rectangle(place, self.width / width, 0.18 / height, transform=self.figure.transFigure, color=BAR, lw=0)
        )
        self.text(0.06, text, 8, weight="bold", color="white")
        self.text(self.width - 0.06, note, 6.4, ha="right", color="white")
        self.y -= 0.20

    def row(self, *cells: tuple[float, str], height: float = 0.187, size: float = 7.2, **style: Any) -> None:
        for x, text in cells:
            self.text(x, text, size, **style)
        self.y -= height


INK, BAR, FAINT = "#1c2733", "#2f5d8a", "#5b6875"


def draw() -> Any:
    """The sheet as a figure of matplotlib, A4 across."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.69, 8.27), facecolor="white")
    height = 8.27
    head = Column(figure, 0.4, 10.9, height - 0.36)
    head.text(0, "Autograd and small networks", 14, weight="bold")
    head.text(10.89, "tinygrad_fm, under PyTorch's names   ·   import tinygrad_fm as torch, tinygrad_fm.nn.functional as F", 7,
              ha="right", color=FAINT)  # fmt: skip

    top = height - 0.52
    rules = Column(figure, 0.4, 3.72, top)
    rules.title("Backward rules", "g: gradient of the result, in its shape")
    for rule in RULES:
        rules.row((0.06, rule.operation), (1.62, rule.rule), height=0.24)

    middle = Column(figure, 4.27, 3.42, top)
    middle.title("Shapes that broadcast", "from the right: equal, or one is 1")
    for a, b, result in BROADCASTS:
        middle.row((0.06, shown(a)), (1.18, shown(b)), (1.9, "→ " + (shown(result) if result else "error")))
    middle.title("Sizes", "n side, k kernel, p padding, s stride, d dilation")
    for name, formula in FORMULAS:
        middle.row((0.06, name), (1.3, formula), height=0.275)
    for size in SIZES:
        middle.row((0.06, size.layer), (2.3, f"{size.n} → {size.side}"), height=0.19, size=7)
    middle.title("Initial values")
    for name, formula, paper in INITIAL:
        middle.text(3.37, paper, 5.6, ha="right", color=FAINT)
        middle.row((0.06, name), (1.02, formula), height=0.22)
    middle.title("Losses", "each a mean")
    for name, formula, inputs in LOSSES:
        middle.row((0.06, name), (1.02, formula), height=0.175)
        middle.row((1.02, inputs), size=6.2, height=0.205, color=FAINT)

    right = Column(figure, 7.84, 3.45, top)
    right.title("Optimizers", "η learning rate, g gradient, p parameter")
    for name, formula, paper in (update[:3] for update in OPTIMIZERS):
        right.text(3.4, paper, 5.8, ha="right", color=FAINT)
        right.row((0.06, name), height=0.18, weight="bold", size=7)
        for line in formula.split("\n"):
            right.row((0.16, line), height=0.235, size=7.4)
    right.title("The loop")
    for line in LOOP.splitlines():
        right.row((0.06, line), height=0.16, size=6.4, family="DejaVu Sans Mono")
    right.y -= 0.04
    right.title("What is behind it")
    for line in (
        "backward() adds to .grad; zero_grad() forgets it",
        "only leaves keep .grad: retain_grad() for others",
        "what backward has used is let go: retain_graph=True",
        "create_graph=True: gradients of gradients",
        "detach(): the same numbers, without the past",
        "torch.draw(loss).save('graph.html', steps=True)",
    ):
        right.row((0.06, line), height=0.2, size=7)
    return figure


def digest(figure: Any) -> str:
    """Of all that stands on the sheet."""
    return hashlib.sha256(repr([text.get_text() for text in figure.texts]).encode()).hexdigest()[:16]


def save() -> None:
    """Write both files; the same text gives the same bytes with one matplotlib."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "cheatsheet", "svg.fonttype": "path", "mathtext.fontset": "dejavusans"}):
        figure = draw()
        figure.savefig(SVG, metadata={"Date": None, "Description": digest(figure)})
        figure.savefig(PDF, metadata={"CreationDate": None, "Keywords": digest(figure)})


if __name__ == "__main__":
    save()
