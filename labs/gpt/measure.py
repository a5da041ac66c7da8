"""How well a model predicts.

Shapes: `B` sequences, `T` tokens, `V` vocabulary.
"""

import math

import torch
import torch.nn.functional as F


def next_token_loss(logits_BTV, y_BT):
    """The mean cross-entropy in nats of the token after each."""
    return F.cross_entropy(logits_BTV.flatten(0, 1).float(), y_BT.flatten())


@torch.no_grad()
def bits_per_byte(model, tokens, batch_size=16, most=None):
    """The mean number of bits that the model needs for a byte of the held-out documents.

    It is the sum of the losses of `tokens.val`, window after window, each without what stands
    before it, over ln 2 and the number of bytes; so models with different tokenizers can be
    compared. `most`: read about so many tokens only, the first.
    """
    device, context = model.tokens.weight.device, model.shape.context
    count = (min(len(tokens.val), most or len(tokens.val)) - 1) // context
    if count < 1:
        raise ValueError(
            f"tokens: expected more than {context} held out, the context, got {len(tokens.val)}; "
            "give a longer text or a shorter context"
        )
    rows = tokens.val[: count * context + 1].long()
    x, y = rows[:-1].view(count, context), rows[1:].view(count, context)
    total = 0.0
    model.eval()
    for x_BT, y_BT in zip(x.split(batch_size), y.split(batch_size)):
        loss = next_token_loss(model(x_BT.to(device)), y_BT.to(device))
        total += loss.item() * y_BT.numel()
    model.train()
    nats_per_token = total / y.numel()
    return nats_per_token / math.log(2) * len(tokens.val) / tokens.val_bytes
