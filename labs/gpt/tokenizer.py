"""Text to tokens and back: byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al.
2019), by Hugging Face's `tokenizers`.

Its alphabet is the 256 bytes, so that any text has tokens, and none is unknown.
"""

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
"""Stands between two documents."""


def train(texts, vocabulary=2048):
    """A `tokenizers.Tokenizer` of `vocabulary` tokens: END, 256 bytes, and the most frequent pairs.

    `texts`: an iterable of strings, at least one of which is not empty. Raises ValueError for none,
    and for a vocabulary that does not hold the bytes.
    """
    if vocabulary < 257:
        raise ValueError(f"vocabulary must be at least 257, {END} and the bytes, got {vocabulary}")
    texts = [text for text in texts if text]
    if not texts:
        raise ValueError("texts: expected at least one that is not empty, got none; give some text")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def end_of(tokenizer):
    """The id of END. Raises ValueError where the tokenizer has none."""
    token = tokenizer.token_to_id(END)
    if token is None:
        raise ValueError(f"tokenizer: expected one with the token {END}, as GPT-2's has; got none")
    return token
