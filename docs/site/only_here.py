"""Names that the project has and PyTorch has not, as they would be called there; the tests beside PyTorch hold the list."""

ONLY_HERE = set(
    """torch.autograd.OpCall torch.autograd.composed torch.autograd.debug torch.autograd.fused
    torch.autograd.is_anomaly_enabled torch.autograd.is_grad_enabled torch.autograd.op_hook torch.autograd.primitive
    torch.autograd.promote torch.autograd.promote_float torch.autograd.record_places torch.autograd.same_dtype torch.draw
    torch.func.hvp torch.func.value_and_grad torch.nn.functional.flatten torch.onnx.OnnxModel torch.onnx.load
    torch.profiler.Event torch.profiler.KeyAverages torch.profiler.Profile torch.profiler.multiply_adds
    torch.scaled_dot_product_attention torch.summary torch.utils.data.CHOICES torch.utils.data.CLASSES
    torch.utils.data.Compose torch.utils.data.EpochSampler torch.utils.data.FashionMNIST torch.utils.data.ImageDataset
    torch.utils.data.Lambda torch.utils.data.Normalize torch.utils.data.NotAvailableError torch.utils.data.RandomErasing
    torch.utils.data.RandomHorizontalFlip torch.utils.data.RandomShift torch.utils.data.Splits
    torch.utils.data.SyntheticFashion torch.utils.data.ToTensor torch.utils.data.Transform torch.utils.data.WorkerInfo
    torch.utils.data.cache_folder torch.utils.data.load_splits""".split()
)
