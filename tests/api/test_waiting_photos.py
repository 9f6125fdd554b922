"""Photos that wait for their turn wait on the disk: a morning's worth of them doesn't fit into the memory."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.testclient import TestClient

from api.app import create_app
from gis_service.database import Database
from gis_service.photos.files import PhotoFiles
from tests.local_client import local

SENDERS, MEGABYTES = 8, 6
PIECE = 256 * 1024


@pytest.fixture(scope="module")
def app(database: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(database, photos=PhotoFiles(tmp_path_factory.mktemp("photos")))


@pytest.fixture(scope="module")
def client(app: FastAPI, database: Database, area: str) -> Iterator[TestClient]:
    with TestClient(app, **local(database, area)) as found:
        yield found


class Sender:
    """A phone that sends a large body piece by piece, and hears what it is answered."""

    def __init__(self, client: TestClient, case: str) -> None:
        self._app = client.app
        self._left = MEGABYTES * (1 << 20) // PIECE
        self.status, self.sent = 0, asyncio.Event()
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/photos", "raw_path": b"/photos", "query_string": f"case={case}".encode(), "root_path": "",
            "headers": [
                (b"host", b"localhost"), (b"content-type", b"image/jpeg"), (b"transfer-encoding", b"chunked"),
                (b"authorization", client.headers["authorization"].encode()),
            ],
            "client": ("127.0.0.1", 50000), "server": ("localhost", 80),
        }  # fmt: skip

    async def send(self) -> None:
        await self._app(self.scope, self._receive, self._hear)

    async def _receive(self) -> dict[str, Any]:
        self._left -= 1
        if not self._left:
            self.sent.set()
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": self._left > 0}

    async def _hear(self, message: Any) -> None:
        self.status = message.get("status", self.status)


def test_bodies_that_wait_are_not_in_the_memory(app: FastAPI, client: TestClient) -> None:
    freed = threading.Event()
    senders = [Sender(client, "330482002099.none") for _ in range(SENDERS)]

    def occupy() -> Response:
        freed.wait(30)
        return Response()

    async def wait() -> int:
        encodings = app.state.encodings
        busy = [asyncio.create_task(encodings.run(occupy)) for _ in range(2)]
        await asyncio.sleep(0)
        before = tracemalloc.get_traced_memory()[0]
        sending = [asyncio.create_task(one.send()) for one in senders]
        for one in senders:
            await one.sent.wait()
        await asyncio.sleep(0.2)
        held = tracemalloc.get_traced_memory()[0] - before
        assert not any(one.done() for one in sending)
        freed.set()
        await asyncio.gather(*busy, *sending)
        return held

    assert client.portal is not None
    tracemalloc.start()
    try:
        held: int = client.portal.call(wait)
    finally:
        tracemalloc.stop()
    assert held < 4 << 20, f"{held >> 20} MB are held for {SENDERS * MEGABYTES} MB that wait"
    assert [one.status for one in senders] == [404] * SENDERS
