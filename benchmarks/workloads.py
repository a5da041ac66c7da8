"""What the contenders train: networks, data, settings and steps."""

import dataclasses
from collections.abc import Callable

import torch
from torch import nn

import labs

UNCORRECTED = "adam uncorrected"  # has no peer in torch.optim


class Block(nn.Module):
    """A pre-norm transformer block.

    `heads` attention heads over tokens (B, T, width), then two linear layers.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        h = self.norm1(x)
        q, k, v = (
            part(h).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for part in (self.query, self.key, self.value)
        )
        weight = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1)
        x = x + self.out((weight @ v).transpose(-3, -2).flatten(-2))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Two blocks over the eight rows of a digit, and the mean of their outputs."""

    def __init__(self, width=64, heads=4):
        super().__init__()
        self.embed, self.position = nn.Linear(8, width), nn.Parameter(torch.zeros(8, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(2))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        h = self.embed(x.unflatten(-1, (8, 8))) + self.position
        for block in self.blocks:
            h = block(h)
        return self.head(h.mean(-2))


def transformer_task():
    """The digits, read by the transformer.

    They are so few that measuring all of them takes less than training.
    """
    task = labs.tasks.digits()
    few = labs.data.Data(
        task.data.train_x[:64], task.data.train_y[:64], task.data.val_x[:32], task.data.val_y[:32]
    )
    return dataclasses.replace(task, name="digits, transformer", make_model=Transformer, data=few)


@dataclasses.dataclass(frozen=True)
class Workload:
    """`grid` trained for `steps` on the task.

    A loop that trains one run at a time trains every `sample`-th only: its cost per run does not
    depend on how many there are.
    """

    title: str
    make_task: Callable
    grid: labs.Grid
    steps: int
    sample: int

    @property
    def count(self):
        """The number of runs."""
        return len(self.grid.settings())


def rates(count, low=1e-3, high=1e-2):
    """So many different learning rates at which every run trains."""
    return [low * (high / low) ** (i / count) for i in range(count)]


def adam(runs, batch_size=32):
    """`runs` settings of Adam: learning rates and four seeds."""
    return labs.Grid(
        optimizer="adam", learning_rate=rates(runs // 4), batch_size=batch_size, seed=[0, 1, 2, 3]
    )


def workloads():
    """The workloads by name."""
    mixed = labs.Grid(
        optimizer=[rule for rule in labs.optimizers.RULES if rule != UNCORRECTED],
        learning_rate=rates(16, 1e-4, 1e-2),
        batch_size=[16, 32, 64, 128],
        seed=[0, 1, 2, 3],
    )
    return {
        "spirals-256": Workload(
            "256 runs of 2-32-32-1, batch 32, Adam", labs.tasks.spirals, adam(256), 1000, 128
        ),
        "spirals-4096": Workload(
            "4,096 runs of 2-32-32-1, batch 32, Adam", labs.tasks.spirals, adam(4096), 200, 1024
        ),
        "mixed": Workload(
            "2,048 runs of 2-32-32-1: 8 optimizers, batch 16 to 128",
            labs.tasks.spirals,
            mixed,
            200,
            31,
        ),
        "digits-32": Workload(
            "256 runs of 64-64-10, batch 32, Adam", labs.tasks.digits, adam(256), 500, 128
        ),
        "digits-128": Workload(
            "256 runs of 64-64-10, batch 128, Adam", labs.tasks.digits, adam(256, 128), 250, 128
        ),
        "transformer": Workload(
            "64 runs of a transformer, 2 layers of width 64, batch 32, Adam",
            transformer_task,
            adam(64),
            50,
            32,
        ),
    }
