"""How tensors lie in files, a format to a module; :mod:`tinygrad_fm.serialization` chooses among them."""
