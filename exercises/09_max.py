"""Exercise 9: the maximum of a row.

y[n] is the largest entry of row n of x, which has the shape (N, K). Only this entry has a gradient: if another one grows a
little, y[n] stays as it is. So the rule finds where the largest is, puts g[n] there, and 0 elsewhere.

If several entries of a row are the largest (a tie), they share: each gets g[n] divided by their number. That is what
PyTorch's amax does; a row [2, 2, 2] gives a third of g[n] to each.

x, y and g have the shapes (N, K), (N,) and (N,). A comparison gives an array of True and False, which count as 1 and 0; its
.sum(axis=1, keepdims=True) counts those that are true in each row, as a column. y[:, None] is a column.

>>> import numpy as np
>>> max_rule(np.array([1.0, 1.0]), np.array([[1.0, 3.0], [2.0, 2.0]]), np.array([3.0, 2.0]))
array([[0. , 1. ],
       [0.5, 0.5]])
"""

import numpy as np


def max_rule(g, x, y):
    """The gradient (N, K) of x, where y (N,) is the largest entry of each row, and g (N,) is the gradient of y."""
    return ...
