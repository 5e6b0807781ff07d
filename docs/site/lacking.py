"""What the public docstrings lack: a text, an example, the errors that the code raises: ``python -m docs.site.lacking``."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap

from . import reference

# what people use most: each has an example that runs, and says which errors it raises
MOST_USED = {
    "": """abs add allclose arange argmax argmin argsort bmm cat chunk clamp clone cos cross cumsum diag div draw einsum eq exp
        eye flatten flip floor from_numpy full full_like gather index_select isnan linspace load log log_softmax
        logsumexp manual_seed masked_fill matmul max maximum mean median meshgrid min minimum mm movedim mul multinomial neg
        no_grad norm normal ones ones_like outer permute pow prod rand randint randn randn_like randperm relu reshape roll round
        rsqrt save scatter sigmoid sin softmax sort split sqrt square squeeze stack std sub sum summary tanh tensor tile topk
        transpose tril triu unbind unique unsqueeze var where zeros zeros_like""",
    "nn": """AdaptiveAvgPool2d AvgPool2d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d Conv1d Conv2d ConvTranspose2d
        CrossEntropyLoss Dropout Embedding Flatten GELU GRU GroupNorm Identity L1Loss LSTM LayerNorm LeakyReLU Linear LogSoftmax
        MSELoss MaxPool2d Module ModuleList MultiheadAttention NLLLoss Parameter ReLU Sequential SiLU Sigmoid SmoothL1Loss
        Softmax Tanh TransformerEncoderLayer Upsample""",
    "nn.functional": """avg_pool2d batch_norm binary_cross_entropy binary_cross_entropy_with_logits conv2d cross_entropy dropout
        embedding gelu interpolate l1_loss layer_norm leaky_relu linear max_pool2d mse_loss nll_loss normalize one_hot pad
        scaled_dot_product_attention silu smooth_l1_loss""",
    "nn.init": "constant_ kaiming_normal_ kaiming_uniform_ normal_ xavier_uniform_ zeros_",
    "nn.utils": "clip_grad_norm_",
    "optim": "Adam AdamW RMSprop SGD",
    "optim.lr_scheduler": "CosineAnnealingLR ExponentialLR LambdaLR OneCycleLR ReduceLROnPlateau StepLR",
    "utils.data": "DataLoader Dataset Subset TensorDataset random_split",
    "autograd": "Function backward grad gradcheck",
    "func": "grad jacrev vjp vmap",
    "utils.checkpoint": "checkpoint",
}


def says_nothing(entry: reference.Entry) -> bool:
    return callable(entry.value) and (not entry.doc or entry.doc.endswith("(a primitive)."))


def silent_errors(entry: reference.Entry) -> list[str]:
    """The exceptions that the code of a function or class raises by name, of which its docstring says nothing."""
    value = inspect.unwrap(entry.value)
    if not (inspect.isfunction(value) or isinstance(value, type)) or hasattr(value, "primitive"):
        return []
    value = vars(value).get("__init__") if isinstance(value, type) else value
    if not inspect.isfunction(value) or value.__code__.co_filename.startswith("<"):  # a dataclass's __init__ has no text
        return []
    raised = {
        node.exc.func.id
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(value))))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    return sorted(name for name in raised if name not in entry.doc)


def lacks(entry: reference.Entry) -> list[str]:
    """What the docstring of one of the most used names lacks."""
    found = ["a text"] if says_nothing(entry) else []
    found += [] if ">>>" in entry.doc else ["an example"]
    return found + [f"Raises {name}" for name in silent_errors(entry)]


def most_used() -> list[reference.Entry]:
    entries = reference.entries()
    wanted = {module: set(names.split()) for module, names in MOST_USED.items()}
    found = [entry for module, names in wanted.items() for entry in entries[module] if entry.name in names]
    absent = {
        f"{module}.{name}" for module, names in wanted.items() for name in names - {entry.name for entry in entries[module]}
    }
    assert not absent, absent
    return found


def main() -> None:
    """Print what is missing."""
    everything = [entry for listed in reference.entries().values() for entry in listed if callable(entry.value)]
    own = {id(entry.value): entry for entry in everything}.values()
    print(f"{len(own)} things under {len(everything)} public names")
    print(f"{sum(says_nothing(e) for e in own):5} say nothing")
    print(f"{sum('>>>' not in e.doc for e in own):5} have no example")
    print(f"{sum(bool(silent_errors(e)) for e in own):5} raise errors of which the docstring says nothing")
    for entry in most_used():
        if lacks(entry):
            print(f"{entry.full}: {', '.join(lacks(entry))}")


if __name__ == "__main__":
    sys.exit(main())
