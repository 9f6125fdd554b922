"""A service that hostile clients knock at: what it keeps, what it costs, and how others fare meanwhile."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, text

from tests.api.hostile.bait import Bait, Hostile
from tests.gis_service.surveys.hostile import SECRET

TILE = "/collections/building/tiles/WebMercatorQuad/14/6722/13698"
KEPT = ("proposal", "proposal_row", "upload", "job", "header_answer", "waste_point", "building", "road")
# What an answer would hold if it told of the machine, of other files, or in a library's own words.
TOLD = re.compile(
    rf"{SECRET}|root:x:|/vsi|Traceback|site-packages|\.py\b|psycopg|sqlite3|sqlalchemy|pyogrio|openpyxl|GDAL|OGR|Errno"
    r"|No such file|SELECT |select \*"
)
CHINESE = re.compile("[\u4e00-\u9fff]{2,}")


@dataclass
class Outcome:
    """What became of a file: the status, the texts of all answers about it, and the seconds of work that it made."""

    status: int
    document: dict[str, Any]
    seconds: float
    told: list[str] = field(default_factory=list)
    slowest: float = 0.0


@dataclass
class WatchedService:
    """A service with a client, the superuser's engine on its database, and its folders."""

    url: str
    pid: int
    headers: dict[str, str]
    client: httpx.Client
    superuser: Engine
    data: Path
    temporary: Path
    bait: Bait
    knocks: list[bytes]

    def kept(self) -> dict[str, object]:
        """Return what the service holds: rows by table, and files."""
        found: dict[str, object] = {}
        with self.superuser.connect() as conn:
            for table in KEPT:
                rows = f"select count(*), sum(hashtext(t::text)::bigint) from gis.{table} t"
                # Jobs that are done tell nothing of a file but that one was read.
                found[table] = tuple(conn.execute(text(rows)).one()) if table != "job" else None
        for folder in (self.data / "uploads", self.temporary):
            found[folder.name] = sorted(path.name for path in folder.rglob("*")) if folder.is_dir() else []
        return found

    def stored_secret(self) -> int:
        """Count the rows about uploads that hold the secret."""
        with self.superuser.connect() as conn:
            return sum(
                int(
                    conn.execute(
                        text(f"select count(*) from gis.{table} t where t::text like '%{SECRET}%'")
                    ).scalar_one()
                )
                for table in ("proposal", "proposal_row", "job")
            )

    def send(self, file: Hostile) -> Outcome:
        """Upload a file; wait for the worker where it has to."""
        content = file.make(self.bait)
        begun = time.monotonic()
        answer = self.client.post("/uploads", files={"file": (file.name, content)}, data=dict(file.fields))
        found = Outcome(answer.status_code, answer.json(), 0.0, [answer.text, str(answer.headers)])
        found.seconds = time.monotonic() - begun
        started: float | None = None
        while found.document.get("state") == "processing":
            # How long a worker takes to start is the machine's matter, not the file's.
            if started is None and (found.document["job"] or {}).get("state") != "waiting":
                started = time.monotonic()
            time.sleep(0.1)
            found.document = self.client.get(f"/uploads/{found.document['id']}").json()
        if started is not None:
            found.seconds += time.monotonic() - started
        return found

    def look_at(self, file: Hostile, found: Outcome) -> None:
        """Ask for everything there is about an upload that was received, then discard it."""
        here = f"/uploads/{found.document['id']}"
        asked = [here, f"{here}?f=html"]
        if found.document["state"] == "proposed":
            asked += [f"{here}/rows", f"{here}/changes", f"{here}/map"]
            # The uploader's own workbook is opened a second time, with all that stands in it.
            asked += [f"{here}/workbook"] if file.name.endswith(".xlsx") else []
        for path in asked:
            begun = time.monotonic()
            answer = self.client.get(path)
            found.slowest = max(found.slowest, time.monotonic() - begun)
            assert answer.status_code in ({200, 400} if path.endswith("workbook") else {200}), (
                f"{path}: {answer.text[:300]}"
            )
            if not (path.endswith(("/map", "f=html", "workbook")) and answer.status_code == 200):
                found.told.append(answer.text)
            assert SECRET.encode() not in answer.content
        assert self.stored_secret() == 0
        assert self.client.delete(here).status_code == 204

    def memory(self, kind: str = "VmRSS") -> float:
        """Return the service's memory in megabytes: now, or its peak (``VmHWM``)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split(f"{kind}:")[1].split()[0]) / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def fault_of(service: WatchedService, file: Hostile) -> str:
    """Upload a file and see what becomes of it; return what is wrong with that, "" when nothing is."""
    before = service.kept()
    try:
        found = service.send(file)
        wrong = _wrong_with(file, found)
        if "id" in found.document:
            if found.document["state"] == "refused" and any((service.data / "uploads").iterdir()):
                wrong = wrong or "the original of a refused file is kept"
            service.look_at(file, found)
        told = "\n".join(found.told)
        told_of = TOLD.search(told) or re.search(
            f"{service.bait.secret.parent}|{service.data}|{service.temporary}", told
        )
        wrong = wrong or (f"tells of {told_of[0]!r}" if told_of else "")
        slowest = max(found.seconds, found.slowest)
        wrong = wrong or (f"took {slowest:.1f} s" if slowest > _LONGEST_S else "")
    except (httpx.HTTPError, AssertionError, ValueError) as error:
        return f"{file}: {error!r}"
    after = service.kept()
    left = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    wrong = wrong or (f"leaves {left}" if left else "")
    return f"{file}: {wrong}" if wrong else ""


def _wrong_with(file: Hostile, found: Outcome) -> str:
    document, state = found.document, found.document.get("state")
    if file.taken is None:
        said = document.get("detail") if found.status == 400 else document.get("problem")
        if found.status != 400 and state != "refused":
            return f"isn't refused: {found.status} {str(document)[:300]}"
        if found.status == 400 and "application/problem+json" not in found.told[1]:
            return "isn't refused with a problem document"
        return "" if CHINESE.search(str(said)) and re.search(file.says, str(said)) else f"says {said}"
    if found.status != 201:
        return f"is refused: {found.status} {document.get('detail')}"
    counts = {step: number for step, number in document["counts"].items() if number and step in _STEPS}
    if (state, counts) != ("proposed" if file.taken else "needs_answer", dict(file.taken)):
        return f"becomes {state} {counts}"
    return ""


# A reading is ended after 30 seconds; then there is its answer to be made.
_LONGEST_S = 32
_STEPS = {"added", "changed", "moved", "removed", "unchanged", "refused", "unplaced", "conflict"}


class Bystanders:
    """Whoever asks other things meanwhile, one after the other, ten times a second."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.failed: list[str] = []

    @contextmanager
    def asking(self, url: str, headers: dict[str, str]) -> Iterator[None]:
        done = threading.Event()
        asked = ("/healthz", "/collections/building/items?limit=10", TILE)

        def ask() -> None:
            with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
                while not done.is_set():
                    for path in asked:
                        begun = time.monotonic()
                        try:
                            status = client.get(path).status_code
                        except httpx.HTTPError as error:
                            self.failed.append(f"{path}: {error!r}")
                            continue
                        self.seconds.append(time.monotonic() - begun)
                        if status not in {200, 204}:
                            self.failed.append(f"{path}: {status}")
                    done.wait(0.1)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def percentile(self, share: float) -> float:
        return sorted(self.seconds)[math.ceil(share * len(self.seconds)) - 1]
