# %% [markdown]
# # Your own operation
#
# An operation is two things: how to compute it, and how its inputs' gradients follow from that of its result. This page adds some to
# the library: one line each, checked against finite differences, differentiable to any order, and then used in a network.
#
# You need the chain rule, and steps 1 to 3 of *From a scalar to LeNet*.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.autograd import gradcheck, gradgradcheck, primitive

torch.manual_seed(0)
plt.rcParams["figure.figsize"] = 6, 3

# %% [markdown]
# ## 1. A kernel and a rule
#
# *Softsign* squashes like tanh, but is cheaper: x / (1 + |x|). Its derivative is 1 / (1 + |x|)².
#
# The **kernel** is NumPy code. The **rule** of the input `x` takes `g`, the gradient of the result, and multiplies it by the
# derivative. What else it needs it asks for by name: `x` is the input, `y` would be the result. The library keeps just that.

# %%
softsign = primitive(
    lambda x: x / (1 + abs(x)), name="softsign", x=lambda g, x: g / (1 + abs(x)) ** 2
)

x = torch.linspace(-4, 4, 81, requires_grad=True)
y = softsign(x)
y.sum().backward()
plt.plot(x.detach(), y.detach(), label="softsign")
plt.plot(x.detach(), x.grad, label="its gradient")
plt.legend()
plt.show()

# %% [markdown]
# ## 2. Is it right?
#
# Never believe a rule that was not checked. `gradcheck` nudges every entry of every input a little, as in the first notebook, and
# compares; `gradgradcheck` does so for the second derivative. In float64, where nudges are exact enough.

# %%
x = torch.randn(5, dtype=torch.float64, requires_grad=True)
print(gradcheck(softsign, (x,)), gradgradcheck(softsign, (x,)))

# %% [markdown]
# The second one deserves a thought: nobody wrote a second derivative. A rule uses only operators and the library's own operations,
# so when it is given tensors instead of arrays it is *recorded*, as any other computation is, and can be differentiated again.
#
# And if a rule is wrong? Here the square was forgotten:

# %%
wrong = primitive(
    lambda x: x / (1 + abs(x)), name="wrong", x=lambda g, x: g / (1 + abs(x))
)
try:
    gradcheck(wrong, (x,))
except RuntimeError as error:
    print(error)

# %% [markdown]
# > **Question.** Which of these rules for y = exp(x) are right: `lambda g, y: g * y`, `lambda g, x: g * torch.exp(x)`,
# > `lambda g, x: g * x.exp()`?
# >
# > <details><summary>Answer</summary>
# >
# > The first two. The first is the best, since it uses the result again instead of computing it anew. The third fails: in an
# > ordinary backward pass `x` is an array, which has no method `exp`; functions such as `torch.exp` take arrays and tensors alike.
# > </details>
#
# ## 3. Several inputs, and broadcasting
#
# One rule for each input. With `broadcasts=True` the inputs may have different shapes, as in NumPy; a rule need not care, because
# the sums over what was copied are taken in one place, for all operations.
#
# The *Huber* loss is a parabola near 0 and a straight line further out, so that single wild values do not pull too hard:


# %% tags=["try"]
def huber_kernel(guess, target):
    d = np.abs(guess - target)
    return np.where(d < 1, d * d / 2, d - 0.5)


huber = primitive(
    huber_kernel,
    name="huber",
    broadcasts=True,
    guess=lambda g, guess, target: g * torch.clamp(guess - target, -1, 1),
    target=lambda g, guess, target: g * torch.clamp(target - guess, -1, 1),
)

guess = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
target = torch.randn(3, dtype=torch.float64, requires_grad=True)  # for all four rows
print(gradcheck(huber, (guess, target)))

huber(guess, target).sum().backward()
print(guess.grad.shape, target.grad.shape)

# %% [markdown]
# Your operation appears in the graph, with what it saves, as if it had always been there:

# %%
loss = huber(softsign(guess), target).mean()
names = {"guess": guess, "target": target, "loss": loss}
torch.draw(loss, names=names, backward=True)

# %% [markdown]
# ## 4. A gradient that is not the derivative
#
# Sometimes the true derivative is of no use. Rounding has slope 0 nearly everywhere, so nothing could ever be learned through it.
# The *straight-through* trick (Bengio and others, 2013) rounds on the way forward and pretends on the way back that nothing
# happened. Such a rule fails `gradcheck`, and is meant to:

# %% tags=["try"]
rounded = primitive(np.round, name="round_through", x=lambda g: g)

w = torch.tensor(0.2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(8):
    loss = (rounded(w) - 3) ** 2  # w is to become a number that rounds to 3
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(
        f"w {w.item():.2f}   rounded {rounded(w).item():.0f}   loss {loss.item():.0f}"
    )

# %% [markdown]
# > **Question.** The rule above is `lambda g: g`. How would you write one that turns the gradient round, as is done to make a
# > network *unlearn* something?
# >
# > <details><summary>Answer</summary>
# >
# > `primitive(lambda x: x.copy(), name="reverse", x=lambda g: -g)`: forward it does nothing, backward it changes the sign. It is
# > known as a gradient reversal layer (Ganin and Lempitsky, 2015).
# > </details>
#
# ## 5. PyTorch's way
#
# `autograd.Function` is PyTorch's interface to the same thing, line by line, for code that is to run in both. It is longer, and can
# carry whatever the way back needs.


# %% tags=["try"]
class Softsign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x / (1 + x.abs())

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g / (1 + x.abs()) ** 2


x = torch.randn(5, dtype=torch.float64, requires_grad=True)
print(gradcheck(Softsign.apply, (x,)), gradgradcheck(Softsign.apply, (x,)))

# %% [markdown]
# ## 6. In a network
#
# With a parameter to learn, it is a module. Here the steepness of softsign is learned, for each unit, and two spirals are told
# apart with it.


# %%
class LearnedSoftsign(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.steepness = nn.Parameter(torch.ones(units))

    def forward(self, x):
        return softsign(self.steepness * x)


n = 150
angle = torch.linspace(0.5, 9.5, n)
arm = torch.stack([angle * angle.cos(), angle * angle.sin()], dim=1) / 10
points = torch.cat([arm, -arm]) + 0.02 * torch.randn(2 * n, 2)
spiral = torch.cat([torch.zeros(n), torch.ones(n)])

model = nn.Sequential(
    nn.Linear(2, 32),
    LearnedSoftsign(32),
    nn.Linear(32, 32),
    LearnedSoftsign(32),
    nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for step in range(601):
    loss = nn.functional.binary_cross_entropy_with_logits(model(points)[:, 0], spiral)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 200 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

# %%
side = np.linspace(-1.1, 1.1, 80)
grid = torch.tensor([[a, b] for b in side for a in side]).float()
with torch.no_grad():
    ground = torch.sigmoid(model(grid)).reshape(80, 80)
plt.figure(figsize=(3.6, 3.6))
plt.imshow(
    ground, extent=(-1.1, 1.1, -1.1, 1.1), origin="lower", cmap="coolwarm", alpha=0.5
)
plt.scatter(*points.T, c=spiral, s=6, cmap="coolwarm")
plt.show()
steepness = model[1].steepness
print(
    f"steepness learned, from {steepness.min().item():.2f} to {steepness.max().item():.2f}"
)

# %% [markdown]
# ## What next
#
# - Rules with several results, with values that the kernel hands over (a mask, the places of maxima), one rule for all inputs: the
#   docstring of `primitive`, and [docs/autograd.md](../docs/autograd.md).
# - The library's own operations are made in the same way, a kernel and its rules side by side. To add one for everyone:
#   [CONTRIBUTING.md](../CONTRIBUTING.md).
