"""Nobody learns anything of another grid, by any operation: answers are the same as where its rows aren't there.

Two copies of the sample differ only in rows that a worker may not see: in one of them a superuser took those away.
Every answer to the worker must be the same from both, byte by byte: rows, counts, extents, entity tags, error texts.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import mapbox_vector_tile
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis_service.database import Database, connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sheets.files import SheetFiles
from layers.registry import LAYERS
from tests.api.drawing import Known
from tests.api.every_operation import Caller, operations_of, read_known, rule_for, send
from tests.local_client import app_over, local

WORKERS = (f"{COMMUNITY}001", f"{COMMUNITY}003")
BY_GRID = [name for name, layer in LAYERS.items() if layer.visibility == "grid"]
FEW, MANY = 1, 75
"""Requests of each operation, usually for one worker, in the long proof for each."""
COSTLY = {
    "GET /maps/{name}", "GET /maps/{name}/file", "GET /analyses/{name}", "GET /today", "GET /today/coverage",
    "POST /photos",
}  # fmt: skip
_OPEN = "from gis.hazard where status not in ('closed', 'rejected', 'merged')"
_WORK = (
    f"insert into gis.case_step (community, case_id, step, note) select community, id, 'note', code {_OPEN}",
    "insert into gis.case_photo (community, id, case_id, stage, sha256, width, height, bytes)"
    f" select community, id, id, 'before', encode(sha256(id::text::bytea), 'hex'), 640, 480, 1000 {_OPEN}",
    "insert into gis.sync_edit (community, id, kind, body, made_at, state, problem, areas)"
    " select community, id, 'change', jsonb_build_object('x', code), now(), 'conflict', code,"
    " array[grid] from gis.hazard where grid is not null",
)
_FOREIGN = "grid is distinct from :grid"
_BESIDE = {
    **dict.fromkeys(("case_step", "case_photo"), f"case_id in (select id from gis.hazard where {_FOREIGN})"),
    "sync_edit": "not areas && array[cast(:grid as text)]",
}
"""Rows of tables beside the layers that a worker may neither see nor write; while all cases are there."""
_OF_OTHERS = {
    **dict.fromkeys(("case_step", "case_photo"), "case_id not in (select id from gis.hazard)"),
    "sync_edit": "not areas && array[cast(:grid as text)]",
}
"""The same rows, once the cases of others are taken away."""


@dataclass(frozen=True)
class Copy:
    """One of the two databases, the application on it, and a client of each worker."""

    database: Database
    app: FastAPI
    clients: dict[str, TestClient]


@pytest.fixture(scope="module")
def known(cluster: LocalCluster, sample_template: str) -> list[Known]:
    """Features of the whole community."""
    engine = open_engine(cluster.url("postgres", sample_template))
    found = read_known(engine, COMMUNITY)
    engine.dispose()
    return found


def copy_of(cluster: LocalCluster, name: str, folder: Path) -> Copy:
    database = connect(cluster.url("gis_app", name))
    app = app_over(database, folder, sheets=SheetFiles(folder / "exports"))
    clients = {}
    for worker in WORKERS:
        options = local(database, worker, role="grid_worker", name=f"worker-{worker[-3:]}")
        clients[worker] = TestClient(app, raise_server_exceptions=False, follow_redirects=False, **options)
    return Copy(database, app, clients)


@pytest.fixture(scope="module")
def worked_sample(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> str:
    """The sample after some work, to copy from: every open case has a step and a photo, every one an edit."""
    name = make_database(untouched_sample)
    database = connect(cluster.url("gis_app", name))
    with database.write(Scope("staff", "staff", (COMMUNITY,))) as conn:
        for statement in _WORK:
            assert conn.execute(text(statement)).rowcount > 0, statement
    database.close()
    return name


@pytest.fixture(scope="module")
def copies(
    cluster: LocalCluster, make_database: Callable[..., str], worked_sample: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Copy, Copy]]]:  # fmt: skip
    """For each worker the whole sample, and the sample without what they may not see."""
    made: dict[str, tuple[Copy, Copy]] = {}
    for worker in WORKERS:
        whole, own = make_database(worked_sample), make_database(worked_sample)
        engine = open_engine(cluster.url("postgres", own))
        with engine.begin() as conn:
            # Past the triggers: the counters of versions stay as they are.
            conn.execute(text("set local session_replication_role = replica"))
            for name in BY_GRID:
                for table in (name, f"{name}_history"):
                    gone = conn.execute(
                        text(f"delete from gis.{table} where grid is distinct from :grid"), {"grid": worker}
                    ).rowcount
                    assert gone > 0, table
                    assert conn.execute(text(f"select count(*) from gis.{table}")).scalar_one() > 0, table
            for table, others in _OF_OTHERS.items():
                assert conn.execute(text(f"delete from gis.{table} where {others}"), {"grid": worker}).rowcount > 0
                assert conn.execute(text(f"select count(*) from gis.{table}")).scalar_one() > 0, table
        engine.dispose()
        made[worker] = (
            copy_of(cluster, whole, tmp_path_factory.mktemp("whole")),
            copy_of(cluster, own, tmp_path_factory.mktemp("own")),
        )
    opened = [client for pair in made.values() for one in pair for client in one.clients.values()]
    for client in opened:
        client.__enter__()
    yield made
    for client in opened:
        client.__exit__(None, None, None)
    for pair in made.values():
        for one in pair:
            one.database.close()


_MOMENT = re.compile(rb'"timeStamp":"[^"]*"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)')
_PARTS = re.compile(rb"[\n<>{}\[\],]|<row r=\"\d+\"|r=\"[A-Z]+\d+\"")
_NEW = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")


def tile_of(content: bytes) -> bytes:
    """Return what a tile holds; in which order depends on the plan, and that on what autovacuum last counted."""
    layers = mapbox_vector_tile.decode(content)
    return b"".join(
        name.encode() + b"".join(sorted(json.dumps(one, sort_keys=True).encode() for one in layer.pop("features")))
        + json.dumps(layer, sort_keys=True).encode()
        for name, layer in sorted(layers.items())
    )  # fmt: skip


def told(answer: httpx.Response, *, written: bool) -> tuple[object, ...]:
    """Return everything that an answer tells, but for the moment at which it was given.

    What was just written has an identifier of its own in either database.
    """
    content = answer.content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"".join(name.encode() + packed.read(name) for name in sorted(packed.namelist()))
    media_type = answer.headers.get("content-type", "")
    if "vector-tile" in media_type:
        content = tile_of(content)
    content = _MOMENT.sub(b"moment", content)
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    if "set-cookie" in headers:
        # A cookie that is taken back ends now, and the two answers aren't of one second.
        headers["set-cookie"] = re.sub(r"expires=[^;]+", "expires=now", headers["set-cookie"])
    if written:
        content = _NEW.sub(b"new", content)
        headers = {name: _NEW.sub(b"new", value.encode()).decode() for name, value in headers.items() if name != "etag"}
    if answer.content.startswith(b"PK") or "geopackage" in media_type or "vector-tile" in media_type:
        # Moments are packed within, and tiles hold their words in another order.
        headers.pop("content-length", None)
    return answer.status_code, sorted(headers.items()), content


def in_any_order(answer: tuple[object, ...]) -> tuple[object, ...]:
    """Return what an answer tells, in whatever order: a whole layer is streamed as it lies there."""
    *rest, content = answer
    assert isinstance(content, bytes)
    return *rest, sorted(_PARTS.split(content))


def compare(copies: dict[str, tuple[Copy, Copy]], known: list[Known], each: int, seed: int) -> Counter[int]:
    """Send every operation to both copies of each worker; return how often which status was answered."""
    statuses: Counter[int] = Counter()
    for worker, (whole, own) in copies.items():
        caller = Caller(COMMUNITY, known, seed)
        # What is written has other identifiers and moments in either copy, so that reading comes first.
        for writes, operation in sorted((rule_for(one).changes, one) for one in operations_of(whole.app)):
            for _ in range(max(each // 20, 2) if operation in COSTLY else each):
                call = caller.call(operation)
                answers = [send(one.clients[worker], call) for one in (whole, own)]
                statuses[answers[0].status_code] += 1
                first, second = (told(answer, written=writes) for answer in answers)
                assert first == second or in_any_order(first) == in_any_order(second), (
                    f"{worker} learns of other grids by {call}"
                )
                assert answers[0].status_code < 500, call
    return statuses


def rows_of_others(copies: dict[str, tuple[Copy, Copy]], cluster: LocalCluster) -> dict[str, dict[str, list[str]]]:
    """Return by worker and table what a superuser sees of the rows that the worker may not touch."""
    found: dict[str, dict[str, list[str]]] = {}
    for worker, (whole, _) in copies.items():
        engine = open_engine(cluster.url("postgres", whole.database.writer.url.database or ""))
        with engine.connect() as conn:
            for table, others in {**dict.fromkeys(BY_GRID, _FOREIGN), **_BESIDE}.items():
                query = text(f"select t::text from gis.{table} t where {others} order by 1")
                rows = [str(one) for one in conn.execute(query, {"grid": worker}).scalars()]
                assert rows, table
                found.setdefault(worker, {})[table] = rows
        engine.dispose()
    return found


def test_no_operation_tells_of_another_grid(
    copies: dict[str, tuple[Copy, Copy]], known: list[Known], cluster: LocalCluster
) -> None:
    before = rows_of_others(copies, cluster)
    statuses = compare({WORKERS[0]: copies[WORKERS[0]]}, known, FEW, seed=1)
    assert rows_of_others(copies, cluster) == before
    # The requests are such as are answered, not only such as are refused.
    assert statuses[200] > sum(statuses.values()) / 3
    assert statuses[404] > 0


@pytest.mark.long
def test_ten_thousand_requests_tell_nothing_of_another_grid(
    copies: dict[str, tuple[Copy, Copy]], known: list[Known], cluster: LocalCluster
) -> None:
    before = rows_of_others(copies, cluster)
    statuses = compare(copies, known, MANY, seed=2)
    sys.stderr.write(f"{sum(statuses.values())} requests to either copy: {dict(statuses)}\n")
    assert sum(statuses.values()) >= 10_000
    assert rows_of_others(copies, cluster) == before
