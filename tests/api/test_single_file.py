"""The single file answers as the service does, opened from the disk by a Chromium whose network is cut."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, BrowserContext, Page

from gis_service.features.along import ALONG
from gis_service.features.at import AREAL
from gis_service.features.pinyin import sounds_of
from gis_service.features.search import MATCHES
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from maps.atlas import MAPS

WEST, SOUTH, EAST, NORTH = 120.9857, 30.6898, 121.0143, 30.7104
K = 6
NEAR_LAYERS = ("road", "building", "hazard", "parking", "facility", None)
"""Lines, areas, mixed geometries and points; None for all that /nearby answers of itself."""
ROUNDING_M = 0.002
"""Coordinates of a file have eight digits, about a millimetre: what is no farther apart may change places."""

QUERIES = (
    "新群小区", "xqxq", "昌盛路26号12幢", "昌盛路２６号十二栋", "csl 26 12", "330482002011", "330482002011003", "XQ01",
    "dk00", "第三网格", "disan", "兴平路", "xingpl", "没有这样的东西", "2幢", "卓润", "zrmj", "lssc", "zhong", "河",
    "1弄", "新群 12-3", "GX036", "(", "ljqg", "人民", "垃圾 12", "新凯路 一百一十号", "<img", "chang sheng", "w",
    "xq 44 1 2 3 4", "changsl", "xinqxiaoq", "陆家桥小区1幢2单元101室", "新群小区 60-102",
)  # fmt: skip
FILTERS = (
    ("building", "structure", "3"), ("building", "floors", "5"), ("building", "floors", ("2", "3")),
    ("building", "self_built", "true"), ("hazard", "level", "01"), ("facility", "kind", "hydrant"),
    ("rental_unit", "grade", "red"), ("rental_unit", "grade_reasons", "G1"), ("road", "name", "兴平路"),
    ("visit", "grid", f"{COMMUNITY}003"), ("building", "year_built", ("1990", "2005")),
    ("hazard", "found_on", ("2019-01-23", "2019-05-01")), ("building", "floor_area_m2", ("100", "350.5")),
    ("enterprise", "tags", "high_tech"),
)  # fmt: skip
"""Layer, field, and the value or the ends of a range."""


class File:
    """An open single file, and everything it asked for or complained of."""

    def __init__(self, context: BrowserContext, path: Path) -> None:
        self.wrong: list[str] = []
        self.asked: list[str] = []
        context.set_offline(True)
        context.on("request", lambda request: self.asked.append(request.url))
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-gis=ready]", timeout=30_000)
        self.page.evaluate("gis.loadAll()")

    def ask(self, script: str, *given: object) -> Any:
        """Return what a script makes of what it is given."""
        return self.page.evaluate(script, list(given))

    def check(self) -> None:
        """Fail when the page asked for anything outside the file, or something went wrong on it."""
        assert [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert self.wrong == []


@pytest.fixture(scope="module")
def path(client: TestClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What /maps/overview/file hands out of the sample."""
    answer = client.get(f"/maps/overview/file?community={COMMUNITY}")
    assert answer.status_code == 200
    path = tmp_path_factory.mktemp("U 盘") / "新群 一张图.html"
    path.write_bytes(answer.content)
    return path


@pytest.fixture(scope="module")
def file(chromium: Browser, path: Path) -> Iterator[File]:
    """The file on a desk, for questions that leave nothing behind."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    found = File(context, path)
    yield found
    found.check()
    context.close()


def places(number: int) -> list[tuple[float, float]]:
    """Return places in and around the community, as the card writes them; the last ones lie outside."""
    chance = random.Random(20261130)
    inside = [(round(chance.uniform(WEST, EAST), 7), round(chance.uniform(SOUTH, NORTH), 7)) for _ in range(number)]
    return [*inside, (121.1, 30.75), (122.5, 30.7)]


NEAREST = """([name, lon, lat, k]) => {
    const layers = name === null ? gis.nearLayers() : gis.listed.filter((layer) => layer.name === name);
    return gis.nearest(layers, lon, lat, k).map((one) => [one.feature.id, one.distance_m, one.bearing_deg]);
}"""


def nearest_differ(client: TestClient, file: File, name: str | None, lon: float, lat: float) -> str:
    """Return how the nearest features of the file and of /nearby differ, "" where they don't."""
    asked = f"&layers={name}" if name else ""
    answer = client.get(f"/nearby?lon={lon}&lat={lat}&k={K + 3}{asked}")
    assert answer.status_code == 200
    theirs = [(one["id"], one["distance_m"], one["bearing_deg"]) for one in answer.json()["features"]]
    ours = [tuple(one) for one in file.ask(NEAREST, name, lon, lat, K)]
    told = f"{name} {lon},{lat}: {ours} {theirs}"
    if len(ours) != min(K, len(theirs)):
        return told
    known = {identifier: (metres, degrees) for identifier, metres, degrees in theirs}
    for (identifier, metres, degrees), (other, expected, _) in zip(ours, theirs, strict=False):
        # Each stands where the service has it, unless the two are equally far.
        if identifier != other and not (identifier in known and abs(known[identifier][0] - expected) <= 0.01):
            return told
        their_metres, their_degrees = known[identifier]
        turned = abs((degrees - their_degrees + 180) % 360 - 180)
        # The direction of what is a few metres away hangs on the last digit of its coordinates.
        if abs(metres - their_metres) > 0.0101 or turned > 0.11 + 57.3 * ROUNDING_M / max(metres, 0.001):
            return told
    return ""


def check_nearest(client: TestClient, file: File, number: int) -> None:
    differ = [
        found for lon, lat in places(number) for name in NEAR_LAYERS
        if (found := nearest_differ(client, file, name, lon, lat))
    ]  # fmt: skip
    assert differ == []


def check_at(client: TestClient, file: File, number: int) -> None:
    covered = 0
    for lon, lat in places(number):
        answer = client.get(f"/at?lon={lon}&lat={lat}").json()
        theirs = [(one["layer"], one["id"]) for one in answer["features"]]
        ours = file.ask("([lon, lat]) => gis.covering(lon, lat).map((one) => [one.layer.name, one.id])", lon, lat)
        assert [tuple(one) for one in ours] == theirs, (lon, lat)
        covered += len(theirs)
    assert covered > number


def test_the_nearest_are_those_of_the_service(client: TestClient, file: File) -> None:
    check_nearest(client, file, 25)
    assert file.ask("() => gis.nearLayers().map((layer) => layer.name)") == [layer.name for layer in ALONG]


def test_what_covers_a_place_is_what_the_service_says(client: TestClient, file: File) -> None:
    check_at(client, file, 25)


@pytest.mark.long
def test_the_nearest_and_what_covers_many_places(client: TestClient, file: File) -> None:
    check_nearest(client, file, 200)
    check_at(client, file, 200)


HITS = """async ([words]) => {
    await gis.indexNames();
    const spelled = gis.spellingOf(words);
    return spelled.refused || gis.findNamed(spelled).map((hit) =>
        [hit.layer.name, hit.code, hit.label, hit.segments, hit.rank]);
}"""


def check_search(client: TestClient, file: File, words: str) -> None:
    answer = client.get("/search", params={"q": words, "limit": "200"})
    ours = file.ask(HITS, words)
    if answer.status_code == 400:
        assert ours == answer.json()["detail"]
        return
    said = answer.json()
    theirs = [
        [one["layer"], one["code"], one["label"], one["segments"], one["match"]]
        for one in (hit["properties"] for hit in said["features"])
    ]
    assert len(ours) == said["numberMatched"], words
    assert [[*one[:4], MATCHES[one[4]]] for one in ours[:200]] == theirs, words


@pytest.mark.parametrize("words", QUERIES)
def test_a_search_finds_what_the_service_finds(client: TestClient, file: File, words: str) -> None:
    check_search(client, file, words)


@pytest.mark.long
def test_pieces_and_initials_of_names_find_what_the_service_finds(client: TestClient, file: File) -> None:
    names = file.ask("() => gis.listed.flatMap((layer) => layer.features.map(gis.titleOf))")
    chance = random.Random(20261130)
    asked = 0
    for name in chance.sample(sorted(set(names)), 250):
        start = chance.randrange(len(name))
        piece = name[start : start + chance.choice((2, 3, 5, 8))]
        said = sorted(sounds_of(re.sub(r"[^\u4e00-\u9fff]", "", piece)))
        ways = ["".join(syllable[0] for syllable in said[0]), "".join(said[0])] if said else []
        for words in (piece, *ways):
            check_search(client, file, words)
            asked += 1
    assert asked > 500


@pytest.mark.parametrize(("name", "words"), [("hazards", "xqxq"), ("public_density", "lj")])
def test_a_thematic_file_answers_from_the_layers_it_holds(
    chromium: Browser, client: TestClient, tmp_path: Path, name: str, words: str
) -> None:
    path = tmp_path / f"{name}.html"
    path.write_bytes(client.get(f"/maps/{name}/file?community={COMMUNITY}").content)
    context = chromium.new_context()
    opened = File(context, path)
    held = opened.ask("() => gis.listed.filter((layer) => !layer.theme).map((layer) => layer.name)")
    assert set(held) == set(MAPS[name].ground)
    hits = client.get("/search", params={"q": words, "layers": ",".join(held), "limit": "200"}).json()["features"]
    ours = [hit[:3] for hit in opened.ask(HITS, words) if hit[0] in held]
    assert ours[:200] == [[hit["properties"][key] for key in ("layer", "code", "label")] for hit in hits]
    assert hits
    for lon, lat in places(3):
        assert nearest_differ(client, opened, "road", lon, lat) == ""
        answer = client.get(f"/at?lon={lon}&lat={lat}&layers={','.join(set(held) & {one.name for one in AREAL})}")
        ours = opened.ask("([lon, lat]) => gis.covering(lon, lat).map((one) => one.id)", lon, lat)
        assert sorted(ours) == sorted(one["id"] for one in answer.json()["features"])
    # A theme is asked like a layer: each of its features is the nearest to itself.
    theme = opened.ask("() => gis.listed.find((layer) => layer.theme && layer.features.length).name")
    at = opened.ask("([name]) => gis.anchorOf(gis.listed.find((one) => one.name === name).features[0])", theme)
    assert opened.ask(NEAREST, theme, at["lng"], at["lat"], 1)[0][1] == 0
    opened.page.click("[aria-label='查最近、所在、筛选']")
    opened.page.get_by_text("地图中心").click()
    opened.page.wait_for_selector(".gis-answer-way")
    opened.check()
    context.close()


def test_most_of_these_searches_find_something(client: TestClient) -> None:
    found = [client.get("/search", params={"q": words}).json().get("numberMatched", 0) for words in QUERIES]
    assert sum(number > 0 for number in found) >= 20
    assert 0 in found


NARROWED = """async ([name, field, value, low, high]) => {
    const layer = gis.listed.find((one) => one.name === name);
    const asked = value === null ? { name: field, low: low, high: high } : { name: field, value: value };
    const left = gis.narrow(layer, asked).map((one) => one.id);
    const drawn = new Set(layer.group_.getLayers().map((path) => path.feature.id));
    gis.narrow(layer, null);
    return [left, [...drawn], new Set(layer.group_.getLayers().map((path) => path.feature.id)).size];
}"""


@pytest.mark.parametrize(("name", "field", "value"), FILTERS)
def test_a_filter_leaves_what_the_service_answers(
    client: TestClient, file: File, name: str, field: str, value: str | tuple[str, str]
) -> None:
    dated = field.endswith("_on")
    if isinstance(value, str):
        params = {field: value}
        given: list[object] = [value, None, None]
    else:
        low, high = (f"DATE('{end}')" if dated else end for end in value)
        params = {"filter": f"{field} BETWEEN {low} AND {high}"}
        given = [None, *(end if dated else float(end) for end in value)]
    answer = client.get(f"/collections/{name}/items", params={**params, "limit": "10000"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    theirs = sorted(one["id"] for one in said["features"])
    assert len(theirs) == said["numberMatched"] > 0
    left, drawn, restored = file.ask(NARROWED, name, field, *given)
    assert sorted(left) == theirs
    assert sorted(drawn) == theirs
    assert restored == file.ask("([name]) => gis.listed.find((one) => one.name === name).features.length", name)


def test_the_file_tells_the_sounds_of_its_own_characters_only(path: Path) -> None:
    blocks = dict(re.findall(r'id="gis-([\w-]+)">([^<]*)<', path.read_text(encoding="utf-8")))
    sounds = json.loads(blocks.pop("sounds"))
    written = "".join(text for name, text in blocks.items() if name.startswith("layer-"))
    told = set(re.sub(r"[a-z ]", "", sounds["syllables"])) | set(sounds["rare"])
    assert 100 < len(told) < 3000
    assert told <= set(written)
    assert "新" in next(one for one in sounds["syllables"].split() if one.startswith("xin") and not one[3].isascii())
    assert [name for name in blocks if name.startswith("layer-")] == [f"layer-{name}" for name in LAYERS]


@pytest.mark.parametrize("phone", [pytest.param(False, marks=pytest.mark.long), True])
def test_the_card_is_used_by_pointer_and_by_keyboard(
    chromium: Browser, client: TestClient, path: Path, *, phone: bool
) -> None:
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    context = chromium.new_context(viewport=size, has_touch=phone, is_mobile=phone)  # type: ignore[arg-type]
    opened = File(context, path)
    page = opened.page
    button = page.locator("[aria-label='查最近、所在、筛选']")
    button.focus()
    page.keyboard.press("Enter")
    card = page.locator(".gis-asking")
    assert "请在图上点一处" in card.inner_text()
    page.get_by_text("在图上点", exact=True).click()
    # Between the buttons on the left and the card below, or right of it.
    page.mouse.click(*((200, 400) if phone else (800, 450)))
    page.wait_for_selector(".gis-answer-way")
    assert page.locator(".gis-popup").count() == 0
    lon, lat = page.input_value("[aria-label='经度,纬度']").split(",")
    first = client.get(f"/nearby?lon={lon}&lat={lat}&k=5").json()["features"][0]
    assert first["properties"]["code"] in page.locator(".gis-answer-way").first.inner_text()
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]
    for control in page.locator(".leaflet-control a:visible").all():
        place = control.bounding_box()
        assert place is not None
        at = [place["x"] + place["width"] / 2, place["y"] + place["height"] / 2]
        assert page.evaluate("([x, y]) => !!document.elementFromPoint(x, y).closest('.leaflet-control')", at)
    page.click(".gis-tab:has-text('所在网格')")
    page.wait_for_selector(".gis-asking-said:has-text('这里属于')")
    assert "新群社区" in card.inner_text()
    page.fill("[aria-label='经度,纬度']", "100,10")
    page.keyboard.press("Tab")
    page.wait_for_selector(".gis-asking-said:has-text('没有找到')")
    page.fill("[aria-label='经度,纬度']", "这里")
    page.keyboard.press("Tab")
    page.wait_for_selector(".gis-asking-said:has-text('位置看不懂')")
    page.click(".gis-tab:has-text('筛选')")
    page.select_option(".gis-asking select:visible >> nth=0", "building")
    page.select_option(".gis-asking select:visible >> nth=1", "structure")
    page.select_option(".gis-asking select:visible >> nth=2", "3")
    number = client.get("/collections/building/items?structure=3&limit=1").json()["numberMatched"]
    page.wait_for_selector(f".gis-asking-said:has-text('筛出 {number} 个')")
    page.select_option(".gis-asking select:visible >> nth=1", "floors")
    page.fill("[aria-label='层数从']", "149")
    page.keyboard.press("Tab")
    page.wait_for_selector(".gis-asking-said:has-text('没有找到')")
    page.get_by_text("取消筛选").click()
    page.wait_for_selector(".gis-asking-said:has-text('全部')")
    # Its button is gone now; the next key still belongs to the card.
    assert page.evaluate("!!document.activeElement.closest('.gis-asking')")
    assert "只查本页所含的 17 个图层" in card.inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector(".gis-asking", state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "查最近、所在、筛选"
    opened.check()
    context.close()
