"""One address, many formats: by f= and by Accept, of every layer of the sample."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import openpyxl
import pyogrio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from api.formats import accepted
from api.turns import Turns
from gis_service.exports.formats import FILE_FORMATS
from layers.registry import LAYERS
from maps.table_page import ItemsView, item_page, items_page
from tests.api.conftest import Truth

TYPES = {form.name: form.media_type for form in FILE_FORMATS}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ITEMS = "/collections/{}/items"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "geojson"),
        ("*/*", "geojson"),
        ("application/json", "geojson"),
        ("application/geo+json, application/json", "geojson"),
        ("application/geo+json,application/json;q=0.9,*/*;q=0.1", "geojson"),
        ("application/json, text/plain, */*", "geojson"),
        (BROWSER, "html"),
        ("text/html;q=0.5, application/geo+json;q=0.4", "html"),
        ("text/html;q=0.4, application/geo+json;q=0.5", "geojson"),
        ("text/html, application/json", "geojson"),
        ("text/*", "html"),
        ("text/csv", "csv"),
        ("text/csv;q=0.9, */*;q=0.1", "csv"),
        ("application/geo+json;q=0, */*", "geojson"),
        ("application/geo+json;q=0, application/json;q=0, */*", "html"),
        ("application/geopackage+sqlite3", "gpkg"),
        ("application/flatgeobuf", "fgb"),
        ("application/vnd.google-earth.kml+xml, */*;q=0.5", "kml"),
        ("application/x-shapefile", "shp"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("image/png", "geojson"),
        ("nonsense;;q=x,/,text/html;q=abc", "geojson"),
    ],
)
def test_accept_chooses_the_format(accept: str, form: str) -> None:
    assert accepted(accept) == form


@pytest.mark.long
def test_every_layer_comes_whole_in_every_format(client: TestClient, truth: Truth, tmp_path: Path) -> None:
    """Text formats of every layer; files of a layer of each kind of geometry, since each takes a process."""
    for name, count in truth.counts.items():
        table = client.get(ITEMS.format(name), params={"f": "csv"})
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"), newline="")))
        assert len(rows) == count, name
        whole = client.get(ITEMS.format(name), params={"limit": "all"})
        assert whole.headers["content-type"] == "application/geo+json"
        assert len(whole.json()["features"]) == count, name
        marked = client.get(ITEMS.format(name), params={"f": "kml"})
        assert marked.content.count(b"<Placemark ") == count, name
        personal = [field.title for field in LAYERS[name].personal_fields]
        assert not set(personal) & set(rows[0])
    for name in ("road", "waste_point", "building"):
        for form in ("gpkg", "fgb", "shp"):
            answer = client.get(ITEMS.format(name), params={"f": form})
            assert answer.headers["content-type"] == TYPES[form]
            assert int(answer.headers["content-length"]) == len(answer.content)
            path = tmp_path / f"{name}.{'zip' if form == 'shp' else form}"
            path.write_bytes(answer.content)
            found = pyogrio.read_info(f"/vsizip/{path}" if form == "shp" else path, force_total_bounds=True)
            assert found["features"] == truth.counts[name]
            assert found["total_bounds"] == pytest.approx(truth.extents[name], abs=1e-8)
    sheet = client.get(ITEMS.format("enterprise"), params={"f": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(sheet.content), read_only=True)
    assert sum(1 for _ in book["企业"].iter_rows()) == truth.counts["enterprise"] + 1


def test_a_file_answers_the_same_question_as_the_page(client: TestClient) -> None:
    asked = {"bbox": "120.9,30.6,121.5,30.9", "use": "住宅", "sortby": "-floors", "properties": "code,floors"}
    asked["filter"] = "floors >= 3"
    page = client.get(ITEMS.format("building"), params={**asked, "limit": "10000", "f": "json"}).json()
    codes = [feature["properties"]["code"] for feature in page["features"]]
    assert 0 < len(codes) == page["numberMatched"]
    table = client.get(ITEMS.format("building"), params={**asked, "f": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"), newline="")))
    assert [row["编码"] for row in rows] == codes
    assert list(rows[0])[:3] == ["标识", "编码", "层数(层)"]
    whole = client.get(ITEMS.format("building"), params={**asked, "limit": "all", "f": "geojson"}).json()
    assert [feature["properties"] for feature in whole["features"]] == [
        feature["properties"] for feature in page["features"]
    ]
    five = client.get(ITEMS.format("building"), params={**asked, "f": "csv", "limit": "5"})
    assert [row["编码"] for row in csv.DictReader(io.StringIO(five.text.lstrip("\ufeff"), newline=""))] == codes[:5]


def test_a_download_has_a_chinese_and_a_plain_name(client: TestClient) -> None:
    answer = client.get(ITEMS.format("waste_point"), params={"f": "shp", "as_of": "2026-11-20"})
    said = answer.headers["content-disposition"]
    assert said.startswith("attachment; filename=\"waste_point_20261120.shp.zip\"; filename*=UTF-8''")
    assert unquote(said.partition("UTF-8''")[2]) == "垃圾投放点_20261120.shp.zip"
    assert "surveyed_on=surveyed_o" in answer.headers["gis-shortened-names"]
    assert said.isascii()


def test_an_unchanged_file_is_not_made_again(client: TestClient) -> None:
    first = client.get(ITEMS.format("waste_point"), params={"f": "csv"})
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    again = client.get(ITEMS.format("waste_point"), params={"f": "csv"}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(ITEMS.format("waste_point"), params={"f": "kml"}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    by_accept = client.get(ITEMS.format("waste_point"), headers={"Accept": "text/csv", "If-None-Match": tag})
    assert by_accept.status_code == 200


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"f": "docx"}, "参数 f 的值 'docx' 不对;应为 json、geojson、html"),
        ({"f": "csv", "limit": "many"}, "limit"),
        ({"f": "html", "limit": "all"}, "limit"),
        ({"f": "csv", "after": "a2V5OjE"}, "after"),
        ({"limit": "all", "after": "a2V5OjE"}, "after"),
        ({"f": "kml", "crs": "http://www.opengis.net/def/crs/EPSG/0/4549"}, "KML"),
        ({"f": "xlsx", "nix": "1"}, "nix"),
        ({"f": "gpkg", "sortby": "nix"}, "nix"),
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, asked: dict[str, str], word: str) -> None:
    answer = client.get(ITEMS.format("building"), params=asked)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


def test_a_page_of_features_links_to_its_other_formats(client: TestClient) -> None:
    found = client.get(ITEMS.format("building"), params={"use": "住宅", "limit": "3"}).json()
    others = {link["type"]: link["href"] for link in found["links"] if link["rel"] == "alternate"}
    assert set(others) == {"text/html", *TYPES.values()}
    for media_type, href in others.items():
        if media_type.startswith("text/"):
            assert client.get(href).headers["content-type"].partition(";")[0] == media_type.partition(";")[0]
            assert "use=" in href


@pytest.fixture
def busy(sample_app: FastAPI, client: TestClient) -> Iterator[None]:
    """A service whose turns are all taken, and that doesn't wait long."""
    assert client
    kept = sample_app.state.turns
    sample_app.state.turns = Turns(at_once=0, wait_seconds=0.05)
    yield
    sample_app.state.turns = kept


@pytest.mark.usefixtures("busy")
def test_too_many_exports_are_told_to_come_back(client: TestClient) -> None:
    for asked in ({"f": "gpkg"}, {"f": "csv"}, {"limit": "all"}):
        answer = client.get(ITEMS.format("building"), params=asked)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert client.get(ITEMS.format("building")).status_code == 200


def test_a_given_up_export_leaves_nothing_behind(
    server: str, server_headers: dict[str, str], client: TestClient
) -> None:
    """A client that reads a little and goes gives its turn and its transaction back: two are enough to block."""
    assert client
    address = server + ITEMS.format("building")
    for _ in range(6):
        with httpx.stream("GET", address, params={"f": "kml"}, headers=server_headers) as answer:
            assert answer.status_code == 200
            next(answer.iter_raw(1000))
    assert httpx.get(address, params={"f": "csv"}, headers=server_headers, timeout=20).status_code == 200


def test_other_requests_are_answered_while_files_are_made(server: str, server_headers: dict[str, str]) -> None:
    done: list[int] = []

    def export() -> None:
        address = server + ITEMS.format("building")
        done.append(httpx.get(address, params={"f": "xlsx"}, headers=server_headers, timeout=60).status_code)

    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    slowest, address = 0.0, server + ITEMS.format("waste_point")
    while any(thread.is_alive() for thread in threads):
        answer = httpx.get(address, params={"limit": "5"}, headers=server_headers, timeout=20)
        assert answer.status_code == 200
        slowest = max(slowest, answer.elapsed.total_seconds())
    assert done == [200, 200]
    assert slowest < 2


@pytest.fixture(scope="module")
def tab(chromium: Browser, server_headers: dict[str, str]) -> Iterator[Page]:
    """A tab of the size of a phone."""
    page = chromium.new_page(viewport={"width": 390, "height": 844}, extra_http_headers=server_headers)
    yield page
    page.close()


def test_a_browser_gets_a_table_with_a_map(server: str, tab: Page, truth: Truth) -> None:
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(server + ITEMS.format("rental_unit") + "?limit=40")
    tab.wait_for_selector("html[data-gis=ready]")
    tab.wait_for_load_state("networkidle")
    assert tab.locator("tbody tr").count() == 40
    assert f"共 {truth.counts['rental_unit']:,} 个要素" in tab.inner_text(".gis-count")
    heads = tab.locator("thead th").all_inner_texts()
    assert {"编码", "出租用途", "租住人数"} <= set(heads)
    assert not {"房东姓名", "房东电话"} & set(heads)
    # The page itself doesn't scroll sideways, the table does.
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.locator("#gis-map canvas").count() >= 1
    tab.locator("tbody tr td").first.click()
    assert tab.locator("tr.gis-marked").count() == 1
    tab.get_by_text("下一页 »").click()
    tab.wait_for_selector("html[data-gis=ready]")
    assert tab.locator("tbody tr").count() == 40
    assert tab.get_by_text("« 第一页").count() == 1
    tab.locator("tbody th a").first.click()
    tab.wait_for_selector("table.gis-one")
    assert "登记状态" in tab.inner_text("table.gis-one")
    assert said == []
    assert all(url.startswith((server, "data:")) for url in asked)


NASTY = "</script><script>document.title='x'</script><!--{{7*7}}{% raw %}\"'&<img src=x onerror=alert(1)>"


def test_hostile_values_are_text_on_the_page() -> None:
    """What a cell, a name and an identifier hold stays text in the table, in the attributes and in the data block."""
    layer = LAYERS["building"]
    properties = {"code": NASTY, "name": NASTY, "community": "330482002011", "remark": NASTY, "floors": 3}
    feature = {"type": "Feature", "id": NASTY, "geometry": None, "properties": properties}
    view = ItemsView([(NASTY, "/")], NASTY, [(NASTY, "/")], [(NASTY, "/")], "/collections/building/items")
    for page in (items_page(layer, [feature], view), item_page(layer, feature, view)):
        for sign in ("<script>document", "<img", "<!--"):
            assert sign not in page.partition("<body>")[2]
        block = page.partition('id="gis-items">')[2].partition("</script>")[0]
        assert json.loads(block)["features"]["features"] == [feature]
        assert page.count("<script") == 3
        assert "{{7*7}}" in page


def test_one_feature_is_a_page_for_a_browser(client: TestClient) -> None:
    whole = client.get(ITEMS.format("building"), params={"limit": "1", "f": "json"}).json()
    feature = whole["features"][0]
    address = ITEMS.format("building") + f"/{feature['id']}"
    one = client.get(address, headers={"Accept": BROWSER})
    assert one.headers["content-type"].startswith("text/html")
    assert "script-src 'self';" in one.headers["content-security-policy"]
    assert feature["properties"]["code"] in one.text
    again = client.get(address, headers={"Accept": BROWSER, "If-None-Match": one.headers["etag"]})
    assert again.status_code == 304
    assert client.get(address).headers["content-type"] == "application/geo+json"
