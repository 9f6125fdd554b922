"""Doctor, metrics, the log and the headers: what shows whether a deployment is as it must be."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import shapely
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.admission import Entrance
from api.app import create_app
from api.log_file import LogFile
from gis_service.database import Database, connect
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, set_password
from gis_service.people.audit import Anchors, verify
from gis_service.people.demo import settle_demo
from gis_service.scope import Scope
from layers.catalog.community import Community
from layers.record import Source
from layers.registry import LAYERS
from tests.api.own_service import serving
from tests.conftest import TEST_COMMUNITY
from tests.gis_service.example_rows import example_record, example_shape
from tests.local_client import LOCAL, OPERATOR, local


def results(ran: Any) -> dict[str, str]:
    """Return the mark of each check in the printed table."""
    rows = re.findall(r"^│ (\S+) +│ (OK|WARN|FAIL) +│", ran.out, re.MULTILINE)
    assert len(rows) >= 14, ran.out
    return dict(rows)


@pytest.mark.usefixtures("area")
def test_doctor_finds_what_is_amiss_and_says_what_to_do(
    command: Any, database: Database, superuser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with superuser.begin() as conn:
        conn.execute(text("update gis.community set source = 'synthetic'"))
    first = command("doctor")
    found = results(first)
    assert first.code == 0
    assert found["管理员"] == "WARN"
    assert "gis-service user add" in first.out
    with database.write(OPERATOR) as conn:
        add_account(conn, "chief", "admin", [TEST_COMMUNITY])
        set_password(conn, "chief", "a long enough password", "operator")
    assert results(command("doctor"))["管理员"] == "OK"

    def breaks(check: str, mark: str, do: str, undo: str) -> None:
        with superuser.begin() as conn:
            conn.execute(text(do))
        ran = command("doctor")
        with superuser.begin() as conn:
            conn.execute(text(undo))
        assert (results(ran)[check], ran.code) == (mark, int(mark == "FAIL")), ran.out
        assert results(command("doctor"))[check] == "OK"

    overlaps = "alter function public.geometry_overlaps(geometry, geometry)"
    breaks("空间索引", "FAIL", f"{overlaps} not leakproof", f"{overlaps} leakproof")
    breaks(
        "表的主人", "FAIL", "create table gis.own (a int); alter table gis.own owner to gis_app", "drop table gis.own"
    )
    breaks("审计记录", "FAIL", "update gis.audit set actor = actor || 'x' where position = 1",
           "update gis.audit set actor = left(actor, -1) where position = 1")  # fmt: skip

    settle_demo(database, wanted=True)
    # Also where the command doesn't know how the service was started, as after script/server.
    assert results(command("doctor"))["演示账户"] == "OK"
    with database.write(Scope("x", "staff", (TEST_COMMUNITY,))) as conn:
        # Of any layer: a survey of rental units is real too.
        layer = LAYERS["waste_point"]
        put_features(conn, layer, TEST_COMMUNITY, [(example_record(layer), example_shape(layer, 121.0, 30.7))])
    assert results(command("doctor"))["演示账户"] == "FAIL", "the data are real"
    monkeypatch.setenv("COLUMNS", "80")
    assert "…" not in command("doctor").out
    monkeypatch.setenv("COLUMNS", "300")
    settle_demo(database, wanted=False)
    monkeypatch.setenv("GIS_PUBLIC_URL", "http://map.example")
    found = results(command("doctor"))
    assert (found["HTTPS"], found["反向代理"]) == ("FAIL", "WARN")
    monkeypatch.setenv("GIS_PUBLIC_URL", "https://map.example")
    monkeypatch.setenv("GIS_PROXIES", "127.0.0.1")
    found = results(command("doctor"))
    assert (found["HTTPS"], found["反向代理"], found["保密审查"]) == ("OK", "OK", "OK")
    with database.write(Scope("x", "staff", (TEST_COMMUNITY,))) as conn:
        wide = shapely.box(120.9, 30.6, 121.0, 30.71)
        conn.execute(text("delete from gis.community"))
        record = Community(code=TEST_COMMUNITY, name="大", source=Source.SURVEYED)
        put_features(conn, LAYERS["community"], TEST_COMMUNITY, [(record, wide)])
    ran = command("doctor")
    assert results(ran)["保密审查"] == "WARN"
    assert "116." in ran.out


@pytest.fixture(scope="module")
def app(sample: Database) -> FastAPI:
    return create_app(sample, entrance=Entrance(frozenset({"map.example"}), secure=True))


def test_metrics_count_by_route_and_tell_nothing_else(app: FastAPI, sample: Database) -> None:
    with (
        TestClient(app, **local(sample)) as staff,
        TestClient(app, **local(sample, role="admin", name="meter")) as admin,
    ):
        for _ in range(3):
            staff.get("/collections/rental_unit/items?limit=1&grid=330482002011001")
        staff.get("/no/such/place")
        assert staff.get("/metrics").status_code == 403
        answer = admin.get("/metrics")
        assert TestClient(app, **LOCAL).get("/metrics").status_code == 401
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    said = answer.text
    assert 'gis_requests_total{method="GET",route="/collections/{layer}/items",status="200"} 3.0' in said
    assert 'gis_requests_total{method="GET",route="none",status="404"} 1.0' in said
    assert 'gis_request_seconds_count{route="/collections/{layer}/items"} 3.0' in said
    assert "gis_jobs_unfinished 0.0" in said
    assert "process_resident_memory_bytes" in said
    for word in ("330482002011001", "rental_unit", "tester", "/no/such/place"):
        assert word not in said


def test_the_log_is_a_file_for_each_day_that_stays_for_half_a_year(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "logs", 30)
    with TestClient(create_app(sample, log=log.write), **local(sample)) as client:
        client.get("/collections?x=%s%d")
        client.get("/collections")
    lines = [orjson.loads(line) for line in log.path.read_bytes().splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [("/collections", 400), ("/collections", 200)]
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700
    now = time.time()
    for day in range(1, 200):
        monkeypatch.setattr("time.time", lambda day=day: now + day * 86_400)
        log.write(b'{"day": %d}\n' % day)
    log.close()
    kept = sorted(one.name for one in log.path.parent.iterdir())
    assert len(kept) == 181
    assert re.fullmatch(r"requests\.jsonl\.\d{4}-\d\d-\d\d", kept[-1])


def test_the_service_anchors_the_audit_outside_the_database(
    cluster: LocalCluster, make_database: Callable[..., str], tmp_path: Path
) -> None:
    name, kept = make_database(), tmp_path / "away" / "anchors.jsonl"
    with serving(cluster, name, GIS_ANCHORS=str(kept), GIS_DATA_DIR=str(tmp_path / "data")) as served:
        assert httpx.get(f"{served.url}/readyz").status_code == 200
    database = connect(cluster.url("gis_app", name))
    with database.read(OPERATOR) as conn:
        _, findings = verify(conn, Anchors(kept).read())
    database.close()
    assert findings == []
    # The token that the test made is a write.
    assert Anchors(kept).read()


def test_every_page_has_a_policy_without_inline_scripts(app: FastAPI, sample: Database) -> None:
    html = {"Accept": "text/html"}
    pages = [
        "/", "/maps?f=html", "/maps/density", "/analyses/hazards?f=html", "/collections?f=html", "/api.html",
        "/collections/building?f=html", "/collections/building/items?f=html&limit=3", "/uploads", "/login",
        "/collections/building/schema?f=html", "/no/such/page", "/nearby?lon=x&lat=1", "/conformance?f=html",
    ]  # fmt: skip
    options = {**local(sample), "base_url": "https://map.example"}
    with TestClient(app, **options) as client:
        for path in pages:
            answer = client.get(path, headers=html)
            assert answer.headers["content-type"].startswith("text/html"), path
            policy = answer.headers["content-security-policy"]
            assert policy.startswith(("default-src 'none'", "default-src 'self'")), path
            scripts = re.search(r"script-src ([^;]*)", policy)
            allowed = scripts[1].split() if scripts else []
            assert all(one == "'self'" or one.startswith("'sha256-") for one in allowed), path
            assert "frame-ancestors 'self'" in policy
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in answer.headers
    with TestClient(create_app(sample), **LOCAL) as client:
        assert "strict-transport-security" not in client.get("/login").headers
