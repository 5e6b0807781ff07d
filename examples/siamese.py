"""A siamese network with the contrastive loss, and a triplet loss beside it; gradients accumulated over two batches."""
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import Adadelta
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, n=128):
        super().__init__()
        rng = np.random.RandomState(2)
        self.prototypes = rng.normal(size=(4, 1, 8, 8)).astype("float32")
        self.noise = rng.normal(scale=0.4, size=(n, 2, 1, 8, 8)).astype("float32")
        random.seed(3)
        self.classes = []
        for i in range(n):
            a = random.randint(0, 3)
            self.classes.append((a, a if i % 2 == 0 else random.choice([c for c in range(4) if c != a])))

    def __len__(self):
        return len(self.classes)

    def __getitem__(self, index):
        a, b = self.classes[index]
        image_1 = torch.from_numpy(self.prototypes[a] + self.noise[index, 0]).float()
        image_2 = torch.from_numpy(self.prototypes[b] + self.noise[index, 1]).float()
        return {"first": image_1, "second": image_2, "different": float(a != b)}


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.PReLU(), nn.MaxPool2d(2, stride=1), nn.Conv2d(8, 8, 3, groups=2), nn.PReLU(8), nn.AvgPool2d(2))
        out = self.conv(torch.zeros(1, 1, 8, 8)).numel()
        self.fc = nn.Sequential(nn.Linear(out, 16), nn.ReLU(), nn.Linear(16, 4))
        self.fc.apply(self.init_weights)

    @staticmethod
    def init_weights(m):
        if type(m) == nn.Linear:
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.conv(x)
        output = output.view(output.size()[0], -1)
        return self.fc(output)

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        euclidean_distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean(
            (1 - label) * torch.pow(euclidean_distance, 2)
            + label * torch.pow(torch.clamp(self.margin - euclidean_distance, min=0.0), 2)
        )


def build():
    return {"net": SiameseNetwork()}


def train(models, steps):
    net = models["net"]
    loader = DataLoader(Pairs(), shuffle=True, batch_size=16)
    criterion, triplet = ContrastiveLoss(), nn.TripletMarginLoss(margin=0.5)
    optimizer = Adadelta(net.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=5, gamma=0.7)
    i = 0
    while i < steps:
        for batch in loader:
            label = batch["different"].float().unsqueeze(1)
            a, b = net(batch["first"], batch["second"])
            loss = criterion(a, b, label)
            same = label.squeeze(1) == 0
            if same.sum() > 0:
                negatives = torch.roll(b[same], 1, dims=0)
                loss = loss + 0.1 * triplet(a[same], b[same], negatives)
            (loss / 2).backward()
            if (i + 1) % 2 == 0:
                optimizer.step()
                optimizer.zero_grad()
                scheduler.step()
            yield loss.item()
            i += 1
            if i == steps:
                return
