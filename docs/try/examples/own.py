"""Your own program. What you write here is kept in this browser.

print(...)                       writes below the editor
torch.draw(loss)                 shows the graph: before backward(), which lets go of it
live.plot(loss=loss)             adds a point to a chart
live.images(x)                   shows pictures: (H, W), (N, H, W) or (N, 1, H, W)
live.boundary(model, x, y)       shows what a classifier says all over the plane
"""

import tinygrad_fm as torch
from tinygrad_fm import nn, optim
from tinygrad_fm.viz import live

torch.manual_seed(0)
x = torch.linspace(-3, 3, 64).reshape(-1, 1)
y = torch.sin(x)

model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.Adam(model.parameters(), lr=0.02)

for step in range(200):
    loss = ((model(x) - y) ** 2).mean()
    if step == 0:
        torch.draw(loss, model=model)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    live.plot(step, loss=loss)

print("the network's sin(1) is", model(torch.tensor([[1.0]])).item())
