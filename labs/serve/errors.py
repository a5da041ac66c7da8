"""Refusals, in the form that OpenAI's clients read: what was expected, what came, what to do."""

import reprlib

from fastapi import HTTPException
from fastapi.responses import JSONResponse

HINTS = {
    "n": "ask once for each answer",
    "best_of": "ask several times and choose yourself",
    "echo": "put the prompt before the text yourself",
    "logprobs": "leave it out",
    "presence_penalty": "leave it out",
    "frequency_penalty": "leave it out",
    "model": "name one that GET /v1/models lists",
    "stop": "give a string, or up to 4 of them",
    "prompt": "give one text",
    "messages": 'give a list such as [{"role": "user", "content": "Hello"}]',
}
"""What to do about a field that cannot be as it came; about others: correct it or leave it out."""


class Refusal(HTTPException):
    """An answer that is no text. `retry_after`: seconds after which it is worth another try."""

    def __init__(self, status, message, param=None, code=None, retry_after=None):
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        super().__init__(status, message, headers)
        self.param, self.code = param, code

    def body(self):
        """The JSON of it."""
        kind = "server_error" if self.status_code >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if self.status_code == 429 else kind
        error = {"message": self.detail, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self):
        """The HTTP response of it."""
        return JSONResponse(self.body(), self.status_code, self.headers)


async def refused(request, error):
    """The response to a `Refusal`, and to what FastAPI itself refuses, in the same form."""
    if isinstance(error, Refusal):
        return error.response()
    message = {
        404: f"expected a path such as /v1/completions, got {request.url.path}; see /docs",
        405: f"expected another method, got {request.method}; see /docs",
        400: "expected a body in JSON, got what cannot be read as such; send JSON in UTF-8",
    }.get(error.status_code, str(error.detail))
    answer = Refusal(error.status_code, message)
    answer.headers = {**(error.headers or {})}
    return answer.response()


async def failed(request, error):
    """The response to an error of our own; uvicorn writes it into the log."""
    message = "expected to answer, got an error, which stands in the server's log; report it"
    return Refusal(500, message, code="internal_error").response()


async def invalid(request, error):
    """The response to a body whose fields are missing, of a wrong type, or out of range."""
    first = error.errors()[0]
    names = [str(part) for part in first["loc"][1:]]
    if first["type"] == "json_invalid":
        said = f"expected a body in JSON, got what is none: {first['ctx']['error']}"
        return Refusal(400, f"{said} at character {first['loc'][1]}; correct it").response()
    if not names:
        said = "expected a JSON object with Content-Type: application/json, got"
        return Refusal(400, f"{said} {short(first['input'])}; send one").response()
    field = names[0]
    hint = HINTS.get(field, "correct it, or leave it out")
    if first["type"] == "extra_forbidden":
        said, hint = "expected no such field", "leave it out; /docs lists those that are known"
    elif first["type"] == "missing":
        said, hint = "expected this field, got none", HINTS.get(field, "add it")
    else:
        said = f"{expected(first['msg'])}, got {short(first['input'])}"
    return Refusal(400, f"{'.'.join(names)}: {said}; {hint}", param=field).response()


def expected(message):
    """A message of pydantic's, such as "Input should be a valid string", as ours are."""
    for theirs, ours in {
        "Value error, ": "",
        "Input should be greater": "expected a number greater",
        "Input should be less": "expected a number less",
        "Input should be": "expected",
        "String should have": "expected a string of",
        "List should have": "expected a list of",
    }.items():
        message = message.replace(theirs, ours)
    return message.partition(" after validation")[0]


def short(value):
    """A value as it came, in a few characters of ASCII."""
    brief = reprlib.Repr()
    brief.maxlevel = 2
    brief.maxstring = brief.maxother = 60
    return brief.repr(value).encode("ascii", "backslashreplace").decode()
