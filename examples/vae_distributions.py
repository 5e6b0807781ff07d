"""A variational autoencoder on blobs, written with torch.distributions: encoder and decoder are distributions."""
import numpy as np
import torch
from torch import nn, optim
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset


def blobs(n=256, side=8):
    rng = np.random.RandomState(3)
    y, x = np.mgrid[:side, :side]
    centers = rng.uniform(1.5, side - 2.5, (n, 2))
    widths = rng.uniform(1.0, 2.5, n)
    squares = (y - centers[:, :1, None]) ** 2 + (x - centers[:, 1:, None]) ** 2
    return torch.tensor((squares < widths[:, None, None] ** 2).astype(np.float32)).flatten(1)


class Encoder(nn.Module):
    def __init__(self, data_dim, hidden_dim, latent_dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(data_dim, hidden_dim), nn.SiLU(), nn.Linear(hidden_dim, 2 * latent_dim))

    def forward(self, x) -> Independent:
        loc, raw_scale = self.net(x).chunk(2, dim=-1)
        return Independent(Normal(loc, nn.functional.softplus(raw_scale) + 1e-4), 1)


class Decoder(nn.Module):
    def __init__(self, latent_dim, hidden_dim, data_dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.SiLU(), nn.Linear(hidden_dim, data_dim))

    def forward(self, z) -> Independent:
        return Independent(Bernoulli(logits=self.net(z)), 1)


class VAE(nn.Module):
    def __init__(self, data_dim=64, hidden_dim=48, latent_dim=3):
        super().__init__()
        self.encoder = Encoder(data_dim, hidden_dim, latent_dim)
        self.decoder = Decoder(latent_dim, hidden_dim, data_dim)
        self.register_buffer("prior_loc", torch.zeros(latent_dim))
        self.register_buffer("prior_scale", torch.ones(latent_dim))

    @property
    def prior(self):
        return Independent(Normal(self.prior_loc, self.prior_scale), 1)

    def elbo(self, x, beta=1.0):
        posterior = self.encoder(x)
        likelihood = self.decoder(posterior.rsample())
        kl = kl_divergence(posterior, self.prior.expand(posterior.batch_shape))
        return likelihood.log_prob(x) - beta * kl

    @torch.no_grad()
    def sample(self, n):
        return self.decoder(self.prior.sample((n,))).mean


def build():
    return {"vae": VAE()}


def train(models, steps):
    vae = models["vae"]
    loader = DataLoader(TensorDataset(blobs()), batch_size=32, shuffle=True, drop_last=True)
    optimizer = optim.AdamW(vae.parameters(), lr=3e-3)
    step = 0
    while step < steps:
        for (x,) in loader:
            optimizer.zero_grad(set_to_none=True)
            beta = min(1.0, (step + 1) / 20)  # the divergence is let in slowly
            loss = -vae.elbo(x, beta).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(vae.parameters(), 10.0)
            optimizer.step()
            yield loss.item()
            step += 1
            if step == steps:
                break
    pictures = vae.sample(5)
    assert pictures.shape == (5, 64) and 0 <= pictures.min() and pictures.max() <= 1
