"""PyTorch's ``torch.utils``, as far as it goes here."""
