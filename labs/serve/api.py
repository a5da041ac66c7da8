"""OpenAI's HTTP interface over a `labs.serve.service.Service`."""

import asyncio
import contextlib
import json
import time
from typing import Annotated

import prometheus_client
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from labs.serve.asked import Chat, Completion
from labs.serve.door import Door
from labs.serve.errors import Refusal, failed, invalid, refused
from labs.serve.forms import Form, usage


async def until_over():
    """A stack that is unwound when a request is over, however it ends."""
    with contextlib.ExitStack() as stack:
        yield stack


Over = Annotated[contextlib.ExitStack, Depends(until_over)]


def app_of(service):
    """The FastAPI app of a service. Its lifespan runs the service's worker."""

    @contextlib.asynccontextmanager
    async def lifespan(app):
        service.worker.start()
        yield
        service.worker.close()

    handlers = {RequestValidationError: invalid, HTTPException: refused, Exception: failed}
    app = FastAPI(title="labs.serve", lifespan=lifespan, exception_handlers=handlers)
    app.add_middleware(Door, service=service)
    started = int(time.time())

    @app.post("/v1/completions")
    async def completions(asked: Completion, request: Request, over: Over):
        """The text that follows a prompt."""
        answer = service.begin(asked, asked.prompt)
        return await respond(service, asked, answer, request, over)

    @app.post("/v1/chat/completions")
    async def chat(asked: Chat, request: Request, over: Over):
        """The next turn of a conversation."""
        prompt, stop = asked.prompt()
        answer = service.begin(asked, prompt, stop, usual=service.limits.tokens)
        return await respond(service, asked, answer, request, over)

    @app.get("/v1/models")
    async def models():
        """The one model that is served."""
        return {"object": "list", "data": [card(service, started)]}

    @app.get("/v1/models/{name}")
    async def model(name: str):
        """What is known of it."""
        service.refuse_other(name)
        return card(service, started)

    @app.get("/health")
    async def health():
        """Whether requests are accepted: status 200, or 503 once the server has begun to end."""
        state = "ending" if service.draining else "ok"
        return JSONResponse({"status": state}, 503 if service.draining else 200)

    @app.get("/metrics")
    async def metrics():
        """What was counted, for Prometheus."""
        text = prometheus_client.generate_latest(service.metrics.registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return app


def card(service, started):
    """A model as OpenAI's interface tells of it, and its context."""
    facts = {"id": service.name, "object": "model", "created": started, "owned_by": "labs"}
    return facts | {"context": service.model.shape.context}


async def respond(service, asked, answer, request, over):
    """The HTTP response of an answer: in one piece, or as it is written.

    The status is known when the first piece is there: until then, all that can go wrong has one.
    """
    over.callback(service.worker.cancel, answer)  # whoever hangs up frees the slot
    form = Form(service.name, asked.chat)
    first = await unless_gone(request, answer.read())
    if first is None:
        return Response(status_code=499)  # nobody reads it
    text, last = first
    if last and (refusal := refusal_of(answer, service.limits)):
        raise refusal
    if not asked.stream:
        return JSONResponse(form.whole(text, answer.reason, usage(answer)))
    count = asked.stream_options.include_usage
    events = stream(answer, form, first, count, service.limits)
    return StreamingResponse(events, media_type="text/event-stream")


async def unless_gone(request, reading):
    """What `reading` returns, or None as soon as the client hangs up."""
    tasks = [asyncio.ensure_future(work) for work in (reading, hung_up(request))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()


async def hung_up(request):
    """Return when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def refusal_of(answer, limits):
    """What is said of an answer that ended before its time, or None."""
    if isinstance(answer.reason, Exception):
        return Refusal(500, f"the model failed: {answer.reason}", code="model_failed")
    if answer.reason == "cancelled":
        return Refusal(
            503,
            "expected to write all of it, got a second signal to end; ask again later",
            code="shutting_down",
            retry_after=5,
        )
    if answer.reason == "time" and not answer.sequence.written:
        return Refusal(
            503,
            f"expected to begin within {limits.seconds:g} seconds, got no free slot; ask again "
            "later",
            code="timeout",
            retry_after=5,
        )
    return None


async def stream(answer, form, first, count, limits):
    """An answer as server-sent events: chunks, perhaps a count of tokens, and [DONE]."""
    if opening := form.opening():
        yield event(opening)
    piece, last = first
    while not last:
        yield event(form.piece(piece))
        piece, last = await answer.read()
    if refusal := refusal_of(answer, limits):
        yield event(refusal.body())
        return
    if piece and form.chat:
        yield event(form.piece(piece))
        piece = ""
    yield event(form.piece(piece, answer.reason))
    if count:
        yield event(form.count(usage(answer)))
    yield "data: [DONE]\n\n"


def event(data):
    """One server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
