"""Every operation on tensors: kernel, backward rule and public function side by side, a family to a file.

The families are PyTorch's, and so is what each of them offers (its ``__all__``). ``tinygrad_fm`` and ``nn.functional`` take
their functions from here, ``Tensor`` its methods; :mod:`~tinygrad_fm.ops.functions` has all of them in one namespace.
"""
