"""How well a model predicts.

Shapes: `B` sequences, `T` tokens, `V` vocabulary.
"""

import math

import torch
import torch.nn.functional as F


def next_token_loss(logits_BTV, y_BT):
    """The mean cross-entropy in nats of the token after each."""
    return F.cross_entropy(logits_BTV.flatten(0, 1).float(), y_BT.flatten())


def held_out(tokens, context, most=None):
    """The windows of `tokens.val` and the token after each of theirs, both (windows, T), int64."""
    there = len(tokens.val) if most is None else min(most, len(tokens.val))
    count = (there - 1) // context
    if count < 1:
        raise ValueError(
            f"tokens: expected more than {context} held out, the context, got {there}; give a "
            "longer text or a shorter context"
        )
    rows = tokens.val[: count * context + 1].long()
    return rows[:-1].view(count, context), rows[1:].view(count, context)


@torch.no_grad()
def bits_per_byte(model, tokens, batch_size=16, most=None):
    """The mean number of bits that the model needs for a byte of the held-out documents.

    It is the mean loss of a token in bits, times the tokens that a byte takes; so models with
    different tokenizers can be compared. `tokens.val` is read window after window, each without
    what stands before it. `most`: read about so many tokens only, the first. Raises ValueError
    where there is less than a window.
    """
    device = model.tokens.weight.device
    x, y = held_out(tokens, model.shape.context, most)
    total = 0.0
    for x_BT, y_BT in zip(x.split(batch_size), y.split(batch_size)):
        loss = next_token_loss(model(x_BT.to(device)), y_BT.to(device))
        total += loss.item() * y_BT.numel()
    nats_per_token = total / y.numel()
    return nats_per_token / math.log(2) * len(tokens.val) / tokens.val_bytes
