"""Exercise 10: the variance.

The variance of a column of x is the mean of its squared deviations from its mean m: for x of shape (N, K)

    m[k] = Σ x[n, k] / N,    v[k] = Σ (x[n, k] − m[k])² / N, the sums over n.

(Divided by N, as batch norm does. An estimate from few samples is divided by N − 1; that one is called unbiased.)

For the rule, change one entry x[n, k]: its own square changes, by the chain rule, and all the squares change through m,
which depends on this entry. But these changes through m add up to nothing: together they are a multiple of the sum of all
deviations from the mean, and that is 0. So only the first part is left.

>>> import numpy as np
>>> variance(np.array([[1.0, 0.0], [3.0, 0.0]]))
array([1., 0.])
>>> variance_rule(np.array([1.0, 1.0]), np.array([[1.0, 0.0], [3.0, 0.0]]))
array([[-1.,  0.],
       [ 1.,  0.]])
"""

import numpy as np


def variance(x):
    """The variance (K,) of each column of x (N, K), divided by N. Write it with .mean, .sum and **."""
    return ...


def variance_rule(g, x):
    """The gradient (N, K) of x, where g (K,) is the gradient of the variance."""
    return ...
