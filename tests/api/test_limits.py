"""Slow, huge and broken clients on real sockets: closed in time, refused in Chinese, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import json
import os
import random
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from api.app import create_app
from api.connection import connection_class
from api.limits import Limits
from api.turns import Turns
from gis_service.database import Database
from gis_service.errors import UnavailableError
from gis_service.local_cluster import LocalCluster
from tests.api.own_service import free_port, serving

pytestmark = pytest.mark.alone

SECONDS = 1.2
SILENCE = 0.3
MEGABYTE = 1024 * 1024
SEED = 20261125


class Address:
    """A port of this machine, and what a rude client does there."""

    def __init__(self, port: int, pid: int, token: str = "") -> None:
        self.port = port
        self.pid = pid
        self.login = f"Authorization: Bearer {token}\r\n".encode() if token else b""
        self.url = f"http://127.0.0.1:{port}"

    def open(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes) -> tuple[int, dict[str, Any]]:
        """Send bytes; return the status and the document of the answer, which ends with the connection."""
        with closing(self.open(sent)) as connection:
            return parsed(everything(connection))

    def peak(self) -> float:
        """Return the most memory that the process had since :meth:`forget_peak`, in megabytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def forget_peak(self) -> None:
        if self.pid == os.getpid():
            # What earlier tests have freed would be taken again without being seen.
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def everything(connection: socket.socket) -> bytes:
    """Read until the connection ends, in whichever way."""
    got = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return got
        if not piece:
            return got
        got += piece


def parsed(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower(), answer[:300]
    return int(head.split()[1]), json.loads(body)


def closed_after(connections: list[socket.socket], limit: float, meanwhile: Callable[[], object]) -> list[float]:
    """Return after how many seconds the service ended each connection; AssertionError when one is left open."""
    begun = time.monotonic()
    found: list[float] = []
    left = set(connections)
    while left and time.monotonic() < begun + limit:
        meanwhile()
        for connection in select.select(list(left), [], [], 0.05)[0]:
            try:
                ended = not connection.recv(65536)
            except ConnectionResetError:
                ended = True
            if ended:
                left.discard(connection)
                found.append(time.monotonic() - begun)
    assert not left, f"{len(left)} of {len(connections)} connections are open after {limit} s"
    return found


@pytest.fixture(scope="module")
def service(cluster: LocalCluster, sample_template: str) -> Iterator[Address]:
    """The service as people run it, but with less patience."""
    with serving(cluster, sample_template, GIS_CLIENT_SECONDS=str(SECONDS)) as served:
        yield Address(served.port, served.pid, served.token)


@contextmanager
def running(sample: Database, limits: Limits) -> Iterator[tuple[Address, uvicorn.Server]]:
    """Run the application in a thread, on a real port, with a route that reads bodies and one that never ends."""
    app = create_app(sample, limits=limits)

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.post("/read/files")
    async def read_files(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    @app.get("/endless")
    def endless() -> StreamingResponse:
        return StreamingResponse(itertools.repeat(b"x" * 100_000))

    chosen = free_port()
    config = uvicorn.Config(
        app, port=chosen, http=connection_class(limits), ws="none", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Address(chosen, os.getpid()), server
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="module")
def reading(sample: Database) -> Iterator[Address]:
    limits = Limits(silence_seconds=SILENCE, larger_bodies={("POST", "/read/files"): 40 * MEGABYTE})
    with running(sample, limits) as (address, _):
        yield address


def half_open(address: Address, count: int) -> list[socket.socket]:
    """Open uploads that never go on: in the head, in a declared body, in a chunked one; and some that say nothing."""
    head = b"POST /collections/building/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/geo+json\r\n"
    head += address.login
    kinds = (
        head,
        head + b"Content-Length: 1000\r\n\r\n" + b"{" * 10,
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{{{{{\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
        b"",
    )
    return [address.open(kinds[turn % len(kinds)]) for turn in range(count)]


def check_half_open(address: Address, count: int, limit: float) -> None:
    slowest = 0.0
    with httpx.Client() as client, ExitStack() as stack:

        def ask() -> None:
            nonlocal slowest
            begun = time.monotonic()
            assert client.get(f"{address.url}/readyz").status_code == 200
            slowest = max(slowest, time.monotonic() - begun)

        ask()
        slowest = 0.0
        connections = [stack.enter_context(closing(one)) for one in half_open(address, count)]
        seconds = closed_after(connections, limit, ask)
    assert len(seconds) == count
    assert slowest < 0.3


@pytest.mark.parametrize("known", [True, False])
def test_half_open_uploads_are_closed_and_others_answered(service: Address, *, known: bool) -> None:
    # Whoever is told gets a second to read it.
    check_half_open(service if known else Address(service.port, service.pid), 60, SECONDS + 1.5)


@pytest.mark.long
def test_400_half_open_uploads_are_closed_within_30_s(cluster: LocalCluster, sample_template: str) -> None:
    with serving(cluster, sample_template) as served:
        check_half_open(Address(served.port, served.pid, served.token), 400, 30)


def test_head_that_trickles_in_is_closed(service: Address) -> None:
    with closing(service.open(b"GET /healthz HTTP/1.1\r\n")) as connection:
        # Each line comes well before any pause would be noticed; the head as a whole is late.
        lines = itertools.count()
        closed_after([connection], SECONDS * 1.5, lambda: trickle(connection, b"X-%d: 1\r\n" % next(lines)))


def trickle(connection: socket.socket, piece: bytes) -> None:
    time.sleep(0.1)
    with suppress(OSError):
        connection.sendall(piece)


def test_late_head_is_told(service: Address) -> None:
    status, document = service.ask(b"GET /healthz HTTP/1.1\r\nX-Half:")
    assert status == 408
    assert "请求没有传完" in document["detail"]


def test_silent_body_is_told(reading: Address) -> None:
    status, document = reading.ask(b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
    assert status == 408
    assert "请求没有传完" in document["detail"]


def test_body_below_the_floor_is_closed_though_never_silent(reading: Address) -> None:
    with closing(reading.open(b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n")) as connection:
        seconds = closed_after([connection], 8 * SILENCE, lambda: trickle(connection, b"x"))
    assert seconds[0] >= SILENCE


def test_steady_body_may_take_longer_than_the_silence(reading: Address) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(12):
            time.sleep(SILENCE / 5)
            yield b"x" * 4000

    assert httpx.post(f"{reading.url}/read", content=pieces()).json() == 48_000


@pytest.mark.parametrize("chunked", [True, False])
def test_body_above_the_cap_is_refused(reading: Address, *, chunked: bool) -> None:
    size = MEGABYTE + 1
    content = (b"x" * (size // 7) for _ in range(8)) if chunked else b"x" * size
    answer = httpx.post(f"{reading.url}/read", content=content)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "最多 1,048,576 字节" in answer.json()["detail"]
    assert httpx.post(f"{reading.url}/read", content=b"x" * MEGABYTE).json() == MEGABYTE
    assert httpx.post(f"{reading.url}/read/files", content=b"x" * size).json() == size


def test_declared_giant_is_refused_before_it_is_sent(reading: Address) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\nExpect: 100-continue\r\n\r\n"
    with closing(reading.open(head)) as connection:
        status, _ = parsed(connection.recv(65536))
    assert status == 413


def send_chunks(address: Address, target: str, megabytes: int) -> int:
    """Send a chunked body for as long as the service takes it; return the status of its answer."""
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/geo+json\r\n"
    head += f"{address.login.decode()}Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n" % MEGABYTE + b"x" * MEGABYTE + b"\r\n"
    with closing(address.open(head.encode())) as connection:
        try:
            for _ in range(megabytes):
                connection.sendall(chunk)
            connection.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            assert megabytes > 16
        return parsed(connection.recv(65536))[0]


def test_chunked_30_mb_cost_no_memory(reading: Address) -> None:
    # A whole body that is allowed shows that this measure would see one that is kept.
    reading.forget_peak()
    before = reading.peak()
    assert httpx.post(f"{reading.url}/read/files", content=b"x" * 30 * MEGABYTE).status_code == 200
    kept = reading.peak() - before
    reading.forget_peak()
    before = reading.peak()
    assert send_chunks(reading, "/read", 30) == 413
    assert reading.peak() - before < 15 < kept


def test_chunked_30_mb_to_the_service(service: Address) -> None:
    service.forget_peak()
    before = service.peak()
    assert send_chunks(service, "/collections/building/items", 30) == 413
    assert service.peak() - before < 15


@pytest.mark.long
def test_chunked_300_mb_to_the_service(service: Address) -> None:
    service.forget_peak()
    before = service.peak()
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(send_chunks(service, "/collections/building/items", 300)), daemon=True
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [413] * 8
    assert service.peak() - before < 100


def test_long_target_and_headers_are_refused(service: Address) -> None:
    for size, allowed in ((31_000, {414}), (60_000, {414}), (70_000, {414, 431}), (200_000, {414, 431})):
        head = b"GET /collections/building/items?name=" + b"a" * size + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert service.ask(head)[0] in allowed
    cookies = b"Cookie: " + b"c" * 8_000 + b"\r\n"
    status, document = service.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + cookies * 5 + b"\r\n")
    assert status == 431
    assert "Cookie" in document["detail"]
    accepted = httpx.get(f"{service.url}/healthz", headers={"Cookie": "c" * 30_000})
    assert accepted.status_code == 200


def test_head_without_end_is_refused_early(service: Address) -> None:
    with closing(service.open(b"GET /healthz HTTP/1.1\r\nX-Endless: ")) as connection:
        sent = 0
        with suppress(OSError):
            while sent < 20 * MEGABYTE:
                connection.sendall(b"x" * 65536)
                sent += 65536
        assert sent < 10 * MEGABYTE


def test_trailers_without_end_are_refused_early(reading: Address) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    with closing(reading.open(head)) as connection:
        sent = 0
        with suppress(OSError):
            while sent < 20 * MEGABYTE:
                connection.sendall(b"X-Trailer: 1\r\n" * 5000)
                sent += 70_000
        assert sent < 10 * MEGABYTE


GARBAGE = (
    b"\x00" * 100, b"\r\n" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET \xff\xfe HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT localhost:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET // HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a:b:c\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost:99999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + b"\x00" * 50,
    b"GET /%00%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz?%ed%a0%80=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /collections/%ed%a0%80/items HTTP/1.1\r\nHost: localhost\r\nAccept: \xff;q=\xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \xff\xfe\r\nAccept: text/html;q=nan\r\n\r\n",
)  # fmt: skip


def test_garbage_never_ends_the_service(service: Address) -> None:
    chance = random.Random(SEED)
    good = b"GET /collections/building/items?limit=1 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n%s\r\n"
    good %= service.login

    def broken() -> bytes:
        bytes_ = (chance.choice((chance.randrange(256), 13, 10)) if chance.random() < 0.05 else byte for byte in good)
        return bytes(bytes_)

    with ExitStack() as stack:
        connections = []
        garbage = [one.replace(b"Host: localhost\r\n", b"Host: localhost\r\n" + service.login) for one in GARBAGE]
        for sent in (*GARBAGE, *garbage, *(broken() for _ in range(200))):
            connection = stack.enter_context(closing(service.open(sent)))
            connection.settimeout(10)
            # Whoever hasn't sent a whole request says that there is no more.
            connection.shutdown(socket.SHUT_WR)
            connections.append((sent, connection))
        for sent, connection in connections:
            answer = everything(connection)
            assert not answer or answer[9:10] in b"1234", (sent, answer[:200])
    assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_requests_sent_ahead_are_answered_up_to_a_number(reading: Address) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(reading.open(request * 4 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) as few:
        assert everything(few).count(b"HTTP/1.1 200") == 5
    with closing(reading.open(request * 5000)) as many:
        assert everything(many).count(b"HTTP/1.1 200") <= 20
    assert httpx.get(f"{reading.url}/healthz").status_code == 200


def test_get_with_a_body_is_harmless(service: Address) -> None:
    with httpx.Client() as client:
        for _ in range(3):
            assert client.request("GET", f"{service.url}/healthz", content=b"{" * 100_000).status_code == 200


def test_unread_answer_is_ended_and_slow_reader_is_not(sample: Database) -> None:
    with running(sample, Limits(silence_seconds=SILENCE)) as (address, server):
        with ExitStack() as stack:
            request = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
            rude = [stack.enter_context(closing(address.open(request))) for _ in range(5)]
            slow = stack.enter_context(closing(address.open(request)))
            until = time.monotonic() + 5 * SILENCE
            while time.monotonic() < until:
                assert slow.recv(1 << 20)
                time.sleep(SILENCE / 20)
            assert len(server.server_state.connections) == 1
            assert len(server.server_state.tasks) == 1
            for connection in rude:
                connection.setblocking(False)
        until = time.monotonic() + 5
        while server.server_state.connections and time.monotonic() < until:
            time.sleep(0.02)
        assert not server.server_state.connections


def test_too_many_connections(sample: Database) -> None:
    with running(sample, Limits(connections=20, silence_seconds=5)) as (address, server), ExitStack() as stack:

        def hold(sent: bytes) -> None:
            stack.enter_context(closing(address.open(sent)))

        # Who has waited longest without a request makes room.
        for _ in range(60):
            hold(b"GET /healthz HTTP/1.1\r\n")
        assert httpx.get(f"{address.url}/healthz").status_code == 200
        assert len(server.server_state.connections) <= 20
        # Who is in the middle of a request doesn't: then there is no room.
        for _ in range(20):
            hold(b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        time.sleep(0.2)
        answer = httpx.get(f"{address.url}/healthz")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "连接太多" in answer.json()["detail"]


def test_client_that_leaves_in_the_middle_is_no_fault(reading: Address, caplog: pytest.LogCaptureFixture) -> None:
    for target in (b"/read", b"/read/files"):
        reading.open(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{" % target).close()
    time.sleep(0.3)
    assert [record for record in caplog.records if record.exc_info] == []


def test_turns_are_few_waited_for_and_passed_on() -> None:
    async def scenario() -> None:
        turns = Turns(at_once=2, wait_seconds=0.1, hold_seconds=0.3)
        async with turns.turn(), turns.turn():
            with pytest.raises(UnavailableError, match="已有 2 项"):
                async with turns.turn():
                    pytest.fail("there are only two turns")
        async with turns.turn(), turns.turn():
            await asyncio.sleep(0.35)
            # Both were held too long; what ends later must not give back a turn twice.
            first, second = turns.turn(), turns.turn()
            await first.__aenter__()
            await second.__aenter__()
        with pytest.raises(UnavailableError):
            async with turns.turn():
                pytest.fail("the two turns that were passed on are taken")
        await first.__aexit__(None, None, None)
        await second.__aexit__(None, None, None)

    asyncio.run(scenario())


def test_a_turn_lasts_as_long_as_its_streamed_answer(sample: Database) -> None:
    app = create_app(sample)
    turns = Turns(at_once=1, wait_seconds=0.2)
    going = asyncio.Event()

    async def costly() -> AsyncIterator[None]:
        async with turns.turn():
            yield

    @app.get("/export", dependencies=[Depends(costly)])
    async def export() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await going.wait()
            yield b"last"

        return StreamingResponse(pieces())

    async def scenario() -> None:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            first = asyncio.create_task(client.get("/export"))
            await asyncio.sleep(0.1)
            refused = await client.get("/export")
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "5"
            going.set()
            assert (await first).text == "firstlast"
            assert (await client.get("/export")).text == "firstlast"

    asyncio.run(scenario())
