"""What the exercises' functions should be: the body of each, as an expression or as lines."""

from __future__ import annotations

LOG_SOFTMAX = "x = x - np.max(x, axis=1, keepdims=True)\nreturn x - np.log(np.exp(x).sum(axis=1, keepdims=True))"
NORMALISED = "m = x.mean(axis=0)\ns = np.sqrt(((x - m) ** 2).mean(axis=0) + eps)\nz = (x - m) / s\n"
WINDOWS = "n, c, h, w = x.shape\nx6 = x.reshape(n, c, h // 2, 2, w // 2, 2)\n"

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
    "elementwise": {
        "exp_rule": "g * y",
        "log_rule": "g / x",
        "sqrt_rule": "g / (2 * y)",
        "tanh_rule": "g * (1 - y**2)",
        "sigmoid_rule": "g * y * (1 - y)",
    },
    "kinks": {
        "relu_rule": "g * (x > 0)",
        "abs_rule": "g * np.sign(x)",
        "maximum_a": "g * np.where(a == b, 0.5, a > b)",
        "maximum_b": "g * ((b > a) + 0.5 * (a == b))",
    },
    "sum_mean": {"sum_rule": "g[:, None] * np.ones(x.shape)", "mean_rule": "np.broadcast_to(g[:, None] / x.shape[1], x.shape)"},
    "max": {"max_rule": "largest = x == y[:, None]\nreturn g[:, None] * largest / largest.sum(axis=1, keepdims=True)"},
    "variance": {
        "variance": "((x - x.mean(axis=0)) ** 2).mean(axis=0)",
        "variance_rule": "g * 2 * (x - x.mean(axis=0)) / x.shape[0]",
    },
    "softmax": {
        "softmax": "e = np.exp(x - np.max(x, axis=1, keepdims=True))\nreturn e / e.sum(axis=1, keepdims=True)",
        "softmax_rule": "y * (g - (g * y).sum(axis=1, keepdims=True))",
    },
    "log_softmax": {"log_softmax": LOG_SOFTMAX, "log_softmax_rule": "g - np.exp(y) * g.sum(axis=1, keepdims=True)"},
    "cross_entropy": {
        "log_softmax": LOG_SOFTMAX,
        "cross_entropy": "-(t * log_softmax(x)).sum() / x.shape[0]",
        "cross_entropy_rule": "g * (np.exp(log_softmax(x)) - t) / x.shape[0]",
    },
    "linear": {"linear": "x @ w.T + b", "linear_x": "g @ w", "linear_w": "g.T @ x", "linear_b": "g.sum(axis=0)"},
    "batch_norm": {
        "batch_norm": NORMALISED + "return z * weight + bias",
        "batch_norm_x": NORMALISED + "h = g * weight\nreturn (h - h.mean(axis=0) - z * (h * z).mean(axis=0)) / s",
        "batch_norm_weight": NORMALISED + "return (g * z).sum(axis=0)",
        "batch_norm_bias": "g.sum(axis=0)",
    },
    "im2col": {
        "im2col": """
oh, ow = x.shape[2] - k + 1, x.shape[3] - k + 1
y = np.zeros(x.shape[:2] + (k, k, oh, ow))
for i in range(k):
    for j in range(k):
        y[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]
return y
""",
        "im2col_rule": """
oh, ow = g.shape[4:]
dx = np.zeros(x.shape)
for i in range(k):
    for j in range(k):
        dx[:, :, i : i + oh, j : j + ow] += g[:, :, i, j]
return dx
""",
    },
    "convolution": {
        "conv2d": """
k = w.shape[2]
oh, ow = x.shape[2] - k + 1, x.shape[3] - k + 1
y = np.zeros((x.shape[0], w.shape[0], oh, ow))
for i in range(k):
    for j in range(k):
        y += np.einsum("nchw,oc->nohw", x[:, :, i : i + oh, j : j + ow], w[:, :, i, j])
return y
""",
        "conv2d_x": """
k, (oh, ow) = w.shape[2], g.shape[2:]
dx = np.zeros(x.shape)
for i in range(k):
    for j in range(k):
        dx[:, :, i : i + oh, j : j + ow] += np.einsum("nohw,oc->nchw", g, w[:, :, i, j])
return dx
""",
        "conv2d_w": """
k, (oh, ow) = w.shape[2], g.shape[2:]
dw = np.zeros(w.shape)
for i in range(k):
    for j in range(k):
        dw[:, :, i, j] = np.einsum("nohw,nchw->oc", g, x[:, :, i : i + oh, j : j + ow])
return dw
""",
    },
    "pooling": {
        "max_pool": WINDOWS + "return np.max(x6, axis=(3, 5))",
        "max_pool_rule": WINDOWS + "return (g[:, :, :, None, :, None] * (x6 == y[:, :, :, None, :, None])).reshape(x.shape)",
        "avg_pool_rule": WINDOWS + "return (g[:, :, :, None, :, None] / 4 * np.ones(x6.shape)).reshape(x.shape)",
    },
    "sgd": {"sgd_step": "w - lr * (g + weight_decay * w)"},
    "momentum": {"momentum_step": "v = momentum * v + g\nreturn w - lr * v, v"},
    "adam": {
        "adam_step": """
m = beta1 * m + (1 - beta1) * g
v = beta2 * v + (1 - beta2) * g**2
m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
"""
    },
    "training": {
        "train": """
losses = []
model.train()
for epoch in range(epochs):
    total, count = 0.0, 0
    for x, y in batches:
        outputs = model(x)
        loss = F.cross_entropy(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    losses.append(total / count)
return losses
""",
        "accuracy": """
model.eval()
right, count = 0, 0
with torch.no_grad():
    for x, y in batches:
        predicted = model(x).argmax(dim=1)
        right += (predicted == y).sum().item()
        count += len(y)
return right / count
""",
    },
}
