"""The model is GPT-2: its counts, its cache, its gradients."""

import pytest
import torch
from tiny import SHAPE, lively, same, some_tokens

from labs.gpt.measure import next_token_loss
from labs.gpt.model import GPT, GPT2, Cache, Shape


@pytest.mark.parametrize(
    "name, count",
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_the_published_shapes_have_the_published_numbers_of_parameters(name, count):
    with torch.device("meta"):
        assert GPT(GPT2[name]).count() == count


@pytest.mark.parametrize("pieces", [[1] * 12, [5, 1, 6], [11, 1], [1, 11], [12]])
def test_logits_with_a_cache_are_those_without(pieces):
    gpt, x_BT = lively(GPT(SHAPE)), some_tokens()
    with torch.no_grad():
        whole = gpt(x_BT)
        cache = Cache(gpt, sequences=3, size=12)
        parts = torch.cat([gpt(part, cache) for part in x_BT.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    assert cache.length == 12


def test_a_cache_is_filled_in_training_mode_and_under_recompute_too():
    gpt, x_BT = lively(GPT(SHAPE)).train(), some_tokens()
    cache = Cache(gpt, sequences=3)
    with torch.no_grad():
        gpt(x_BT[:, :6], cache, recompute=True)
        rest = gpt(x_BT[:, 6:], cache, recompute=True)
        torch.testing.assert_close(rest, gpt(x_BT)[:, 6:], rtol=1e-4, atol=1e-5)


def test_no_token_is_seen_by_those_before_it():
    gpt, x_BT = lively(GPT(SHAPE)), some_tokens()
    other = x_BT.clone()
    other[:, 7] = (other[:, 7] + 1) % SHAPE.vocabulary
    with torch.no_grad():
        before, after = gpt(x_BT), gpt(other)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.isclose(before[:, 7:], after[:, 7:]).all(dim=-1).any()


def gradients(gpt, **options):
    gpt.zero_grad()
    x_BT = some_tokens(length=13)
    next_token_loss(gpt(x_BT[:, :-1], **options), x_BT[:, 1:]).backward()
    return [parameter.grad.clone() for parameter in gpt.parameters()]


@pytest.mark.parametrize("mode", [True, False])
def test_recomputed_activations_give_the_same_gradients_and_keep_less(mode):
    gpt, kept = lively(GPT(SHAPE)).train(mode), {}
    found = {}
    for recompute in (False, True):
        sizes = []
        note = lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            found[recompute] = gradients(gpt, recompute=recompute)
        kept[recompute] = sum(sizes)
    for one, other in zip(found[False], found[True]):
        torch.testing.assert_close(one, other)
    assert kept[True] < 0.6 * kept[False]


def test_a_model_depends_on_its_seed_alone_and_draws_from_nothing_else():
    before = torch.get_rng_state()
    one, again, other = GPT(SHAPE, seed=3), GPT(SHAPE, seed=3), GPT(SHAPE, seed=4)
    assert torch.equal(before, torch.get_rng_state())
    assert same(one, again) and not same(one, other)


def test_first_weights_are_spread_as_in_gpt_2():
    gpt = GPT(Shape(2000, 64, layers=8, width=128, heads=4))
    block = gpt.blocks[3]
    for weight in (gpt.tokens.weight, block.attention.query_key_value.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.02)
    for weight in (block.attention.join.weight, block.mlp.contract.weight):
        assert weight.std().item() == pytest.approx(0.02 / 16**0.5, rel=0.02)
    for name, parameter in gpt.named_parameters():
        if parameter.ndim == 1:
            assert (parameter == (0 if name.endswith("bias") else 1)).all()


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", True, None])
def test_a_shape_of_impossible_numbers_is_refused(value):
    with pytest.raises(
        ValueError, match=f"layers must be a whole number of at least 1, got {value!r}"
    ):
        Shape(300, 16, layers=value, width=16, heads=2)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads must divide width, got 3 heads and width 16; each"):
        Shape(300, 16, layers=2, width=16, heads=3)


def test_more_tokens_than_the_context_are_refused():
    gpt = GPT(SHAPE)
    with pytest.raises(ValueError, match="tokens: expected at most 16, .* got 17; leave out"):
        gpt(some_tokens(length=17))
    cache = Cache(gpt, sequences=3)
    with torch.no_grad():
        gpt(some_tokens(length=15), cache)
        with pytest.raises(ValueError, match="expected at most 16, .* got 17"):
            gpt(some_tokens(length=2), cache)


@pytest.mark.parametrize("shape", [(3, 7), (2, 5), (1, 5)])
def test_tokens_that_a_cache_has_no_room_for_are_refused(shape):
    gpt = GPT(SHAPE)
    with pytest.raises(
        ValueError, match="cache: expected at most 6 more tokens of 3 sequences, got"
    ):
        gpt(some_tokens(*shape), Cache(gpt, sequences=3, size=6))
