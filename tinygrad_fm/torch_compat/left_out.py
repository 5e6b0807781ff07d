"""What of PyTorch is left out, and what those who reach for it are told.

Every message names the page of differences. ``hasattr(torch, "jit")`` is False as one expects, because the error is an
``AttributeError``; an ``import`` of something left out is an ``ImportError``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import LeftOutError

PAGE = "docs/pytorch.md"

# what is left out, by kind; names as code reaches for them, wherever they stand in PyTorch
LEFT_OUT = {
    "other devices than the CPU": "Stream Event accelerator mps mtia xpu xla ipu hip vulkan pin_memory_device",
    "compilation and export": "compiler jit fx export package library _dynamo _inductor torch_compile",
    "further probability distributions": """Beta Binomial Cauchy Chi2 ContinuousBernoulli Dirichlet ExponentialFamily
        FisherSnedecor Gamma GeneralizedPareto Geometric Gumbel HalfCauchy HalfNormal InverseGamma Kumaraswamy LKJCholesky
        LogNormal LogisticNormal LowRankMultivariateNormal MixtureSameFamily NegativeBinomial Pareto RelaxedBernoulli
        RelaxedOneHotCategorical StudentT Poisson VonMises Weibull Wishart TransformedDistribution biject_to transform_to
        transforms AffineTransform ExpTransform SigmoidTransform TanhTransform""",
    "sparse tensors": """sparse sparse_coo_tensor sparse_csr_tensor to_sparse to_dense coalesce to_sparse_csr sparse_coo
        sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor sparse_compressed_tensor sparse_csr sparse_csc
        sparse_bsr sparse_bsc to_sparse_coo to_sparse_csc to_sparse_bsr to_sparse_bsc sparse_dim dense_dim sparse_mask
        sparse_resize_ sparse_resize_and_clear_ resize_as_sparse_ is_coalesced is_sparse_csr indices values crow_indices
        col_indices ccol_indices row_indices smm sspaddmm hsmm hspmm saddmm spmm dsmm nested is_nested to_padded_tensor
        masked jagged""",
    "complex numbers and Fourier transforms": """complex complex32 complex64 complex128 cfloat cdouble chalf fft stft
        istft view_as_complex view_as_real polar real imag conj angle resolve_conj resolve_neg conj_physical
        conj_physical_ is_conj is_neg bartlett_window blackman_window hamming_window hann_window kaiser_window signal
        windows""",
    "bfloat16 and types of eight bits": "bfloat16 BFloat16Tensor float8_e4m3fn float8_e5m2 uint16 uint32 uint64",
    "quantisation": """ao quantization quantized quantize_per_tensor quantize_per_channel qint8 quint8 qint32 dequantize
        qat intrinsic quantizable int_repr q_scale q_zero_point q_per_channel_axis q_per_channel_scales
        q_per_channel_zero_points qscheme fake_quantize_per_tensor_affine fake_quantize_per_channel_affine""",
    "processes that share memory or call one another": """multiprocessing futures share_memory rpc fsdp
        DeviceMesh init_device_mesh reduce_scatter reduce_scatter_tensor all_to_all all_to_all_single
        monitored_barrier gather_object scatter_object_list send_object_list recv_object_list TCPStore FileStore HashStore""",
    "further matrix decompositions": """eig eigvals lu lu_factor lu_factor_ex lu_solve lu_unpack ldl_factor ldl_factor_ex
        ldl_solve geqrf householder_product orgqr ormqr lobpcg svd_lowrank pca_lowrank nuclear_norm symeig lstsq
        matrix_rank solve""",
    "layers that models seldom have": """AdaptiveLogSoftmaxWithLoss CrossMapLRN2d FractionalMaxPool2d
        fractional_max_pool2d FractionalMaxPool3d fractional_max_pool3d LinearCrossEntropyLoss linear_cross_entropy
        NLLLoss2d Container""",
    "pruning, and parametrisations of every kind": "prune parametrize parametrizations stateless",
    "memory by hand": """as_strided as_strided_ as_strided_copy as_strided_scatter empty_strided new_empty_strided
        empty_permuted storage untyped_storage storage_type set_ is_set_to UntypedStorage TypedStorage const_data_ptr
        dim_order from_file slice_inverse""",
    "functions that models seldom call": """gradient histogramdd segment_reduce constant_pad_nd nonzero_static hash_tensor
        cond while_loop range norm_except_dim frobenius_norm cauchy_ geometric_ log_normal_ fill_diagonal_ apply_ map_
        map2_ resize resize_as reinforce volatile index narrow_copy unsafe_chunk unsafe_split unsafe_split_with_sizes
        as_subclass module_load grouped_mm scaled_mm scaled_grouped_mm conv_tbc dropout_ alpha_dropout_
        feature_alpha_dropout_ feature_dropout feature_dropout_ embedding_renorm_""",
    "special functions without derivatives": """airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 modified_bessel_i0
        modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1
        spherical_bessel_j0 chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
        hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p
        shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
        shifted_chebyshev_polynomial_w""",
    "an optimizer of sparse gradients": "SparseAdam",
    "models and logs from elsewhere": "hub tensorboard",
    "the rest of torchvision": """FiveCrop TenCrop RandomPerspective RandAugment AutoAugment
        TrivialAugmentWide AugMix RandomAutocontrast RandomEqualize RandomPosterize RandomSolarize RandomAdjustSharpness
        ElasticTransform LinearTransformation MixUp CutMix CIFAR100 SVHN STL10 FakeData CocoDetection CocoCaptions
        VOCDetection VOCSegmentation ImageNet CelebA Omniglot QMNIST USPS Caltech101 Caltech256 Flowers102 OxfordIIITPet
        LSUN Food101 GTSRB EuroSAT Places365""",
}
# what to do instead, by kind; the messages say it
INSTEAD = {
    "other devices than the CPU": "everything runs on the CPU: leave it out",
    "compilation and export": (
        "torch.compile replays models for inference, torch.onnx.export writes them as ONNX, torch.save their weights"
    ),
    "further probability distributions": "Normal, Categorical, Bernoulli, Uniform, Exponential and Laplace are there",
    "sparse tensors": "use dense ones, indexing, index_add and scatter_add",
    "complex numbers and Fourier transforms": "keep real and imaginary parts in two tensors; numpy.fft transforms arrays",
    "bfloat16 and types of eight bits": "use float32, or float16 to save memory",
    "quantisation": "weights are float32, float16 or float64",
    "processes that share memory or call one another": (
        "threads share the work of one process, torch.distributed that of several: docs/scaling.md"
    ),
    "further matrix decompositions": "torch.linalg has solve, lstsq, inv, det, matrix_rank, cholesky, qr, svd and eigh",
    "layers that models seldom have": "LocalResponseNorm, MaxPool2d, CrossEntropyLoss and Sequential are near",
    "pruning, and parametrisations of every kind": "nn.utils has weight_norm and spectral_norm; torch.func.functional_call",
    "memory by hand": "view, reshape, permute, unfold and indexing say which elements are meant; copy_ writes them",
    "functions that models seldom call": "compose it of others: diff, histc, scatter_reduce, F.pad, nn.EmbeddingBag",
    "special functions without derivatives": "scipy.special has them, for tensor.numpy()",
    "an optimizer of sparse gradients": "gradients are dense here, those of nn.Embedding too: use optim.Adam",
    "models and logs from elsewhere": "weights of PyTorch load by load_state_dict; training writes metrics.jsonl",
    "the rest of torchvision": (
        "vision.transforms.Lambda takes any function of an image; ImageFolder, or a Dataset of your own, reads other pictures"
    ),
}
REASONS = {name: kind for kind, names in LEFT_OUT.items() for name in names.split()}
_ROOT = __name__.partition(".")[0]


def message(name: str, where: str) -> str:
    """What is said to code that looks for ``name`` in ``where``."""
    kind = REASONS.get(name)
    if kind is None:
        return f"'{where}' has no '{name}'; dir() lists what there is, and {PAGE} has it as a table"
    return f"'{where}.{name}' is left out of this framework ({kind}): {INSTEAD[kind]}; see {PAGE}"


def refuse(where: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of the module called ``where``: what is missing is named by an error that says where to look."""

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module '{where}' has no attribute '{name}'")
        raise LeftOutError(message(name, where))

    return __getattr__


class _Finder:
    """The last to be asked for a module of ours: an import of one that is left out fails with the page's name."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        """Raise ImportError for a module or name of this framework that is left out on purpose; otherwise find nothing."""
        root, _, rest = name.partition(".")
        last = rest.rpartition(".")[2]
        if root == _ROOT and last in REASONS:
            raise ImportError(message(last, name.rpartition(".")[0]), name=name)


def tell_importers() -> None:
    """Have ``from tinygrad_fm.nn import AdaptiveLogSoftmaxWithLoss`` and ``import tinygrad_fm.jit`` say why they fail."""
    if not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.append(_Finder)


# Tensor's methods that are left out
_TENSOR_METHODS = """angle apply_ as_strided as_strided_ as_strided_scatter as_subclass bfloat16 cauchy_ ccol_indices cdouble
    cfloat chalf coalesce col_indices conj conj_physical conj_physical_ const_data_ptr crow_indices dense_dim dequantize
    dim_order eig fill_diagonal_ geometric_ geqrf hash_tensor imag index indices int_repr ipu is_coalesced is_conj is_neg
    is_nested is_set_to is_sparse_csr istft log_normal_ lstsq lu lu_solve map2_ map_ module_load mtia narrow_copy
    new_empty_strided nonzero_static orgqr ormqr q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale
    q_zero_point qscheme real reinforce resize resize_as resize_as_sparse_ resolve_conj resolve_neg row_indices set_
    slice_inverse smm solve sparse_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ sspaddmm stft storage storage_type
    symeig to_dense to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr
    unsafe_chunk unsafe_split unsafe_split_with_sizes untyped_storage values volatile xpu"""
TENSOR_METHODS = frozenset(_TENSOR_METHODS.split())


class LeftOutMethod:
    """Stands for a method that is left out: reaching for it says so.

    A ``__getattr__`` would serve as well, but the class that has one finds every attribute of its objects the slow way:
    operations on tiny tensors took 5 % longer.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, tensor: Any, kind: Any = None) -> Any:
        raise LeftOutError(message(self.name, "Tensor"))
