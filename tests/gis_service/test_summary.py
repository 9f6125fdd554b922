"""The morning sheet, reckoned once more row by row; changes, thresholds, and who gets whose sheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import shapely
from sqlalchemy import Engine, delete, insert, select, text, update

from gis_service.database import Database, open_engine
from gis_service.errors import InputError, NotFoundError
from gis_service.features.figures import FIGURES
from gis_service.features.question import SHANGHAI
from gis_service.features.summary import USED_RULES, read_summary, sheet_of, summary_of
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.tables import AREA_RULE, tables_of
from layers.registry import LAYERS
from layers.rules import RULES
from tests.asking import Asking
from tests.gis_service.example_rows import example_record, example_shape

GRID = COMMUNITY + "003"
NOBODY = Scope("test", "staff", ())
WORKER = Scope("test", "worker", (GRID,))
DAY = date(2020, 5, 20)
"""In the middle of the sample's time, so that some hazards are due soon and some units were visited of late."""


def read_sheet(
    ask: Asking, scope: Scope, day: date = DAY, *, grid: str | None = None, community: str | None = None
) -> dict[str, Any]:
    sheet = sheet_of(scope, day, grid=grid, community=community)
    return read_summary(sheet, ask(scope, *summary_of(scope, sheet)))


def rows_of_sample(sample: Database, staff: Scope, name: str) -> list[dict[str, Any]]:
    with sample.read(staff) as conn:
        table = tables_of(LAYERS[name]).current
        columns = [column for column in table.columns if column.name != "geom"]
        return [dict(row._mapping) for row in conn.execute(select(*columns))]


def expected_figures(sample: Database, staff: Scope) -> dict[str, dict[str, int]]:
    """Reckon the sheet once more, row by row in Python: grid to figure to number."""
    rows = {layer: rows_of_sample(sample, staff, layer) for layer in {figure.layer for figure in FIGURES} | {"visit"}}
    for name, listed in rows.items():
        rows[name] = [
            row for row in listed
            if name == "visit" or (
                row["data_status"] != "void"
                and (row["valid_from"] is None or row["valid_from"] <= DAY)
                and (row["valid_to"] is None or row["valid_to"] >= DAY)
            )
        ]  # fmt: skip
    seen: dict[str, date] = {}
    for visit in rows["visit"]:
        if visit["target_kind"] == "rental_unit" and visit["outcome"] == "01" and visit["visited_on"] <= DAY:
            seen[visit["target_code"]] = max(visit["visited_on"], seen.get(visit["target_code"], date.min))
    cycle = {"green": 90, "yellow": 30, "red": 7}

    def unseen(unit: dict[str, Any], days: float) -> bool:
        known = [day for day in (unit["last_visit_on"], seen.get(unit["code"])) if day is not None]
        return not known or (DAY - max(known)).days > days

    found = {}
    for grid in (row["code"] for row in rows_of_sample(sample, staff, "grid")):
        mine = {name: [row for row in listed if row["grid"] == grid] for name, listed in rows.items()}
        let = [unit for unit in mine["rental_unit"] if unit["rent_status"] == "let"]
        cases = [case for case in mine["hazard"] if case["status"] not in {"closed", "rejected", "merged"}]
        fire = [one for one in mine["facility"] if one["kind"] in {"hydrant", "fire_post", "fire_station"}]
        found[grid] = {
            "buildings": len(mine["building"]),
            "rental_units": sum(unit["rent_status"] != "ended" for unit in mine["rental_unit"]),
            "tenants": sum(unit["tenant_count"] or 0 for unit in let),
            "rentals_unvisited": sum(unseen(unit, 90) for unit in let),
            "rentals_unvisited_twice": sum(unseen(unit, 180) for unit in let),
            "rentals_never_visited": sum(unit["last_visit_on"] is None and unit["code"] not in seen for unit in let),
            "rentals_recheck_due": sum(
                unit["grade"] is not None and unseen(unit, cycle[unit["grade"]]) for unit in let
            ),
            "enterprises": sum(firm["status"] == "operating" for firm in mine["enterprise"]),
            "hazards_open": len(cases),
            "hazards_open_general": sum(case["level"] == "01" for case in cases),
            "hazards_open_major": sum(case["level"] == "02" for case in cases),
            "hazards_open_suspected": sum(case["level"] == "suspected" for case in cases),
            "hazards_overdue": sum(case["due_on"] is not None and case["due_on"] < DAY for case in cases),
            "hazards_due_7_days": sum(
                case["due_on"] is not None and DAY <= case["due_on"] <= DAY + timedelta(days=7) for case in cases
            ),
            "waste_points": len(mine["waste_point"]),
            "parking_spaces": sum(one["space_count"] or 0 for one in mine["parking"] if one["kind"] != "bicycle"),
            "fire_facilities": len(fire),
            "fire_facilities_not_intact": sum(one["status"] != "intact" for one in fire),
        }
    return found


def test_the_sheet_is_what_python_reckons(ask_sample: Asking, sample: Database, staff: Scope) -> None:
    sheet = read_sheet(ask_sample, staff, community=COMMUNITY)
    expected = expected_figures(sample, staff)
    shown = {grid["grid"]: grid["figures"] for grid in sheet["grids"]}
    assert list(shown) == [*sorted(expected), None]
    for grid, figures in expected.items():
        assert {name: shown[grid][name] for name in figures} == figures
    for name in sheet["total"]:
        assert sheet["total"][name] == sum(figures[name] for figures in shown.values())
    # What a sample can't show is no proof.
    zero = {name for name in expected[GRID] if not any(figures[name] for figures in expected.values())}
    assert zero <= {"hazards_open_suspected"}


def test_every_figure_is_defined(ask_sample: Asking, staff: Scope) -> None:
    sheet = read_sheet(ask_sample, staff, community=COMMUNITY)
    named = [one["name"] for one in sheet["definitions"]]
    assert named == list(sheet["total"])
    for one in sheet["definitions"]:
        assert one["title"]
        assert one["unit"]
        assert "{" not in one["definition"]
    assert {rule["code"] for rule in sheet["rules"]} == set(USED_RULES)
    unvisited = next(one for one in sheet["definitions"] if one["name"] == "rentals_unvisited")
    assert f"{RULES['rental.recheck_green'].value:g} 日" in unvisited["definition"]


def test_one_grid_and_one_worker(ask_sample: Asking, staff: Scope) -> None:
    whole = {grid["grid"]: grid["figures"] for grid in read_sheet(ask_sample, staff, community=COMMUNITY)["grids"]}
    where: dict[str, str]
    for scope, where in (
        (staff, {"grid": GRID}),
        (WORKER, {}),
        (WORKER, {"grid": GRID}),
        (WORKER, {"community": COMMUNITY}),
    ):
        sheet = read_sheet(ask_sample, scope, DAY, **where)
        assert [grid["grid"] for grid in sheet["grids"]] == [GRID]
        assert sheet["grids"][0]["figures"] == whole[GRID] == sheet["total"]
    for scope, where in (
        (WORKER, {"grid": COMMUNITY + "001"}),
        (NOBODY, {"grid": GRID}),
        (staff, {"grid": COMMUNITY + "999"}),
    ):
        with pytest.raises(NotFoundError):
            read_sheet(ask_sample, scope, DAY, **where)
    for scope, where in ((staff, {}), (NOBODY, {}), (staff, {"grid": GRID, "community": "330482002099"})):
        with pytest.raises(InputError):
            sheet_of(scope, DAY, **where)


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, database_name: str) -> Iterator[Engine]:
    """The superuser's engine on the module's own database."""
    engine = open_engine(cluster.url("postgres", database_name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def office(staff: Scope) -> Scope:
    """Someone who sees the test community alone."""
    return Scope("test", "staff", (staff.areas[1],))


def test_changes_and_own_thresholds(
    ask: Asking, database: Database, superuser: Engine, office: Scope, area: str
) -> None:
    layer, grid = LAYERS["rental_unit"], LAYERS["grid"]
    today = datetime.now(SHANGHAI).date()
    shape = shapely.box(120.9900, 30.6900, 120.9950, 30.6950)
    names = ("KEPT", "CHANGED", "GONE", "NEW", "PASSING")
    units = {
        name: example_record(layer, code=name, grade="green", last_visit_on=today - timedelta(days=50))
        for name in names
    }

    def put(*chosen: str) -> None:
        with database.write(office) as conn:
            place = example_shape(layer, 120.991, 30.691)
            put_features(conn, layer, area, [(units[name], place) for name in chosen])

    with database.write(office) as conn:
        put_features(conn, grid, area, [(example_record(grid, code=area + "001", name="一"), shape)])
    put("KEPT", "CHANGED", "GONE")
    with superuser.begin() as conn:
        conn.execute(text("set session_replication_role = replica"))
        for table in ("rental_unit_history", "grid_history"):
            conn.execute(text(f"update gis.{table} set recorded_at = recorded_at - interval '9 days'"))
    before = read_sheet(ask, office, today, grid=area + "001")["total"]
    put("NEW", "PASSING")
    row = tables_of(layer).current
    with database.write(office) as conn:
        conn.execute(update(row).where(row.c.code == "CHANGED").values(remark="改"))
        conn.execute(delete(row).where(row.c.code.in_(["GONE", "PASSING"])))
        conn.execute(insert(AREA_RULE).values(community=area, rule="rental.recheck_green", value=20, basis="社区约定"))
    sheet = read_sheet(ask, office, today, grid=area + "001")
    assert [before[f"{name}_7_days"] for name in ("added", "changed", "removed")] == [0, 0, 0]
    assert [sheet["total"][f"{name}_7_days"] for name in ("added", "changed", "removed")] == [1, 1, 2]
    assert before["rentals_unvisited"] == 0
    assert [
        sheet["total"][name] for name in ("rentals_unvisited", "rentals_unvisited_twice", "rentals_recheck_due")
    ] == [3, 3, 3]
    rule = next(rule for rule in sheet["rules"] if rule["code"] == "rental.recheck_green")
    assert (rule["value"], rule["basis"], rule["status"]) == (20, "社区约定", "local")
    nine_days_ago = datetime.combine(today - timedelta(days=9), time(), SHANGHAI)
    assert read_sheet(ask, office, nine_days_ago.date(), grid=area + "001")["total"]["rentals_unvisited_twice"] == 3
