"""The tokenizer: any text has tokens, and they give it back."""

import random

import pytest
import tokenizers
from tiny import prose, texts, words
from tokenizers import models

from labs.gpt import tokenizer

ODD = [
    "",
    " ",
    "\n\n\t  \r\n",
    "Grüße an 世界 🙂👩‍👩‍👧",
    "e\u0301 is not \u00e9, and \ufeff, \u200b and \x00 are kept",
    "\u202eright to left: שלום",
    "x" * 3000,
    "def f(x):\n    return x  # ½ Ⅻ ﬁ\n",
    "a" + tokenizer.END + "b",
]


def drawn(seed):
    """Any characters of Unicode but halves of pairs."""
    rng = random.Random(seed)
    codes = [rng.randrange(rng.choice([128, 0x3000, 0x110000])) for _ in range(200)]
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


@pytest.mark.parametrize("text", [*ODD, *map(drawn, range(20))], ids=lambda text: ascii(text[:12]))
def test_any_text_comes_back_from_its_tokens(text):
    ids = words().encode(text).ids
    assert words().decode(ids, skip_special_tokens=False) == text
    assert all(0 <= i < 300 for i in ids)


@pytest.mark.parametrize("vocabulary", [257, 258, 300, 315])
def test_the_vocabulary_is_exact(vocabulary):
    made = tokenizer.train(texts().train.values(), vocabulary)
    assert made.get_vocab_size() == vocabulary
    assert sorted(made.get_vocab().values()) == list(range(vocabulary))
    assert tokenizer.end_of(made) == 0


def test_the_same_texts_give_the_same_tokenizer():
    again = tokenizer.train(iter(texts().train.values()), 300)
    assert again.to_str() == words().to_str()


def test_frequent_pairs_become_tokens():
    assert len(words().encode(" token").ids) == 1
    assert len(words().encode(" tucan").ids) > 1


@pytest.mark.parametrize("vocabulary", [256, 0, -5, 300.0, "300", True])
def test_a_vocabulary_that_does_not_hold_the_bytes_is_refused(vocabulary):
    said = "vocabulary must be a whole number of at least 257, .* and the bytes, got "
    with pytest.raises(ValueError, match=said):
        tokenizer.train(["some text"], vocabulary)


@pytest.mark.parametrize("none", [[], [""], ["", ""], iter([])])
def test_no_text_is_refused(none):
    with pytest.raises(ValueError, match="texts: expected at least one .* got none; give some"):
        tokenizer.train(none, 300)


def test_texts_too_short_for_the_vocabulary_are_refused_and_said_how_far_they_go():
    said = "texts: expected enough of them for 300 tokens, got enough for 259; give more text, or a"
    with pytest.raises(ValueError, match=said):
        tokenizer.train(["aba"], 300)
    assert tokenizer.train(["aba"], 259).get_vocab_size() == 259


def test_one_string_is_not_taken_for_a_list_of_characters():
    with pytest.raises(
        ValueError, match=r"expected a list of strings, got one string; give \[text\]"
    ):
        tokenizer.train(prose(50, 0), 260)


def test_a_tokenizer_without_an_end_token_is_refused():
    with pytest.raises(ValueError, match="tokenizer: expected one with the token <.endoftext.>"):
        tokenizer.end_of(tokenizers.Tokenizer(models.BPE()))
