"""What a step reads.

Shapes: `B` sequences, `T` tokens.
"""

import functools

import torch


class Batches:
    """The sequences of each step: windows of the text, in a new order in each epoch.

    In an epoch each window comes once; where the first one begins is drawn anew for each. Raises
    ValueError where the text is shorter than two windows.
    """

    def __init__(self, tokens, context, size, seed):
        if len(tokens) < 2 * context + 1:
            raise ValueError(
                f"tokens: expected at least {2 * context + 1} to train on, two windows of the "
                f"context, got {len(tokens)}; give a longer text or a shorter context"
            )
        self.tokens, self.context, self.size, self.seed = tokens, context, size, seed
        self.windows = (len(tokens) - 1) // context - 1
        self._epoch = functools.lru_cache(maxsize=2)(self._epoch)

    def _epoch(self, epoch):
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        shift = torch.randint(self.context, (1,), generator=generator)
        return shift + self.context * torch.randperm(self.windows, generator=generator)

    def __getitem__(self, step):
        """Tokens (B, T) and those after each (B, T), int64, of a step that counts from 0."""
        places = range(step * self.size, (step + 1) * self.size)
        starts = [int(self._epoch(i // self.windows)[i % self.windows]) for i in places]
        rows_BT = torch.stack([self.tokens[s : s + self.context + 1] for s in starts]).long()
        return rows_BT[:, :-1], rows_BT[:, 1:]
