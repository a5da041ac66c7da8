"""Take weights out of a model: single ones, which leaves zeros, or whole units, which leaves less.

What is to go is chosen by `torch.nn.utils.prune`. Shapes: `N` numbers out, `K` numbers in.
"""

import copy
import warnings

import torch
from torch import nn
from torch.nn.utils import prune as rules

from labs.compress.layers import (
    bias_of,
    call_layers,
    check_model,
    check_share,
    linear_layers,
    plain,
    with_layers,
)
from labs.gpt.model import MLP

BETWEEN = (  # what keeps units apart: an activation of each number alone, or dropout
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish),
    *(nn.Identity, nn.Dropout, nn.AlphaDropout),
)


def prune(model, share, of="model", rule="smallest", seed=0):
    """A copy of `model` without `share` of the weights of its linear layers: they are zero.

    `of`: "model", where the smallest of all layers go, or "layer", where each layer loses as many.
    `rule`: "smallest" magnitude (Han et al. 2015), or "random" to compare with, as many of each
    layer, drawn from `seed`. Biases stay. The copy is masked by `torch.nn.utils.prune`: when it is
    trained further the zeros stay; `fixed` ends that. Raises TypeError or ValueError where there is
    no linear layer, or for a wrong share, scope or rule.

    >>> small = prune(model, 0.9)
    """
    check_share(share)
    if of not in ("model", "layer") or rule not in ("smallest", "random"):
        raise ValueError(
            f'of must be "model" or "layer" and rule "smallest" or "random", got {of!r} and '
            f"{rule!r}; choose one of each"
        )
    linear_layers(model)
    pruned = plain(model)
    held = [(layer, "weight") for layer in linear_layers(pruned).values()]
    if rule == "random":
        for place, (layer, _) in enumerate(held):
            chance = torch.rand(
                layer.weight.shape, generator=torch.Generator().manual_seed(seed + 1000 * place)
            )
            rules.l1_unstructured(layer, "weight", share, chance.to(layer.weight.device))
    elif of == "model":
        rules.global_unstructured(held, rules.L1Unstructured, amount=share)
    else:
        for layer, _ in held:
            rules.l1_unstructured(layer, "weight", share)
    return call_layers(pruned)


def fixed(model):
    """A copy of a model that `prune` masked, with plain layers: the zeros are weights like others.

    Raises TypeError for what is no model, and ValueError for one that is not masked.
    """
    check_model(model)
    if not rules.is_pruned(model):
        raise ValueError(
            "model: expected one that labs.compress.prune masked, got one without a mask; prune it "
            "first"
        )
    return plain(model)


class SparseLinear(nn.Module):
    """A linear layer that holds no zeros: values, their columns, and where each row starts (CSR).

    It learns nothing. A number that is held takes 8 bytes, 4 of them to say where it stands.
    """

    def __init__(self, linear):
        super().__init__()
        self.shape = tuple(linear.weight.shape)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            held = linear.weight.detach().float().to_sparse_csr()
        self.register_buffer("starts", held.crow_indices().int())
        self.register_buffer("columns", held.col_indices().int())
        self.register_buffer("values", held.values())
        self.register_buffer("bias", bias_of(linear))

    def forward(self, x):
        """(..., K) to (..., N), computed as float32, of the type of `x`."""
        parts = self.starts, self.columns, self.values
        held = torch.sparse_csr_tensor(*parts, self.shape, check_invariants=False)
        product = (held @ x.reshape(-1, x.shape[-1]).float().T).T
        product = product if self.bias is None else product + self.bias
        return product.reshape(*x.shape[:-1], self.shape[0]).to(x.dtype)


def sparse(model):
    """A copy of a pruned model in which a `SparseLinear` stands for each linear layer.

    Raises TypeError or ValueError where there is no linear layer, and ValueError where less than
    half of the weights are zero: it would only grow.
    """
    check_model(model)
    weights = [layer.weight for layer in linear_layers(plain(model)).values()]
    zeros = sum((w == 0).sum().item() for w in weights) / sum(w.numel() for w in weights)
    if zeros < 0.5:
        raise ValueError(
            f"model: expected at least half of the weights to be zero, got {zeros:.0%}; a sparse "
            "layer keeps a place beside each number and would be larger: prune more, or leave it"
        )
    return with_layers(model, lambda name, layer: SparseLinear(layer))


# ---- Whole units ----


def narrow(model, share, rule="smallest", seed=0):
    """A copy of `model` without `share` of its hidden units: its matrices are smaller.

    A hidden unit is an output of one linear layer that only the next one reads: in an
    `nn.Sequential` with nothing between the two but an activation or dropout, and in the small
    networks of a `labs.gpt` model. Of each such layer the units go whose weights have the smallest
    norm (`torch.nn.utils.prune.ln_structured`; Li et al. 2017 did so with filters), or "random"
    ones to compare with; one unit stays. Masks of `prune` become zeros first. Raises
    TypeError for what is no model, and ValueError for one without hidden units, or a wrong share or
    rule.

    >>> small = narrow(model, 0.5)
    """
    check_share(share)
    if rule not in ("smallest", "random"):
        raise ValueError(f'rule must be "smallest" or "random", got {rule!r}; choose one')
    check_model(model)
    narrowed = plain(model)
    found = list(_pairs(narrowed))
    if not found:
        raise ValueError(
            f"model: expected hidden units to take out, got {type(model).__name__} without two "
            "linear layers in a row; write them as nn.Sequential(nn.Linear, an activation, "
            "nn.Linear), or use labs.compress.prune"
        )
    for place, (first, second) in enumerate(found):
        importance = None
        if rule == "random":
            generator = torch.Generator().manual_seed(seed + 1000 * place)
            importance = torch.rand(len(first.weight), 1, generator=generator)
            importance = importance.expand(first.weight.shape).to(first.weight.device)
        stay = _staying(first, share, importance)
        _keep(first, second, stay)
    return narrowed


def _pairs(model):
    """(layer, the next one) wherever all that the first gives goes to the second, unit by unit."""
    for part in model.modules():
        if isinstance(part, MLP):
            yield part.expand, part.contract
        elif type(part).forward is nn.Sequential.forward:  # another may add what it skips
            last = None
            for layer in part:
                if isinstance(layer, nn.Linear):
                    if last is not None:
                        yield last, layer
                    last = layer
                elif not isinstance(layer, BETWEEN):
                    last = None


def _staying(layer, share, importance):
    """The units (n,) of `layer` that stay, in their order."""
    units = len(layer.weight)
    gone = min(round(share * units), units - 1)
    if gone == 0:
        return torch.arange(units)
    tried = copy.deepcopy(layer)
    rules.ln_structured(tried, "weight", gone, n=2, dim=0, importance_scores=importance)
    return tried.weight_mask[:, 0].nonzero().flatten()


@torch.no_grad()
def _keep(first, second, stay):
    first.weight = nn.Parameter(first.weight[stay].clone(), first.weight.requires_grad)
    if first.bias is not None:
        first.bias = nn.Parameter(first.bias[stay].clone(), first.bias.requires_grad)
    second.weight = nn.Parameter(second.weight[:, stay].clone(), second.weight.requires_grad)
    first.out_features = second.in_features = len(stay)
