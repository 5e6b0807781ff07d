"""An autoencoder first, then a variational one, on stripes."""
import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def stripes(n=256, side=10):
    rng = np.random.RandomState(1)
    grid = np.arange(side)
    rows = [(np.sin(grid * rng.uniform(0.5, 2.0) + rng.uniform(0, 6)) > 0).astype(np.float32) for _ in range(n)]
    return torch.tensor(np.stack([np.tile(r, (side, 1)) for r in rows])).unsqueeze(1)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ELU(), nn.Conv2d(8, 4, 3, stride=2, padding=1), nn.Tanh())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4, 8, 3, stride=2, padding=1, output_padding=0), nn.ELU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class VAE(nn.Module):
    def __init__(self, size=100, hidden=40, latent=5):
        super(VAE, self).__init__()
        self.size = size
        self.fc1 = nn.Linear(size, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, size)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, self.size))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 100), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def build():
    return {"autoencoder": Autoencoder(), "vae": VAE()}


def train(models, steps):
    data = DataLoader(TensorDataset(stripes()), batch_size=32, shuffle=True, drop_last=True)
    auto, vae = models["autoencoder"], models["vae"]
    opt_auto = optim.RMSprop(auto.parameters(), lr=3e-3)
    opt_vae = optim.Adam(vae.parameters(), lr=3e-3)
    done = 0
    while done < steps:
        for (x,) in data:
            opt_auto.zero_grad()
            mse = nn.MSELoss()(auto(x), x)
            mse.backward()
            opt_auto.step()

            opt_vae.zero_grad()
            recon, mu, logvar = vae(x)
            loss = loss_function(recon, x, mu, logvar) / len(x)
            loss.backward()
            opt_vae.step()
            yield mse.item() * 10 + loss.item()
            done += 1
            if done == steps:
                break
    with torch.no_grad():
        sample = vae.decode(torch.randn(4, 5)).cpu()
        assert sample.shape == (4, 100) and sample.min() >= 0 and bool((sample <= 1).all())
