"""Tables of n-grams: the same as counting by hand, and what they cannot be asked."""

import collections
import dataclasses
import math

import pytest
import torch
from tiny import tokens

from labs.gpt import ngrams


def by_hand(train, val, longest, size, discount):
    """The bits that all of `val` needs, by the formulas, one probability at a time."""

    def chance(gram, top):
        if not gram:
            return 1 / size
        n = len(gram)
        if top:
            counts = collections.Counter(zip(*(train[i:] for i in range(n))))
        else:
            longer = set(zip(*(train[i:] for i in range(n + 1))))
            counts = collections.Counter(one[1:] for one in longer)
        alike = {one: count for one, count in counts.items() if one[:-1] == gram[:-1]}
        shorter = chance(gram[1:], False)
        if not alike:
            return shorter
        kept = max(counts[gram] - discount, 0)
        return (kept + discount * len(alike) * shorter) / sum(alike.values())

    grams = [tuple(val[max(0, i - longest + 1) : i + 1]) for i in range(len(val))]
    # a gram that the text's beginning cuts short has no longer one: it is a shorter history's
    return sum(-math.log2(chance(gram, len(gram) == longest)) for gram in grams)


@pytest.mark.parametrize("discount", [0.5, 0.9])
@pytest.mark.parametrize("longest", [1, 2, 3, 4])
def test_a_table_is_what_the_formulas_say(longest, discount):
    short = dataclasses.replace(tokens(), train=tokens().train[:150], val=tokens().val[:25])
    size = 1 + int(max(short.train.max(), short.val.max()))
    expected = by_hand(short.train.tolist(), short.val.tolist(), longest, size, discount)
    found = ngrams.bits_per_byte(short, longest, discount)
    assert len(found) == longest
    assert found[-1] == pytest.approx(expected / short.val_bytes, rel=1e-9)


def test_what_was_learned_by_heart_costs_next_to_nothing():
    text = torch.arange(200, dtype=torch.int32).repeat(5)
    again = dataclasses.replace(tokens(), train=text, val=text[:200], val_bytes=200)
    assert ngrams.bits_per_byte(again, 2, discount=0.1)[1] < 0.1


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"longest": 0}, "longest must be a whole number of at least 1, got 0"),
        ({"longest": 2.0}, "longest must be a whole number of at least 1, got 2.0"),
        ({"longest": 2, "discount": 0}, "discount must be above 0 and at most 1, got 0"),
        ({"longest": 2, "discount": 1.1}, "discount must be above 0 and at most 1, got 1.1"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(asked, said):
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        ngrams.bits_per_byte(tokens(), **asked)
