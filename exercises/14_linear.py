"""Exercise 14: the linear layer.

A layer of O neurons, each of which has a weight for each of the C numbers of a sample, and a bias. For N samples at once, x
has the shape (N, C), w has (O, C), a row for each neuron, and b has (O,):

    y[n, o] = Σ x[n, c] · w[o, c] + b[o], the sum over c.

That is a matrix product (exercise 4) with the transpose of w, and an addition that broadcasts (exercise 3): b is added to
each row. Write the layer and its three rules. Check the shapes: the gradient of x is (N, C), of w (O, C), and of b (O,).

>>> import numpy as np
>>> x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0]]), np.array([0.5, 0.0, 0.0])
>>> linear(x, w, b)
array([[11.5,  2. ,  1. ]])
>>> linear_w(np.array([[1.0, 10.0, 0.0]]), x, w, b)
array([[ 1.,  2.],
       [10., 20.],
       [ 0.,  0.]])
"""

import numpy as np


def linear(x, w, b):
    """The layer: y (N, O)."""
    return ...


def linear_x(g, x, w, b):
    """The gradient (N, C) of x, where g (N, O) is the gradient of y."""
    return ...


def linear_w(g, x, w, b):
    """The gradient (O, C) of w."""
    return ...


def linear_b(g, x, w, b):
    """The gradient (O,) of b."""
    return ...
