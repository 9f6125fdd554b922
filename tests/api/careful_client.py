"""A client of the survey desk that wants each file written once: it repeats what failed, under the same keys."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

HEAD = "编号,名称,点位类型,垃圾桶数,投放时段,经度,纬度,内部流水"
PATIENCE_SECONDS = 180.0
"""How long a client repeats one request."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its rows, and how many bytes of a column that isn't imported each row has besides."""

    rows: int
    padding: int = 0


@dataclass(frozen=True)
class SentFile:
    """A file that was sent: its name, the rows in it, the sum of their bins, and whether its commit was answered."""

    name: str
    rows: int
    bins: int
    acknowledged: bool


@dataclass
class Noted:
    """What all clients did and saw."""

    sent: list[SentFile] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    busy: dict[int, str] = field(default_factory=dict)


class GaveUpError(Exception):
    """A client stopped repeating a request."""


def rows_of(name: str, number: int, draw: random.Random) -> list[tuple[str, int, float, float]]:
    """Return the code, bins, longitude and latitude of each row of a file."""
    return [
        (f"{name}-{row}", draw.randrange(1, 400), round(draw.uniform(120.991, 121.009), 7),
         round(draw.uniform(30.691, 30.709), 7))
        for row in range(number)
    ]  # fmt: skip


class CarefulClient(threading.Thread):
    """Uploads files and commits them, one after the other, until it is told to stop; the last is brought to its end.

    Parameters
    ----------
    headers
        Headers of every request, with the token of somebody who may upload.
    give_up
        The share of commits whose failure isn't followed by another attempt.
    """

    def __init__(
        self, url: str, headers: dict[str, str], number: int, kinds: list[Kind], noted: Noted,
        stopping: threading.Event, give_up: float,
    ) -> None:  # fmt: skip
        super().__init__(name=f"client {number}", daemon=True)
        self._url, self._number, self._kinds, self._noted = url, number, kinds, noted
        self._stopping, self._give_up = stopping, give_up
        self._draw = random.Random(number)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=120)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Send file after file."""
        try:
            turn = 0
            while not self._stopping.is_set():
                self._bring(f"c{self._number}-{turn}", self._kinds[turn % len(self._kinds)])
                turn += 1
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it.
            self.failure = error
        finally:
            self._http.close()

    def _bring(self, name: str, kind: Kind) -> None:
        rows = rows_of(name, kind.rows, self._draw)
        padding = "x" * kind.padding
        lines = (f"{code},点,定时定点,{bins},全天,{lon},{lat},{padding}" for code, bins, lon, lat in rows)
        body = "\n".join([HEAD, *lines, ""]).encode()
        acknowledged = False
        try:
            upload = self._proposed(name, body)
            acknowledged = self._commit(name, upload, kind.rows)
        except GaveUpError:
            self._noted.counts["given up"] += 1
        self._noted.sent.append(SentFile(name, kind.rows, sum(row[1] for row in rows), acknowledged))

    def _proposed(self, name: str, body: bytes) -> str:
        """Upload a file until it stands as a proposal; return the upload's identifier."""
        seen = set()
        for _ in range(20):
            document = self._upload(name, body)
            seen.add(document["id"])
            document = self._settled(document)
            if document["state"] == "proposed":
                assert len(seen) == 1, f"{name} stands under several identifiers"
                return str(document["id"])
            # A job that was interrupted too often: whoever sent the file sends it again.
            assert document["state"] == "refused", document
            assert document["job"]["state"] == "failed", document
            self._noted.counts["jobs failed"] += 1
        raise AssertionError(f"{name} was never read: {document['problem']}")

    def _upload(self, name: str, body: bytes) -> dict[str, Any]:
        form = {"layer": "waste_point", "crs": "EPSG:4490"}
        headers = {"Idempotency-Key": f"upload {name}"}
        files = {"file": (f"{name}.csv", body)}
        found: dict[str, Any] = self._until_done(
            "upload", lambda: self._http.post("/uploads", files=files, data=form, headers=headers)
        ).json()
        return found

    def _settled(self, document: dict[str, Any]) -> dict[str, Any]:
        """Wait until nothing is being done about an upload."""
        here = f"/uploads/{document['id']}?f=json"
        while document["state"] == "processing":
            time.sleep(0.3)
            document = self._until_done("job", lambda: self._http.get(here)).json()
        return document

    def _commit(self, name: str, upload: str, rows: int) -> bool:
        gives_up = self._draw.random() < self._give_up
        document = self._committed(name, upload, gives_up=gives_up)
        for _ in range(20):
            if document["state"] == "committed":
                break
            # The job of a large commit was interrupted too often.
            assert document["job"]["state"] == "failed", document
            self._noted.counts["jobs failed"] += 1
            document = self._committed(name, upload)
        assert document["upload"]["counts"]["added"] == rows, document["upload"]
        if self._draw.random() < 0.2:
            again = self._committed(name, upload)
            assert again["upload"] == document["upload"]
            self._noted.counts["replays answered"] += 1
        return True

    def _committed(self, name: str, upload: str, *, gives_up: bool = False) -> dict[str, Any]:
        """Commit until it is answered; return the upload as it then stands."""
        begun: list[float] = []

        def attempt() -> httpx.Response:
            begun.append(time.time())
            return self._http.post(f"/uploads/{upload}/commit", json={}, headers={"Idempotency-Key": f"commit {name}"})

        answer = self._until_done("commit", attempt, once=gives_up)
        document = self._settled(answer.json())
        if len(begun) > 1 and answer.status_code == 200:
            written = datetime.fromisoformat(document["upload"]["committed_at"]).timestamp()
            # Written by an attempt whose answer was lost.
            self._noted.counts["replays answered"] += written < begun[-1] - 0.001
        return document

    def _until_done(self, what: str, ask: Callable[[], httpx.Response], *, once: bool = False) -> httpx.Response:
        """Repeat a request until it is done; only a broken connection and 503 are reasons to."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self._noted.busy[self._number] = what
            try:
                answer = ask()
            except httpx.TransportError:
                answer = None
            finally:
                self._noted.busy[self._number] = ""
            if answer is not None and answer.is_success:
                return answer
            if answer is not None and answer.status_code != 503:
                self._noted.strange.append(f"{what}: {answer.status_code} {answer.text[:300]}")
            if once:
                raise GaveUpError
            self._noted.counts[f"{what} repeated"] += 1
            time.sleep(self._draw.uniform(0.1, 0.6))
        raise AssertionError(
            f"{what}: no success in {PATIENCE_SECONDS:.0f} s; the last answers: {self._noted.strange[-3:]}"
        )
