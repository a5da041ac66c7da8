"""Layers of few bits: packed without loss, outliers kept, and what does not fit is refused."""

import copy

import pytest
import torch
from torch import nn

from labs import compress
from labs.compress import bits as inside
from labs.gpt.model import GPT, Shape


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10, bias=False))


def frozen(model):
    """A copy in `eval` mode."""
    return copy.deepcopy(model).eval()


X = torch.randn(20, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_two_numbers_of_four_bits_fit_into_a_byte(count):
    whole = (torch.arange(count) % 16 - 8).to(torch.int8)
    packed = inside._packed(whole)
    assert packed.dtype == torch.uint8 and len(packed) == (count + 1) // 2
    assert torch.equal(inside._unpacked(packed, count), whole)


@pytest.mark.parametrize("bits, group", [(8, None), (8, 16), (4, None), (4, 16)])
def test_a_layer_of_few_bits_holds_the_weights_that_they_leave(bits, group):
    linear = nn.Linear(64, 21)
    layer = compress.FewBitsLinear(linear, bits, group)
    expected = compress.quantized(linear.weight.detach(), bits, group)
    assert torch.equal(layer.weight(), expected)
    torch.testing.assert_close(layer(X), X @ expected.T + linear.bias)
    assert layer.whole.nbytes == 21 * 64 * bits // 8


def test_groups_follow_the_weights_closer_than_rows():
    weight = network()[0].weight.detach()
    error = lambda group: (compress.quantized(weight, 4, group) - weight).norm().item()
    assert error(8) < error(32) < error(None)
    assert torch.equal(compress.quantized(weight, 4, 64), compress.quantized(weight, 4))


@pytest.mark.parametrize("group", [0, -4, 7, 2.0, 128])
def test_a_group_that_does_not_divide_a_row_is_refused(group):
    with pytest.raises(ValueError, match="divides the 64 numbers of a row, got "):
        compress.quantized(torch.ones(2, 64), 4, group)


@pytest.mark.parametrize("options", [{"bits": 8}, {"bits": 8, "inputs": True}, {"bits": 4}])
def test_a_large_input_spoils_a_layer_unless_it_is_kept(options):
    model = network()
    large = X.clone()
    large[:, [5, 40]] *= 1000
    with torch.no_grad():
        model[0].weight[:, [5, 40]] /= 1000  # together they change nothing
    exact = model(large)
    error = lambda few: ((few(large) - exact).norm() / exact.norm()).item()
    naive, kept = (
        compress.quantize(model, **options),
        compress.quantize(model, sample=large, **options),
    )
    assert kept[0].kept.tolist() == [5, 40] and not len(naive[0].kept)
    bound = 0.25 if options["bits"] == 4 else 0.03
    assert error(kept) < bound and error(naive) > 1.5 * error(kept)


def test_large_inputs_are_found_in_every_layer_of_a_gpt():
    gpt = GPT(Shape(50, 16, layers=2, width=16, heads=2))
    with torch.no_grad():
        gpt.blocks[1].before_mlp.bias[3] = 50
    found = compress.large_columns(gpt, torch.arange(16)[None])
    assert len(found) == 8
    assert {name: columns.tolist() for name, columns in found.items() if len(columns)} == {
        "blocks.1.mlp.expand": [3]
    }
    assert not any(layer._forward_pre_hooks for layer in gpt.modules())


def test_a_model_is_copied_and_its_layers_replaced():
    model = network()
    few = compress.quantize(model, 4, group=8)
    assert isinstance(few[0], compress.FewBitsLinear) and isinstance(model[0], nn.Linear)
    assert compress.file_bytes(few) < compress.file_bytes(model) / 3
    assert few(X).shape == (20, 10) and few(X[0]).shape == (10,)
    assert isinstance(compress.quantize(nn.Linear(8, 2), 8), compress.FewBitsLinear)


def test_what_cannot_be_quantized_is_refused():
    with pytest.raises(ValueError, match="bits must be 4 or 8, got 3; `quantized` rounds"):
        compress.quantize(network(), 3)
    with pytest.raises(ValueError, match="whole numbers are multiplied with 8 bits .*bits=4"):
        compress.quantize(network(), 4, inputs=True)
    with pytest.raises(ValueError, match="expected linear layers to compress, got ReLU with none"):
        compress.quantize(nn.ReLU())
    with torch.device("meta"):
        away = network()
    with pytest.raises(ValueError, match="int8: expected a model on a CPU, got one on meta; load"):
        compress.quantize(away, inputs=True)
    with pytest.raises(ValueError, match="sample: expected at least one input, got none"):
        compress.quantize(network(), sample=X[:0])
    with pytest.raises(ValueError, match=r"a matrix \(N, K\), got shape \(4,\); flatten a kernel"):
        compress.quantized(torch.ones(4), 4)


# ---- Models of a reader's own ----

WAYS = {
    "8 bits": lambda model: compress.quantize(model, 8),
    "8 bits, inputs too": lambda model: compress.quantize(model, 8, inputs=True),
    "sparse": lambda model: compress.sparse(compress.prune(model, 0.5)),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_compressed_shares_nothing_with_the_model(way):
    model = network()
    small = WAYS[way](model)
    before = small(X)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert torch.equal(small(X), before)


@pytest.mark.parametrize("way", WAYS)
def test_a_bfloat16_model_stays_one(way):
    model = network().bfloat16()
    small = nn.Sequential(WAYS[way](model), nn.LayerNorm(10, dtype=torch.bfloat16))
    assert small(X.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("way", WAYS)
def test_the_layers_of_an_encoder_are_called_and_its_attention_is_left_alone(way):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    encoder, x = nn.TransformerEncoder(layer, 2).eval(), torch.randn(2, 5, 16)
    small, padding = WAYS[way](encoder), torch.zeros(2, 5, dtype=bool)
    with torch.no_grad():
        apart = (small(x, src_key_padding_mask=padding) - encoder(x)).norm() / encoder(x).norm()
    assert 0 < apart < (0.5 if way == "sparse" else 0.02)
    assert isinstance(small.layers[0].self_attn.out_proj, nn.Linear)
    assert not isinstance(small.layers[0].linear1, nn.Linear)


def test_a_layer_with_two_names_is_replaced_under_both():
    few = compress.quantize(nn.ModuleList([nn.Linear(50, 50)] * 2), 8)
    assert few[0] is few[1] and isinstance(few[1], compress.FewBitsLinear)


@pytest.mark.parametrize("make", [compress.quantize, lambda model: compress.narrow(model, 0)])
def test_a_pruned_model_is_compressed_further_with_its_zeros(make):
    pruned = compress.prune(network(), 0.5)
    optimizer = torch.optim.SGD(pruned.parameters(), 0.1)
    pruned(X).pow(2).mean().backward()
    optimizer.step()  # now what was computed for the last gradient is old
    small = make(pruned)
    torch.testing.assert_close(small(X), compress.fixed(pruned)(X), rtol=0.05, atol=0.02)
    assert {name.rpartition(".")[2] for name, _ in pruned.named_buffers()} == {"weight_mask"}


def test_a_sample_is_read_in_eval_mode_and_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 2), nn.Dropout())
    model[1].eval()
    before, chance = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    expected = compress.large_columns(frozen(model), 3 * X, 1.0)
    found = compress.large_columns(model, 3 * X, 1.0)
    assert {name: c.tolist() for name, c in found.items()} == {
        name: c.tolist() for name, c in expected.items()
    }
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert [module.training for module in model] == [True, False, True, True]
    assert torch.equal(torch.get_rng_state(), chance)
