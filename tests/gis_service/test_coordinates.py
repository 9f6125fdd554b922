"""Known answers for coordinate systems and datums (reference: domain §7.1), and what must come back unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from gis_service.coordinates import (
    BD09,
    GCJ02,
    CoordinateError,
    axis_order_northing_first,
    bd09_to_gcj02,
    bd09_to_wgs84,
    crs_title,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    identify_crs,
    is_geographic,
    metric_srid,
    parse_crs,
    transform,
    transform_geometries,
    wgs84_to_bd09,
    wgs84_to_gcj02,
    zone_prefixed_srid,
)

# Inside of the GCJ-02 rectangle by more than its shift: on its very rim the algorithm itself jumps.
CHINA_LON = st.floats(72.1, 137.7)
CHINA_LAT = st.floats(0.9, 55.7)


@pytest.mark.parametrize(
    ("crs", "x", "y", "tolerance"),
    [
        ("EPSG:4549", 595_804.283, 3_398_141.123, 5e-4),
        ("EPSG:4528", 40_595_804.283, 3_398_141.123, 5e-4),
        ("EPSG:3857", 13_469_658.386, 3_593_849.414, 5e-4),
        (GCJ02, 121.004339, 30.697681, 5e-7),
        (BD09, 121.010884, 30.703429, 5e-7),
        ("EPSG:4326", 121.0, 30.7, 0.0),
    ],
)
def test_known_answers_there_and_back(crs: str, x: float, y: float, tolerance: float) -> None:
    there = transform(121.0, 30.7, "EPSG:4490", crs)
    assert there[0] == pytest.approx(x, abs=tolerance)
    assert there[1] == pytest.approx(y, abs=tolerance)
    back = transform(*there, crs, "EPSG:4490")
    np.testing.assert_allclose(back, (121.0, 30.7), atol=1e-9)


def test_second_known_answer() -> None:
    x, y = transform(121.02, 30.73, "EPSG:4490", "EPSG:4549")
    assert (float(x), float(y)) == pytest.approx((597_690.217, 3_401_484.561), abs=5e-4)


def test_geometry_and_arrays_go_the_same_way() -> None:
    square = shapely.box(121.0, 30.7, 121.01, 30.71)
    moved = transform_geometries([square, None], "EPSG:4490", "EPSG:4549")
    points = shapely.get_coordinates(square)
    x, y = transform(points[:, 0], points[:, 1], "EPSG:4490", "EPSG:4549")
    np.testing.assert_array_equal(shapely.get_coordinates(moved[0]), np.column_stack([x, y]))
    assert moved[1] is None


def test_numerically_equal_systems_leave_geometry_alone() -> None:
    square = shapely.box(121.0, 30.7, 121.01, 30.71)
    assert transform_geometries([square], "EPSG:4326", "EPSG:4490")[0] is square


@given(CHINA_LON, CHINA_LAT)
def test_shifts_come_back_to_a_tenth_of_a_millimetre(lon: float, lat: float) -> None:
    np.testing.assert_allclose(gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat)), (lon, lat), atol=1e-9)
    np.testing.assert_allclose(bd09_to_gcj02(*gcj02_to_bd09(lon, lat)), (lon, lat), atol=1e-9)
    np.testing.assert_allclose(bd09_to_wgs84(*wgs84_to_bd09(lon, lat)), (lon, lat), atol=1e-9)


def test_gcj02_shifts_hundreds_of_metres_in_china_and_nothing_outside() -> None:
    x, y = transform(*wgs84_to_gcj02(121.0, 30.7), "EPSG:4490", "EPSG:4549")
    assert 400 < np.hypot(x - 595_804.283, y - 3_398_141.123) < 600
    assert tuple(map(float, wgs84_to_gcj02(9.5, 47.1))) == (9.5, 47.1)


def test_one_missing_point_does_not_spoil_the_others() -> None:
    lon, lat = gcj02_to_wgs84([121.004339378, np.nan], [30.697680897, np.nan])
    assert (lon[0], lat[0]) == pytest.approx((121.0, 30.7), abs=1e-7)
    assert np.isnan(lon[1])


@pytest.mark.parametrize(
    ("lon", "lat", "srid"),
    [
        (121.0, 30.7, 4549),
        (121.47, 31.23, 4549),
        (121.4999, 31.23, 4549),
        (121.5, 31.23, 4550),
        (118.5, 30.0, 4549),
        (118.4999, 30.0, 4548),
        (73.5, 39.5, 4534),
        (135.0, 48.0, 4554),
        (9.5, 47.1, 32632),
        (-70.6, -33.4, 32719),
        (180.0, 0.0, 32660),
    ],
)
def test_metric_system_by_place(lon: float, lat: float, srid: int) -> None:
    assert metric_srid(lon, lat) == srid
    CRS.from_epsg(srid)


def test_zone_codes_are_what_their_numbers_say() -> None:
    for meridian in range(75, 136, 3):
        assert f"CM {meridian}E" in CRS.from_epsg(metric_srid(float(meridian), 35.0)).name
    for zone in range(25, 46):
        assert CRS.from_epsg(zone_prefixed_srid(zone * 1e6 + 500_000) or 0).name.endswith(f"zone {zone}")


@pytest.mark.parametrize("place", [(float("nan"), 30.0), (200.0, 30.0), (121.0, 88.0)])
def test_metric_system_wants_a_place_on_the_map(place: tuple[float, float]) -> None:
    with pytest.raises(CoordinateError, match="经纬度"):
        metric_srid(*place)


@pytest.mark.parametrize(
    ("srid", "northing_first"), [(4490, True), (4549, True), (4528, True), (4326, True), (3857, False), (32651, False)]
)
def test_register_axis_order(srid: int, northing_first: bool) -> None:
    assert axis_order_northing_first(srid) is northing_first


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("EPSG:4549", "EPSG:4549"),
        (" epsg:4528 ", "EPSG:4528"),
        ("4490", "EPSG:4490"),
        ("CGCS2000", "EPSG:4490"),
        ("urn:ogc:def:crs:EPSG::4549", "EPSG:4549"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("gcj02", GCJ02),
        ("GCJ-02", GCJ02),
        ("bd09", BD09),
    ],
)
def test_names_people_write(text: str, crs: str) -> None:
    assert parse_crs(text) == crs
    assert identify_crs(text) == crs
    assert crs_title(crs)


@pytest.mark.parametrize("text", ["", "foo", "99999", "EPSG:0", "/etc/passwd", "+proj=longlat", "5773", "4978"])
def test_unknown_names_are_refused_with_a_hint(text: str) -> None:
    with pytest.raises(CoordinateError, match="EPSG:4549"):
        parse_crs(text)


@pytest.mark.parametrize("text", ["2385", "2364", "4610", "4214", "2433"])
def test_old_datums_are_refused(text: str) -> None:
    with pytest.raises(CoordinateError, match="西安 80 或北京 54"):
        parse_crs(text)
    with pytest.raises(CoordinateError, match="西安 80 或北京 54"):
        identify_crs(CRS.from_epsg(int(text)).to_wkt("WKT1_ESRI"))


@pytest.mark.parametrize("srid", [4490, 4326, 4549, 4528, 4499, 3857, 32651])
def test_esri_definitions_are_recognised(srid: int) -> None:
    assert identify_crs(CRS.from_epsg(srid).to_wkt("WKT1_ESRI")) == f"EPSG:{srid}"


def test_local_systems_are_refused() -> None:
    with pytest.raises(CoordinateError, match="地方坐标系"):
        identify_crs('LOCAL_CS["城市坐标系",UNIT["metre",1]]')


def test_degrees_or_metres() -> None:
    assert is_geographic(GCJ02)
    assert is_geographic("EPSG:4490")
    assert not is_geographic("EPSG:4549")
    assert zone_prefixed_srid(595_804.283) is None
