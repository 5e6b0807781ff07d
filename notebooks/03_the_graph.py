# %% [markdown]
# # The graph
#
# Whatever is computed leaves a graph behind: which operation made each number, from which others. `backward` walks along it, and
# `draw` shows it. This page goes through what can be seen, and what each picture is good for.
#
# Where Graphviz's program `dot` is installed the pictures are drawn by it; otherwise each is an interactive page in its place, with
# the same content.

# %%
import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, viz

# %% [markdown]
# ## 1. An expression, with its numbers
#
# Yellow is what you made and asked a gradient of (a *leaf*), blue what was computed. `values=True` writes on each what it holds,
# `data`, and how the result moves with it, `grad`. Names are yours: tensors do not know what you call them.

# %% tags=["try"]
x = torch.tensor(2.0, requires_grad=True)
w = torch.tensor(-0.5, requires_grad=True)
b = torch.tensor(0.25, requires_grad=True)
z = w * x + b
y = torch.tanh(z)
y.backward()
torch.draw(y, names={"x": x, "w": w, "b": b, "z": z, "y": y}, values=True)

# %% [markdown]
# > **Question.** Check one number by hand: how does `grad` of `w` follow from that of the product?
# >
# > <details><summary>Answer</summary>
# >
# > A product moves x times as far as w does. So the gradient of w is that of the product times x, here times 2; and that of x is
# > the same one times w, −0.5.
# > </details>
#
# What is used twice has two arrows going out, and the gradients that come back along them are added:

# %% tags=["try"]
a = torch.tensor(3.0, requires_grad=True)
square = a * a
result = square + a
result.backward()
torch.draw(result, names={"a": a, "square": square, "result": result}, values=True)

# %% [markdown]
# The same as text, where pictures cannot be shown:

# %%
print(
    torch.draw(result, names={"a": a, "square": square, "result": result}, values=True)
)

# %% [markdown]
# ## 2. A model
#
# Given a model and an input (or the shape of one), `draw` runs it, and shows the modules as boxes with their parameters. On the
# arrows are shapes: most mistakes in a model are mistakes of shape, and here you see where one goes wrong.

# %% tags=["try"]
torch.manual_seed(0)
perceptron = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10)
)
torch.draw(perceptron, (64, 1, 28, 28))


# %% [markdown]
# A deep network has hundreds of operations. `depth` closes the modules below a level, and neighbours that are equal are
# drawn once, with "× N":


# %% tags=["try"]
class Block(nn.Module):
    """Two convolutions, and the input added to what they give."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + x)


class Residual(nn.Module):
    def __init__(self, blocks=6, channels=16):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        x = self.blocks(self.stem(x))
        return self.head(x.mean(dim=(2, 3)))


residual = Residual()
torch.draw(residual, (8, 1, 28, 28), depth=2)

# %% [markdown]
# All open, the six equal blocks still drawn once:

# %%
torch.draw(residual, (8, 1, 28, 28))

# %% [markdown]
# > **Question.** Where is the arrow that makes this a *residual* network, and what does it do for the gradient?
# >
# > <details><summary>Answer</summary>
# >
# > It goes around the two convolutions, straight into the sum. The rule of a sum hands the gradient on as it is, to both: so part of it
# > reaches the first layers without having been multiplied by anything on the way, however many blocks there are.
# > </details>
#
# ## 3. The way back
#
# `backward=True` adds what the backward pass will do: for which inputs there is a rule, which way gradients flow (red), and which
# arrays each operation *saves* until then. That is where the memory of training goes.

# %%
x, target = torch.randn(64, 784), torch.randint(0, 10, (64,))
loss = F.cross_entropy(perceptron(x), target)
names = {"target": target, "loss": loss}
torch.draw(loss, model=perceptron, names=names, backward=True)

# %% [markdown]
# Nothing red leads to the input: it asked for no gradient, so its rule is not run, which saves a third of the first layer's work.
#
# Gradients can be differentiated again. With `create_graph=True` the backward pass leaves a graph of its own, in violet:

# %% tags=["try"]
x = torch.tensor(2.0, requires_grad=True)
y = x**3
(dy,) = torch.autograd.grad(y, x, create_graph=True)  # 3 x² = 12
(ddy,) = torch.autograd.grad(dy, x, retain_graph=True)  # 6 x = 12
print(dy.item(), ddy.item())
torch.draw(dy, names={"x": x, "y": y, "dy/dx": dy})

# %% [markdown]
# ## 4. Where it hurts
#
# Colours say what was measured: `"time"` the time of each part, forward and backward; `"memory"` the bytes saved for the way back;
# `"grad"` the size of the gradients.

# %%
torch.draw(residual, (8, 1, 28, 28), depth=1, color_by="memory")

# %% [markdown]
# A deep network of sigmoids, and a deep one of ReLUs. Where do the gradients go?


# %% tags=["try"]
def chain(activation, depth=5):
    torch.manual_seed(0)
    layers = [
        module for _ in range(depth) for module in (nn.Linear(20, 20), activation())
    ]
    return nn.Sequential(*layers, nn.Linear(20, 1))


model = chain(nn.Sigmoid)
loss = model(torch.randn(16, 20)).square().mean()
torch.draw(loss, model=model, names={"loss": loss}, depth=1, color_by="grad")

# %% [markdown]
# From the end to the beginning they fade, at each layer by a factor of seven to ten: the slope of a sigmoid is at most a quarter, and
# the weights here are small as well. The first layers hardly learn. (With `chain(nn.ReLU)` the factor is about two.)
#
# ## 5. What the graph does not hold
#
# The tape has what gradients need. What runs under `no_grad()` is not on it, nor is anything after a mistake. `viz.trace()` watches
# everything that runs:

# %%
with viz.trace() as t:
    scores = perceptron(torch.randn(64, 784))
    loss = F.cross_entropy(scores, target)
    with torch.no_grad():
        accuracy = (scores.argmax(dim=1) == target).float().mean()
t.draw(model=perceptron, names={"loss": loss, "accuracy": accuracy}, depth=1)

# %% [markdown]
# Dashed: no gradient will ever come back from there. And when something fails, the picture ends where it did:

# %%
try:
    with viz.trace() as t:
        perceptron(torch.randn(64, 1, 32, 32))  # 1024 pixels: the layer wants 784
except RuntimeError as error:
    print(error)
t.draw(model=perceptron, depth=1)

# %% [markdown]
# ## 6. To keep
#
# The ending chooses the format; `.html` is a page by itself, where a click opens and closes modules. SVG, PNG and PDF need `dot`;
# without it the description that `dot` reads is written instead, and a line says so.

# %%
graph = torch.draw(residual, (8, 1, 28, 28), depth=2)
for name in ("graph.html", "graph.txt", "graph.gv"):
    path = graph.save(name)
    print(path.name, path.stat().st_size, "bytes")

# %% [markdown]
# With `steps=True` the page plays the computation: forward, operation by operation, then backward, with what each rule is given and
# gives, and what is let go of. (Draw before `backward()` is called; it uses the graph up.)

# %%
x = torch.tensor(2.0, requires_grad=True)
y = torch.tanh(x * x)
path = torch.draw(y, names={"x": x, "y": y}).save("played.html", steps=True)
print(path.name, path.stat().st_size, "bytes")

# %% [markdown]
# All options, and how to read the pictures: [docs/graphs.md](../docs/graphs.md).
