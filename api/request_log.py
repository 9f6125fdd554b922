"""One JSON line per request: when, what, how long; with an id, without query strings, addresses or personal data."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self)"),
]
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_PLAIN_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; frame-ancestors 'self';"
    b" base-uri 'none'",
)
"""For pages that say nothing themselves: they have no script and need nothing from anywhere."""


def _is_bare_page(given: list[tuple[bytes, bytes]]) -> bool:
    """Return whether an answer is a page without a policy of its own."""
    page = False
    for name, value in given:
        if name == _PLAIN_POLICY[0]:
            return False
        page = page or (name == b"content-type" and value.startswith(b"text/html"))
    return page


def to_stdout(lines: bytes) -> None:
    """Write lines of the log where whoever started the service gathers them."""
    sys.stdout.buffer.write(lines)
    sys.stdout.flush()


class RequestLog:
    """ASGI middleware that gives each request an id, logs and counts it when it ends, and adds headers to the answer.

    Parameters
    ----------
    write
        Takes each line of the log.
    metrics
        Counts the requests by their route.
    secure
        The service is reached by HTTPS only, which browsers are told to remember.
    """

    def __init__(self, app: ASGIApp, write: Callable[[bytes], None], metrics: Metrics, *, secure: bool = False) -> None:
        self.app = app
        self._write, self._metrics = write, metrics
        self._headers = [*_HEADERS, _HSTS] if secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the log line is written even when the client goes away."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = secrets.token_hex(8)
        scope["request_id"] = identifier
        begun, status, sent = time.perf_counter(), 0, 0

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", identifier.encode()), *self._headers]
                if _is_bare_page(message["headers"]):
                    headers.append(_PLAIN_POLICY)
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            # What answers it with a problem document stands outside of this middleware.
            status = 500
            raise
        finally:
            seconds = time.perf_counter() - begun
            route = scope.get("route")
            self._metrics.count(scope["method"], getattr(route, "path", None), status, seconds)
            line = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": identifier,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "bytes": sent,
                "ms": round(seconds * 1000, 1),
            }
            self._write(orjson.dumps(line) + b"\n")
