"""Exercise 21: Adam.

Adam (Kingma and Ba, 2015) gives each weight its own step. It keeps two averages, both 0 at the beginning: m of the gradient,
and v of its square. Their quotient m/√v is about 1 in size where the gradient keeps its sign, however large it is.

    m ← beta1 · m + (1 − beta1) · g
    v ← beta2 · v + (1 − beta2) · g²

Because they begin at 0 they are too small at first. In step t (1 in the first step) what they lack is known, and the step
is taken with the corrected ones, m̂ = m / (1 − beta1**t) and v̂ = v / (1 − beta2**t):

    w ← w − lr · m̂ / (√v̂ + eps)

eps keeps the quotient finite. Return `w, m, v`, with m and v as they were before the correction.

>>> import numpy as np
>>> zero = np.zeros(2)
>>> w, m, v = adam_step(zero, np.array([100.0, -0.001]), zero, zero, 1, 0.1, 0.9, 0.999, 0.0)
>>> w  # the first step has the size lr, whatever the gradient
array([-0.1,  0.1])
"""

import numpy as np


def adam_step(w, g, m, v, t, lr, beta1, beta2, eps):
    """The weights and both averages after step t, `w, m, v`, where g is the gradient of the loss."""
    return ...
