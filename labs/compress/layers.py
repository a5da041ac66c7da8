"""A model to be looked at or changed: a copy of it, its modes, its linear layers.

A copy is taken where `torch.nn.utils.prune` masked weights as well, which `copy.deepcopy` refuses.
"""

import contextlib
import copy
import itertools
import numbers

import torch
from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.utils import prune as rules


def check_model(model):
    """Raise TypeError for what is no model."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {model!r}; give a network")


def linear_layers(model):
    """{name: layer} of every `torch.nn.Linear` of a model, in its order; one with two names once.

    The output layer of `nn.MultiheadAttention` is not among them: that reads its weight and never
    calls it. Raises TypeError for what is no model, and ValueError for a model without a linear
    layer.
    """
    check_model(model)
    found = {name: layer for name, layer in model.named_modules() if _is_linear(layer)}
    if not found:
        raise ValueError(
            f"model: expected linear layers to compress, got {type(model).__name__} with none; "
            "give a network that has some torch.nn.Linear"
        )
    return found


def _is_linear(layer):
    return isinstance(layer, nn.Linear) and not isinstance(layer, NonDynamicallyQuantizableLinear)


def bias_of(linear):
    """A float32 copy of a layer's bias (N,), or None."""
    return None if linear.bias is None else linear.bias.detach().float().clone()


def with_layers(model, make):
    """A copy of `model`, without masks, in which `make(name, layer)` stands for each linear layer.

    A layer that the model holds under two names is made once, and stands under both.
    """
    changed = plain(model)
    layers = linear_layers(changed)
    new = {layer: make(name, layer) for name, layer in layers.items()}
    if "" in layers:  # the model is one layer
        return new[changed]
    for name, layer in list(changed.named_modules(remove_duplicate=False)):
        if layer in new:
            changed.set_submodule(name, new[layer].train(layer.training))
    return call_layers(changed)


def call_layers(model):
    """Let the layers of `nn.TransformerEncoder` be called: in eval mode it reads their weights."""
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0
        elif isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
    return model


# ---- Copies ----


def copied(model):
    """A copy of a model, masked where that is."""
    for module, name in _masked(model):  # what was computed for a gradient cannot be copied
        setattr(module, name, getattr(module, name).detach())
    return copy.deepcopy(model)


def plain(model):
    """A copy of a model without masks: the zeros are weights like others."""
    found = copied(model)
    for module, name in list(_masked(found)):
        rules.remove(module, name)
    return found


def _masked(model):
    """(module, name of the tensor) of all that `torch.nn.utils.prune` masked."""
    for module in model.modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, rules.BasePruningMethod):
                yield module, hook._tensor_name


# ---- A model that is asked ----


@contextlib.contextmanager
def evaluating(model):
    """Within, a model is in `eval` mode; after, each of its modules is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training


def place_of(model):
    """The device of a model's first parameter or buffer; the CPU's where it has none."""
    first = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device


def check_share(share):
    """Raise ValueError for what is no share of something to be taken away."""
    if not (isinstance(share, numbers.Real) and 0 <= share < 1):
        raise ValueError(
            f"share must be from 0 up to, but not, 1, got {share!r}; 0.9 takes nine of ten away"
        )
