"""The notebooks, whose sources are programs in jupytext's percent form. ``python -m notebooks`` runs them."""
