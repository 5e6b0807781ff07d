"""Exercise 7: functions with a kink.

relu(x) is x where x > 0, and 0 elsewhere. Its derivative is 1 on the right and 0 on the left, so that g goes through where
x > 0 and is stopped elsewhere. At 0 itself there is no derivative; as in PyTorch, take 0 there. |x| is of the same kind:
the derivative is the sign of x, 0 at 0. The maximum of a and b, entry by entry, hands g to the larger of the two; where
they are equal (a tie), each gets half of it.

Work on whole arrays, without `if`: a comparison such as x > 0 is an array of True and False, which count as 1 and 0 when
multiplied; np.where(condition, p, q) takes p where the condition is true, and q elsewhere. np.sign(x) is −1, 0 or 1.

>>> import numpy as np
>>> relu_rule(np.array([5.0, 5.0]), np.array([2.0, -2.0]))
array([5., 0.])
>>> maximum_a(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]))
array([0. , 0.5, 1. ])
"""

import numpy as np


def relu_rule(g, x):
    """The gradient of x, where y = relu(x)."""
    return ...


def abs_rule(g, x):
    """The gradient of x, where y = |x|."""
    return ...


def maximum_a(g, a, b):
    """The gradient of a, where y is the larger of a and b, entry by entry. Both have one shape."""
    return ...


def maximum_b(g, a, b):
    """The gradient of b, where y is the larger of a and b, entry by entry."""
    return ...
