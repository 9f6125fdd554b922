"""Layers as frames: in parts, by code, by what touches, and counted in the database, all like the whole."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from sqlalchemy.engine import Connection

from gis_service.analysis import frames
from gis_service.analysis.frames import counts_of, read_frame, read_parts, sums_by
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope

COLUMNS = ["name", "building_code", "tenant_count", "rent_status", "surveyed_on"]


@pytest.fixture
def conn(sample: Database, staff: Scope) -> Iterator[Connection]:
    with sample.read(staff) as found:
        yield found


@pytest.fixture
def asked(staff: Scope) -> Scope:
    return staff.narrowed(COMMUNITY)


@pytest.fixture
def whole(conn: Connection, asked: Scope) -> geopandas.GeoDataFrame:
    return read_frame(conn, asked, "rental_unit", COLUMNS, srid=4549)


def test_parts_make_the_whole(
    conn: Connection, asked: Scope, whole: geopandas.GeoDataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "PART", 300)
    parts = list(read_parts(conn, asked, "rental_unit", COLUMNS, srid=4549))
    assert [len(part) for part in parts[:-1]] == [300] * (len(whole) // 300)
    assert_geodataframe_equal(read_frame(conn, asked, "rental_unit", COLUMNS, srid=4549), whole)


def test_codes_choose_rows_and_none_of_them_is_an_empty_frame(
    conn: Connection, asked: Scope, whole: geopandas.GeoDataFrame
) -> None:
    wanted = [*whole.index[10:20], "不存在"]
    found = read_frame(conn, asked, "rental_unit", COLUMNS, srid=4549, codes=wanted)
    assert_geodataframe_equal(found, whole.iloc[10:20])
    nothing = read_frame(conn, asked, "rental_unit", COLUMNS, srid=4549, codes=[])
    assert (len(nothing), nothing.crs, list(nothing.columns)) == (0, whole.crs, list(whole.columns))


def test_touching_chooses_what_shapely_finds(conn: Connection, asked: Scope) -> None:
    houses = read_frame(conn, asked, "building", ["name"], srid=4549)
    shapes = [houses.geometry.iloc[number].buffer(25) for number in (0, 400, 900)]
    found = read_frame(conn, asked, "building", ["name"], srid=4549, touching=shapes)
    assert_geodataframe_equal(found, houses[houses.intersects(shapely.union_all(shapes))])
    assert 3 < len(found) < len(houses)
    assert len(read_frame(conn, asked, "building", ["name"], srid=4549, touching=[])) == 0


def test_sums_and_counts_equal_the_frame(conn: Connection, asked: Scope, whole: geopandas.GeoDataFrame) -> None:
    for only, rows in (((), whole), ((("rent_status", "let"),), whole[whole["rent_status"] == "let"])):
        told = sums_by(conn, asked, "rental_unit", "building_code", "tenant_count", *only)
        groups = rows.dropna(subset=["building_code"]).groupby("building_code")["tenant_count"]
        assert told["number"].to_dict() == groups.size().to_dict()
        assert told["total"].to_dict() == groups.apply(lambda some: int(some.fillna(0).sum())).to_dict()
    told_days = counts_of(conn, asked, "rental_unit", "surveyed_on")
    assert told_days == whole["surveyed_on"].value_counts(dropna=False).to_dict()
