"""Fashion-MNIST read row by row: an LSTM sees a garment as a sequence of 28 rows of 28 pixels, and names it."""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from tinygrad_fm.data import load_splits

sequence_length = 28
input_size = 28
hidden_size = 64
num_layers = 2
num_classes = 10
batch_size = 64


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(hidden_size * 2, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers * 2, x.size(0), self.hidden_size).to(x.device)
        c0 = torch.zeros(self.num_layers * 2, x.size(0), self.hidden_size).to(x.device)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


def garments(size=1024):
    """Images and labels; drawn on the spot where the data set is not on this machine."""
    split = load_splits(size=size, download=False).train
    images = np.asarray(split.data).reshape(-1, sequence_length, input_size).astype(np.float32) / 255
    return torch.from_numpy(images), torch.from_numpy(np.asarray(split.targets).astype(np.int64))


def build():
    return {"model": RNN(input_size, hidden_size, num_layers, num_classes)}


def train(models, steps):
    model = models["model"]
    train_loader = DataLoader(TensorDataset(*garments()), batch_size=batch_size, shuffle=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    step = 0
    while step < steps:
        correct, total = 0, 0
        for images, labels in train_loader:
            outputs = model(images)
            loss = criterion(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
            yield loss.item()
            step += 1
            if step == steps:
                break
    print(f"accuracy of the last epoch {100 * correct / total:.1f} %")
