"""What happens inside a GPT: where its heads look, and what it is without them.

Shapes: `L` layers, `B` sequences, `H` heads, `T` tokens.
"""

import contextlib
import math

import torch


@torch.no_grad()
def attention_maps(model, tokens_BT):
    """How much each head reads from where: (L, B, H, T, T), rows sum to 1.

    Row i holds the weights with which token i reads the tokens 0 to i. PyTorch's
    `scaled_dot_product_attention` does not hand them out: they are computed again, by hand.
    """
    maps = []
    with contextlib.ExitStack() as stack:
        for block in model.blocks:
            note = lambda module, inputs: maps.append(_weights(module, inputs[0]))
            handle = block.attention.register_forward_pre_hook(note)
            stack.callback(handle.remove)
        model(tokens_BT)
    return torch.stack(maps)


def _weights(attention, x_BTD):
    q, k, _ = attention.split(x_BTD)
    scores_BHTT = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    later = torch.ones(scores_BHTT.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    return scores_BHTT.masked_fill(later, -torch.inf).softmax(-1)


@contextlib.contextmanager
def without(model, heads):
    """Within the block, the `heads`, pairs (layer, head), read nothing: their output is zero.

    Raises ValueError for a head that the model does not have.
    """
    size = model.shape.width // model.shape.heads
    with contextlib.ExitStack() as stack:
        for layer, head in heads:
            if layer not in range(model.shape.layers) or head not in range(model.shape.heads):
                raise ValueError(
                    f"heads: expected pairs (layer, head) below {model.shape.layers} and "
                    f"{model.shape.heads}, got ({layer}, {head})"
                )
            part = slice(head * size, (head + 1) * size)
            handle = model.blocks[layer].attention.join.register_forward_pre_hook(_mute(part))
            stack.callback(handle.remove)
        yield model


def _mute(part):
    def hook(module, inputs):
        y_BTD = inputs[0].clone()
        y_BTD[..., part] = 0
        return (y_BTD,)

    return hook
