"""Exercise 15: batch norm.

Each column of x (N, C) is brought to mean 0 and variance 1 over the batch, then scaled and shifted by what is learned:

    m, v = mean and variance of each column (divided by N);    s = √(v + eps);    z = (x − m) / s;    y = z · weight + bias.

The rules of weight and bias are those of a product and a sum that broadcast. For x, let ĝ = g · weight be the gradient of z.
If m and s were constants, that of x would be ĝ / s. But m and v change with x, too. What goes through m takes the mean of ĝ
away, and what goes through v takes away z times the mean of ĝ · z (exercise 10 has the derivative of v):

    dx = (ĝ − mean of ĝ − z · mean of (ĝ · z)) / s, the means over the batch, a number for each column.

On paper: derive it with the chain rule, from dz/dx, dz/dm and dz/ds. weight and bias have the shape (C,).

>>> import numpy as np
>>> batch_norm(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0]), 0.0)
array([[3.],
       [7.]])
>>> batch_norm_x(np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]]), np.array([2.0]), 0.0)  # two numbers are always at −1 and 1
array([[0.],
       [0.]])
"""

import numpy as np


def batch_norm(x, weight, bias, eps):
    """The normalised batch (N, C), scaled and shifted."""
    return ...


def batch_norm_x(g, x, weight, eps):
    """The gradient (N, C) of x, where g (N, C) is the gradient of the result."""
    return ...


def batch_norm_weight(g, x, eps):
    """The gradient (C,) of weight."""
    return ...


def batch_norm_bias(g):
    """The gradient (C,) of bias."""
    return ...
