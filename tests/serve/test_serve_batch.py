"""Sequences that share a cache are read as if each were alone."""

import pytest
import torch
from small_gpt import save

from labs.gpt import folder
from labs.serve.batch import Batch, Rereading


@pytest.fixture(scope="module")
def gpt(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    save(path, half=False)
    return folder.load(path)[0]


def alone(gpt, tokens):
    """The logits after a sequence, read by itself."""
    return gpt(torch.tensor([tokens]))[0, -1]


@pytest.mark.parametrize("kind", [Batch, Rereading])
@torch.inference_mode()
def test_sequences_of_any_length_come_and_go_and_each_is_as_if_alone(gpt, kind):
    generator = torch.Generator().manual_seed(0)
    number = lambda low, high: int(torch.randint(low, high, (), generator=generator))
    some = lambda length: torch.randint(600, (length,), generator=generator).tolist()
    batch, held, compared = kind(gpt, 5), [], 0
    for _ in range(80):
        if len(held) < 5 and number(0, 3) == 0:
            held.append(some(number(1, 30)))
            found = [(batch.add(held[-1]), held[-1])]
        elif held and (number(0, 4) == 0 or max(map(len, held)) == gpt.shape.context):
            row = number(0, len(held))
            batch.remove(row)
            last = held.pop()
            held[row : row + 1] = [last] if row < len(held) else []
            continue
        elif held:
            new = some(len(held))
            held = [tokens + [token] for tokens, token in zip(held, new)]
            found = zip(batch.step(new), held)
        else:
            continue
        for logits_V, tokens in found:
            torch.testing.assert_close(logits_V, alone(gpt, tokens), rtol=1e-4, atol=1e-4)
            compared += 1
    assert compared > 80


@torch.inference_mode()
def test_a_row_reads_nothing_of_who_had_it_before(gpt):
    batch = Batch(gpt, 2)
    batch.add(list(range(100, 140)))
    batch.remove(0)
    batch.add([7, 8])
    torch.testing.assert_close(batch.step([9])[0], alone(gpt, [7, 8, 9]), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_full_row_stands_beside_an_almost_empty_one(gpt):
    batch, long = Batch(gpt, 2), list(range(gpt.shape.context - 1))
    batch.add(long)
    batch.add([5])
    for logits_V, tokens in zip(batch.step([3, 4]), ([*long, 3], [5, 4])):
        torch.testing.assert_close(logits_V, alone(gpt, tokens), rtol=1e-4, atol=1e-4)
