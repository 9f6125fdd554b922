"""What every answer has in common: who may ask, what is kept, what is logged; and tiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import shapely
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.admission import Entrance
from api.app import create_app
from gis_service.database import Database, connect
from gis_service.features.write import put_features
from gis_service.scope import Scope
from layers.catalog.waste_point import WastePoint, WastePointKind
from layers.registry import LAYERS
from tests.api.conftest import Truth
from tests.local_client import LOCAL, local

ITEMS = "/collections/waste_point/items"


@pytest.fixture
def writable(database: Database, area: str) -> Iterator[TestClient]:
    """A client on a database that holds one community without features."""
    assert area
    with TestClient(create_app(database), **local(database)) as found:
        yield found


@pytest.fixture(scope="module")
def own_app(sample: Database) -> FastAPI:
    """An application over the sample that clients of a test's own may start and stop, known as map.example too."""
    return create_app(sample, entrance=Entrance(frozenset({"map.example"})))


def put(database: Database, staff: Scope, community: str, code: str, lon: float = 121.0) -> None:
    record = WastePoint(code=code, name="一号点", kind=WastePointKind.TIMED)
    with database.write(staff) as conn:
        put_features(conn, LAYERS["waste_point"], community, [(record, shapely.Point(lon, 30.7))])


def test_a_write_shows_at_once_and_what_is_unchanged_is_304(
    writable: TestClient, database: Database, staff: Scope, area: str
) -> None:
    page = {"accept": "text/html"}
    tile = "/collections/waste_point/tiles/WebMercatorQuad/14/6722/13698"
    asked = {
        ITEMS: {}, "/": page, tile: {}, f"/maps/overview/layers/waste_point?community={area}": {},
        f"/maps/overview/file?community={area}": {},
    }  # fmt: skip
    put(database, staff, area, "W1")
    tags = {}
    for path, headers in asked.items():
        answer = writable.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert "no-cache" in answer.headers["cache-control"]
        assert "private" in answer.headers["cache-control"]
        tags[path] = answer.headers["etag"]
        for known in (tags[path], f'"other", {tags[path]}', f"W/{tags[path]}"):
            again = writable.get(path, headers={**headers, "if-none-match": known})
            assert (again.status_code, again.content) == (304, b""), (path, known)
            assert again.headers["etag"] == tags[path]
        assert writable.get(path, headers={**headers, "if-none-match": '"other"'}).status_code == 200
    put(database, staff, area, "W2", 121.001)
    for path, headers in asked.items():
        again = writable.get(path, headers={**headers, "if-none-match": tags[path]})
        assert again.status_code == 200, path
        assert again.headers["etag"] != tags[path]
    assert {one["properties"]["code"] for one in writable.get(ITEMS).json()["features"]} == {"W1", "W2"}
    assert writable.get(f"{ITEMS}/{area}.W2").json()["properties"]["name"] == "一号点"


def test_another_layer_leaves_the_tag_alone(writable: TestClient, database: Database, staff: Scope, area: str) -> None:
    tag = writable.get("/collections/building/items").headers["etag"]
    put(database, staff, area, "W3", 121.002)
    assert writable.get("/collections/building/items").headers["etag"] == tag


def test_different_questions_have_different_tags(client: TestClient) -> None:
    paths = [ITEMS, f"{ITEMS}?limit=1", f"{ITEMS}?limit=2", f"{ITEMS}?as_of=2030-01-01", "/collections/road/items"]
    assert len({client.get(path).headers["etag"] for path in paths}) == len(paths)


def test_tiles_hold_what_lies_in_them(client: TestClient, sample_superuser: Engine) -> None:
    with sample_superuser.connect() as conn:
        lon, lat = conn.execute(
            text(
                "select st_x(p), st_y(p)"
                " from (select st_pointonsurface(geom) p from gis.building order by code limit 1) x"
            )
        ).one()
        zoom = 15
        column, row = conn.execute(
            text(
                "select floor((:lon + 180) / 360 * 2 ^ :z)::int,"
                " floor((1 - ln(tan(radians(:lat)) + 1 / cos(radians(:lat))) / pi()) / 2 * 2 ^ :z)::int"
            ),
            {"lon": lon, "lat": lat, "z": zoom},
        ).one()
    answer = client.get(f"/collections/building/tiles/WebMercatorQuad/{zoom}/{row}/{column}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.mapbox-vector-tile")
    assert b"building" in answer.content
    empty = client.get(f"/collections/building/tiles/WebMercatorQuad/{zoom}/{row}/0")
    assert (empty.status_code, empty.content) == (204, b"")


@pytest.mark.parametrize(
    ("place", "status"),
    [("23/0/0", 400), ("-1/0/0", 400), ("0/1/0", 400), ("0/0/1", 400), ("3/8/0", 400), ("99999999999/0/0", 400),
     ("a/b/c", 400), ("14/1.5/0", 400), ("0/0", 404)],
)  # fmt: skip
def test_tiles_outside_the_matrix_do_not_exist(client: TestClient, place: str, status: int) -> None:
    answer = client.get(f"/collections/building/tiles/WebMercatorQuad/{place}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_nearby_is_sorted_by_true_distance(client: TestClient, sample_superuser: Engine, truth: Truth) -> None:
    west, south, east, north = truth.extents["community"]
    lon, lat = (west + east) / 2, (south + north) / 2
    answer = client.get(f"/nearby?lon={lon}&lat={lat}&radius_m=400&layers=building&k=10000").json()
    found = {feature["properties"]["code"]: feature["distance_m"] for feature in answer["features"]}
    assert list(found.values()) == sorted(found.values())
    with sample_superuser.connect() as conn:
        rows = conn.execute(
            text(
                "select code, st_distance(geom::geography, st_setsrid(st_makepoint(:lon, :lat), 4490)::geography)"
                " from gis.building"
            ),
            {"lon": lon, "lat": lat},
        )
        expected = {code: metres for code, metres in rows if metres <= 400}
    assert found == pytest.approx(expected, abs=0.01)
    assert answer["numberReturned"] == len(found) > 5


def test_head_is_get_without_a_body(client: TestClient) -> None:
    for path in ("/", "/collections", ITEMS, "/healthz", "/static/map/page.css"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)
    assert client.head("/nowhere").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/collections",
        ITEMS,
        f"{ITEMS}/x",
        "/maps/overview",
        pytest.param("/maps/overview/file?community=330482002011", marks=pytest.mark.long),
        "/maps/overview/layers/building?community=330482002011",
        "/collections/building/tiles/WebMercatorQuad/0/0/0",
        "/nearby?lon=121&lat=30",
    ],
)
def test_only_known_names_are_answered(own_app: FastAPI, server_headers: dict[str, str], path: str) -> None:
    # From where a client comes doesn't matter, whatever it says of that itself.
    known = [
        ("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("[::1]", "::1"), ("127.0.0.1:8000", "127.0.0.1"),
        ("map.example", "127.0.0.1"), ("map.example:8000", "10.0.0.8"), ("MAP.example", "fe80::1"),
        ("127.0.0.1", "10.0.0.8"),
    ]  # fmt: skip
    for host, came_from in known:
        with TestClient(own_app, base_url=f"http://{host}", client=(came_from, 4000)) as guest:
            assert guest.get(path, headers=server_headers).status_code in {200, 204, 404}, (host, came_from)
    unknown = (
        "rebound.example", "127.0.0.1.example", "localhost.example:8000", "10.0.0.7:8000", "[fe80::1]:8000",
        "map.example.rebound.example", "www.map.example", "map.example.",
    )  # fmt: skip
    for host in unknown:
        with TestClient(own_app, base_url=f"http://{host}", client=("127.0.0.1", 4000)) as stranger:
            said = {
                "x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1;host=localhost",
                "x-forwarded-host": "localhost", "x-forwarded-server": "localhost",
            }  # fmt: skip
            answer = stranger.get(path, headers={**server_headers, **said})
        assert answer.status_code == 403, host
        assert answer.headers["content-type"] == "application/problem+json"
        assert "GIS_PUBLIC_URL" in answer.json()["detail"]
        assert "features" not in answer.json()


def test_request_log_is_json_without_personal_data(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    answer = client.get(f"{ITEMS}?name=王小明", headers={"user-agent": "secret-agent", "cookie": "session=1"})
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert set(line) == {"at", "id", "method", "path", "status", "bytes", "ms"}
    assert (line["method"], line["path"], line["status"]) == ("GET", ITEMS, 200)
    assert line["id"] == answer.headers["x-request-id"]
    assert line["bytes"] == len(answer.content)
    for hidden in ("王小明", "name=", "%E7", "secret-agent", "session", "testclient"):
        assert hidden not in lines[0]


def test_every_answer_carries_the_headers_that_protect(client: TestClient) -> None:
    for path in ("/", "/collections", "/nowhere", "/?f=html"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])
    policy = client.get("/?f=html").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_a_failure_is_logged_with_an_id_and_says_nothing_of_the_inside(
    sample: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(sample)
    broken = APIRouter()

    @broken.get("/broken")
    def fail() -> None:
        raise RuntimeError("the secret of the inside")

    app.include_router(broken)
    answer = TestClient(app, raise_server_exceptions=False, **LOCAL).get("/broken")
    assert answer.status_code == 500
    line = json.loads(capfd.readouterr().out.splitlines()[0])
    assert (line["status"], line["path"]) == (500, "/broken")
    assert line["id"] in answer.json()["detail"]
    assert "secret" not in answer.text


def test_health_without_a_database_says_so(make_database: object) -> None:
    assert make_database
    away = connect("postgresql://gis_app:x@/gis?host=/nonexistent")
    # Nobody can tell whether this token is one.
    with TestClient(create_app(away), **LOCAL, headers={"Authorization": "Bearer any"}) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        for path in ("/readyz", "/collections", ITEMS, "/"):
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert answer.headers["retry-after"]
            assert answer.headers["content-type"] == "application/problem+json"
            assert "nonexistent" not in answer.text
    away.close()


def test_ready_with_a_database(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}


def test_static_files_never_change_under_their_version(client: TestClient) -> None:
    page = client.get("/?f=html").text
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(found) > 5
    for address in found:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"], address
    assert "no-cache" in client.get(found[0].partition("?")[0] + "?v=000000000000").headers["cache-control"]
