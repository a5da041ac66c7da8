"""Bits per byte, measured as the words say."""

import dataclasses
import math

import pytest
import torch
from tiny import SHAPE, lively, tokens

from labs.gpt import measure
from labs.gpt.model import GPT


def test_bits_per_byte_are_those_of_a_direct_computation():
    gpt, text = lively(GPT(SHAPE)), tokens()
    nats = []
    with torch.no_grad():
        for start in range(0, len(text.val) - SHAPE.context, SHAPE.context):
            row = text.val[start : start + SHAPE.context + 1].long()
            logs_TV = gpt(row[None, :-1])[0].double().log_softmax(-1)
            nats += [-float(logs_V[i]) for logs_V, i in zip(logs_TV, row[1:])]
    bits = sum(nats) / len(nats) / math.log(2)
    expected = bits * len(text.val) / text.val_bytes
    for size in (1, 7, 1000):
        assert measure.bits_per_byte(gpt, text, size) == pytest.approx(expected, rel=1e-5)


def test_a_model_that_knows_nothing_needs_the_logarithm_of_its_vocabulary_for_each_token():
    gpt, text = GPT(SHAPE), tokens()
    with torch.no_grad():
        gpt.tokens.weight.zero_()  # all logits are 0
    expected = math.log2(SHAPE.vocabulary) * len(text.val) / text.val_bytes
    assert measure.bits_per_byte(gpt, text) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_the_mode_and_the_gradients_of_a_model_alone(training):
    gpt = GPT(SHAPE).train(training)
    measure.bits_per_byte(gpt, tokens())
    assert gpt.training == training
    assert all(parameter.grad is None for parameter in gpt.parameters())


def test_the_first_part_of_the_text_can_be_measured_alone():
    gpt, text = lively(GPT(SHAPE)), tokens()
    part = dataclasses.replace(text, val=text.val[: 3 * 16 + 1])
    ratio = len(text.val) / len(part.val)
    assert measure.bits_per_byte(gpt, text, most=50) == pytest.approx(
        measure.bits_per_byte(gpt, part) * ratio, rel=1e-6
    )


@pytest.mark.parametrize("most, got", [(0, 0), (16, 16)])
def test_less_than_a_window_is_refused(most, got):
    said = f"tokens: expected more than 16 held out, the context, got {got}; give a longer text"
    with pytest.raises(ValueError, match=said):
        measure.bits_per_byte(GPT(SHAPE), tokens(), most=most)


def test_a_text_shorter_than_the_context_is_refused():
    short = dataclasses.replace(tokens(), val=tokens().val[:10])
    with pytest.raises(ValueError, match="tokens: expected more than 16 held out, .* got 10; give"):
        measure.bits_per_byte(GPT(SHAPE), short)


def test_the_loss_is_the_mean_cross_entropy():
    logits_BTV, y_BT = torch.randn(2, 3, 5), torch.randint(5, (2, 3))
    logs = logits_BTV.log_softmax(-1)
    expected = -sum(logs[b, t, y_BT[b, t]] for b in range(2) for t in range(3)) / 6
    torch.testing.assert_close(measure.next_token_loss(logits_BTV, y_BT), expected)
    torch.testing.assert_close(
        measure.next_token_loss(logits_BTV.bfloat16(), y_BT), expected, rtol=0.01, atol=0.01
    )
