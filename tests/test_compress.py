"""Fewer bits: whole multiples of a scale for each row, and an error that falls with the bits."""

import pytest
import torch

from labs import compress
from labs.gpt.model import GPT, Shape

BITS = range(2, 17)
WEIGHT = (
    torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    * torch.logspace(-3, 2, 20)[:, None]
)


@pytest.mark.parametrize("bits", range(2, 16))
def test_each_row_is_whole_multiples_of_its_largest_number_over_the_levels(bits):
    found, levels = compress.quantized(WEIGHT, bits), 2 ** (bits - 1) - 1
    for row, new in zip(WEIGHT.double(), found.double()):
        scale = row.abs().max() / levels
        whole = new / scale
        assert (whole - whole.round()).abs().max() < 1e-4 * levels
        assert whole.round().abs().max() == levels and len(whole.round().unique()) <= 2**bits - 1
        assert (new - row).abs().max() <= scale / 2 * (1 + 1e-4 * levels)
    assert found.dtype == torch.float32


def test_two_bits_leave_three_numbers_of_each_row():
    found = compress.quantized(torch.tensor([[4.0, -1.9, 2.0, -2.0, 1.9, -4.0]]), 2)
    assert found.tolist() == [[4.0, 0.0, 4.0, 0.0, 0.0, -4.0]]  # halves go upwards


def test_sixteen_bits_leave_the_weight_as_it_is():
    assert torch.equal(compress.quantized(WEIGHT, 16), WEIGHT)


def test_the_error_falls_with_the_bits():
    errors = [(compress.quantized(WEIGHT, bits) - WEIGHT).pow(2).mean().item() for bits in BITS]
    assert all(less < more for more, less in zip(errors, errors[1:]))
    assert errors[-1] == 0


@pytest.mark.parametrize("bits", BITS)
def test_quantizing_twice_changes_nothing_more(bits):
    once = compress.quantized(WEIGHT, bits)
    torch.testing.assert_close(compress.quantized(once, bits), once, rtol=1e-5, atol=0)


@pytest.mark.parametrize("bits", [2, 8, 15])
def test_rows_of_zeros_and_of_the_smallest_numbers_stay_finite(bits):
    weight = torch.tensor([[0.0, 0.0], [1e-44, -1e-44], [3e38, -3e38]])
    found = compress.quantized(weight, bits)
    assert found.isfinite().all() and found[0].tolist() == [0, 0]
    torch.testing.assert_close(found[2], weight[2])


def test_a_half_precision_weight_becomes_float32():
    assert compress.quantized(WEIGHT.half(), 4).dtype == torch.float32


@pytest.mark.parametrize("bits", [1, 0, 17, 32, -4, 2.5, "4", None])
def test_other_numbers_of_bits_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits must be a whole number from 2 to 16, got {bits!r}"):
        compress.quantized(WEIGHT, bits)


def test_a_model_is_quantized_in_its_blocks_and_its_token_embedding():
    gpt = GPT(Shape(300, 16, layers=2, width=16, heads=2))
    before = {name: tensor.clone() for name, tensor in gpt.state_dict().items()}
    assert compress.quantize_(gpt, 3) is gpt
    for name, tensor in gpt.state_dict().items():
        few = tensor.ndim == 2 and name != "positions.weight"
        expected = compress.quantized(before[name], 3) if few else before[name]
        assert torch.equal(tensor, expected)
        assert not few or not torch.equal(tensor, before[name])
    assert all(parameter.requires_grad for parameter in gpt.parameters())


def test_a_layer_of_8_bits_multiplies_the_weights_that_8_bits_leave():
    linear = torch.nn.Linear(64, 20)
    linear.weight.data.copy_(WEIGHT)
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(1))
    rounded = compress.quantized(x.flatten(0, 1), 8).view_as(x)
    expected = rounded @ compress.quantized(WEIGHT, 8).T + linear.bias
    found = compress.Int8Linear(linear)(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    exact = linear(x)
    assert (found - exact).norm() < 0.02 * exact.norm()


def test_a_model_of_8_bits_predicts_what_it_did_in_a_third_of_the_bytes():
    shape = Shape(vocabulary=50, context=16, layers=2, width=64, heads=4)
    gpt, tokens = GPT(shape), torch.arange(16)[None]
    before, exact = size(gpt), gpt(tokens)
    assert compress.int8_(gpt) is gpt
    assert (gpt(tokens) - exact).norm() < 0.02 * exact.norm()
    assert size(gpt) < before / 3


def size(model):
    """The bytes of its parameters and buffers."""
    return sum(held.nbytes for held in [*model.parameters(), *model.buffers()])


def test_8_bits_are_for_a_cpu():
    with torch.device("meta"):
        gpt = GPT(Shape(vocabulary=50, context=16, layers=1, width=16, heads=2))
    with pytest.raises(ValueError, match="int8: expected a model on a CPU, got one on meta; load"):
        compress.int8_(gpt)
