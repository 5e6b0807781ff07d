"""Exercise 13: cross entropy.

The loss of a classifier is −log of the probability that it gives to the true class: 0 if that is 1, and ever larger the
smaller it is. Let t (N, K) have a 1 at each sample's true class and 0 elsewhere (one-hot). The loss is the mean over the N
samples:

    L = −Σ t[n, k] · log_softmax(x)[n, k] / N, the sum over n and k.

Copy your log_softmax of exercise 12. Its rule, with −t/N for the g of that exercise, gives the gradient of x; as the t of each
row add up to 1, it is very short, and made of the probabilities exp(log_softmax(x)), of t and of N. g is one number here.

>>> import numpy as np
>>> x, t = np.zeros((2, 4)), np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
>>> float(cross_entropy(x, t).round(4))  # log 4
1.3863
>>> cross_entropy_rule(1.0, x, t)
array([[-0.375,  0.125,  0.125,  0.125],
       [ 0.125,  0.125, -0.375,  0.125]])
"""

import numpy as np


def log_softmax(x):
    """Your function of exercise 12."""
    return ...


def cross_entropy(x, t):
    """The mean loss, one number, for x (N, K) and the one-hot classes t (N, K)."""
    return ...


def cross_entropy_rule(g, x, t):
    """The gradient (N, K) of x, where g is the gradient of the loss, one number."""
    return ...
