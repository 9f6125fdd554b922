"""One JSON line per request: when, what, how long; with an id, without query strings, addresses or personal data."""

from __future__ import annotations

import sys
import time
import uuid
from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self)"),
]
_PLAIN_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'self';"
    b" base-uri 'none'",
)
"""For pages that say nothing themselves: they have no script and need nothing from anywhere."""


def _headers_for(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    said = dict(given)
    page = said.get(b"content-type", b"").startswith(b"text/html")
    return [*_HEADERS, _PLAIN_POLICY] if page and _PLAIN_POLICY[0] not in said else _HEADERS


class RequestLog:
    """ASGI middleware that gives each request an id, logs it when it ends, and adds the headers of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the log line is written even when the client goes away."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = uuid.uuid4().hex[:16]
        scope["request_id"] = identifier
        begun, status, sent = time.perf_counter(), 0, 0

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {
                    **message,
                    "headers": [
                        *message["headers"],
                        (b"x-request-id", identifier.encode()),
                        *_headers_for(message["headers"]),
                    ],
                }
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
            line = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": identifier,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "bytes": sent,
                "ms": round((time.perf_counter() - begun) * 1000, 1),
            }
            sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
            sys.stdout.flush()
