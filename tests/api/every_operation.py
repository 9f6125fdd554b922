"""A valid request for every operation of the interface, drawn at random from what the database holds.

The operations are those of the OpenAPI document: one that nobody wrote a request for makes the tests fail, so that a
new route can't be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import asinh, pi, radians, tan
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.access import RULES, Rule
from gis_service.analysis.catalog import ANALYSES
from layers.registry import LAYERS
from maps.atlas import MAPS
from tests.api.case_operations import MAKERS as OF_CASES
from tests.api.drawing import Call, Drawing, Known
from tests.gis_service.example_rows import example_values

FORMATS = ("geojson", "html", "csv", "xlsx", "fgb", "gpkg", "kml", "shp")
_MOMENTS = ("2026-11-01", "2099-01-01T00:00:00Z")


class Caller(Drawing):
    """Makes requests of every operation."""

    def call(self, operation: str) -> Call:
        """Return a request of an operation, as ``operations_of`` names it; KeyError when none is written."""
        method, path = operation.split(" ", 1)
        return _MAKERS[operation](self, Call(operation, method, path))


def operations_of(app: FastAPI) -> list[str]:
    """Return the operations of the OpenAPI document, the layer in their paths as ``{layer}``."""
    found: dict[str, None] = {}
    for path, operations in app.state.openapi["paths"].items():
        parts = ["{layer}" if part in LAYERS else part for part in path.split("/")]
        for method in operations:
            if method in {"get", "post", "put", "patch", "delete", "options"}:
                found[f"{method.upper()} {'/'.join(parts)}"] = None
    return list(found)


def rule_for(operation: str) -> Rule:
    """Return the rule of an operation."""
    return RULES[operation.replace("/static/{name}", "/static/{name:path}")]


def read_known(superuser: Engine, community: str) -> list[Known]:
    """Return features of every layer, read past every policy."""
    found = []
    with superuser.connect() as conn:
        for name in LAYERS:
            place = "st_x(st_pointonsurface(geom)), st_y(st_pointonsurface(geom))"
            query = f"select id::text, code, grid, {place} from gis.{name} where community = :c order by id limit 400"
            found += [Known(name, *row) for row in conn.execute(text(query), {"c": community})]
    return found


def send(client: TestClient, call: Call) -> httpx.Response:
    """Send a request."""
    if call.data is not None:
        file = {"file": ("x.csv", b"code,lon,lat\nA1,121,30.7\n", "text/csv")}
        sent: httpx.Response = client.request(call.method, call.path, data=dict(call.data), files=file)
        return sent
    answer: httpx.Response = client.request(
        call.method, call.path, params=dict(call.params), json=call.json, content=call.content,
        headers=dict(call.headers),
    )  # fmt: skip
    return answer


def _plain(_caller: Caller, call: Call) -> Call:
    return call


def _with(**params: str) -> Callable[[Caller, Call], Call]:
    return lambda _caller, call: Call(call.operation, call.method, call.path, params)


def _of_layer(caller: Caller, call: Call) -> Call:
    layer = caller.layer()
    path = call.path.replace("{layer}", layer.name)
    page = caller.some(f="html") if not path.endswith(("tilejson.json", "/form")) else {}
    return Call(call.operation, call.method, path, page)


def _nearby(caller: Caller, call: Call) -> Call:
    at = caller.known()
    point = {"lon": f"{at.lon:.6f}", "lat": f"{at.lat:.6f}"}
    return Call(call.operation, call.method, call.path, {
        **point,
        **caller.some(layers=",".join({caller.layer().name, at.layer}), radius_m=caller.random.choice((5, 100, 5000)),
                      k=caller.random.choice((1, 5, 50))),
    })  # fmt: skip


def _at(caller: Caller, call: Call) -> Call:
    at = caller.known()
    return Call(call.operation, call.method, call.path, {
        "lon": f"{at.lon:.6f}", "lat": f"{at.lat:.6f}", **caller.some(layers=f"{at.layer},grid"),
    })  # fmt: skip


def _within(caller: Caller, call: Call) -> Call:
    at = caller.known()
    if call.method == "POST":
        size = 0.002
        ring = [[at.lon - size, at.lat - size], [at.lon + size, at.lat - size], [at.lon, at.lat + size]]
        body = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        return Call(call.operation, call.method, call.path, caller.some(layers=at.layer), body, _GEOJSON)
    place = caller.random.choice(({"bbox": caller.box(at)}, {"grid": caller.random.choice(caller.grids)}))
    return Call(call.operation, call.method, call.path, {
        **place, **caller.some(layers=at.layer, limit=caller.random.choice((1, 100)), community=caller.community),
    })  # fmt: skip


def _along(caller: Caller, call: Call) -> Call:
    at, to = caller.known(), caller.known()
    width = {"width_m": str(caller.random.choice((5, 50, 300)))}
    more = caller.some(layers=at.layer, limit=100, community=caller.community)
    if call.method == "POST":
        body = {"type": "LineString", "coordinates": [[at.lon, at.lat], [to.lon, to.lat]]}
        return Call(call.operation, call.method, call.path, {**width, **more}, body, _GEOJSON)
    line = f"LINESTRING({at.lon} {at.lat},{to.lon} {to.lat})"
    road = caller.known("road")
    way = caller.random.choice(({"line": line}, {"road": f"{caller.community}.{road.code}"}))
    return Call(call.operation, call.method, call.path, {**way, **width, **more})


def _summary(caller: Caller, call: Call) -> Call:
    more = caller.some(grid=caller.random.choice(caller.grids), community=caller.community)
    return Call(call.operation, call.method, call.path, more)


def _today(caller: Caller, call: Call) -> Call:
    at = caller.known()
    more = caller.some(grid=caller.random.choice(caller.grids), start=f"{at.lon:.6f},{at.lat:.6f}",
                       hours=caller.random.choice((0.5, 3, 8)))  # fmt: skip
    params = {"community": caller.community, **(more if call.path == "/today" else {}), **caller.some(on="2020-06-30")}
    return Call(call.operation, call.method, call.path, params)


def _search(caller: Caller, call: Call) -> Call:
    at = caller.known(caller.random.choice(("rental_unit", "hazard", "visit", "illegal_structure", "enterprise")))
    words = (at.code, at.code[:4], "出租", "幢", "cz", "走访", "违建", f"{caller.random.randint(1, 40)}幢")
    return Call(call.operation, call.method, call.path, {
        "q": caller.random.choice(words), **caller.some(layers=at.layer, limit=50),
    })  # fmt: skip


def _calendar(caller: Caller, call: Call) -> Call:
    path = call.path.replace("{year}", str(caller.random.choice((2004, 2026, 2027))))
    return Call(call.operation, call.method, path, caller.some(community=caller.community))


def _tile(caller: Caller, call: Call) -> Call:
    at, zoom = caller.known(), caller.random.randint(10, 19)
    column, row = _tile_at(at.lon, at.lat, zoom)
    path = call.path.replace("{zoom}", str(zoom)).replace("{row}", str(row)).replace("{column}", str(column))
    layer = caller.layer().name
    if "{layer}" in path:
        condition = caller.random.choice((f"code = '{at.code}'", "code <> ''", f"grid = '{at.grid}'"))
        return Call(call.operation, call.method, path.replace("{layer}", layer), caller.some(filter=condition))
    return Call(call.operation, call.method, path, {"collections": ",".join(dict.fromkeys((layer, at.layer)))})


def _tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    size = 2**zoom
    return int((lon + 180) / 360 * size), int((1 - asinh(tan(radians(lat))) / pi) / 2 * size)


def _items(caller: Caller, call: Call) -> Call:
    layer = caller.layer()
    at = caller.known(layer.name)
    condition = caller.random.choice((
        f"code = '{at.code}'", f"id = '{at.id}'", f"grid = '{at.grid}'", "code LIKE '%1%'", "grid IS NULL",
        f"S_INTERSECTS(geometry, BBOX({caller.box(at)}))",
        f"S_DWITHIN(geometry, POINT({at.lon} {at.lat}), 100, meters)",
    ))  # fmt: skip
    params = {
        "limit": caller.random.choice(("1", "10", "1000", "all")),
        **caller.some(bbox=caller.box(at), filter=condition, grid=at.grid or caller.grids[0],
                      community=caller.community, as_of=caller.random.choice(_MOMENTS)),
        **caller.random.choice(({}, {"f": caller.random.choice(FORMATS)}, {"sortby": "-code"})),
    }  # fmt: skip
    return Call(call.operation, call.method, call.path.replace("{layer}", layer.name), params)


def _item(caller: Caller, call: Call) -> Call:
    layer = caller.layer()
    at = caller.known(layer.name)
    name = f"{caller.community}.{caller.random.choice((at.id, at.code))}"
    path = call.path.replace("{layer}", layer.name).replace("{feature}", name)
    params = caller.some(f="html", as_of=caller.random.choice(_MOMENTS)) if call.method == "GET" else {}
    if path.endswith("/versions"):
        params.pop("as_of", None)
    return Call(call.operation, call.method, path, params)


def _personal(caller: Caller, call: Call) -> Call:
    at = caller.known("rental_unit")
    path = call.path.replace("{layer}", "rental_unit").replace("{feature}", f"{caller.community}.{at.id}")
    body = caller.random.choice(({"reason": "核对出租合同"}, {"landlord_name": "张三"}))
    return Call(call.operation, call.method, path, {}, body if call.method == "POST" else None)


def _write(caller: Caller, call: Call) -> Call:
    """Try to write where somebody else's feature stands, sometimes under its code."""
    layer = LAYERS[caller.random.choice(("rental_unit", "hazard", "visit", "illegal_structure", "waste_point"))]
    at = caller.known(layer.name)
    size = 2e-5
    ring = [[at.lon, at.lat], [at.lon + size, at.lat], [at.lon, at.lat + size], [at.lon, at.lat]]
    geometry = {"type": "MultiPolygon", "coordinates": [[ring]]} if layer.geometry == "MULTIPOLYGON" else {
        "type": "Point", "coordinates": [at.lon, at.lat]}  # fmt: skip
    properties = example_values(layer, code=caller.random.choice((at.code, f"N{caller.random.randint(1, 10**9)}")))
    path = call.path.replace("{layer}", layer.name).replace("{feature}", f"{caller.community}.{at.id}")
    headers = {"Content-Type": "application/geo+json", **({} if call.method == "POST" else {"If-Match": "*"})}
    body: Any = {"type": "Feature", "geometry": geometry, "properties": properties}
    if call.method == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
        body = {"properties": {"remark": f"r{caller.random.randint(1, 10**9)}"}}
    if call.method == "DELETE":
        body, headers = None, {"If-Match": "*"}
    return Call(call.operation, call.method, path, {}, body, headers)


def _named(names: Mapping[str, Any], *forms: str) -> Callable[[Caller, Call], Call]:
    def make(caller: Caller, call: Call) -> Call:
        name = caller.random.choice(list(names))
        params = {"community": caller.community, **({"f": caller.random.choice(forms)} if forms else {})}
        return Call(call.operation, call.method, call.path.replace("{name}", name), params)

    return make


def _map_layer(caller: Caller, call: Call) -> Call:
    layer = caller.layer()
    at = caller.known(layer.name)
    params = {"community": caller.community, **caller.some(bbox=caller.box(at))}
    return Call(call.operation, call.method, call.path.replace("{layer}", layer.name), params)


def _upload(_caller: Caller, call: Call) -> Call:
    identifier = "00000000-0000-4000-8000-000000000000"
    path = call.path.replace("{upload}", identifier).replace("{job}", identifier).replace("{row}", "1")
    body = {"accept": "all"} if call.path.endswith("commit") else {"crs": "GCJ-02"}
    return Call(call.operation, call.method, path, {}, body if call.method in {"POST", "PATCH"} else None)


def _export(caller: Caller, call: Call) -> Call:
    body = {"name": caller.random.choice(list(MAPS)), "format": "svg", "community": caller.community,
            **caller.some(grid=caller.grids[0], paper="A4")}  # fmt: skip
    return Call(call.operation, call.method, call.path, {}, body)


def _of_export(_caller: Caller, call: Call) -> Call:
    return Call(call.operation, call.method, call.path.replace("{export}", "0000-0000"))


def _form(_caller: Caller, call: Call) -> Call:
    path = call.path.replace("{name}", "somebody").replace("{area}", "330482002011").replace("{login}", "0" * 8)
    return Call(call.operation, call.method, path, json={} if call.method == "POST" else None)


_GEOJSON = {"Content-Type": "application/geo+json"}
_SET = "tiles/WebMercatorQuad"
_MAKERS: dict[str, Callable[[Caller, Call], Call]] = {
    "GET /healthz": _plain,
    "GET /readyz": _plain,
    "GET /static/{name}": lambda _caller, call: Call(call.operation, "GET", "/static/map/page.css"),
    "GET /login": _plain,
    "GET /trust": _plain,
    "GET /authority.crt": _plain,
    "GET /audit": _plain,
    "GET /metrics": _plain,
    "GET /": _with(f="json"),
    "GET /conformance": _plain,
    "GET /api": _plain,
    "GET /api.html": _plain,
    "GET /tileMatrixSets": _plain,
    "GET /tileMatrixSets/{name}": lambda _caller, call: Call(call.operation, "GET", "/tileMatrixSets/WebMercatorQuad"),
    "GET /nearby": _nearby,
    "GET /at": _at,
    "GET /within": _within,
    "POST /within": _within,
    "GET /along": _along,
    "POST /along": _along,
    "GET /summary": _summary,
    "GET /search": _search,
    "GET /calendar/{year}": _calendar,
    "GET /today": _today,
    "GET /today/coverage": _today,
    f"GET /{_SET}/{{zoom}}/{{row}}/{{column}}": _tile,
    f"GET /collections/{{layer}}/{_SET}/{{zoom}}/{{row}}/{{column}}": _tile,
    "GET /collections/{layer}/items": _items,
    "GET /collections/{layer}/items/{feature}": _item,
    "GET /collections/{layer}/items/{feature}/versions": _item,
    "OPTIONS /collections/{layer}/items": _of_layer,
    "OPTIONS /collections/{layer}/items/{feature}": _item,
    "GET /collections/{layer}/items/{feature}/personal": _personal,
    "POST /collections/{layer}/items/{feature}/personal": _personal,
    "POST /collections/{layer}/items": _write,
    "PUT /collections/{layer}/items/{feature}": _write,
    "PATCH /collections/{layer}/items/{feature}": _write,
    "DELETE /collections/{layer}/items/{feature}": _write,
    "GET /collections": _plain,
    "GET /collections/{layer}": _of_layer,
    "GET /collections/{layer}/schema": _of_layer,
    "GET /collections/{layer}/queryables": _of_layer,
    "GET /collections/{layer}/sortables": _of_layer,
    "GET /collections/{layer}/form": _of_layer,
    "GET /tiles": _plain,
    "GET /collections/{layer}/tiles": _of_layer,
    f"GET /{_SET}": _plain,
    f"GET /collections/{{layer}}/{_SET}": _of_layer,
    f"GET /{_SET}/tilejson.json": _plain,
    f"GET /collections/{{layer}}/{_SET}/tilejson.json": _of_layer,
    "GET /maps": _plain,
    "GET /maps/{name}": _named(MAPS),
    "GET /maps/{name}/file": _named(MAPS),
    "GET /maps/overview/layers/{layer}": _map_layer,
    "GET /exports": _with(f="json"),
    "POST /exports": _export,
    "GET /exports/{export}": _of_export,
    "GET /exports/{export}/file": _of_export,
    "GET /exports/{export}/preview": _of_export,
    "POST /exports/{export}/delete": _of_export,
    "GET /analyses": _plain,
    "GET /analyses/{name}": _named(ANALYSES, "json", "csv", "html"),
    "GET /uploads": _plain,
    "GET /uploads/{upload}": _upload,
    "DELETE /uploads/{upload}": _upload,
    "POST /uploads/{upload}/answers": _upload,
    "POST /uploads/{upload}/commit": _upload,
    "POST /uploads/{upload}/revert": _upload,
    "GET /uploads/{upload}/rows": _upload,
    "PATCH /uploads/{upload}/rows/{row}": _upload,
    "GET /uploads/{upload}/changes": _upload,
    "GET /uploads/{upload}/workbook": _upload,
    "GET /uploads/{upload}/map": _upload,
    "GET /jobs/{job}": _upload,
    "GET /changes": _plain,
    "GET /desk": _plain,
    "POST /uploads": lambda _caller, call: Call(call.operation, "POST", "/uploads", data={"layer": "building"}),
    **OF_CASES,
    **dict.fromkeys(
        (
            "POST /login", "POST /logout", "GET /account", "POST /account/password", "POST /account/tokens",
            "POST /account/logins/{login}/revoke", "POST /account/view-as", "POST /account/view-as/end",
            "GET /accounts", "POST /accounts", "GET /accounts/{name}", "POST /accounts/{name}",
            "POST /accounts/{name}/password", "POST /accounts/{name}/areas", "POST /accounts/{name}/areas/{area}/end",
            "POST /accounts/{name}/substitute", "POST /accounts/{name}/reassign",
        ),
        _form,
    ),
}  # fmt: skip
