"""Exercise 6: functions of each entry.

A function such as exp is applied to each entry of an array by itself, so its rule is the one of a single number: g times
the derivative, entry by entry.

Often the derivative is cheapest to say with the result y itself, which the forward pass has computed already. For y = eˣ
the derivative is eˣ, and that is y. So some of the rules below are given y and not x, and need no other function:

    y = √x                      dy/dx = 1 / (2√x)
    y = tanh x                  dy/dx = 1 − tanh²x
    y = σ(x) = 1 / (1 + e⁻ˣ)    dy/dx = e⁻ˣ / (1 + e⁻ˣ)² = σ(x) · (1 − σ(x))

Say these three with y alone. (σ is called the sigmoid.)

>>> exp_rule(1.0, 20.0)
20.0
>>> log_rule(1.0, 4.0)
0.25
>>> sigmoid_rule(1.0, 0.5)
0.25
"""

import numpy as np


def exp_rule(g, y):
    """The gradient of x, where y = exp(x)."""
    return ...


def log_rule(g, x):
    """The gradient of x, where y = log(x), the natural logarithm."""
    return ...


def sqrt_rule(g, y):
    """The gradient of x, where y = √x."""
    return ...


def tanh_rule(g, y):
    """The gradient of x, where y = tanh(x)."""
    return ...


def sigmoid_rule(g, y):
    """The gradient of x, where y = 1 / (1 + exp(-x))."""
    return ...
