"""The door of the service over HTTPS, in this process: who waits too long, and what it is told by its certificate."""

from __future__ import annotations

import itertools
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from api.admission import Entrance
from api.app import create_app
from api.certificate_in_use import CertificateInUse
from api.connection import connection_class
from api.limits import Limits
from api.start import entrance_of, files_beside
from api.tls_door import DoorServer
from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import Certificate, CertificateFolder
from gis_service.database import Database
from gis_service.settings import Settings
from tests.api.https_office import NAME, Office, held_connections, serial
from tests.api.killed_service import until
from tests.api.own_service import Served
from tests.gis_service.test_certificates import Forged
from tests.local_client import LOCAL

SILENCE = 0.3


@contextmanager
def running(database: Database, folder: CertificateFolder, limits: Limits) -> Iterator[tuple[Office, list[str]]]:
    """Run the application behind its door in a thread, with a route that never ends; give what was complained of."""
    complaints: list[str] = []
    entrance = Entrance(secure=True, certificate=CertificateInUse(folder, complaints.append))
    app = create_app(database, limits=limits, entrance=entrance, log=lambda _line: None)

    @app.get("/endless")
    def endless() -> StreamingResponse:
        return StreamingResponse(itertools.repeat(b"x" * 100_000))

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    config = uvicorn.Config(
        app, http=connection_class(limits), ws="none", log_config=None, timeout_graceful_shutdown=1
    )  # fmt: skip
    server = DoorServer(config, entrance, limits)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        assert until(lambda: server.started or not thread.is_alive(), 20)
        assert server.started, "the door ended before it was open"
        yield Office(Served(listener.getsockname()[1], os.getpid(), "", "https"), folder), complaints
    finally:
        server.should_exit = True
        thread.join(timeout=20)
    assert not thread.is_alive()


def test_what_cannot_be_read_is_said_once(database: Database, tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    with running(database, folder, Limits()) as (office, complaints):
        before = serial(office)
        folder.server.write_bytes(b"garbage")
        assert {serial(office) for _ in range(3)} == {before}
    assert len(complaints) == 1
    assert "仍用旧的" in complaints[0]


@pytest.mark.long
def test_who_does_not_read_the_answer_is_ended(database: Database, tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    with running(database, folder, Limits(silence_seconds=SILENCE)) as (office, _), closing(office.open()) as reader:
        reader.sendall(f"GET /endless HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        time.sleep(SILENCE * 4)
        # What lies in the buffers on the way is some megabytes; the answer would go on without an end.
        got, left = 1, 64 << 20
        with suppress(ConnectionResetError, ssl.SSLError):
            while got and left > 0:
                got = len(reader.recv(1 << 20))
                left -= got
        assert left > 0


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"], ids=["silent", "in the handshake"])
def test_the_longest_waiting_make_room(database: Database, tmp_path: Path, said: bytes) -> None:
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    with running(database, folder, Limits(connections=60)) as (office, _), ExitStack() as stack:
        silent = [
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", office.served.port), timeout=5)))
            for _ in range(70)
        ]
        for one in silent:
            with suppress(ConnectionError):
                one.sendall(said)
        with office.client() as client:
            assert office.ask(client, "GET", "/healthz").status_code == 200
            held = held_connections(office)
        ended = [one for one in silent if select.select([one], [], [], 0)[0]]
        assert 10 <= len(ended) <= 12
        assert ended == silent[: len(ended)]
        # What was ended is closed on this side too: a listener, a client, and who still waits.
        assert held == 2 + len(silent) - len(ended)


def test_only_an_own_authority_is_handed_out(database: Database, tmp_path: Path) -> None:
    def said(entrance: Entrance) -> list[tuple[int, str]]:
        with TestClient(create_app(database, entrance=entrance), **LOCAL) as client:
            assert "/trust" not in client.get("/login").text
            answers = [client.get(path) for path in ("/trust", "/authority.crt")]
            return [(one.status_code, one.json()["detail"]) for one in answers]

    assert [status for status, _ in said(Entrance())] == [404, 404]
    folder, taken = CertificateFolder(tmp_path), Forged(names=(NAME,))
    # One that was made before, and stays in the folder.
    make_certificate(folder, [NAME])
    with folder.changing():
        folder.replace_server(taken.chain(), taken.key_pem())
    answers = said(Entrance(certificate=CertificateInUse(folder)))
    assert [status for status, _ in answers] == [404, 404]
    assert all("某单位根证书" in sentence and sentence.count("。") == 1 for _, sentence in answers)
    assert folder.certificate() == Certificate(taken.leaf, None)


def test_certificates_are_part_of_backups(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    kept = {name: path for name, path in files_beside(Settings(data_dir=tmp_path)).items() if name.startswith("tls/")}
    assert set(kept) == {"tls/authority.crt", "tls/authority.key", "tls/server.pem"}
    assert all(path.is_file() and path == tmp_path / name for name, path in kept.items())


def test_a_chinese_address_is_known_as_browsers_send_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIS_HOST", "GIS_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    entrance = entrance_of(Settings(public_url="https://地图.内网", data_dir=tmp_path))
    with TestClient(create_app(database, entrance=entrance), **LOCAL) as client:
        assert client.get("/healthz", headers={"Host": "xn--wcs7d.xn--v6q792i"}).status_code == 200
        assert client.get("/healthz", headers={"Host": "xn--wcs7d.lan"}).status_code == 403
