"""Exercise 19: gradient descent.

The gradient says how the loss changes with each weight: it points uphill. A step goes a little the other way:

    w ← w − lr · (g + weight_decay · w)

lr is the learning rate, how far to go. The weight decay draws the weights towards 0, since large ones fit noise: it is the
gradient of a penalty ½ · weight_decay · w², added to the loss. (Stochastic gradient descent, SGD, is the same with the
gradient of a few samples.)

w and g are arrays of one shape; lr and weight_decay are numbers. Return the new w, and leave the old one as it is.

>>> import numpy as np
>>> sgd_step(np.array([1.0]), np.array([2.0]), 0.1, 0.0)
array([0.8])
>>> sgd_step(np.array([1.0]), np.array([0.0]), 0.1, 0.5)
array([0.95])
"""

import numpy as np


def sgd_step(w, g, lr, weight_decay):
    """The weights after one step, where g is the gradient of the loss."""
    return ...
