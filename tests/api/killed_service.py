"""A service with a database of its own that is killed over and over, and clients that try again as careful ones do."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.api.own_service import SERVICE, free_port

ROWS = 1500
HEAD = "编号,名称,点位类型,垃圾桶数,投放时段,经度,纬度,备注"
PATIENCE_SECONDS = 120.0


class KilledService:
    """Runs ``gis-service serve`` on a private cluster, and starts it again whenever it ended."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self._keeper.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the service doesn't come back")

    def stop(self) -> None:
        self._ending.set()
        if self.process is not None:
            self.process.terminate()
        self._keeper.join(timeout=30)

    def _keep(self) -> None:
        while not self._ending.is_set():
            with (self.data.parent / "service.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [SERVICE, "serve", "--port", str(self.port), "--data", str(self.data), "--empty"],
                    stdout=log, stderr=log,
                )  # fmt: skip
                self.process.wait()
            self._ending.wait(0.2)

    def kill(self, generator: random.Random) -> str | None:
        """Kill -9 one of the processes; return which, None when there was none of that kind."""
        kind = generator.choice(("service",) * 3 + ("worker",) * 4 + ("backend",) * 4 + ("postmaster",))
        if kind == "service":
            found = [self.process.pid] if self.process is not None and self.process.poll() is None else []
        elif kind == "worker":
            found = _children(self.process.pid, b"worker") if self.process is not None else []
        else:
            postmaster = _postmaster(self.data)
            found = [postmaster] if kind == "postmaster" else _children(postmaster, b"gis_app")
        if not found or not found[0]:
            return None
        with suppress(ProcessLookupError):
            os.kill(generator.choice(found), signal.SIGKILL)
            return kind
        return None


def _postmaster(data: Path) -> int:
    try:
        return int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _children(parent: int, holding: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            of_parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if of_parent and holding in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@dataclass
class Client:
    """Uploads and commits one file after the other, each under keys of its own, until it is told to stop.

    Attributes
    ----------
    acknowledged, given_up
        Names of the files whose commit was answered with success, and of those that the service refused for good.
    retried
        How often a request had to be sent again.
    """

    service: KilledService
    name: str
    stop: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)
    retried: int = 0
    sent: list[str] = field(default_factory=list)

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            file = f"{self.name}n{number}"
            self.sent.append(file)
            try:
                self._upload(file, large=number % 3 == 0)
            except RefusedError as error:
                self.given_up[file] = str(error)
            else:
                self.acknowledged.append(file)

    def _upload(self, file: str, *, large: bool) -> None:
        content = file_of(file, large=large).encode()
        form = {"layer": "waste_point", "crs": "EPSG:4490"}
        upload = self._until(
            lambda client: client.post(
                "/uploads", files={"file": (f"{file}.csv", content)}, data=form, headers={"Idempotency-Key": file}
            )
        )
        here = f"/uploads/{upload['id']}"
        while upload["state"] == "processing":
            time.sleep(0.1)
            upload = self._until(lambda client: client.get(here))
        if upload["state"] == "refused":
            raise RefusedError(str(upload["problem"]))
        key = {"Idempotency-Key": f"{file}-commit"}
        while upload["state"] != "committed":
            upload = self._until(lambda client: client.post(f"{here}/commit", json={}, headers=key))

    def _until(self, request: object) -> dict[str, object]:
        """Send a request again and again until it is answered."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            try:
                with httpx.Client(base_url=self.service.url, timeout=60) as client:
                    answer: httpx.Response = request(client)  # type: ignore[operator]
            except httpx.HTTPError:
                answer = httpx.Response(503)
            if answer.status_code < 300:
                found: dict[str, object] = answer.json()
                return found
            if answer.status_code not in {409, 500, 503}:
                raise RefusedError(f"{answer.status_code} {answer.text[:300]}")
            self.retried += 1
            time.sleep(0.1)
        raise AssertionError(f"{self.name}: no answer within {PATIENCE_SECONDS} s")


class RefusedError(Exception):
    """The service refused a file for good."""


def file_of(name: str, *, large: bool = False) -> str:
    """Return a table of points; large ones are a job of the worker."""
    remark = "说" * 1000 if large else ""
    rows = [
        f"{name}r{at},点,定时定点,1,全天,{120.995 + at % 100 / 20000:.6f},{30.70 + at // 100 / 20000:.6f},{remark}"
        for at in range(ROWS)
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def kill_over_and_over(service: KilledService, kills: int, seed: int) -> Counter[str]:
    """Kill the processes at random moments, so many times; each time the service must come back."""
    generator, done = random.Random(seed), Counter[str]()
    while done.total() < kills:
        time.sleep(generator.uniform(0.0, 0.9))
        kind = service.kill(generator)
        if kind is not None:
            done[kind] += 1
            service.wait_ready()
    return done
