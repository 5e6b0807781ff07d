"""Five networks trained as one: their weights stacked, one vmap over them, and how far they disagree away from the data."""
import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, stack_module_state, vmap

num_models = 5


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self, x):
        return self.layers(x)


def curve(n=64):
    rng = np.random.RandomState(0)
    x = rng.uniform(-1, 1, (n, 1))
    y = np.sin(3 * x) + 0.05 * rng.randn(n, 1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def build():
    return {f"model{i}": Regressor() for i in range(num_models)}


def train(models, steps):
    models = list(models.values())
    params, buffers = stack_module_state(models)
    base_model = copy.deepcopy(models[0])

    def fmodel(params, buffers, x):
        return functional_call(base_model, (params, buffers), (x,))

    x, y = curve()
    optimizer = torch.optim.Adam(params.values(), lr=0.02)
    for step in range(steps):
        predictions = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, x)
        loss = F.mse_loss(predictions, y.expand(num_models, *y.shape))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()
    with torch.no_grad():
        near, far = torch.tensor([[0.5]]), torch.tensor([[4.0]])
        spread = [vmap(fmodel, in_dims=(0, 0, None))(params, buffers, at).std().item() for at in (near, far)]
    print(f"the models differ by {spread[0]:.3f} within the data, by {spread[1]:.3f} far outside")
