"""Where we differ from PyTorch on its own samples, and mean to: each with its reason."""

from __future__ import annotations

# operators of the database whose name we use for something else, or only in part; they are not compared
LEFT_OUT: dict[str, str] = {"broadcast_shapes": "gives a shape, which is compared in test_out"}

_ORDER_OF_EQUALS = (
    "result 1",
    "which of several equal elements comes first is left open by PyTorch; ours is always the first (stable)",
)
_DRAWN = ("requires_grad", "random draws are constants here; PyTorch records them with a gradient of zeros")
_NUMBERS = (
    "PyTorch raises Exception: ''",
    "numbers are accepted beside tensors, as rules call the same functions on arrays and numbers",
)
_ADDED = "sums of products between -81 and 81, in float32: they are added up in another order"
_OTHER_TRIANGLE = "PyTorch gives the triangle that is not read a gradient, too; ours is zero there"

# operator ("*": all of them) -> (part of the failure's text, why this difference is meant)
KNOWN: dict[str, list[tuple[str, str]]] = {
    "*": [_NUMBERS, ("keeps its shape", "a tensor on the tape does not change its shape in place: views hold on to it")],
    "index_fill": [("gradient 1 of ()", "PyTorch counts an index that comes twice twice; the element holds the value once")],
    "topk": [_ORDER_OF_EQUALS],
    "sort": [_ORDER_OF_EQUALS],
    "argsort": [("8000", _ORDER_OF_EQUALS[1])],
    "matrix_exp": [("float32", "the two scale and square differently, which shows in the fifth digit")],
    "kthvalue": [_ORDER_OF_EQUALS],
    "mode": [_ORDER_OF_EQUALS],
    "logcumsumexp": [("gradient 0", "PyTorch adds up gradients as logarithms of their sizes, which loses small ones")],
    "polygamma": [("412.7", "PyTorch computes in float32; ours is rounded from float64")],
    "special.polygamma": [("412.7", "PyTorch computes in float32; ours is rounded from float64")],
    "bernoulli": [_DRAWN],
    "normal": [_DRAWN],
    "nn.functional.ctc_loss": [
        ("gradient 0", "PyTorch's is that of the logits before log_softmax (its issue 67462); ours is that of log_probs")
    ],
    "nn.functional.multi_head_attention_forward": [("result 0", "the sample drops weights at random")],
    "nn.functional.interpolate": [("expected np.uint8", "PyTorch interpolates bytes with weights rounded to 16 bits")],
    "nn.functional.conv3d": [("1 of 1320 values", _ADDED)],  # by NumPy's kernels, not by compiled ones
    "nn.functional.conv_transpose3d": [("2 of 2744 values", _ADDED)],
    "nn.functional.local_response_norm": [("int64", "of whole numbers, PyTorch rounds the neighbours' mean down")],
    "cholesky_inverse": [("gradient 0", _OTHER_TRIANGLE)],
    "cholesky_solve": [("gradient 1", _OTHER_TRIANGLE)],
    "linalg.norm": [("expected np.float64(nan)", "where a norm is 0 we take its derivative to be 0, and the second one too")],
    "sum_to_size": [("expected torch.int64", "a shape that is there already gives the tensor itself, 0-d as others")],
}
