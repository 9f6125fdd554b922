"""The connections below the requests: how many, how long one may keep the service waiting, what isn't HTTP at all.

uvicorn times only the pause between two requests. Without this, a client that sends half a head, or doesn't read its
answer, holds a connection for as long as it likes, and a head without an end is kept in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import problem
from api.limits import Limits, headers_too_long, too_slow

# What may arrive without being of use: a head before it is complete, or the frames of a chunked body. A body pays for
# its frames; a chunk of one byte takes six.
_IDLE_BYTES = 64 * 1024
_PAID_BY_A_BYTE = 8
# What may follow of a body after its request was answered.
_LEFTOVER_BYTES = 1024 * 1024
# Requests sent ahead of the answers: no client in use does it, and each one waiting costs some kilobytes.
_PIPELINED = 16
_TICKS = 10
# The slowest reader of an answer that is waited for, in bytes a second.
_SLOWEST_READER = 1024


class ClientConnection(HttpToolsProtocol):
    """One connection of a client, with an end for every way of keeping the service waiting."""

    limits: ClassVar[Limits] = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; make room when there are too many connections."""
        super().connection_made(transport)
        # Since when a complete head is due; None while a request is being answered.
        self.waiting_since: float | None = self.loop.time()
        self._in_body = False
        self._idle_bytes = 0
        self._leftover = 0
        self._unread = 0
        self._unread_since: float | None = None
        if len(self.connections) > self.limits.connections:
            self._make_room()
        # One timer for a connection's life, none for a request.
        self._tick_seconds = self.limits.silence_seconds / _TICKS
        self._timer = self.loop.call_later(self._tick_seconds, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer with the connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; refuse a head without an end."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > _IDLE_BYTES and not self.transport.is_closing():
            if self._in_body:
                self.transport.close()
            else:
                self._end_with(headers_too_long(self.limits))

    def on_headers_complete(self) -> None:
        """Start the request, unless too many wait for their answers already."""
        self.waiting_since = None
        self._in_body = True
        self._idle_bytes = 0
        # The parser of addresses knows no more than 64 KB; what stays here is still long enough to be refused.
        self.url = self.url[: self.limits.target_bytes + 64]
        super().on_headers_complete()
        if len(self.pipeline) > _PIPELINED:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._idle_bytes -= _PAID_BY_A_BYTE * len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._leftover += len(body)
            if self._leftover > _LEFTOVER_BYTES:
                self.transport.close()

    def on_message_complete(self) -> None:
        """Note that the next bytes belong to a new head."""
        self._in_body = False
        self._idle_bytes = 0
        self._leftover = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self.waiting_since = self.loop.time() if self.cycle.response_complete else None

    def resume_writing(self) -> None:
        """Note that the client reads its answer."""
        super().resume_writing()
        self._unread_since = None

    def send_400_response(self, msg: str) -> None:
        """Answer what isn't HTTP."""
        said = "收到的不是完好的 HTTP 请求;地址里的中文要先编码(curl 用 -G --data-urlencode)。"
        self._end_with(problem(400, said, f"This is no HTTP request: {msg} Encode what isn't ASCII."))

    def _tick(self) -> None:
        now = self.loop.time()
        if self.waiting_since is not None and now - self.waiting_since >= self.limits.silence_seconds:
            self.waiting_since = None
            self._give_up_waiting()
        elif not self._read_by_client(now):
            self.transport.abort()
        self._timer = self.loop.call_later(self._tick_seconds, self._tick)

    def _give_up_waiting(self) -> None:
        """Close a connection whose head is late; one that never sent anything gets no answer either."""
        if self._in_body or self._idle_bytes == 0:
            self.transport.close()
        else:
            self._end_with(too_slow(self.limits))

    def _read_by_client(self, now: float) -> bool:
        """Return whether the client reads what is sent to it; also after the connection was told to close."""
        unread = self.transport.get_write_buffer_size()
        if unread == 0:
            self._unread_since = None
        elif self._unread_since is None or self._unread - unread >= _SLOWEST_READER * (now - self._unread_since):
            self._unread_since, self._unread = now, unread
        return self._unread_since is None or now - self._unread_since < self.limits.silence_seconds

    def _make_room(self) -> None:
        """End the connection that has waited longest without a request, or answer this one that there is no room."""
        waiting = [one for one in self.connections if isinstance(one, ClientConnection) and one is not self]
        idle = [(one.waiting_since, one) for one in waiting if one.waiting_since is not None]
        if idle:
            _, longest = min(idle, key=lambda pair: pair[0])
            longest.waiting_since = None
            longest.transport.abort()
        else:
            self.app = _crowded

    def _end_with(self, answer: JSONResponse) -> None:
        """Answer below the application and close, unless another answer is under way."""
        if self.transport.is_closing():
            return
        under_way = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not self.pipeline and not under_way:
            self.transport.write(last_words(answer, self.server_state.default_headers))
        self.transport.close()


def last_words(answer: Response, more: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return an answer as the bytes of a connection that ends after it."""
    status = HTTPStatus(answer.status_code)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in [*more, *answer.raw_headers, (b"connection", b"close")]]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])


def connection_class(limits: Limits) -> type[ClientConnection]:
    """Return the protocol for uvicorn, which makes its connections from a class alone."""
    members: dict[str, Any] = {"limits": limits}
    return type("LimitedConnection", (ClientConnection,), members)


async def _crowded(_scope: Scope, _receive: Receive, send: Send) -> None:
    answer = problem(
        503, "现在连接太多,请稍候再试。", "Too many connections just now; try again shortly.", {"Retry-After": "5"}
    )
    answer.headers["connection"] = "close"
    await send({"type": "http.response.start", "status": 503, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": bytes(answer.body)})
