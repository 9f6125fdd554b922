"""Pages for people beside the maps: the list of layers, refusals, documents."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from layers.registry import LAYERS

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_the_list_of_layers_leads_to_each_table_and_file(client: TestClient) -> None:
    page = client.get("/collections", headers=BROWSER).text
    for layer in LAYERS.values():
        assert f">{layer.title}<" in page
        assert f"/collections/{layer.name}/items?f=html" in page
        assert f"/collections/{layer.name}/items?f=xlsx" in page
    assert set(re.findall(r"<h2>(.*?)</h2>", page)) == {one.group for one in LAYERS.values()}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/nope", 404, "没有地址 /nope"), ("/collections/nope?f=html", 404, "没有图层"),
     ("/nearby?lon=1", 400, "缺少参数 lat"),
     ("/collections/waste_point/items?f=html&kindd=<b>1", 400, "不认识参数"),
     ("/collections/waste_point/items?f=html&kind=<img src=x>", 400, "定时")],
)  # fmt: skip
def test_a_browser_is_refused_with_a_page_and_a_program_with_a_document(
    client: TestClient, path: str, status: int, words: str
) -> None:
    page = client.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in page.text
    assert "<img" not in page.text
    assert 'href="http://localhost/"' in page.text
    document = client.get(path)
    assert (document.status_code, document.headers["content-type"]) == (status, "application/problem+json")
    assert words in document.json()["detail"]


def test_a_page_of_fields_says_numbers_as_numbers(client: TestClient) -> None:
    page = re.sub(r"\s+", " ", client.get("/collections/building/schema?f=html").text)
    schema = client.get("/collections/building/schema?f=json").json()
    least = {one["minimum"] for one in schema["properties"].values() if "minimum" in one}
    assert 0 in least
    for number in least:
        assert re.search(rf"<th>最小</th><td> ?{number} ?</td>", page), number
    assert not re.search(r"<th>(最小|最短)</th><td>(是|否)", page)
    # A field's own name isn't a word of the page's.
    assert "<th>id</th>" in page


def test_the_interface_is_described_once_for_all_layers(client: TestClient) -> None:
    page = client.get("/api.html").text
    assert page.count("{图层}/items</code>") == len({"get", "post", "options"})
    assert "参数:lon、lat、layers、radius_m、k" in page
