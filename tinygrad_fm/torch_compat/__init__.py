"""What code written for PyTorch asks, sets and says in older ways, and what is left out of PyTorch here."""
