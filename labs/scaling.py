"""The arithmetic of large runs, in plain Python: what fits, how long it takes, what it is worth.

Counts are numbers, memory is bytes (1 GB is 1e9), time is seconds; FLOPs are multiplications and
additions, and FLOP/s are dense ones: vendors also print figures twice as high, which hold for
sparse matrices. Whatever is impossible raises ValueError, with what was expected and what came.
"""

import dataclasses
import math
from typing import NamedTuple

from labs.chips import CHIPS, Chip


@dataclasses.dataclass(frozen=True)
class Shape:
    """The numbers that fix a decoder-only transformer, as far as its size depends on them.

    `vocab`: tokens. `context`: positions. `kv_heads`: heads of keys and values (Ainslie et al.
    2023), by default `heads`. `ffn`: the width inside of the feed-forward part, by default four
    times `width`; `gated`: it has a third matrix (Shazeer 2020). `tied`: the output layer is the
    embedding. `bias`: linear layers and layer norms have one. `norm`: "layer" or "rms".
    `positions`: "learned", a table, or "rotary", which has no parameters.
    """

    layers: int
    width: int
    heads: int
    vocab: int
    context: int
    kv_heads: int | None = None
    ffn: int | None = None
    tied: bool = True
    bias: bool = True
    norm: str = "layer"
    positions: str = "learned"
    gated: bool = False

    def __post_init__(self):
        for name in ("layers", "width", "heads", "vocab", "context", "kv_heads", "ffn"):
            if not (name in ("kv_heads", "ffn") and getattr(self, name) is None):
                _whole(getattr(self, name), name)
        for whole, part in (("width", "heads"), ("heads", "kv_heads")):
            many, few = getattr(self, whole), getattr(self, part) or 1
            if many % few:
                raise ValueError(f"{part} must divide {whole}, got {few} and {many}")
        _known(self.norm, "norm", ("layer", "rms"))
        _known(self.positions, "positions", ("learned", "rotary"))

    @property
    def kv_width(self):
        """The length of a token's key, of all heads together; its value has the same."""
        return self.width // self.heads * (self.kv_heads or self.heads)

    def parameters(self):
        """The number of parameters; of the published models it is exact."""
        width, ffn = self.width, self.ffn or 4 * self.width
        attention = 2 * width * width + 2 * width * self.kv_width
        feed_forward = (3 if self.gated else 2) * width * ffn
        biases = 2 * width + 2 * self.kv_width + width + (2 if self.gated else 1) * ffn
        norm = width * (2 if self.norm == "layer" and self.bias else 1)
        block = attention + feed_forward + (biases if self.bias else 0) + 2 * norm
        embeddings = self.vocab * width * (1 if self.tied else 2)
        positions = self.context * width if self.positions == "learned" else 0
        return self.layers * block + norm + embeddings + positions


def megatron_parameters(shape):
    """The number of parameters as Narayanan et al. (2021, section 5.1) count them:
    12 L h^2 (1 + 13 / (12 h) + (V + s) / (12 L h)).
    """
    layers, width = shape.layers, shape.width
    more = 13 / (12 * width) + (shape.vocab + shape.context) / (12 * layers * width)
    return 12 * layers * width**2 * (1 + more)


def training_flops(parameters, tokens):
    """FLOPs of training on `tokens`: 6 for each parameter and token (Kaplan et al. 2020, section
    2.1), two in the forward pass and four in the backward pass; attention is not counted.
    """
    return 6 * parameters * tokens


def step_flops(shape, batch, sequence, recomputation=False):
    """FLOPs of the matrix products of a step on `batch` sequences, attention and the output layer
    included: 72 B s L h^2 (1 + s / (6 h) + V / (12 L h)), for `ffn` of four times the width; with
    the blocks' forward pass done again, 96 and 16 for 72 and 12 (Narayanan et al. 2021, section 3).
    """
    tokens = _whole(batch, "batch") * _whole(sequence, "sequence")
    ffn = (3 if shape.gated else 2) * shape.width * (shape.ffn or 4 * shape.width)
    weights = 2 * shape.width**2 + 2 * shape.width * shape.kv_width + ffn
    block = 2 * weights + 4 * sequence * shape.width
    passes = 4 if recomputation else 3
    return tokens * (passes * shape.layers * block + 3 * 2 * shape.width * shape.vocab)


def zero_bytes(parameters, devices, stage):
    """Bytes a device needs for weights, gradients and the state of Adam in mixed precision, 16 for
    each parameter. What is divided among the devices (Rajbhandari et al. 2020, section 3): at
    stage 1 the state (12), at 2 the gradients too (2), at 3 the weights too (2); at 0, nothing.
    """
    _known(stage, "stage", (0, 1, 2, 3))
    shared = (0, 12, 14, 16)[stage]
    return parameters * (16 - shared + shared / _whole(devices, "devices"))


def activation_bytes(
    shape,
    batch,
    sequence,
    tensor_parallel=1,
    sequence_parallel=False,
    recomputation="none",
):
    """Bytes a device keeps for the backward pass, of all blocks, in 16 bits: `batch` sequences of
    `sequence` tokens (Korthikanti et al. 2022, table 2).

    `tensor_parallel`: so many devices share each matrix; with `sequence_parallel` also what lies
    between them. `recomputation`: "none", "selective" (attention's own part) or "full" (all of a
    block but its input).
    """
    t = _whole(tensor_parallel, "tensor_parallel")
    _known(recomputation, "recomputation", ("none", "selective", "full"))
    if shape.heads % t:
        raise ValueError(f"tensor_parallel must divide heads, got {t} and {shape.heads}")
    inputs = _whole(batch, "batch") * _whole(sequence, "sequence") * shape.width * shape.layers
    if recomputation == "full":
        return 2 * inputs
    attention = 0 if recomputation == "selective" else 5 * shape.heads * sequence / shape.width
    apart = 10 / t if sequence_parallel else 10
    return inputs * (apart + (24 + attention) / t)


def kv_cache_bytes(shape, tokens, bytes_per_value=2):
    """Bytes of the keys and values of `tokens`: two lists for each layer and token."""
    return 2 * shape.layers * shape.kv_width * tokens * bytes_per_value


def decode_seconds(
    parameters, sequences, cache_bytes_per_sequence, chip, chips=1, bytes_per_weight=2
):
    """Seconds, at the least, to write one more token of each sequence (Austin et al. 2025, How to
    scale your model, Inference): to read all caches, and then to multiply with all weights or to
    read them, whichever takes longer. `chip`: a key in CHIPS, or a Chip.
    """
    chip, chips = _chip(chip), _whole(chips, "chips")
    caches = _whole(sequences, "sequences") * cache_bytes_per_sequence
    multiply = 2 * sequences * parameters / (chips * chip.flops)
    read = bytes_per_weight * parameters / (chips * chip.bandwidth)
    return caches / (chips * chip.bandwidth) + max(multiply, read)


def mfu(parameters, tokens, seconds, chips, chip):
    """The model FLOPs utilization (Chowdhery et al. 2022, section 4.1, without attention): which
    share of the chips' dense peak `training_flops` in so many seconds come to.
    """
    peak = _whole(chips, "chips") * _chip(chip).flops
    return training_flops(parameters, tokens) / (_positive(seconds, "seconds") * peak)


def training_days(parameters, tokens, chips, flops_per_chip, recomputation=False):
    """Days of training, where each chip really does `flops_per_chip` FLOP/s; a recomputed forward
    pass adds 2 to the 6 FLOPs (Narayanan et al. 2021, section 5.1: 8 T P / (n X)).
    """
    flops = (8 if recomputation else 6) * parameters * tokens
    rate = _whole(chips, "chips") * _positive(flops_per_chip, "flops_per_chip")
    return flops / rate / 86400


class Fit(NamedTuple):
    """Loss = E + A / parameters^alpha + B / tokens^beta, in nats per token."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    source: str

    def loss(self, parameters, tokens):
        """What a model of so many parameters has after training on so many tokens."""
        return self.E + self.A / parameters**self.alpha + self.B / tokens**self.beta


FITS = {
    "chinchilla": Fit(1.69, 406.4, 410.7, 0.34, 0.28, "Hoffmann et al. 2022, equation 10"),
    "chinchilla unrounded": Fit(
        1.6934, 406.4, 410.7, 0.33917, 0.28491, "Hoffmann et al. 2022, source of the paper"
    ),
    "epoch": Fit(1.8172, 482.01, 2085.43, 0.3478, 0.3658, "Besiroglu et al. 2024"),
}


class Optimum(NamedTuple):
    """`parameters` and `tokens` with the least `loss` (nats per token) for the FLOPs given."""

    parameters: float
    tokens: float
    loss: float


def compute_optimal(flops, fit="chinchilla unrounded"):
    """The `Optimum` by a fit in FITS (Hoffmann et al. 2022, equation 4), 6 FLOPs a parameter and
    token.
    """
    E, A, B, alpha, beta, _ = fit = FITS[_known(fit, "fit", tuple(FITS))]
    ratio = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    parameters = ratio * (_positive(flops, "flops") / 6) ** (beta / (alpha + beta))
    tokens = flops / 6 / parameters
    return Optimum(parameters, tokens, fit.loss(parameters, tokens))


def _chip(chip):
    return chip if isinstance(chip, Chip) else CHIPS[_known(chip, "chip", tuple(CHIPS))]


def _known(value, name, known):
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
    return value


def _whole(value, name):
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return value


def _positive(value, name):
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive, and finite, got {value!r}")
    return value
