"""Exercise 20: momentum.

In a narrow valley gradient descent jumps from side to side and hardly moves along. A heavy ball does better: it keeps some of
its velocity, so that the jumps cancel and the movement along the valley adds up. As PyTorch does it:

    v ← momentum · v + g
    w ← w − lr · v

v is the velocity, of the shape of w, and 0 at the beginning. With momentum 0.9, a gradient that stays the same is felt ten
times: 1 + 0.9 + 0.81 + … = 10. Return both, `w, v`, and leave the arrays that you were given as they are.

>>> import numpy as np
>>> w, v = momentum_step(np.array([1.0]), np.array([2.0]), np.array([10.0]), 0.1, 0.5)
>>> w, v
(array([0.3]), array([7.]))
"""

import numpy as np


def momentum_step(w, g, v, lr, momentum):
    """The weights and the velocity after one step, `w, v`, where g is the gradient of the loss."""
    return ...
