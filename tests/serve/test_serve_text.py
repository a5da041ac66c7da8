"""Text as it grows: nothing is shown that a later token could change, and nothing is lost."""

import random

import pytest
import small_gpt

from labs.serve.text import Text


@pytest.fixture(scope="module")
def words():
    return small_gpt.tokenizer()


def pieces(text, tokens):
    """What `text` shows after each token and at the end, and why it ended."""
    found = []
    for token in tokens:
        reason = text.take(token)
        if reason:
            break
        found.append(text.new())
    else:
        reason = None
        text.close()
    return [*found, text.new()], reason


@pytest.mark.parametrize("seed", range(20))
def test_pieces_make_the_text_that_all_tokens_make(words, seed):
    tokens = random.Random(seed).choices(range(1, 600), k=60)
    found, reason = pieces(Text(words), tokens)
    assert "".join(found) == words.decode(tokens, skip_special_tokens=False) and reason is None


def test_a_character_of_several_tokens_is_shown_when_it_is_whole(words):
    tokens = words.encode("a🙂b").ids
    assert len(tokens) > 3
    assert [piece for piece in pieces(Text(words), tokens)[0] if piece] == ["a", "🙂", "b"]


def test_half_a_character_at_the_end_is_not_kept_back(words):
    tokens = words.encode("a🙂").ids[:-1]
    assert "".join(pieces(Text(words), tokens)[0]) == words.decode(tokens)


@pytest.mark.parametrize(
    "stop, shown",
    [
        (["return"], "if x:\n    "),
        (["x:", "return"], "if "),
        (["return", "x:"], "if "),
        (["\n"], "if x:"),
        (["if"], ""),
        (["nowhere"], "if x:\n    return y"),
        (["return y or"], "if x:\n    return y"),
        ([], "if x:\n    return y"),
    ],
)
def test_the_text_ends_before_the_first_stop_string(words, stop, shown):
    by_character = [words.token_to_id(c) for c in "ifĠx:ĊĠĠĠĠreturnĠy"]
    for tokens in (words.encode("if x:\n    return y").ids, by_character):
        found, reason = pieces(Text(words, stop), tokens)
        assert "".join(found) == shown
        assert reason == ("stop" if any(s in "if x:\n    return y" for s in stop) else None)


def test_what_may_begin_a_stop_string_is_held_back_until_it_is_clear(words):
    tokens = [words.token_to_id(c) for c in "abcabd"]
    assert pieces(Text(words, ["abd"]), tokens)[0] == ["", "", "abc", "", "", ""]
    assert pieces(Text(words, ["abd"]), tokens[:5])[0] == ["", "", "abc", "", "", "ab"]


def test_the_end_of_a_document_is_no_text_and_shows_what_was_held_back(words):
    end = words.token_to_id(small_gpt.END)
    tokens = [words.token_to_id("a"), end, words.token_to_id("b")]
    assert pieces(Text(words, ["ab"], end), tokens) == (["", "a"], "end")
    assert "".join(pieces(Text(words), tokens)[0]) == f"a{small_gpt.END}b"
