"""PyTorch's ``torch.linalg``: norms, decompositions, equations, inverses, determinants. Batches are in the leading dimensions.

https://pytorch.org/docs/stable/linalg.html
"""

from .autograd.keywords import with_out
from .errors import LinAlgError
from .ops import decompositions, determinants, inverses, matrix_functions, norms, solvers, triangular_solve
from .ops.matmul import matmul as _matmul
from .torch_compat.left_out import refuse

cholesky = with_out(decompositions.linalg_cholesky)
cholesky_ex = with_out(decompositions.cholesky_ex)
cond = with_out(norms.cond)
cross = with_out(matrix_functions.linalg_cross)
det = with_out(determinants.linalg_det)
diagonal = matrix_functions.linalg_diagonal
eigh = with_out(decompositions.eigh)
eigvalsh = with_out(decompositions.eigvalsh)
inv = with_out(inverses.inv)
inv_ex = with_out(inverses.inv_ex)
lstsq = with_out(solvers.lstsq)
matmul = with_out(_matmul)
matrix_exp = matrix_functions.matrix_exp
matrix_norm = with_out(norms.matrix_norm)
matrix_power = with_out(matrix_functions.matrix_power)
matrix_rank = with_out(norms.matrix_rank)
multi_dot = with_out(matrix_functions.multi_dot)
norm = with_out(norms.linalg_norm)
pinv = with_out(inverses.pinv)
qr = with_out(decompositions.linalg_qr)
slogdet = with_out(determinants.linalg_slogdet)
solve = with_out(solvers.solve)
solve_ex = with_out(solvers.solve_ex)
solve_triangular = with_out(triangular_solve.solve_triangular)
svd = with_out(decompositions.linalg_svd)
svdvals = with_out(decompositions.svdvals)
tensorinv = with_out(inverses.tensorinv)
tensorsolve = with_out(solvers.tensorsolve)
vander = matrix_functions.linalg_vander
vecdot = with_out(matrix_functions.vecdot)
vector_norm = with_out(norms.vector_norm)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
__getattr__ = refuse("torch.linalg")
