"""A million buildings: every thematic map is drawn, of a few megabytes and with little memory, on squares."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from gis_service.analysis.catalog import ANALYSES
from gis_service.local_cluster import LocalCluster
from tests.conftest import TEST_COMMUNITY
from tests.gis_service.analysis.made_city import make_city

pytestmark = pytest.mark.alone

BUILDINGS = 1_000_000
MOST_MB, MOST_GROWN_MB, MOST_S = 40.0, 450.0, 120.0
_MEASURED = """
import json, re, resource, sys, time
from datetime import date
from api.drawing import draw_map
from gis_service.database import connect
from gis_service.scope import Scope
from maps.atlas import MAPS
from maps.offline import to_single_file

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

database = connect(sys.argv[1])
before, began = peak(), time.perf_counter()
html = to_single_file(
    draw_map(database, Scope("test", "staff", (sys.argv[2],)), MAPS[sys.argv[3]], sys.argv[2], date(2026, 11, 24))
)
grown, seconds = peak() - before, time.perf_counter() - began
database.close()
config = json.loads(re.search('id="gis-config">(.*?)</script>', html, re.DOTALL)[1])
print(json.dumps({"mb": len(html) / 1e6, "grown": grown, "seconds": seconds, "told": "楼栋" in config["subtitle"],
                  "finding": config["answer"]["finding"],
                  "most": max(layer["count"] for layer in config["layers"] if layer["group"] == "专题")}))
"""
_COUNTED = {"waste_coverage", "hydrant_coverage", "charging_coverage", "parking_coverage", "service_coverage",
            "nearest_facility"}  # fmt: skip


@pytest.fixture(scope="module")
def city(cluster: LocalCluster, make_database: Callable[[], str]) -> str:
    """The address of a database with the city."""
    name = make_database()
    make_city(cluster.url("postgres", name), BUILDINGS)
    return cluster.url("gis_app", name)


@pytest.mark.long
@pytest.mark.parametrize("name", ANALYSES)
def test_a_city_is_drawn_with_little_memory(city: str, name: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _MEASURED, city, TEST_COMMUNITY, name], capture_output=True, text=True, check=True
    ).stdout
    found = json.loads(said)
    sys.stdout.write(f"{name}: {found}\n")
    assert found["mb"] < MOST_MB
    assert found["grown"] < MOST_GROWN_MB
    assert found["seconds"] < MOST_S
    # Every home is in the figures, though none is drawn by itself.
    assert found["most"] == BUILDINGS or name not in _COUNTED
    assert f"{BUILDINGS:,} 幢住宅" in found["finding"] or name not in _COUNTED
    assert found["told"] or name == "public_density"
