"""Fits a line to noisy points by gradient descent: tensors, a loss, its gradient, a step."""
import tinygrad_fm as torch

torch.manual_seed(0)
x = torch.linspace(-1, 1, 50)
y = 3 * x - 2 + 0.1 * torch.randn(50)  # the line to find

w = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)

for step in range(101):
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()  # w.grad and b.grad: how the loss changes with w and b
    if step % 25 == 0:
        print(f"step {step:3}  loss {loss:.4f}  w {w:.2f}  dloss/dw {w.grad:.2f}  b {b:.2f}  dloss/db {b.grad:.2f}")
    with torch.no_grad():  # changing the parameters is no part of what is differentiated
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
    w.grad = b.grad = None  # else the next backward would add to them
