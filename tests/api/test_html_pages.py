"""Every resource is a page for people as well (conf/html), with its links; extents in it follow the data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from tests.local_client import local

PAGES = (
    "/", "/conformance", "/api", "/collections", "/collections/building", "/collections/visit/schema",
    "/collections/building/queryables", "/collections/building/sortables", "/tiles", "/tiles/WebMercatorQuad",
    "/collections/building/tiles", "/collections/building/tiles/WebMercatorQuad", "/tileMatrixSets",
    "/tileMatrixSets/WebMercatorQuad",
)  # fmt: skip


@pytest.fixture
def own_sample(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str
) -> Iterator[tuple[TestClient, Engine]]:
    """A client of a copy of the sample, and the superuser's engine on it."""
    name = make_database(untouched_sample)
    engine, database = open_engine(cluster.url("postgres", name)), connect(cluster.url("gis_app", name))
    with TestClient(create_app(database), **local(database)) as client:
        yield client, engine
    database.close()
    engine.dispose()


class _Links(HTMLParser):
    """Collects the addresses of links in a page's body."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        assert page.lstrip().lower().startswith("<!doctype html>")
        self.feed(page.partition("<body")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found |= {value for name, value in attrs if name == "href" and value}


@pytest.mark.parametrize("path", PAGES)
def test_html_content_is_a_page_with_every_link_of_the_json(client: TestClient, path: str) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = client.get(path, headers=browser)
    assert page.status_code == 200, page.text[:300]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in page.headers["vary"]
    assert re.search("[\u4e00-\u9fff]", page.text.partition("<body")[2])
    sign = "&" if "?" in path else "?"
    assert client.get(f"{path}{sign}f=html").headers["content-type"] == page.headers["content-type"]
    document = client.get(f"{path}{sign}f=json", headers=browser)
    assert "json" in document.headers["content-type"]
    assert client.get(path, headers={"accept": "*/*"}).headers["content-type"] == document.headers["content-type"]
    wanted = {link["href"] for link in document.json().get("links", []) if link["rel"] not in {"self", "alternate"}}
    assert wanted <= _Links(page.text).found


@pytest.mark.parametrize("path", ["/", "/collections", "/collections/building", "/tiles/WebMercatorQuad"])
def test_links_stand_in_the_header_too(client: TestClient, path: str) -> None:
    answer = client.get(path, params={"f": "json"})
    links = [link for link in answer.json()["links"] if not link.get("templated")]
    assert answer.headers["link"] == ", ".join(
        f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in links
    )
    alternate = next(link for link in links if link["rel"] == "alternate")
    assert client.get(alternate["href"]).headers["content-type"].startswith(alternate["type"])


def test_a_name_in_the_data_is_no_markup_in_a_page(client: TestClient) -> None:
    answer = client.get("/tiles/WebMercatorQuad", params={"f": "html", "collections": '"><script>alert(1)</script>'})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    page = client.get("/collections", params={"f": "html"}, headers={"host": "localhost"})
    assert "<script" not in page.text


def test_extents_follow_what_is_written(own_sample: tuple[TestClient, Engine]) -> None:
    client, superuser = own_sample
    before = client.get("/collections/building").json()["extent"]["spatial"]["bbox"][0]
    with superuser.begin() as conn:
        conn.execute(text("update gis.building set geom = st_translate(geom, 0.001, 0) where geom is not null"))
    after = client.get("/collections/building").json()["extent"]["spatial"]["bbox"][0]
    assert after == pytest.approx([before[0] + 0.001, before[1], before[2] + 0.001, before[3]], abs=1e-9)
    listed = {one["id"]: one for one in client.get("/collections").json()["collections"]}
    assert listed["building"]["extent"]["spatial"]["bbox"][0] == after
