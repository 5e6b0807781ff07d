# %% [markdown]
# # Fashion-MNIST, end to end
#
# Load, look, prepare, train two networks, and find out what they are worth: a plain network of neurons (in course books an
# *ANN*, or multi-layer perceptron) beside a convolutional one (a *CNN*), with everything that belongs in a report: curves, the
# test score, a confusion matrix, precision and recall, pictures of what went right and wrong.
#
# You need the ideas of *From a scalar to LeNet*; this page is about doing the work with care. It takes a minute or two to run.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn
from tinygrad_fm.data import load_splits
from tinygrad_fm.training import evaluate, precision_recall
from tinygrad_fm.utils.data import DataLoader, random_split
from tinygrad_fm.vision import transforms

torch.manual_seed(0)
plt.rcParams["figure.figsize"] = 6, 3

# %% [markdown]
# ## 1. Load
#
# 60,000 pictures to train with and 10,000 to test with, 28 × 28 pixels, ten classes. They are compared with what was published
# (by SHA-256) before they are used. Where they are not to be had, garments are drawn instead, and this cell says so; scores on
# drawings say nothing about Fashion-MNIST.

# %%
data = load_splits()
print(data.notice or f"Real photographs: {data.name}.")
pictures, labels, names = data.train.data, data.train.targets, data.train.classes
print(pictures.shape, pictures.dtype, "from", pictures.min(), "to", pictures.max())
print("pictures of each class:", np.bincount(labels))

# %% [markdown]
# ## 2. Look
#
# Always, before anything else. Four of each class, and below them the mean of all of it:

# %%
rows = [pictures[labels == k][:4] for k in range(10)]
means = [pictures[labels == k].mean(axis=0) for k in range(10)]
_, axes = plt.subplots(5, 10, figsize=(9, 4.8))
for k in range(10):
    for ax, picture in zip(axes[:, k], [*rows[k], means[k]]):
        ax.imshow(picture, cmap="gray")
        ax.axis("off")
    axes[0, k].set_title(names[k], fontsize=8)
plt.show()

# %% [markdown]
# > **Question.** Which classes will be mixed up?
# >
# > <details><summary>Answer</summary>
# >
# > Those whose means look alike: shirt, T-shirt, pullover and coat; sandal, sneaker and boot. A bag or trousers should be easy.
# > Keep your guess for section 6.
# > </details>
#
# ## 3. Prepare
#
# Two things are done to the data.
#
# - **Normalize**: pixels from 0 to 255 become numbers around 0 of size about 1, which is what initial weights are made for.
#   Mean and standard deviation are those of the *training* pictures: the test pictures must not have a say in anything.
# - **Split** 5,000 pictures off, for **validation**. While you work you will look at scores again and again and choose by them.
#   What you choose by is no longer a fair test; so choose by these, and look at the test pictures once, at the end.

# %%
mean, std = (pictures / 255).mean(), (pictures / 255).std()
print(f"mean {mean:.4f}, standard deviation {std:.4f}")
to_input = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((float(mean),), (float(std),))]
)
data.train.transform = data.test.transform = to_input
train_set, validation_set = random_split(
    data.train, [55000, 5000], generator=torch.Generator().manual_seed(0)
)
x, y = next(iter(DataLoader(train_set, batch_size=100, shuffle=True)))
print("a batch:", tuple(x.shape), x.dtype, tuple(y.shape), y.dtype)

# %% [markdown]
# ## 4. Two networks
#
# About the same number of parameters, so that the comparison is fair. The summary says what happens to a batch: shapes,
# parameters, multiplications.


# %%
def ann():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 75),
        nn.BatchNorm1d(75),
        nn.ReLU(),
        nn.Linear(75, 10),
    )


def cnn():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 130), nn.ReLU(), nn.Linear(130, 10)),
    )


print(torch.summary(ann(), (1, 28, 28)))
print(torch.summary(cnn(), (1, 28, 28)))

# %% [markdown]
# ## 5. Train
#
# The loop is a dozen lines, and the same for both. Adam takes the steps, the learning rate rises and falls once
# (`OneCycleLR`), and behind every epoch stands the score on the validation pictures.


# %%
def train(model, epochs=3, lr=0.004):
    loader = DataLoader(train_set, batch_size=100, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    steps = epochs * len(loader)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    history = {"loss": [], "validation": []}
    for epoch in range(1, epochs + 1):
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            history["loss"].append(loss.item())
        score = evaluate(model, validation_set)
        history["validation"].append(score)
        print(
            f"epoch {epoch}: validation loss {score.loss:.3f}, {score.accuracy:.1%} right"
        )
    return history


models, histories = {}, {}
for name, make in (("ANN", ann), ("CNN", cnn)):
    torch.manual_seed(0)
    print(name)
    models[name] = make()
    histories[name] = train(models[name])

# %% [markdown]
# The curves, with the loss of the batches smoothed over fifty steps. Where training and validation part, the network begins to learn
# its pictures by heart (*overfitting*).

# %%
for (name, history), color in zip(histories.items(), ("C0", "C1")):
    smooth = np.convolve(history["loss"], np.ones(50) / 50, mode="valid")
    plt.plot(
        np.arange(len(smooth)) + 49, smooth, color=color, label=f"{name}, training"
    )
    ends = np.arange(1, 4) * len(history["loss"]) // 3
    validation = [score.loss for score in history["validation"]]
    plt.plot(ends, validation, "o--", color=color, label=f"{name}, validation")
plt.ylim(0.15, 0.8)
plt.xlabel("step")
plt.ylabel("cross entropy")
plt.legend()
plt.show()

# %% [markdown]
# ## 6. Test, once
#
# Now, and only now.

# %%
tests = {name: evaluate(model, data.test) for name, model in models.items()}
for name, test in tests.items():
    error = (test.accuracy * (1 - test.accuracy) / len(test.labels)) ** 0.5
    print(f"{name}: {test.accuracy:.2%} ± {error:.2%} of 10,000 test pictures right")

# %% [markdown]
# The ± is the standard error of a share, √(p (1 − p) / n): with other test pictures of the same kind the score would be about that
# much off. A difference of two or three times as much is one that you can believe in.
#
# The **confusion matrix** says which class was taken for which: a row for each true class, a column for each predicted one.

# %%
_, panels = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
for ax, (name, test) in zip(panels, tests.items()):
    ax.imshow(test.confusion, cmap="Blues", vmax=1000)
    for (i, j), count in np.ndenumerate(test.confusion):
        if count:
            ink = "white" if count > 500 else "black"
            ax.text(j, i, count, ha="center", va="center", fontsize=7, color=ink)
    ax.set_xticks(range(10), names, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(range(10), names, fontsize=8)
    ax.set(title=name, xlabel="predicted", ylabel="true" if name == "ANN" else None)
plt.show()

# %% [markdown]
# Two questions can be asked of a class. **Precision**: of those that were called a shirt, how many are one? **Recall**: of the
# shirts, how many were found?

# %%
print(f"{'':12}{'ANN':^22}{'CNN':^22}")
print(f"{'':12}{'precision  recall':^22}{'precision  recall':^22}")
scores = [precision_recall(test.confusion) for test in tests.values()]
for k, name in enumerate(names):
    parts = [f"{precision[k]:9.1%} {recall[k]:9.1%}" for precision, recall in scores]
    print(f"{name:12}{parts[0]:^22}{parts[1]:^22}")

# %% [markdown]
# > **Question.** Which class is worst, and is it the network's fault?
# >
# > <details><summary>Answer</summary>
# >
# > On Fashion-MNIST the shirt: about a third of them is called T-shirt, pullover or coat, and the other way round. Look at the
# > pictures below: at 28 × 28 pixels people cannot tell them either. On the page of the
# > data set it says that people without experience in fashion reached 83.5 %.
# > </details>
#
# ## 7. Right and wrong
#
# The first eight that are right, and the eight mistakes that the CNN was surest of. The latter tell the most: some are labels
# that one may doubt.

# %%
test = tests["CNN"]
sure = test.probabilities.max(axis=1)
right = np.flatnonzero(test.predictions == test.labels)[:8]
wrong = np.flatnonzero(test.predictions != test.labels)
wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:8]
_, axes = plt.subplots(2, 8, figsize=(10, 3.6))
for ax, i in zip(axes.flat, [*right, *wrong]):
    good = test.predictions[i] == test.labels[i]
    ax.imshow(data.test.data[i], cmap="gray")
    said = f"{names[test.predictions[i]]} {sure[i]:.0%}"
    ax.set_title(
        said if good else f"{said}\ntrue: {names[test.labels[i]]}",
        fontsize=7,
        color="green" if good else "firebrick",
    )
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 8. Keep it
#
# Weights are saved under the names of the layers, and loaded into a network of the same make. PyTorch reads such files too:
# [docs/weights.md](../docs/weights.md).

# %%
torch.save(models["CNN"].state_dict(), "cnn.pt")
again = cnn()
again.load_state_dict(torch.load("cnn.pt"))
print(
    "the same test score:", evaluate(again, data.test).accuracy == tests["CNN"].accuracy
)

# %% [markdown]
# ## What next
#
# - Better scores: more epochs, pictures mirrored and shifted while training, averaged weights. All that is in `train_mlp.py` and
#   `train_cnn.py`, which also stop and go on, and write all these pictures: [docs/training.md](../docs/training.md).
# - Your own pictures: `python -m apps predict`, [docs/apps.md](../docs/apps.md).
#
# > **Question.** Someone trained for 100 epochs, looked at the *test* score behind each, and reports the best one. What is wrong, and by
# > about how much?
# >
# > <details><summary>Answer</summary>
# >
# > The best of 100 looks is too good: chance goes up and down by about the ± above from look to look, and the best picks it where
# > it is up. The scores of neighbouring epochs are alike, so it is not as bad as with 100 independent tests, but half a per cent is
# > often what papers compete for. Choose the epoch by the validation pictures.
# > </details>
