"""Too many features to draw become squares: each holds what a recount finds, whatever parts the features came in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.analysis import themes
from gis_service.analysis.answer import CLASS, Class, Column, Ramp, Theme
from gis_service.analysis.themes import Gathering, blank_theme
from layers.style import Marker
from tests.gis_service.analysis.made_frames import made_frame

CLASSES = (Class("mild", "轻", Marker.CIRCLE), Class("bad", "重", Marker.CROSS), Class("grave", "很重"))
KEYS = [one.key for one in CLASSES]
SIDES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
PLACE = st.tuples(st.integers(499_000, 502_999), st.integers(3_400_000, 3_402_999), st.sampled_from(KEYS))


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Few features are many here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(themes, "MOST_DRAWN", 5)
        patch.setattr(themes, "MOST_CELLS", 4)
        yield


def gathered(places: list[tuple[int, int, str]], parts: int = 1) -> Theme:
    blank = blank_theme("all", "全部", "POINT", "name", [Column("name", "名称")], CLASSES, Ramp.SEVERITY, timed="name")
    gathering = Gathering(blank)
    size = max(1, -(-len(places) // parts))
    for begun in range(0, max(1, len(places)), size):
        some = places[begun : begun + size]
        rows = [{"name": f"{x} {y}", CLASS: key} for x, y, key in some]
        codes = [str(begun + number) for number in range(len(some))]
        frame = made_frame(rows, codes, [shapely.Point(x + 0.5, y + 0.5) for x, y, _ in some])
        gathering.add(frame if rows else frame.reindex(columns=["name", CLASS, "geometry"]))
    return gathering.theme()


def recount(places: list[tuple[int, int, str]]) -> tuple[int, dict[tuple[int, int], Counter[str]]]:
    for side in SIDES:
        cells: dict[tuple[int, int], Counter[str]] = {}
        for x, y, key in places:
            cells.setdefault((x // side, y // side), Counter())[key] += 1
        if len(cells) <= 4:
            return side, cells
    raise AssertionError("these places don't fit four squares")


def properties(theme: Theme) -> list[dict[str, Any]]:
    return [item["properties"] for item in json.loads(theme.features)["features"]]


@settings(max_examples=150, deadline=None)
@given(st.lists(PLACE, max_size=5))
def test_few_features_are_drawn_as_they_are(places: list[tuple[int, int, str]]) -> None:
    told = gathered(places, parts=2)
    assert told.lattice_m is None
    assert told.geometry == "POINT"
    assert [(item["name"], item[CLASS]) for item in properties(told)] == [(f"{x} {y}", key) for x, y, key in places]


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.lists(PLACE, min_size=6, max_size=40), st.integers(1, 4))
def test_many_features_become_squares_that_equal_a_recount(places: list[tuple[int, int, str]], parts: int) -> None:
    told = gathered(places, parts)
    side, cells = recount(places)
    assert (told.lattice_m, told.count, told.geometry, told.timed) == (side, len(places), "MULTIPOLYGON", None)
    assert all(one.marker is None for one in told.classes)
    found = {item["cell"]: item for item in properties(told)}
    assert set(found) == {f"E{col}N{row}" for col, row in cells}
    for (col, row), counts in cells.items():
        item = found[f"E{col}N{row}"]
        assert item["number"] == counts.total()
        assert [item[f"in_{key}"] for key in KEYS] == [counts[key] for key in KEYS]
        most = max(counts.values())
        assert item[CLASS] == [key for key in KEYS if counts[key] == most][-1]


def test_a_square_lies_where_its_features_do() -> None:
    places = [(500_010, 3_400_010, "bad")] * 6
    shape = shapely.from_geojson(json.dumps(json.loads(gathered(places).features)["features"][0]["geometry"]))
    to_degrees = pyproj.Transformer.from_crs(4549, 4490, always_xy=True)
    corners = [to_degrees.transform(500_000 + x, 3_400_000 + y) for x in (0, 100) for y in (0, 100)]
    assert shape.hausdorff_distance(shapely.MultiPoint(corners).convex_hull) < 2e-7
