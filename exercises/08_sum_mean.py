"""Exercise 8: sums and means.

The sum of each row makes of x, of shape (N, K), a y of shape (N,): y[n] = x[n, 0] + … + x[n, K−1]. If one entry of row n
grows by 0.01, then so does y[n]. So every entry of the row has the gradient g[n]: what was added going forward is spread
going back, just as what was repeated is added (exercise 3). The mean is the sum divided by K.

Of use: g[:, None] makes of shape (N,) the column (N, 1); np.ones(x.shape) is full of ones; a column times a matrix
broadcasts along the rows. x.shape[1] is K.

>>> import numpy as np
>>> sum_rule(np.array([1.0, 5.0]), np.zeros((2, 3)))
array([[1., 1., 1.],
       [5., 5., 5.]])
>>> mean_rule(np.array([1.0, 6.0]), np.zeros((2, 2)))
array([[0.5, 0.5],
       [3. , 3. ]])
"""

import numpy as np


def sum_rule(g, x):
    """The gradient (N, K) of x, where y = x.sum(axis=1) and g (N,) is the gradient of y."""
    return ...


def mean_rule(g, x):
    """The gradient (N, K) of x, where y = x.mean(axis=1) and g (N,) is the gradient of y."""
    return ...
