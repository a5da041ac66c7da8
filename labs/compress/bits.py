"""Fewer bits for a model's weights, and what that does to them.

Shapes: `N` numbers out, `K` numbers in, `G` groups of a row.

torchao, PyTorch's library for this, is not used: its int8 layers (0.18, called as they are) took
two to seven times as long as `Int8Linear` on the CPU on which both were measured, its int4 layers
did not run on a CPU, and importing it takes longer than a cell here.
"""

import torch
import torch.nn.functional as F
from torch import nn

from labs.compress.layers import bias_of, evaluating, linear_layers, place_of, with_layers

LARGE = 6.0  # an input of this size makes its column an outlier (Dettmers et al. 2022)


def quantized(weight, bits, group=None):
    """`weight` (N, K) as it is when each number has only `bits` bits, as float32.

    Each row, or each `group` of so many neighbours in it, has a scale of its own: its largest
    magnitude over 2**(bits - 1) - 1. A number becomes the nearest whole multiple of it, halves
    upwards. So 2 bits leave -1, 0 and 1 of a row's largest number. 16 bits leave the weight as it
    is. (Symmetric round-to-nearest, as in the baseline of Dettmers et al. 2022.) Raises ValueError
    for a number of bits outside of 2 to 16, a weight that is no matrix, and a group that does not
    divide a row.
    """
    if bits not in range(2, 17):
        raise ValueError(f"bits must be a whole number from 2 to 16, got {bits!r}")
    if weight.ndim != 2:
        raise ValueError(
            f"weight must be a matrix (N, K), got shape {tuple(weight.shape)}; flatten a kernel "
            "with weight.flatten(1)"
        )
    weight = weight.float()
    if bits == 16:
        return weight
    whole, scale = _whole(_grouped(weight, group), bits)
    return (whole * scale).view(weight.shape)


def _grouped(weight_NK, group):
    """The groups of all rows as rows of their own (N G, K / G)."""
    inputs = weight_NK.shape[1]
    if group is not None and (type(group) is not int or group < 1 or inputs % group):
        raise ValueError(
            f"group must be None or a whole number that divides the {inputs} numbers of a row, got "
            f"{group!r}; choose one that does"
        )
    return weight_NK.reshape(-1, group or inputs)


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


class _Few(nn.Module):
    """What the layers below share: columns `kept` as they were, and a bias.

    `kept`: the inputs whose weights stay float32, for they are too large to share a scale with the
    rest. The columns of the others are quantized as if these were zero.
    """

    def __init__(self, linear, kept):
        super().__init__()
        self.outputs, self.inputs = linear.weight.shape
        weight = linear.weight.detach().float().clone()
        self.register_buffer("kept", torch.as_tensor(kept, dtype=torch.int64))
        self.register_buffer("kept_weight", weight[:, self.kept])
        self.register_buffer("bias", bias_of(linear))
        weight[:, self.kept] = 0
        self._quantize(weight)

    def forward(self, x):
        """(..., K) to (..., N), computed as float32, of the type of `x`."""
        small, more = self._apart(x.float())
        return (self._product(small) + more).to(x.dtype)

    def _apart(self, x):
        """(inputs without the kept ones, what these add to the outputs or 0)."""
        if not len(self.kept):
            return x, 0.0
        large = x[..., self.kept]
        return x.index_fill(-1, self.kept, 0), F.linear(large, self.kept_weight)

    def extra_repr(self):
        return f"{self.inputs} to {self.outputs}, {len(self.kept)} inputs kept as they are"


class Int8Linear(_Few):
    """A linear layer that multiplies whole numbers of 8 bits: `quantized(weight, 8)`, kept so.

    Each row of what comes in is rounded in the same way, and both scales multiply the whole product
    (vector-wise quantization: Dettmers et al. 2022). The inputs `kept` and their weights are
    multiplied as float32: their exceptions for outliers. It learns nothing, and runs on a CPU.
    """

    def __init__(self, linear, kept=()):
        super().__init__(linear, kept)

    def _quantize(self, weight_NK):
        whole, scale = _whole(weight_NK, 8)
        self.register_buffer("whole", whole.to(torch.int8))
        self.register_buffer("scale", scale.T)

    def _product(self, x):
        whole, scale = _whole(x.reshape(-1, self.inputs), 8)
        product = torch._int_mm(whole.to(torch.int8), self.whole.T) * scale * self.scale
        product = product if self.bias is None else product + self.bias
        return product.view(*x.shape[:-1], self.outputs)


class FewBitsLinear(_Few):
    """A linear layer whose weights have 8 or 4 bits, two of the latter in a byte.

    They are made float32 again for each product: that saves memory and no time. Each row, or each
    `group` of so many neighbours in it, has a scale. It learns nothing.
    """

    def __init__(self, linear, bits=4, group=None, kept=()):
        if bits not in (4, 8):
            raise ValueError(f"bits must be 4 or 8, got {bits!r}; `quantized` rounds to others")
        self.bits, self.group = bits, group
        super().__init__(linear, kept)

    def _quantize(self, weight_NK):
        whole, scale = _whole(_grouped(weight_NK, self.group), self.bits)
        whole = whole.to(torch.int8).flatten()
        self.register_buffer("whole", _packed(whole) if self.bits == 4 else whole)
        self.register_buffer("scale", scale)

    def weight(self):
        """The weights (N, K) that the bits leave, as float32; those of kept inputs are zero."""
        count = self.outputs * self.inputs
        whole = _unpacked(self.whole, count) if self.bits == 4 else self.whole
        return (whole.view(len(self.scale), -1) * self.scale).view(self.outputs, self.inputs)

    def _product(self, x):
        return F.linear(x, self.weight(), self.bias)


def _packed(whole):
    """Whole numbers from -8 to 7, int8 (M,), two in a byte: uint8 ((M + 1) / 2,)."""
    even = F.pad(whole, (0, len(whole) % 2)).view(-1, 2).to(torch.uint8) & 15
    return even[:, 0] | even[:, 1] << 4


def _unpacked(packed, count):
    both = torch.stack([packed << 4, packed & 240], dim=1).flatten()[:count]
    return both.view(torch.int8) >> 4  # keeps the sign


def int8_(model):
    """Make each linear layer of a `labs.gpt` model an `Int8Linear`, in place; returns the model.

    The token embedding, which is the output layer as well, is quantized to 8 bits and kept as
    float32. Raises ValueError for a model that is not on a CPU.
    """
    _check_cpu(model.tokens.weight.device)
    for block in model.blocks:
        for part in (block.attention, block.mlp):
            for name, layer in list(part.named_children()):
                setattr(part, name, Int8Linear(layer))
    with torch.no_grad():
        model.tokens.weight.copy_(quantized(model.tokens.weight, 8))
    return model


def _check_cpu(device):
    if device.type != "cpu":
        raise ValueError(f"int8: expected a model on a CPU, got one on {device}; load it there")


def quantize(model, bits=8, group=None, inputs=False, sample=None, large=LARGE):
    """A copy of `model` whose linear layers have weights of 8 or 4 bits; embeddings stay.

    Each row of a weight has a scale, or each `group` of so many neighbours. `inputs`: whether what
    comes into a layer is rounded to 8 bits as well, so that whole numbers are multiplied. `sample`:
    inputs of the model, such as a batch; then each input of a layer that is `large` or more on them
    keeps its weights (see `large_columns`). Raises TypeError or ValueError where there is no linear
    layer, or for bits, a group or a device with which it does not work.
    """
    if inputs and (bits != 8 or group is not None):
        raise ValueError(
            f"inputs: whole numbers are multiplied with 8 bits and a scale a row, got bits={bits!r}"
            f" and group={group!r}; leave one or the other out"
        )
    layers = linear_layers(model)
    if inputs:
        _check_cpu(next(iter(layers.values())).weight.device)
    kept = {} if sample is None else large_columns(model, sample, large)
    if inputs:
        return with_layers(model, lambda name, layer: Int8Linear(layer, kept.get(name, ())))
    make = lambda name, layer: FewBitsLinear(layer, bits, group, kept.get(name, ()))
    return with_layers(model, make)


@torch.no_grad()
def large_columns(model, sample, large=LARGE):
    """{name of a linear layer: those of its inputs that reach `large` when `model` reads `sample`}.

    Dettmers et al. (2022) found that models from 6.7 billion parameters on have such inputs in
    every layer, the same few for all tokens. The model is asked in `eval` mode, and left as it was.
    Raises TypeError or ValueError where there is no linear layer, and ValueError for no sample.
    """
    layers = linear_layers(model)
    if torch.is_tensor(sample):
        if not len(sample):
            raise ValueError("sample: expected at least one input, got none; give a batch")
        sample = sample.to(place_of(model))
    found, hooks = {}, []

    def look(name):
        def hook(layer, given):
            most = given[0].reshape(-1, layer.in_features).abs().amax(0)
            found[name] = torch.maximum(most, found.get(name, most))

        return hook

    for name, layer in layers.items():
        hooks.append(layer.register_forward_pre_hook(look(name)))
    try:
        with evaluating(model):
            model(sample)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (most >= large).nonzero().flatten() for name, most in found.items()}
