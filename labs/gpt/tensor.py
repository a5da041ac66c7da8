"""Tensor parallelism as in Megatron (Shoeybi et al. 2019): each layer of a block is divided.

A process computes some heads of attention, and a part of the feed-forward layer's width, of the
same rows as the others. What the parts come to is summed twice a block, and what reaches them in
the backward pass twice more.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from labs.gpt.team import Team, refuse_float16, summed


class Copied(torch.autograd.Function):
    """Megatron's f: each process reads the same x, so the gradient of x is the sum of theirs."""

    @staticmethod
    def forward(ctx, x):
        """x itself."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        """The sum of the gradients of all processes."""
        return summed(gradient)


class Summed(torch.autograd.Function):
    """Megatron's g: the sum of what all processes computed; so each has the sum's gradient."""

    @staticmethod
    def forward(ctx, x):
        """The sum over the processes."""
        return summed(x)

    @staticmethod
    def backward(ctx, gradient):
        """The gradient itself."""
        return gradient


class Column(nn.Module):
    """A linear layer of whose outputs each process computes a part: rows of `weight` and `bias`."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x):
        """From all inputs to this process's outputs."""
        return F.linear(Copied.apply(x), self.weight, self.bias)


class Row(Column):
    """A linear layer of whose inputs each process has a part: columns of `weight`."""

    def forward(self, x):
        """From this process's inputs to all outputs; the bias is added once, to the sum."""
        return Summed.apply(F.linear(x, self.weight)) + self.bias


CUTS = {
    "attention.query_key_value": (Column, 3),
    "attention.join": (Row, 1),
    "mlp.expand": (Column, 1),
    "mlp.contract": (Row, 1),
}
"""How tensor parallelism divides the layers of a block, and into how many groups first: a process
has its heads' queries, its heads' keys and its heads' values. A column comes before a row, so that
attention and feed-forward layer need one sum each, and one more in the backward pass.
"""


class Tensor(Team):
    """Each process computes its heads and its part of the feed-forward layer, of all rows.

    The embeddings and the norms are whole in each.
    """

    def refuse(self, shape, config, dtype):
        """Raise ValueError where heads do not divide, for Muon, and for float16."""
        if shape.heads % self.world:
            raise ValueError(
                f"heads: expected a multiple of {self.world}, one part for each process, got "
                f"{shape.heads}; start as many processes as divide them, or choose data or sharded"
            )
        if config.optimizer == "muon":
            raise ValueError(
                "optimizer: expected adamw with --parallel tensor, got muon, which needs whole "
                "matrices; choose adamw, or data or sharded"
            )
        refuse_float16(dtype, "tensor")

    def lay_out(self, model, device):
        """Put this process's part in the place of each layer that is divided."""
        for block in model.blocks:
            block.attention.heads //= self.world
            for path, (kind, _) in CUTS.items():
                whole = block.get_submodule(path).state_dict()
                own = {name: self.own(f"{path}.{name}", tensor) for name, tensor in whole.items()}
                block.set_submodule(path, kind(**own))
        return model.to(device)

    def clip(self, model, most):
        """By the norm of the whole gradient: squares of what is divided are summed."""
        divided, others = [], []
        for name, parameter in model.named_parameters():
            (others if _cut(name) is None else divided).append(parameter.grad)
        squares = summed(torch.nn.utils.get_total_norm(divided) ** 2)
        norm = (squares + torch.nn.utils.get_total_norm(others) ** 2).sqrt()
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), most, norm)

    def whole(self, name, part):
        """All of a tensor: the parts of all processes, side by side within each group."""
        if _cut(name) is None:
            return part
        dim, groups = _cut(name)
        parts = [torch.empty_like(part) for _ in range(self.world)]
        dist.all_gather(parts, part.contiguous())
        grouped = torch.stack([part.unflatten(dim, (groups, -1)) for part in parts], dim + 1)
        return grouped.flatten(dim, dim + 2)

    def own(self, name, whole):
        """This process's part of each group."""
        if _cut(name) is None:
            return whole
        dim, groups = _cut(name)
        parts = whole.unflatten(dim, (groups, self.world, -1))
        return parts.select(dim + 1, self.rank).flatten(dim, dim + 1).contiguous()


def _cut(name):
    """The dimension along which a parameter is divided, and in how many groups; None if whole."""
    path, _, kind = name.rpartition(".")
    for end, (layer, groups) in CUTS.items():
        if path.endswith(end):
            return (0, groups) if layer is Column else (1, groups) if kind == "weight" else None
    return None
