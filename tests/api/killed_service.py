"""A service that is killed: its processes as the system sees them, a kill -9 for each, and its way back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.api.careful_client import Noted
from tests.api.own_service import free_port

SERVICE = Path(sys.executable).with_name("gis-service")
START_SECONDS = 90.0


class KilledService:
    """``gis-service serve`` in a process of its own, started again after each kill on the same port and folder.

    Parameters
    ----------
    data
        The data folder; without ``GIS_DATABASE_URL`` among the settings also of a private cluster.

    Attributes
    ----------
    headers
        The header of somebody who may upload; set by whoever made the account.
    """

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.headers: dict[str, str] = {}
        self.starts = 0
        self._settings: Mapping[str, str] = settings
        self._said = data.with_name("service.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; it must do so at the first attempt."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIS_")}
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [SERVICE, "serve", "--port", str(self.port), "--data", self.data, "--empty"],
                stdout=said, stderr=said, env={**own, **self._settings}, start_new_session=True,
            )  # fmt: skip
        self.starts += 1
        assert until(lambda: self.answers() or self._ended(), START_SECONDS), self.said[-3000:]
        assert not self._ended(), self.said[-3000:]

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)

    @property
    def said(self) -> str:
        """Everything that it and its workers wrote."""
        return self._said.read_text(encoding="utf-8", errors="replace")

    def answers(self) -> bool:
        """Tell whether it and its database are ready."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        return False

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self, kind: str) -> bool:
        """Kill -9 the service, its worker, its postmaster or a backend; False when there is none just now."""
        pid = {"service": self._service, "worker": self._worker, "postmaster": self._postmaster,
               "backend": self._backend}[kind]()  # fmt: skip
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if kind == "service" and self._process is not None:
            self._process.wait(timeout=30)
        return True

    def has_worker(self) -> bool:
        """Tell whether a worker process is at work."""
        return self._worker() is not None

    def _service(self) -> int | None:
        return None if self._process is None or self._ended() else self._process.pid

    def _worker(self) -> int | None:
        return next((pid for pid, line in _children(self._service()) if b"worker" in line), None)

    def _postmaster(self) -> int | None:
        with suppress(FileNotFoundError, IndexError, ValueError):
            pid = int((self.data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
            if b"postgres" in _command_line(pid):
                return pid
        return None

    def _backend(self) -> int | None:
        found = [(pid, line) for pid, line in _children(self._postmaster()) if b"postgres: gis_app" in line]
        # One that is at something, where there is one.
        busy = [pid for pid, line in found if b" idle" not in line.replace(b"idle in transaction", b"")]
        return random.choice(busy or [pid for pid, _ in found]) if found else None


@dataclass
class Killer:
    """Kills a service, its worker and its database in the middle of what clients are at."""

    service: KilledService
    noted: Noted
    draw: random.Random = field(default_factory=lambda: random.Random(20261128))
    kills: Counter[str] = field(default_factory=Counter)

    def kill_all(self, planned: Mapping[str, int]) -> Counter[str]:
        """Kill what is planned, in any order; return the kills done.

        A pair is a backend and, before the database has recovered, the service. Before every third kill something may
        be finished, or nothing ever would.
        """
        left = [kind for kind, number in planned.items() for _ in range(number)]
        self.draw.shuffle(left)
        for turn, kind in enumerate(left):
            self._recovered()
            if turn % 3 == 0:
                self._let_finish(len(self.noted.sent))
            self._aim(kind)
            for one in ("backend", "service") if kind == "pair" else (kind,):
                assert until(partial(self.service.kill, one), 30), f"there is no {one}"
                self.kills[one] += 1
            if kind in {"service", "pair"}:
                self.service.start()
        self._recovered()
        return self.kills

    def _let_finish(self, before: int) -> None:
        until(lambda: len(self.noted.sent) > before, 4)

    def _recovered(self) -> None:
        assert until(self.service.answers, START_SECONDS), self.service.said[-3000:]

    def _aim(self, kind: str) -> None:
        """Wait for the moment: some way into a job, an upload or a commit, where there is one."""
        if kind == "worker":
            until(self.service.has_worker, 10)
            time.sleep(self.draw.uniform(0.7, 2.7))
            return
        aim, seconds = self.draw.choice((("upload", 1.5), ("commit", 0.6), ("commit", 0.6)))
        until(lambda: aim in self.noted.busy.values(), 3)
        time.sleep(self.draw.uniform(0, seconds))


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Ask every 50 ms until it is true, at most for ``seconds``; return the last answer."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _children(parent: int | None) -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir() if parent is not None else ():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, IndexError):
            # The name stands in brackets and may hold anything; the state and the parent follow.
            if int((entry / "stat").read_bytes().rsplit(b")", 1)[1].split()[1]) == parent:
                yield int(entry.name), _command_line(int(entry.name))


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
