"""Thresholds as one community applies them: the declared rules, and what the community has changed in them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from gis_service.tables import AREA_RULE
from layers.rules import RULES, Rule, RuleStatus


def read_rules(conn: Connection, community: str) -> dict[str, Rule]:
    """Return every rule by code; one that the community has changed carries its value, basis and status local."""
    changed = conn.execute(
        select(AREA_RULE.c.rule, AREA_RULE.c.value, AREA_RULE.c.basis).where(AREA_RULE.c.community == community)
    )
    rules = dict(RULES)
    for code, value, basis in changed:
        if code in rules:
            rules[code] = rules[code].model_copy(
                update={"value": value, "basis": basis, "status": RuleStatus.LOCAL, "effective_from": None}
            )
    return rules


def rules_in_force(conn: Connection, community: str) -> tuple[tuple[str, float], ...]:
    """Return code and value of every threshold, for entity tags of what was reckoned with them."""
    return tuple((rule.code, rule.value) for rule in read_rules(conn, community).values())
