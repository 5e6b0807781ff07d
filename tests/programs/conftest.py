"""The programs themselves import PyTorch and are run by the tests; pytest must not import them."""

collect_ignore_glob = ["for_pytorch/*"]
