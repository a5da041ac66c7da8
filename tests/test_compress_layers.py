"""Layers of few bits: packed without loss, outliers kept, and what does not fit is refused."""

import pytest
import torch
from torch import nn

from labs import compress
from labs.compress import bits as inside
from labs.gpt.model import GPT, Shape


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10, bias=False))


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
