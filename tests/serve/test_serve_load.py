"""Many clients, slow ones and those that leave: nobody takes the server from the others."""

import concurrent.futures
import contextlib
import json
import signal
import socket
import time

import httpx
import psutil
import pytest
from serving import LONG, problem, server

from labs.gpt import folder
from labs.gpt.generate import complete
from labs.gpt.tokenizer import end_of

MUCH = {"max_tokens": LONG - 100, "ignore_eos": True}
"""Seconds of writing."""


@pytest.fixture(scope="module")
def busy(long):
    """A server with two slots and answers that take long."""
    with server(long, "--slots", 2, "--tokens", LONG) as running:
        yield running


def open_stream(served, **fields):
    """A context manager: the lines of a stream."""
    body = {"model": served.name, "prompt": "a", "stream": True, **fields}
    return served.http.stream("POST", "/v1/completions", json=body)


def text_of(lines):
    """The text and the last chunk of a stream."""
    chunks = [line.removeprefix("data: ") for line in lines if line]
    assert chunks[-1] == "[DONE]"
    parts = [json.loads(chunk)["choices"][0] for chunk in chunks[:-1]]
    return "".join(part["text"] for part in parts), parts[-1]


def test_a_client_that_hangs_up_in_a_stream_frees_its_slot(busy):
    gone = busy.metric("ended_total", reason="cancelled")
    for count in (1, 2, 3):  # more than there are slots
        with open_stream(busy, **MUCH) as answer:
            lines = answer.iter_lines()  # httpx hangs up when nobody holds this
            assert next(lines).startswith("data: ")
            assert busy.metric("running") == 1
        busy.wait_until("ended_total", gone + count, reason="cancelled")
        busy.wait_until("running", 0)
    assert busy.text(max_tokens=5, ignore_eos=True)


def test_a_client_that_does_not_wait_for_a_whole_answer_frees_its_slot(busy):
    gone = busy.metric("ended_total", reason="cancelled")
    with socket.create_connection(("127.0.0.1", busy.http.base_url.port)) as one:
        one.sendall(request_bytes(busy, **MUCH))
        busy.wait_until("running", 1)
    busy.wait_until("ended_total", gone + 1, reason="cancelled")
    busy.wait_until("running", 0)


def test_a_client_that_hangs_up_while_it_waits_leaves_the_queue(busy):
    gone = busy.metric("ended_total", reason="cancelled")
    with open_stream(busy, **MUCH) as one, open_stream(busy, **MUCH) as two:
        lines = [one.iter_lines(), two.iter_lines()]
        assert [bool(next(each)) for each in lines] == [True, True]
        with socket.create_connection(("127.0.0.1", busy.http.base_url.port)) as three:
            three.sendall(request_bytes(busy, **MUCH))
            busy.wait_until("waiting", 1)
        busy.wait_until("ended_total", gone + 1, reason="cancelled")
        assert (busy.metric("waiting"), busy.metric("running")) == (0, 2)
    busy.wait_until("running", 0)


def request_bytes(served, **fields):
    """A request as it goes over the line."""
    body = json.dumps({"model": served.name, "prompt": "a", **fields}).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def test_a_slow_reader_stalls_nobody_and_gets_its_whole_text(busy):
    whole, asked = busy.metric("ended_total", reason="tokens"), {**MUCH, "max_tokens": 2000}
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", busy.http.base_url.port))
        slow.sendall(request_bytes(busy, stream=True, seed=1, **asked))
        busy.wait_until("running", 1)
        for _ in range(5):
            assert busy.text(max_tokens=10, ignore_eos=True)
        # It has read nothing, and yet its text is written and its slot is free.
        busy.wait_until("ended_total", whole + 6, reason="tokens")
        busy.wait_until("running", 0)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        lines = b"".join(chunks_of(slow)).decode().split("\n")
    text, last = text_of(lines)
    assert last["ended_by"] == "tokens" and text == busy.text("a", seed=1, **asked)


def chunks_of(connection):
    """The body of a chunked HTTP response, read in small pieces."""
    with connection.makefile("rb") as file:
        while file.readline() != b"\r\n":  # the headers
            pass
        while size := int(file.readline(), 16):
            yield file.read(size)
            file.readline()


def ask_all(served, count, **fields):
    """`count` requests at once, each with its own seed, over a connection of its own."""

    limits = httpx.Limits(max_connections=count)
    with httpx.Client(base_url=served.url, limits=limits, timeout=60) as http:

        def one(seed):
            body = {"model": served.name, "prompt": "def", "seed": seed, **fields}
            return http.post("/completions", json=body)

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))


def expected(path, seeds, most):
    """What labs.gpt writes for each seed."""
    gpt, tokenizer = folder.load(path)
    ends = {"stop": end_of(tokenizer), "most": most}
    return [complete(gpt, tokenizer, "def", seed=seed, **ends) for seed in seeds]


@pytest.fixture(scope="module")
def roomy(small):
    """A server that lets all wait."""
    with server(small, "--slots", 8, "--waiting", 200) as running:
        yield running


def test_of_200_at_once_each_gets_its_own_text(roomy, small):
    before = roomy.metric("time_to_first_token_seconds_count")
    answers = ask_all(roomy, 200, max_tokens=12)
    assert {answer.status_code for answer in answers} == {200}
    found = [answer.json()["choices"][0]["text"] for answer in answers]
    assert found == expected(small, range(200), 12)
    assert roomy.metric("time_to_first_token_seconds_count") == before + 200
    assert (roomy.metric("running"), roomy.metric("waiting")) == (0, 0)


def test_of_200_at_once_those_for_whom_there_is_no_room_are_told_when_to_come_again(small):
    with server(small, "--slots", 2, "--waiting", 10) as served:
        answers = ask_all(served, 200, max_tokens=200, ignore_eos=True)
        accepted = {i: a for i, a in enumerate(answers) if a.status_code == 200}
        refused = [a for a in answers if a.status_code != 200]
        assert len(accepted) >= 12 and refused
        for answer in refused:
            status, said, _, code = problem(answer)
            assert (status, code) == (429, "queue_full") and int(answer.headers["retry-after"]) > 0
            assert said == "expected at most 10 requests to wait, got one more; ask again later"
        for answer in accepted.values():
            assert answer.json()["usage"]["completion_tokens"] == 200
        assert served.metric("ended_total", reason="tokens") == len(accepted)
        assert served.text(max_tokens=1, ignore_eos=True)


def test_a_request_past_its_time_gets_what_was_written_and_one_that_waits_is_refused(long):
    with server(long, "--slots", 1, "--tokens", LONG, "--seconds", 2) as served:
        with open_stream(served, **MUCH) as answer, concurrent.futures.ThreadPoolExecutor(1) as one:
            lines = answer.iter_lines()
            first = next(lines)
            waits = one.submit(served.ask, **MUCH)
            served.wait_until("waiting", 1)
            with stopped(served):
                time.sleep(2)  # their time goes by, and neither is served
            text, last = text_of([first, *lines])
            status, said, _, code = problem(waits.result())
        assert text and (last["finish_reason"], last["ended_by"]) == ("length", "time")
        assert (status, code) == (503, "timeout") and waits.result().headers["retry-after"]
        assert said == "expected to begin within 2 seconds, got no free slot; ask again later"
        assert served.metric("ended_total", reason="time") == 2
        whole = served.ask(**MUCH).json()
        assert whole["choices"][0]["ended_by"] == "time" and whole["choices"][0]["text"]
        assert 0 < whole["usage"]["completion_tokens"] < MUCH["max_tokens"]


@contextlib.contextmanager
def stopped(served):
    """Within the block, the server's process does nothing."""
    served.process.send_signal(signal.SIGSTOP)
    yield
    served.process.send_signal(signal.SIGCONT)


def test_sigterm_under_load_ends_only_when_all_that_was_accepted_is_answered(long):
    with server(long, "--slots", 2, "--tokens", LONG) as served:
        with concurrent.futures.ThreadPoolExecutor(6) as pool, open_stream(served, **MUCH) as one:
            lines = one.iter_lines()
            first = next(lines)
            ask = lambda seed: served.ask(seed=seed, max_tokens=50, ignore_eos=True)
            others = [pool.submit(ask, seed) for seed in range(5)]
            wait_for_all(served, 6)
            served.process.terminate()
            while (health := served.http.get("/health")).status_code == 200:
                pass
            assert (health.status_code, health.json()) == (503, {"status": "ending"})
            late = served.ask()
            status, _, _, code = problem(late)
            assert (status, code) == (503, "shutting_down") and late.headers["retry-after"]
            text, last = text_of([first, *lines])
            assert last["ended_by"] == "tokens" and len(text) > 1000
            for other in others:
                assert other.result().json()["usage"]["completion_tokens"] == 50
        assert served.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{served.url}/models")


def wait_for_all(served, count):
    """Ask until so many requests were accepted."""
    ended = lambda: served.metric("ended_total", reason="tokens")
    while served.metric("running") + served.metric("waiting") + ended() < count:
        assert served.process.poll() is None


def test_a_second_signal_ends_what_runs_with_an_error(long):
    with server(long, "--tokens", LONG) as served:
        with open_stream(served, **MUCH) as answer, concurrent.futures.ThreadPoolExecutor(1) as one:
            lines = answer.iter_lines()
            assert next(lines)
            whole = one.submit(served.ask, **MUCH)
            served.wait_until("running", 2)
            served.process.terminate()
            while served.http.get("/health").status_code == 200:
                pass
            assert served.stop() == 0
            status, said, _, code = problem(whole.result())
            assert (status, code) == (503, "shutting_down") and "got a second signal to end" in said
            last = [line for line in lines if line][-1]
            assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"


def test_sigterm_waits_for_a_client_that_reads_nothing_no_longer_than_a_request_may_take(long):
    with server(long, "--tokens", LONG, "--seconds", 1) as served:
        with socket.socket() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            stuck.connect(("127.0.0.1", served.http.base_url.port))
            stuck.sendall(request_bytes(served, stream=True, **MUCH))
            served.wait_until("running", 1)
            assert served.stop() == 0


def test_a_model_that_diverged_is_answered_with_an_error_and_the_server_goes_on(tmp_path, small):
    gpt, tokenizer = folder.load(small)
    gpt.norm.weight.data.fill_(float("nan"))
    folder.save(tmp_path / "broken", gpt, tokenizer)
    with server(tmp_path / "broken", fails=True) as served:
        for fields in ({}, {"stream": True}, {}):
            status, said, _, code = problem(served.ask(**fields))
            assert (status, code) == (500, "model_failed")
            assert said.startswith("the model failed: logits: expected numbers, got NaN; did")
        assert served.metric("running") == 0 and served.metric("ended_total", reason="error") == 3


def test_memory_is_the_same_after_2000_requests(roomy):
    def ask(seed):
        stream = {"stream": True} if seed % 4 == 0 else {}
        answer = roomy.ask(f"def f{seed}(", seed=seed, max_tokens=1 + seed % 5, **stream)
        assert answer.status_code == 200

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(300)))
        before = psutil.Process(roomy.process.pid).memory_info().rss
        list(pool.map(ask, range(2000)))
    after = psutil.Process(roomy.process.pid).memory_info().rss
    assert abs(after / before - 1) < 0.05, (before, after)
