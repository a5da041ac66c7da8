"""GPT-2's architecture (Radford et al. 2019): a decoder-only transformer.

Shapes: `B` sequences, `T` tokens, `D` width, `H` heads, `V` vocabulary.

There is no dropout: nothing here sees a text so often that it would help, and a run is then the
same on every device. Parameters have the names that they have in the chapter on language models;
`labs.gpt.folder` says what Hugging Face calls them.
"""

import dataclasses

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from labs.gpt.linear import Linear, linear

STD = 0.02  # of the first weights, as in GPT-2


@dataclasses.dataclass(frozen=True)
class Shape:
    """The numbers that fix a GPT.

    `vocabulary`: how many tokens there are. `context`: how many the model sees at most. Raises
    ValueError for a number that is not positive, or `heads` that do not divide `width`.
    """

    vocabulary: int
    context: int
    layers: int
    width: int
    heads: int

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if self.width % self.heads:
            raise ValueError(
                f"heads must divide width, got {self.heads} heads and width {self.width}; each "
                "head takes an equal part of the width"
            )


GPT2 = {
    "gpt2": Shape(50257, 1024, layers=12, width=768, heads=12),
    "gpt2-medium": Shape(50257, 1024, layers=24, width=1024, heads=16),
    "gpt2-large": Shape(50257, 1024, layers=36, width=1280, heads=20),
    "gpt2-xl": Shape(50257, 1024, layers=48, width=1600, heads=25),
}
"""The shapes that were published, of 124 million to 1.6 billion parameters."""


class GPT(nn.Module):
    """Tokens in, logits of the token after each out.

    The first weights are drawn with `seed` as GPT-2's were: normal, with a standard deviation of
    0.02, and where a layer adds to the residual stream, of 0.02 / sqrt(2 layers). The token
    embedding is the output layer as well.
    """

    def __init__(self, shape, seed=0):
        super().__init__()
        self.shape = shape
        with torch.random.fork_rng(devices=[]):  # PyTorch draws weights too; they are replaced
            self.tokens = nn.Embedding(shape.vocabulary, shape.width)
            self.positions = nn.Embedding(shape.context, shape.width)
            self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
            self.norm = nn.LayerNorm(shape.width)
        self._initialize(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _initialize(self, generator):
        for name, parameter in self.named_parameters():
            if parameter.is_meta:  # a model that is only counted
                continue
            if parameter.ndim == 2:
                joins = name.endswith(("join.weight", "contract.weight"))
                std = STD / (2 * self.shape.layers) ** 0.5 if joins else STD
                first = torch.empty(parameter.shape, device="cpu")  # the same on every device
                parameter.copy_(first.normal_(0, std, generator=generator))
            elif name.endswith("bias"):
                parameter.zero_()

    def forward(self, tokens_BT, cache=None, recompute=False):
        """The logits (B, T, V) for tokens (B, T), int64.

        `cache`: a `Cache`, which holds what the model has read of these sequences before and takes
        in these tokens. `recompute`: keep no activations inside of a block, and compute them again
        in the backward pass (Chen et al. 2016): less memory, a third more time. Raises ValueError
        for more tokens than the context, or than the cache has room for.
        """
        start, tokens = cache.length if cache else 0, tokens_BT.shape[1]
        if start + tokens > self.shape.context:
            raise ValueError(
                f"tokens: expected at most {self.shape.context}, the context of this model, got "
                f"{start + tokens}; leave out the first"
            )
        if cache:
            cache.refuse(tokens_BT)
        positions_T = torch.arange(start, start + tokens, device=tokens_BT.device)
        x_BTD = self.tokens(tokens_BT) + self.positions(positions_T)
        for layer, block in enumerate(self.blocks):
            if recompute and not cache and torch.is_grad_enabled():
                x_BTD = checkpoint(block, x_BTD, use_reentrant=False)
            else:
                x_BTD = block(x_BTD, cache and cache.layer(layer))
        if cache:
            cache.length += tokens
        return linear(self.norm(x_BTD), self.tokens.weight)

    def count(self):
        """The number of parameters; the output layer is the token embedding and counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


class Block(nn.Module):
    """Attention, then a feed-forward layer four times as wide; each reads a normalized residual
    stream and adds to it.
    """

    def __init__(self, shape):
        super().__init__()
        self.before_attention = nn.LayerNorm(shape.width)
        self.attention = Attention(shape)
        self.before_mlp = nn.LayerNorm(shape.width)
        self.mlp = MLP(shape)

    def forward(self, x_BTD, cache=None):
        """The residual stream (B, T, D) after this block."""
        x_BTD = x_BTD + self.attention(self.before_attention(x_BTD), cache)
        return x_BTD + self.mlp(self.before_mlp(x_BTD))


class Attention(nn.Module):
    """Causal attention with several heads: a token reads from itself and those before it."""

    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.query_key_value = Linear(shape.width, 3 * shape.width)
        self.join = Linear(shape.width, shape.width)

    def forward(self, x_BTD, cache=None):
        """What the heads read, joined: (B, T, D)."""
        q, k, v = self.split(x_BTD)
        causal = x_BTD.shape[1] > 1  # one token may read all that is there
        if cache:
            k, v = cache.extend(k, v)
        if causal and k.shape[2] > q.shape[2]:
            mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
            mask = mask.tril(k.shape[2] - q.shape[2])
            y_BHTd = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            y_BHTd = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.join(y_BHTd.transpose(1, 2).flatten(2))

    def split(self, x_BTD):
        """Queries, keys and values, each (B, H, T, D / H)."""
        pieces = self.query_key_value(x_BTD).unflatten(-1, (3, self.heads, -1))
        return [piece.transpose(1, 2) for piece in pieces.unbind(2)]


class MLP(nn.Module):
    """The feed-forward layer, with GPT-2's approximation of GELU (Hendrycks and Gimpel 2016)."""

    def __init__(self, shape):
        super().__init__()
        self.expand = Linear(shape.width, 4 * shape.width)
        self.contract = Linear(4 * shape.width, shape.width)

    def forward(self, x_BTD):
        """(B, T, D) to (B, T, D)."""
        return self.contract(F.gelu(self.expand(x_BTD), approximate="tanh"))


class Cache:
    """Keys and values of the tokens that a model has read, so that each is computed once.

    It has room for `size` tokens, by default the context, of each of B `sequences`. `length`: how
    many it holds. It is for reading, not for training: it takes no gradients.
    """

    def __init__(self, model, sequences=1, size=None):
        shape, weight = model.shape, model.tokens.weight
        size = min(size or shape.context, shape.context)
        room = (shape.layers, 2, sequences, shape.heads, size, shape.width // shape.heads)
        self.kept = torch.zeros(room, dtype=weight.dtype, device=weight.device)
        self.length = 0

    def refuse(self, tokens_BT):
        """Raise ValueError for tokens that there is no room for."""
        _, _, sequences, _, size, _ = self.kept.shape
        if tokens_BT.shape[0] != sequences or self.length + tokens_BT.shape[1] > size:
            raise ValueError(
                f"cache: expected at most {size - self.length} more tokens of {sequences} "
                f"sequences, got {tokens_BT.shape[1]} of {tokens_BT.shape[0]}; make a Cache with "
                "the `sequences` and the `size` for it"
            )

    def layer(self, layer):
        """The part of one layer."""
        return _LayerCache(*self.kept[layer], self.length)


@dataclasses.dataclass
class _LayerCache:
    keys: torch.Tensor
    values: torch.Tensor
    length: int

    def extend(self, k, v):
        """Take in keys and values of new tokens; return all of them."""
        end = self.length + k.shape[2]
        self.keys[:, :, self.length : end] = k
        self.values[:, :, self.length : end] = v
        return self.keys[:, :, :end], self.values[:, :, :end]
