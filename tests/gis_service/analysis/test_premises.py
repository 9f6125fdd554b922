"""Shared premises against a walk over the same records, one firm at a time."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.premises import lettings_of, premises, shared_plots, tenants_by
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.gis_service.analysis.made_frames import made_frame

DAY = date(2020, 6, 30)
FIRM_CODES = [f"Q{number}" for number in range(6)]
FIRM = st.fixed_dictionaries(
    {
        "occupancy": st.sampled_from(["owned", "lessor", "tenant", "sublessor", "unknown"]),
        "plot_code": st.sampled_from(["P0", "P1", "P2", None]),
        "building_code": st.sampled_from(["B0", "B1", None]),
        "lessor_code": st.sampled_from([*FIRM_CODES, "elsewhere", None]),
        "safety_agreement": st.sampled_from([True, False, None]),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FIRM, min_size=6, max_size=6), st.lists(st.sampled_from([*FIRM_CODES, None]), min_size=3, max_size=3))
def test_plots_and_chains_equal_a_walk_over_the_records(firms: list[dict[str, Any]], holders: list[str | None]) -> None:
    told = made_frame(firms, FIRM_CODES)
    plots = made_frame([{"lessor_code": holder} for holder in holders], ["P0", "P1", "P2"])
    renting = {code: firm for code, firm in zip(FIRM_CODES, firms, strict=True)
               if firm["occupancy"] in {"tenant", "sublessor"}}  # fmt: skip
    shared = shared_plots(plots, told)
    for code in ("P0", "P1", "P2"):
        here = [firm for firm in renting.values() if firm["plot_code"] == code]
        assert (code in shared.index) == bool(here)
        if here:
            assert shared.loc[code, "tenants"] == len(here)
            assert shared.loc[code, "unsigned"] == sum(firm["safety_agreement"] is not True for firm in here)
            assert shared.loc[code, "sublet"] == sum(firm["occupancy"] == "sublessor" for firm in here)
    for code, number in tenants_by(told, "building_code", least=2).items():
        assert number == sum(firm["building_code"] == code for firm in renting.values()) >= 2
    lets = nx.DiGraph()
    lets.add_nodes_from(renting)
    by_plot = dict(zip(["P0", "P1", "P2"], holders, strict=True))
    for code, firm in renting.items():
        lessor = firm["lessor_code"] or by_plot.get(firm["plot_code"])
        if lessor in renting:
            lets.add_edge(code, lessor)
    lettings = lettings_of(told, plots)
    assert [one.tenant for one in lettings] == list(renting)
    for one in lettings:
        # Each tenant has one lessor at most, so all that can be reached from it is its chain.
        assert one.depth == 1 + len(nx.descendants(lets, one.tenant))


def ask_for(database: Database, scope: Scope, community: str) -> Answer:
    with database.read(scope) as conn:
        return premises(conn, scope, read_area(conn, community), on=DAY)


def test_figures_of_the_sample_equal_the_database(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, COMMUNITY)
    facts = {fact.title: fact.value for fact in answer.facts}
    renting = "occupancy in ('tenant', 'sublessor') and status not in ('closed', 'moved') and data_status <> 'void'"
    with sample.read(staff) as conn:
        firms, plots, signed = conn.execute(
            text(
                "select count(*), count(distinct plot_code), count(*) filter (where safety_agreement)"
                f" from gis.enterprise where {renting}"
            )
        ).one()
        houses = conn.execute(
            text(f"select count(*) from (select 1 from gis.enterprise where {renting} and building_code is not null"
                 " group by building_code having count(*) > 1) h")
        ).scalar_one()  # fmt: skip
    assert facts["承租企业"] == firms > 20
    assert facts["厂中厂地块"] == plots > 5
    assert facts["未签安全管理协议"] == firms - signed > 0
    assert facts["一幢多家承租"] == houses > 0
    lines = json.loads(answer.theme("lettings").features)["features"]
    assert len(lines) == answer.theme("lettings").count > 10
    assert f"{firms} 家" in answer.finding


def test_a_community_without_plots_says_so(database: Database, staff: Scope, area: str) -> None:
    answer = ask_for(database, staff, area)
    assert answer.finding.startswith("还没有企业地块")
    assert all(theme.count == 0 for theme in answer.themes)
