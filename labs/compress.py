"""Fewer bits for a model's weights, and what that does to them."""

import torch
from torch import nn


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
    whole, scale = _whole(weight, bits)
    return whole * scale


def _whole(rows, bits):
    """Whole numbers and a scale for each row, whose product is near `rows`."""
    levels = 2 ** (bits - 1) - 1
    scale = rows.abs().amax(dim=1, keepdim=True) / levels
    whole = torch.floor(rows / scale.clamp(min=torch.finfo(torch.float32).tiny) + 0.5)
    return whole.clamp(-levels, levels), scale


@torch.no_grad()
def quantize_(model, bits):
    """Quantize a `labs.gpt` model in place: all weights of its blocks, and the token embedding.

    Positions, norms and biases stay: they are few. Returns the model.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and name != "positions.weight":
            parameter.copy_(quantized(parameter, bits))
    return model


class Int8Linear(nn.Module):
    """A linear layer that multiplies whole numbers of 8 bits: `quantized(weight, 8)`, kept so.

    Each row of what comes in is rounded in the same way, and both scales multiply the whole product
    (vector-wise quantization: Dettmers et al. 2022, without their exceptions for outliers). It
    learns nothing, and runs on a CPU.
    """

    def __init__(self, linear):
        super().__init__()
        whole, scale = _whole(linear.weight.detach().float(), 8)
        self.register_buffer("whole", whole.to(torch.int8))
        self.register_buffer("scale", scale.T)
        self.register_buffer("bias", linear.bias.detach().float())

    def forward(self, x):
        """(..., inputs) to (..., outputs), as float32."""
        whole, scale = _whole(x.flatten(0, -2), 8)
        product = torch._int_mm(whole.to(torch.int8), self.whole.T)
        return (product * scale * self.scale + self.bias).unflatten(0, x.shape[:-1])


def int8_(model):
    """Make each linear layer of a `labs.gpt` model an `Int8Linear`, in place; returns the model.

    The token embedding, which is the output layer as well, is quantized to 8 bits and kept as
    float32. Raises ValueError for a model that is not on a CPU.
    """
    device = model.tokens.weight.device
    if device.type != "cpu":
        raise ValueError(f"int8: expected a model on a CPU, got one on {device}; load it there")
    for block in model.blocks:
        for part in (block.attention, block.mlp):
            for name, layer in list(part.named_children()):
                setattr(part, name, Int8Linear(layer))
    with torch.no_grad():
        model.tokens.weight.copy_(quantized(model.tokens.weight, 8))
    return model
