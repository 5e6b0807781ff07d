"""Exercise 5: the backward loop.

A computation is kept as a graph: each value is a Node that knows the nodes it was computed from, its parents, and for
each parent a rule, which makes the parent's gradient of the node's own. From these, all gradients follow in one loop of
some fifteen lines. That is the whole of backpropagation:

1. Collect the nodes: begin with `result`, and go from each to its parents. Each is taken once, however often it is used.
2. The gradient of the result by itself is 1.0.
3. Take the nodes from the last one computed to the first (node.number is higher than those of its parents, so the highest
   number first). For each parent, run its rule on node.grad, and add what it gives to the parent's .grad.

In step 3 a .grad is None at first. Adding is needed because a value may be used many times, and the order because a node
must have got all of its gradient before it hands it on. Use a loop and no recursion: a graph may be thousands of nodes long.

>>> x = Node(0, 3.0)
>>> y = Node(1, 9.0, (x, x), (lambda g: g * 3.0, lambda g: g * 3.0))  # y = x * x
>>> backward(y)
>>> x.grad
6.0
"""


class Node:
    """One value of a computation. (Given.)"""

    def __init__(self, number, value, parents=(), rules=()):
        self.number = number  # its turn in the order of the computation
        self.value = value
        self.parents = parents  # the nodes that it was computed from
        self.rules = rules  # rules[i](gradient of this node) is the gradient of parents[i]
        self.grad = None


def backward(result):
    """Give .grad to `result` and to every node that it was computed from. Returns nothing."""
    ...
