"""Exercise 17: convolution.

O filters w (O, C, k, k) are laid over every window of the pictures x (N, C, H, W); each gives the sum of the products:

    y[n, o, h, w] = Σ x[n, c, h + i, w + j] · w[o, c, i, j], the sum over c, i and j.

For fixed i and j this is a matrix product over the channels, of w[:, :, i, j] with x cut out from row i and column j on, of OH
rows and OW columns. np.einsum says which axes are multiplied and which are summed: np.einsum("nchw,oc->nohw", a, b) multiplies
a[n, c, h, w] by b[o, c] and sums over c, the letter that is missing behind the arrow. So y is a sum of k² such terms: begin
with zeros, and add them in two loops over i and j.

For the gradients keep the loops, and go back through each term: a product has two rules, each of them the other factor. What
was cut out of x goes back to where it came from, with +=. In the gradient of w, every pixel and every picture is summed.

>>> import numpy as np
>>> x, w = np.array([[[[1.0, 2.0, 3.0]]]]), np.array([[[[10.0]]]])
>>> conv2d(x, w)
array([[[[10., 20., 30.]]]])
>>> conv2d_w(np.ones((1, 1, 1, 3)), x, w)
array([[[[6.]]]])
"""

import numpy as np


def conv2d(x, w):
    """The result (N, O, OH, OW), where OH = H − k + 1 and OW = W − k + 1."""
    return ...


def conv2d_x(g, x, w):
    """The gradient (N, C, H, W) of x, where g (N, O, OH, OW) is the gradient of the result."""
    return ...


def conv2d_w(g, x, w):
    """The gradient (O, C, k, k) of w."""
    return ...
