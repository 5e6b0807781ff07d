"""LeNet learns to tell garments apart. They are drawn by the program: in the browser there is nothing to download."""

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, optim
from tinygrad_fm.data import SyntheticFashion
from tinygrad_fm.utils.data import DataLoader
from tinygrad_fm.viz import live

STEPS = 120
torch.manual_seed(0)

garments = SyntheticFashion(size=1000)
test = SyntheticFashion(train=False, size=200)
names = garments.classes


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 6, 14, 14)
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 5, 5)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, x):  # (N, 1, 28, 28)
        return self.classifier(self.features(x))  # (N, 10)


model = LeNet()
optimizer = optim.Adam(model.parameters(), lr=3e-3)
x_test, y_test = next(iter(DataLoader(test, batch_size=200)))
live.images(x_test[:10], [names[i] for i in y_test[:10].tolist()], title="garments")

step = 0
while step < STEPS:
    for x, y in DataLoader(garments, batch_size=32, shuffle=True):
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        if step == 0:
            torch.draw(loss, model=model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        live.plot(step, loss=loss, accuracy=(scores.argmax(dim=1) == y).float().mean())
        step += 1
        if step == STEPS:
            break

model.eval()
with torch.no_grad():
    predicted = model(x_test).argmax(dim=1)
right = (predicted == y_test).float().mean().item()
print(f"after {STEPS} steps {100 * right:.0f} % of {len(test)} garments that it never saw are right")
live.images(model.features[0].weight, title="what the first convolution looks for")
live.images(x_test[:10], ["is it " + names[i] + "?" for i in predicted[:10].tolist()], title="its answers")
