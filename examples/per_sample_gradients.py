"""Training that hides any single sample: each sample's gradient is clipped, and noise added to their sum (DP-SGD)."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap


class SimpleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 16)
        self.fc2 = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


def blobs(n=192):
    rng = np.random.RandomState(0)
    labels = rng.randint(0, 3, n)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    points = centres[labels] + 0.7 * rng.randn(n, 2)
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels)


def build():
    return {"model": SimpleNet()}


def train(models, steps, batch_size=24, max_norm=1.0, noise=0.1, lr=0.5):
    model = models["model"]
    data, targets = blobs()
    params = {k: v.detach() for k, v in model.named_parameters()}
    buffers = {k: v.detach() for k, v in model.named_buffers()}

    def compute_loss(params, buffers, sample, target):
        batch, targets = sample.unsqueeze(0), target.unsqueeze(0)
        predictions = functional_call(model, (params, buffers), (batch,))
        return F.cross_entropy(predictions, targets)

    ft_compute_sample_grad = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))

    for step in range(steps):
        start = step * batch_size % len(data)
        x, y = data[start : start + batch_size], targets[start : start + batch_size]
        ft_per_sample_grads = ft_compute_sample_grad(params, buffers, x, y)
        squares = [g.flatten(start_dim=1).pow(2).sum(dim=1) for g in ft_per_sample_grads.values()]
        norms = torch.stack(squares).sum(dim=0).sqrt()
        factors = (max_norm / (norms + 1e-6)).clamp(max=1.0)
        with torch.no_grad():
            loss = F.cross_entropy(functional_call(model, (params, buffers), (x,)), y)
            for name, g in ft_per_sample_grads.items():
                clipped = torch.einsum("n,n...->...", factors, g)
                private = (clipped + noise * max_norm * torch.randn_like(clipped)) / batch_size
                params[name] = params[name] - lr * private
        yield loss.item()
    print(f"gradients' norms from {norms.min().item():.2f} to {norms.max().item():.2f} before clipping")
