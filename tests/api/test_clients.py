"""Real clients on a real port read all features of every layer by paging: GDAL (pyogrio, ogrinfo) and OWSLib."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import httpx
import numpy as np
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features
from owslib.util import Authentication
from sqlalchemy import Engine, text

from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from tests.api.conftest import Truth
from tests.local_client import token_for

PAGE = 150
"""Small, so that most layers take several pages."""


@pytest.mark.usefixtures("gdal_login")
def test_pyogrio_reads_every_layer_by_paging(server: str, truth: Truth) -> None:
    address = f"OAPIF:{server}"
    assert {str(name) for name, _ in pyogrio.list_layers(address)} == set(LAYERS)
    for name, layer in LAYERS.items():
        meta, _, wkb, values = pyogrio.raw.read(address, layer=name, PAGE_SIZE=str(PAGE))
        shapes = shapely.from_wkb(wkb)
        assert len(shapes) == truth.counts[name], name
        assert shapely.total_bounds(shapes) == pytest.approx(truth.extents[name], abs=1e-7), name
        assert shapely.is_valid(shapes).all(), name
        columns = dict(zip(map(str, meta["fields"]), values, strict=True))
        assert len(set(columns["code"])) == truth.counts[name] or layer.visibility == "grid", name


@pytest.mark.usefixtures("gdal_login")
@pytest.mark.filterwarnings("error")
def test_numbers_come_whole_although_the_first_ones_have_no_fraction(server: str, sample_superuser: Engine) -> None:
    # Without a schema GDAL takes a column whose first values are 0 for whole numbers, and cuts the others.
    with sample_superuser.connect() as conn:
        rows = conn.execute(text("select code, let_area_m2 from gis.enterprise_plot where let_area_m2 is not null"))
        stored = {code: area for code, area in rows}  # noqa: C416 - rows are no tuples to mypy
    assert any(not area.is_integer() for area in stored.values())
    meta, _, _, values = pyogrio.raw.read(f"OAPIF:{server}", layer="enterprise_plot")
    columns = dict(zip(map(str, meta["fields"]), values, strict=True))
    read = dict(zip(columns["code"], columns["let_area_m2"].tolist(), strict=True))
    assert {code: read[code] for code in stored} == stored


@pytest.mark.usefixtures("gdal_login")
def test_pyogrio_asks_the_server_for_a_box_and_for_a_value(server: str, truth: Truth) -> None:
    west, south, east, north = truth.extents["community"]
    box = ((west * 2 + east) / 3, (south * 2 + north) / 3, (west + east * 2) / 3, (south + north * 2) / 3)
    _, _, wkb, _ = pyogrio.raw.read(f"OAPIF:{server}", layer="building", bbox=box)
    shapes = shapely.from_wkb(wkb)
    assert 0 < len(shapes) < truth.counts["building"]
    assert shapely.intersects(shapes, shapely.box(*box)).all()
    meta, _, wkb, values = pyogrio.raw.read(f"OAPIF:{server}", layer="building", where="use = '21'")
    uses = values[list(meta["fields"]).index("use")]
    assert 0 < len(wkb) < truth.counts["building"]
    assert np.all(uses == "21")


def gdal_environment(token: str) -> dict[str, str]:
    """Return the environment of a process in which GDAL sends a token."""
    return {**os.environ, "GDAL_HTTP_USERPWD": f"token:{token}"}


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="this machine has no gdal-bin; pyogrio reads the same way")
def test_ogrinfo_counts_every_layer(server: str, server_token: str, truth: Truth) -> None:
    ran = subprocess.run(
        ["ogrinfo", "-ro", "-so", "-al", f"OAPIF:{server}"],
        env=gdal_environment(server_token), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    name = ""
    counts: dict[str, int] = {}
    for line in ran.stdout.splitlines():
        if line.startswith("Layer name: "):
            name = line.removeprefix("Layer name: ").strip()
        elif line.startswith("Feature Count: "):
            counts[name] = int(line.removeprefix("Feature Count: "))
    assert counts == truth.counts
    assert "ERROR" not in ran.stderr


def test_owslib_reads_every_layer_by_paging(server: str, server_headers: dict[str, str], truth: Truth) -> None:
    service = Features(server, headers=server_headers)
    assert set(service.feature_collections()) == set(LAYERS)
    assert service.conformance()["conformsTo"]
    assert service.api()["openapi"].startswith("3.0.")
    for name in LAYERS:
        assert service.collection(name)["id"] == name
        features: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"limit": PAGE}
        while True:
            page = service.collection_items(name, **asked)
            features += page["features"]
            following = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
            if following is None:
                break
            asked = dict(parse_qsl(urlsplit(following).query))
        assert len({feature["id"] for feature in features}) == len(features) == truth.counts[name], name
        shapes = shapely.from_geojson([json.dumps(feature["geometry"]) for feature in features])
        assert shapely.total_bounds(shapes) == pytest.approx(truth.extents[name], abs=1e-7), name
    one = service.collection_item("building", features_id(service, "building"))
    assert one["properties"]["code"]


def features_id(service: Features, name: str) -> str:
    identifier: str = service.collection_items(name, limit=1)["features"][0]["id"]
    return identifier


READ = """
import json, sys
import pyogrio
address, layer, where, box = json.loads(sys.argv[1])
_, _, wkb, _ = pyogrio.raw.read(address, layer=layer, where=where, bbox=box and tuple(box))
print(json.dumps(len(wkb)))
"""


def fetched(
    server: str, token: str, layer: str, where: str | None = None, box: list[float] | None = None
) -> tuple[int, list[str]]:
    """Return how many features GDAL reads, and the addresses of items that it asks the server for."""
    ran = subprocess.run(
        [sys.executable, "-c", READ, json.dumps([f"OAPIF:{server}", layer, where, box])],
        env={**gdal_environment(token), "CPL_DEBUG": "HTTP"}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    asked = re.findall(r"Fetch\((http[^)]+)\)", ran.stderr)
    return int(ran.stdout), [unquote(address) for address in asked if "/items" in address]


@pytest.mark.parametrize(
    ("where", "sent", "condition"),
    [
        ("use = '21'", ["use=21"], "use = '21'"),
        ("floors = 3", ["floors=3"], "floors = 3"),
        ("floors = 3 AND use = '11'", ["floors=3", "use=11"], "floors = 3 and use = '11'"),
        ("code = 'none of them'", ["code=none of them"], "false"),
    ],
)
def test_gdal_hands_equality_to_the_server(
    server: str, server_token: str, sample_superuser: Engine, where: str, sent: list[str], condition: str
) -> None:
    read, asked = fetched(server, server_token, "building", where)
    with sample_superuser.connect() as conn:
        assert read == conn.execute(text(f"select count(*) from gis.building where {condition}")).scalar_one()
    # The first request only looks at the fields; every other one carries the condition.
    pages = [address for address in asked if "limit=20" not in address.split("&")[0]]
    assert pages
    assert all(f"&{part}" in address for address in pages for part in sent), asked


def test_gdal_asks_for_a_box_in_the_order_of_the_register(server: str, server_token: str, truth: Truth) -> None:
    west, south, east, north = truth.extents["community"]
    box = [(west + east) / 2, (south + north) / 2, east, north]
    read, asked = fetched(server, server_token, "building", box=box)
    assert 0 < read < truth.counts["building"]
    corners = [parse_qs(urlsplit(address).query).get("bbox") for address in asked if "bbox=" in address]
    assert corners
    for corner in corners:
        assert corner is not None
        assert [float(number) for number in corner[0].split(",")] == pytest.approx([box[1], box[0], box[3], box[2]])
    assert all(
        "bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4490" in address for address in asked if "bbox=" in address
    )


def test_owslib_filters_by_text_and_by_json_and_reads_the_schemas(
    server: str, server_headers: dict[str, str], sample_superuser: Engine
) -> None:
    service = Features(server, headers=server_headers)
    with sample_superuser.connect() as conn:
        query = "select count(*) from gis.building where use = '21' and floors > 1"
        expected = conn.execute(text(query)).scalar_one()
    assert expected
    by_text = service.collection_items("building", filter="use = '21' AND floors > 1", limit=10000)
    assert by_text["numberMatched"] == len(by_text["features"]) == expected
    condition = {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "use"}, "21"]},
            {"op": ">", "args": [{"property": "floors"}, 1]},
        ],
    }
    by_json = service.collection_items(
        "building", filter=json.dumps(condition), limit=10000, **{"filter-lang": "cql2-json"}
    )
    assert [one["id"] for one in by_json["features"]] == [one["id"] for one in by_text["features"]]
    for name in LAYERS:
        properties = set(service.collection_queryables(name)["properties"])
        assert {"id", "geometry", *(field.name for field in LAYERS[name].fields)} <= properties
        assert set(service.collection_schema(name)["properties"]) == properties


def test_gdal_reads_a_tile_by_its_address(server: str, server_headers: dict[str, str], truth: Truth) -> None:
    west, south, east, north = truth.extents["building"]
    side = 360 / 2**13
    column = int(((west + east) / 2 + 180) // side)
    latitude = math.radians((south + north) / 2)
    row = int((1 - math.asinh(math.tan(latitude)) / math.pi) / 2 * 2**13)
    address = f"{server}/tiles/WebMercatorQuad/13/{row}/{column}?collections=building,road"
    content = httpx.get(address, headers=server_headers, timeout=60).content
    found = {str(name) for name, _ in pyogrio.list_layers(content)}
    assert found == {"building", "road"}


def test_clients_see_the_area_of_their_token_only(server: str, sample: Database, truth: Truth) -> None:
    grid = f"{COMMUNITY}003"
    token = token_for(sample, grid, role="grid_worker", name="third-grid")
    service = Features(server, headers={"Authorization": f"Bearer {token}"})
    basic = Features(server, auth=Authentication(username="anybody", password=token))
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": f"anybody:{token}"})
    try:
        for name, layer in LAYERS.items():
            meta, _, wkb, values = pyogrio.raw.read(f"OAPIF:{server}", layer=name)
            grids = set(values[list(meta["fields"]).index("grid")]) if layer.visibility == "grid" else {grid}
            counts = {
                len(wkb),
                service.collection_items(name, limit=1)["numberMatched"],
                basic.collection_items(name, limit=1)["numberMatched"],
            }
            assert len(counts) == 1, name
            (count,) = counts
            if layer.visibility == "grid":
                assert 0 < count < truth.counts[name], name
                assert grids == {grid}, name
            else:
                assert count == truth.counts[name], name
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": None})
