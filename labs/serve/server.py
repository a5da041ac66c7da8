"""uvicorn, with a way to end in which no accepted request is lost."""

import json
import shlex
import time

import uvicorn


class Server(uvicorn.Server):
    """Runs the app of a `labs.serve.service.Service`; see uvicorn's own `Server`.

    On SIGTERM or SIGINT it refuses new requests with status 503, finishes those that it accepted,
    and ends; the process then ends with 0. A client that does not read its answer is waited for
    until that request's time is over. A second signal ends what runs with an error.
    """

    def __init__(self, config, service):
        super().__init__(config)
        self.service, self.latest = service, float("inf")

    async def startup(self, sockets=None):
        """Begin to listen, and say where."""
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        print(how_to_ask(self.service, f"http://{host}:{port}/v1"), flush=True)

    def handle_exit(self, sig, frame):
        """A signal came. Unlike uvicorn, do not raise it again after a proper end."""
        if self.service.draining:
            self.service.worker.cancel_all()
        self.service.draining = True
        self.latest = time.monotonic() + self.service.limits.seconds

    async def on_tick(self, counter):
        """Ten times a second: whether it is time to end."""
        done = self.service.open == 0 or time.monotonic() > self.latest
        return await super().on_tick(counter) or (self.service.draining and done)


def how_to_ask(service, url):
    """Where a server answers, and a command that asks it."""
    key = " -H 'Authorization: Bearer KEY'" if service.key else ""
    asked = json.dumps({"model": service.name, "prompt": "def read(path):", "max_tokens": 60})
    return (
        f"{service.name} answers at {url} until Ctrl-C. Ask it:\n"
        f"curl {url}/completions -H 'Content-Type: application/json'{key} -d {shlex.quote(asked)}"
    )
