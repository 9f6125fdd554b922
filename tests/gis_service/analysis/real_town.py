"""A real town's buildings, streets and water in the database, with people, hydrants and cases that are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from psycopg import sql

from tests.conftest import TEST_COMMUNITY

TOWNS = Path(__file__).parents[2] / "data" / "towns"
DAY = date(2020, 6, 30)
SRIDS = {"krems": 32633, "helsinki": 32635, "shanghai": 4549}
"""The metric system that each town lies in."""


Rows = list[tuple[str, str, shapely.Geometry, dict[str, Any]]]
"""Layer, code, metric geometry and values of each row."""


@dataclass(frozen=True)
class Town:
    """What was stored: metric geometry and the values of each row, by layer and code."""

    srid: int
    shapes: Mapping[str, dict[str, shapely.Geometry]]
    rows: Mapping[str, dict[str, dict[str, Any]]]

    def of(self, layer: str, **values: Any) -> dict[str, shapely.Geometry]:
        """Return the geometries of the rows that have these values."""
        return {
            code: self.shapes[layer][code]
            for code, row in self.rows[layer].items()
            if all(row.get(name) == value for name, value in values.items())
        }


def make_town(url: str, name: str) -> Town:
    """Fill an empty database (a superuser's URL) with a town, and return what it holds."""
    text = json.loads((TOWNS / f"{name}.geojson").read_text())
    read = geopandas.GeoDataFrame.from_features(text, crs=4326).to_crs(SRIDS[name])
    real = {kind: np.asarray(read.geometry.array)[read["kind"] == kind] for kind in ("building", "road", "water")}
    stored: Rows = [(layer, f"{layer[0]}{number}", shape, {}) for layer in ("road", "water")
              for number, shape in enumerate(real[layer])]  # fmt: skip
    stored += _made(np.random.default_rng(len(name)), real["building"], real["road"])
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        conn.execute("insert into gis.area (code, name, metric_srid) values (%s, %s, %s)",
                     [TEST_COMMUNITY, name, SRIDS[name]])  # fmt: skip
        conn.execute("select set_config('gis.scope', %s, true)", [TEST_COMMUNITY])
        for layer, code, shape, values in stored:
            _insert(conn, layer, shape, SRIDS[name], {"community": TEST_COMMUNITY, "code": code, **values})
    shapes: dict[str, dict[str, shapely.Geometry]] = {}
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for layer, code, shape, values in stored:
        shapes.setdefault(layer, {})[code] = shape
        rows.setdefault(layer, {})[code] = values
    return Town(SRIDS[name], shapes, rows)


def _made(chance: np.random.Generator, houses: NDArray[np.object_], roads: NDArray[np.object_]) -> Rows:
    """Return houses with their people, let units at or beside them, facilities on streets, and cases around some."""
    found: Rows = []
    corners = shapely.get_coordinates(roads)

    def beside(spread_m: float) -> shapely.Point:
        return shapely.Point(corners[chance.integers(len(corners))] + chance.normal(0, spread_m, 2))

    for number, shape in enumerate(houses):
        code, home = f"b{number}", chance.random() < 0.8
        households = int(chance.integers(0, 4))
        people = int(chance.integers(0, 25)) if home else None
        found.append(("building", code, shape, {
            "use": "11" if home else "31", "resident_count": people, "household_local": households if home else 0,
            "surveyed_on": DAY - timedelta(days=int(chance.integers(0, 900))) if chance.random() < 0.7 else None,
        }))  # fmt: skip
        for unit in range(int(chance.integers(0, 3)) if home else 0):
            inside = shapely.point_on_surface(shape)
            moved = shapely.transform(inside, lambda at: at + chance.normal(0, 40, 2))
            found.append(("rental_unit", f"{code}-{unit}", moved if chance.random() < 0.2 else inside, {
                "building_code": code if chance.random() < 0.95 else f"没有 {number}",
                "rent_status": "let" if chance.random() < 0.8 else "vacant",
                "tenant_count": int(chance.integers(0, 9)), "usable_area_m2": float(chance.integers(8, 60)),
                "largest_room_persons": int(chance.integers(0, 4)), "room_count": int(chance.integers(1, 6)),
                "kin_household": bool(chance.random() < 0.3), "partitioned": bool(chance.random() < 0.05),
                "non_habitable_let": bool(chance.random() < 0.03),
            }))  # fmt: skip
    for number in range(25):
        intact = "intact" if chance.random() < 0.85 else "damaged"
        found.append(("facility", f"h{number}", beside(8), {"kind": "hydrant", "status": intact}))
    found += [("waste_point", f"w{number}", beside(10 if number < 8 else 900), {"kind": "timed"})
              for number in range(12)]  # fmt: skip
    for number in range(12):
        place = beside(12) if number else shapely.point_on_surface(houses[0])
        found.append(("parking", f"p{number}", place, {"kind": "public", "space_count": int(chance.integers(1, 30))}))
    for number in range(160):
        middle = shapely.get_coordinates(shapely.centroid(houses[chance.integers(12) * 7]))[0]
        found.append(("hazard", f"y{number}", shapely.Point(middle + chance.normal(0, 60, 2)), {
            "event_code": "X-FS03", "category": "evacuation", "level": "01", "subject_kind": "residential",
            "status": str(chance.choice(["registered", "rectifying", "closed"])),
            "found_on": DAY - timedelta(days=int(chance.integers(0, 60))),
        }))  # fmt: skip
    return found


def _insert(conn: psycopg.Connection, layer: str, shape: shapely.Geometry, srid: int, values: dict[str, Any]) -> None:
    several = layer in {"road", "water", "building"}
    geometry = sql.SQL("ST_Transform(ST_GeomFromWKB(%s, {}), 4490)").format(srid)
    query = sql.SQL("insert into gis.{} ({}, geom) values ({}, {})").format(
        sql.Identifier(layer), sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        sql.SQL("ST_Multi({})").format(geometry) if several else geometry,
    )  # fmt: skip
    conn.execute(query, [*values.values(), shapely.to_wkb(shape)])
