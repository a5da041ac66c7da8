"""A linear layer that keeps every core busy when there are few rows, as when a model writes.

Shapes: `R` rows, `K` numbers in, `N` numbers out.

One token at a time, each weight is read once and used once: how fast memory delivers the weights
is how fast the model writes. PyTorch's product of one row with a float32 matrix took as long with
two threads as with one, on the processor that it was measured on: one core fetched all of it. So a
large weight is cut into as many pieces as there are threads, and the pieces are multiplied as a
batch; on two cores GPT-2 small wrote 1.4 times as fast. Training, compiled models, other types and
other devices are left as they are.
"""

import torch
import torch.nn.functional as F
from torch import nn

MOST_ROWS = 8  # with more, it depends on the shape whether pieces are faster
LEAST_WEIGHTS = 300_000  # with fewer, handing the pieces out takes longer than it saves


class Linear(nn.Linear):
    """`torch.nn.Linear`, computed by `linear`."""

    def forward(self, x):
        """(..., K) to (..., N)."""
        return linear(x, self.weight, self.bias)


def linear(x, weight_NK, bias_N=None):
    """What `torch.nn.functional.linear` computes, (..., N), but for rounding."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or not _pays(x, weight_NK):
        return F.linear(x, weight_NK, bias_N)
    threads = torch.get_num_threads()
    x_RK, each = x.reshape(-1, x.shape[-1]), len(weight_NK) // threads
    pieces = weight_NK[: each * threads].view(threads, each, -1)
    y_RN = torch.bmm(x_RK.expand(threads, -1, -1), pieces.mT).transpose(0, 1).flatten(1)
    if each * threads < len(weight_NK):  # what is left when the pieces are equally large
        y_RN = torch.cat([y_RN, F.linear(x_RK, weight_NK[each * threads :])], 1)
    return (y_RN if bias_N is None else y_RN + bias_N).view(*x.shape[:-1], -1)


def _pays(x, weight_NK):
    few, large = x.numel() <= MOST_ROWS * x.shape[-1], weight_NK.numel() >= LEAST_WEIGHTS
    here = weight_NK.device.type == "cpu" and weight_NK.dtype == torch.float32
    return large and few and here and torch.get_num_threads() > 1
