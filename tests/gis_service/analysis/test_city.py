"""A million buildings: the density map falls back to the lattice, with a page of a few megabytes and flat memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest

from gis_service.local_cluster import LocalCluster
from tests.conftest import TEST_COMMUNITY

BUILDINGS = 1_000_000
_MEASURED = """
import json, resource, sys, time
from datetime import date
from api.drawing import draw_map
from gis_service.database import connect
from gis_service.scope import Scope
from maps.atlas import MAPS
from maps.offline import to_single_file

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

database = connect(sys.argv[1])
scope = Scope("test", "staff", (sys.argv[2],))
before, began = peak(), time.perf_counter()
html = to_single_file(draw_map(database, scope, MAPS["density"], sys.argv[2], date(2026, 11, 24)))
database.close()
print(json.dumps({"mb": len(html) / 1e6, "grown": peak() - before, "seconds": time.perf_counter() - began,
                  "told": "楼栋过多" in html, "people": '"value":1000000,' in html.replace(" ", "")}))
"""


@pytest.mark.long
def test_the_density_of_a_city_is_a_lattice(cluster: LocalCluster, make_database: Callable[[], str]) -> None:
    name = make_database()
    rows = (
        "insert into gis.building (community, code, name, geom, resident_count) select %s, 'C' || n, '楼' || n,"
        " ST_Multi(ST_MakeEnvelope(x, y, x + 1e-4, y + 8e-5, 4490)), 1"
        " from generate_series(1, %s) n, lateral (select 120.9 + (n %% 1000) * 2e-4 x, 30.6 + (n / 1000) * 2e-4 y) at"
    )
    with psycopg.connect(cluster.url("postgres", name).replace("+psycopg", "")) as conn:
        conn.execute("insert into gis.area (code, name, metric_srid) values (%s, '城市', 4549)", [TEST_COMMUNITY])
        conn.execute("select set_config('gis.scope', %s, true)", [TEST_COMMUNITY])
        conn.execute(rows, [TEST_COMMUNITY, BUILDINGS])
    with psycopg.connect(cluster.url("postgres", name).replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("vacuum analyze gis.building")
    said = subprocess.run(
        [sys.executable, "-c", _MEASURED, cluster.url("gis_app", name), TEST_COMMUNITY],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = json.loads(said)
    sys.stdout.write(f"{BUILDINGS:,} buildings: {found}\n")
    assert found["told"]
    assert found["people"]
    assert found["mb"] < 30
    assert found["grown"] < 150
