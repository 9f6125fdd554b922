"""The service over HTTPS under a name of the office's network: real processes, sockets, OpenSSL and Chromium."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import httpx
import pytest
from playwright.sync_api import sync_playwright

from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import CertificateFolder, fingerprint_of
from gis_service.database import connect
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, set_password
from tests.api.https_office import NAME, Office, held_connections, serial
from tests.api.own_service import serving
from tests.conftest import TEST_COMMUNITY
from tests.local_client import OPERATOR

SECONDS = 2.0
"""How long a client may be silent."""
PASSWORD = "一个够长的口令 2026"
HTML = {"Accept": "text/html"}


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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=office.chromium_arguments())
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
        # Sooner than it would be told for its silence; how soon is measured by itself.
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


@pytest.mark.long
@pytest.mark.alone
def test_plain_http_is_told_of_https_in_less_than_half_a_second(office: Office) -> None:
    for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-x\r\n", b"\x00" * 3000):
        got, seconds = office.plainly(sent)
        assert got.startswith(b"HTTP/1.1 400 ")
        assert seconds < 0.4


@pytest.mark.long
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
