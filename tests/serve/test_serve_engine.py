"""Continuous batching: who enters when, who leaves when, and that nobody notices the others."""

import functools
import time

import pytest
import torch
from small_gpt import save

from labs.gpt import folder
from labs.gpt.generate import draw, generate
from labs.serve.batch import Batch, Rereading
from labs.serve.engine import Engine, Sequence


@pytest.fixture(scope="module")
def gpt(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    save(path, half=False)
    return folder.load(path)[0]


def sequence(prompt=(5, 6), most=10, seed=0, seconds=60, stop=None, **sampling):
    """A request whose end is noted in `.ends`."""
    generator, ends = torch.Generator().manual_seed(seed), []
    choose = functools.partial(draw, generator=generator, **sampling)
    take = lambda token: "stop" if token == stop else None
    until = time.monotonic() + seconds
    made = Sequence(list(prompt), most, until, choose, take, ends.append)
    made.ends = ends
    return made


def run(engine, *sequences):
    """Let them wait, and step until nothing is left."""
    engine.waiting.extend(sequences)
    while engine.waiting or engine.running:
        engine.step()


@pytest.mark.parametrize("kind", [Batch, Rereading])
@pytest.mark.parametrize(
    "sampling", [{"temperature": 0}, {}, {"temperature": 0.7, "top_k": 20, "top_p": 0.9}]
)
def test_each_is_written_as_generate_writes_it_whatever_else_runs(gpt, sampling, kind):
    asked = [sequence((i, 2 * i + 1), 3 + 4 * i, seed=i, **sampling) for i in range(12)]
    run(Engine(kind(gpt, 5), 5), *asked)
    for i, one in enumerate(asked):
        alone = generate(gpt, one.prompt, one.most, seed=i, **sampling)
        assert one.written == list(alone) and one.ends == ["tokens"]


def test_one_that_waits_enters_as_soon_as_another_leaves(gpt):
    engine = Engine(Batch(gpt, 2), 2)
    short, long, next_one = sequence(most=3), sequence(most=20), sequence(most=4)
    engine.waiting.extend([short, long, next_one])
    engine.step()  # a token at the entry, and one with the step
    assert (len(short.written), len(long.written), len(next_one.written)) == (2, 2, 0)
    engine.step()
    assert short.ends == ["tokens"] and next_one.written == []
    engine.step()
    assert engine.running == [next_one, long] or engine.running == [long, next_one]
    assert (len(long.written), len(next_one.written)) == (4, 2)


def test_a_step_writes_one_token_for_all_that_run(gpt):
    engine, asked = Engine(Batch(gpt, 4), 4), [sequence(most=9, seed=i) for i in range(4)]
    engine.waiting.extend(asked)
    for step in range(1, 5):
        engine.step()
        assert [len(one.written) for one in asked] == [step + 1] * 4


def test_a_first_token_is_handed_over_before_the_next_prompt_is_read(gpt):
    asked, seen = [sequence() for _ in range(3)], []
    engine = Engine(Batch(gpt, 3), 3, lambda: seen.append([len(one.written) for one in asked]))
    engine.waiting.extend(asked)
    engine.step()
    assert seen == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 2, 2]]


def test_the_token_that_ends_a_text_ends_its_sequence(gpt):
    third = list(generate(gpt, [5, 6], 3, seed=1))[2]
    one = sequence(seed=1, stop=third)
    run(Engine(Batch(gpt, 1), 1), one)
    assert one.ends == ["stop"] and one.written[-1] == third and len(one.written) <= 3


def test_a_cancelled_one_frees_its_slot_at_the_next_step(gpt):
    engine = Engine(Batch(gpt, 1), 1)
    gone, next_one, waits = sequence(most=50), sequence(most=2), sequence()
    engine.waiting.extend([gone, next_one, waits])
    engine.step()
    gone.cancelled = waits.cancelled = True
    engine.step()
    assert gone.ends == ["cancelled"] == waits.ends and waits.written == []
    assert next_one.ends == ["tokens"] and len(gone.written) == 2 and not engine.waiting


def test_one_past_its_time_ends_with_what_it_has_or_without_having_begun(gpt):
    engine = Engine(Batch(gpt, 1), 1)
    runs, waits = sequence(most=50), sequence(seconds=-1)
    engine.waiting.extend([runs, waits])
    engine.step()
    assert waits.ends == ["time"] and waits.written == []
    runs.until = time.monotonic()
    engine.step()
    assert runs.ends == ["time"] and len(runs.written) == 2 and not engine.running


def test_one_that_has_ended_ends_no_second_time(gpt):
    engine, one = Engine(Batch(gpt, 1), 1), sequence(most=1)
    engine.waiting.append(one)
    engine.step()
    one.cancelled, one.until = True, 0
    engine.step()
    assert one.ends == ["tokens"] and not engine.running


def test_after_a_failed_step_those_that_ran_have_ended_and_the_others_are_served(gpt):
    engine = Engine(Batch(gpt, 2), 2)
    broken, beside, waits = sequence(), sequence(), sequence(most=5, temperature=0)
    broken.draw = lambda logits_V: 1 / 0
    engine.waiting.extend([beside, broken, waits])
    with pytest.raises(ZeroDivisionError) as raised:
        engine.step()
    engine.fail(raised.value)
    assert broken.ends == [raised.value] == beside.ends and waits.ends == []
    run(engine)
    assert waits.written == list(generate(gpt, [5, 6], 5, temperature=0))
