"""What the exercises' functions should be: the body of each, as an expression or as lines."""

from __future__ import annotations

SOLUTIONS: dict[str, dict[str, str]] = {
    "derivative": {"square_rule": "g * 2 * x", "reciprocal_rule": "-g / x**2"},
    "product": {"multiply_a": "g * b", "multiply_b": "g * a", "divide_a": "g / b", "divide_b": "-g * a / b**2"},
    "broadcasting": {
        "sum_to": """
while g.ndim > len(shape):
    g = g.sum(axis=0)
for axis, length in enumerate(shape):
    if length == 1:
        g = g.sum(axis=axis, keepdims=True)
return g
""",
        "add_b": "sum_to(g, b.shape)",
    },
    "matmul": {"matmul_a": "g @ b.T", "matmul_b": "a.T @ g"},
    "backward_loop": {
        "backward": """
seen, pending = {result}, [result]
while pending:
    for parent in pending.pop().parents:
        if parent not in seen:
            seen.add(parent)
            pending.append(parent)
result.grad = 1.0
for node in sorted(seen, key=lambda node: node.number, reverse=True):
    for parent, rule in zip(node.parents, node.rules):
        dx = rule(node.grad)
        parent.grad = dx if parent.grad is None else parent.grad + dx
return None
"""
    },
}
