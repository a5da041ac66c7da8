"""Inside of a GPT: the maps are those that it uses, and a head can be taken out."""

import copy

import pytest
import torch
from tiny import SHAPE, lively, some_tokens

from labs.gpt.inside import attention_maps, without
from labs.gpt.model import GPT

X_BT = some_tokens()
HEADS = [(layer, head) for layer in range(2) for head in range(2)]


def fresh():
    return lively(GPT(SHAPE), seed=7)


def logits(gpt):
    with torch.no_grad():
        return gpt(X_BT)


def hooks(gpt):
    return sum(len(part._forward_pre_hooks) + len(part._forward_hooks) for part in gpt.modules())


def test_rows_of_attention_maps_sum_to_1_and_read_nothing_later():
    maps = attention_maps(fresh(), X_BT)
    assert maps.shape == (2, 3, 2, 12, 12)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 3, 2, 12))
    assert (maps.triu(1) == 0).all() and (maps.tril() >= 0).all()


def test_attention_maps_give_what_attention_gives():
    gpt, seen = fresh(), []
    maps = attention_maps(gpt, X_BT)
    for block in gpt.blocks:
        block.attention.register_forward_hook(lambda m, inputs, out: seen.append((inputs[0], out)))
    logits(gpt)
    for block, map_BHTT, (x_BTD, out) in zip(gpt.blocks, maps, seen):
        _, _, v = block.attention.split(x_BTD)
        read = (map_BHTT @ v).transpose(1, 2).flatten(2)
        torch.testing.assert_close(block.attention.join(read), out, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads", [[], *[[head] for head in HEADS], HEADS[:3], HEADS])
def test_without_a_head_is_with_its_columns_of_the_join_at_0(heads):
    gpt, cut = fresh(), fresh()
    size = SHAPE.width // SHAPE.heads
    with torch.no_grad():
        for layer, head in heads:
            weight = cut.blocks[layer].attention.join.weight
            weight[:, head * size : (head + 1) * size] = 0
    with without(gpt, heads) as same:
        assert same is gpt
        torch.testing.assert_close(logits(gpt), logits(cut))
    assert torch.equal(logits(gpt), logits(fresh()))
    assert not heads or not torch.allclose(logits(cut), logits(gpt))


def test_hooks_are_gone_afterwards():
    gpt = fresh()
    attention_maps(gpt, X_BT)
    with without(gpt, HEADS):
        assert hooks(gpt) == 4
        attention_maps(gpt, X_BT)
    assert hooks(gpt) == 0


def test_hooks_are_gone_after_an_error_too():
    gpt = fresh()
    with pytest.raises(ValueError, match="tokens: expected at most 16"):
        attention_maps(gpt, some_tokens(length=17))
    with pytest.raises(ZeroDivisionError), without(gpt, HEADS):
        1 / 0  # noqa: B018
    with pytest.raises(ValueError), without(gpt, [(0, 0), (9, 0)]):
        pass
    assert hooks(gpt) == 0


@pytest.mark.parametrize("head", [(2, 0), (0, 2), (-1, 0), (0, -1)])
def test_a_head_that_is_not_there_is_refused(head):
    said = r"heads: expected pairs \(layer, head\) below 2 and 2, got \({}, {}\)".format(*head)
    with pytest.raises(ValueError, match=said), without(fresh(), [head]):
        pass


def test_looking_inside_changes_nothing():
    gpt = fresh()
    before = copy.deepcopy(gpt.state_dict())
    attention_maps(gpt, X_BT)
    with without(gpt, HEADS):
        logits(gpt)
    assert all(torch.equal(before[name], tensor) for name, tensor in gpt.state_dict().items())
    assert all(parameter.grad is None for parameter in gpt.parameters())
