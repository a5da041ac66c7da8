"""Fewer bits for a model's weights, and what that does to them."""

import torch


def quantized(weight, bits):
    """`weight` (outputs, inputs) as it is when each number has only `bits` bits, as float32.

    Each row has a scale of its own: its largest magnitude over 2**(bits - 1) - 1. A number becomes
    the nearest whole multiple of it, halves upwards. So 2 bits leave -1, 0 and 1 of a row's largest
    number. 16 bits leave the weight as it is. (Symmetric round-to-nearest, as in the baseline of
    Dettmers et al. 2022.) Raises ValueError for a number of bits outside of 2 to 16.
    """
    if bits not in range(2, 17):
        raise ValueError(f"bits must be a whole number from 2 to 16, got {bits!r}")
    weight = weight.float()
    if bits == 16:
        return weight
    levels = 2 ** (bits - 1) - 1
    scale = weight.abs().amax(dim=1, keepdim=True) / levels
    whole = torch.floor(weight / scale.clamp(min=torch.finfo(torch.float32).tiny) + 0.5)
    return whole.clamp(-levels, levels) * scale


@torch.no_grad()
def quantize_(model, bits):
    """Quantize a `labs.gpt` model in place: all weights of its blocks, and the token embedding.

    Positions, norms and biases stay: they are few. Returns the model.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and name != "positions.weight":
            parameter.copy_(quantized(parameter, bits))
    return model
