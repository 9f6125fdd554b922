"""The walk of a day: what is on the list and why, against the rule written anew; time, order, scope and what ends."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.analysis.routes import Routes
from gis_service.analysis.walking import read_walk
from gis_service.areas import create_area, read_area
from gis_service.database import Database, connect
from gis_service.errors import InputError, NotFoundError
from gis_service.field.coverage import coverage
from gis_service.field.document import told
from gis_service.field.reasons import Thing
from gis_service.field.today import Today, today
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.field.listed import VALUE, Listed, listed
from tests.gis_service.field.made_day import DAY, fill, put
from tests.gis_service.field.test_order import held_karp, solved

STAFF = Scope("test", "staff", (COMMUNITY,))
HOURS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 8.0)
"""Short and long days, of which some have 10 to 15 stops in each grid."""


def worker(grid: str) -> Scope:
    return Scope("worker", "grid_worker", (grid,))


def walked(database: Database, scope: Scope, day: date = DAY, hours: float = 3.0, **more: Any) -> Today:
    with database.read(scope) as conn:
        return today(conn, scope, read_area(conn, scope.areas[0][:12]), on=day, hours=hours, **more)


def grids_of(conn: Connection, community: str) -> list[str]:
    query = text("select code from gis.grid where level = 'governance' and community = :c order by 1")
    return list(conn.execute(query, {"c": community}).scalars())


def places_of(found: Today) -> set[frozenset[tuple[str, str]]]:
    """Return the things of each place, planned and left together."""
    joined: dict[Any, set[tuple[str, str]]] = {}
    left_at = {thing.key: leg for leg in found.legs for thing in leg.left}
    for leg in found.legs:
        joined[id(leg)] = {(one.layer, one.code) for one in (*leg.stop.things, *leg.left)}
    for stop in found.left:
        if stop.first.key not in left_at:
            joined[stop.first.key] = {(one.layer, one.code) for one in stop.things}
    return set(map(frozenset, joined.values()))


def things_in(found: Today) -> dict[tuple[str, str], Thing]:
    everything = [thing for stop in (*found.stops, *found.left) for thing in stop.things] + list(found.tomorrow)
    assert len({thing.key for thing in everything}) == len(everything)
    return {(thing.layer, thing.code): thing for thing in everything}


def compare(found: Today, wanted: Listed, day: date) -> None:
    things = things_in(found)
    assert {
        name: {one.code: one.points for one in thing.reasons} for name, thing in things.items()
    } == {name: pytest.approx(points) for name, points in wanted.reasons.items()}  # fmt: skip
    assert {(one.layer, one.code) for one in found.tomorrow} == wanted.vain
    assert places_of(found) == wanted.places
    labels = {"02": "无人", "03": "拒访", "04": "负责人不在或推诿", "05": "需联合执法"}
    for name, thing in things.items():
        when, outcome = wanted.last_vain.get(name, (None, ""))
        said = "今天" if when == day else f"{when} "
        assert thing.remark == (f"{said}去过:{labels[outcome]}" if when else "")
        assert thing.must == bool({"major", "late"} & set(wanted.reasons[name]))
        assert thing.minutes == VALUE["today.minutes_hazard" if name[0] == "hazard" else "today.minutes_visit"]


def check_time(found: Today) -> None:
    speed = VALUE["today.walk_speed"] * 1000 / 60
    walking = sum(leg.metres for leg in found.legs) / speed
    site = sum(thing.minutes for stop in found.stops for thing in stop.things)
    assert walking + site <= found.hours * 60 + 1e-9
    assert (walking, site) == pytest.approx((found.walk_minutes, found.site_minutes))
    if found.legs:
        length = shapely.length(shapely.LineString(_metric(found.line)))
        assert length == pytest.approx(found.metres, rel=2e-3, abs=2)


def _metric(line: list[list[float]]) -> np.ndarray:
    """Return degrees as metres, near enough, on a sphere's plane about the line's middle."""
    at = np.array(line)
    ratio = np.array([111_320 * np.cos(np.radians(at[:, 1].mean())), 110_900])
    return np.asarray(at * ratio)


@pytest.mark.parametrize("day", [date(2019, 9, 10), DAY], ids=str)
def test_the_list_of_the_sample_is_that_of_the_rule(sample: Database, day: date) -> None:
    found = walked(sample, STAFF, day)
    with sample.read(STAFF) as conn:
        compare(found, listed(conn, COMMUNITY, day), day)
    check_time(found)
    assert found == walked(sample, STAFF, day)


def test_a_worker_has_their_grid_and_nothing_else(sample: Database) -> None:
    with sample.read(STAFF) as conn:
        grids = grids_of(conn, COMMUNITY)
        wanted = {grid: listed(conn, COMMUNITY, DAY, grid) for grid in grids}
    for grid in grids[:3]:
        found = walked(sample, worker(grid))
        compare(found, wanted[grid], DAY)
        assert {thing.grid for thing in things_in(found).values()} == {grid}
        check_time(found)


@pytest.mark.long
def test_the_order_is_nearly_the_shortest(sample: Database) -> None:
    compared = Counter[int]()
    for grid, hours in itertools.product((f"{COMMUNITY}001", f"{COMMUNITY}003", f"{COMMUNITY}004"), HOURS):
        found = walked(sample, worker(grid), hours=hours)
        check_time(found)
        with sample.read(STAFF) as conn:
            walk = read_walk(conn, STAFF, read_area(conn, COMMUNITY))
        routes = Routes(walk, shapely.points([found.start.at, *(stop.at for stop in found.stops)]))
        between = np.array([routes.metres(place) for place in range(len(found.legs) + 1)])
        assert [leg.metres for leg in found.legs] == pytest.approx(
            [between[one, other] for one, other in itertools.pairwise(range(len(between)))], abs=1e-6
        )
        if len(found.legs) <= 15:
            # Some places are connected to others on the way only.
            best = (held_karp if len(found.legs) <= 8 else solved)(np.where(np.isfinite(between), between, 1e5))
            assert found.metres <= 1.1 * best
            compared[len(found.legs)] += 1
    print(dict(compared))  # noqa: T201
    assert sum(number for stops, number in compared.items() if 10 <= stops <= 15) >= 3, compared


def test_what_must_be_done_comes_first(sample: Database) -> None:
    short, long = walked(sample, STAFF, hours=0.5), walked(sample, STAFF, hours=12)
    assert short.must_left > 0
    assert all(thing.must for stop in short.stops for thing in stop.things)
    assert f"必去的共 {short.must + short.must_left} 件,排不下 {short.must_left} 件" in short.finding
    assert long.must > short.must
    quiet = walked(sample, worker(f"{COMMUNITY}005"), date(2019, 3, 1), hours=12)
    assert quiet.must_left == 0
    assert "排不下" not in quiet.finding
    assert quiet.legs


def test_what_is_beyond_reach_is_said(sample: Database) -> None:
    for hours, words in ((0.4, "0.5 到 12"), (12.5, "0.5 到 12"), (float("nan"), "0.5 到 12")):
        with pytest.raises(InputError, match=words):
            walked(sample, STAFF, hours=hours)
    for start in ((121.5, 30.7), (0.0, 0.0)):
        with pytest.raises(InputError, match="20 公里以上"):
            walked(sample, STAFF, start=start)
    with pytest.raises(InputError, match="不是经纬度"):
        walked(sample, STAFF, start=(30.7, 121.0))


@pytest.mark.long
def test_the_start_is_the_service_centre_of_the_grid_or_a_point_in_it(sample: Database) -> None:
    whole = walked(sample, STAFF)
    with sample.read(STAFF) as conn:
        rows = conn.execute(text("select grid, name, st_x(geom), st_y(geom) from gis.facility where kind = :kind"),
                            {"kind": "party_centre"}).all()  # fmt: skip
        shapes = dict(tuple(row) for row in conn.execute(text("select code, st_asbinary(geom) from gis.grid")))
    assert (whole.start.title, *whole.start_place) in {(name, round(x, 7), round(y, 7)) for _, name, x, y in rows}
    ((_, x, y),) = {row[1:] for row in rows if row[1] == whole.start.title}
    assert whole.start_place == pytest.approx([x, y], abs=1e-6)
    centres = {row[0] for row in rows}
    for grid, shape in list(shapes.items())[:4]:
        found = walked(sample, worker(grid), hours=0.5)
        assert (found.start.title == "网格内一点") == (grid not in centres)
        assert shapely.from_wkb(bytes(shape)).intersects(shapely.Point(found.start_place).buffer(1e-6))
    here = walked(sample, STAFF, start=(120.995, 30.702))
    assert here.start_place == pytest.approx([120.995, 30.702], abs=1e-6)
    assert here.line[0] == here.start_place


@pytest.fixture(scope="module")
def made(cluster: LocalCluster, make_database: Callable[..., str]) -> Iterator[Database]:
    """A community of two grids without streets, with random rows."""
    found = connect(cluster.url("gis_app", make_database()))
    with found.write(Scope("t", "operator", (TEST_COMMUNITY,))) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        fill(conn, random.Random(5))
    yield found
    found.close()


def test_the_list_of_random_rows_is_that_of_the_rule(made: Database) -> None:
    staff = Scope("t", "staff", (TEST_COMMUNITY,))
    with made.read(staff) as conn:
        grids = grids_of(conn, TEST_COMMUNITY)
        cases = [(scope, listed(conn, TEST_COMMUNITY, DAY, grid)) for scope, grid in
                 ((staff, None), *((worker(grid), grid) for grid in grids))]  # fmt: skip
    assert {code for reasons in cases[0][1].reasons.values() for code in reasons} == {
        "major", "late", "soon", "overdue", "never", "stale",
    }  # fmt: skip
    for scope, wanted in cases:
        assert wanted.done
        assert wanted.vain
        for hours in (1.0, 5.0):
            found = walked(made, scope, hours=hours)
            compare(found, wanted, DAY)
            check_time(found)
            assert "直线" in found.way
            assert found.done >= len(wanted.done)


def test_without_any_ground_the_start_must_be_named(made: Database) -> None:
    staff = Scope("t", "staff", (TEST_COMMUNITY,))
    with made.write(staff) as conn:
        for layer in ("grid", "community"):
            conn.execute(text(f"update gis.{layer} set data_status = 'void'"))
    try:
        with pytest.raises(NotFoundError, match="请写明起点"):
            walked(made, staff)
        assert walked(made, staff, start=(121.0, 30.7)).legs
    finally:
        with made.write(staff) as conn:
            for layer in ("grid", "community"):
                conn.execute(text(f"update gis.{layer} set data_status = 'normal'"))


def test_sentences_say_days(made: Database) -> None:
    said = {one.code: one.sentence for thing in things_in(walked(made, Scope("t", "staff", (TEST_COMMUNITY,)))).values()
            for one in thing.reasons}  # fmt: skip
    patterns = {
        "major": r"重大隐患|疑似重大隐患,待主管部门认定", "late": r"隐患超期 \d+ 天\(期限 2020-\d\d-\d\d\)",
        "soon": r"隐患 \d 天后到期\(期限 2020-\d\d-\d\d\)|隐患今天到期\(2020-06-30\)", "never": "从未走访",
        "overdue": r"租客登记疑似逾期\(2020-\d\d-\d\d 起\)",
        "stale": r"\d+ 天没有走访\(上次 \d{4}-\d\d-\d\d,周期 90 天\)",
    }  # fmt: skip
    assert set(said) == set(patterns)
    for code, sentence in said.items():
        assert re.fullmatch(patterns[code], sentence), sentence


def test_what_is_done_disappears_and_what_was_tried_waits(made: Database) -> None:
    staff = Scope("t", "staff", (TEST_COMMUNITY,))
    for layer, outcome in (("hazard", "01"), ("rental_unit", "01"), ("enterprise", "01"), ("rental_unit", "02")):
        before = walked(made, staff)
        thing = next(one for stop in (*before.stops, *before.left) for one in stop.things if one.layer == layer)
        name = (thing.layer, thing.code)
        with made.write(staff) as conn:
            lon = 120.995 if thing.grid == f"{TEST_COMMUNITY}001" else 121.005
            put(conn, "visit", (lon, 30.7), target_kind=layer, target_code=thing.code, visited_on=DAY, outcome=outcome)
        after, next_day = walked(made, staff), walked(made, staff, DAY + timedelta(days=1))
        waits = {(one.layer, one.code): one.remark for one in after.tomorrow}
        on_the_way = {(one.layer, one.code) for stop in (*after.stops, *after.left) for one in stop.things}
        assert name not in on_the_way
        if outcome == "01":
            assert name not in waits
            assert after.done == before.done + 1
        else:
            assert waits[name] == "今天去过:无人"
            assert things_in(next_day)[name].remark == "2020-06-30 去过:无人"
            assert name not in {(one.layer, one.code) for one in next_day.tomorrow}
    case = next(one for stop in walked(made, staff).stops for one in stop.things if one.layer == "hazard")
    with made.write(Scope("t", "operator", (TEST_COMMUNITY,))) as conn:
        # Its state changes by steps; here the same case comes in closed, as from a ledger.
        at = conn.execute(
            text("delete from gis.hazard where code = :code returning st_x(geom), st_y(geom)"), {"code": case.code}
        ).one()
        put(conn, "hazard", tuple(at), code=case.code, status="closed", closed_on=DAY)
    assert ("hazard", case.code) not in things_in(walked(made, staff))


def test_the_office_sees_how_far_each_grid_is_round(made: Database, sample: Database) -> None:
    for database, community in ((made, TEST_COMMUNITY), (sample, COMMUNITY)):
        staff = Scope("t", "operator", (community,))
        with database.read(staff) as conn:
            told_of = coverage(conn, staff, read_area(conn, community), on=DAY)
            grids = grids_of(conn, community)
            for code, figures in zip((*grids, None), told_of["grids"], strict=True):
                assert figures["grid"] == code
                if code is not None:
                    compare_grid(conn, community, code, figures)
        assert told_of["total"]["rentals"] == sum(one["rentals"] for one in told_of["grids"])
        assert {one["name"] for one in told_of["definitions"]} == set(told_of["total"])
        with database.read(worker(grids[0])) as conn:
            own = coverage(conn, worker(grids[0]), read_area(conn, community), on=DAY)
        assert own["grids"] == told_of["grids"][:1]


def test_before_there_was_anything_nobody_was_anywhere(sample: Database) -> None:
    with sample.read(STAFF) as conn:
        told_of = coverage(conn, STAFF, read_area(conn, COMMUNITY), on=date(2000, 1, 1))
    assert (told_of["total"]["visits_today"], told_of["total"]["done_today"], told_of["workers"]) == (0, 0, [])


def compare_grid(conn: Connection, community: str, grid: str, figures: dict[str, Any]) -> None:
    wanted = listed(conn, community, DAY, grid)
    seen = """
    with seen as (select x.code, greatest({own}, (select max(visited_on) from gis.visit v
      where v.target_kind = '{layer}' and v.target_code = x.code and v.outcome = '01' and v.visited_on <= :day
      and v.grid = x.grid)) as day
      from gis.{layer} x where grid = :grid and {status} and data_status <> 'void')
    select count(*), count(*) filter (where :day - day <= 90), count(*) filter (where day is null) from seen"""
    for name, layer, status, own in (
        ("rentals", "rental_unit", "rent_status = 'let'", "case when last_visit_on <= :day then last_visit_on end"),
        ("enterprises", "enterprise", "status = 'operating'", "null"),
    ):
        number, lately, never = conn.execute(
            text(seen.format(own=own, layer=layer, status=status)), {"day": DAY, "grid": grid}
        ).one()
        assert (figures[name], figures[f"{name}_seen"], figures[f"{name}_never"]) == (number, lately, never)
        assert figures[f"{name}_share"] == (round(100 * lately / number, 1) if number else None)
    visits = "select count(*) from gis.visit where visited_on = :day and grid = :grid"
    assert figures["visits_today"] == conn.execute(text(visits), {"day": DAY, "grid": grid}).scalar_one()
    assert figures["left_today"] == len(wanted.reasons)
    assert figures["must_left_today"] == sum(bool({"major", "late"} & set(one)) for one in wanted.reasons.values())
    targets = (
        "select distinct target_kind, target_code from gis.visit where visited_on = :day and grid = :grid"
        " and target_kind in ('rental_unit', 'enterprise', 'hazard') and outcome {} '01'"
    )
    visited, vain = (
        {tuple(row) for row in conn.execute(text(targets.format(sign)), {"day": DAY, "grid": grid})}
        for sign in ("=", "<>")
    )
    done = visited | {name for name in wanted.done if name[0] == "hazard"}
    assert (figures["done_today"], figures["vain_today"]) == (len(done), len(vain - done))


def test_the_document_tells_all_of_it(sample: Database) -> None:
    found = walked(sample, worker(f"{COMMUNITY}003"), hours=4)
    said = told(found)
    assert [one["number"] for one in said["stops"]] == list(range(1, len(found.legs) + 1))
    assert said["total"]["minutes"] <= 240
    assert said["total"]["metres"] == pytest.approx(sum(one["metres"] for one in said["stops"]), abs=1)
    for one, leg in zip(said["stops"], found.legs, strict=True):
        assert (one["layer"], one["code"]) == (leg.stop.first.layer, leg.stop.first.code)
        assert one["score"] == pytest.approx(sum(reason["points"] for reason in one["reasons"]), abs=0.2)
        assert one["reasons"] == [reason for thing in one["things"] for reason in thing["reasons"]]
        near = np.abs(np.array(said["line"]["coordinates"]) - [one["lon"], one["lat"]]).max(axis=1)
        assert near.min() < 2e-7
    assert said["left"]["count"] == len(found.left)
    assert len(said["left"]["next"]) == 10
    assert {rule["code"] for rule in said["rules"]} >= {"today.weight_major", "enterprise.visit_days"}
    assert all(rule["basis"] for rule in said["rules"])
    assert "权数×(1+紧迫度)" in said["method"]
    assert told(replace(found, legs=(), line=[], left=()))["finding"] == "今天没有要走访的。"
