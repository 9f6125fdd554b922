"""A proposal compared with what is stored, committed or dropped; what is written bears the upload's mark."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.features.staging import Changes
from gis_service.features.write import put_features
from gis_service.scope import Scope
from gis_service.surveys.proposal import Proposal, Reading
from gis_service.surveys.propose import propose
from layers.catalog.grid import Grid
from layers.record import Source
from layers.registry import LAYERS

BUILDING, VISIT = LAYERS["building"], LAYERS["visit"]
ROWS = text("select code, name, floors, source, version from gis.building where community = :c order by code")


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff, str(uuid.UUID(int=1))) as found:
        yield found
        found.rollback()


def sheet(path: Path, rows: list[dict[str, Any]], at: list[float] | None = None) -> Path:
    """Write squares beside each other; ``at`` moves them to other places, in thousandths of a degree."""
    places = at or list(range(len(rows)))
    features = [
        {
            "type": "Feature", "properties": row,
            "geometry": shapely.geometry.mapping(shapely.box(120.995 + p / 1000, 30.7, 120.9955 + p / 1000, 30.7005)),
        }
        for row, p in zip(rows, places, strict=True)
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def write(conn: Connection, community: str, path: Path, reading: Reading | None = None) -> Proposal:
    made = propose(conn, BUILDING, community, path, reading or Reading(crs="EPSG:4490"))
    made.staging.merge(conn)
    return made


def test_a_dropped_proposal_leaves_nothing(database: Database, staff: Scope, area: str, tmp_path: Path) -> None:
    uploads = text("select count(*) from gis.upload")
    with database.write(staff) as conn:
        before = conn.execute(uploads).scalar()
        made = propose(conn, BUILDING, area, sheet(tmp_path / "a.geojson", [{"编码": "A"}]), Reading(crs="EPSG:4490"))
        assert made.changes == Changes(1, 0, 0, 0)
        conn.rollback()
    with database.read(staff) as conn:
        assert conn.execute(ROWS, {"c": area}).all() == []
        assert conn.execute(uploads).scalar() == before


def test_progress_tells_rows_read_and_rows_in_all(conn: Connection, area: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    rows: list[dict[str, Any]] = [{"编码": str(number)} for number in range(12)]
    path = sheet(tmp_path / "a.geojson", rows, [number / 10 for number in range(12)])
    propose(conn, BUILDING, area, path, Reading(crs="EPSG:4490"), lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)


def test_rows_are_written_some_at_a_time_and_all_of_them(
    conn: Connection, area: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_service.features.staging._ROWS_AT_ONCE", 4)

    def merge(floors: dict[int, int]) -> tuple[Changes, list[int]]:
        rows: list[dict[str, Any]] = [{"编码": str(number), "地上层数": floor} for number, floor in floors.items()]
        path = sheet(tmp_path / "a.geojson", rows, [number / 10 for number in floors])
        made = propose(conn, BUILDING, area, path, Reading(crs="EPSG:4490"))
        told: list[int] = []

        def tell(done: int, total: int) -> None:
            assert total == made.changes.added + made.changes.changed
            told.append(done)

        changes = made.staging.merge(conn, progress=tell)
        stored = text("select code::int, floors from gis.building where community = :c")
        assert dict(conn.execute(stored, {"c": area}).tuples().all()) == floors
        return changes, told

    first = dict.fromkeys(range(11), 2)
    assert merge(first) == (Changes(11, 0, 0, 0), [4, 8, 11])
    # Rows that stay as they are count for nothing; what changes and what is added lie among each other.
    mixed = {number: 3 if number in {1, 5, 9, 10} else 2 for number in range(11)} | dict.fromkeys((20, 21), 4)
    shuffled = {number: mixed[number] for number in (20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 21, 9, 10)}
    assert merge(shuffled) == (Changes(2, 4, 0, 7), [4, 6])
    assert merge(shuffled) == (Changes(0, 0, 0, 13), [])


def test_only_wanted_rows_are_read(conn: Connection, area: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"编码": "A", "类": "x"},
        {"编码": "B", "类": "y"},
        {"编码": "C", "类": "z"},
        {"编码": None, "类": "y"},
    ]
    path = sheet(tmp_path / "a.geojson", rows)
    made = propose(conn, BUILDING, area, path, Reading(crs="EPSG:4490", where=("类", frozenset({"x", "z"}))))
    assert (made.changes, made.refusals) == (Changes(2, 0, 0, 0), [])
    with pytest.raises(InputError, match="不在文件里"):
        propose(conn, BUILDING, area, path, Reading(crs="EPSG:4490", where=("种", frozenset({"x"}))))


def test_an_assumed_source_never_overwrites_a_stored_one(conn: Connection, area: str, tmp_path: Path) -> None:
    write(conn, area, sheet(tmp_path / "a.geojson", [{"编码": "A", "数据来源": "普查", "层数": 2}]))
    made = write(conn, area, sheet(tmp_path / "b.geojson", [{"编码": "A", "层数": 2}, {"编码": "B", "层数": 2}]),
                 Reading(crs="EPSG:4490", source=Source.REPORTED))  # fmt: skip
    assert made.changes == Changes(1, 0, 0, 1)
    assert [tuple(row)[:4] for row in conn.execute(ROWS, {"c": area})] == [
        ("A", None, 2, "census"), ("B", None, 2, "reported"),
    ]  # fmt: skip


def test_foreign_sources_are_told(conn: Connection, area: str, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.geojson", [{"编码": "A", "来源": "openstreetmap.org"}])
    made = propose(conn, BUILDING, area, path, Reading(crs="EPSG:4490", source=Source.OPEN_DATA))
    assert "openstreetmap.org" in made.notes[0]
    assert "开放数据" in made.notes[0]


def test_refusals_stand_in_the_order_of_the_sheet(conn: Connection, area: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"编码": "A", "层数": -1},
        {"编码": "B"},
        {"编码": None},
        {"编码": "B"},
        {"编码": "C"},
    ]
    made = propose(
        conn, BUILDING, area, sheet(tmp_path / "a.geojson", rows, [0, 1, 2, 3, 900]), Reading(crs="EPSG:4490")
    )
    assert [refusal.row for refusal in made.refusals] == [1, 3, 4, 5]
    assert [refusal.code for refusal in made.refusals] == ["A", "", "B", "C"]
    assert made.staging.merge(conn) == Changes(1, 0, 0, 0)


def test_a_row_that_only_touches_the_boundary_is_inside(conn: Connection, area: str, tmp_path: Path) -> None:
    # The community is 120.99 to 121.01 E; these begin on its east edge, half outside, and just beyond it.
    made = propose(
        conn, BUILDING, area,
        sheet(tmp_path / "a.geojson", [{"编码": code} for code in "ABC"], [15.0, 14.8, 15.1]), Reading(crs="EPSG:4490"),
    )  # fmt: skip
    assert [refusal.code for refusal in made.refusals] == ["C"]
    assert "约 10 米" in made.refusals[0].reason


def test_a_code_that_stands_in_several_grids_is_refused(conn: Connection, area: str, tmp_path: Path) -> None:
    halves = [(f"{area}001", 120.99, 121.0), (f"{area}002", 121.0, 121.01)]
    put_features(
        conn, LAYERS["grid"], area,
        [(Grid(code=code, name=code), shapely.box(west, 30.69, east, 30.71)) for code, west, east in halves],
    )  # fmt: skip
    needed = [field for field in VISIT.fields if field.required]
    required = {field.name: next(iter(field.codes)) if field.codes else "X" for field in needed}
    feature = {
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [120.995, 30.7]},
        "properties": {**required, "code": "甲", "visited_on": "2026-11-01"},
    }  # fmt: skip
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    made = propose(conn, VISIT, area, path, Reading(crs="EPSG:4490"))
    assert made.refusals == []
    made.staging.merge(conn)
    # People of the second grid keep a list of their own, in which the same code stands for something else.
    fields = ", ".join(field.name for field in VISIT.fields)
    place = "st_setsrid(st_makepoint(121.005, 30.7), 4490)"
    conn.execute(
        text(f"insert into gis.visit (community, {fields}, geom) select community, {fields}, {place} from gis.visit")
    )
    grids = conn.execute(text("select grid from gis.visit where code = '甲' order by 1")).scalars().all()
    assert grids == [f"{area}001", f"{area}002"]
    again = propose(conn, VISIT, area, path, Reading(crs="EPSG:4490"))
    assert again.changes == Changes(0, 0, 0, 0)
    assert [refusal.code for refusal in again.refusals] == ["甲"]
    assert "几个网格" in again.refusals[0].reason


@pytest.mark.parametrize(("changed", "told"), [(0, False), (2, False), (3, True), (6, True)])
def test_codes_that_meet_other_addresses_are_told(
    conn: Connection, area: str, tmp_path: Path, changed: int, *, told: bool
) -> None:
    def houses(street: str) -> list[dict[str, Any]]:
        return [
            {"编码": str(at), "地址": f"{street if at < changed else '一街'}{at}号", "间数": 2, "租住人数": 3}
            for at in range(6)
        ]

    def point(rows: list[dict[str, Any]]) -> Path:
        features = [
            {"type": "Feature", "properties": row, "geometry": {"type": "Point", "coordinates": [120.995, 30.7]}}
            for row in rows
        ]
        path = tmp_path / "a.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
        return path

    unit, reading = LAYERS["rental_unit"], Reading(crs="EPSG:4490")
    propose(conn, unit, area, point(houses("一街")), reading).staging.merge(conn)
    notes = " ".join(propose(conn, unit, area, point(houses("二街")), reading).notes)
    assert (f"按编码对上的 6 行里有 {changed} 行的地址与现有的不同" in notes) is told
