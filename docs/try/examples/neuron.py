"""A neuron: a weighted sum, a bias and tanh; and gradient descent until it gives the answer that is wanted."""

import tinygrad_fm as torch
from tinygrad_fm.viz import live

x = torch.tensor([2.0, 0.0])  # what comes in
w = torch.tensor([-3.0, 1.0], requires_grad=True)  # the weights
b = torch.tensor(6.5, requires_grad=True)  # the bias
target = 0.2

for step in range(60):
    y = torch.tanh((w * x).sum() + b)
    loss = (y - target) ** 2
    if step == 0:
        torch.draw(loss, names={"x": x, "w": w, "b": b, "y": y, "loss": loss})
    loss.backward()
    live.plot(loss=loss, output=y)
    with torch.no_grad():
        w -= 0.2 * w.grad
        b -= 0.2 * b.grad
    w.grad = b.grad = None

print(f"the neuron gives {y.item():.4f}, wanted was {target}")
print("weights", w.tolist(), "bias", b.item())
