"""The networks that the chapters train."""

import torch
from torch import nn

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU}


def mlp(sizes, activation="tanh"):
    """A multi-layer perceptron: linear layers of the given `sizes`, with `activation` between them.

    >>> mlp([2, 32, 32, 1])     # 2 inputs, two hidden layers of 32, 1 output: 1,185 parameters
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {activation!r}")
    if len(sizes) < 2:
        raise ValueError(
            f"sizes must give at least inputs and outputs, such as [2, 32, 1], got {list(sizes)}"
        )
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def layer_sizes(inputs, width, depth, outputs):
    """The sizes that `mlp` takes for `depth` hidden layers of `width` units.

    >>> layer_sizes(2, 32, 2, 1)    # [2, 32, 32, 1]
    """
    for name, value in (("width", width), ("depth", depth)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{name} must be a whole number of at least 1, got {value!r}; give 1 or more"
            )
    return [inputs, *[width] * depth, outputs]


class Valley(nn.Module):
    """A quadratic loss as a model.

    Its parameters are theta, its output is `sum(curvatures * theta²) / 2` for every sample. Its
    Hessian is diagonal with the `curvatures` as eigenvalues, so all that theory says of it can be
    checked.
    """

    def __init__(self, curvatures):
        super().__init__()
        self.theta = nn.Parameter(torch.ones(len(curvatures)))
        self.register_buffer("curvatures", torch.tensor(curvatures))

    def forward(self, x_BD):
        return (self.curvatures * self.theta**2).sum().div(2).expand(len(x_BD))
