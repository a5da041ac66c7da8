"""Sequences of different lengths that take a step together, over one cache of keys and values.

Shapes: `R` sequences, each in a row of the cache; `T` new tokens of each; `K` tokens that a row
holds at most; `H` heads, `d` width of a head, `D` width, `V` vocabulary.
"""

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from labs.gpt.linear import linear
from labs.gpt.model import Cache


class Batch:
    """Up to `rows` sequences of `model`, and what it has read of them.

    The rows in use are the first ones, without a gap, so that a step reads one slice of the cache.
    A row has room for a whole context, used or not; PagedAttention (Kwon et al. 2023) hands out
    room in pages. Logits differ in their last digits with the number of rows, because sums are then
    taken in another order: two tokens that are as likely to that digit may change places.
    """

    def __init__(self, model, rows):
        self.model = model
        self.kept = Cache(model, rows).kept  # (layers, 2, rows, H, context, d)
        self.lengths = []  # how many tokens each row holds

    def add(self, tokens):
        """Read a prompt into the next row. Returns the logits (V,) of the token after it."""
        row = len(self.lengths)
        self.lengths.append(0)
        return self._read(slice(row, row + 1), [tokens])[0]

    def step(self, tokens):
        """Read one more token of every sequence. Returns the logits (R, V) of the tokens after."""
        return self._read(slice(0, len(self.lengths)), [[token] for token in tokens])

    def remove(self, row):
        """Forget a sequence. The last one moves into its row."""
        held = self.lengths.pop()
        if row < len(self.lengths):
            self.kept[:, :, row, :, :held] = self.kept[:, :, len(self.lengths), :, :held]
            self.lengths[row] = held

    def clear(self):
        """Forget all sequences."""
        self.lengths.clear()

    def _read(self, rows, tokens):
        """GPT's forward pass, with a length of its own for each row: the last logits (R, V).

        A new token's keys and values are written behind those that its row holds, and it reads what
        stands up to there. What stands behind belongs to a longer row, or to one that has ended.
        """
        device = self.model.tokens.weight.device
        tokens_RT = torch.tensor(tokens, device=device)
        lengths_R = torch.tensor(self.lengths[rows], device=device)
        row_R1 = torch.arange(len(tokens), device=device)[:, None]
        positions_RT = lengths_R[:, None] + torch.arange(tokens_RT.shape[1], device=device)
        longest = max(self.lengths[rows]) + tokens_RT.shape[1]
        may_read_R1TK = torch.arange(longest, device=device) <= positions_RT[:, None, :, None]

        x_RTD = self.model.tokens(tokens_RT) + self.model.positions(positions_RT)
        for block, (keys, values) in zip(self.model.blocks, self.kept[:, :, rows]):
            q, k, v = block.attention.split(block.before_attention(x_RTD))
            keys[row_R1, :, positions_RT] = k.transpose(1, 2)
            values[row_R1, :, positions_RT] = v.transpose(1, 2)
            k, v = keys[:, :, :longest], values[:, :, :longest]
            y_RHTd = F.scaled_dot_product_attention(q, k, v, attn_mask=may_read_R1TK)
            x_RTD = x_RTD + block.attention.join(y_RHTd.transpose(1, 2).flatten(2))
            x_RTD = x_RTD + block.mlp(block.before_mlp(x_RTD))

        for row in range(rows.start, rows.stop):
            self.lengths[row] += tokens_RT.shape[1]
        return linear(self.model.norm(x_RTD[:, -1]), self.model.tokens.weight)


class Rereading:
    """A `Batch` that keeps nothing: each step reads all of every sequence again.

    It is here to be measured: what a cache saves.
    """

    def __init__(self, model, rows):
        self.model, self.tokens = model, []

    def add(self, tokens):
        """See `Batch`."""
        self.tokens.append(list(tokens))
        return self._read(self.tokens[-1:])[0]

    def step(self, tokens):
        """See `Batch`."""
        for held, token in zip(self.tokens, tokens):
            held.append(token)
        return self._read(self.tokens)

    def remove(self, row):
        """See `Batch`."""
        last = self.tokens.pop()
        if row < len(self.tokens):
            self.tokens[row] = last

    def clear(self):
        """See `Batch`."""
        self.tokens.clear()

    def _read(self, tokens):
        device = self.model.tokens.weight.device
        padded_RT = pad_sequence([torch.tensor(held) for held in tokens], batch_first=True)
        last_R = torch.tensor([len(held) - 1 for held in tokens], device=device)
        logits_RTV = self.model(padded_RT.to(device))  # no token reads the padding behind it
        return logits_RTV[torch.arange(len(tokens), device=device), last_R]
