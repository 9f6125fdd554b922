"""Pages of a proposal's rows, and what of it stands on the map: cut where they are full, whole up to there."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import shapely
import shapely.geometry

from gis_service.database import Database
from gis_service.scope import Scope
from gis_service.surveys.commit import Wanted, commit_upload
from gis_service.surveys.desk import Desk, Sent, Waiting
from gis_service.surveys.originals import Originals
from gis_service.surveys.proposal_rows import changes_geojson, list_rows

House = tuple[str, str, float]
"""Code, name, and how many thousandths of a degree east it stands."""


def proposed(desk: Desk, area: str, houses: list[House]) -> Waiting:
    features = [
        {
            "type": "Feature", "properties": {"编码": code, "名称": name},
            "geometry": shapely.geometry.mapping(shapely.box(120.99 + at / 1000, 30.7, 120.9905 + at / 1000, 30.7005)),
        }
        for code, name, at in houses
    ]  # fmt: skip
    file = BytesIO(json.dumps({"type": "FeatureCollection", "features": features}).encode())
    identifier = desk.receive(area, Sent(file, "楼.geojson", "building", answers={"crs": "EPSG:4490"}))
    waiting = desk.read(identifier)
    assert waiting.row["state"] == "proposed", waiting.row["problem"]
    return waiting


def test_pages_and_changes_are_cut_and_whole_up_to_there(
    database: Database, staff: Scope, area: str, tmp_path: Path
) -> None:
    desk = Desk(database, staff, Originals(tmp_path))
    first = proposed(desk, area, [("A", "甲", 0), ("B", "乙", 1), ("C", "丙", 2)])
    commit_upload(desk, first.row["id"], Wanted())
    waiting = proposed(desk, area, [("A", "甲改", 3), ("D", "丁", 4), ("B", "乙", 1), ("C", "丙", 5)])
    with database.read(staff) as conn:
        pages = [list_rows(conn, waiting.kept, waiting.layer, after=after, limit=2) for after in (None, 2, 4)]
        assert [[(row["row"], row["step"]) for row in page] for page in pages] == [
            [(1, "changed"), (2, "added")], [(3, "unchanged"), (4, "moved")], [],
        ]  # fmt: skip
        assert pages[0][0]["changes"] == {"name": ["甲", "甲改"]}
        assert [row["row"] for row in list_rows(conn, waiting.kept, waiting.layer, steps=["moved"], limit=1)] == [1]
        for most, expected in ((3, ["1", "1-before", "2"]), (10, ["1", "1-before", "2", "4", "4-before"])):
            drawn = json.loads(b"".join(changes_geojson(conn, waiting.kept, waiting.layer, most)))["features"]
            assert [one["id"] for one in drawn] == expected
    west = {one["id"]: round(shapely.from_geojson(json.dumps(one["geometry"])).bounds[0], 4) for one in drawn}
    assert west == {"1": 120.993, "1-before": 120.99, "2": 120.994, "4": 120.995, "4-before": 120.992}
    desk.discard(waiting.row["id"])
