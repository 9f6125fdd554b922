"""What one request may cost: the length of its head, the size of its body, and the time that its client may take."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from gis_service.photos.limits import PHOTO_LIMITS
from gis_service.surveys.files.limits import JOB

# After a refusal the rest of the body is read and dropped for a moment: whoever is still sending when the connection
# closes gets a reset instead of the answer. Beyond this the reset is deserved.
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 16 * 1024 * 1024


_FILES_BYTES = JOB.file_bytes + (1 << 20)
"""What the background reads of an upload, and what a form wraps around it."""


_LARGER = {("POST", "/uploads"): _FILES_BYTES, ("POST", "/photos"): PHOTO_LIMITS.file_bytes, ("POST", "/sync"): 4 << 20}


@dataclass(frozen=True)
class Limits:
    """What a client may ask for and how long it may take.

    Attributes
    ----------
    target_bytes
        Longest path and query together; longer ones are answered with 414. A filter with a polygon of 1,000 vertices
        fits; together with ``header_bytes`` it stays under the 64 KB that the parser of addresses can count.
    header_bytes
        All header names and values together; more is answered with 431.
    body_bytes
        Largest body, unless ``larger_bodies`` names the route; larger ones are answered with 413, whether they are
        declared or only sent.
    larger_bodies
        Bytes by method and path, for the routes that take files.
    silence_seconds
        How long a client may be silent in the middle of a body or not reading an answer, and how long a request's
        head may take in all; 408 or an end of the connection after that.
    bytes_per_second
        Slowest body, as an average over the time spent waiting for it, after the first ``silence_seconds``.
    connections
        Most connections at once. It leaves room for the database under the usual 1,024 open files of a process.
    """

    target_bytes: int = 30 * 1024
    header_bytes: int = 32 * 1024
    body_bytes: int = 1024 * 1024
    larger_bodies: Mapping[tuple[str, str], int] = field(default_factory=lambda: dict(_LARGER))
    silence_seconds: float = 25.0
    bytes_per_second: int = 10 * 1024
    connections: int = 800

    def body_cap(self, method: str, path: str) -> int:
        """Return the largest body of a request in bytes."""
        return self.larger_bodies.get((method, path), self.body_bytes)


class RefusedBodyError(Exception):
    """A body was cut short; raised into whoever reads it, answered by :class:`ClientLimits`."""


class ClientLimits:
    """ASGI middleware that refuses what is too long, too large or too slow with a problem document.

    A request without a body passes with one look at its headers. Connections that don't get as far as a request are
    the matter of :mod:`api.connection`.
    """

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self.app = app
        self.limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless it is refused."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > self.limits.target_bytes:
            await _refuse(receive, send, target_too_long(self.limits))
            return
        size, declared = 0, 0.0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"content-length":
                # What isn't a number is left to the count on the stream.
                declared = int(value) if value.isdigit() else math.nan
            elif name == b"transfer-encoding":
                declared = math.nan
        if size > self.limits.header_bytes:
            await _refuse(receive, send, headers_too_long(self.limits))
        elif declared == 0:
            await self.app(scope, receive, send)
        else:
            cap = self.limits.body_cap(scope["method"], scope["path"])
            if declared > cap:
                await _refuse(receive, send, _body_too_large(cap))
            else:
                await _CountedBody(self.limits, cap, receive, send).run(self.app, scope)


class _CountedBody:
    """One request with a body: counts what arrives, and how long it took to arrive."""

    def __init__(self, limits: Limits, cap: int, receive: Receive, send: Send) -> None:
        self.limits = limits
        self.cap = cap
        self._receive = receive
        self._send = send
        self.got = 0
        self.waited = 0.0
        self.complete = False
        self.answered = False
        self.refusal: JSONResponse | None = None

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the application; when its body was cut short, the refusal is the answer, whatever it made of that."""
        try:
            await app(scope, self.receive, self.send)
        except (RefusedBodyError, ClientDisconnect):
            if self.answered:
                raise
        if self.refusal is not None and not self.answered:
            await _refuse(self._receive, self._send, self.refusal)

    async def receive(self) -> Message:
        """Return the next piece of the body; raise RefusedBodyError when it is late or one too many."""
        if self.complete:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        silence = self.limits.silence_seconds
        begun = clock()
        # Only the time spent waiting for the client counts: a busy service must not make it look slow.
        allowed = min(silence, silence + self.got / self.limits.bytes_per_second - self.waited)
        try:
            async with asyncio.timeout_at(begun + allowed):
                message = await self._receive()
        except TimeoutError as error:
            self.refusal = too_slow(self.limits)
            raise RefusedBodyError from error
        self.waited += clock() - begun
        if message["type"] == "http.disconnect":
            self.complete = True
            return message
        self.got += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.got > self.cap:
            self.refusal = _body_too_large(self.cap)
            raise RefusedBodyError
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, but for one that was made of a body cut short."""
        if self.refusal is None or self.answered:
            self.answered = True
            await self._send(message)


async def _refuse(receive: Receive, send: Send, answer: JSONResponse) -> None:
    """Send a refusal, drop what the client is still sending for a moment, and close the connection."""
    answer.headers["connection"] = "close"
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    # The body is complete by its length, so the client can read it; the answer ends when the client has stopped.
    await send({"type": "http.response.body", "body": bytes(answer.body), "more_body": True})
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while dropped < _LINGER_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def target_too_long(limits: Limits) -> JSONResponse:
    """Return the answer to an address that is too long."""
    return problem(
        414,
        f"地址太长,最多 {limits.target_bytes:,} 字节;请缩短查询条件;所画的范围和轨迹可用 POST 提交给 /within、/along。",
        f"The address is longer than {limits.target_bytes} bytes; shorten the query.",
    )


def headers_too_long(limits: Limits) -> JSONResponse:
    """Return the answer to headers that are too long."""
    return problem(
        431,
        f"请求头太长,最多 {limits.header_bytes:,} 字节;请清除浏览器中本站的 Cookie 后再试。",
        f"The headers are longer than {limits.header_bytes} bytes; clear the cookies of this site.",
    )


def too_slow(limits: Limits) -> JSONResponse:
    """Return the answer to a request that doesn't arrive."""
    return problem(
        408,
        f"请求没有传完:{limits.silence_seconds:g} 秒没有收到数据,或传得太慢;请检查网络后再试。",
        f"The request was not sent completely within {limits.silence_seconds:g} s, or too slowly; try again.",
    )


def _body_too_large(cap: int) -> JSONResponse:
    return problem(
        413,
        f"提交的内容太大,最多 {cap:,} 字节;请分成几次提交。",
        f"The body is larger than {cap} bytes; send it in parts.",
    )
