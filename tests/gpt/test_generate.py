"""How a GPT writes: as transformers does, from a seed, or refused in words."""

import functools
import re

import pytest
import torch
import transformers
from tiny import SHAPE, lively, some_tokens, words
from transformers.generation import logits_process

from labs.gpt import folder
from labs.gpt.generate import chances, complete, generate
from labs.gpt.model import GPT

PROMPT = [5, 100, 299]


@functools.cache
def gpt():
    return lively(GPT(SHAPE), seed=7)


def written(**options):
    return list(generate(gpt(), PROMPT, **options))


def test_greedy_tokens_are_those_of_transformers(tmp_path):
    folder.save(tmp_path / "m", gpt())
    there = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "m")
    for seed in range(5):
        asked = some_tokens(1, 4, seed)
        found = there.generate(
            asked, attention_mask=torch.ones_like(asked), do_sample=False, max_new_tokens=12
        )
        assert list(generate(gpt(), asked[0].tolist(), temperature=0)) == found[0, 4:].tolist()


def test_each_greedy_token_is_the_most_likely_one_without_a_cache():
    tokens = list(PROMPT)
    for token in written(temperature=0):
        with torch.no_grad():
            assert token == int(gpt()(torch.tensor([tokens]))[0, -1].argmax())
        tokens.append(token)
    assert len(tokens) == SHAPE.context


def test_the_same_seed_gives_the_same_tokens_and_another_one_others():
    torch.manual_seed(1)
    one = written(seed=3)
    before = torch.manual_seed(2).get_state()
    assert written(seed=3) == one and written(seed=4) != one
    assert torch.equal(torch.get_rng_state(), before)  # nothing else is drawn from


def test_tokens_are_drawn_as_often_as_their_chances_say():
    with torch.no_grad():
        expected = chances(gpt()(torch.tensor([PROMPT]))[0, -1], temperature=0.5, top_k=5)
    drawn = [
        next(generate(gpt(), PROMPT, most=1, temperature=0.5, top_k=5, seed=s)) for s in range(400)
    ]
    counted = torch.bincount(torch.tensor(drawn), minlength=SHAPE.vocabulary) / 400
    assert (counted > 0).sum() <= 5
    assert (counted - expected).abs().max() < 4 * (0.25 / 400) ** 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "temperature, top_k, top_p",
    [
        (1.0, 0, 1.0),
        (0.7, 0, 1.0),
        (1.0, 1, 1.0),
        (1.0, 7, 1.0),
        (1.0, 300, 1.0),
        (1.0, 999, 1.0),
        (1.0, 0, 0.9),
        (1.0, 0, 0.3),
        (1.0, 0, 1e-6),
        (1.3, 20, 0.8),
        (3.0, 50, 0.95),
    ],
)
def test_chances_are_those_of_the_warpers_of_transformers(temperature, top_k, top_p, seed):
    logits_V = 3 * torch.randn(300, generator=torch.Generator().manual_seed(seed))
    warpers = [logits_process.TemperatureLogitsWarper(temperature)] if temperature != 1 else []
    warpers += [logits_process.TopKLogitsWarper(top_k)] if top_k else []
    warpers += [logits_process.TopPLogitsWarper(top_p)] if top_p < 1 else []
    theirs = logits_process.LogitsProcessorList(warpers)(None, logits_V[None])[0].softmax(-1)
    ours = chances(logits_V, temperature, top_k, top_p)
    assert torch.equal(ours > 0, theirs > 0)
    torch.testing.assert_close(ours, theirs)
    assert ours.sum().item() == pytest.approx(1, abs=1e-5)


def test_at_temperature_0_and_near_it_the_most_likely_token_is_certain():
    logits_V = torch.tensor([1.0, 3.0, 2.0, -80.0])
    for temperature in (0, 0.0, 1e-3, 1e-40, 5e-324):
        for options in ({}, {"top_k": 2}, {"top_p": 0.5}):
            assert chances(logits_V, temperature, **options).tolist() == [0, 1, 0, 0]
    assert written(temperature=0, seed=1) == written(temperature=0, seed=2)
    assert written(temperature=1e-40) == written(temperature=0) == written(top_k=1)


def test_a_very_high_temperature_makes_all_tokens_equally_likely():
    found = chances(torch.tensor([1.0, 50.0, -50.0]), temperature=1e30)
    torch.testing.assert_close(found, torch.full((3,), 1 / 3))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"temperature": -0.1}, "temperature must be 0 or positive, and finite, got -0.1"),
        ({"temperature": float("inf")}, "temperature must be 0 or positive, and finite, got inf"),
        ({"temperature": float("nan")}, "temperature must be 0 or positive, and finite, got nan"),
        ({"top_k": -1}, "top_k must be a whole number, 0 for no limit, got -1"),
        ({"top_k": 2.5}, "top_k must be a whole number, 0 for no limit, got 2.5"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, got 0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
        ({"top_p": -0.5}, "top_p must be above 0 and at most 1, got -0.5"),
        ({"top_p": float("nan")}, "top_p must be above 0 and at most 1, got nan"),
        ({"most": -1}, "most must be a whole number, 0 or positive, got -1"),
        ({"most": 1.5}, "most must be a whole number, 0 or positive, got 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(options, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        written(**options)


def test_top_k_0_and_top_p_1_set_no_limit():
    assert written(top_k=0, top_p=1) == written() == written(top_k=300, top_p=1.0)


@pytest.mark.parametrize(
    "tokens, said",
    [
        ([], "tokens: expected at least one to go on from, got none"),
        ([1] * 17, "tokens: expected at most 16, the context of this model, got 17; leave out the"),
        ([1, 300], "tokens: expected ids from 0 to 299, got 300; is it the tokenizer of this"),
        ([-1], "tokens: expected ids from 0 to 299, got -1; is it"),
        (["a"], "tokens: expected ids from 0 to 299, got 'a'; is it"),
    ],
)
def test_prompts_that_a_model_cannot_read_are_refused(tokens, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        list(generate(gpt(), tokens))


def test_it_ends_when_the_context_is_full():
    assert len(written(most=100)) == 13 and len(written(most=4)) == 4
    assert len(list(generate(gpt(), [1] * 15))) == 1
    assert list(generate(gpt(), [1] * 16)) == [] == written(most=0)


@pytest.mark.parametrize("mode", [True, False])
def test_writing_leaves_a_model_as_it_was(mode):
    before = {name: tensor.clone() for name, tensor in gpt().state_dict().items()}
    gpt().train(mode)
    written()
    assert gpt().training == mode
    assert all(torch.equal(tensor, before[name]) for name, tensor in gpt().state_dict().items())


def test_a_model_that_diverged_is_refused_in_words():
    broken = lively(GPT(SHAPE))
    with torch.no_grad():
        broken.norm.weight.fill_(float("nan"))
    for temperature in (0, 1):
        with pytest.raises(
            ValueError, match="logits: expected numbers, got NaN; did the model div"
        ):
            list(generate(broken, PROMPT, temperature=temperature))


def test_a_text_is_completed_by_what_its_tokens_are_followed_by():
    prompt = "the model reads"
    ids = words().encode(prompt).ids
    found = list(generate(gpt(), ids, seed=4, top_k=20))
    text = complete(gpt(), words(), prompt, seed=4, top_k=20)
    assert text == words().decode(found, skip_special_tokens=False)


def test_it_stops_before_the_token_it_is_told():
    ids = words().encode("the model").ids
    found = list(generate(gpt(), ids, seed=4))
    stop = found[5]
    kept = found[: found.index(stop)]
    text = complete(gpt(), words(), "the model", stop=stop, seed=4)
    assert text == words().decode(kept, skip_special_tokens=False)


def test_an_empty_prompt_begins_a_document():
    found = list(generate(gpt(), [0], temperature=0))
    expected = words().decode(found, skip_special_tokens=False)
    assert complete(gpt(), words(), "", temperature=0) == expected
