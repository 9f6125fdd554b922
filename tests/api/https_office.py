"""A service over HTTPS, and how a device that trusts its authority reaches it under a name of the office."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization

from gis_service.certificates.folder import CertificateFolder
from tests.api.own_service import Served

NAME = "map.xinqun.lan"


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
        return httpx.Client(verify=self.trusting(), base_url=self.served.url, **{"timeout": 10, **options})

    def chromium_arguments(self) -> list[str]:
        """Return what makes Chromium find it under its name and take its certificate, for the sake of its key."""
        held = self.folder.certificate()
        assert held is not None
        public = held.leaf.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pin = base64.b64encode(hashlib.sha256(public).digest()).decode()
        return [
            "--no-sandbox", "--disable-quic", "--disable-background-networking",
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={pin}",
        ]  # fmt: skip

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


def held_connections(office: Office) -> int:
    """Return how many sockets of its port the process holds, the listening one among them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = {f"socket:[{row[9]}]" for row in rows if int(row[1].partition(":")[2], 16) == office.served.port}
    held = []
    for path in Path(f"/proc/{office.served.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.append(str(path.readlink()))
    return len(own & set(held))


def serial(office: Office) -> int:
    with closing(office.open()) as connection:
        found = connection.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)
