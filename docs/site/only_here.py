"""Names that the project has and PyTorch has not, as they would be called there; the tests beside PyTorch hold the list."""

ONLY_HERE: set[str] = set()
