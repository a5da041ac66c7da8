"""Pruning: single weights become zero, whole units go, and what cannot be pruned is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from labs import compress
from labs.gpt.model import GPT, Shape


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 20), nn.Tanh(), nn.Linear(20, 3)
    )


X = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))


def weights(model):
    return [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]


def zeros(model):
    return [(weight == 0).double().mean().item() for weight in weights(model)]


def test_the_smallest_weights_of_all_layers_together_become_zero():
    model = network()
    small = compress.fixed(compress.prune(model, 0.75))
    before = torch.cat([weight.flatten() for weight in weights(model)])
    after = torch.cat([weight.flatten() for weight in weights(small)])
    gone = after == 0
    assert gone.sum() == round(0.75 * len(before))
    assert before[gone].abs().max() <= before[~gone].abs().min()
    assert torch.equal(after[~gone], before[~gone])
    assert not any((weight == 0).any() for weight in weights(model))  # the model stays


@pytest.mark.parametrize("options", [{"of": "layer"}, {"rule": "random"}])
def test_each_layer_may_lose_as_many(options):
    small = compress.prune(network(), 0.5, **options)
    assert zeros(small) == pytest.approx([0.5, 0.5, 0.5])


def test_a_random_choice_is_that_of_its_seed():
    first, again, other = (
        compress.prune(network(), 0.5, rule="random", seed=seed)(X) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_zeros_stay_zero_when_the_model_trains_on():
    small = compress.prune(network(), 0.9)
    optimizer = torch.optim.Adam(small.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        small(X).pow(2).sum().backward()
        optimizer.step()
    plain = compress.fixed(small)
    assert sum(zeros(plain)) == sum(zeros(compress.fixed(compress.prune(network(), 0.9))))
    assert torch.equal(plain(X), small(X))
    assert {name for name, _ in plain.named_parameters()} == {
        name for name, _ in network().named_parameters()
    }


def test_a_pruned_model_can_be_pruned_further():
    small = compress.prune(compress.prune(network(), 0.5), 0.9)
    count = sum(weight.numel() for weight in weights(small))
    assert sum((weight == 0).sum().item() for weight in weights(small)) == round(0.9 * count)


def test_a_sparse_model_computes_the_same_from_fewer_bytes():
    small = compress.prune(network(), 0.9)
    held = compress.sparse(small)
    torch.testing.assert_close(held(X), small(X))
    torch.testing.assert_close(held(X[0]), small(X[0]))
    assert compress.file_bytes(held) < compress.file_bytes(compress.fixed(small)) / 2


def test_a_model_with_few_zeros_would_grow():
    with pytest.raises(ValueError, match="at least half of the weights to be zero, got 25%; a sp"):
        compress.sparse(compress.prune(network(), 0.25))


def test_units_that_are_zero_go_without_a_change():
    model = network()
    with torch.no_grad():
        for unit in (3, 17, 30, 39):
            model[0].weight[unit], model[0].bias[unit] = 0, 0
        model[2].weight[:2], model[2].bias[:2] = 0, 0
    small = compress.narrow(model, 0.1)
    assert [tuple(weight.shape) for weight in weights(small)] == [(36, 8), (18, 36), (3, 18)]
    assert (small[0].out_features, small[2].in_features) == (36, 36)
    torch.testing.assert_close(small(X), model(X))
    assert [tuple(weight.shape) for weight in weights(model)] == [(40, 8), (20, 40), (3, 20)]


def test_one_unit_always_stays():
    small = compress.narrow(network(), 0.99)
    assert [tuple(weight.shape) for weight in weights(small)] == [(1, 8), (1, 1), (3, 1)]
    assert small(X).shape == (5, 3)


def test_nothing_taken_out_is_the_same_model():
    for small in (compress.narrow(network(), 0), compress.fixed(compress.prune(network(), 0))):
        assert torch.equal(small(X), network()(X))


def test_the_small_networks_of_a_gpt_become_narrower():
    gpt = GPT(Shape(50, 16, layers=2, width=16, heads=2))
    small = compress.narrow(gpt, 0.5)
    assert [block.mlp.expand.weight.shape for block in small.blocks] == [(32, 16)] * 2
    assert small(torch.arange(16)[None]).shape == (1, 16, 50)
    assert gpt.count() - small.count() == 2 * 32 * (16 + 1 + 16)


def test_random_units_are_others_than_the_smallest():
    small, by_chance = (compress.narrow(network(), 0.5, rule=r) for r in ("smallest", "random"))
    assert not torch.equal(small[0].weight, by_chance[0].weight)


def test_an_attention_that_is_pruned_trains_on():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    small = compress.prune(layer, 0.5)
    for _ in range(2):
        small(torch.randn(2, 5, 16)).sum().backward()
    assert not hasattr(small.self_attn.out_proj, "weight_mask")


def test_other_masks_than_of_weights_end_as_well():
    model = network()
    nn.utils.prune.l1_unstructured(model[0], "bias", 0.5)
    plain = compress.fixed(model)
    assert not nn.utils.prune.is_pruned(plain) and (plain[0].bias == 0).sum() == 20
    assert nn.utils.prune.is_pruned(model)


@pytest.mark.parametrize("between", [nn.LeakyReLU(), nn.ELU(), nn.Softplus(), nn.Hardswish()])
def test_units_are_told_apart_behind_any_activation(between):
    small = compress.narrow(nn.Sequential(nn.Linear(8, 40), between, nn.Linear(40, 3)), 0.5)
    assert small[0].out_features == 20 and small(X).shape == (5, 3)


def test_a_sequence_with_a_forward_of_its_own_is_refused():
    class Skips(nn.Sequential):
        def forward(self, x):
            return self[1](x + self[0](x))

    with pytest.raises(ValueError, match="expected hidden units to take out, got Skips without"):
        compress.narrow(Skips(nn.Linear(8, 8), nn.Linear(8, 3)), 0.5)


def test_shares_of_numpy_are_shares():
    assert (
        zeros(compress.fixed(compress.prune(network(), np.float32(0.5), of="layer"))) == [0.5] * 3
    )


@pytest.mark.parametrize("share", [1, 1.5, -0.1, "half", None, float("nan")])
def test_other_shares_are_refused(share):
    for cut in (compress.prune, compress.narrow):
        with pytest.raises(ValueError, match="share must be from 0 up to, but not, 1, got "):
            cut(network(), share)


def test_a_model_with_nothing_to_prune_is_refused():
    message = "expected linear layers to compress, got LayerNorm with none; give a network"
    with pytest.raises(ValueError, match=message):
        compress.prune(nn.LayerNorm(4), 0.5)
    for model in (
        nn.Linear(3, 2),
        nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 2)),
    ):
        with pytest.raises(ValueError, match="expected hidden units to take out, got .* without"):
            compress.narrow(model, 0.5)
    for cut in (compress.prune, compress.narrow):
        with pytest.raises(TypeError, match="expected a torch.nn.Module, got 'model.pt'; give a "):
            cut("model.pt", 0.5)


def test_other_rules_and_unmasked_models_are_refused():
    with pytest.raises(ValueError, match="rule \"smallest\" or \"random\", got 'model' and 'best'"):
        compress.prune(network(), 0.5, rule="best")
    with pytest.raises(ValueError, match='rule must be "smallest" or "random", got \'best\''):
        compress.narrow(network(), 0.5, rule="best")
    with pytest.raises(ValueError, match="got one without a mask; prune it first"):
        compress.fixed(network())
