"""Random filters against an evaluation that shares nothing with the service: shapely, pyproj and Python."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text

from gis_service.database import Database
from gis_service.features.filter_sql import condition
from gis_service.features.filters import parse_filter
from gis_service.features.write import put_features
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

BUILDING, HAZARD = LAYERS["building"], LAYERS["hazard"]
FEW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Truth = bool | None
Row = dict[str, Any]

# A coarse lattice of powers of two: shapes share corners and edges, and every coordinate is exact.
STEP = 2.0**-10
ORIGIN = (121.0, 30.6875)


def lattice(x: float, y: float) -> tuple[float, float]:
    return ORIGIN[0] + x * STEP, ORIGIN[1] + y * STEP


def shape_of(kind: str, chance: random.Random) -> BaseGeometry:
    """Return a valid shape on the lattice: areas with holes and of several parts, too."""

    def corner() -> tuple[float, float]:
        return lattice(chance.randint(0, 8), chance.randint(0, 8))

    def box() -> BaseGeometry:
        x, y = chance.randint(0, 6), chance.randint(0, 6)
        wide, high = chance.randint(1, 4), chance.randint(1, 4)
        outer = shapely.box(*lattice(x, y), *lattice(x + wide, y + high))
        if chance.random() < 0.3:
            inner = shapely.box(*lattice(x + wide / 4, y + high / 4), *lattice(x + wide / 2, y + high / 2))
            return outer.difference(inner)
        return outer

    makers: dict[str, Callable[[], BaseGeometry]] = {
        "point": lambda: shapely.Point(corner()),
        "points": lambda: shapely.MultiPoint([corner() for _ in range(3)]),
        "line": lambda: shapely.LineString([corner(), corner(), corner()]),
        "lines": lambda: shapely.MultiLineString([[corner(), corner()], [corner(), corner()]]),
        "triangle": lambda: shapely.Polygon([corner(), corner(), corner()]),
        "box": box,
        "areas": lambda: shapely.unary_union([box(), box()]),
    }
    found = makers[kind]()
    degenerate = found.geom_type.endswith("LineString") and min(part.length for part in shapely.get_parts(found)) == 0
    return found if found.is_valid and not found.is_empty and not degenerate else shape_of(kind, chance)


KINDS = ("point", "points", "line", "lines", "triangle", "box", "areas")


@pytest.fixture(scope="module")
def shapes(database: Database, staff: Scope, area: str) -> dict[str, BaseGeometry]:
    """Ninety hazards of all kinds of geometry on the lattice."""
    chance = random.Random(7)
    made = {f"S{number}": shape_of(KINDS[number % len(KINDS)], chance) for number in range(90)}
    with database.write(staff) as conn:
        put_features(conn, HAZARD, area, [(example_record(HAZARD, code=code), one) for code, one in made.items()])
    return made


def choices(chance: random.Random) -> Row:
    """Return the attributes of a building; each may be missing."""

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    return {
        "floors": maybe(chance.randint(0, 12)),
        "height_m": maybe(chance.randint(0, 120) / 4),
        "year_built": maybe(chance.randint(1990, 1996)),
        "name": maybe("".join(chance.choices("ab%_\\幸福", k=chance.randint(1, 4)))),
        "use": chance.choice(["10", "11", "80"]),
        "self_built": maybe(chance.random() < 0.5),
        "valid_from": maybe(f"2026-11-{chance.randint(1, 9):02}"),
    }


@pytest.fixture(scope="module")
def table(database: Database, staff: Scope, area: str) -> dict[str, Row]:
    """Ninety buildings with random attributes."""
    chance = random.Random(11)
    made = {f"R{number}": choices(chance) for number in range(90)}
    here = shapely.box(121, 30.7, 121.001, 30.701)
    with database.write(staff) as conn:
        records = [(example_record(BUILDING, code=code, **row), here) for code, row in made.items()]
        put_features(conn, BUILDING, area, records)
    return made


def found_by(database: Database, scope: Scope, layer: Layer, written: str, lang: str = "cql2-text") -> set[str]:
    """Return the codes of the rows that a filter finds."""
    found = parse_filter(layer, written, lang=lang)
    rows = tables_of(layer).current
    with database.read(scope) as conn:
        query = select(rows.c.code).where(condition(found.shape, layer, rows))
        return set(conn.execute(query, found.values).scalars())


@dataclass(frozen=True)
class Asked:
    """A condition as text, and what it is for a row: true, false or unknown."""

    text: str
    holds: Callable[[Row], Truth]


def quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}
NUMBERS = st.integers(-2, 14) | st.integers(0, 60).map(lambda number: number / 4)
NAMES = st.text("ab%_\\幸福'", max_size=4)


def judged(sign: str, left: Any, right: Any) -> Truth:
    return None if left is None or right is None else COMPARED[sign](left, right)


def comparisons() -> st.SearchStrategy[Asked]:
    def one(name: str, sign: str, value: Any, turned: bool) -> Asked:
        literal = f"DATE({quoted(value)})" if name == "valid_from" else quoted(value)
        if turned:
            return Asked(f"{literal} {sign} {name}", lambda row: judged(sign, value, row[name]))
        return Asked(f"{name} {sign} {literal}", lambda row: judged(sign, row[name], value))

    signs, turned = st.sampled_from(sorted(COMPARED)), st.booleans()
    return st.one_of(
        st.builds(one, st.sampled_from(["floors", "height_m"]), signs, NUMBERS, turned),
        st.builds(one, st.just("name"), signs, NAMES, turned),
        st.builds(one, st.just("use"), signs, st.sampled_from(["10", "11", "80"]), turned),
        st.builds(one, st.just("self_built"), st.sampled_from(["=", "<>"]), st.booleans(), turned),
        st.builds(one, st.just("valid_from"), signs, st.integers(1, 9).map(lambda day: f"2026-11-{day:02}"), turned),
    )


def like(pattern: str) -> str:
    """Return the regular expression of a LIKE pattern."""
    out, at = "", 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
            out += re.escape(pattern[at])
        else:
            out += {"%": ".*", "_": "."}.get(sign, re.escape(sign))
        at += 1
    return out


def others() -> st.SearchStrategy[Asked]:
    def between(name: str, low: float, high: float) -> Asked:
        def holds(row: Row) -> Truth:
            value = row[name]
            return None if value is None else low <= value <= high

        return Asked(f"{name} BETWEEN {low} AND {high}", holds)

    def listed(name: str, values: list[Any]) -> Asked:
        def holds(row: Row) -> Truth:
            return None if row[name] is None else row[name] in values

        return Asked(f"{name} IN ({', '.join(map(quoted, values))})", holds)

    def matches(pattern: str) -> Asked:
        def holds(row: Row) -> Truth:
            return None if row["name"] is None else bool(re.fullmatch(like(pattern), row["name"], re.DOTALL))

        return Asked(f"name LIKE {quoted(pattern)}", holds)

    def null(name: str) -> Asked:
        return Asked(f"{name} IS NULL", lambda row: row[name] is None)

    return st.one_of(
        st.builds(between, st.sampled_from(["floors", "height_m"]), NUMBERS, NUMBERS),
        st.builds(listed, st.sampled_from(["floors", "height_m"]), st.lists(NUMBERS, min_size=1, max_size=4)),
        st.builds(listed, st.just("name"), st.lists(NAMES, min_size=1, max_size=4)),
        st.builds(matches, NAMES.filter(lambda text: (len(text) - len(text.rstrip("\\"))) % 2 == 0)),
        st.builds(null, st.sampled_from(["floors", "name", "use", "valid_from"])),
    )


def computations() -> st.SearchStrategy[Asked]:
    def computed(first: str, second: str, operator: str, sign: str, value: float) -> Asked:
        def holds(row: Row) -> Truth:
            left, right = row[first], row[second]
            if left is None or right is None or (operator in {"/", "%", "div"} and right == 0):
                return None
            one, other = Decimal(str(left)), Decimal(str(right))
            # Decimal's // and % cut towards zero, as PostgreSQL's do.
            answer = {
                "+": lambda: one + other, "-": lambda: one - other, "*": lambda: one * other, "/": lambda: one / other,
                "%": lambda: one % other, "div": lambda: one // other,
            }[operator]()  # fmt: skip
            return judged(sign, round(answer, 12), Decimal(str(value)))

        return Asked(f"{first} {operator} {second} {sign} {value}", holds)

    fields = st.sampled_from(["floors", "height_m", "year_built"])
    operators = st.sampled_from(["+", "-", "*", "/", "%", "div"])
    return st.builds(computed, fields, fields, operators, st.sampled_from(sorted(COMPARED)), NUMBERS)


def joined(inner: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    def negated(one: Asked) -> Asked:
        def holds(row: Row) -> Truth:
            found = one.holds(row)
            return None if found is None else not found

        return Asked(f"NOT ({one.text})", holds)

    def several(word: str, parts: list[Asked]) -> Asked:
        decisive = word == "OR"

        def holds(row: Row) -> Truth:
            truths = [part.holds(row) for part in parts]
            return decisive if decisive in truths else None if None in truths else not decisive

        return Asked(f" {word} ".join(f"({part.text})" for part in parts), holds)

    parts = st.lists(inner, min_size=2, max_size=3)
    return st.builds(negated, inner) | st.builds(several, st.sampled_from(["AND", "OR"]), parts)


def check_attributes(database: Database, staff: Scope, table: dict[str, Row], asked: Asked) -> None:
    expected = {code for code, row in table.items() if asked.holds(row) is True}
    assert found_by(database, staff, BUILDING, asked.text) == expected


ATTRIBUTES = given(asked=st.recursive(comparisons() | others() | computations(), joined, max_leaves=8))
test_attributes_are_filtered_as_python_would = settings(FEW, max_examples=150)(ATTRIBUTES(check_attributes))
test_many_attributes = pytest.mark.long(settings(FEW, max_examples=4000)(ATTRIBUTES(check_attributes)))


RELATIONS: dict[str, Callable[[BaseGeometry, BaseGeometry], bool]] = {
    "S_INTERSECTS": shapely.intersects, "S_EQUALS": shapely.equals, "S_DISJOINT": shapely.disjoint,
    "S_TOUCHES": shapely.touches, "S_WITHIN": shapely.within, "S_OVERLAPS": shapely.overlaps,
    "S_CROSSES": shapely.crosses, "S_CONTAINS": shapely.contains,
}  # fmt: skip


def check_relations(
    database: Database, staff: Scope, shapes: dict[str, BaseGeometry], seed: int, kind: str, as_json: bool,
    negated: bool,
) -> None:  # fmt: skip
    literal = shape_of(kind, random.Random(seed))
    for name, holds in RELATIONS.items():
        for turned in (False, True):
            pair = [{"property": "geom"}, json.loads(shapely.to_geojson(literal))]
            texts = ["geom", shapely.to_wkt(literal, rounding_precision=17)]
            if turned:
                pair.reverse()
                texts.reverse()
            written = f"{name}({', '.join(texts)})"
            tree: dict[str, Any] = {"op": name.lower(), "args": pair}
            if negated:
                written, tree = f"NOT {written}", {"op": "not", "args": [tree]}
            expected = {
                code
                for code, shape in shapes.items()
                if bool(holds(literal, shape) if turned else holds(shape, literal)) != negated
            }
            asked, lang = (json.dumps(tree), "cql2-json") if as_json else (written, "cql2-text")
            found = found_by(database, staff, HAZARD, asked, lang)
            for code in found ^ expected:
                # GEOS 3.11, which PostGIS uses here, misses that crossing lines also share a stretch; shapely's newer
                # one is right, by exact fractions. Only there, and only as PostGIS itself says, may they differ.
                sides = (literal, shapes[code]) if turned else (shapes[code], literal)
                assert all(side.geom_type.endswith("LineString") for side in sides), written
                assert said_by_postgis(database, staff, name, *sides) == ((code in found) != negated), written


def said_by_postgis(database: Database, staff: Scope, name: str, one: BaseGeometry, other: BaseGeometry) -> bool:
    """Return what PostGIS says of two shapes when it is asked without any filter of ours."""
    query = text(f"select st_{name[2:].lower()}(st_geomfromwkb(:one), st_geomfromwkb(:other))")
    with database.read(staff) as conn:
        return bool(conn.execute(query, {"one": one.wkb, "other": other.wkb}).scalar_one())


RELATED = given(seed=st.integers(0, 10**9), kind=st.sampled_from(KINDS), as_json=st.booleans(), negated=st.booleans())
test_each_relation_holds_as_shapely_says = settings(FEW, max_examples=16)(RELATED(check_relations))
test_many_relations = pytest.mark.long(settings(FEW, max_examples=600)(RELATED(check_relations)))


def around(lon: float, lat: float, given_shapes: list[BaseGeometry]) -> list[BaseGeometry]:
    """Return shapes in metres around a point: distances from it are exact (azimuthal equidistant)."""
    crs = f"+proj=aeqd +lat_0={lat} +lon_0={lon} +a=6378137 +rf=298.257222101 +units=m"
    to_plane = Transformer.from_crs("EPSG:4490", crs, always_xy=True)

    def moved(points: np.ndarray) -> np.ndarray:
        return np.column_stack(to_plane.transform(points[:, 0], points[:, 1]))

    # Edges are straight in degrees; in metres they are so only bit by bit.
    return list(shapely.transform(shapely.segmentize(np.asarray(given_shapes, dtype=object), 1e-4), moved))


UNITS = {"meters": 1.0, "kilometers": 1000.0, "feet": 0.3048, "statute miles": 1609.344, "nautical miles": 1852.0}


def check_distances(
    database: Database, staff: Scope, shapes: dict[str, BaseGeometry], lon: float, lat: float, metres: float,
    nearly: int | None, unit: str, beyond: bool,
) -> None:  # fmt: skip
    plane = around(lon, lat, list(shapes.values()))
    exact = dict(zip(shapes, map(float, shapely.distance(plane, shapely.Point(0, 0))), strict=True))
    if nearly is not None:
        # Just more or less than the distance of one of them: an approximation gives itself away.
        metres = exact[f"S{abs(nearly)}"] * (1 + math.copysign(5e-6, nearly))
    # A millionth of the distance is what the two computations may differ by.
    assume(metres > 1 and all(abs(one - metres) > 1e-6 * metres for one in exact.values()))
    expected = {code for code, one in exact.items() if (one <= metres) != beyond}
    written = f"{'S_BEYOND' if beyond else 'DWITHIN'}(geom, POINT({lon!r} {lat!r}), {metres / UNITS[unit]!r}, {unit})"
    assert found_by(database, staff, HAZARD, written) == expected


DISTANT = given(
    lon=st.floats(120.98, 121.03), lat=st.floats(30.67, 30.72), metres=st.floats(1, 4000),
    nearly=st.none() | st.integers(-89, 89), unit=st.sampled_from([*UNITS]), beyond=st.booleans(),
)  # fmt: skip
test_distances_are_those_on_the_ellipsoid = settings(FEW, max_examples=60)(DISTANT(check_distances))
test_many_distances = pytest.mark.long(settings(FEW, max_examples=1500)(DISTANT(check_distances)))
