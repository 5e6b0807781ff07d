"""Exercise 18: pooling.

Pooling makes a picture half as high and half as wide: of each window of 2 × 2 pixels it keeps the largest (max pooling) or
the mean (average pooling). The windows do not overlap; H and W are even.

A trick does it without loops: reshaped to (N, C, H/2, 2, W/2, 2), the pixels of a window are those along axes 3 and 5.
np.max(…, axis=(3, 5)) then gives (N, C, H/2, W/2), as .mean(axis=(3, 5)) does.

The rules are those of exercises 8 and 9, for windows in place of rows. Make g and y broadcast against the reshaped x with
g[:, :, :, None, :, None], of shape (N, C, H/2, 1, W/2, 1), and reshape the result to x.shape. There are no ties.

>>> import numpy as np
>>> x = np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 8.0, 7.0]]]])
>>> max_pool(x)
array([[[[4., 8.]]]])
>>> max_pool_rule(np.array([[[[1.0, 10.0]]]]), x, max_pool(x))
array([[[[ 0.,  0.,  0.,  0.],
         [ 0.,  1., 10.,  0.]]]])
"""

import numpy as np


def max_pool(x):
    """The largest pixel of each window: (N, C, H/2, W/2) for x (N, C, H, W)."""
    return ...


def max_pool_rule(g, x, y):
    """The gradient (N, C, H, W) of x, where y = max_pool(x) and g has the shape of y."""
    return ...


def avg_pool_rule(g, x):
    """The gradient (N, C, H, W) of x, where y is the mean of each window and g has the shape of y."""
    return ...
