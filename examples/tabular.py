"""Tabular regression: categories through embeddings, batch norm, early stopping on validation loss."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split
from torch.optim.lr_scheduler import ReduceLROnPlateau


class TabularModel(nn.Module):
    def __init__(self, emb_szs, n_cont, out_sz, layers, p=0.1):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(ni, nf) for ni, nf in emb_szs])
        self.emb_drop = nn.Dropout(p)
        self.bn_cont = nn.BatchNorm1d(n_cont)
        layerlist = []
        n_in = sum(nf for _, nf in emb_szs) + n_cont
        for i in layers:
            layerlist += [nn.Linear(n_in, i), nn.ReLU(inplace=True), nn.BatchNorm1d(i), nn.Dropout(p)]
            n_in = i
        layerlist.append(nn.Linear(layers[-1], out_sz))
        self.layers = nn.Sequential(*layerlist)
        self.scale = nn.ParameterList([nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))])

    def forward(self, x_cat, x_cont):
        x = torch.cat([e(x_cat[:, i]) for i, e in enumerate(self.embeds)], 1)
        x = torch.cat([self.emb_drop(x), self.bn_cont(x_cont)], dim=1)
        return self.layers(x) * self.scale[0] + self.scale[1]


def data():
    rng = np.random.RandomState(6)
    cat = np.stack([rng.randint(0, 5, 300), rng.randint(0, 3, 300)], 1)
    cont = rng.normal(size=(300, 4)).astype("float32")
    y = cat[:, 0] * 0.5 - cat[:, 1] + cont @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.normal(size=300)
    y = torch.as_tensor(y, dtype=torch.float).reshape(-1, 1)
    y = (y - y.mean()) / y.std()
    return torch.tensor(cat, dtype=torch.int64), torch.tensor(cont), y


def build():
    return {"model": TabularModel([(5, 3), (3, 2)], 4, 1, [32, 16])}


def train(models, steps):
    model = models["model"]
    dataset = TensorDataset(*data())
    train_set, valid_set = Subset(dataset, range(240)), Subset(dataset, range(240, 300))
    train_loader = DataLoader(train_set, batch_size=24, shuffle=True)
    valid_loader = DataLoader(valid_set, batch_size=60)
    criterion = nn.HuberLoss()
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=0)
    best, step = float("inf"), 0
    while step < steps:
        model.train()
        for cat, cont, y in train_loader:
            y_pred = model(cat, cont)
            loss = torch.sqrt(criterion(y_pred, y))
            l1 = sum(p.abs().sum() for p in model.parameters() if p.requires_grad)
            loss = loss + 1e-5 * l1
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()
            step += 1
            if step == steps:
                break
        model.eval()
        with torch.no_grad():
            losses = [criterion(model(cat, cont), y).item() for cat, cont, y in valid_loader]
        valid = float(np.mean(losses))
        scheduler.step(valid)
        if valid < best:
            best = valid
            best_state = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(best_state)
    print(f"best {best:.3f}, lr {optimizer.param_groups[0]['lr']:.4f}")
