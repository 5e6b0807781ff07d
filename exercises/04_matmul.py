"""Exercise 4: the matrix product.

y = a @ b for a of shape (N, K) and b of shape (K, M) has the shape (N, M):

    y[n, m] = Σ a[n, k] · b[k, m], the sum over k.

The entry a[n, k] goes into the whole row y[n, :], each time with the factor b[k, m]. So its gradient is a sum over m:
Σ g[n, m] · b[k, m]. Write this sum, for all n and k at once, as a matrix product of g and b; the transpose of b is b.T.
In the same way find the gradient of b. The shapes help: the gradient of a has the shape of a, and there is only one way
in which g, of shape (N, M), and b, of shape (K, M), make a matrix of shape (N, K).

>>> import numpy as np
>>> g, a, b = np.array([[1.0]]), np.array([[2.0, 3.0]]), np.array([[4.0], [5.0]])
>>> matmul_a(g, a, b)
array([[4., 5.]])
>>> matmul_b(g, a, b)
array([[2.],
       [3.]])
"""

import numpy as np


def matmul_a(g, a, b):
    """The gradient of a (N, K), where y = a @ b and g (N, M) is the gradient of y."""
    return ...


def matmul_b(g, a, b):
    """The gradient of b (K, M), where y = a @ b and g (N, M) is the gradient of y."""
    return ...
