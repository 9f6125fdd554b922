"""Marks of crowding against a second reckoning, on random units and on the sample."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gis_service.analysis.crowding import MARKS, crowding, large_scale, reasons_of
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.registry import LAYERS
from layers.rules import RULES

DAY = date(2020, 6, 30)
MAYBE = st.sampled_from([True, False, None])
UNIT = st.fixed_dictionaries(
    {
        "tenant_count": st.none() | st.integers(0, 14),
        "usable_area_m2": st.none() | st.integers(1, 90).map(float),
        "largest_room_persons": st.none() | st.integers(0, 5),
        "kin_household": MAYBE,
        "non_habitable_let": MAYBE,
        "partitioned": MAYBE,
        "room_count": st.none() | st.integers(0, 12),
        "building_code": st.sampled_from([None, "a", "b", "c"]),
    }
)


def marks_of(unit: dict[str, Any]) -> set[str]:
    """Judge one unit once more, in exact numbers."""
    found = set()
    people = unit["tenant_count"]
    if people and unit["usable_area_m2"] is not None and Fraction(unit["usable_area_m2"]) < 6 * people:
        found.add("G1")
    if (unit["largest_room_persons"] or 0) > 2 and not unit["kin_household"]:
        found.add("G2")
    return found | {mark for mark, field in (("G3", "non_habitable_let"), ("G4", "partitioned")) if unit[field]}


@settings(max_examples=200, deadline=None)
@given(st.lists(UNIT, max_size=12))
def test_marks_equal_a_second_judgement(units: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(units, columns=list(units[0]) if units else ["building_code"], dtype=object)
    assert [set(marks) for marks in reasons_of(frame, RULES)] == [marks_of(unit) for unit in units]
    people: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    for unit in units:
        people[unit["building_code"]] += unit["tenant_count"] or 0
        rooms[unit["building_code"]] += unit["room_count"] or 0
    expected = {code for code in people if code and (people[code] >= 10 or rooms[code] >= 10)}
    assert set(large_scale(frame, RULES)) == expected


def test_the_sample_is_judged_as_row_by_row(sample: Database, staff: Scope) -> None:
    table = tables_of(LAYERS["rental_unit"]).current
    with sample.read(staff) as conn:
        answer = crowding(conn, staff, read_area(conn, COMMUNITY), on=DAY)
        rows = [dict(row._mapping) for row in conn.execute(select(*(c for c in table.columns if c.name != "geom")))]
    let = {row["code"]: row for row in rows if row["rent_status"] == "let" and row["data_status"] != "void"}
    expected = {code: marks for code, row in let.items() if (marks := marks_of(row))}
    told = {
        one["id"]: set(one["properties"]["reasons"]) for one in json.loads(answer.theme("units").features)["features"]
    }
    assert told == expected
    assert len(expected) > 20, "the sample shows too little of it"
    facts = {fact.title: fact.value for fact in answer.facts}
    assert facts["群租疑似"] == len(expected)
    for mark in MARKS:
        title = next(title for title in facts if title.startswith(mark))
        assert facts[title] == sum(mark in marks for marks in expected.values())
    persons: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    for row in let.values():
        persons[row["building_code"]] += row["tenant_count"] or 0
        rooms[row["building_code"]] += row["room_count"] or 0
    scale = {code for code in persons if persons[code] >= 10 or rooms[code] >= 10}
    houses = {let[code]["building_code"] for code in expected}
    assert {
        one["id"]: one["properties"]["class"] for one in json.loads(answer.theme("buildings").features)["features"]
    } == {
        code: "both" if code in scale & houses else "scale" if code in scale else "suspected" for code in scale | houses
    }
    by_grid: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for code, row in let.items():
        by_grid[row["grid"]][0] += 1
        by_grid[row["grid"]][1] += code in expected
    for one in json.loads(answer.theme("grids").features)["features"]:
        properties = one["properties"]
        assert [properties["let"], properties["suspected"]] == by_grid[one["id"]]


def test_another_threshold_and_an_empty_community(database: Database, staff: Scope, area: str) -> None:
    unit = {"tenant_count": 3, "usable_area_m2": 15.0, "largest_room_persons": None, "kin_household": None}
    frame = pd.DataFrame([{**unit, "non_habitable_let": None, "partitioned": None}], dtype=object)
    assert reasons_of(frame, RULES) == [["G1"]]
    looser = {**RULES, "rental.min_area_per_person": RULES["rental.min_area_per_person_hangzhou"]}
    assert reasons_of(frame, looser) == [[]]
    with database.read(staff) as conn:
        answer = crowding(conn, staff, read_area(conn, area), on=DAY)
    assert answer.finding.startswith("还没有")
    assert {rule.code for rule in answer.rules} >= {"rental.min_area_per_person", "rental.max_persons_per_room"}


@pytest.mark.parametrize("field", ["tenant_count", "usable_area_m2", "largest_room_persons"])
def test_what_is_not_known_raises_no_suspicion(field: str) -> None:
    known = {"tenant_count": 2, "usable_area_m2": 40.0, "largest_room_persons": 1}
    frame = pd.DataFrame(
        [{**known, field: None, "kin_household": None, "non_habitable_let": None, "partitioned": None}], dtype=object
    )
    assert reasons_of(frame, RULES) == [[]]
