"""Exercise 1: a number with a gradient.

A program computes a loss L from a number x, step by step. The gradient of x is dL/dx: how much L changes for a small
change of x. Say one step is y = x², and the steps after it have already told how L changes with y: g = dL/dy. By the
chain rule

    dL/dx = dL/dy · dy/dx = g · dy/dx.

A function that computes this from g and x is called the backward rule of the step. For example the rule of y = 3x is
`return g * 3`. Write the rules of two steps: the derivative of x² is 2x, and that of 1/x you know as well (write it as
x⁻¹). Each is a single line with + - * / **; it works for a number and, entry by entry, for an array.

>>> square_rule(1.0, 3.0)
6.0
>>> square_rule(10.0, 3.0)  # a step later on made ten times as much of y
60.0
>>> reciprocal_rule(1.0, 2.0)
-0.25
"""


def square(x):
    """Given: the step itself."""
    return x * x


def square_rule(g, x):
    """The gradient of x, where y = x² and g is the gradient of y."""
    return ...


def reciprocal(x):
    """Given: the step itself."""
    return 1 / x


def reciprocal_rule(g, x):
    """The gradient of x, where y = 1/x and g is the gradient of y."""
    return ...
