"""What a step reads: every window once an epoch, from the seed and the step alone."""

import pytest
import torch

from labs.gpt.batches import Batches

TOKENS = torch.arange(103, dtype=torch.int32)  # each token is its own place


def starts(batches, steps):
    return [int(row[0]) for step in steps for row in batches[step][0]]


@pytest.mark.parametrize("size", [1, 3, 7, 40])
@pytest.mark.parametrize("context", [4, 10])
def test_in_an_epoch_each_window_comes_once(size, context):
    batches = Batches(TOKENS, context, size, seed=5)
    windows = batches.windows
    assert windows >= len(TOKENS) // context - 2
    epochs = 6
    read = starts(batches, range(-(-epochs * windows // size)))
    firsts = set()
    for epoch in range(epochs):
        part = sorted(read[epoch * windows : (epoch + 1) * windows])
        assert part == list(range(part[0], part[0] + windows * context, context))
        assert 0 <= part[0] < context and part[-1] + context < len(TOKENS)
        firsts.add(part[0])
    assert len(firsts) > 1  # the windows begin elsewhere in each epoch


def test_a_row_and_the_token_after_each_of_its_tokens():
    x_BT, y_BT = Batches(TOKENS, 10, 3, seed=0)[2]
    assert x_BT.shape == y_BT.shape == (3, 10) and x_BT.dtype == y_BT.dtype == torch.int64
    assert torch.equal(y_BT, x_BT + 1)


def test_a_step_depends_on_the_seed_and_its_number_alone():
    forward, backward = Batches(TOKENS, 4, 5, seed=1), Batches(TOKENS, 4, 5, seed=1)
    one = [forward[step][0] for step in range(30)]
    torch.manual_seed(99)
    other = [backward[step][0] for step in reversed(range(30))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(one, other))
    assert starts(forward, range(30)) != starts(Batches(TOKENS, 4, 5, seed=2), range(30))


def test_nothing_outside_of_the_seed_is_drawn_from():
    before = torch.get_rng_state()
    Batches(TOKENS, 4, 5, seed=1)[0]
    assert torch.equal(before, torch.get_rng_state())


def test_a_text_of_two_windows_is_enough_and_a_shorter_one_is_refused():
    x_BT, y_BT = Batches(TOKENS[:21], 10, 4, seed=0)[3]
    assert x_BT.shape == (4, 10) and int(y_BT.max()) <= 20
    said = "tokens: expected at least 21 to train on, two windows of the context, got 20; give a"
    with pytest.raises(ValueError, match=said):
        Batches(TOKENS[:20], 10, 4, seed=0)
