"""Questions of a grid worker over HTTP: what each answers with, and what is refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pyogrio
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gis_service.features.question import SHANGHAI
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from tests.api.conftest import Truth

GRID = COMMUNITY + "003"
HERE = "lon=120.995&lat=30.702"
ROAD = quote("兴平路")
LINE: dict[str, Any] = {"type": "LineString", "coordinates": [[120.99, 30.70], [120.995, 30.702], [121.0, 30.702]]}
AREA: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[120.99, 30.70], [121.0, 30.70], [121.0, 30.705], [120.99, 30.705], [120.99, 30.70]]],
}
QUESTIONS = [
    f"/nearby?{HERE}&radius_m=100", f"/at?{HERE}", f"/within?grid={GRID}&limit=2", "/within?estate=XQ01&limit=2",
    "/within?bbox=120.99,30.70,121.0,30.705&limit=2", f"/along?road={ROAD}&width_m=30", "/search?q=xqxq&limit=3",
    f"/summary?grid={GRID}", "/summary",
]  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_answer_says_crs_and_date_and_is_kept(
    client: TestClient, sample_superuser: Engine, question: str
) -> None:
    answer = client.get(question)
    assert answer.status_code == 200
    said = answer.json()
    with sample_superuser.connect() as conn:
        changed = conn.execute(text("select max(changed_at) from gis.layer_version")).scalar_one().astimezone(SHANGHAI)
        first = conn.execute(text("select min(changed_at) from gis.layer_version")).scalar_one().astimezone(SHANGHAI)
    assert said["crs"] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert said["data_date"] in {first.date().isoformat(), changed.date().isoformat()}
    assert first.isoformat(timespec="seconds") <= said["data_changed_at"] <= changed.isoformat(timespec="seconds")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert client.get(question, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert client.get(question, headers={"if-none-match": '"other"'}).status_code == 200
    if "features" in said:
        assert answer.headers["content-type"] == "application/geo+json"
        assert said["type"] == "FeatureCollection"
        assert len(said["features"]) == said["numberReturned"] > 0
        for feature in said["features"]:
            assert feature["type"] == "Feature"
            assert (feature.get("layer") or feature["properties"]["layer"]) in LAYERS
            assert shapely.from_geojson(re.sub("'", '"', str(feature["geometry"]))).is_valid


def test_at_says_grid_and_estate(client: TestClient) -> None:
    found = {one["layer"]: one["properties"] for one in client.get(f"/at?{HERE}").json()["features"]}
    assert found["community"]["code"] == COMMUNITY
    assert found["grid"]["code"] == GRID
    only = client.get(f"/at?{HERE}&layers=grid").json()["features"]
    assert [one["layer"] for one in only] == ["grid"]


def test_a_drawn_polygon_answers_as_its_wkt(client: TestClient, truth: Truth) -> None:
    posted = client.post("/within?layers=building,hazard&limit=5", json=AREA)
    assert posted.status_code == 200
    assert posted.headers["cache-control"] == "private, no-store"
    assert "etag" not in posted.headers
    wkt = quote(shapely.from_geojson(str(AREA).replace("'", '"')).wkt)
    assert client.get(f"/within?layers=building,hazard&limit=5&polygon={wkt}").json() == posted.json()
    feature = {"type": "Feature", "properties": {}, "geometry": AREA}
    assert client.post("/within?layers=building,hazard&limit=5", json=feature).json() == posted.json()
    building, hazard = posted.json()["layers"]
    assert (building["layer"], building["title"], building["numberReturned"]) == ("building", "楼栋", 5)
    assert 5 < building["numberMatched"] < truth.counts["building"]
    assert [counted["property"] for counted in hazard["counts"]] == ["level", "status"]
    assert posted.json()["area"]["area_m2"] == pytest.approx(957.1 * 554.4, rel=1e-3)


def test_a_walked_track_answers_as_its_wkt(client: TestClient) -> None:
    posted = client.post("/along?width_m=25", json=LINE)
    wkt = quote(shapely.from_geojson(str(LINE).replace("'", '"')).wkt)
    assert posted.status_code == 200
    assert client.get(f"/along?width_m=25&line={wkt}").json() == posted.json()
    said = posted.json()
    assert said["line"]["metric_crs"].endswith("/4549")
    assert set(said["line"]["definitions"]) == {"width_m", "position_m", "distance_m", "side", "start"}
    assert all(0 <= one["distance_m"] <= 25 and one["side"] in {"left", "right", "on"} for one in said["features"])
    assert client.post("/along?width_m=25&limit=1", json=LINE).json()["more"] is True
    assert said["more"] is (said["numberReturned"] == 100)


def test_the_sheet_of_today(client: TestClient, truth: Truth) -> None:
    said = client.get("/summary").json()
    assert said["today"] == datetime.now(SHANGHAI).date().isoformat()
    assert said["total"]["buildings"] == truth.counts["building"]
    assert len(said["grids"]) == truth.counts["grid"] + 1
    (only,) = client.get(f"/summary?grid={GRID}").json()["grids"]
    assert only in said["grids"]


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        (f"/at?{HERE}&layers=road", 400, "不是面"), ("/at?lon=181&lat=30", 400, "位置"), ("/at?lon=121", 400, "lat"),
        ("/at?lon=nan&lat=30", 400, "位置"), (f"/at?{HERE}&layers=nothing", 400, "没有图层"),
        (f"/at?{HERE}&layers=", 400, "没有图层"), (f"/at?{HERE}&layer=grid", 400, "不认识参数"),
        ("/within", 400, "范围"), (f"/within?grid={GRID}&estate=XQ01", 400, "范围"), ("/within?grid=12", 400, "grid"),
        (f"/within?grid={COMMUNITY}999", 404, "网格"), ("/within?estate=NONE", 404, "小区"),
        ("/within?polygon=POINT(121 30)", 400, "图形看不懂"), ("/within?bbox=1,2,3", 400, "bbox"),
        ("/within?bbox=110,20,130,40", 400, "平方公里"), (f"/within?grid={GRID}&limit=x", 400, "limit"),
        ("/along?width_m=5", 400, "road"), ("/along?road=x&width_m=0", 400, "宽度"), ("/along?road=x", 400, "width_m"),
        ("/along?road=没有&width_m=5", 404, "道路"), ("/along?line=LINESTRING(121 30,121 40)&width_m=5", 400, "公里"),
        (f"/along?road={ROAD}&line=LINESTRING(121 30,121 30.1)&width_m=5", 400, "road"),
        ("/summary?grid=330482002011999", 404, "网格"), ("/summary?community=330482002099", 404, "社区"),
        (f"/summary?grid={GRID}&community=330482002099", 400, "不属于"), ("/search", 400, "q"),
        ("/search?q=", 400, "请写"), ("/search?q=x", 400, "一个字母"), ("/search?q=xq&lon=121", 400, "一起"),
        ("/search?q=xq&lon=121&lat=99", 400, "位置"), ("/search?q=%00xq", 400, "NUL"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client: TestClient, question: str, status: int, words: str) -> None:
    answer = client.get(question)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert re.search("[一-鿿]", answer.json()["detail"])


@pytest.mark.parametrize("path", ["/within", "/along?width_m=10"])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b"{}", b'{"type":"Polygon"}', b'{"type":"LineString","coordinates":[]}', b"\xff",
     b'{"type":"Feature","geometry":7}', b'{"type":"LineString","coordinates":[[1e400,30],[121,31]]}',
     b'{"type":"Point","coordinates":[121,30]}', b'{"type":"Polygon","coordinates":' + b"[" * 900 + b"]" * 900 + b"}",
     b'{"type":"Polygon","coordinates":' + b"[" * 1020 + b"]" * 1020 + b"}"],
)  # fmt: skip
def test_bodies_that_are_no_drawing_are_refused(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/geo+json"})
    assert answer.status_code == 400, answer.text
    assert client.post(path, content=body, headers={"Content-Type": "text/plain"}).status_code == 415
    assert re.search("[一-鿿]", answer.json()["detail"])


def test_drawings_come_in_degrees(client: TestClient) -> None:
    projected = {"Content-Crs": "<http://www.opengis.net/def/crs/EPSG/0/4549>"}
    answer = client.post("/within", json=AREA, headers=projected)
    assert (answer.status_code, "CRS84" in answer.json()["detail"]) == (400, True)


def test_the_nearest_are_things_and_say_how_far_was_looked(client: TestClient) -> None:
    answer = client.get(f"/nearby?{HERE}&k=50").json()
    assert answer["within_m"] == 20_000
    asked = {feature["layer"] for feature in answer["features"]}
    assert asked
    assert not {name for name in asked if LAYERS[name].group == "区划"}
    assert client.get(f"/nearby?{HERE}&radius_m=80").json()["within_m"] == 80


def test_gdal_reads_the_answers(client: TestClient) -> None:
    for question, rows in ((f"/within?grid={GRID}&layers=building&limit=7", 7), ("/search?q=xqxq&limit=4", 4)):
        found = pyogrio.read_info(client.get(question).content)
        assert found["features"] == rows
        assert found["crs"] == "EPSG:4326"
