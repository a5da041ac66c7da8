"""Make a model smaller, and measure what that costs: `costs` gives score, bytes and milliseconds.

`prune` makes the smallest weights zero, `narrow` takes whole units out, `quantize` leaves fewer
bits for each weight, and `distilled` is the task to learn from a larger model. All return copies.
"""

from labs.compress.bits import (
    FewBitsLinear,
    Int8Linear,
    int8_,
    large_columns,
    quantize,
    quantize_,
    quantized,
)
from labs.compress.costs import Costs, costs, file_bytes
from labs.compress.distillation import distillation_loss, distilled
from labs.compress.pruning import (
    SparseLinear,
    fixed,
    narrow,
    prune,
    sparse,
)

__all__ = [
    "Costs",
    "FewBitsLinear",
    "Int8Linear",
    "SparseLinear",
    "costs",
    "distillation_loss",
    "distilled",
    "file_bytes",
    "fixed",
    "int8_",
    "large_columns",
    "narrow",
    "prune",
    "quantize",
    "quantize_",
    "quantized",
    "sparse",
]
