"""The service over HTTPS under a name of the office's network: real processes, sockets, OpenSSL and Chromium."""

from __future__ import annotations

import base64
import hashlib
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
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives import serialization
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from playwright.sync_api import sync_playwright

from api.admission import Entrance
from api.app import create_app
from api.certificate_in_use import CertificateInUse
from api.connection import connection_class
from api.limits import Limits
from api.start import entrance_of, files_beside
from api.tls_door import DoorServer
from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import Certificate, CertificateFolder, fingerprint_of
from gis_service.database import Database, connect
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, set_password
from gis_service.settings import Settings
from tests.api.conftest import Command
from tests.api.own_service import Served, free_port, serving
from tests.conftest import TEST_COMMUNITY
from tests.gis_service.test_certificates import Forged
from tests.local_client import LOCAL, OPERATOR

NAME = "map.xinqun.lan"
SECONDS = 0.8
SILENCE = 0.3
PASSWORD = "一个够长的口令 2026"
HTML = {"Accept": "text/html"}


class Office:
    """A service with a certificate of its own, and how a device that trusts its authority reaches it."""

    def __init__(self, served: Served, folder: CertificateFolder) -> None:
        self.served, self.folder = served, folder
        self.base = f"https://{NAME}:{served.port}"

    def trusting(self, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder.authority)
        if version is not None:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        return context

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(verify=self.trusting(), base_url=self.served.url, timeout=10, **options)

    def ask(self, client: httpx.Client, method: str, path: str, *, host: str = NAME, **more: Any) -> httpx.Response:
        """Send a request under a name that no server of names knows."""
        headers = {"Host": f"{host}:{self.served.port}", **more.pop("headers", {})}
        return client.request(method, path, headers=headers, extensions={"sni_hostname": host}, **more)

    def open(self, *, name: str = NAME) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.served.port), timeout=20)
        return self.trusting().wrap_socket(plain, server_hostname=name)

    def plainly(self, sent: bytes) -> tuple[bytes, float]:
        """Send bytes without TLS; return what came until the end, which is no reset, and after how many seconds."""
        begun = time.monotonic()
        with closing(socket.create_connection(("127.0.0.1", self.served.port), timeout=20)) as connection:
            connection.sendall(sent)
            got = b""
            while piece := connection.recv(65536):
                got += piece
        return got, time.monotonic() - begun


@pytest.fixture(scope="module")
def office(cluster: LocalCluster, database_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    data = tmp_path_factory.mktemp("tls")
    folder = CertificateFolder(data)
    make_certificate(folder, [NAME, "192.168.1.20"])
    opened = connect(cluster.url("gis_app", database_name))
    with opened.write(OPERATOR) as conn:
        add_account(conn, "wang", "staff", [TEST_COMMUNITY])
        set_password(conn, "wang", PASSWORD, "operator")
    opened.close()
    settings = {"GIS_DATA_DIR": str(data), "GIS_CLIENT_SECONDS": str(SECONDS)}
    with serving(cluster, database_name, scheme="https", **settings) as served:
        yield Office(served, folder)


def test_people_log_in_and_the_cookie_stays_within_https(office: Office) -> None:
    with office.client() as client:
        page = office.ask(client, "GET", "/login", headers=HTML)
        assert page.status_code == 200
        assert 'href="/trust"' in page.text
        sent = {"name": "wang", "password": PASSWORD, "next": "/account"}
        headers = {**HTML, "Origin": office.base}
        answer = office.ask(client, "POST", "/login", data=sent, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{office.base}/account")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-sid=")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        # Whoever finds the authority expired must still be able to reach the page that says what to do.
        assert "strict-transport-security" not in answer.headers
        own = office.ask(client, "GET", "/account", headers={**HTML, "Cookie": cookie.partition(";")[0]})
        assert "wang" in own.text
        assert office.ask(client, "GET", "/healthz", host="192.168.1.20").status_code == 200
        foreign = client.get("/healthz", headers={"Host": "evil.lan"}, extensions={"sni_hostname": NAME})
        assert foreign.status_code == 403


def test_nobody_else_is_believed(office: Office) -> None:
    for context, name in ((office.trusting(), "other.lan"), (ssl.create_default_context(), NAME)):
        with (
            socket.create_connection(("127.0.0.1", office.served.port), timeout=10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize("version", list(ssl.TLSVersion)[1:5])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(office: Office, version: ssl.TLSVersion) -> None:
    good = version in {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}
    with socket.create_connection(("127.0.0.1", office.served.port), timeout=10) as plain:
        try:
            with office.trusting(version=version).wrap_socket(plain, server_hostname=NAME) as connection:
                spoken = connection.version()
        except (ssl.SSLError, ConnectionError):
            spoken = None
    assert spoken == (version.name.replace("_", ".") if good else None)


def test_the_authority_is_given_to_everybody_with_what_to_do(office: Office) -> None:
    held = office.folder.certificate()
    assert held is not None
    assert held.authority is not None
    with office.client() as client:
        file = office.ask(client, "GET", "/authority.crt")
        assert file.content == office.folder.authority.read_bytes()
        assert file.headers["content-type"] == "application/x-x509-ca-cert"
        assert file.headers["content-disposition"] == 'inline; filename="authority.crt"'
        page = office.ask(client, "GET", "/trust", headers=HTML)
        assert fingerprint_of(held.authority) in page.text
        for word in (
            "证书信任设置",
            "安装证书 → CA 证书",
            "受信任的根证书颁发机构",
            "Firefox",
            'href="/authority.crt"',
            office.base,
        ):
            assert word in page.text
        assert b"PRIVATE" not in file.content
        for secret in ("authority.key", "server.pem", "tls/authority.key", "../tls/authority.key"):
            assert office.ask(client, "GET", f"/{secret}").status_code in {401, 404}


def test_chromium_finds_a_secure_context(office: Office) -> None:
    """Chromium takes the certificate for the sake of its key; that it verifies is proved with OpenSSL above."""
    held = office.folder.certificate()
    assert held is not None
    public = held.leaf.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pin = base64.b64encode(hashlib.sha256(public).digest()).decode()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-quic", "--disable-background-networking",
                  f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={pin}"],
        )  # fmt: skip
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{office.base}/trust")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(f"{office.base}/")
        page.fill("#name", "wang")
        page.fill("#password", PASSWORD)
        page.click("text=登录 >> nth=-1")
        page.wait_for_url(f"{office.base}/")
        assert (
            page.evaluate("[isSecureContext, 'serviceWorker' in navigator, 'geolocation' in navigator]") == [True] * 3
        )
        [cookie] = page.context.cookies()
        assert (cookie["name"], cookie["secure"]) == ("__Host-sid", True)
        # By http, as people type it.
        page.goto(f"http://{NAME}:{office.served.port}/account")
        assert page.url == f"{office.base}/account"
        browser.close()


def test_who_speaks_plain_http_is_told_at_once(office: Office) -> None:
    port = office.served.port

    def asked(line: str, host: str = f"{NAME}:{port}", more: str = "") -> bytes:
        got, seconds = office.plainly(f"{line} HTTP/1.1\r\nhOsT: {host}\r\n{more}\r\n".encode())
        assert seconds < SECONDS / 2
        return got

    moved = asked("GET /login?next=/account")
    assert moved.startswith(b"HTTP/1.1 307 ")
    assert f"location: {office.base}/login?next=/account\r\n".encode() in moved
    assert f"location: https://127.0.0.1:{port}/\r\n".encode() in asked("GET /", f"127.0.0.1:{port}")
    for got in (
        asked("GET /", "evil.lan"),
        asked("GET //evil.lan/", "evil.lan"),
        asked("POST /login", more="Content-Length: 20\r\n"),
        office.plainly(b"GET / HTTP/1.0\r\n\r\n")[0],
        office.plainly(b"\x00" * 3000)[0],
        office.plainly(b"SSH-2.0-x\r\n")[0],
    ):
        assert got.startswith(b"HTTP/1.1 400 "), got
        assert b"https" in got
        assert b"location" not in got
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 307


def held_connections(office: Office) -> int:
    """Return how many sockets of its port the process holds, the listening one among them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = {f"socket:[{row[9]}]" for row in rows if int(row[1].partition(":")[2], 16) == office.served.port}
    held = []
    for path in Path(f"/proc/{office.served.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.append(str(path.readlink()))
    return len(own & set(held))


@pytest.mark.alone
def test_who_begins_and_falls_silent_is_closed_and_others_are_answered(office: Office) -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32
    head = f"GET /readyz HTTP/1.1\r\nHost: {NAME}\r\n".encode()
    with office.client() as client, ExitStack() as stack:
        assert office.ask(client, "GET", "/readyz").status_code == 200
        assert held_connections(office) == 2
        opened: list[socket.socket] = []
        for kind in range(60):
            if kind % 3 < 2:
                one = socket.create_connection(("127.0.0.1", office.served.port), timeout=20)
                one.sendall(hello[: 20 * (kind % 3)])
            else:
                one = office.open()
                one.sendall(head if kind % 2 else head + b"Content-Length: 9\r\n\r\n1")
            opened.append(stack.enter_context(closing(one)))
        begun, left, slowest = time.monotonic(), set(opened), 0.0
        while left and time.monotonic() < begun + SECONDS + 1.5:
            asked = time.monotonic()
            assert office.ask(client, "GET", "/readyz").status_code == 200
            slowest = max(slowest, time.monotonic() - asked)
            for one in select.select(list(left), [], [], 0.05)[0]:
                with suppress(ConnectionResetError, ssl.SSLError):
                    if one.recv(65536):
                        continue
                left.discard(one)
        assert not left, f"{len(left)} of 60 connections are still open"
        assert slowest < 0.3
        until = time.monotonic() + 5
        while held_connections(office) > 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert held_connections(office) == 2


def test_bodies_and_heads_are_limited_as_without_tls(office: Office) -> None:
    with office.client() as client:
        large = office.ask(client, "POST", "/login", content=b"x" * (2 << 20), headers={"Content-Type": "text/plain"})
        assert (large.status_code, "太大" in large.text) == (413, True)
        assert office.ask(client, "GET", "/healthz?" + "x" * 40_000).status_code == 414
    with closing(office.open()) as slow:
        slow.sendall(f"GET /healthz HTTP/1.1\r\nHost: {NAME}\r\n".encode())
        assert slow.recv(65536).startswith(b"HTTP/1.1 408 ")


def serial(office: Office) -> int:
    with closing(office.open()) as connection:
        found = connection.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


def test_a_renewed_certificate_serves_the_next_connection(office: Office) -> None:
    before = serial(office)
    assert serial(office) == before
    with office.client() as client:
        office.ask(client, "GET", "/healthz")
        renewed = make_certificate(office.folder, [NAME, "192.168.1.20", "new.xinqun.lan"])
        assert serial(office) == renewed.leaf.serial_number != before
        # Whoever is connected stays; a new name holds without a restart, for certificate and service.
        assert office.ask(client, "GET", "/healthz").status_code == 200
    with office.client() as client:
        assert office.ask(client, "GET", "/healthz", host="new.xinqun.lan").status_code == 200
    good = office.folder.server.read_bytes()
    office.folder.server.write_bytes(b"garbage")
    assert serial(office) == renewed.leaf.serial_number
    office.folder.server.unlink()
    assert serial(office) == renewed.leaf.serial_number
    office.folder.server.write_bytes(good)
    assert serial(office) == renewed.leaf.serial_number


# -- in this process ----------------------------------------------------------------------------------------------


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
    listener.bind(("127.0.0.1", free_port()))
    listener.listen(2048)
    config = uvicorn.Config(
        app, http=connection_class(limits), ws="none", log_config=None, timeout_graceful_shutdown=1
    )  # fmt: skip
    server = DoorServer(config, entrance, limits)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
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


# -- the command line ---------------------------------------------------------------------------------------------


def test_commands_say_what_there_is_and_what_to_do(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("GIS_DATA_DIR", str(data))
    none = command("tls", "show")
    assert (none.code, none.out, none.err.count("。")) == (1, "", 1)
    made = command("tls", "make", NAME, "192.168.1.20")
    assert made.code == 0
    for word in (NAME, "证书信任设置", "CA 证书", "certutil", str(data / "tls" / "authority.crt"), "重启一次"):
        assert word in made.out
    held = CertificateFolder(data).certificate()
    assert held is not None
    assert held.authority is not None
    while ":AB:" not in fingerprint_of(held.leaf):
        # Which a terminal would be shown as a picture.
        held = make_certificate(CertificateFolder(data))
        assert held.authority is not None
    shown = command("tls", "show")
    assert shown.code == 0
    for certificate in (held.leaf, held.authority):
        assert f"{fingerprint_of(certificate)}\n" in shown.out
    assert "注意" not in shown.out
    again = command("tls", "make")
    assert again.code == 0
    assert "已续期" in again.out
    assert "certutil" not in again.out
    doctor = command("doctor")
    assert "证书(" in doctor.out
    monkeypatch.setenv("GIS_PUBLIC_URL", "https://elsewhere.lan")
    assert "不包括 GIS_PUBLIC_URL 里的 elsewhere.lan" in command("tls", "show").out
    taken = Forged(names=("elsewhere.lan",))
    (tmp_path / "c.pem").write_bytes(taken.chain())
    (tmp_path / "k.pem").write_bytes(taken.key_pem())
    refused = command("tls", "take", tmp_path / "c.pem", data / "tls" / "authority.key")
    assert (refused.code, refused.out, refused.err.count("。")) == (1, "", 1)
    done = command("tls", "take", tmp_path / "c.pem", tmp_path / "k.pem")
    assert done.code == 0
    assert "某单位根证书" in done.out
    assert "certutil" not in done.out
    assert "中间证书" in done.out
    assert "authority.crt" not in command("tls", "show").out


def test_what_ends_soon_or_has_ended_is_said(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path))
    now = dt.datetime.now(dt.UTC)
    for age, code, word in ((380, 0, "还有 15 天到期"), (400, 1, "到期,浏览器会拦住")):
        make_certificate(CertificateFolder(tmp_path), [NAME], now=now - dt.timedelta(days=age))
        shown = command("tls", "show")
        assert (shown.code, word in shown.out) == (code, True), shown.out


@pytest.mark.parametrize("harm", ["public address", "garbage"])
def test_a_service_that_cannot_serve_https_does_not_start(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path))
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    if harm == "garbage":
        folder.server.write_bytes(b"garbage")
    else:
        monkeypatch.setenv("GIS_PUBLIC_URL", f"http://{NAME}")
    ran = command("serve", "--port", str(free_port()))
    assert (ran.code, ran.err.strip().count("\n"), ran.err.count("。")) == (1, 0, 1)
