"""The two servers under comparison, each a process of its own on the same database."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from building_databases import login_of

from gis_service.local_cluster import LocalCluster
from side_by_side.http_connection import Connection
from side_by_side.processes import Tree
from side_by_side.questions import TILE_BUFFER

# The server's loop and parser are those that this service's own lock names: neither is held back by the other's.
TIPG_REQUIREMENTS = """\
tipg==1.6.1
uvicorn==0.54.0
uvloop==0.23.0
httptools==0.9.0
"""
_START_SECONDS = 120
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A server that runs: its name, its port, its processes, and the header that lets a client in."""

    name: str
    port: int
    tree: Tree
    login: Mapping[str, str]

    def connect(self, *, timeout: float = 300.0) -> Connection:
        """Return a connection that is let in."""
        return Connection(self.port, self.login, timeout=timeout)


@contextmanager
def running_service(cluster: LocalCluster, database: str, logs: Path) -> Iterator[Server]:
    """Run this service as its users do, in the application's role; whoever asks is logged in."""
    port = _free_port()
    program = Path(sys.executable).parent / "gis-service"
    address, login = {"GIS_DATABASE_URL": cluster.url("gis_app", database)}, login_of(cluster, database)
    with _running("service", [str(program), "serve", "--port", str(port)], address, port, logs, login) as server:
        yield server


@contextmanager
def running_tipg(python: Path, cluster: LocalCluster, database: str, logs: Path, rows: int) -> Iterator[Server]:
    """Run tipg as the role that row-level security lets pass, with its limits raised to what is asked of it."""
    port = _free_port()
    url = urlsplit(cluster.url("gis_backup", database).replace("+psycopg", ""))
    folder = quote(url.query.removeprefix("host="), safe="")
    environment = {
        "DATABASE_URL": f"postgresql://{url.netloc}{folder}{url.path}",
        "TIPG_DB_SCHEMAS": '["gis"]',
        "TIPG_DB_TABLES": '["gis.building"]',
        "TIPG_DB_SPATIAL_EXTENT": "false",
        "TIPG_DB_DATETIME_EXTENT": "false",
        "TIPG_CATALOG_TTL": "0",
        "TIPG_TILE_BUFFER": str(TILE_BUFFER),
        "TIPG_MAX_FEATURES_PER_QUERY": str(rows),
    }
    command = [str(python), "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--no-access-log"]
    with _running("tipg", [*command, "--log-level", "warning"], environment, port, logs, {}) as server:
        yield server


def tipg_python(given: Path | None) -> Path:
    """Return the Python that has tipg: the given one, or that of a virtual environment made on first use."""
    if given is not None:
        # Not resolved: the link in a virtual environment is what makes it one.
        return given.absolute()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = "-".join(TIPG_REQUIREMENTS.split()).replace("==", "-")
    folder = caches / "gis-service-benchmarks" / f"{name}-python{platform.python_version()}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"making a virtual environment with tipg in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(TIPG_REQUIREMENTS, encoding="utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        (folder / "ready").touch()
    return python


def tipg_version(python: Path) -> str:
    """Return the version of tipg and of the Python that runs it."""
    said = "import platform, tipg; print(tipg.__version__ + ' on Python ' + platform.python_version())"
    return subprocess.run([python, "-c", said], check=True, capture_output=True, text=True).stdout.strip()


def service_version() -> str:
    """Return this checkout's commit, and whether files that it tracks were changed since."""
    commit = _git("rev-parse", "--short", "HEAD")
    return f"{commit} with uncommitted changes" if _git("status", "--porcelain", "--", "*.py", "*.sql") else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, cwd=_CHECKOUT).stdout.strip()


@contextmanager
def _running(
    name: str, command: Sequence[str], settings: Mapping[str, str], port: int, logs: Path, login: Mapping[str, str]
) -> Iterator[Server]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIS_", "TIPG_", "PG"))}
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        # In a session of its own, so that Ctrl-C reaches the benchmark, which then ends the servers in order.
        process = subprocess.Popen(
            command, env={**kept, **settings}, cwd=logs, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_ready(name, process, port, log)
            yield Server(name, port, Tree(process.pid), login)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server answers; say what it wrote when it ends instead."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with Connection(port) as connection:
                if connection.get("/healthz").status == 200:
                    return
        except ConnectionError:
            time.sleep(0.1)
    raise SystemExit(f"{name} doesn't start:\n{log.read_text(encoding='utf-8', errors='replace')[-4000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
