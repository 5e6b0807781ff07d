"""Where things are: what someone who comes from PyTorch looks for is in the file that they would open first.

Each row is a name as PyTorch's reference or a user's question has it, the file that defines it, and the name it has there if
that is another.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import tinygrad_fm

ROOT = Path(tinygrad_fm.__file__).parent

PLACES = """
    add                     ops/elementwise.py
    pow                     ops/elementwise.py
    exp                     ops/elementwise.py
    sigmoid                 ops/elementwise.py
    where                   ops/elementwise.py
    clamp                   ops/clamp.py
    maximum                 ops/elementwise.py
    lerp                    ops/elementwise.py
    floor                   ops/division_rounding.py
    remainder               ops/division_rounding.py
    isnan                   ops/comparison.py
    isclose                 ops/comparison.py
    logical_and             ops/comparison.py
    erf                     ops/special.py
    logit                   ops/special.py
    clone                   ops/copy.py
    contiguous              ops/copy.py
    reshape                 ops/shape.py
    squeeze                 ops/shape.py
    permute                 ops/shape.py
    movedim                 ops/shape.py
    expand                  ops/shape.py
    broadcast_tensors       ops/shape.py
    getitem                 ops/indexing.py
    index_select            ops/indexing.py
    masked_fill             ops/indexing.py
    nonzero                 ops/indexing.py
    take                    ops/indexing.py
    cat                     ops/join_split.py
    stack                   ops/join_split.py
    split                   ops/join_split.py
    chunk                   ops/join_split.py
    gather                  ops/gather_scatter.py
    scatter_add             ops/gather_scatter.py
    sort                    ops/sorting.py
    topk                    ops/sorting.py
    searchsorted            ops/sorting.py
    unique                  ops/counting.py
    bincount                ops/counting.py
    count_nonzero           ops/counting.py
    diff                    ops/cumulative.py
    pixel_shuffle           ops/pixel_shuffle.py
    cov                     ops/covariance.py
    frexp                   ops/mantissa_exponent.py
    promote_types           promotion.py
    flip                    ops/rearrange.py
    roll                    ops/rearrange.py
    repeat_interleave       ops/rearrange.py
    tril                    ops/diagonal.py
    diagonal                ops/diagonal.py
    sum                     ops/reduction.py
    var                     ops/reduction.py
    prod                    ops/reduction.py
    norm                    ops/norms.py
    matrix_norm             ops/norms.py
    cond                    ops/norms.py
    svd                     ops/decompositions.py
    qr                      ops/decompositions.py
    eigh                    ops/decompositions.py
    cholesky                ops/decompositions.py
    inv                     ops/inverses.py
    pinv                    ops/inverses.py
    solve                   ops/solvers.py
    lstsq                   ops/solvers.py
    det                     ops/determinants.py
    solve_triangular        ops/triangular_solve.py
    logsumexp               ops/reduction.py
    any                     ops/reduction.py
    max                     ops/max_min.py
    amax                    ops/max_min.py
    median                  ops/max_min.py
    quantile                ops/max_min.py
    cumsum                  ops/cumulative.py
    arange                  ops/creation.py
    meshgrid                ops/creation.py
    randn                   ops/sampling.py
    multinomial             ops/sampling.py
    matmul                  ops/matmul.py
    linear                  ops/matmul.py
    einsum                  ops/einsum.py
    relu                    ops/activation.py
    gelu                    ops/activation.py
    softmax                 ops/softmax.py
    dropout                 ops/dropout.py
    batch_norm              ops/normalization.py
    layer_norm              ops/normalization.py
    group_norm              ops/group_norm.py
    instance_norm           ops/group_norm.py
    scaled_dot_product_attention  ops/attention.py
    embedding               ops/embedding.py
    one_hot                 ops/embedding.py
    cosine_similarity       ops/distance.py
    cdist                   ops/distance.py
    mse_loss                ops/loss.py
    cross_entropy           ops/cross_entropy.py
    nll_loss                ops/cross_entropy.py
    ctc_loss                ops/ctc.py
    lstm                    ops/rnn.py
    gru_cell                ops/rnn.py
    pad                     ops/padding.py
    conv2d                  ops/conv.py
    conv3d                  ops/conv.py
    max_pool3d              ops/pooling3d.py
    grid_sample             ops/grid_sample.py
    Categorical             distributions/categorical.py
    kl_divergence           distributions/kl.py
    rsample                 distributions/distribution.py
    positive_definite       distributions/constraints.py
    affine_grid             ops/grid_sample.py
    Conv3d                  nn/modules/conv.py
    MaxPool3d               nn/modules/pooling.py
    max_pool2d              ops/pooling.py
    adaptive_avg_pool2d     ops/adaptive_pooling.py
    interpolate             ops/interpolate.py
    unfold                  ops/fold.py
    Tensor                  _tensor.py
    Generator               random.py
    save                    serialization.py
    load                    serialization.py
    load_file               safetensors.py
    safe_open               safetensors.py
    vjp                     func/eager_transforms.py
    jacfwd                  func/eager_transforms.py
    vmap                    func/apis.py
    functional_call         func/stateless.py
    jacobian                autograd/functional.py
    make_dual               autograd/forward_ad.py
    device                  devices.py
    no_grad                 autograd/modes.py
    Function                autograd/function.py
    detect_anomaly          autograd/anomaly.py
    sum_to                  autograd/broadcast.py
    TensorBase              autograd/box.py
    primitive               autograd/primitives.py
    backward                autograd/backward_pass.py
    accumulate_grad         autograd/accumulate_grad.py
    gradcheck               autograd/gradcheck.py
    Module                  nn/modules/module.py
    Bilinear                nn/modules/linear.py
    GroupNorm               nn/modules/normalization.py
    BatchNorm2d             nn/modules/batchnorm.py
    SyncBatchNorm           nn/modules/batchnorm.py
    DistributedDataParallel nn/parallel/distributed.py
    Upsample                nn/modules/upsampling.py
    PixelShuffle            nn/modules/pixelshuffle.py
    MultiheadAttention      nn/modules/activation.py
    LSTM                    nn/modules/rnn.py
    GRUCell                 nn/modules/rnn.py
    PackedSequence          nn/utils/rnn.py
    pad_sequence            nn/utils/rnn.py
    Parameter               nn/parameter.py
    UninitializedParameter  nn/parameter.py
    LazyModuleMixin         nn/modules/lazy.py
    LazyLinear              nn/modules/linear.py
    LazyConv2d              nn/modules/conv.py
    kaiming_normal_         nn/init.py
    clip_grad_norm_         nn/utils/clip_grad.py
    AdamW                   optim/adam.py
    Adadelta                optim/adadelta.py
    Adafactor               optim/adafactor.py
    Muon                    optim/muon.py
    LBFGS                   optim/lbfgs.py
    Rprop                   optim/rprop.py
    StepLR                  optim/lr_scheduler/step.py
    OneCycleLR              optim/lr_scheduler/cyclic.py
    CosineAnnealingLR       optim/lr_scheduler/cosine.py
    AveragedModel           optim/swa_utils.py
    DataLoader              data/loader.py
    get_worker_info         data/worker.py
    DistributedSampler      data/distributed.py
    init_process_group      distributed/process_group.py
    new_group               distributed/process_group.py
    all_reduce              distributed/collectives.py
    send                    distributed/collectives.py
    broadcast_object_list   distributed/objects.py
    RandomCrop              vision/transforms/transforms.py
    KMNIST                  vision/datasets/mnist.py
    CIFAR10                 vision/datasets/cifar.py
    ImageFolder             vision/datasets/folder.py
    hflip                   vision/transforms/functional.py
    random_split            data/dataset.py
    FashionMNIST            data/fashion_mnist.py
    Normalize               data/transforms.py
    RandomErasing           data/augment.py
    EarlyStopping           training/early_stopping.py
    ModelCheckpoint         training/checkpoint.py
    load_checkpoint         training/checkpoint.py
    Trainer                 training/trainer.py
    confusion_matrix        training/metrics.py
    draw                    viz/drawing.py
    summary                 viz/model_summary.py
    saliency                viz/attribution.py
    grad_cam                viz/attribution.py
    tree_map                _pytree.py
    export                  onnx/exporter.py
    compile                 compiling.py
    OptimizedModule         compiling.py
    Replayer                replay.py
    Tracer                  tracing.py
    OnnxModel               onnx/importer.py
    tune_allocator          runtime/memory.py
    set_num_threads         runtime/threads.py
"""
ROWS = [tuple(line.split()) for line in PLACES.strip().splitlines()]


def defined(path: Path) -> set[str]:
    """The names that a file defines at its top level, or as a method of a class there."""
    names: set[str] = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
            names.update(inner.name for inner in ast.walk(statement) if isinstance(inner, ast.FunctionDef))
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names.update(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
    return names


@pytest.mark.parametrize(("name", "file"), ROWS, ids=[row[0] for row in ROWS])
def test_it_is_in_the_file_where_one_looks_first(name: str, file: str) -> None:
    assert name in defined(ROOT / file)


def test_there_are_a_hundred_rows() -> None:
    assert len({name for name, _ in ROWS}) == len(ROWS) >= 100


# PyTorch has these as modules and as functions of the same name, and it is the function that people call
AS_IN_PYTORCH = {"autograd.gradcheck", "nn.utils.weight_norm", "nn.utils.spectral_norm"}


def test_no_module_is_hidden_by_a_function_of_its_name() -> None:
    hidden = set()
    for info in pkgutil.walk_packages(tinygrad_fm.__path__, "tinygrad_fm."):
        if info.name.endswith("__main__"):
            continue
        package, _, name = info.name.rpartition(".")
        module = importlib.import_module(info.name)
        if getattr(importlib.import_module(package), name) is not module:
            hidden.add(info.name.removeprefix("tinygrad_fm."))
    assert hidden <= AS_IN_PYTORCH
