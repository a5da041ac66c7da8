"""The networks that the chapters train.

Shapes: `B` batch, `T` tokens, `D` width.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

ACTIVATIONS = {
    "linear": nn.Identity,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
}
"""What can stand between the layers of `mlp`; "linear" is nothing at all."""


def mlp(sizes, activation="tanh", dropout=0.0, gain=None):
    """A multi-layer perceptron: linear layers of the given `sizes`, with `activation` between them.

    `dropout`: the share of hidden units that is set to zero at each training step (Srivastava et
    al. 2014). `gain`: where it is given, weights start with a standard deviation of gain /
    sqrt(inputs of the layer), and biases at zero; else they start as PyTorch has it. Raises
    ValueError for an unknown activation, fewer than two sizes, a dropout outside of [0, 1), and a
    gain that is not positive.

    >>> mlp([2, 32, 32, 1])     # 2 inputs, two hidden layers of 32, 1 output: 1,185 parameters
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {sorted(ACTIVATIONS)}, got {activation!r}; choose one of "
            "these"
        )
    if len(sizes) < 2:
        raise ValueError(
            f"sizes must give at least inputs and outputs, such as [2, 32, 1], got {list(sizes)}"
        )
    if not 0 <= dropout < 1:
        raise ValueError(
            f"dropout must be from 0 up to, but not, 1, got {dropout!r}; with 1 nothing would be "
            "left to learn from"
        )
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [_linear(inputs, outputs, gain), ACTIVATIONS[activation]()]
        layers += [nn.Dropout(dropout)] * (dropout > 0)
    return nn.Sequential(*layers[: -2 if dropout else -1])


def _linear(inputs, outputs, gain):
    layer = nn.Linear(inputs, outputs)
    if gain is not None:
        if not gain > 0:
            raise ValueError(f"gain must be positive, got {gain!r}; 1 keeps a linear signal's size")
        nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
        nn.init.zeros_(layer.bias)
    return layer


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


def maker(inputs, outputs, width, depth, **options):
    """A function that makes such an `mlp`, to which `options` go."""
    sizes = layer_sizes(inputs, width, depth, outputs)
    return tried(partial(mlp, sizes, **options))


def tried(make_model):
    """`make_model`, called once before: what it cannot make is refused at once."""
    with torch.random.fork_rng(devices=[]):
        make_model()
    return make_model


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


class Rosenbrock(nn.Module):
    """Rosenbrock's banana-shaped valley (1960) as a model, whose output is the loss.

    `(1 - x)² + 100 (y - x²)²` for every sample. It starts at (-1.2, 1), as in his paper; the lowest
    point is (1, 1).
    """

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([-1.2, 1.0]))

    def forward(self, x_BD):
        return rosenbrock(self.theta).expand(len(x_BD))


def rosenbrock(theta):
    """Rosenbrock's function of the last dimension of theta (..., 2)."""
    x, y = theta[..., 0], theta[..., 1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


class LinearModel(nn.Module):
    """Outputs (B,) are weighted sums of the inputs (B, D), without a bias.

    The weights start at `start` (D,), whatever the seed: so paths can be compared.
    """

    def __init__(self, start):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(start, dtype=torch.float32))

    def forward(self, x_BD):
        return x_BD @ self.theta


class Transformer(nn.Module):
    """A small decoder-only transformer: tokens (B, T) to logits of the next one (B, T, vocabulary).

    `blocks` pre-norm blocks of causal attention and a feed-forward layer four times as wide
    (Vaswani et al. 2017; Radford et al. 2019), learned positions, no dropout.
    """

    def __init__(self, vocabulary, context, width=16, heads=2, blocks=1):
        super().__init__()
        if width % heads:
            raise ValueError(
                f"width must be a multiple of heads, got {width} and {heads}; choose such a pair"
            )
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(context, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens_BT):
        """The logits (B, T, vocabulary) of the token after each."""
        x_BTD = self.tokens(tokens_BT) + self.positions
        for block in self.blocks:
            x_BTD = block(x_BTD)
        return self.head(self.norm(x_BTD))


class _Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = mlp([width, 4 * width, width], "gelu")

    def forward(self, x_BTD):
        x_BTD = x_BTD + self._attention(self.before_attention(x_BTD))
        return x_BTD + self.mlp(self.before_mlp(x_BTD))

    def _attention(self, x_BTD):
        tokens = x_BTD.shape[-2]
        pieces = self.query_key_value(x_BTD).unflatten(-1, (3, self.heads, -1))
        q, k, v = (piece.transpose(-2, -3) for piece in pieces.unbind(-3))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        later = torch.ones(tokens, tokens, dtype=torch.bool, device=x_BTD.device).triu(1)
        weights = F.softmax(scores.masked_fill(later, -torch.inf), dim=-1)
        return self.join((weights @ v).transpose(-2, -3).flatten(-2))
