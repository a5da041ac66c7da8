"""What standard clients get from a server: the texts of labs.gpt, whole and in a stream."""

import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys

import openai
import pytest
from serving import CONTEXT, problem, server

from labs.gpt import folder
from labs.gpt.generate import complete
from labs.gpt.tokenizer import end_of

PROMPT = "def read(path):\n"


@pytest.fixture(scope="module")
def model(small):
    return folder.load(small)


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=served.url, api_key="any", max_retries=0) as client:
        yield client


def expected(model, prompt=PROMPT, **options):
    """What `complete` writes up to the end of a document."""
    gpt, tokenizer = model
    return complete(gpt, tokenizer, prompt, stop=end_of(tokenizer), **options)


def test_greedy_text_is_that_of_complete(served, client, model):
    answer = client.completions.create(
        model=served.name, prompt=PROMPT, temperature=0, max_tokens=60
    )
    assert answer.choices[0].text == expected(model, temperature=0, most=60)
    assert answer.choices[0].finish_reason == "length"
    prompt = len(model[1].encode(PROMPT).ids)
    assert answer.usage.prompt_tokens == prompt
    assert answer.usage.completion_tokens == 60
    assert answer.usage.total_tokens == prompt + 60


def test_the_command_that_a_server_prints_asks_it(served):
    done = subprocess.run(shlex.split(served.command), capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["usage"]["completion_tokens"] > 0 and answer["choices"][0]["text"]


def test_make_serve_serves_the_recorded_model_which_writes_what_complete_writes():
    """The environment of the tests stands for the one that make would install."""
    made = ["-o", ".venv/.installed", f"BIN={pathlib.Path(sys.executable).parent}"]
    command = ["make", "--no-print-directory", *made, "serve", "SERVE=--port 0"]
    with server(folder.RECORDED, command=command) as served:
        with openai.OpenAI(base_url=served.url, api_key="any") as client:
            assert [model.id for model in client.models.list()] == ["recorded"]
            prompt = "class Stack:\n    def __init__(self"
            answer = client.completions.create(
                model="recorded", prompt=prompt, temperature=0, max_tokens=50
            )
    text = expected(folder.load(folder.RECORDED), prompt, temperature=0, most=50)
    assert answer.choices[0].text == text and "self." in text


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.7, "top_p": 0.9, "top_k": 30}])
def test_the_same_seed_gives_the_same_text_whatever_else_is_in_the_batch(served, model, sampling):
    ask = lambda seed: served.text(PROMPT, seed=seed, max_tokens=40, **sampling)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        together = list(pool.map(ask, range(12)))
    assert together == [expected(model, most=40, seed=seed, **sampling) for seed in range(12)]
    assert ask(3) == together[3] and len(set(together)) == 12


def test_without_a_seed_each_text_is_another(served):
    assert len({served.text(max_tokens=30) for _ in range(3)}) == 3


def test_a_stream_gives_the_same_text_in_pieces_and_counts_at_the_end(served, client, model):
    chunks = list(
        client.completions.create(
            model=served.name,
            prompt=PROMPT,
            seed=5,
            max_tokens=40,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    *pieces, last, count = chunks
    text = "".join(chunk.choices[0].text for chunk in [*pieces, last])
    assert text == expected(model, most=40, seed=5) and len(pieces) > 1
    assert {chunk.choices[0].finish_reason for chunk in pieces} == {None}
    assert last.choices[0].finish_reason == "length"
    assert count.choices == [] and count.usage.completion_tokens == 40
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_events_of_a_stream_end_with_done(served):
    fields = {"model": served.name, "prompt": "a", "max_tokens": 3, "stream": True}
    with served.http.stream("POST", "/v1/completions", json=fields) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line for line in answer.iter_lines() if line]
    assert events[-1] == "data: [DONE]"
    last = json.loads(events[-2].removeprefix("data: "))
    assert last["choices"][0]["ended_by"] == "tokens" and "usage" not in last


def test_a_chat_is_the_completion_of_its_template(served, client):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 1?"},
        {"role": "assistant", "content": "A number."},
        {"role": "user", "content": "And 2?"},
    ]
    prompt = "Be brief.\n\nUser: What is 1?\n\nAssistant: A number.\n\nUser: And 2?\n\nAssistant:"
    ask = {"model": served.name, "seed": 1}
    text = served.text(prompt, seed=1, max_tokens=25, stop="\n\nUser:")
    answer = client.chat.completions.create(messages=messages, max_tokens=25, **ask)
    assert answer.choices[0].message.content == text
    assert answer.choices[0].message.role == "assistant" and answer.usage.completion_tokens == 25
    chunks = list(
        client.chat.completions.create(
            messages=messages,
            max_completion_tokens=25,
            stream=True,
            stream_options={"include_usage": True},
            **ask,
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage == answer.usage


def test_a_text_ends_before_a_stop_string_in_a_stream_too(served, client):
    whole = served.text(PROMPT, seed=2, max_tokens=60)
    stop = whole[20:23]
    for stops in (stop, [stop], ["nowhere in it", stop]):
        answer = served.ask(PROMPT, seed=2, max_tokens=60, stop=stops).json()["choices"][0]
        assert answer["text"] == whole[: whole.index(stop)]
        assert (answer["finish_reason"], answer["ended_by"]) == ("stop", "stop")
        asked = {"model": served.name, "prompt": PROMPT, "seed": 2, "max_tokens": 60, "stop": stops}
        chunks = list(client.completions.create(stream=True, **asked))
        assert "".join(chunk.choices[0].text for chunk in chunks) == answer["text"]
        assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_text_ends_at_the_end_of_a_document_unless_asked_otherwise(served, model):
    """With the hundred seeds below, some draw that token early."""
    for seed in range(100):
        text = served.text(seed=seed, max_tokens=20, ignore_eos=True)
        if small_end(model[1]) in text:
            break
    answer = served.ask(seed=seed, max_tokens=20).json()
    assert answer["choices"][0]["text"] == text[: text.index(small_end(model[1]))]
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["ended_by"] == "end"
    assert answer["usage"]["completion_tokens"] < 20


def small_end(tokenizer):
    """The text of the token that ends a document."""
    return tokenizer.id_to_token(end_of(tokenizer))


def test_an_empty_prompt_begins_a_document_and_null_is_a_default(served, model):
    text = served.text("", temperature=0, max_tokens=10, stop=None, top_p=None, n=None)
    assert text == expected(model, "", temperature=0, most=10)


def test_a_text_may_fill_the_context_and_not_more(served, client):
    prompt = " ".join("a" for _ in range(200))
    used = served.ask(prompt, max_tokens=1).json()["usage"]["prompt_tokens"]
    room = CONTEXT - used
    answer = served.ask(prompt, max_tokens=room, ignore_eos=True).json()
    assert answer["usage"]["total_tokens"] == CONTEXT
    status, said, field, code = problem(served.ask(prompt, max_tokens=room + 1))
    assert (status, field, code) == (400, "max_tokens", "context_length_exceeded")
    assert said.startswith(f"max_tokens: expected at most {room} after a prompt of {used} tokens")


def test_the_model_that_is_served_is_listed(served, client):
    assert [model.id for model in client.models.list()] == ["small"]
    assert client.models.retrieve("small").id == "small"
    with pytest.raises(openai.NotFoundError, match="model: expected small, got 'gpt-4'"):
        client.models.retrieve("gpt-4")


def test_what_is_counted_is_what_happened(served):
    before = [
        served.metric(name)
        for name in ("written_tokens_total", "time_to_first_token_seconds_count")
    ]
    answered = served.metric("requests_total", path="/v1/completions", status="200")
    for _ in range(3):
        served.text(max_tokens=7, ignore_eos=True)
    assert served.metric("written_tokens_total") == before[0] + 21
    assert served.metric("time_to_first_token_seconds_count") == before[1] + 3
    assert served.metric("requests_total", path="/v1/completions", status="200") == answered + 3
    assert served.metric("slots") == 4 and served.metric("running") == 0


def test_without_cache_without_batches_and_on_one_thread_the_text_is_the_same(small, model):
    with server(small, "--no-cache", "--slots", 1, "--threads", 1) as served:
        assert served.text(PROMPT, seed=1, max_tokens=30) == expected(model, most=30, seed=1)
        assert served.metric("slots") == 1


def test_weights_of_8_bits_write_the_text_that_such_a_model_writes(small):
    from labs.compress import int8_

    gpt, tokenizer = folder.load(small)
    with server(small, "--int8") as served:
        text = served.text(PROMPT, temperature=0, max_tokens=30)
    assert text == expected((int8_(gpt), tokenizer), temperature=0, most=30)
