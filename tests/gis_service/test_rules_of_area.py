"""A community may change a threshold; its neighbours keep the declared one."""

from __future__ import annotations

from sqlalchemy import insert

from gis_service.database import Database
from gis_service.rules import read_rules
from gis_service.scope import Scope
from gis_service.tables import AREA_RULE
from layers.rules import RULES, RuleStatus


def test_a_community_overrides_a_rule_for_itself_only(database: Database, staff: Scope, area: str) -> None:
    with database.write(staff) as conn:
        conn.execute(
            insert(AREA_RULE).values(community=area, rule="waste.radius_point", value=90, basis="社区居民会议 2026-05")
        )
    with database.read(staff) as conn:
        own, neighbour = read_rules(conn, area), read_rules(conn, "330482002011")
    assert own["waste.radius_point"].value == 90
    assert own["waste.radius_point"].status is RuleStatus.LOCAL
    assert own["waste.radius_point"].basis == "社区居民会议 2026-05"
    assert neighbour == RULES
    assert {code: rule for code, rule in own.items() if code != "waste.radius_point"} == {
        code: rule for code, rule in RULES.items() if code != "waste.radius_point"
    }
