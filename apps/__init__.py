"""The commands of ``python -m apps``: one module each, thin, with all the work done by the library."""
