"""What a server does not do is refused with a proper status, in words, in OpenAI's form."""

import json
import re
import shutil
import subprocess
import sys

import openai
import pytest
from serving import ROOT, problem, server

from labs.serve.__main__ import main

LONG = "a " * 400
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"prompt": 5}, "prompt: expected a valid string, got 5; give one text"),
        ({"prompt": ["a", "b"]}, "prompt: expected a valid string, got ['a', 'b']; give one text"),
        ({"prompt": None}, "prompt: expected this field, got none; give one text"),
        ({"prompt": "\ud800"}, r"prompt: expected a text in Unicode, .*, got '\ud800'; give one"),
        ({"model": None}, "model: expected this field, got none; name one that GET /v1/models"),
        ({"model": 3}, "model: expected a valid string, got 3; name one that"),
        ({"max_tokens": 0}, "max_tokens: expected a number greater than or equal to 1, got 0; "),
        ({"max_tokens": -5}, "max_tokens: expected a number greater than or equal to 1, got -5; "),
        ({"max_tokens": "7"}, "max_tokens: expected a valid integer, got '7'; correct it"),
        ({"max_tokens": True}, "max_tokens: expected a valid integer, got True; correct it"),
        ({"max_tokens": 1.5}, "max_tokens: expected a valid integer, got 1.5; correct it"),
        ({"temperature": -1}, "temperature: expected a number greater than or equal to 0, got -1"),
        ({"temperature": "hot"}, "temperature: expected a valid number, got 'hot'; correct it"),
        ({"top_p": 0}, "top_p: expected a number greater than 0, got 0; correct it"),
        ({"top_p": 1.5}, "top_p: expected a number less than or equal to 1, got 1.5; correct it"),
        ({"top_k": -1}, "top_k: expected a number greater than or equal to 0, got -1; correct"),
        ({"seed": 2**63}, "seed: expected a number less than 9223372036854775808, got 92"),
        ({"seed": "x"}, "seed: expected a valid integer, got 'x'; correct it"),
        ({"stop": 5}, "stop: expected a valid list, got 5; give a string, or up to 4 of them"),
        ({"stop": [""]}, "stop.0: expected a string of at least 1 character, got ''; give"),
        ({"stop": list("abcde")}, "stop: expected a list of at most 4 items, got ['a', 'b', 'c', "),
        ({"stream": "yes"}, "stream: expected a valid boolean, got 'yes'; correct it"),
        ({"n": 2}, "n: expected 1, got 2; ask once for each answer"),
        ({"best_of": 3}, "best_of: expected 1, got 3; ask several times and choose yourself"),
        ({"echo": True}, "echo: expected False, got True; put the prompt before the text"),
        ({"presence_penalty": 0.5}, "presence_penalty: expected 0, got 0.5; leave it out"),
        ({"logit_bias": {"5": 1}}, "logit_bias: expected no such field; leave it out; /docs"),
    ],
)
def test_a_field_that_cannot_be_is_refused_and_named(served, fields, said):
    body = {"model": served.name, "prompt": "a", **fields}
    answer = served.http.post("/v1/completions", content=json.dumps(body), headers=JSON)
    status, message, field, code = problem(answer)
    start, _, end = said.partition(".*")
    assert status == 400 and message.startswith(start) and end in message
    assert field == next(iter(fields)) and code is None


@pytest.mark.parametrize(
    "body, said",
    [
        (b'{"model": "small"', "expected a body in JSON, got what is none: Expecting ',' delim"),
        (b"hello", "expected a body in JSON, got what is none: Expecting value at character 0"),
        (b'"\xff"', "expected a body in JSON, got what cannot be read as such; send JSON in"),
        (b"[" * 100_000, "expected a body in JSON, got what cannot be read as such; send JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "expected a body in JSON, got what cannot be read as su"),
        (b"[]", "expected a JSON object with Content-Type: application/json, got []; send one"),
        (b"null", "expected a JSON object with Content-Type: application/json, got None; send"),
        (b"", "expected a JSON object with Content-Type: application/json, got None; send one"),
    ],
    ids=["cut off", "text", "bytes", "deep", "huge", "list", "null", "nothing"],
)
def test_what_is_no_json_object_is_refused(served, body, said):
    answer = served.http.post("/v1/completions", content=body, headers=JSON)
    status, message, field, code = problem(answer)
    assert (status, field, code) == (400, None, None) and message.startswith(said)


@pytest.mark.parametrize(
    "body, said",
    [
        (b'{"temperature": NaN}', "temperature: expected a finite number, got nan; correct it"),
        (b'{"temperature": 1e999}', "temperature: expected a finite number, got inf; correct it"),
        (b'{"max_tokens": 1e999}', "max_tokens: expected a valid integer, got inf; correct it"),
    ],
)
def test_numbers_that_are_none_are_refused(served, body, said):
    body = body.replace(b"{", b'{"model": "small", "prompt": "a", ')
    status, message, _, _ = problem(served.http.post("/v1/completions", content=body, headers=JSON))
    assert (status, message[: len(said)]) == (400, said)


@pytest.mark.parametrize(
    "messages, said",
    [
        ([], "messages: expected a list of at least 1 item, got []; give a list such as"),
        ("hello", "messages: expected a valid list, got 'hello'; give a list such as"),
        ([{"role": "user"}], "messages.0.content: expected this field, got none; give a list"),
        ([{"role": "cat", "content": "a"}], "messages.0.role: expected 'system', 'developer', "),
        ([{"role": "user", "content": 5}], "messages.0.content: expected a valid string, got 5"),
        (None, "messages: expected this field, got none; give a list such as"),
    ],
)
def test_messages_that_are_none_are_refused(served, messages, said):
    body = {"model": served.name, "messages": messages}
    status, message, field, _ = problem(served.http.post("/v1/chat/completions", json=body))
    assert (status, field, message[: len(said)]) == (400, "messages", said)


def test_huge_numbers_of_tokens_are_refused_and_the_limit_is_said(served):
    for most in (401, 10**12, 10**30):
        status, said, field, code = problem(served.ask("a", max_tokens=most))
        assert (status, field, code) == (400, "max_tokens", "context_length_exceeded")
        assert said.startswith("max_tokens: expected at most 400 after a prompt of 1 tokens")
        assert f"got {most}; ask for fewer" in said


def test_too_long_a_prompt_is_refused(served):
    status, said, field, code = problem(served.ask(LONG))
    assert (status, field, code) == (400, "prompt", "context_length_exceeded")
    assert said.startswith("expected a prompt of at most 300 tokens, got ")
    assert said.endswith("; leave out its beginning")
    said = problem(served.ask("x" * 900_000))[1]  # is not even made tokens of
    assert re.fullmatch(
        r"expected a prompt of at most 300 tokens, got at least \d+; leave .*", said
    )
    chat = {"model": served.name, "messages": [{"role": "user", "content": LONG}]}
    status, said, field, _ = problem(served.http.post("/v1/chat/completions", json=chat))
    assert (status, field) == (400, "messages")


def test_another_model_another_path_and_another_method_are_refused(served):
    body = {"model": "gpt-4", "prompt": "a"}
    assert problem(served.http.post("/v1/completions", json=body)) == (
        404,
        "model: expected small, got 'gpt-4'; name one that GET /v1/models lists",
        "model",
        "model_not_found",
    )
    status, said, _, _ = problem(served.http.post("/v1/embeddings", json=body))
    assert status == 404 and said.startswith("expected a path such as /v1/completions, got /v1/emb")
    answer = served.http.get("/v1/completions")
    assert problem(answer)[:2] == (405, "expected another method, got GET; see /docs")
    assert answer.headers["allow"] == "POST"


def test_a_text_that_is_not_said_to_be_json_is_refused(served):
    answer = served.http.post("/v1/completions", content=b'{"model": "small", "prompt": "a"}')
    status, said, _, _ = problem(answer)
    assert status == 400 and "with Content-Type: application/json, got b'" in said


def test_a_body_that_is_too_large_is_refused_whether_its_size_is_told_or_not(served):
    for content in (b"x" * 1_500_000, (b"x" * 10_000 for _ in range(150))):
        status, said, _, code = problem(
            served.http.post("/v1/completions", content=content, headers=JSON)
        )
        assert (status, code) == (413, "body_too_large")
        assert said.startswith("expected a body of at most 1000000 bytes, got 1")


def test_the_openai_client_raises_its_own_errors_for_refusals(served):
    with openai.OpenAI(base_url=served.url, api_key="any") as client:
        with pytest.raises(openai.BadRequestError, match="n: expected 1, got 2") as raised:
            client.completions.create(model="small", prompt="a", n=2)
        assert raised.value.param == "n"
        with pytest.raises(openai.NotFoundError) as raised:
            client.completions.create(model="other", prompt="a")
        assert raised.value.code == "model_not_found"


def test_a_key_is_asked_for_where_there_is_one(small):
    with server(small, "--key", "sésame", "--host", "0.0.0.0") as served:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic c2U="}):
            answer = served.http.get("/v1/models", headers=headers)
            status, said, _, code = problem(answer)
            assert (status, code) == (401, "invalid_api_key")
            assert said.startswith("expected the key of this server, got ")
            assert answer.headers["www-authenticate"] == "Bearer"
        right = {"Authorization": "Bearer sésame".encode()}
        assert served.http.get("/v1/models", headers=right).status_code == 200
        assert served.http.get("/health").status_code == 200
        status = problem(served.http.post("/v1/completions", content=b"x" * 10))[0]
        assert status == 401
    assert served.errors == []  # no warning


def start(*options):
    """(exit status, errors) of a server that should not start."""
    done = subprocess.run(
        [sys.executable, "-m", "labs.serve", *map(str, options)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "options, said",
    [
        (["--slots", "0"], "slots must be positive, got 0"),
        (["--seconds", "-1"], "seconds must be positive, got -1.0"),
        (["--key", ""], "key: expected some text, got none; leave it out to ask for no key"),
        (["--port", "99999"], "expected a port from 0 to 65535, got '99999'"),
        (["--threads", "0"], "expects a positive integer"),
        (["--device", "toaster"], "toaster"),
    ],
)
def test_a_server_is_not_started_with_what_cannot_be(small, options, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["labs.serve", str(small), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert said in f"{ended.value.code}{capsys.readouterr().err}"


def test_a_server_that_cannot_start_says_why(small, tmp_path, served):
    status, said = start(tmp_path)
    assert status == 1 and "config.json: expected this file, found none" in said
    taken = served.url.split(":")[-1].removesuffix("/v1")
    status, said = start(small, "--port", taken)
    assert status not in (0, None) and "address already in use" in said and "Traceback" not in said
    shutil.copytree(small, tmp_path / "mute", ignore=shutil.ignore_patterns("tokenizer.json"))
    status, said = start(tmp_path / "mute")
    assert status == 1 and said.endswith("expected a tokenizer.json, found none; add it\n")


def test_without_its_packages_a_server_says_what_to_install():
    program = "import sys, runpy; sys.modules['fastapi'] = None; runpy.run_module('labs.serve')"
    command, how = [sys.executable, "-c", program], {"encoding": "utf-8", "cwd": ROOT}
    done = subprocess.run(command, capture_output=True, **how)
    assert done.returncode == 1 and done.stderr.startswith("expected FastAPI, uvicorn and")
    assert done.stderr.endswith("pip install 'labs[serve]'\n")


def test_a_server_open_to_all_without_a_key_warns(small):
    with server(small, "--host", "0.0.0.0") as served:
        assert served.text(max_tokens=1, ignore_eos=True)
    assert [line for line in served.errors if "no key is asked for" in line] == served.errors != []
