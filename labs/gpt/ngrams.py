"""Tables of n-grams: what a language model has to beat.

A table says how often a token followed the n - 1 before it. Kneser and Ney's smoothing (1995;
interpolated, as in Chen and Goodman 1999) takes a little from each count and gives it to what the
shorter history says; there, a token counts once for each different token that it was seen after.
"""

import numpy as np


def bits_per_byte(tokens, longest, discount=0.9):
    """What tables of 1, 2, ... `longest` tokens need for a byte of the held-out documents, a list.

    `tokens`: of `labs.gpt.corpus.encode`; all of `train` is counted. `discount`: what is taken from
    each count. Raises ValueError for a `longest` below 1 and a discount outside of (0, 1].
    """
    if type(longest) is not int or longest < 1:
        raise ValueError(f"longest must be a whole number of at least 1, got {longest!r}")
    if not 0 < discount <= 1:
        raise ValueError(f"discount must be above 0 and at most 1, got {discount!r}")
    text = np.concatenate([tokens.train, tokens.val]).astype(np.int64)
    cut, vocabulary = len(tokens.train), 1 + text.max()
    p, bits = np.full(len(tokens.val), 1 / vocabulary), []
    # At each place: a number for the n-gram that ends there, and one for its first n - 1 tokens.
    gram, history = text, np.zeros_like(text)
    for n in range(1, longest + 1):
        before = np.concatenate([[0], gram[:-1]])
        longer = np.unique(before * vocabulary + text, return_inverse=True)[1]
        often = np.bincount(gram[n - 1 : cut], minlength=1 + gram.max())
        _, first = np.unique(longer[n:cut], return_index=True)
        after = np.bincount(gram[n:cut][first], minlength=len(often))  # so many different tokens
        chances = _smoothed(often, gram, history, n, cut, p, discount)
        bits.append(-np.log2(chances).sum() / tokens.val_bytes)
        p = _smoothed(after, gram, history, n, cut, p, discount)
        gram, history = longer, before
    return bits


def _smoothed(counts, gram, history, n, cut, p, discount):
    """The probability of each held-out token by `counts` of n-grams; `p`: by shorter histories."""
    kinds, first = np.unique(gram[n - 1 : cut], return_index=True)
    of = history[n - 1 : cut][first]
    size = 1 + history.max()
    total = np.bincount(of, counts[kinds], minlength=size)
    followers = np.bincount(of, counts[kinds] > 0, minlength=size)
    gram, history = gram[cut + n - 1 :], history[cut + n - 1 :]
    known = total[history] > 0
    gram, history = gram[known], history[known]
    kept = np.maximum(counts[gram] - discount, 0)
    shorter = p[n - 1 :][known]
    smoothed = p.copy()
    smoothed[n - 1 :][known] = (kept + discount * followers[history] * shorter) / total[history]
    return smoothed
