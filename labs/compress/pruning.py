"""Take weights out of a model: single ones, which leaves zeros, or whole units, which leaves less.

What is to go is chosen by `torch.nn.utils.prune`. Shapes: `N` numbers out, `K` numbers in.
"""

import copy
import warnings

import torch
from torch import nn
from torch.nn.utils import prune as rules

from labs.compress.layers import check_share, linear_layers, with_layers
from labs.gpt.model import MLP

SCOPES = {"model": "the smallest of all layers together", "layer": "as many of each layer"}
BETWEEN = (nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.Identity, nn.Dropout)


def prune(model, share, of="model", rule="smallest", seed=0):
    """A copy of `model` without `share` of the weights of its linear layers: they are zero.

    `of`: "model", where the smallest of all layers go, or "layer", where each layer loses as many.
    `rule`: "smallest" magnitude (Han et al. 2015), or "random" to compare with. Biases stay. The
    copy is masked by `torch.nn.utils.prune`: when it is trained further the zeros stay; `fixed`
    ends that. Raises TypeError or ValueError where there is no linear layer, or for a wrong share,
    scope or rule.

    >>> small = prune(model, 0.9)
    """
    check_share(share)
    if of not in SCOPES or rule not in ("smallest", "random"):
        raise ValueError(
            f'of must be "model" or "layer" and rule "smallest" or "random", got {of!r} and '
            f"{rule!r}; choose one of each"
        )
    linear_layers(model)
    pruned = fixed(model) if rules.is_pruned(model) else copy.deepcopy(model)
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
    return pruned


def fixed(model):
    """A copy of a model that `prune` masked, with plain layers: the zeros are weights like others.

    Raises ValueError for a model that is not masked.
    """
    if not rules.is_pruned(model):
        raise ValueError(
            "model: expected one that labs.compress.prune masked, got one without a mask; prune it "
            "first"
        )
    for layer in model.modules():
        if hasattr(layer, "weight_mask"):  # what was computed for a gradient cannot be copied
            layer.weight = layer.weight.detach()
    plain = copy.deepcopy(model)
    for layer in plain.modules():
        if hasattr(layer, "weight_mask"):
            rules.remove(layer, "weight")
    return plain


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
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    def forward(self, x):
        """(..., K) to (..., N), as float32."""
        parts = self.starts, self.columns, self.values
        held = torch.sparse_csr_tensor(*parts, self.shape, check_invariants=False)
        product = (held @ x.reshape(-1, x.shape[-1]).T).T
        product = product if self.bias is None else product + self.bias
        return product.reshape(*x.shape[:-1], -1)


def sparse(model):
    """A copy of a pruned model in which a `SparseLinear` stands for each linear layer.

    Raises ValueError where less than half of the weights are zero: it would only grow.
    """
    model = fixed(model) if rules.is_pruned(model) else model
    weights = [layer.weight for layer in linear_layers(model).values()]
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
    ones to compare with; one unit stays. Raises ValueError for a model without hidden units, or a
    wrong share or rule.

    >>> small = narrow(model, 0.5)
    """
    check_share(share)
    if rule not in ("smallest", "random"):
        raise ValueError(f'rule must be "smallest" or "random", got {rule!r}; choose one')
    narrowed = copy.deepcopy(model)
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
            importance = importance.expand(first.weight.shape)
        stay = _staying(first, share, importance)
        _keep(first, second, stay)
    return narrowed


def _pairs(model):
    """(layer, the next one) wherever all that the first gives goes to the second, unit by unit."""
    for part in model.modules():
        if isinstance(part, MLP):
            yield part.expand, part.contract
        elif isinstance(part, nn.Sequential):
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
