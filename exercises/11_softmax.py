"""Exercise 11: softmax.

A classifier computes a number for each class, and softmax makes probabilities of them: positive, and adding up to 1. For x of
shape (N, K), a row for each sample,

    y[n, k] = exp(x[n, k]) / Σ exp(x[n, j]), the sum over the K classes j.

exp(1000) is infinite, so subtract the largest number of each row from the row first: the quotient stays the same.

For the rule, say x[n, k] grows. Then y[n, k] grows, and all others of the row shrink, since the sum has grown. Both
together: dy[j]/dx[k] = y[j]·(1 if j = k, else 0) − y[j]·y[k]. Multiply by g[j], add up over j, and write it with whole rows.

Of use: np.exp, np.max(x, axis=1, keepdims=True), and .sum(axis=1, keepdims=True), both of which give columns.

>>> import numpy as np
>>> softmax(np.array([[0.0, 0.0], [2000.0, 0.0]]))
array([[0.5, 0.5],
       [1. , 0. ]])
>>> softmax_rule(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))
array([[ 0.25, -0.25]])
"""

import numpy as np


def softmax(x):
    """The probabilities (N, K) of the classes, for x (N, K)."""
    return ...


def softmax_rule(g, y):
    """The gradient (N, K) of x, where y = softmax(x)."""
    return ...
