"""Exercise 12: the logarithm of softmax.

A loss needs the logarithms of probabilities. Computing softmax first and then its logarithm fails where a probability is so
small that it is rounded to 0, whose logarithm is −∞. The logarithm of a quotient is a difference, and of exp(x) it is x:

    y[n, k] = x[n, k] − log Σ exp(x[n, j]), the sum over the K classes j.

As before, subtract the largest number of each row from x first (here, too, the result stays the same).

For the rule: the first term hands on g itself. The second is the same number for the whole row: its gradient is minus the sum
of the row's g, and its derivative by x[n, k] is exp(x[n, k]) / Σ, which is the probability exp(y[n, k]).

>>> import numpy as np
>>> log_softmax(np.array([[0.0, 2000.0]]))
array([[-2000.,     0.]])
>>> log_softmax_rule(np.array([[1.0, 0.0]]), np.log(np.array([[0.25, 0.75]])))
array([[ 0.75, -0.75]])
"""

import numpy as np


def log_softmax(x):
    """The logarithms (N, K) of the classes' probabilities, for x (N, K)."""
    return ...


def log_softmax_rule(g, y):
    """The gradient (N, K) of x, where y = log_softmax(x)."""
    return ...
