"""``gis-service serve`` as a person runs it: ready, stopped, killed, started again."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Command

pytestmark = pytest.mark.alone

SERVICE = Path(sys.executable).with_name("gis-service")
START_SECONDS = 90.0
AGAIN_SECONDS = 15.0


class Service:
    """A service in a process of its own on a free port, with what it says, and the token of somebody who asks it."""

    def __init__(self, data: Path, *more: str, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.begun = time.monotonic()
        self.token = ""
        self.process = subprocess.Popen(
            [SERVICE, "serve", "--port", str(self.port), "--data", data, *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True,
        )  # fmt: skip
        self._said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._said.put(line.rstrip("\n"))

    def ready(self, seconds: float = START_SECONDS) -> float:
        """Wait for the ready line; return the seconds since the start."""
        until = self.begun + seconds
        while True:
            line = self._said.get(timeout=max(0.1, until - time.monotonic()))
            if line.startswith("ready"):
                assert line == f"ready http://127.0.0.1:{self.port}"
                return time.monotonic() - self.begun

    def get(self, path: str, **headers: str) -> httpx.Response:
        login = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers={**login, **headers}, timeout=20)

    def log_in(self, name: str, *, new: bool = False) -> None:
        """Ask with a token of an account from now on; as an operator makes both, while the service runs."""
        if new:
            said = operate(self.data, "user", "add", name, "--role", "staff", "--area", "330482002011")
            assert f"已建立账户 {name}" in said
        self.token = operate(self.data, "token", "create", "--user", name).split()[-1]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def environment() -> dict[str, str]:
    """Return this process's environment without settings of the service."""
    return {key: value for key, value in os.environ.items() if not key.startswith("GIS_")}


def operate(data: Path, *arguments: str) -> str:
    """Run a command on a data folder and return what it says."""
    ran = subprocess.run(
        [SERVICE, *arguments], env={**environment(), "GIS_DATA_DIR": str(data)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return ran.stdout


def free_port() -> int:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


def postmaster(data: Path) -> int | None:
    """Return the pid of the cluster's living server."""
    try:
        pid = int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        return pid if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (FileNotFoundError, ProcessLookupError):
        return None


Start = Callable[..., Service]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gis-serve-"))
    folder.chmod(0o755)
    yield folder / "data"
    if pid := postmaster(folder / "data"):
        os.kill(pid, signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    """Start services on the module's data; whatever a test leaves running ends with it."""
    started: list[Service] = []

    def make(*more: str, port: int | None = None) -> Service:
        started.append(Service(data, *more, port=port))
        return started[-1]

    yield make
    for service in started:
        if service.process.poll() is None:
            service.process.terminate()
            service.process.wait(timeout=30)


def test_empty_service_shows_how_to_begin_and_stops_with_its_cluster(start: Start, data: Path) -> None:
    service = start("--empty")
    service.ready()
    # What is printed is true at once: the first connection is answered.
    assert service.get("/readyz").status_code == 200
    # Nobody is let in before there is an account.
    stranger = service.get("/", accept="text/html")
    assert stranger.status_code == 303
    assert stranger.headers["location"] == f"http://127.0.0.1:{service.port}/login?next=/"
    assert service.get("/login", accept="text/html").status_code == 200
    assert service.get("/collections/building/items").status_code == 401
    service.log_in("first", new=True)
    page = service.get("/", accept="text/html")
    assert page.status_code == 200
    assert "还没有社区" in page.text
    assert "gis-service area create" in page.text
    assert service.get("/collections/building/items").json()["numberMatched"] == 0
    assert postmaster(data) is not None
    assert service.end(signal.SIGTERM) == 0
    assert postmaster(data) is None


@pytest.mark.long
def test_second_start_is_quick_and_stops_by_ctrl_c(start: Start, data: Path) -> None:
    first = start("--empty")
    first.ready()
    first.log_in("second", new=True)
    first.end(signal.SIGTERM)
    service = start()
    assert service.ready() < AGAIN_SECONDS
    # The account of the first start is still there.
    service.log_in("second")
    # The decision of the first start stands: no sample appears by itself.
    assert "还没有社区" in service.get("/", accept="text/html").text
    assert service.end(signal.SIGINT) in {0, 130, -signal.SIGINT}
    assert postmaster(data) is None


@pytest.mark.long
def test_killed_service_starts_again_and_killed_database_comes_back(start: Start, data: Path) -> None:
    first = start()
    first.ready()
    first.end(signal.SIGKILL)
    second = start()
    assert second.ready() < AGAIN_SECONDS
    assert second.get("/readyz").status_code == 200
    second.log_in("killed", new=True)
    pid = postmaster(data)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 15
    seen = set()
    while time.monotonic() < until:
        answer = second.get("/readyz")
        seen.add(answer.status_code)
        if answer.status_code == 200 and postmaster(data) not in {None, pid}:
            break
        time.sleep(0.3)
    assert postmaster(data) not in {None, pid}
    assert second.get("/readyz").status_code == 200
    assert second.get("/collections").status_code == 200
    assert seen <= {200, 503}
    assert second.end(signal.SIGTERM) == 0
    assert postmaster(data) is None


@pytest.mark.long
def test_port_or_data_in_use_is_one_sentence(start: Start, data: Path) -> None:
    running = start()
    running.ready()
    before = postmaster(data)
    for service, said in ((start(port=running.port), f"端口 {running.port} 已被占用"), (start(), "正被另一个服务")):
        _, errors = service.process.communicate(timeout=30)
        assert service.process.returncode not in {0, None}
        assert said in errors
        assert errors.strip().count("\n") == 0
    assert running.get("/readyz").status_code == 200
    assert postmaster(data) == before


@pytest.mark.parametrize(
    ("name", "value", "more"),
    [
        ("GIS_PORT", "many", ""),
        ("GIS_HOST", "0.0.0.0", "GIS_PUBLIC_URL"),  # noqa: S104
        ("GIS_HOST", "::", "GIS_PUBLIC_URL"),
        ("GIS_PUBLIC_URL", "map.example", ""),
        ("GIS_BASE_LAYERS", "no address", ""),
    ],
)
def test_settings_that_are_wrong_are_named(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, more: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = command("serve", "--port", str(free_port()), "--data", "/nonexistent/data")
    assert ran.code != 0
    assert ran.err.strip().count("\n") == 0
    assert name in ran.err or value in ran.err
    assert more in ran.err


@pytest.mark.parametrize("setting", [{"GIS_HOST": "0.0.0.0"}, {"GIS_PUBLIC_URL": "https://map.example"}])  # noqa: S104
def test_demonstration_accounts_stay_on_this_machine(
    command: Command, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str]
) -> None:
    for name, value in {"GIS_DEMO": "1", **setting}.items():
        monkeypatch.setenv(name, value)
    ran = command("serve", "--port", str(free_port()), "--data", "/nonexistent/data")
    assert ran.code != 0
    assert ran.err.strip().count("\n") == 0
    assert "GIS_DEMO" in ran.err
