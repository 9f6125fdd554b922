"""A community of two grids with random rows of all that may stand on a day's list."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.features.question import SHANGHAI
from gis_service.features.write import put_features
from layers.record import Record
from layers.registry import LAYERS
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import example_record

DAY = date(2020, 6, 30)
"""In the middle of the sample's time."""


def put(conn: Connection, layer: str, at: Any, **values: Any) -> None:
    put_features(conn, LAYERS[layer], TEST_COMMUNITY, [row(layer, at, **values)])


def row(layer: str, at: Any, **values: Any) -> tuple[Record, BaseGeometry]:
    shape = at if isinstance(at, BaseGeometry) else shapely.Point(at)
    return example_record(LAYERS[layer], **values), shape


def fill(conn: Connection, draw: random.Random) -> None:
    """Write two grids and, in either, hazards, lettings, firms and visits of all kinds."""
    west, south, east, north = TEST_BOUNDARY.bounds
    middle = (west + east) / 2
    for number, (left, right) in enumerate(((west, middle), (middle, east)), start=1):
        code = f"{TEST_COMMUNITY}{number:03}"
        put(conn, "grid", shapely.box(left, south, right, north), code=code, level="governance")
    rows: dict[str, list[tuple[Record, BaseGeometry]]] = {
        "rental_unit": [], "enterprise": [], "hazard": [], "visit": [],
    }  # fmt: skip

    def add(layer: str, side: int, **values: Any) -> None:
        at = (west if side else middle) + draw.uniform(0.001, 0.009), south + draw.uniform(0.001, 0.019)
        rows[layer].append(row(layer, at, **values))

    def day(most: int, least: int = -8) -> date | None:
        return None if draw.random() < 0.2 else DAY - timedelta(days=draw.randint(least, most))

    for number in range(60):
        side = number % 2
        houses = [None, *(f"B{side}{one}" for one in range(8))]
        add("rental_unit", side, code=f"R{number}", building_code=draw.choice(houses),
            rent_status=draw.choice(("let", "let", "let", "vacant")), tenant_count=draw.choice((None, 0, 2, 4)),
            registered_count=draw.choice((None, 0, 2)), tenant_count_as_of=day(12),
            registration_status=draw.choice((None, "registered", "unregistered", "change_due")),
            last_visit_on=day(200), data_status=draw.choice(("normal",) * 9 + ("void",)))  # fmt: skip
        add("enterprise", side, code=f"E{number}", building_code=draw.choice(houses),
            status=draw.choice(("operating", "operating", "suspended")))  # fmt: skip
        status = draw.choice(("found", "rectifying", "transferred", "closed", "rejected"))
        letting, firm = (f"{letter}{draw.randrange(side, 60, 2)}" for letter in "RE")
        about = draw.choice((
            {"rental_code": letting}, {"building_code": draw.choice(houses)}, {"enterprise_code": firm}, {},
            {"enterprise_code": firm, "building_code": draw.choice(houses)},
        ))  # fmt: skip
        add("hazard", side, code=f"H{number}", event_code="X-FS01", status=status, found_on=day(60),
            level=draw.choice(("01", "01", "02", "suspected")), due_on=day(30, -15),
            closed_on=day(20) if status == "closed" else None, **about)  # fmt: skip
    told_of: set[tuple[str, date]] = set()
    for number in range(260):
        target, side = draw.randrange(60), number % 2
        target = target - target % 2 + side
        kind, letter = draw.choice((("rental_unit", "R"), ("enterprise", "E"), ("hazard", "H")))
        when = DAY - timedelta(days=draw.choice((0, 0, draw.randint(1, 8), draw.randint(1, 200), -2)))
        if (f"{letter}{target}", when) in told_of:
            continue
        told_of.add((f"{letter}{target}", when))
        add("visit", side, code=f"V{number}", target_kind=kind, target_code=f"{letter}{target}",
            visited_on=when, outcome=draw.choice(("01", "01", "02", "03", "04", "05")),
            check_result=draw.choice((None, "consistent", "count_differs", "new_unregistered")))  # fmt: skip
    for layer, listed_rows in rows.items():
        put_features(conn, LAYERS[layer], TEST_COMMUNITY, listed_rows)
    _take_steps(conn, draw)


def _take_steps(conn: Connection, draw: random.Random) -> None:
    """Take notes of most of the open cases or assign them, some twice, with limits before, on and after the day."""
    query = "select id, status from gis.hazard where status in ('found', 'rectifying') and level = '01' order by code"
    for case, status in conn.execute(text(query)).all():
        turns = draw.choice((0, 1, 1, 2))
        for turn in range(turns):
            at = datetime(DAY.year, DAY.month, DAY.day, tzinfo=SHANGHAI) + timedelta(hours=draw.randint(-40, 30))
            last = turn == turns - 1 and status == "rectifying"
            step = draw.choice(("note", "assign", *(["ask_recheck"] * 3 if last else ())))
            whole = draw.choice((24, 17.5))
            ends = at.replace(hour=0) + timedelta(days=draw.randint(-6, 9), hours=whole)
            conn.execute(
                text("insert into gis.case_step (community, case_id, step, note, handler, at, due_at)"
                     " values (:community, :case, :step, 'x', :handler, :at, :due_at)"),
                {"community": TEST_COMMUNITY, "case": case, "at": at, "step": step,
                 "handler": "网格长" if step == "assign" else None,
                 "due_at": None if draw.random() < 0.2 else ends},
            )  # fmt: skip
