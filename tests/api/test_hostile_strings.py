"""What scanners send, in every parameter, header and body of every operation that the interface describes.

Each is taken literally or refused with a sentence; nothing fails, sleeps or changes a row. The operations come from
the interface itself, so that a new one can't be forgotten.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from layers.field import Kind
from layers.registry import LAYERS
from tests.local_client import app_over, local

SEED = 20261126
ASKED = 900
# A day's walk takes more than two on a busy machine; the sleep below takes five.
SLOWEST_SECONDS = 4.0
SLEEP = "pg_sleep(5)"

STRINGS = (
    "'", '"', "''", "`", "\\", "\\'", "'--", "';--", "'; drop table gis.building;--", "1; delete from gis.building",
    "' or '1'='1", "' or 1=1--", '" or ""="', "') or ('1'='1", "1 or 1=1", "-1' union select null,null,null--",
    "' union all select id_card from gis.rental_unit--", f"';select {SLEEP}--", f"1;select {SLEEP}",
    f"' || {SLEEP}--", f"1 and 1=(select 1 from {SLEEP})", f"(select 1 from {SLEEP})", f"$$;select {SLEEP};--$$",
    "$1", "$$", "$tag$x$tag$", "'||(select version())||'", "name||chr(39)", "/**/", "1/*!*/", "E'\\x27'",
    "U&'\\0027'", "0x27", "';copy gis.area to program 'id'--", "';set app.communities='x'--",
    "set_config('app.areas','',true)", "%", "%%", "_", "%s", "%(x)s", "%(community)s", "%n%n%n", ":x", ":name::text",
    "{0}", "{x.__class__}", "{{7*7}}", "${7*7}", "#{7*7}", "<script>alert(1)</script>", "</script>",
    "javascript:alert(1)", "../../../../etc/passwd", "..\\..\\", "file:///etc/passwd", "|id", "$(id)", "`id`",
    "\r\nSet-Cookie: a=b", "\n", "\t", "\x00", "a\x00b", "\x1b[2J", "\x7f", "\u0000\u2028", "\ufeff", "\u202e",
    "\uffff", "\U0010ffff", "😀", "👨‍👩‍👧‍👦", "𠮷" * 60, "é", "İ", "-1", "-0", "0", "1e999", "-1e999", "1e-999", "NaN",
    "nan", "inf", "-Infinity", "0x10", "1_0", "１２", "9" * 19, "9" * 1_000, "2147483648", "9223372036854775808",
    "1.7976931348623157e309", "true", "null", "undefined", "None", "[]", "{}", "[[[[",
    "(" * 400, "not " * 300, "a=b and " * 200, "a" * 6000, "," * 500, "1," * 500, "2026-02-30", "0000-00-00",
    "-0001-01-01", "9999-12-31T23:59:60Z", "../..", "2026-01-01T00:00:00+99:99", "name='x' or 1=1",
    "s_intersects(geom,point(0 0))", "casei(name)='x'", "https://localhost/x",
    "http://www.opengis.net/def/crs/EPSG/0/'--", "EPSG:4326;select 1", "geom", "grid", "id,id,id", "-name;--",
)  # fmt: skip
# Written as they stand in an address: no text says these.
RAW = (
    "%ff%fe", "%ed%a0%80", "%ed%b0%80x", "%c0%af", "%c0%27", "%f8%88%80%80%80", "%", "%zz", "%u0027", "%2",
    "%25%30%30",
)  # fmt: skip
HOSTILE = (*(quote(value, safe="") for value in STRINGS), *RAW)
DIGITS = "9" * 10_000

BODIES = (
    b"", b"x", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b"null", b"[]", b"{}", b'"x"', b"1e999", b"NaN", b"-" * 10,
    b"9" * 10_000, b"[" * 100_000, b'{"a":' * 50_000, b'{"type":"Feature"}', b'{"type":"\\ud800"}',
    b'{"type":"Feature","geometry":null,"properties":null}',
    b'{"type":"Feature","geometry":{"type":"Point","coordinates":[NaN,1e999]},"properties":{}}',
    b'{"type":"Feature","geometry":{"type":"Point","coordinates":[[[[]]]]},"properties":{"name":"\\u0000"}}',
    b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0]]]},"properties":[]}',
    b'{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[]},"properties":{"name":"\\ud800\'--"}}',
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
)  # fmt: skip
HEADERS = (
    "Accept", "Accept-Language", "If-None-Match", "If-Match", "If-Modified-Since", "Content-Crs", "Prefer", "Range",
)  # fmt: skip
HEADER_VALUES = (
    "'", "\xff\xfe", "*", ",,,", ";q=nan", "text/html;q=1e999", '"' * 500, "W/", "bytes=0-0,-1", "<'--", "9" * 4000,
)  # fmt: skip
# What the other parameters hold while one is attacked.
USUAL = {
    "community": COMMUNITY, "grid": f"{COMMUNITY}001", "lon": "121.0", "lat": "30.7", "name": "overview", "zoom": "14",
    "row": "6749", "column": "13699", "tileMatrix": "14", "tileRow": "6749", "tileCol": "13699",
    "feature": f"{COMMUNITY}.nothing", "featureId": f"{COMMUNITY}.nothing",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """A method and a path of the interface; ``shape`` is the same for all layers, ``bodies`` are media types."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    bodies: tuple[str, ...]

    @property
    def shape(self) -> str:
        parts = ["*" if part in LAYERS else part for part in self.path.split("/")]
        return f"{self.method} {'/'.join(parts)}"

    def target(self, attacked: str = "", value: str = "") -> str:
        """Return the address with one parameter attacked and those that must be there in order."""
        path, pairs = self.path, []
        for parameter in self.parameters:
            name = parameter["name"]
            given = value if name == attacked else quote(usual(parameter), safe="")
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", given or "%20")
            elif parameter["in"] == "query" and (name == attacked or parameter.get("required")):
                pairs.append(f"{quote(name)}={given}")
        return path + ("?" + "&".join(pairs) if pairs else "")


def usual(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    return str(USUAL.get(parameter["name"]) or (schema.get("enum") or [schema.get("default", "1")])[0])


@pytest.fixture(scope="module")
def pestered(
    copied: Database, copied_superuser: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, Callable[[], object]]]:
    """A client on a copy of the sample, and what a superuser sees of all its rows."""

    def rows() -> object:
        with copied_superuser.connect() as conn:
            return {
                table: conn.execute(
                    text(f"select count(*), sum(hashtextextended(t::text, 0)) from gis.{table} t")
                ).one()
                for table in ("area", *LAYERS, *(f"{layer}_history" for layer in LAYERS))
            }

    app = app_over(copied, tmp_path_factory.mktemp("files"))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, **local(copied)) as client:
        yield client, rows


def operations(client: TestClient) -> list[Operation]:
    return [
        Operation(
            method.upper(),
            path,
            tuple(described.get("parameters", [])),
            tuple(described.get("requestBody", {}).get("content", {})),
        )
        for path, item in client.get("/api").json()["paths"].items()
        for method, described in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def complaint(answer: httpx.Response, seconds: float) -> str | None:
    """Return what is wrong with an answer to a hostile request; None if it is all right."""
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:200]}"
    if seconds > SLOWEST_SECONDS:
        return f"took {seconds:.1f} s"
    # Whoever asks like a browser gets a page.
    page = answer.request.headers["accept"].startswith("text/html") and "<title>" in answer.text
    if answer.status_code < 400 or page:
        return None
    if answer.headers.get("content-type") != "application/problem+json":
        return f"{answer.status_code} is {answer.headers.get('content-type')}: {answer.text[:200]}"
    document = answer.json()
    if document["status"] != answer.status_code or not re.search("[\u4e00-\u9fff]", document["detail"]):
        return f"no sentence for a clerk: {answer.text[:200]}"
    return None


class Pesterer:
    """Sends hostile requests and keeps the complaints."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.asked = 0
        self.failed: list[tuple[str, str]] = []

    def send(self, method: str, target: str, **more: Any) -> httpx.Response:
        begun = time.perf_counter()
        answer: httpx.Response = self.client.request(method, target, **more)
        found = complaint(answer, time.perf_counter() - begun)
        self.asked += 1
        if found:
            self.failed.append((f"{method} {target[:200]} {str(more)[:100]}", found))
        return answer

    def attack(self, operation: Operation, name: str, value: str) -> None:
        kind = operation.bodies[0] if operation.bodies else None
        more = {"content": b'{"type":"Feature"}', "headers": {"Content-Type": kind}} if kind else {}
        answer = self.send(operation.method, operation.target(name, value), **more)
        # A text that no row holds, compared with a property, must not let rows through.
        layer = LAYERS.get(operation.path.split("/")[2]) if operation.path.endswith("/items") else None
        texts = {field.name for field in layer.fields if field.kind is Kind.TEXT} if layer else set()
        if name in texts and operation.method == "GET" and answer.status_code == 200 and value and "or" in value:
            matched = answer.json()["numberMatched"]
            if matched:
                self.failed.append((f"{name}={value}", f"{matched} rows hold it?"))


def attacks(found: list[Operation]) -> dict[tuple[str, str], list[Operation]]:
    """Return by shape and parameter the operations that have it: all layers share one programme."""
    groups: dict[tuple[str, str], list[Operation]] = {}
    for operation in found:
        for parameter in operation.parameters:
            groups.setdefault((operation.shape, parameter["name"]), []).append(operation)
    return groups


def test_strings_in_parameters(pestered: tuple[TestClient, Callable[[], object]]) -> None:
    client, rows = pestered
    before = rows()
    pesterer = Pesterer(client)
    chance = random.Random(SEED)
    groups = attacks(operations(client))
    assert len(groups) > 30
    each = max(1, ASKED // len(groups))
    for (_, name), having in sorted(groups.items()):
        for value in chance.sample(HOSTILE, min(each, len(HOSTILE))):
            pesterer.attack(chance.choice(having), name, value)
    assert pesterer.failed == []
    assert pesterer.asked >= len(groups)
    assert rows() == before


@pytest.mark.long
def test_every_string_in_every_parameter(pestered: tuple[TestClient, Callable[[], object]]) -> None:
    client, rows = pestered
    before = rows()
    pesterer = Pesterer(client)
    chance = random.Random(SEED)
    groups = attacks(operations(client))
    for (_, name), having in sorted(groups.items()):
        for value in HOSTILE:
            # All layers share one programme; which of them is asked changes from string to string.
            pesterer.attack(chance.choice(having), name, value)
    assert pesterer.failed == []
    assert pesterer.asked >= len(groups) * len(HOSTILE)
    assert rows() == before


def test_hostile_names_headers_and_lengths(pestered: tuple[TestClient, Callable[[], object]]) -> None:
    client, rows = pestered
    before = rows()
    pesterer = Pesterer(client)
    chance = random.Random(SEED)
    shapes = {operation.shape: operation for operation in operations(client)}
    for operation in shapes.values():
        target = operation.target()
        joined = target + ("&" if "?" in target else "?")
        for name in chance.sample(HOSTILE, 2):
            pesterer.send(operation.method, f"{joined}{name}=1")
        pesterer.send(operation.method, f"{joined}{DIGITS}=1")
        assert pesterer.send(operation.method, f"{joined}x={DIGITS * 4}").status_code == 414
        for header in chance.sample(HEADERS, 2):
            value = chance.choice(HEADER_VALUES)
            pesterer.send(operation.method, target, headers={header: value.encode("latin-1")})
    assert pesterer.failed == []
    assert rows() == before


@pytest.mark.parametrize("most", [4, pytest.param(len(BODIES), marks=pytest.mark.long)])
def test_hostile_bodies(pestered: tuple[TestClient, Callable[[], object]], most: int) -> None:
    client, rows = pestered
    before = rows()
    pesterer = Pesterer(client)
    chance = random.Random(SEED)
    shapes = {operation.shape: operation for operation in operations(client)}
    for operation in shapes.values():
        # Reading operations have to stand a body as well; a few are enough for them.
        for body in chance.sample(BODIES, most) if operation.bodies else BODIES[:2]:
            for kind in (*operation.bodies, "text/'--"):
                pesterer.send(operation.method, operation.target(), content=body, headers={"Content-Type": kind})
    assert pesterer.failed == []
    assert rows() == before


def test_strings_written_are_literal_or_refused(pestered: tuple[TestClient, Callable[[], object]]) -> None:
    client, _ = pestered
    pesterer = Pesterer(client)
    name = client.get("/collections/building/items?limit=1").json()["features"][0]["id"]
    target = f"/collections/building/items/{name}"
    kept = 0
    for value in (*STRINGS, "\ud800", "a\udfffb"):
        tag = client.get(target).headers["etag"]
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": tag}
        # Half a surrogate pair can be said in JSON, though not in UTF-8.
        body = json.dumps({"properties": {"name": value}}).encode()
        answer = pesterer.send("PATCH", target, content=body, headers=headers)
        if answer.status_code < 300:
            # Blanks at the ends of a text are never meant.
            assert (client.get(target).json()["properties"]["name"] or "") == value.strip()
            kept += 1
        else:
            assert answer.status_code == 400, (value[:80], answer.text)
    assert pesterer.failed == []
    assert kept > len(STRINGS) / 2
