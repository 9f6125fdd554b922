"""Faulty areas: what can be mended without changing what was drawn is mended and told, everything else is refused."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.surveys.files.geometry import MOST_AREA_CHANGED, RING_CLOSED, Fitted, Fitting, built_closing_rings
from gis_service.surveys.files.reading import read_survey

DEGREE = 0.001


def fit(*shapes: shapely.Geometry, layer: str = "MULTIPOLYGON", crs: str = "EPSG:4490", mending: bool = True) -> Fitted:
    """Fit geometries as an upload does."""
    pieces = np.empty(len(shapes), dtype=object)
    pieces[:] = shapes
    return Fitting(layer, crs, geometry_vertices=1000, mending=mending).fit(pieces, {})


def placed(wkt: str) -> shapely.Geometry:
    """Return a shape of metres as one of degrees near 121 E, 30.7 N."""
    return shapely.transform(shapely.from_wkt(wkt), lambda points: points * 1e-5 + (121.0, 30.7))


@st.composite
def stars(draw: st.DrawFn) -> list[tuple[float, float]]:
    """A ring around a point, seen whole from it: always valid."""
    count = draw(st.integers(4, 12))
    radii = draw(st.lists(st.floats(0.3, 1.0), min_size=count, max_size=count))
    turn = draw(st.floats(0, 1))
    return [
        (121 + DEGREE * r * math.cos(2 * math.pi * (k + turn) / count),
         30.7 + DEGREE * r * math.sin(2 * math.pi * (k + turn) / count))
        for k, r in enumerate(radii)
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    ring=stars(), at=st.integers(0, 100), spike=st.booleans(), crs=st.sampled_from(["EPSG:4490", "EPSG:4326", "GCJ-02"])
)
def test_a_doubled_vertex_or_a_spike_leaves_an_equal_area(
    ring: list[tuple[float, float]], at: int, spike: bool, crs: str
) -> None:
    at %= len(ring)
    x, y = ring[at]
    # Away from the middle, so that the spike crosses nothing.
    out = (x + (x - 121) * 0.4, y + (y - 30.7) * 0.4)
    more = [out, (x, y)] if spike else [(x, y)]
    faulty = shapely.Polygon([*ring[: at + 1], *more, *ring[at + 1 :]])
    sound, taken = fit(shapely.Polygon(ring), crs=crs), fit(faulty, crs=crs)
    assert taken.reasons == [None]
    assert bool(taken.repairs[0]) == spike
    got, wanted = (shapely.from_wkb(fitted.geometries[0]) for fitted in (taken, sound))
    assert shapely.is_valid(got)
    assert got.geom_type == "MultiPolygon"
    assert got.area == pytest.approx(wanted.area, rel=1e-6)
    assert shapely.hausdorff_distance(got, wanted) < 1e-9


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        ("POLYGON((0 0,10 10,10 0,0 10,0 0))", "自相交"),
        ("POLYGON((0 0,10 10,10 0,0 4,0 0))", "自相交"),
        # A hole outside of its shell, and one half across its edge.
        ("POLYGON((0 0,10 0,10 10,0 10,0 0),(20 20,21 20,21 21,20 21,20 20))", "内环在外环之外"),
        ("POLYGON((0 0,10 0,10 10,0 10,0 0),(8 4,12 4,12 6,8 6,8 4))", "自相交"),
        # Two parts on each other would become one.
        ("MULTIPOLYGON(((0 0,10 0,10 10,0 10,0 0)),((5 0,15 0,15 10,5 10,5 0)))", "自相交"),
        ("POLYGON((0 0,10 0,5 0,0 0))", ""),
    ],
)
def test_what_would_become_another_shape_is_refused(wkt: str, said: str) -> None:
    fitted = fit(placed(wkt))
    assert fitted.geometries == [None]
    assert said in str(fitted.reasons[0])
    assert fitted.repairs == [None]


def test_an_area_that_touches_itself_or_crosses_by_a_hair_is_mended_and_told() -> None:
    # A ring that comes back to a vertex of its own encloses a hole.
    banana = placed("POLYGON((0 0,10 0,10 10,0 10,0 0,4 4,4 6,6 6,6 4,4 4,0 0))")
    hair = placed("POLYGON((0 0,100 0,100 100,50 100,49.99 100.01,49.98 100,50 100.01,0 100,0 0))")
    fitted = fit(banana, hair)
    assert fitted.reasons == [None, None]
    for packed, faulty, said in zip(fitted.geometries, (banana, hair), fitted.repairs, strict=True):
        mended = shapely.from_wkb(packed)
        assert shapely.is_valid(mended)
        assert shapely.get_num_geometries(mended) == 1
        assert mended.area == pytest.approx(abs(faulty.area), rel=MOST_AREA_CHANGED)
        assert "已自动修正,面积变化不到 0.1%" in str(said)


def test_nothing_is_mended_unless_it_can_be_told() -> None:
    spike = placed("POLYGON((0 0,10 0,10 10,20 20,10 10,0 10,0 0))")
    assert "自相交" in str(fit(spike, mending=False).reasons[0])
    assert fit(spike).reasons == [None]


def test_a_ring_that_is_not_closed_is_closed_whatever_the_format(tmp_path: Path) -> None:
    open_ring = [[121.0, 30.7], [121.001, 30.7], [121.001, 30.701], [121.0, 30.701]]
    features = [
        {"type": "Feature", "properties": {"编码": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for code, ring in (("A", open_ring), ("B", [*open_ring, open_ring[0]]))
    ]
    as_json = tmp_path / "a.geojson"
    as_json.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    as_table = tmp_path / "a.csv"
    with as_table.open("w", encoding="utf-8", newline="") as file:
        written = ",".join(f"{x} {y}" for x, y in open_ring)
        csv.writer(file).writerows(
            [["编码", "WKT"], ["A", f"POLYGON(({written}))"], ["B", f"POLYGON(({written},121 30.7))"], ["C", "POLY(("]]
        )
    for path in (as_json, as_table):
        with read_survey(path, geometry="MULTIPOLYGON", crs="EPSG:4490") as (_, batches):
            batch = next(iter(batches))
        assert batch.reasons[:2] == [None, None]
        assert batch.repairs[:2] == [RING_CLOSED, None]
        assert batch.geometries[0] == batch.geometries[1]
    assert batch.reasons[2] == "WKT 写法不对"


def test_bytes_of_an_open_ring_are_closed_and_other_bytes_stay_broken() -> None:
    square = shapely.box(0, 0, 1, 1)
    whole = bytearray(shapely.to_wkb(square))
    whole[9:13] = (4).to_bytes(4, "little")
    built, mended = built_closing_rings(
        np.array([bytes(whole[:-16]), b"nonsense", None], dtype=object), shapely.from_wkb
    )
    assert shapely.equals(built[0], square)
    assert built[1] is built[2] is None
    assert mended == {0: RING_CLOSED}
