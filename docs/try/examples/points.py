"""A multi-layer perceptron learns which of two spirals a point belongs to; its decision boundary moves while it trains."""

import math

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, optim
from tinygrad_fm.viz import live

STEPS = 400
torch.manual_seed(0)

n = 100  # points of each spiral
r = torch.linspace(0.1, 1.0, n)
angle = 3.5 * r * math.pi / 2
arm = torch.stack([r * torch.cos(angle), r * torch.sin(angle)], dim=1)  # (n, 2)
x = torch.cat([arm, -arm]) + 0.03 * torch.randn(2 * n, 2)
y = torch.cat([torch.zeros(n), torch.ones(n)]).long()

model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = optim.Adam(model.parameters(), lr=0.01)

for step in range(STEPS):
    scores = model(x)
    loss = F.cross_entropy(scores, y)
    if step == 0:
        torch.draw(loss, model=model)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0 or step == STEPS - 1:
        accuracy = (scores.argmax(dim=1) == y).float().mean()
        live.plot(step, loss=loss, accuracy=accuracy)
        live.boundary(model, x, y)

print(f"loss {loss.item():.4f}, accuracy {100 * accuracy.item():.1f} %")
