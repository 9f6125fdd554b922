"""The door of the service when it speaks HTTPS itself: what happens on a connection before there is a request.

The event loop makes a connection only after its handshake, and waits a minute for it. So a client that opens
connections and says nothing would be unknown to :mod:`api.connection`, with its limits, for so long. Here connections
are counted and timed from the moment they are accepted; and one that speaks plain HTTP, since somebody typed the
address without https, is told where to go.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import uvicorn
from fastapi.responses import RedirectResponse, Response

from api.admission import Entrance, host_name, is_known_host
from api.certificate_in_use import CertificateInUse
from api.connection import last_words
from api.ending_server import EndingServer
from api.errors import problem
from api.limits import Limits

_HANDSHAKE = 0x16
"""The first byte of whoever speaks TLS (RFC 8446 §5.1); no HTTP request begins with it."""
_HEAD_BYTES = 16 * 1024
_LEAST_WAITING = 50
"""So many may be at the door even when the service is full: it is there that they are told so."""
_REST_SECONDS = 0.2
_REQUEST = re.compile(rb"(?:GET|HEAD) (/[\x21-\x7e]*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\nhost:[ \t]*([a-z0-9.:\[\]-]+)[ \t]*\r\n", re.IGNORECASE)


class TlsDoor:
    """Accepts connections, sees them through their handshake, and hands them on.

    Parameters
    ----------
    listener
        A socket that listens.
    make
        Makes what takes a connection when its handshake is done.
    taken
        Says how many connections have been handed on and still are.
    """

    def __init__(
        self,
        listener: socket.socket,
        entrance: Entrance,
        certificate: CertificateInUse,
        limits: Limits,
        make: Callable[[], asyncio.Protocol],
        taken: Callable[[], int],
    ) -> None:
        self._listener, self._entrance, self._certificate = listener, entrance, certificate
        self._limits, self._make, self._taken = limits, make, taken
        self._loop = asyncio.get_running_loop()
        # In the order of their coming.
        self._waiting: dict[asyncio.Task[None], None] = {}
        listener.setblocking(False)
        self._accepting = self._loop.create_task(self._accept())

    def close(self) -> None:
        """Accept nobody any more, and send away whoever hasn't come in yet."""
        for task in [self._accepting, *self._waiting]:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until everybody has been sent away."""
        await asyncio.gather(self._accepting, *self._waiting, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                # Too many files are open, or the client has gone again.
                await asyncio.sleep(_REST_SECONDS)
                continue
            accepted.setblocking(False)
            self._make_room()
            task = self._loop.create_task(self._admit(accepted))
            self._waiting[task] = None
            task.add_done_callback(self._forget)
            # Accepting may go on without end and without a pause, and the others want their turn.
            await asyncio.sleep(0)

    def _make_room(self) -> None:
        """Send away whoever has waited longest when there are too many."""
        if len(self._waiting) >= max(_LEAST_WAITING, self._limits.connections - self._taken()):
            next(iter(self._waiting)).cancel()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._waiting.pop(task, None)

    async def _admit(self, accepted: socket.socket) -> None:
        seconds = self._limits.silence_seconds
        until = self._loop.time() + seconds
        with suppress(OSError, TimeoutError):
            try:
                async with asyncio.timeout_at(until):
                    first = await self._first_bytes(accepted)
                    if first[:1] != bytes([_HANDSHAKE]):
                        await self._answer_plainly(accepted, first)
                        accepted.close()
                        return
            except BaseException:
                accepted.close()
                raise
            # From here on the socket is the event loop's, which also closes it.
            await self._loop.connect_accepted_socket(
                self._make, accepted, ssl=self._certificate.context(),
                ssl_handshake_timeout=max(until - self._loop.time(), 0.1), ssl_shutdown_timeout=seconds,
            )  # fmt: skip

    async def _first_bytes(self, accepted: socket.socket) -> bytes:
        """Return what a client says first, and leave it there for whoever takes the connection."""
        readable = self._loop.create_future()
        self._loop.add_reader(accepted, _settle, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(accepted)
        return accepted.recv(_HEAD_BYTES, socket.MSG_PEEK)

    async def _answer_plainly(self, accepted: socket.socket, said: bytes) -> None:
        """Answer what isn't TLS; nothing where nothing was said."""
        if not said:
            return
        # Whatever stays unread would make the end of the connection a reset, which overtakes the answer.
        await self._loop.sock_recv(accepted, _HEAD_BYTES)
        await self._loop.sock_sendall(accepted, last_words(self._plain_answer(said), ()))
        accepted.shutdown(socket.SHUT_WR)

    def _plain_answer(self, said: bytes) -> Response:
        request, host = _REQUEST.match(said), _HOST.search(said)
        if request and host and is_known_host(host_name(host[1].decode()), self._entrance):
            there = f"https://{host[1].decode()}{request[1].decode()}"
            # For this once: browsers would remember a permanent one for longer than there may be a certificate.
            return RedirectResponse(there, 307, {"Cache-Control": "no-store"})
        return problem(
            400,
            "这里只用 https;请把网址开头的 http:// 换成 https:// 再试。",
            "This port speaks HTTPS only; use https://.",
        )


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


class DoorServer(EndingServer):
    """The server with a door in place of its own sockets, where the service speaks HTTPS itself."""

    def __init__(self, config: uvicorn.Config, entrance: Entrance, limits: Limits) -> None:
        super().__init__(config)
        self._entrance, self._limits = entrance, limits

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        certificate = self._entrance.certificate
        if certificate is None or not sockets:
            await super().startup(sockets)
            return
        await super().startup([])
        state = self.server_state
        for one in sockets:
            door = TlsDoor(
                one, self._entrance, certificate, self._limits, self._connection, lambda: len(state.connections)
            )
            # Of its servers uvicorn wants no more than that they close.
            self.servers.append(cast("asyncio.Server", door))

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )  # fmt: skip
        return made
