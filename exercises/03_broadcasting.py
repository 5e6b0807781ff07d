"""Exercise 3: broadcasting.

NumPy adds a row to each row of a matrix: a of shape (2, 3) plus b of shape (3,) is of shape (2, 3), for b is repeated.
Shapes are compared from the right; a missing axis, or one of length 1, is repeated to the other's length. So each entry
of b goes into several entries of the result, and its gradient is the sum of theirs: going back, repeating becomes adding.

Write `sum_to(g, shape)`: the array g, added up along every axis along which an array of `shape` was repeated to get the
shape of g. Its result has exactly `shape`. First the axes in front that `shape` has not got, then those where it has a 1.
Of use: g.ndim, g.shape, g.sum(axis=0), and g.sum(axis=1, keepdims=True), which leaves an axis of length 1.
Then write the gradient of b in y = a + b; without broadcasting it would be g.

>>> import numpy as np
>>> g = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
>>> sum_to(g, (3,))
array([11., 22., 33.])
>>> sum_to(g, (2, 1))
array([[ 6.],
       [60.]])
"""

import numpy as np


def sum_to(g, shape):
    """The sum of g over the axes along which an array of this shape was repeated."""
    return ...


def add(a, b):
    """Given: the step itself."""
    return np.add(a, b)


def add_b(g, a, b):
    """The gradient of b, where y = a + b. It has the shape of b."""
    return ...
