"""Two hundred workers who come back into the network at once, on a real service: it needs a quiet machine."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from tests.api.own_service import Served, serving
from tests.local_client import token_for

pytestmark = [pytest.mark.long, pytest.mark.alone]

WORKERS, EDITS = 200, 20
CHUNK = 20
"""Edits that the page of a phone sends in one message."""
SECONDS = 2.0
PATIENCE_SECONDS = 300.0
"""After which all of them together are no longer waited for."""


@dataclass(frozen=True)
class Worker:
    """A grid's worker, their token, and a few buildings of their grid."""

    token: str
    buildings: list[dict[str, Any]]


@dataclass
class Heard:
    """What all workers heard: how long each request took, when each had brought in all, and what was answered."""

    seconds: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)


def percentile(seconds: list[float], share: float) -> float:
    """Return the time within which a share of what was measured was done."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


@pytest.fixture(scope="module")
def served(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str
) -> Iterator[tuple[Served, Engine, list[Worker]]]:
    """A service on a copy of the sample, its superuser, and the workers of all six grids."""
    name = make_database(untouched_sample)
    superuser, database = open_engine(cluster.url("postgres", name)), connect(cluster.url("gis_app", name))
    with superuser.connect() as conn:
        grids = conn.execute(text("select code from gis.grid where level = 'governance' order by code")).scalars().all()
        buildings = conn.execute(
            text("select id::text, code, grid, version, st_x(st_pointonsurface(geom)) as lon,"
                 " st_y(st_pointonsurface(geom)) as lat from gis.building where grid is not null order by code")
        ).mappings().all()  # fmt: skip
    workers = []
    for number in range(WORKERS):
        grid = grids[number % len(grids)]
        own = [dict(one) for one in buildings if one["grid"] == grid]
        token = token_for(database, grid, role="grid_worker", name=f"worker{number}")
        workers.append(Worker(token, [own[(number * 3 + turn) % len(own)] for turn in range(4)]))
    database.close()
    with serving(cluster, name) as found:
        yield found, superuser, workers
    superuser.dispose()


def edits_of(worker: Worker, turn: int) -> list[dict[str, Any]]:
    """Return what a worker did in a day: cases with their steps, visits, corrections, new places."""
    made: list[dict[str, Any]] = []

    def edit(kind: str, body: dict[str, Any]) -> str:
        identifier = str(uuid.uuid4())
        made.append({"id": identifier, "kind": kind, "made_at": datetime.now(UTC).isoformat(), "body": body})
        return identifier

    for place in worker.buildings[:3]:
        here = {"lon": place["lon"], "lat": place["lat"]}
        case = edit("case", {"event_code": "X-FS01", "building_code": place["code"], "detail": "拉线充电", **here})
        edit("step", {"case": f"{COMMUNITY}.{case}", "step": "register"})
        edit("step", {"case": f"{COMMUNITY}.{case}", "step": "advise", "note": "当面劝导"})
        edit("visit", {"target_kind": "building", "target_code": place["code"]})
    for number, place in enumerate(worker.buildings):
        said = {"remark": f"第 {turn} 次 {number}"}
        edit(
            "visit",
            {"target_kind": "building", "target_code": place["code"], "changes": said, "base": place["version"]},
        )
    for place in worker.buildings[:2]:
        feature = f"{COMMUNITY}.{place['id']}"
        edit(
            "change",
            {"layer": "building", "feature": feature, "base": place["version"], "properties": {"name": f"{turn} 号楼"}},
        )
    point = {"type": "Point", "coordinates": [worker.buildings[0]["lon"], worker.buildings[0]["lat"]]}
    properties = {"code": f"T-{uuid.uuid4().hex[:12]}", "kind": "timed", "bins": 3}
    edit("feature", {"layer": "waste_point", "properties": properties, "geometry": point})
    edit("change", {"layer": "building", "feature": f"{COMMUNITY}.none", "properties": {"remark": "没有这幢"}})
    assert len(made) == EDITS
    return made


async def bring_in(served: Served, worker: Worker, edits: list[dict[str, Any]], chunk: int, heard: Heard) -> None:
    """Send a worker's edits one message after the other on one connection, as a phone does."""
    came = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    while edits:
        body = orjson.dumps({"device": "手机", "edits": edits[:chunk]})
        head = (
            f"POST /sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {worker.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        # A client that is as lean as this leaves both cores to the service.
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(answer.split("content-length: ")[1].split("\r\n")[0])
        told = await reader.readexactly(length)
        heard.seconds.append(time.perf_counter() - begun)
        status = int(answer.split()[1])
        heard.statuses[status] += 1
        if status != 200:
            break
        done = orjson.loads(told)["results"]
        assert done, "nothing was taken"
        assert [one["id"] for one in done] == [one["id"] for one in edits[: len(done)]]
        heard.states |= {one["id"]: one["state"] for one in done}
        # While many wait, the service takes the first ones only.
        edits = edits[len(done) :]
    else:
        heard.finished.append(time.perf_counter() - came)
    writer.close()


def processor_seconds(served: Served, superuser: Engine) -> tuple[float, float]:
    """Return the processor time that the service and its PostgreSQL have taken."""
    with superuser.connect() as conn:
        session: int = conn.execute(text("select pg_backend_pid()")).scalar_one()
    postmaster = int(_stat(session)[1])
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    sessions = [pid for pid in pids if _stat(pid)[1] == str(postmaster)]
    # The last two are those of its sessions that have ended.
    ended = sum(map(int, _stat(postmaster)[11:15]))
    clock = os.sysconf("SC_CLK_TCK")
    return _taken_by(served.pid) / clock, (ended + sum(map(_taken_by, sessions))) / clock


def _taken_by(pid: int) -> int:
    return sum(map(int, _stat(pid)[11:13]))


def _stat(pid: int) -> list[str]:
    """Return what the system says of a process after its name: state, parent and, from the twelfth on, times."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return ["0"] * 20


@pytest.mark.parametrize("chunk", [1, 5, 10, CHUNK])
def test_two_hundred_workers_at_once(served: tuple[Served, Engine, list[Worker]], chunk: int) -> None:
    service, superuser, workers = served
    with superuser.connect() as conn:
        rows = conn.execute(text("select id::text, version from gis.building")).all()
    versions = {row.id: row.version for row in rows}
    for place in (place for worker in workers for place in worker.buildings):
        place["version"] = versions[place["id"]]
    brought = {worker.token: edits_of(worker, chunk) for worker in workers}
    heard, before = Heard(), processor_seconds(service, superuser)

    async def all_at_once() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(bring_in(service, one, brought[one.token], chunk, heard) for one in workers))

    begun = time.perf_counter()
    asyncio.run(all_at_once())
    took, after = time.perf_counter() - begun, processor_seconds(service, superuser)
    sent = {one["id"] for edits in brought.values() for one in edits}
    with superuser.connect() as conn:
        rows = conn.execute(text("select id::text, state from gis.sync_edit")).all()
    kept = {one: state for one, state in rows if one in sent}
    each = [1000 * (now - then) / len(sent) for now, then in zip(after, before, strict=True)]
    sys.stderr.write(
        f"chunks of {chunk}: {len(heard.seconds)} requests, p50 {percentile(heard.seconds, 0.5):.2f} s, p95"
        f" {percentile(heard.seconds, 0.95):.2f} s, max {max(heard.seconds):.2f} s;"
        f" {len(heard.seconds) / took:.0f} requests/s, {len(sent) / took:.0f} edits/s in {took:.1f} s;"
        f" a worker's {EDITS} edits all in: p50 {percentile(heard.finished, 0.5):.2f} s,"
        f" p95 {percentile(heard.finished, 0.95):.2f} s, worst {max(heard.finished):.2f} s;"
        f" processor per edit {each[0]:.2f} ms service, {each[1]:.2f} ms PostgreSQL;"
        f" {dict(heard.statuses)}, {dict(Counter(kept.values()))}\n"
    )
    assert set(heard.statuses) == {200}
    assert len(heard.finished) == len(workers)
    assert kept == heard.states
    assert set(kept) == sent
    if chunk == CHUNK:
        assert percentile(heard.seconds, 0.95) < SECONDS
