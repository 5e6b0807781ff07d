"""A generator of rings against a critic: binary cross-entropy first, then Wasserstein with a gradient penalty."""
import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

Tensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor
latent_dim = 4


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        torch.nn.init.normal_(m.weight, 0.0, 0.2)
    elif classname.find("BatchNorm") != -1:
        m.weight.data.normal_(1.0, 0.02)
        m.bias.data.fill_(0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(*block(latent_dim, 16, normalize=False), *block(16, 32), nn.Linear(32, 2), nn.Tanh())

    def forward(self, z):
        return self.model(z) * 1.5


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 32), nn.LeakyReLU(0.2, inplace=True), nn.Linear(32, 16), nn.LeakyReLU(0.2, inplace=True), nn.Linear(16, 1))

    def forward(self, x):
        return self.model(x.view(x.size(0), -1))


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = Tensor(np.random.random((real_samples.size(0), 1)))
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = Variable(Tensor(real_samples.shape[0], 1).fill_(1.0), requires_grad=False)
    gradients = autograd.grad(
        outputs=d_interpolates, inputs=interpolates, grad_outputs=fake, create_graph=True, retain_graph=True, only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def build():
    generator, discriminator, critic = Generator(), Discriminator(), Discriminator()
    for net in (generator, discriminator, critic):
        net.apply(weights_init)
    return {"generator": generator, "discriminator": discriminator, "critic": critic}


def train(models, steps):
    np.random.seed(0)
    generator, discriminator, critic = models["generator"], models["discriminator"], models["critic"]
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    optimizer_C = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.9))
    adversarial_loss = nn.BCEWithLogitsLoss()

    for _ in range(steps):
        angle = np.random.uniform(0, 2 * np.pi, 32)
        real = Variable(Tensor(np.stack([np.cos(angle), np.sin(angle)], 1)))
        valid = Variable(Tensor(real.size(0), 1).fill_(1.0), requires_grad=False)
        fake = Variable(Tensor(real.size(0), 1).fill_(0.0), requires_grad=False)

        z = Variable(Tensor(np.random.normal(0, 1, (real.shape[0], latent_dim))))
        samples = generator(z)

        optimizer_D.zero_grad()
        d_loss = (adversarial_loss(discriminator(real), valid) + adversarial_loss(discriminator(samples.detach()), fake)) / 2
        d_loss.backward()
        optimizer_D.step()

        optimizer_C.zero_grad()
        penalty = compute_gradient_penalty(critic, real.data, samples.data)
        c_loss = -torch.mean(critic(real)) + torch.mean(critic(samples.detach())) + 10 * penalty
        c_loss.backward()
        optimizer_C.step()
        for p in critic.parameters():
            p.data.clamp_(-2.0, 2.0)

        for p in critic.parameters():
            p.requires_grad = False
        optimizer_G.zero_grad()
        g_loss = adversarial_loss(discriminator(samples), valid) - 0.1 * critic(samples).mean()
        g_loss.backward()
        optimizer_G.step()
        for p in critic.parameters():
            p.requires_grad = True
        yield d_loss.item() + 0.1 * c_loss.item() + g_loss.item()
