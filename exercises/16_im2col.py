"""Exercise 16: windows of a picture.

A convolution looks at a picture through a window of k × k pixels, at every position where it fits: H − k + 1 = OH of them down
and W − k + 1 = OW across. im2col copies what the windows show. For pictures x (N, C, H, W) the result has the shape
(N, C, k, k, OH, OW):

    y[n, c, i, j, h, w] = x[n, c, h + i, w + j].

For fixed i and j, the part y[:, :, i, j] is x cut out from row i and column j on. So two short loops over i and j are enough;
no loop over pixels. Make an array of zeros for the result, and fill it.

Going back: an inner pixel is in k² windows, so its gradient is the sum of theirs. Make zeros of the shape of x, and for each i
and j add g[:, :, i, j] to the part that it was copied from. (This is also called col2im, or fold.)

>>> import numpy as np
>>> x = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])  # one picture, one channel, 2 × 3
>>> im2col(x, 2)[0, 0, :, :, 0, 1]  # the second of its two windows
array([[2., 3.],
       [5., 6.]])
>>> im2col_rule(np.ones((1, 1, 2, 2, 1, 2)), x, 2)[0, 0]  # the middle column is in both windows
array([[1., 2., 1.],
       [1., 2., 1.]])
"""

import numpy as np


def im2col(x, k):
    """The windows (N, C, k, k, OH, OW) of x (N, C, H, W)."""
    return ...


def im2col_rule(g, x, k):
    """The gradient (N, C, H, W) of x, where g (N, C, k, k, OH, OW) is the gradient of the windows."""
    return ...
