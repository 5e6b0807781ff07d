"""Exercise 2: the product rule.

A step with two inputs has two rules, one for each: how does the result change if only a changes, and how if only b does?
For y = a·b the derivative by a is b: if a grows by 0.01, then y grows by 0.01·b. As before, the gradient of the input is
g, the gradient of y, times this derivative.

A quotient is a product as well: a/b = a · b⁻¹. Its derivative by a is what a is multiplied by; for the one by b use the
derivative of b⁻¹ from exercise 1. All arguments are numbers, or arrays of one shape, and everything goes entry by entry.

>>> multiply_a(1.0, 2.0, 5.0)
5.0
>>> divide_a(1.0, 2.0, 4.0)
0.25
>>> divide_b(1.0, 2.0, 4.0)
-0.125
"""


def multiply_a(g, a, b):
    """The gradient of a, where y = a * b."""
    return ...


def multiply_b(g, a, b):
    """The gradient of b, where y = a * b."""
    return ...


def divide_a(g, a, b):
    """The gradient of a, where y = a / b."""
    return ...


def divide_b(g, a, b):
    """The gradient of b, where y = a / b."""
    return ...
