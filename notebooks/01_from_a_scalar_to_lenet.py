# %% [markdown]
# # From a scalar to LeNet, in twelve steps
#
# At the end of this page a small neural network tells a sandal from a sneaker, and you know of every number in it how it came
# about. Nothing is taken on trust: step 2 builds the machine that finds derivatives before your eyes, in less than thirty lines,
# and all the rest stands on it.
#
# **What you need**: some Python, and from calculus what a derivative is and the chain rule. No machine learning.
# It takes about two hours with the exercises.
#
# **How to read it**: run each cell (Shift+Enter), then change a number in it and run it again. Below the questions the answer
# is folded: think first, then click. An **exercise** is something to build with your own hands: a file in the folder `exercises`
# of your copy of the project. In a terminal in that copy, `python -m exercises` lists them all, and `python -m exercises 2` checks
# what you wrote in the second.
#
# | | | |
# |---|---|---|
# | 1. A number with a gradient | 5. Softmax and cross entropy | 9. Convolution |
# | 2. The tape | 6. A network on real pictures | 10. Batch normalization |
# | 3. Broadcasting | 7. Why initialization matters | 11. LeNet |
# | 4. A neuron | 8. Optimizers in one valley | 12. Looking inside |

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn
from tinygrad_fm.data import load_splits

torch.manual_seed(0)  # the same random numbers in every run
plt.rcParams["figure.figsize"] = 6, 3

# %% [markdown]
# The library is `tinygrad_fm`: NumPy inside, and outside the names of PyTorch, the library that most people in the field use.
# It is imported as `torch`, because nearly all that you write here runs in PyTorch as well.
#
# ## 1. A number with a gradient
#
# Take any function, say


# %% tags=["try"]
def f(x):
    return 3 * x**2 - 4 * x + 5


f(3.0)


# %% [markdown]
# Its derivative at 3 answers one question: *if I nudge x a little, how far does f(x) move, for each unit of the nudge?* So
# nudge it:

# %% tags=["try"]
nudge = 0.001
(f(3.0 + nudge) - f(3.0)) / nudge

# %% [markdown]
# Calculus says 6x − 4, which is 14 at x = 3: the nudge was nearly right. Now the same with a number that remembers what is done
# with it. `requires_grad=True` asks it to, `backward()` finds the derivative, and `.grad` is where it is put:

# %% tags=["try"]
x = torch.tensor(3.0, requires_grad=True)
y = f(x)
y.backward()
x.grad

# %% [markdown]
# Exactly 14, and nobody told it a formula for the derivative of `f`. It works at every x. Here are three, each with the line
# that has the slope it found. (What comes out is a *tensor*; `.item()` is the plain Python number in it.)

# %%
curve = np.linspace(-1, 3.4, 100)
plt.plot(curve, f(curve), color="black")
for at in (-0.5, 0.8, 2.6):
    x = torch.tensor(at, requires_grad=True)
    y = f(x)
    y.backward()
    near = np.array([at - 0.6, at + 0.6])
    plt.plot(
        near,
        y.item() + x.grad.item() * (near - at),
        label=f"x = {at}: slope {x.grad.item():.1f}",
    )
    plt.plot(at, y.item(), "ko")
plt.legend()
plt.show()

# %% [markdown]
# Why not nudge? Because of what is to come. A network is a function of some 60,000 numbers, and to know how each of them
# moves the result you would have to compute it 60,000 times, once for each nudge. `backward()` finds *all* the slopes
# in one go, which takes about as long as computing the result twice. This is the one fact that makes training possible.
#
# > **Question.** A function that is to be made small has a slope of 0 at its lowest point. Where is that for `f`, and what does
# > `x.grad` say there?
# >
# > <details><summary>Answer</summary>
# >
# > 6x − 4 = 0 at x = 2/3. Put `torch.tensor(2 / 3, requires_grad=True)` into the cell that ends with `x.grad`, and it is 0.
# > </details>
#
# ## 2. The tape
#
# How does it do that? Look at an expression made of small steps, as the computer sees it:
#
# > e = a · b, then d = e + c, then L = d · h
#
# Each step alone is easy. A sum moves as far as its input does: the derivative is 1. A product `d · h` moves h times as far as
# d does: its derivative by d is h, and that by h is d. The **chain rule** says how to join the steps: *multiply along
# the way*. If L moves h times as far as d, d once as far as e, and e b times as far as a, then L moves h · 1 · b times as far as a.
#
# So: let every operation write down what it did, and the derivative by each of its inputs. That list is the **tape**. Then
# go through it backwards, multiplying as you go.

# %% tags=["try"]
tape = []  # a line for each operation: its result, and for each input the derivative by it


class Number:
    def __init__(self, value):
        self.value, self.grad = value, 0.0

    def __add__(self, other):
        result = Number(self.value + other.value)
        tape.append((result, [(self, 1.0), (other, 1.0)]))
        return result

    def __mul__(self, other):
        result = Number(self.value * other.value)
        tape.append((result, [(self, other.value), (other, self.value)]))
        return result

    def tanh(self):
        result = Number(math.tanh(self.value))
        tape.append((result, [(self, 1 - result.value**2)]))
        return result


def backward(last):
    last.grad = 1.0
    for result, inputs in reversed(tape):
        for number, derivative in inputs:
            number.grad += derivative * result.grad


# %% [markdown]
# That is all. The two lines of the inner loop are the heart of every library for deep learning. (Backwards, because then
# everything that used a result has been dealt with before its own turn comes, so its gradient is complete.) Try it:

# %% tags=["try"]
a, b, c, h = Number(2.0), Number(-3.0), Number(10.0), Number(-2.0)
L = (a * b + c) * h
backward(L)
print("L =", L.value)
print("gradients of a, b, c, h:", a.grad, b.grad, c.grad, h.grad)

# %% [markdown]
# And now the library, which can also draw its tape, with what each number is (`data`) and its gradient (`grad`). Go through the
# picture from right to left: each `grad` is the one to its right, times the derivative of one step. (The drawing computes
# gradients for itself; those of the tensors are found by `backward()`, as before.)

# %% tags=["try"]
a, b, c, h = (
    torch.tensor(value, requires_grad=True) for value in (2.0, -3.0, 10.0, -2.0)
)
e = a * b
d = e + c
L = d * h
names = {"a": a, "b": b, "c": c, "d": d, "e": e, "h": h, "L": L}
torch.draw(L, names=names, values=True)

# %% tags=["try"]
L.backward()
a.grad, b.grad, c.grad, h.grad

# %% [markdown]
# `torch.draw(L).save("tape.html", steps=True)`, called before `backward`, writes a page that plays it: step by step forward, and back.
#
# > **Question.** Why `+=` in `backward`, and not `=`? Try `tape.clear(); x = Number(3.0); y = x * x; backward(y); x.grad`,
# > and then change it.
# >
# > <details><summary>Answer</summary>
# >
# > x reaches y by two ways, as the left factor and as the right one, and each moves it by 3. Together that is 6, as
# > calculus says: 2x. With `=` the second way overwrites the first, and you get 3. Where ways meet, gradients are *added*.
# > </details>
#
# > **Question.** What does `Number(1.0) + 1` do, and how would you mend it?
# >
# > <details><summary>Answer</summary>
# >
# > It fails: 1 has no `.value`. Begin `__add__` with `other = other if isinstance(other, Number) else Number(other)`. The library
# > does the same; it writes no line for such a constant, because nobody asks for its gradient.
# > </details>
#
# In the exercises, as in the library, each derivative on the tape is a small function instead, the **backward rule**: from the
# gradient `g` of the result it makes that of the input. For `y = a * b` the rule of `a` is `g * b`.
#
# **Exercises**: 1, *a number with a gradient*; 2, *the product rule*; 5, *the backward loop*.
#
# ## 3. Broadcasting
#
# One number at a time is slow, so from now on a tensor holds a whole array, and an operation works on all of it. Its **shape** says
# how many there are: (2, 3) is 2 rows and 3 columns. Arrays of
# different shapes go together, too: where one is too small, it is used as if it had been copied. That is **broadcasting**.

# %% tags=["try"]
x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # 2 rows, 3 columns
b = torch.tensor(
    [10.0, 20.0, 30.0], requires_grad=True
)  # 3 numbers, used for both rows
y = x + b
y

# %% [markdown]
# What is the gradient of `b`? Each of its numbers went into two places of `y`. Where ways meet, gradients are added:
# what was **copied on the way forward is summed on the way back**. Suppose that `y` goes on into some final result, and we know
# how that moves with each entry of `y`:

# %% tags=["try"]
dy = torch.tensor([[1.0, 1.0, 1.0], [0.1, 0.2, 0.3]])
y.backward(dy)
b.grad

# %% [markdown]
# The sums of the columns of `dy`; NumPy computes them by `dy.sum(axis=0)`. (Axis 0 goes down, from row to row, and axis 1 along a
# row. PyTorch calls an axis `dim`.) And look at the shape: **a gradient has the shape of its value**, always. It answers for each number of
# the tensor how the result moves with it. If you ever lose the thread in a derivation, the shapes lead you back.
#
# With that, something can be learned: a line through points. (`.detach()` gives the values alone, without the tape, to be drawn.)

# %%
x = torch.linspace(-1, 1, 50)
y = 3 * x - 2 + 0.3 * torch.randn(50)  # the line to be found, and some noise

w = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
plt.scatter(x, y, s=10, color="gray")
for step in range(61):
    guess = w * x + b  # w and b are broadcast to 50 numbers
    loss = ((guess - y) ** 2).mean()  # how wrong, as one number
    loss.backward()  # how it moves with w and with b
    if step in (0, 5, 15, 60):
        plt.plot(x, guess.detach(), label=f"step {step}: loss {loss.item():.2f}")
    with torch.no_grad():  # changing w is no part of what is differentiated
        w -= 0.1 * w.grad  # a step downhill
        b -= 0.1 * b.grad
    w.grad = b.grad = None
plt.legend()
print(f"w = {w.item():.2f}, b = {b.item():.2f}")

# %% [markdown]
# Guess, measure how wrong, find the slopes, take a step downhill. *Nothing else happens in the rest of this page*: only the guess
# becomes a bigger function.
#
# > **Question.** Delete the last line of the loop. What happens, and why?
# >
# > <details><summary>Answer</summary>
# >
# > `backward` adds to `.grad`, so it becomes the sum over all steps so far. The line swings past the points and back, like a
# > ball that rolls through a valley. It is the most common mistake in training programs. (In step 8 a bit of this turns out
# > to be useful, when done on purpose.)
# > </details>
#
# **Exercise**: 3, *broadcasting*.
#
# ## 4. A neuron
#
# A **neuron** takes several numbers, weighs each, adds a bias, and squashes the sum into a range: here with the sigmoid,
# 1 / (1 + exp(−z)), to between 0 and 1. With many points at once, one in each row of a matrix, the weighing is the **matrix
# product** `points @ w`: it multiplies each row by `w`, entry by entry, and adds up. The task: to which of two moons does a point
# belong?

# %%
t = math.pi * torch.rand(300)
moon = (torch.arange(300) % 2).float()  # 0 or 1: what is to be found out
upper = torch.stack([torch.cos(t), torch.sin(t)], dim=1)
lower = torch.stack([1 - torch.cos(t), 0.5 - torch.sin(t)], dim=1)
points = torch.where(moon[:, None] == 0, upper, lower) + 0.1 * torch.randn(
    300, 2
)  # (300, 2)


def neuron(points, w, b):
    return torch.sigmoid(points @ w + b)  # (300, 2) @ (2,) is (300,)


def fit(model, parameters, steps=600, lr=1.0):
    for _ in range(steps):
        loss = ((model(points, *parameters) - moon) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= lr * p.grad
                p.grad = None
    return loss.item()  # how wrong it still is at the end


w = torch.randn(2, requires_grad=True)
b = torch.zeros((), requires_grad=True)
fit(neuron, [w, b])

# %% [markdown]
# Now two layers: sixteen neurons look at the point, and one more looks at *their* answers. A layer of sixteen neurons is a
# matrix of weights with sixteen columns.


# %%
def layers(points, w1, b1, w2, b2):
    hidden = torch.tanh(points @ w1 + b1)  # (300, 2) @ (2, 16) is (300, 16)
    return torch.sigmoid(hidden @ w2 + b2)  # (300, 16) @ (16,) is (300,)


sizes = [(2, 16), (16,), (16,), ()]
several = [torch.randn(size).requires_grad_() for size in sizes]
fit(layers, several)

# %%
grid = torch.tensor(
    [[x, y] for y in np.linspace(-1, 1.5, 60) for x in np.linspace(-1.5, 2.5, 60)]
)
figure, axes = plt.subplots(1, 2, figsize=(8, 3))
for ax, model, parameters in ((axes[0], neuron, [w, b]), (axes[1], layers, several)):
    with torch.no_grad():
        ground = model(grid.float(), *parameters).reshape(60, 60)
        right = ((model(points, *parameters) > 0.5) == moon).float().mean().item()
    ax.imshow(
        ground,
        extent=(-1.5, 2.5, -1, 1.5),
        origin="lower",
        cmap="coolwarm",
        alpha=0.5,
        vmin=0,
        vmax=1,
    )
    ax.scatter(*points.T, c=moon, s=6, cmap="coolwarm")
    ax.set_title(f"{model.__name__}: {right:.0%} right")

# %% [markdown]
# One neuron can only cut the plane along a straight line. Sixteen cut along sixteen lines, and the last one combines the
# cuts. Note what you did *not* have to do: find the derivatives of that longer function. The tape did.
#
# For the record, the rule that it used for `y = x @ w` of two matrices, when `g` is the gradient of `y`: that of `x` is `g @ w.T`,
# and that of `w` is `x.T @ g` (`.T` exchanges rows and columns). Where all the sizes differ, no other product of the two fits.
#
# > **Question.** What do two layers give without the `tanh` between them?
# >
# > <details><summary>Answer</summary>
# >
# > `(points @ w1 + b1) @ w2 + b2` is `points @ (w1 @ w2) + (b1 @ w2 + b2)`: one matrix and one bias, a single neuron with more
# > effort. Take the `tanh` out and run the cells again. What bends in between is what makes layers worth having.
# > </details>
#
# **Exercise**: 4, *the matrix product*. *More*: 6, functions of each entry (tanh, the sigmoid and others).
#
# ## 5. Softmax and cross entropy
#
# With ten classes the network gives ten numbers, the **scores** (or *logits*), of any size and sign. Softmax makes
# probabilities of them: positive, and 1 together. The larger score gets the larger share.

# %% tags=["try"]
scores = torch.tensor([2.0, 1.0, -1.0], requires_grad=True)
p = scores.exp() / scores.exp().sum()
p

# %% [markdown]
# How wrong is that? If the right class is the one in front, we want its probability `p[0]` to be near 1. The loss is
# its negative logarithm: 0 if the network was certain and right, without limit if it was certain and wrong. This is the
# **cross entropy**.

# %% tags=["try"]
loss = -p[0].log()
loss.backward()
print("loss", loss.item())
print("gradient of the scores ", scores.grad)
print("p minus (1, 0, 0)      ", p.detach() - torch.tensor([1.0, 0.0, 0.0]))

# %% [markdown]
# Look at the last two lines: after an exponential, a division and a logarithm, the gradient is just *what you said minus what
# was true*. It pulls the right score up by what is missing to 1 and pushes each wrong one down by what it has too much.

# %%
share = np.linspace(0.005, 1, 200)
plt.plot(share, -np.log(share))
plt.xlabel("probability given to the right class")
plt.ylabel("cross entropy")
plt.grid(alpha=0.3)
plt.show()

# %% [markdown]
# One trap: `exp(1000)` is too large for the computer, and infinity divided by infinity is `nan`, "not a number". Softmax
# does not change when the same number is taken from all scores, so take the largest away first. `F.cross_entropy` does that, and
# takes many rows of scores at once.

# %% tags=["try"]
large = torch.tensor([1000.0, 999.0, 0.0])
print("as above      ", large.exp() / large.exp().sum())
safe = large - large.max()
print("largest first ", safe.exp() / safe.exp().sum())
print("F.softmax     ", F.softmax(large, dim=0))
print(
    "F.cross_entropy of our scores:",
    F.cross_entropy(scores[None], torch.tensor([0])).item(),
)

# %% [markdown]
# > **Question.** A network for ten classes knows nothing yet. What is its loss?
# >
# > <details><summary>Answer</summary>
# >
# > It gives each class a tenth, so the loss is −log(1/10) = log 10 ≈ 2.30. Remember the number: a network that begins far
# > above it is not ignorant but wrong, and something about its beginning is (step 7).
# > </details>
#
# *More exercises*: 11, softmax; 12, its logarithm; 13, cross entropy.

# %% [markdown]
# ## 6. A network on real pictures
#
# Fashion-MNIST: 70,000 photographs of clothes from a shop, 28 × 28 grey pixels each, in ten classes. Where it is neither on this
# machine nor to be had by the network, the library *draws* garments instead, and the next cell says so: then all that follows
# works in the same way, but its scores are about drawings and say nothing about Fashion-MNIST.

# %%
data = load_splits(size=20000)  # the first 20,000 of the training pictures, to be quick
print(data.notice or f"Real photographs: {data.name}.")
images = (
    torch.tensor(data.train.images / 255).float().unsqueeze(1)
)  # (N, 1, 28, 28), pixels from 0 to 1
labels = torch.tensor(data.train.labels)  # (N,), from 0 to 9
test_images = torch.tensor(data.test.images / 255).float().unsqueeze(1)
test_labels = torch.tensor(data.test.labels)
names = data.train.classes


def show(pictures, titles, size=1.1, **options):
    figure, axes = plt.subplots(
        1, len(pictures), figsize=(size * len(pictures), size + 0.2)
    )
    for ax, picture, title in zip(axes, pictures, titles):
        ax.imshow(picture, **{"cmap": "gray", **options})
        ax.set_title(title, fontsize=8)
        ax.axis("off")


first = [int(np.argmax(data.train.labels == k)) for k in range(10)]  # one of each class
show(images[first, 0], names)

# %% [markdown]
# The loop is the one of step 3, with one change: the slope is found from 100 pictures at a time, a **batch**. That is a little
# inexact and a great deal faster, so we get many more steps for the same time. `nn.Linear(784, 100)` is a layer
# of 100 neurons, each with 784 inputs; it keeps its weights and its bias, and `parameters()` lists them. `nn.Flatten` lays the
# pixels of a picture in one row, and `nn.Sequential` hands what comes out of one layer to the next.


# %%
def train(model, optimizer, epochs=1, images=images, labels=labels, batch=100):
    """Train, and return the loss of every step. An epoch is one pass over all pictures."""
    losses = []
    model.train()  # step 10 says what for
    for _ in range(epochs):
        order = torch.randperm(len(images))
        for start in range(0, len(images), batch):
            chosen = order[start : start + batch]
            loss = F.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()  # p -= lr * p.grad, for every parameter
            losses.append(loss.item())
    return losses


def accuracy(model):
    """The share of the test pictures, which were not trained on, that get the right class."""
    model.eval()
    with torch.no_grad():
        return (model(test_images).argmax(dim=1) == test_labels).float().mean().item()


torch.manual_seed(0)
mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
print(f"before: {accuracy(mlp):.1%} right; guessing gets one in ten")
losses = train(mlp, torch.optim.SGD(mlp.parameters(), lr=0.1), epochs=4)
print(f"after:  {accuracy(mlp):.1%} right")

# %%
plt.plot(losses, linewidth=0.7)
plt.axhline(math.log(10), color="gray", linestyle=":", label="knows nothing: log 10")
plt.legend()
plt.xlabel("step")
plt.ylabel("loss of the batch")
plt.show()

# %% [markdown]
# `nn.ReLU` is what bends here, and simpler than tanh: negative numbers become 0, and the others stay. The curve
# begins at log 10, as step 5 foretold. It is ragged because each batch is different.
#
# > **Question.** The loss of the training pictures falls nicely. Why ask other pictures at all?
# >
# > <details><summary>Answer</summary>
# >
# > Because remembering is not what is wanted. A network with enough weights can learn its training pictures by heart. Only
# > pictures that it has never seen tell what it understood. For the same reason you must not choose anything by the
# > test pictures, such as when to stop: that is what a third part is for, the *validation* pictures (see the notebook
# > *Fashion-MNIST, end to end*).
# > </details>
#
# *More exercises*: 7, functions with a kink (ReLU and others); 14, the linear layer.
#
# ## 7. Why initialization matters
#
# The weights begin as random numbers. How large? Send noise through ten layers and look at how large the numbers are behind each.


# %%
def sizes_by_layer(scale):
    torch.manual_seed(0)
    x = torch.randn(200, 100)
    found = []
    for _ in range(10):
        x = torch.relu(x @ (scale * torch.randn(100, 100)))
        found.append(x.std().item())
    return found


for scale, note in (
    (0.05, "too small"),
    (math.sqrt(2 / 100), "√(2/100)"),
    (0.3, "too large"),
):
    plt.semilogy(
        range(1, 11),
        sizes_by_layer(scale),
        "o-",
        label=f"weights of {scale:.2f}: {note}",
    )
plt.xlabel("layer")
plt.ylabel("size of its numbers")
plt.legend(loc="lower left", fontsize=8)
plt.show()

# %% [markdown]
# A sum of 100 products, each with a random sign, is about √100 times as large as one of them, and ReLU throws half of it
# away. So weights of size √(2/100) keep the size as it is, and any other size is multiplied up at *every* layer: to nothing or
# to far too much. The gradients fare the same on their way back. This is He's initialization (2015); `nn.Linear` begins with
# weights of 1/√(3 · 100), as in PyTorch: too small for ten layers, which two or three forgive.
#
# And all zeros?

# %%
torch.manual_seed(0)
zeros = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
with torch.no_grad():
    for p in zeros.parameters():
        p.zero_()
losses = train(zeros, torch.optim.SGD(zeros.parameters(), lr=0.1))
print(f"loss {losses[0]:.2f} → {losses[-1]:.2f}; test {accuracy(zeros):.1%}")
print(
    "largest gradients:",
    *(f"{p.grad.abs().max().item():.3f}" for p in zeros.parameters()),
)

# %% [markdown]
# > **Question.** Three of the four gradients are 0. Which is not, and why does it not help?
# >
# > <details><summary>Answer</summary>
# >
# > The last bias's. The last weights' gradient is a product with the hidden numbers, which are 0; the first layer's is
# > a product with the last weights, which are 0. Only the bias moves, and it can do no more than learn how frequent each class is.
# > With equal weights that are *not* 0 something moves, but all hundred neurons get equal gradients, and stay equal for ever. Random
# > numbers make them different.
# > </details>
#
# ## 8. Optimizers in one valley
#
# A step is `p -= lr * p.grad`. That is hard to choose well where the ground falls steeply one way and gently another. Here is
# such a valley, with two parameters so that it can be drawn, and three ways to walk:
#
# - **SGD**: straight downhill, `lr` times the slope.
# - **Momentum**: a heavy ball. It adds up slopes, forgetting old ones slowly, so that to and fro cancel and the steady part grows.
# - **Adam**: divides each parameter's step by the usual size of its slope, so that steep and gentle directions move alike.


# %%
def valley(p):
    x, y = p[..., 0], p[..., 1]
    return 0.5 * (0.05 * x**2 + 2 * y**2)  # forty times as steep in y as in x


def walk(make, steps=40):
    p = torch.tensor([-9.0, 2.0], requires_grad=True)
    optimizer = make([p])
    path = [p.tolist()]
    for _ in range(steps):
        loss = valley(p)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        path.append(p.tolist())
    return np.array(path)


walks = {
    "SGD, lr 0.9": lambda p: torch.optim.SGD(p, lr=0.9),
    "momentum 0.8, lr 0.2": lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.8),
    "Adam, lr 0.6": lambda p: torch.optim.Adam(p, lr=0.6),
}
across, up = np.meshgrid(np.linspace(-10, 4, 80), np.linspace(-3, 3, 60))
height = valley(np.stack([across, up], axis=-1))
figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), sharey=True)
for ax, (name, make) in zip(axes, walks.items()):
    path = walk(make)
    ax.contour(across, up, height, levels=np.geomspace(0.02, 10, 9), colors="lightgray")
    ax.plot(*path.T, ".-", linewidth=0.8)
    ax.plot(0, 0, "r*")
    ax.set_title(f"{name}: height {valley(path[-1]):.4f}", fontsize=9)

# %% [markdown]
# Let them walk on, or change a learning rate: SGD with 1.01 climbs *out* of the valley. (Why? The slope in y is 2y, so a step is
# y − 1.01 · 2y = −1.02 y: each is further out than the last.) The network of step 6 with each of them:

# %%
makers = {
    "SGD, lr 0.1": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum, lr 0.02": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "Adam, lr 0.002": lambda p: torch.optim.Adam(p, lr=0.002),
}
for name, make in makers.items():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    losses = train(model, make(model.parameters()), epochs=2)
    smooth = np.convolve(
        losses, np.ones(20) / 20, mode="valid"
    )  # the mean of twenty steps
    plt.plot(smooth, label=f"{name}: {accuracy(model):.1%}")
plt.ylim(0.3, 1.2)
plt.xlabel("step")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% [markdown]
# > **Question.** Adam's first step has length `lr` in every direction, whatever the slope. Can you see it in the valley? Why is
# > it so?
# >
# > <details><summary>Answer</summary>
# >
# > Its second point is at (−9 + 0.6, 2 − 0.6), though the slopes at the first are −0.45 and 4. The step is
# > lr · mean slope / √(mean squared slope), and after one step the mean is that one slope:
# > lr · g / |g|, which is lr with the sign of g.
# > </details>
#
# *More exercises*: 19, gradient descent; 20, momentum; 21, Adam.
#
# ## 9. Convolution
#
# `nn.Flatten` throws something away: which pixels are neighbours. A **convolution** uses it. It looks at a small window, 3 × 3
# pixels say, weighs them and adds them up like a neuron, and then moves on by one pixel *with the same weights*. What it finds
# in one corner, it finds in every other. Those weights are called a filter, or kernel. Two, by hand:

# %%
boot = images[first[9]]  # (1, 28, 28)
vertical = torch.tensor(
    [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]
)  # right minus left
horizontal = vertical.T
edges = F.conv2d(boot[None], torch.stack([vertical, horizontal]).unsqueeze(1))[
    0
]  # (2, 26, 26)
show(
    [boot[0], *edges],
    ["a picture", "changes to the right", "changes downwards"],
    size=2,
)

# %% [markdown]
# How is it computed? Cut all windows out, and lay each out as a column of 9 numbers. Then the whole convolution is *one product of
# matrices*: the filters are the rows of one, the windows the columns of the other. The cutting out is called **im2col**; in the
# library its name is `F.unfold`.

# %%
columns = F.unfold(boot[None], kernel_size=3)[0]  # 26 · 26 windows of 9 pixels
weights = torch.stack([vertical, horizontal]).reshape(2, 9)  # a filter in each row
product = weights @ columns
print(weights.shape, "@", columns.shape, "=", product.shape)
print(
    "the same as F.conv2d:",
    torch.allclose(product.reshape(2, 26, 26), edges, atol=1e-5),
)

# %% [markdown]
# A product of matrices has a derivative that you know from step 4, and of im2col you can say it yourself: a pixel was
# copied into up to nine windows, so on the way back those nine are summed. Copying and summing, once more. Let us see it, with
# a loss that is the sum of all windows' entries:

# %% tags=["try"]
picture = torch.zeros(1, 1, 6, 6, requires_grad=True)
F.unfold(picture, kernel_size=3).sum().backward()
picture.grad[0, 0]

# %% [markdown]
# The corner is in one window, the middle in nine.
#
# > **Question.** A layer of 784 inputs and 6 · 24 · 24 outputs that are all connected has how many weights? And a convolution with 6
# > filters of 5 × 5, which has as many outputs?
# >
# > <details><summary>Answer</summary>
# >
# > 784 · 3,456 = 2.7 million; and 6 · 25 = 150 (and 6 biases). That is what it gains: few weights, each of which learns from every
# > place in every picture.
# > </details>
#
# *More exercises*: 16, windows of a picture; 17, convolution.
#
# ## 10. Batch normalization
#
# In step 7 the sizes were right at the *beginning*. While training, the weights move, and with them the size of
# everything behind. **Batch normalization** holds it in place: for each channel, take the mean of the batch away and divide by
# its standard deviation; then let two learned numbers, γ and β, choose the size and place that are useful.


# %% tags=["try"]
def batch_norm(x, gamma, beta):  # x is (N, C)
    mean = x.mean(dim=0)
    variance = ((x - mean) ** 2).mean(dim=0)
    return gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta


x = 7 + 3 * torch.randn(64, 4)
normal = batch_norm(x, torch.ones(4), torch.zeros(4))
print("largest mean", f"{normal.mean(dim=0).abs().max().item():.4f}")
print("standard deviations", normal.std(dim=0, correction=0))
print("as nn.BatchNorm1d:", torch.allclose(normal, nn.BatchNorm1d(4)(x), atol=1e-5))

# %% [markdown]
# Four lines, and again no derivative to be found by hand (on paper it fills a page, since mean and variance depend on every entry).
# What does it do for a network whose weights begin much too small?


# %%
def deep(normalized, depth=6, scale=0.02):
    torch.manual_seed(0)
    modules = [nn.Flatten()]
    for width in [784] + [60] * (depth - 1):
        modules += [
            nn.Linear(width, 60),
            *([nn.BatchNorm1d(60)] if normalized else []),
            nn.ReLU(),
        ]
        nn.init.normal_(modules[-2 - normalized].weight, std=scale)
    return nn.Sequential(*modules, nn.Linear(60, 10))


for normalized in (False, True):
    model = deep(normalized)
    losses = train(model, torch.optim.SGD(model.parameters(), lr=0.1))
    plt.plot(
        losses,
        linewidth=0.8,
        label=f"{'with' if normalized else 'without'}: {accuracy(model):.1%}",
    )
plt.xlabel("step")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% [markdown]
# > **Question.** `accuracy` calls `model.eval()`, and `train` calls `model.train()`. What would go wrong without?
# >
# > <details><summary>Answer</summary>
# >
# > In training the mean is that of the batch. For a single picture to be classified there is no batch: its mean would be itself,
# > and nothing would be left. So in training the layer also keeps running averages, and `eval()` makes it use those. If you forget it,
# > a picture's class depends on which others are classified with it.
# > </details>
#
# *More exercises*: 8, sums and means; 10, the variance; 15, batch norm.
#
# ## 11. LeNet
#
# All is there. In 1998 LeCun and others read handwritten digits on cheques with two convolutions, each followed by pooling, and three
# layers of neurons. Pooling keeps the largest number of each 2 × 2 window: half the width, half the height, and a small shift of the
# picture matters less. (Theirs took the mean of each window.) Here it is with today's ReLU and batch normalization.


# %%
class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.norm2 = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):  # (N, 1, 28, 28)
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)  # (N, 6, 14, 14)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)  # (N, 16, 5, 5)
        x = F.relu(self.fc1(x.flatten(1)))  # (N, 120)
        x = F.relu(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, 10)


torch.manual_seed(0)
lenet = LeNet()
for name, model in (("network of step 6", mlp), ("LeNet", lenet)):
    print(f"{name}: {sum(p.numel() for p in model.parameters())} numbers to learn")
losses = train(lenet, torch.optim.Adam(lenet.parameters(), lr=0.002), epochs=3)
print(f"{accuracy(lenet):.1%} of the test pictures right")

# %%
plt.plot(losses, linewidth=0.7)
plt.xlabel("step")
plt.ylabel("loss")
show(
    test_images[:10, 0],
    [names[k].split("/")[0] for k in lenet(test_images[:10]).argmax(dim=1).tolist()],
)

# %% [markdown]
# And here is what the tape holds after each guess: everything on this page in one picture. From the loss back to the picture
# there are softmax and cross entropy (step 5), the products with matrices (4) and their biases, which are broadcast (3), then
# pooling, ReLU, batch normalization (10) and convolution (9). Where a column ends in a circle, A or B, the next one goes on.

# %%
loss = F.cross_entropy(lenet(images[:100]), labels[:100])
torch.draw(loss, model=lenet, depth=1, names={"loss": loss})

# %% [markdown]
# > **Question.** Exchange the two convolutions for layers of neurons (`nn.Linear`) with as many parameters altogether. Which is
# > better, and would it also be if we shuffled all pixels of all pictures by one and the same rule?
# >
# > <details><summary>Answer</summary>
# >
# > LeNet, here. After shuffling the layers of neurons would do exactly as well as before, for them the order of the inputs is
# > nothing. LeNet would lose its advantage: neighbours would no longer have anything to do with each other. Try it:
# > `mix = torch.randperm(784)`, and `images.flatten(1)[:, mix].reshape(-1, 1, 28, 28)`; the test pictures likewise.
# > </details>
#
# *More exercises*: 9, the maximum of a row; 18, pooling.
#
# ## 12. Looking inside
#
# What did it learn? The six filters of the first convolution are small pictures themselves (red is positive, blue negative),
# and so is what each makes of a picture:

# %%
filters = lenet.conv1.weight.detach()[:, 0]  # (6, 5, 5)
show(filters, [f"filter {k}" for k in range(6)], cmap="RdBu_r", vmin=-0.5, vmax=0.5)
with torch.no_grad():
    maps = F.relu(lenet.norm1(lenet.conv1(boot[None])))[0]  # (6, 28, 28)
show(maps, [f"its picture {k}" for k in range(6)])

# %% [markdown]
# Some look for edges of one direction, like those that we made by hand in step 9. Nobody put them there.
#
# The tape answers another question: *which pixels matter?* A gradient can be asked of anything, so ask for that of the picture.
# It says of every pixel how the score of the class moves with it; here is how strongly.

# %%
lenet.eval()
picture = boot[None].clone().requires_grad_()
lenet(picture)[0, 9].backward()  # the score of "Ankle boot"
show([boot[0], picture.grad[0, 0].abs()], ["the picture", "pixels that matter"], size=2)

# %% [markdown]
# Noisier than one would wish: it heeds pixels that mean nothing to us. And that can be turned against it. Move every pixel a little in the direction that makes the loss *larger* (Goodfellow
# and others, 2015). To us it is the same picture.

# %%
x, y = test_images[:1000].clone().requires_grad_(), test_labels[:1000]
F.cross_entropy(lenet(x), y).backward()
for strength in (0, 0.02, 0.05, 0.1):
    with torch.no_grad():
        moved = (x + strength * x.grad.sign()).clamp(0, 1)
        said = lenet(moved).argmax(dim=1)
    print(
        f"pixels moved by {strength:4.2f}: {(said == y).float().mean().item():5.1%} right"
    )
    if strength == 0.05:
        show(moved[:8, 0], [names[k].split("/")[0] for k in said[:8].tolist()])

# %% [markdown]
# It never was trained for that. What it learned is not what we see in these pictures; how to mend it is still being worked on. You
# have all the tools to take part: a tape, a loss, a step downhill.
#
# ## Where to go from here
#
# - Change something, and predict what happens before you run it: the batch, the learning rate, a layer less.
# - The rest of the exercises: softmax, convolution and Adam with your own hands, and at last, 22, a training loop with ten mistakes
#   to find.
# - The other notebooks: *Fashion-MNIST, end to end* does it with all pictures and all care. *The graph* shows what can be
#   drawn. *Your own operation* adds one to the library, with its rule. *PyTorch side by side* runs the same programs in both.
# - What the library's engine does beyond yours of step 2, and a loop like yours that runs on its tape:
#   [how it differentiates](../docs/autograd.md).
