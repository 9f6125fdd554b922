"""Thresholds as one community applies them: the declared rules, and what the community has changed in them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from gis_service.errors import ConflictError
from gis_service.tables import AREA_RULE
from layers.rules import RULES, Rule, RuleStatus
from layers.time_limits import TIME_LIMITS, TimeLimit


def read_rules(conn: Connection, community: str) -> dict[str, Rule]:
    """Return every rule by code; one that the community has changed carries its value, basis and status local."""
    rules = dict(RULES)
    for code, value, basis in _changed(conn, community):
        if code in rules:
            rules[code] = rules[code].model_copy(
                update={"value": value, "basis": basis, "status": RuleStatus.LOCAL, "effective_from": None}
            )
    return rules


def read_time_limits(conn: Connection, community: str) -> dict[str, TimeLimit]:
    """Return every time limit by code, as :func:`read_rules` does; the unit stays.

    Raises
    ------
    ConflictError
        When a value that the community has set can't be counted in the limit's unit.
    """
    limits = dict(TIME_LIMITS)
    for code, value, basis in _changed(conn, community):
        if code not in limits:
            continue
        told = {**limits[code].model_dump(), "value": value, "basis": basis, "status": RuleStatus.LOCAL}
        try:
            limits[code] = TimeLimit.model_validate(told)
        except ValueError as error:
            raise ConflictError(
                f"社区 {community} 把时限 {code} 改成了 {value:g},不能按“{limits[code].unit.label}”计算;"
                "请改成大于 0 的整数(工作时可以有小数)。",
                f"The community's value of the time limit {code} can't be counted in its unit.",
            ) from error
    return limits


def _changed(conn: Connection, community: str) -> list[tuple[str, float, str]]:
    changed = select(AREA_RULE.c.rule, AREA_RULE.c.value, AREA_RULE.c.basis).where(AREA_RULE.c.community == community)
    return [(code, value, basis) for code, value, basis in conn.execute(changed)]


def rules_in_force(conn: Connection, community: str) -> tuple[tuple[str, float], ...]:
    """Return code and value of every threshold, for entity tags of what was reckoned with them."""
    return tuple((rule.code, rule.value) for rule in read_rules(conn, community).values())
