"""Illegal structures and drainage against a second reckoning from the coordinates and from the database."""

from __future__ import annotations

from datetime import date

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.drainage import drainage
from gis_service.analysis.illegal_structures import illegal_structures, measured
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.rules import RULES
from tests.gis_service.analysis.made_frames import made_frame

DAY = date(2020, 6, 30)


def facts(answer: Answer) -> dict[str, float | None]:
    return {fact.title: fact.value for fact in answer.facts}


@settings(max_examples=100, deadline=None)
@given(
    st.floats(1, 60), st.floats(1, 60), st.none() | st.floats(1, 4000),
    st.sampled_from(["suspected", "ordered", "demolished", "reused", "regularised", "legal"]),
    st.none() | st.dates(date(2020, 6, 1), date(2020, 7, 31)),
)  # fmt: skip
def test_areas_and_states(
    wide_m: float, deep_m: float, reported: float | None, status: str, demolished: date | None
) -> None:
    row = {"status": status, "area_reported_m2": reported, "demolished_on": demolished}
    rule = RULES["illegal_structure.area_mismatch"]
    told = measured(made_frame([row], None, [shapely.box(10, 10, 10 + wide_m, 10 + deep_m)]), rule, DAY).iloc[0]
    assert told["area_m2"] == pytest.approx(wide_m * deep_m, abs=0.051)
    if reported is None:
        assert told["gap"] is None
        assert not told["mismatch"]
    else:
        gap = wide_m * deep_m / reported * 100 - 100
        assert told["gap"] == pytest.approx(gap, abs=0.051)
        if abs(abs(gap) - rule.value) > 1e-6:
            assert told["mismatch"] == (abs(gap) > rule.value)
    gone = status in {"demolished", "reused"} and (demolished is None or demolished <= DAY)
    assert told["state"] == ("down" if gone else "settled" if status in {"regularised", "legal"} else "standing")


@pytest.mark.parametrize(("reported", "differs"), [(95.1, True), (95.3, False), (105.2, False), (105.4, True)])
def test_the_gap_is_taken_of_the_reported_area(reported: float, differs: bool) -> None:
    row = {"status": "suspected", "area_reported_m2": reported, "demolished_on": None}
    frame = made_frame([row], None, [shapely.box(0, 0, 10, 10)])
    assert measured(frame, RULES["illegal_structure.area_mismatch"], DAY)["mismatch"].tolist() == [differs]


def test_structures_of_the_sample_equal_the_database(sample: Database, staff: Scope) -> None:
    with sample.read(staff) as conn:
        told = facts(illegal_structures(conn, staff, read_area(conn, COMMUNITY), on=DAY))
        area_m2 = "ST_Area(ST_Transform(geom, 4549))"
        gone = "not coalesce(demolished_on > '2020-06-30', false)"
        down = f"status in ('self_demolished', 'demolished', 'reused') and {gone}"
        number, measured_m2, reported_m2, differs = conn.execute(
            text(
                f"select count(*), sum({area_m2}), sum(area_reported_m2),"
                f" count(*) filter (where abs({area_m2} - area_reported_m2) > 0.05 * area_reported_m2)"
                f" from gis.illegal_structure where data_status <> 'void' and {down}"
            )
        ).one()
    assert told["已拆"] == number > 20
    assert told["已拆面积(图上)"] == pytest.approx(measured_m2, abs=0.06 * number)
    assert told["已拆面积(上报)"] == pytest.approx(float(reported_m2), abs=0.06)
    assert told["面积不符(已拆)"] == differs


def test_drainage_of_the_sample_equals_the_database(sample: Database, staff: Scope) -> None:
    with sample.read(staff) as conn:
        told = facts(drainage(conn, staff, read_area(conn, COMMUNITY), on=DAY))
        mixed, unchecked, share = conn.execute(
            text(
                "select count(*) filter (where drainage = 'mixed'), count(*) filter (where drainage = 'unchecked'),"
                " round(100.0 * count(*) filter (where drainage = 'mixed')"
                " / count(*) filter (where drainage <> 'unchecked'), 1)"
                " from gis.enterprise_plot where data_status <> 'void'"
            )
        ).one()
        cases = conn.execute(
            text(
                "select count(*) from gis.hazard where category = 'drainage' and data_status <> 'void'"
                " and status not in ('closed', 'rejected', 'merged')"
            )
        ).scalar_one()
    assert (told["雨污混流地块"], told["未检查地块"], told["雨污混流未办结"]) == (mixed, unchecked, cases)
    assert told["混流占已检查"] == float(share)
    assert mixed > 0 < cases


def test_an_empty_community_says_so(database: Database, staff: Scope, area: str) -> None:
    with database.read(staff) as conn:
        asked = read_area(conn, area)
        for compute, begun in ((illegal_structures, "还没有登记违建"), (drainage, "还没有企业地块")):
            assert compute(conn, staff, asked, on=DAY).finding.startswith(begun)
