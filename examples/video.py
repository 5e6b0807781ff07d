"""Clips of a moving square: a 3D convolutional network tells which way it goes."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

DIRECTIONS = [(0, 1), (0, -1), (1, 0), (-1, 0)]  # right, left, down, up


class MovingSquares(Dataset):
    """Clips (1, T, H, W) of a square that wraps around the picture."""

    def __init__(self, n=128, frames=6, side=12, square=4):
        self.clips = torch.zeros(n, 1, frames, side, side)
        self.labels = torch.arange(n) % len(DIRECTIONS)
        for i in range(n):
            dy, dx = DIRECTIONS[i % len(DIRECTIONS)]
            top, left = (7 * i) % side, (5 * i + 3) % side
            for t in range(frames):
                rows = (torch.arange(square) + top + t * dy) % side
                columns = (torch.arange(square) + left + t * dx) % side
                self.clips[i, 0, t, rows[:, None], columns[None, :]] = 1.0

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.clips[index], self.labels[index]


class Block(nn.Module):
    """A residual block of two convolutions in space and time."""

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv3d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv3d(inplanes, planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm3d(planes))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return F.relu(out + identity)


class VideoNet(nn.Module):
    def __init__(self, num_classes=4, width=6):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, width, kernel_size=(3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2), padding_mode="circular"),
            nn.BatchNorm3d(width), nn.ReLU(inplace=True))
        self.layer1 = Block(width, width)
        self.pool = nn.MaxPool3d(kernel_size=(1, 2, 2))
        self.layer2 = Block(width, 2 * width, stride=2)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(2 * width, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv3d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.pool(self.layer1(self.stem(x)))
        x = self.avgpool(self.layer2(x))
        return self.fc(self.dropout(torch.flatten(x, 1)))


def build():
    return {"net": VideoNet()}


def train(models, steps):
    net = models["net"]
    loader = DataLoader(MovingSquares(), batch_size=16, shuffle=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=max(steps, 2))
    done = 0
    net.train()
    while done < steps:
        for clips, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(clips), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            yield loss.item()
            done += 1
            if done == steps:
                break
    net.eval()
    with torch.inference_mode():
        clips, labels = next(iter(loader))
        slow = F.interpolate(clips, scale_factor=(2, 1, 1), mode="trilinear", align_corners=False)
        assert net(slow).argmax(1).shape == labels.shape
