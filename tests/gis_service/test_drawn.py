"""What people may draw, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gis_service.errors import InputError
from gis_service.features.drawn import MAX_VERTICES, drawn_area, drawn_line


@pytest.mark.parametrize(
    "drawn",
    [
        "", "POLYGON EMPTY", "POINT(121 30)", "LINESTRING(121 30,121 31)", "POLYGON((0 0,1 1))", "nonsense",
        "POLYGON((121 30,121.01 30.01,121.01 30,121 30.01,121 30))", "POLYGON((200 30,201 30,201 31,200 30))",
        "POLYGON((120 30,121 30,121 31,120 31,120 30))", "POLYGON((121 nan,121.01 30,121.01 30.01,121 nan))",
        {}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": "x"}, {"type": "Feature", "geometry": None},
        {"type": "Polygon", "coordinates": [[[121, 30], [121.01, 30], [121.01, "x"], [121, 30]]]},
        {"type": "Point", "coordinates": [121, 30]},
    ],
)  # fmt: skip
def test_what_is_no_area_is_refused(drawn: str | dict[str, Any]) -> None:
    with pytest.raises(InputError):
        drawn_area(drawn)


def test_too_many_vertices_are_refused() -> None:
    def ring(corners: int) -> dict[str, Any]:
        points = [
            [121 + 0.001 * math.cos(2 * math.pi * at / corners), 30 + 0.001 * math.sin(2 * math.pi * at / corners)]
            for at in range(corners)
        ]
        return {"type": "Polygon", "coordinates": [[*points, points[0]]]}

    assert len(drawn_area(ring(MAX_VERTICES - 1)).exterior.coords) == MAX_VERTICES
    for corners in (MAX_VERTICES, 3 * MAX_VERTICES):
        with pytest.raises(InputError, match="顶点太多"):
            drawn_area(ring(corners))


@pytest.mark.parametrize(
    "drawn", ["POINT(121 30)", "LINESTRING(121 30,121 30)", "LINESTRING(121 30,122 30)", "LINESTRING EMPTY"]
)
def test_what_is_no_line_is_refused(drawn: str) -> None:
    with pytest.raises(InputError):
        drawn_line(drawn)


def test_heights_and_features_are_taken_flat() -> None:
    line = {"type": "LineString", "coordinates": [[121, 30, 5], [121.001, 30, 6]]}
    assert drawn_line({"type": "Feature", "properties": {}, "geometry": line}).wkt == "LINESTRING (121 30, 121.001 30)"
