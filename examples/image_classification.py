"""A small convolutional network on coloured squares: data set, loader, weight decay groups, schedule, checkpoint."""
import copy
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Squares(Dataset):
    """Noisy pictures with a bright square; the class is the quarter that it is in."""

    def __init__(self, n, transform=None):
        rng = np.random.RandomState(0)
        self.labels = rng.randint(0, 4, n)
        self.images = rng.normal(0, 0.3, (n, 12, 12, 3)).astype(np.float32)
        for image, label in zip(self.images, self.labels):
            y, x = divmod(int(label), 2)
            image[2 + 6 * y:5 + 6 * y, 2 + 6 * x:5 + 6 * x] += 1
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = torch.from_numpy(self.images[i]).permute(2, 0, 1)
        if self.transform is not None:
            image = self.transform(image)
        return image, torch.tensor(self.labels[i], dtype=torch.long)


def conv_bn(inp, out, stride=1):
    return nn.Sequential(
        nn.Conv2d(inp, out, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inp, out, stride=1):
        super(BasicBlock, self).__init__()
        self.conv1 = nn.Conv2d(inp, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or inp != out:
            self.shortcut = nn.Sequential(nn.Conv2d(inp, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class Net(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.features = nn.Sequential(conv_bn(3, 8), nn.MaxPool2d(2), BasicBlock(8, 16, stride=2))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.drop = nn.Dropout(0.2)
        self.classifier = nn.Linear(16, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = self.avgpool(self.features(x))
        x = torch.flatten(x, 1)
        return self.classifier(self.drop(x))


def build():
    return {"net": Net().to(device)}


def train(models, steps):
    model = models["net"]
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = optim.SGD(
        [{"params": decay, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}],
        lr=0.05, momentum=0.9, nesterov=True,
    )
    scheduler = CosineAnnealingLR(optimizer, T_max=steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    flip = lambda image: (image - 0.1) / 0.5
    loader = DataLoader(Squares(192, transform=flip), batch_size=16, shuffle=True, num_workers=0, pin_memory=True)
    model.train()
    step = 0
    while step < steps:
        for images, labels in loader:
            images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(images), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
            optimizer.step()
            scheduler.step()
            yield loss.item()
            step += 1
            if step == steps:
                break

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)
        checkpoint = torch.load(path, map_location=device)
    other = copy.deepcopy(model)
    other.load_state_dict(checkpoint["model"])
    other.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in DataLoader(Squares(64, transform=flip), batch_size=32):
            pred = other(images.to(device)).argmax(dim=1, keepdim=True)
            correct += pred.eq(labels.view_as(pred)).sum().item()
    print(f"accuracy {100.0 * correct / 64:.1f}%")
