"""The linear layers of a model: find them, and put others in their place."""

import copy

from torch import nn


def linear_layers(model):
    """{name: layer} of every `torch.nn.Linear` of a model, in its order.

    Raises TypeError for what is no model, and ValueError for a model without a linear layer.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {model!r}; give a network")
    found = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    if not found:
        raise ValueError(
            f"model: expected linear layers to compress, got {type(model).__name__} with none; "
            "give a network that has some torch.nn.Linear"
        )
    return found


def with_layers(model, make):
    """A copy of `model` in which `make(name, layer)` stands for each linear layer."""
    new = {name: make(name, layer) for name, layer in linear_layers(model).items()}
    if "" in new:  # the model is one layer
        return new[""]
    changed = copy.deepcopy(model)
    for name, layer in new.items():
        changed.set_submodule(name, layer)
    return changed.train(model.training)


def check_share(share):
    """Raise ValueError for what is no share of something to be taken away."""
    if not (isinstance(share, (int, float)) and 0 <= share < 1):
        raise ValueError(
            f"share must be from 0 up to, but not, 1, got {share!r}; 0.9 takes nine of ten away"
        )
