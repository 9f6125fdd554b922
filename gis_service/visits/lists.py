"""Who has to be visited together with others (联合检查名单), and how well waste was sorted at which point and when."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.analysis.freshness import wilson
from gis_service.cases.listing import within_community
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.visit import TargetKind, VisitOutcome
from layers.registry import LAYERS
from layers.rules import Rule

REFUSED: Final = (VisitOutcome.REFUSED, VisitOutcome.EVASIVE)
_TITLES: Final = {
    "rental_unit": "coalesce(t.address, t.name)", "building": "coalesce(t.address, t.name)",
    "enterprise": "coalesce(t.name, t.address)", "enterprise_plot": "t.name", "waste_point": "t.name",
    "parking": "t.name", "facility": "t.name", "hazard": "t.name",
}  # fmt: skip


def list_refusals(conn: Connection, scope: Scope, community: str, on: date) -> dict[str, Any]:
    """Return what was refused as often as the rule ``visit.refusals`` says, in a row up to a day, or needs others.

    Nobody in (02) neither counts nor ends a row of refusals; a visit that was made (01) ends it.
    """
    rule = read_rules(conn, community)["visit.refusals"]
    mine, areas = within_community(scope, community)
    rows = conn.execute(
        text(
            "with told as (select h.target_kind, h.target_code, h.visited_on, h.outcome, h.grid, h.geom, h.remark,"
            "  max(h.visited_on) filter (where h.outcome = '01') over target as done"
            f" from gis.visit h where {mine} and h.visited_on <= :on"
            "  window target as (partition by h.target_kind, h.target_code)),"
            # Of what happened on the day of a visit that was made, the visit counts.
            " since as (select * from told where outcome in ('03', '04', '05') and (done is null or visited_on > done))"
            " select target_kind, target_code, count(*) filter (where outcome in ('03', '04')) as refusals,"
            "  bool_or(outcome = '05') as joint, min(visited_on) as first_on, max(visited_on) as last_on,"
            "  (array_agg(outcome order by visited_on desc, outcome desc))[1] as last_outcome,"
            "  (array_agg(grid order by visited_on desc))[1] as grid,"
            "  st_x((array_agg(geom order by visited_on desc))[1]) as lon,"
            "  st_y((array_agg(geom order by visited_on desc))[1]) as lat"
            " from since group by 1, 2 having bool_or(outcome = '05')"
            "  or count(*) filter (where outcome in ('03', '04')) >= :least"
            " order by bool_or(outcome = '05') desc, 3 desc, max(visited_on) desc, 1, 2"
        ),
        {**areas, "on": on, "least": rule.value},
    ).mappings().all()  # fmt: skip
    titles = {kind: _titles(conn, community, kind, [row["target_code"] for row in rows if row["target_kind"] == kind])
              for kind in _TITLES}  # fmt: skip
    listed = [
        {
            **row, "target_title": TargetKind(row["target_kind"]).label,
            "title": titles.get(row["target_kind"], {}).get(row["target_code"]) or row["target_code"],
            "last_outcome_title": VisitOutcome(row["last_outcome"]).label,
        }
        for row in rows
    ]  # fmt: skip
    definition = (
        f"最近一次走访成功以后,拒访或推诿满 {rule.value:g} 次的,和已注明需联合执法的;无人不计。供街道联合检查参考。"
    )
    return {"on": on, "definition": definition, "rules": [_said(rule)], "refusals": listed}


def _titles(conn: Connection, community: str, kind: str, codes: list[str]) -> dict[str, str]:
    if not codes or kind not in LAYERS:
        return {}
    rows = conn.execute(
        text(
            f"select t.code, {_TITLES[kind]} from gis.{kind} t where t.community = :community and t.code = any(:codes)"
        ),
        {"community": community, "codes": codes},
    )
    return {code: title for code, title in rows if title}


def waste_figures(
    conn: Connection, scope: Scope, community: str, *, by: str, since: date | None, until: date | None
) -> dict[str, Any]:
    """Return how well waste was sorted by ``point`` or ``month``: bags checked and correct, the share, and points.

    The share is weighted: all correct bags over all checked ones, with its 95 % interval (Wilson 1927).
    """
    rules = read_rules(conn, community)
    right, wrong = rules["waste.points_correct"], rules["waste.points_wrong"]
    mine, areas = within_community(scope, community)
    key = {"point": "h.target_code", "month": "to_char(h.visited_on, 'YYYY-MM')"}[by]
    rows = conn.execute(
        text(
            f"select {key} as key, count(*) as checks, sum(h.checked_count) as checked,"
            " sum(h.correct_count) as correct, min(h.visited_on) as first_on, max(h.visited_on) as last_on"
            f" from gis.visit h where {mine} and h.target_kind = 'waste_point'"
            "  and h.checked_count > 0 and h.correct_count is not null"
            "  and (cast(:since as date) is null or h.visited_on >= :since)"
            "  and (cast(:until as date) is null or h.visited_on <= :until) group by 1 order by 1"
        ),
        {**areas, "since": since, "until": until},
    ).mappings().all()  # fmt: skip
    names = _titles(conn, community, "waste_point", [row["key"] for row in rows]) if by == "point" else {}
    listed = []
    for row in rows:
        low, high = wilson(row["correct"], row["checked"])
        listed.append({
            **row, "title": names.get(row["key"]) or row["key"], "rate": round(row["correct"] / row["checked"], 4),
            "interval": [round(low / 100, 4), round(high / 100, 4)],
            "points": row["correct"] * right.value - (row["checked"] - row["correct"]) * wrong.value,
        })  # fmt: skip
    return {
        "by": by, "definition": "正确率=正确袋数之和÷检查袋数之和(按袋加权),区间为 95% 置信区间;积分=正确袋数×"
        f"{right.value:g}-不正确袋数×{wrong.value:g}。自查结果,未经第三方核验。",
        "rules": [_said(right), _said(wrong)], "rows": listed,
    }  # fmt: skip


def _said(rule: Rule) -> dict[str, Any]:
    return {"code": rule.code, "title": rule.title, "value": rule.value, "unit": rule.unit, "basis": rule.basis}
