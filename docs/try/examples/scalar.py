"""A scalar expression: run it forward, then backward, and step through its graph.

Change a number or an operation, and press Run again.
"""

import tinygrad_fm as torch

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(-3.0, requires_grad=True)
c = torch.tensor(10.0, requires_grad=True)
f = torch.tensor(-2.0, requires_grad=True)

d = a * b + c
L = d * f
torch.draw(L, names={"a": a, "b": b, "c": c, "f": f, "L": L})

L.backward()
print("L    =", L.item())
print("dL/da =", a.grad.item(), "which is b times f")
print("dL/db =", b.grad.item(), "which is a times f")
print("dL/dc =", c.grad.item())
print("dL/df =", f.grad.item())
