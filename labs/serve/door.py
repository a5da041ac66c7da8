"""What every request passes on its way in: the key, the size of its body, and whether the server
still accepts requests. Here they are counted, by status, too.
"""

import hmac

from starlette.datastructures import Headers

from labs.serve.errors import Refusal

PATHS = ("/v1/completions", "/v1/chat/completions", "/v1/models", "/health", "/metrics")


class Door:
    """An ASGI middleware around the app of a `labs.serve.service.Service`."""

    def __init__(self, app, service):
        self.app, self.service = app, service

    async def __call__(self, scope, receive, send):
        """See ASGI."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status = "499"  # the client hung up before there was any

        async def note_status(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            with self.service.opened():
                self._check(scope)
                await self.app(scope, self._limited(receive), note_status)
        except Refusal as refusal:
            await refusal.response()(scope, receive, note_status)
        except Exception:
            status = "500"
            raise
        finally:
            path = scope["path"] if scope["path"] in PATHS else "other"
            self.service.metrics.requests.labels(path, status).inc()

    def _check(self, scope):
        """Raise `Refusal` for what needs no look at the body."""
        if not scope["path"].startswith("/v1/"):
            return
        headers, service = Headers(scope=scope), self.service
        given = headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1")
        if service.key and not hmac.compare_digest(given, service.key.encode()):
            raise Refusal(
                401,
                f"expected the key of this server, got {'another' if given else 'none'}; send the "
                "header Authorization: Bearer KEY",
                code="invalid_api_key",
            )
        if service.draining:
            raise Refusal(
                503,
                "expected a request before the server began to end, got one after; ask again later",
                code="shutting_down",
                retry_after=5,
            )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > service.limits.body:
            raise self._too_large(length)

    def _limited(self, receive):
        """`receive`, until it has more bytes than a body may have."""
        seen = 0

        async def limited():
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.service.limits.body:
                raise self._too_large(f"{seen} or more")
            return message

        return limited

    def _too_large(self, size):
        return Refusal(
            413,
            f"expected a body of at most {self.service.limits.body} bytes, got {size}; ask for "
            "less, or raise the limit: --body",
            code="body_too_large",
        )
