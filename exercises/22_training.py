"""Exercise 22: a training loop with mistakes.

Here the library itself is used, and nothing is missing. Instead ten mistakes have been made, all of them ones that people
really make: the program runs without an error, and learns badly, or says a wrong number. Find them, and mend them.

`batches` is a list of pairs: x (N, C), a batch of samples, and y (N,), the number of each one's class. The last batch is
smaller than the others. The model gives an output for each class, (N, K); F.cross_entropy(outputs, y) is their mean loss.

train: for each batch of each epoch, the gradients of this batch's loss, and a step. Six mistakes.
accuracy: the share of samples whose largest output is that of the true class. Four mistakes.

Both may be called in any order, and leave the model in whatever mode they like. The grader looks over your shoulder while they
run, and says the first thing that goes wrong; it does not say which line that comes from. Change what you need to.

>>> model = torch.nn.Linear(1, 2)
>>> model.load_state_dict({"weight": torch.tensor([[1.0], [-1.0]]), "bias": torch.zeros(2)})
<All keys matched successfully>
>>> accuracy(model, [(torch.tensor([[1.0], [-1.0], [2.0]]), torch.tensor([0, 1, 1]))] * 2)
0.6666666666666666
"""

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F


def train(model, optimizer, batches, epochs):
    """Train the model. Returns the mean loss per sample of each epoch, a list of floats."""
    losses = []
    model.eval()
    for epoch in range(epochs):
        total, count = 0.0, 0
        for x, y in batches:
            outputs = F.softmax(model(x), dim=1)
            loss = F.cross_entropy(outputs, y)
            optimizer.step()
            loss.backward()
            total += loss
            count += 1
        losses.append(total / count)
    return losses


def accuracy(model, batches):
    """The share of the samples that the model gives the true class, from 0 to 1."""
    right = 0
    for x, y in batches:
        predicted = model(x).argmax()
        right += (predicted == y).sum().item()
    return right / len(batches)
