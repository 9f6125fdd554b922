"""How long things take that would tell something, or that people wait for: long, since they need a quiet machine."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import text

from gis_service.database import Database, connect, open_engine
from gis_service.features.nearby import nearby_of
from gis_service.features.question import Question
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import set_password
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.api.own_service import serving
from tests.asking import Asking
from tests.local_client import OPERATOR, token_for

PASSWORD = "a long enough password"
HOME, WEST = "330482002099", "330482002099001"

pytestmark = [pytest.mark.long, pytest.mark.alone]


def say(words: str) -> None:
    sys.stderr.write(words + "\n")


@pytest.fixture
def people(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> tuple[str, Database]:
    """A database with forty accounts, and its name."""
    name = make_database(untouched_sample)
    database = connect(cluster.url("gis_app", name))
    for number in range(40):
        token_for(database, HOME, name=f"person{number}")
        with database.write(OPERATOR) as conn:
            set_password(conn, f"person{number}", PASSWORD, "operator")
    return name, database


def test_twenty_people_log_in_at_once_within_two_seconds(cluster: LocalCluster, people: tuple[str, Database]) -> None:
    name, database = people
    with serving(cluster, name) as served:

        def enter(number: int) -> int:
            # Each in a browser of their own.
            sent = {"name": f"person{number}", "password": PASSWORD}
            return httpx.post(f"{served.url}/login", json=sent, timeout=30).status_code

        enter(39)
        with ThreadPoolExecutor(20) as pool:
            begun = time.perf_counter()
            statuses = list(pool.map(enter, range(20)))
            seconds = time.perf_counter() - begun
    database.close()
    say(f"20 logins at once: {seconds:.2f} s")
    assert statuses == [200] * 20
    assert seconds < 2


def test_an_unknown_name_takes_as_long_as_a_wrong_password(cluster: LocalCluster, people: tuple[str, Database]) -> None:
    name, database = people
    superuser = open_engine(cluster.url("postgres", name))
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    with serving(cluster, name) as served, httpx.Client(base_url=served.url, timeout=30) as client:
        for number in range(160):
            for kind, who in (("known", f"person{number % 40}"), ("unknown", f"nobody{number % 40}")):
                begun = time.perf_counter()
                answer = client.post("/login", json={"name": who, "password": "a wrong password"})
                times[kind].append(time.perf_counter() - begun)
                assert answer.status_code == 401
            if number % 8 == 7:
                with superuser.begin() as conn:
                    conn.execute(text("truncate gis.login_attempt"))
    superuser.dispose()
    database.close()
    known, unknown = (statistics.median(times[kind][10:]) for kind in ("known", "unknown"))
    say(f"wrong password {known * 1000:.1f} ms, unknown name {unknown * 1000:.1f} ms")
    assert unknown == pytest.approx(known, rel=0.1)


def test_hidden_neighbours_do_not_slow_the_nearest_down(
    cluster: LocalCluster, make_database: Callable[..., str]
) -> None:
    name = make_database()
    superuser = open_engine(cluster.url("postgres", name)).execution_options(isolation_level="AUTOCOMMIT")
    with superuser.connect() as conn:
        conn.execute(text("set session_replication_role = replica"))
        conn.execute(text(f"insert into gis.area (code, name, metric_srid) values ('{HOME}', 'x', 4549)"))
        # Sixteen grids of 12,500 units beside each other, of which the worker has the first.
        conn.execute(
            text(
                "insert into gis.rental_unit (community, grid, code, geom)"
                " select :home, :home || lpad(g::text, 3, '0'), 'U' || g || '-' || i,"
                " st_setsrid(st_makepoint(121 + g * 0.01 + random() * 0.01, 30.7 + random() * 0.01), 4490)"
                " from generate_series(1, 16) g, generate_series(1, 12500) i"
            ),
            {"home": HOME},
        )
        conn.execute(text("vacuum analyze gis.rental_unit"))
    superuser.dispose()
    ask = Asking(cluster.url("gis_app", name))
    scope, layer = Scope("worker", "grid_worker", (WEST,)), LAYERS["rental_unit"]

    def took(lon: float) -> float:
        times = []
        for _ in range(60):
            begun = time.perf_counter()
            (rows,) = ask(scope, nearby_of(layer, scope, Question(), lon=lon, lat=30.705, radius_m=None, limit=10))
            times.append(time.perf_counter() - begun)
            assert len(rows) == 10
        return statistics.median(times[10:])

    near, far = took(121.015), took(121.165)
    near, far = min(near, took(121.015)), min(far, took(121.165))
    ask.close()
    say(f"nearest within the own grid {near * 1000:.2f} ms, from amid 187,500 hidden units {far * 1000:.2f} ms")
    assert max(near, far) / min(near, far) < 2
