"""A character-level LSTM that continues a text, its hidden state carried from one piece of the text to the next."""
import numpy as np
import torch
import torch.nn as nn

text = "she sells sea shells by the sea shore. the shells she sells are surely sea shells. " * 12
chars = sorted(set(text))
stoi = {ch: i for i, ch in enumerate(chars)}
itos = {i: ch for i, ch in enumerate(chars)}


class CharRNN(nn.Module):
    def __init__(self, n_chars, n_hidden=48, n_layers=2, drop_prob=0.2):
        super().__init__()
        self.n_layers = n_layers
        self.n_hidden = n_hidden
        self.embedding = nn.Embedding(n_chars, 16)
        self.lstm = nn.LSTM(16, n_hidden, n_layers, batch_first=True)
        self.dropout = nn.Dropout(drop_prob)
        self.fc = nn.Linear(n_hidden, n_chars)

    def forward(self, x, hidden):
        r_output, hidden = self.lstm(self.embedding(x), hidden)
        out = self.dropout(r_output)
        out = out.contiguous().view(-1, self.n_hidden)
        return self.fc(out), hidden

    def init_hidden(self, batch_size):
        weight = next(self.parameters()).data
        return (weight.new(self.n_layers, batch_size, self.n_hidden).zero_(),
                weight.new(self.n_layers, batch_size, self.n_hidden).zero_())


def get_batches(arr, batch_size, seq_length):
    n_batches = (len(arr) - 1) // (batch_size * seq_length)
    x = arr[: n_batches * batch_size * seq_length].reshape(batch_size, -1)
    y = arr[1 : n_batches * batch_size * seq_length + 1].reshape(batch_size, -1)
    for n in range(0, x.shape[1], seq_length):
        yield x[:, n : n + seq_length], y[:, n : n + seq_length]


@torch.no_grad()
def sample(net, prime="she ", size=40):
    net.eval()
    h, out = net.init_hidden(1), list(prime)
    for ch in prime:
        logits, h = net(torch.tensor([[stoi[ch]]]), h)
    for _ in range(size):
        p = torch.softmax(logits[-1] / 0.5, dim=0)
        idx = torch.multinomial(p, num_samples=1).item()
        out.append(itos[idx])
        logits, h = net(torch.tensor([[idx]]), h)
    net.train()
    return "".join(out)


def build():
    return {"net": CharRNN(len(chars))}


def train(models, steps, batch_size=8, seq_length=20, clip=5):
    net = models["net"]
    encoded = np.array([stoi[ch] for ch in text])
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    net.train()
    step = 0
    while step < steps:
        h = net.init_hidden(batch_size)
        for x, y in get_batches(encoded, batch_size, seq_length):
            inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
            h = tuple([each.data for each in h])  # so that backward ends at this piece of the text
            net.zero_grad()
            output, h = net(inputs, h)
            loss = criterion(output, targets.reshape(batch_size * seq_length))
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), clip)
            opt.step()
            yield loss.item()
            step += 1
            if step == steps:
                break
    print(sample(net))
