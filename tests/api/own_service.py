"""A service in a process of its own, on a database that its tests may fill, change and pester."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gis_service.database import connect
from gis_service.local_cluster import LocalCluster
from tests.local_client import token_for

SERVICE = Path(sys.executable).with_name("gis-service")


@dataclass(frozen=True)
class Served:
    """Where the service listens, its process, and a token of somebody who has every community."""

    port: int
    pid: int
    token: str
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """The header that the token is sent in."""
        return {"Authorization": f"Bearer {self.token}"}


def asking(served: Served) -> httpx.Client:
    """Return a client of whom the token belongs to."""
    return httpx.Client(base_url=served.url, headers=served.headers, timeout=20)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@contextmanager
def serving(
    cluster: LocalCluster,
    database: str,
    command: Sequence[str | Path] = (SERVICE,),
    *,
    scheme: str = "http",
    **settings: str,
) -> Iterator[Served]:
    """Run the service, or what a command makes of it; AssertionError at the end when it died or wrote a traceback.

    Parameters
    ----------
    scheme
        ``https`` where the settings lead to a certificate.
    """
    port = free_port()
    opened = connect(cluster.url("gis_app", database))
    token = token_for(opened)
    opened.close()
    with subprocess.Popen(
        [*command, "serve", "--port", str(port)],
        env={**os.environ, "GIS_DATABASE_URL": cluster.url("gis_app", database), **settings},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        # The pipes must be emptied, or the service stops at its log.
        complaints: list[str] = []
        readers = [
            threading.Thread(target=process.stdout.read, daemon=True),
            threading.Thread(target=complaints.extend, args=(process.stderr,), daemon=True),
        ]
        ready = process.stdout.readline()
        for reader in readers:
            reader.start()
        try:
            assert ready == f"ready {scheme}://127.0.0.1:{port}\n"
            yield Served(port, process.pid, token, scheme)
        finally:
            process.terminate()
            for reader in readers:
                reader.join(timeout=20)
            ended = process.wait(timeout=20)
    assert ended == 0
    # Whatever clients do is no reason for a traceback, in which an operator would look for a fault of the service.
    said = "".join(complaints)
    assert "Traceback" not in said, said[-3000:]
