"""What stands on a day's list, written straight from the stated rule: raw rows, plain loops, no code of the service."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

import networkx as nx
from sqlalchemy import text
from sqlalchemy.engine import Connection

_RULES = Path(__file__).parents[3] / "layers" / "rules.toml"
VALUE = {rule["code"]: rule["value"] for rule in tomllib.loads(_RULES.read_text(encoding="utf-8"))["rule"]}
_SHANGHAI = timezone(timedelta(hours=8))
_SEEN_TO = {
    "advise", "handle", "transfer", "track", "ask_recheck", "report_back", "close", "fail", "dispose",
    "report_done",
}  # fmt: skip
_LACKING = ("new_unregistered", "count_differs")

Name = tuple[str, str]


@dataclass(frozen=True)
class Listed:
    """The list of a day.

    Attributes
    ----------
    reasons
        Of each thing by layer and code: the points of its reasons.
    places
        The things that are at one place.
    done, vain
        What was done on the day, and what was tried in vain on it.
    last_vain
        Of what was tried in vain since it was done: the day and the outcome.
    """

    reasons: dict[Name, dict[str, float]]
    places: set[frozenset[Name]]
    done: set[Name]
    vain: set[Name]
    last_vain: dict[Name, tuple[date, str]]


def rows_of(conn: Connection, layer: str, community: str, grid: str | None) -> list[dict[str, Any]]:
    """Return the rows of a layer of a community, or of one grid, that aren't void."""
    query = f"select * from gis.{layer} where community = :c and (:g is null or grid = :g) and data_status <> 'void'"
    return [dict(row._mapping) for row in conn.execute(text(query.replace(":g", "cast(:g as text)")),
                                                       {"c": community, "g": grid})]  # fmt: skip


def listed(conn: Connection, community: str, day: date, grid: str | None = None) -> Listed:
    """Return what is on the list of a community or of a grid."""
    visits = [one for one in rows_of(conn, "visit", community, grid) if one["visited_on"] <= day]
    of: dict[Name, list[dict[str, Any]]] = defaultdict(list)
    for one in sorted(visits, key=lambda one: one["visited_on"]):
        of[one["target_kind"], one["target_code"]].append(one)
    units = [one for one in rows_of(conn, "rental_unit", community, grid) if one["rent_status"] == "let"]
    firms = [one for one in rows_of(conn, "enterprise", community, grid) if one["status"] == "operating"]
    cases = rows_of(conn, "hazard", community, grid)
    ends = _ends_of_steps(conn, community, day)
    reasons: dict[Name, dict[str, float]] = {}
    for case in cases:
        reasons["hazard", case["code"]] = _of_case(case, day, ends.get(case["id"]))
    for unit in units:
        name = ("rental_unit", unit["code"])
        reasons[name] = _unseen(of[name], unit["last_visit_on"], VALUE["rental.recheck_green"], day)
        if _overdue(unit, of[name], day):
            reasons[name]["overdue"] = VALUE["today.weight_overdue"]
    for firm in firms:
        name = ("enterprise", firm["code"])
        reasons[name] = _unseen(of[name], None, VALUE["enterprise.visit_days"], day)
    reasons = {name: found for name, found in reasons.items() if found}
    done = {name for name, met in of.items() if any(_done(one) and one["visited_on"] == day for one in met)}
    done |= {("hazard", case["code"]) for case in cases if case["id"] in _attended(conn, community, day)}
    last_vain = {}
    for name, met in of.items():
        since = max((one["visited_on"] for one in met if _done(one)), default=date.min)
        later = [(one["visited_on"], one["outcome"]) for one in met if not _done(one) and one["visited_on"] > since]
        if later:
            last_vain[name] = max(later)
    vain = {name for name, (when, _) in last_vain.items() if when == day and name in set(reasons) - done}
    standing = {name: found for name, found in reasons.items() if name not in done}
    walked = set(standing) - vain
    return Listed(standing, _places(walked, cases, units, firms), done & set(reasons), vain, last_vain)


def _done(visit: dict[str, Any]) -> bool:
    return bool(visit["outcome"] == "01")


def _ends_of_steps(conn: Connection, community: str, day: date) -> dict[Any, date]:
    """Return until which day the last step of each case has time; a limit at midnight ends with the day before."""
    query = "select case_id, at, due_at from gis.case_step where community = :c order by position"
    steps = conn.execute(text(query), {"c": community}).all()
    last = {case: due_at for case, at, due_at in steps if at.astimezone(_SHANGHAI).date() <= day}
    found = {}
    for case, due_at in last.items():
        if due_at is not None:
            local = due_at.astimezone(_SHANGHAI)
            midnight = (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
            found[case] = local.date() - timedelta(days=midnight)
    return found


def _attended(conn: Connection, community: str, day: date) -> set[Any]:
    """Return the cases that somebody saw to on a day, and didn't only enter, assign or put off."""
    query = "select case_id, at, step, office from gis.case_step where community = :c"
    return {
        case for case, at, step, office in conn.execute(text(query), {"c": community})
        if at.astimezone(_SHANGHAI).date() == day and (step in _SEEN_TO or (step == "note" and office == "worker"))
    }  # fmt: skip


def _of_case(case: dict[str, Any], day: date, step: date | None) -> dict[str, float]:
    over = case["status"] in {"closed", "rejected", "merged"}
    reopened = case["status"] == "closed" and case["closed_on"] is not None and case["closed_on"] > day
    found = case["found_on"]
    limit = case["due_on"] or (found and found + timedelta(days=VALUE["hazard.general_days"]))
    limit = min((one for one in (limit, step) if one is not None), default=None)
    if (over and not reopened) or (found is not None and found > day) or limit is None:
        return {}
    left = (limit - day).days
    if left > VALUE["hazard.soon_days"]:
        return {}
    reasons = {}
    if left < 0:
        reasons["late"] = VALUE["today.weight_late"] * (1 + min(1, -left / VALUE["hazard.general_days"]))
    else:
        reasons["soon"] = VALUE["today.weight_soon"] * (1 + 1 - left / VALUE["hazard.soon_days"])
    if case["level"] in {"02", "suspected"}:
        reasons["major"] = VALUE["today.weight_major"]
    return reasons


def _unseen(met: list[dict[str, Any]], recorded: date | None, cycle: float, day: date) -> dict[str, float]:
    days = [one["visited_on"] for one in met if _done(one)] + [recorded] * (recorded is not None and recorded <= day)
    if not days:
        return {"never": VALUE["today.weight_never"]}
    since = (day - max(days)).days
    return {"stale": VALUE["today.weight_stale"] * (1 + min(1, (since - cycle) / cycle))} if since > cycle else {}


def _overdue(unit: dict[str, Any], met: list[dict[str, Any]], day: date) -> bool:
    people, registered = unit["tenant_count"], unit["registered_count"]
    fewer = people is not None and registered is not None and registered < people
    if not fewer and unit["registration_status"] not in {"unregistered", "change_due"}:
        return False
    known: list[date] = []
    for one in met:
        if one["check_result"] == "consistent":
            known = []
        elif one["check_result"] in _LACKING:
            known.append(one["visited_on"])
    begun = [*known[:1], *([unit["tenant_count_as_of"]] if unit["tenant_count_as_of"] else [])]
    if not begun:
        return False
    passed, at = 0, min(begun)
    while at < day:
        at += timedelta(days=1)
        passed += at.weekday() < 5
    return bool(passed > VALUE["rental.reporting_days"])


def _places(
    walked: set[Name], cases: list[dict[str, Any]], units: list[dict[str, Any]], firms: list[dict[str, Any]]
) -> set[frozenset[Name]]:
    graph = nx.Graph()
    graph.add_nodes_from(walked)
    for layer, rows in (("rental_unit", units), ("enterprise", firms)):
        for row in rows:
            name, house = (layer, row["code"]), row["building_code"]
            # What isn't on the list joins a hazard to its building all the same.
            graph.add_edge(name, ("self", *name))
            if house:
                graph.add_edge(("self", *name), ("building", house))
    for case in cases:
        name = ("hazard", case["code"])
        if name in walked:
            for layer, column in (("rental_unit", "rental_code"), ("enterprise", "enterprise_code")):
                if case[column]:
                    graph.add_edge(name, ("self", layer, case[column]))
            if case["building_code"]:
                graph.add_edge(name, ("building", case["building_code"]))
    # Only what is on the list joins places to each other, and what a hazard on it names.
    named = {case[column] for case in cases if ("hazard", case["code"]) in walked
             for column in ("rental_code", "enterprise_code")}  # fmt: skip
    idle = [
        (layer, row["code"]) for layer, rows in (("rental_unit", units), ("enterprise", firms)) for row in rows
        if (layer, row["code"]) not in walked and row["code"] not in named
    ]  # fmt: skip
    graph.remove_nodes_from([("self", *name) for name in idle])
    parts = (frozenset(part & walked) for part in nx.connected_components(graph))
    return {part for part in parts if part}
