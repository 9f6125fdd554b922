"""Analyses and their maps through HTTP and the command line: lists, forms, tags, days, and what is refused."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from gis_service.analysis.catalog import ANALYSES
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from maps.atlas import MAPS
from maps.offline import outside_references

DAY = "2020-06-30"
Answers = Callable[[str], dict[str, Any]]
USUAL = {"overview", "due", "density", "density_change", "waste_coverage", "contradictions"}


def some(names: Iterable[str]) -> list[Any]:
    """Return all names for a test's cases, those beside the usual ones for the long proofs."""
    return [name if name in USUAL else pytest.param(name, marks=pytest.mark.long) for name in names]


def test_lists_name_every_analysis_and_map(client: TestClient) -> None:
    listed = client.get("/analyses").json()["analyses"]
    assert [one["name"] for one in listed] == list(ANALYSES)
    maps = client.get("/maps?f=json").json()["maps"]
    assert [one["name"] for one in maps] == list(MAPS) == ["overview", *ANALYSES]
    assert all(one["title"] and one["description"] for one in [*listed, *maps])
    page = client.get("/maps", headers={"Accept": "text/html"}).text
    assert all(f'href="/maps/{name}"' in page for name in MAPS)
    page = client.get("/analyses?f=html").text
    assert all(f'href="/analyses/{name}?f=html"' in page for name in ANALYSES)
    assert 'href="/maps?f=html"' in client.get("/?f=html").text


@pytest.fixture(scope="module")
def answers(client: TestClient) -> Answers:
    """Return the answer of an analysis about the sample, asked for once."""
    return functools.cache(lambda name: client.get(f"/analyses/{name}?on={DAY}").json())


COUNTED = {"起", "户", "幢", "处", "个", "家"}
"""Units of figures that count features."""


def meets(properties: dict[str, Any], where: dict[str, str]) -> bool:
    """Return whether a feature is one of those a figure leads to."""
    return all(
        value in found if isinstance(found := properties.get(name), list) else str(found) == value
        for name, value in where.items()
    )


@pytest.mark.parametrize("name", ANALYSES)
def test_an_answer_says_everything_about_itself(answers: Answers, name: str) -> None:
    answer = answers(name)
    assert (answer["name"], answer["community"], answer["on"]) == (name, COMMUNITY, DAY)
    assert answer["measured_in"] == "EPSG:4549"
    assert answer["finding"].endswith(("。", "!", "?"))
    assert answer["method"]
    assert answer["facts"]
    assert answer["themes"]
    known = {theme["name"]: theme["features"]["features"] for theme in answer["themes"]}
    for fact in answer["facts"]:
        assert fact["theme"] is None or fact["theme"] in known, fact
        if fact["value"] and fact["where"]:
            led_to = [one for one in known[fact["theme"]] if meets(one["properties"], fact["where"])]
            assert fact["unit"] not in COUNTED or len(led_to) == fact["value"], fact
            assert led_to, fact
        assert fact["value"] is not None or fact["note"], fact
    for rule in answer["rules"]:
        assert rule["title"]
        assert rule["unit"]
        assert rule["basis"]
    for theme in answer["themes"]:
        columns = {column["name"] for column in theme["columns"]}
        classes = {one["key"] for one in theme["classes"]}
        assert len(theme["features"]["features"]) == theme["count"]
        for feature in theme["features"]["features"]:
            assert set(feature["properties"]) <= columns | {"class"}, theme["name"]
            assert feature["properties"].get("class") in classes, (theme["name"], feature["id"])
            west, south = _first(feature["geometry"]["coordinates"])
            assert 120.9 < west < 121.1
            assert 30.6 < south < 30.8


@pytest.mark.parametrize("name", some(ANALYSES))
def test_only_a_dated_answer_depends_on_the_day(client: TestClient, answers: Answers, name: str) -> None:
    now, then = answers(name), client.get(f"/analyses/{name}?on=2012-06-30").json()
    assert (then.pop("on"), dict(now).pop("on")) == ("2012-06-30", DAY)
    same = then == {key: value for key, value in now.items() if key != "on"}
    assert same is not now["dated"]
    page = client.get(f"/analyses/{name}?on={DAY}&f=html").text
    assert (f"计算日 {DAY}" in page) is now["dated"]
    assert ("按现有记录" in page) is not now["dated"]


def _first(coordinates: Any) -> tuple[float, float]:
    while isinstance(coordinates[0], list):
        coordinates = coordinates[0]
    return coordinates[0], coordinates[1]


@pytest.mark.long
@pytest.mark.parametrize("name", ANALYSES)
def test_its_tables_hold_a_line_for_each_feature(client: TestClient, answers: Answers, name: str) -> None:
    themes = answers(name)["themes"]
    for theme in {theme["name"]: theme for theme in (themes[0], themes[-1])}.values():
        response = client.get(f"/analyses/{name}?on={DAY}&f=csv&theme={theme['name']}")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        lines = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
        assert len(lines) == theme["count"] + 1
        assert lines[0][-1] == "分类"
        assert all(len(line) == len(lines[0]) for line in lines)


@pytest.mark.parametrize("name", some(ANALYSES))
def test_its_page_reads_without_a_script(client: TestClient, answers: Answers, name: str) -> None:
    page = client.get(f"/analyses/{name}?on={DAY}&f=html").text
    assert answers(name)["title"] in page
    assert f"/maps/{name}?community={COMMUNITY}" in page
    assert "<script" not in page
    assert outside_references(page) <= {
        address for address in outside_references(page) if address.startswith(("/", "#"))
    }


@pytest.mark.parametrize("name", some(MAPS))
def test_a_map_is_answered_once_and_then_unchanged(client: TestClient, name: str) -> None:
    first = client.get(f"/maps/{name}?on={DAY}")
    assert first.status_code == 200
    assert "script-src 'self' 'sha256-" in first.headers["content-security-policy"]
    again = client.get(f"/maps/{name}?on={DAY}", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    if name != "overview":
        assert client.get(f"/maps/{name}?on=2020-06-29").headers["etag"] != first.headers["etag"]


def test_an_answer_is_unchanged_for_its_tag(client: TestClient) -> None:
    first = client.get(f"/analyses/density?on={DAY}")
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"/analyses/density?on={DAY}", headers=tag).status_code == 304
    assert client.get(f"/analyses/density?on={DAY}&f=csv", headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/analyses/nothing", 404, "没有分析"),
        ("/maps/nothing", 404, "没有地图"),
        ("/analyses/density?on=yesterday", 400, "on"),
        ("/analyses/parking_balance?on=0001-01-01", 400, "on"),
        ("/analyses/freshness?on=9999-12-31", 400, "on"),
        ("/analyses/density?community=330482002999", 404, "没有社区"),
        ("/analyses/density?f=csv&theme=nothing", 404, "没有表"),
        ("/analyses/density?grid=1", 400, "grid"),
        ("/analyses/density?f=xlsx", 400, "f"),
    ],
)
def test_what_can_not_be_answered_is_refused(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_commands_write_an_answer_and_a_map(
    command: Callable[..., Any], cluster: LocalCluster, sample_template: str, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("GIS_DATABASE_URL", cluster.url("gis_app", sample_template))
    monkeypatch.delenv("GIS_DATABASE_OWNER_URL")
    document, table, page = tmp_path / "答案.json", tmp_path / "表.csv", tmp_path / "图.html"
    ran = command("analyse", "density", "--out", str(document), "--on", DAY, "--community", COMMUNITY)
    assert ran.code == 0, ran.err
    assert "4,152" in ran.out
    assert json.loads(document.read_bytes())["on"] == DAY
    ran = command("analyse", "density", "--out", str(table), "--theme", "cells_tenants", "--community", COMMUNITY)
    assert ran.code == 0, ran.err
    assert table.read_text(encoding="utf-8-sig").startswith("方格,租户(人)")
    ran = command("analyse", "parking_balance", "--on", DAY, "--community", COMMUNITY)
    assert ran.code == 0, ran.err
    assert "  居民车位:393 个" in ran.out
    ran = command("map", "public_density", "--out", str(page), "--community", COMMUNITY)
    assert ran.code == 0, ran.err
    html = page.read_text(encoding="utf-8")
    assert "resident_count" not in html
    assert "rental_unit" not in html.partition("gis-config")[2]
    bad_day = ["density", "--out", str(table), "--on", "x"]
    for wrong in (["nothing", "--out", str(page)], ["density", "--out", "x.pdf"], bad_day):
        ran = command("analyse", *wrong)
        assert ran.code == 1
        assert ran.err.strip().count("\n") == 0


USUALLY_OPENED = {"density", "hazards", "parking_balance", "overhead_wires"}
"""Maps of each kind of theme; the others are opened in the long proof."""


@pytest.mark.parametrize(
    "name",
    [name if name in USUALLY_OPENED else pytest.param(name, marks=pytest.mark.long)
     for name in MAPS if name != "overview"],
)  # fmt: skip
def test_every_map_opens_with_title_and_legend_and_nothing_from_outside(
    client: TestClient, answers: Answers, chromium: Browser, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"{name}.html"
    path.write_bytes(client.get(f"/maps/{name}/file?community={COMMUNITY}&on={DAY}").content)
    context = chromium.new_context()
    context.set_offline(True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda one: errors.append(one.url) if one.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-gis=ready]", timeout=20_000)
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for selector in (".gis-title h1", ".gis-finding", ".gis-legend h2"):
            box = page.locator(selector).first.bounding_box()
            assert box is not None, selector
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
    drawn = page.evaluate("gis.layers.filter((one) => one.theme).map((one) => [one.theme, one.features.length])")
    assert dict(drawn) == {theme["name"]: theme["count"] for theme in answers(name)["themes"]}
    assert errors == []
    context.close()
