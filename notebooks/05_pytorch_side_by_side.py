# %% [markdown]
# # PyTorch, side by side
#
# `tinygrad_fm` has PyTorch's names, defaults and numerics. So the same program runs in both, and should say the same. Here are some
# that do, each a function that is given the library. Where PyTorch is installed it is run as well; where it is not, what it said when
# this page was made is shown, and marked as *recorded*. (The project's tests run PyTorch and compare it with the record.)
#
# To change over, change the import lines:
#
# | PyTorch | here |
# |---|---|
# | `import torch` | `import tinygrad_fm as torch` |
# | `from torch import nn, optim` | `from tinygrad_fm import nn, optim` |
# | `import torch.nn.functional as F` | `import tinygrad_fm.nn.functional as F` |
# | `from torch.utils.data import DataLoader` | `from tinygrad_fm.utils.data import DataLoader` |

# %%
import importlib.util

import numpy as np

import tinygrad_fm

if importlib.util.find_spec("torch"):
    import torch as pytorch
else:
    pytorch = None


def compare(program, recorded):
    """Run the program in both libraries, and show what they say."""
    ours = str(program(tinygrad_fm))
    theirs = str(program(pytorch)) if pytorch else recorded
    name = "PyTorch 2.13.0 (recorded)"
    if pytorch:
        name = f"PyTorch {pytorch.__version__.partition('+')[0]}"
    if ours == theirs:
        print(f"tinygrad_fm and {name} both say\n{ours}")
    else:
        print(f"tinygrad_fm says\n{ours}\n{name} says\n{theirs}")
    if theirs != recorded:
        print(f"This is not what was recorded:\n{recorded}")


# %% [markdown]
# ## 1. A gradient
#
# To the last digit shown, and in the same form:


# %%
def gradient(torch):
    x = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    w = torch.tensor([0.3, -0.1], requires_grad=True)
    loss = torch.tanh(x @ w).square().sum()
    loss.backward()
    return f"{loss.item():.6f}\n{x.grad}\n{w.grad}"


recorded = """0.235719
tensor([[ 0.2181, -0.0727],
        [-0.0874,  0.0291]])
tensor([ 0.5813, -2.3272])"""
compare(gradient, recorded)

# %% [markdown]
# ## 2. Which dtype?
#
# NumPy would make float64 of most of these. PyTorch's rules are other ones, and these are kept:


# %%
def dtypes(torch):
    i = torch.tensor([1, 2, 3])
    h = torch.tensor([1.0], dtype=torch.float16)
    d = torch.tensor(2.0, dtype=torch.float64)  # a single number
    results = [i + 1.5, i / 2, i // 2, i * h, h + d, i.float() + d, i > 2]
    return ", ".join(str(r.dtype).removeprefix("torch.") for r in results)


recorded = """float32, float32, int64, float16, float16, float32, bool"""
compare(dtypes, recorded)

# %% [markdown]
# > **Question.** `h + d` is float16 although d is float64, and `i.float() + d` float32. Why might that be a good rule?
# >
# > <details><summary>Answer</summary>
# >
# > A single number (a tensor without dimensions) is usually a setting: a scale, a learning rate. It should not change what the
# > whole array is made of. Only its kind counts, whether it is an integer or has a fraction: `i + 1.5` is a float.
# > </details>
#
# ## 3. Views and writing in place
#
# A slice shares its memory with what it was cut from, and the tape keeps track of what is written where:


# %%
def in_place(torch):
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    y = x * 2
    row = y[0]
    row.mul_(torch.tensor([1.0, 10.0, 100.0]))  # y has changed as well
    y[:, 1] = 0  # and nothing comes back through what was overwritten
    y.sum().backward()
    return f"{y.detach()}\n{x.grad}"


recorded = """tensor([[  0.,   0., 400.],
        [  6.,   0.,  10.]])
tensor([[  2.,   0., 200.],
        [  2.,   0.,   2.]])"""
compare(in_place, recorded)

# %% [markdown]
# ## 4. Mistakes
#
# The errors are of the same kinds, so that code that catches them works. What the messages say is our own (run the lines outside `try`
# to read them):


# %%
def mistakes(torch):
    def twice():
        y = torch.ones(2, requires_grad=True).exp().sum()
        y.backward()
        y.backward()

    def overwritten():
        x = torch.ones(2, requires_grad=True)
        y = x.exp()  # its rule needs the result
        y.add_(1)
        y.sum().backward()

    wrong = {
        "backward twice": twice,
        "a result overwritten": overwritten,
        "shapes": lambda: torch.ones(2, 3) @ torch.ones(2, 3),
        "no such index": lambda: torch.ones(2)[5],
        "a label out of range": lambda: torch.nn.functional.one_hot(
            torch.tensor([3]), 2
        ),
        "not a number": lambda: torch.tensor("text"),
    }
    kinds = (RuntimeError, IndexError, TypeError, ValueError)
    said = []
    for name, cause in wrong.items():
        kind = "nothing"
        try:
            cause()
        except kinds as error:
            kind = next(kind.__name__ for kind in kinds if isinstance(error, kind))
        said.append(f"{name}: {kind}")
    return "\n".join(said)


recorded = """backward twice: RuntimeError
a result overwritten: RuntimeError
shapes: RuntimeError
no such index: IndexError
a label out of range: RuntimeError
not a number: TypeError"""
compare(mistakes, recorded)

# %% [markdown]
# ## 5. A second derivative
#
# Functions of functions, as `torch.func` has them. `hessian` is the matrix of second derivatives:


# %%
def second_derivative(torch):
    def energy(x):
        return (x**3).sum() + x[0] * x[1]

    x = torch.tensor([1.0, 2.0, 3.0])
    slopes = torch.func.vmap(torch.func.grad(torch.sin))(x)
    return f"{torch.func.hessian(energy)(x)}\n{slopes}"


recorded = """tensor([[ 6.,  1.,  0.],
        [ 1., 12.,  0.],
        [ 0.,  0., 18.]])
tensor([ 0.5403, -0.4161, -0.9900])"""
compare(second_derivative, recorded)

# %% [markdown]
# ## 6. A network, trained
#
# From the same weights, on the same pictures (drawn by a formula), Adam takes the same steps. Random numbers are *not* the same for
# the same seed, therefore NumPy draws them here for both.


# %%
def make(torch, seed=0):
    """LeNet, and weights that NumPy draws."""
    nn = torch.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for p in model.parameters():
            drawn = random.standard_normal(tuple(p.shape)) / np.sqrt(
                max(p[0].numel(), 1)
            )
            p.copy_(torch.tensor(drawn.astype(np.float32)))
    return model


def batches(torch, count, seed=1):
    """Noise with a bright square, whose place is the class."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        labels = random.integers(0, 10, 64)
        images = 0.3 * random.standard_normal((64, 1, 28, 28)).astype(np.float32)
        for image, label in zip(images, labels):
            across, down = 2 + 5 * (label % 5), 6 + 10 * (label // 5)
            image[0, down : down + 5, across : across + 4] += 1
        yield torch.tensor(images), torch.tensor(labels)


def training(torch):
    model = make(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for x, y in batches(torch, 30):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return "loss of every sixth step: " + ", ".join(
        f"{value:.2f}" for value in losses[::6]
    )


recorded = """loss of every sixth step: 3.15, 2.15, 1.51, 0.87, 0.48"""
compare(training, recorded)

# %% [markdown]
# ## 7. Weights that travel
#
# What `state_dict` names, and what is in a file, is the same in both. Saved by one, loaded by the other:


# %%
def names_and_shapes(torch):
    state = make(torch).state_dict()
    lines = [f"{name} {tuple(value.shape)}" for name, value in state.items()]
    return f"{len(lines)} entries, of which the first are\n" + "\n".join(lines[:7])


recorded = """18 entries, of which the first are
0.weight (6, 1, 5, 5)
0.bias (6,)
1.weight (6,)
1.bias (6,)
1.running_mean (6,)
1.running_var (6,)
1.num_batches_tracked ()"""
compare(names_and_shapes, recorded)

# %%
x, _ = next(batches(tinygrad_fm, 1))
model = make(tinygrad_fm).eval()
tinygrad_fm.save(model.state_dict(), "weights.pt")

reader = pytorch or tinygrad_fm
other = make(reader, seed=5).eval()  # other weights
other.load_state_dict(reader.load("weights.pt"))  # the same
difference = np.subtract(model(x).tolist(), other(reader.tensor(x.numpy())).tolist())
print(
    "read by", reader.__name__, "and the scores agree:", np.abs(difference).max() < 1e-5
)

# %% [markdown]
# ## What is not the same
#
# - **Random numbers**: `manual_seed(0)` gives others than PyTorch's.
# - **Rounding**: sums are added up in another order, so long computations differ in the last digits, as PyTorch's own do between two
#   computers.
# - **What is left out**: GPUs, complex and sparse tensors, quantization, `torch.jit`. Asking for one raises an error that says so.
# - **What is more**: `torch.draw`, `viz.trace`, `autograd.composed`, and rules that you can read in one line each.
#
# The whole list, name by name: [docs/pytorch.md](../docs/pytorch.md). Speed beside PyTorch: [docs/performance.md](../docs/performance.md).
