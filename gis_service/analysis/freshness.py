"""Freshness (信息保鲜): how old records are, who was visited, how often the register was right, who is overdue."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta

import geopandas
import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import counts_of, grid_titles, read_frame, titles_of
from gis_service.analysis.streets import Integers
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.rental_unit import RegistrationStatus
from layers.catalog.visit import CheckResult, VisitOutcome
from layers.field import Kind
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker

AGED = ("building", "rental_unit", "enterprise", "parking", "waste_point", "facility")
"""Layers of which the age of records is told: those that people on foot keep."""
Z_95 = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""
_YEAR = timedelta(days=365)
_REFUSED = (str(VisitOutcome.REFUSED), str(VisitOutcome.EVASIVE))
_LACKING = (str(CheckResult.NEW_UNREGISTERED), str(CheckResult.COUNT_DIFFERS))
_SINCE = Breaks((30.0, 90.0, 180.0, 365.0), "天")
_REGISTRATION = {str(one): one.label for one in RegistrationStatus}
_UNIT = [
    "id", "name", "address", "grid", "building_code", "rent_status", "tenant_count", "tenant_count_as_of",
    "registered_count", "registration_status", "last_visit_on", "surveyed_on",
]  # fmt: skip
_VISIT = ["grid", "target_kind", "target_code", "visited_on", "outcome", "check_result", "worker"]


def freshness(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return age, visits, accuracy and overdue registrations of the let units, by unit and by grid."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    cycle, reporting = rules["rental.recheck_green"], rules["rental.reporting_days"]
    units, visits = _read_units(conn, asked, area), _of_units(read_visits(conn, asked, area, on))
    let = judged(units[units["rent_status"] == "let"], visits, reporting, on)
    grids = grid_titles(conn, asked, area)
    shapes = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)
    by_grid = by_grids(shapes, let, visits, units["grid"], cycle, on)
    surveyed = {layer: counts_of(conn, asked, layer, "surveyed_on") for layer in AGED}
    return Answer(
        name="freshness", title="信息保鲜", community=area.code, on=on, srid=area.metric_srid, unit="天",
        finding=_finding(let, cycle),
        method=f"走访覆盖:近 {cycle.value:g} {cycle.unit}内走访完成的在租出租房占比。准确率:近一年核对结果为一致的占比,"
        "括号内为 Wilson 95% 区间,样本少时区间宽。拒访:最近一次走访为拒访或推诿。"
        f"疑似逾期:未登记、变更待报或登记人数少于清点人数,自清点或走访发现起已过 {reporting.value:g} 个{reporting.unit}"
        "(只扣周末,未扣法定节假日);是否逾期由公安认定。",
        facts=_facts(let, visits, surveyed, cycle, on),
        themes=(_units_theme(let, grids), _grids_theme(by_grid), _overdue_theme(let, grids)),
        rules=(cycle, reporting),
    )  # fmt: skip


def read_let(
    conn: Connection, asked: Scope, area: Area, reporting: Rule, on: date, visits: pd.DataFrame
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return the let units as ``judged`` does, from the visits of ``read_visits``."""
    units = _read_units(conn, asked, area)
    return judged(units[units["rent_status"] == "let"], _of_units(visits), reporting, on)


def read_visits(conn: Connection, asked: Scope, area: Area, on: date) -> geopandas.GeoDataFrame:
    """Return the visits up to a day, of whatever was visited."""
    visits = read_frame(conn, asked, "visit", _VISIT, srid=area.metric_srid)
    return visits[np.array([day <= on for day in visits["visited_on"]], dtype=bool)]


def _read_units(conn: Connection, asked: Scope, area: Area) -> geopandas.GeoDataFrame:
    return read_frame(conn, asked, "rental_unit", _UNIT, srid=area.metric_srid)


def _of_units(visits: pd.DataFrame) -> pd.DataFrame:
    return visits[visits["target_kind"] == "rental_unit"]


def wilson(right: int, checked: int) -> tuple[float, float]:
    """Return the 95 % interval of a share in percent (Wilson 1927); (0, 100) of nothing."""
    if not checked:
        return 0.0, 100.0
    share, square = right / checked, Z_95**2
    middle = (share + square / (2 * checked)) / (1 + square / checked)
    half = Z_95 / (1 + square / checked) * math.sqrt(share * (1 - share) / checked + square / (4 * checked**2))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def working_days(since: date, on: date) -> int:
    """Return the Mondays to Fridays after ``since`` up to and with ``on``; public holidays aren't known."""
    return int(np.busday_count(since + timedelta(days=1), on + timedelta(days=1)))


def judged(
    units: geopandas.GeoDataFrame, visits: pd.DataFrame, reporting: Rule, on: date
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return the units with ``visited`` (the last visit that was done), ``since`` in days, ``refused`` and ``overdue``.

    ``overdue`` is True, False, or None where registration lacks but nobody knows since when.
    """
    last: dict[str, tuple[date, str]] = {}
    done: dict[str, date] = {}
    noticed: dict[str, date] = {}
    for visit in sorted(visits.to_dict("records"), key=lambda one: one["visited_on"]):
        code, day, outcome = visit["target_code"], visit["visited_on"], visit["outcome"]
        if code not in last or day >= last[code][0]:
            last[code] = (day, outcome)
        if outcome == VisitOutcome.DONE:
            done[code] = max(day, done.get(code, day))
        if visit["check_result"] in _LACKING:
            noticed.setdefault(code, day)
        elif visit["check_result"] == CheckResult.CONSISTENT:
            noticed.pop(code, None)
    found = units.copy()
    visited = []
    for code, recorded in zip(units.index, units["last_visit_on"], strict=True):
        days = [day for day in (done.get(code), recorded) if day is not None and day <= on]
        visited.append(max(days, default=None))
    found["visited"] = pd.Series(visited, index=found.index, dtype=object)
    since = [(on - day).days if day else None for day in visited]
    found["since"] = pd.Series(since, index=found.index, dtype=object)
    found["refused"] = [last.get(code, (on, ""))[1] in _REFUSED for code in units.index]
    found["noticed"] = pd.Series([noticed.get(code) for code in units.index], index=found.index, dtype=object)
    overdue = [_overdue(unit, reporting, on) for unit in found.to_dict("records")]
    found["overdue"] = pd.Series(overdue, index=found.index, dtype=object)
    return found


def _overdue(unit: Mapping[str, object], reporting: Rule, on: date) -> bool | None:
    people, registered = unit["tenant_count"], unit["registered_count"]
    fewer = isinstance(people, int) and isinstance(registered, int) and registered < people
    status = unit["registration_status"]
    if not fewer and status not in (RegistrationStatus.UNREGISTERED, RegistrationStatus.CHANGE_DUE):
        return False
    # The lack is as old as the earliest that tells of it: the count of tenants, or the first visit that met it
    # since the register was last right.
    days = [day for day in (unit["tenant_count_as_of"], unit["noticed"]) if isinstance(day, date)]
    return working_days(min(days), on) > reporting.value if days else None


def by_grids(
    shapes: geopandas.GeoDataFrame, let: pd.DataFrame, visits: pd.DataFrame, grid_of: pd.Series, cycle: Rule, on: date
) -> geopandas.GeoDataFrame:
    """Return for each grid the let units, those visited in the cycle, checks in a year, and how many were right."""
    frame = shapes.copy()
    lately = visits[np.array([on - _YEAR < day for day in visits["visited_on"]], dtype=bool)]
    checks = lately[lately["check_result"].notna()]
    where = np.array([grid_of.get(code) for code in checks["target_code"]], dtype=object)
    rows = []
    for code in frame.index:
        here = let[let["grid"] == code]
        checked = checks[where == code]
        right = int((checked["check_result"] == str(CheckResult.CONSISTENT)).sum())
        low, high = wilson(right, len(checked))
        rows.append({
            "let": len(here), "visited": _in_cycle(here, cycle), "checked": len(checked), "right": right,
            "coverage": percent(_in_cycle(here, cycle), len(here)), "accuracy": percent(right, len(checked)),
            "interval": f"{low:.1f}–{high:.1f}" if len(checked) else None,
            "refused": int(here["refused"].sum()), "overdue": sum(one is True for one in here["overdue"]),
        })  # fmt: skip
    told = pd.DataFrame(rows, index=frame.index, dtype=object) if rows else pd.DataFrame(columns=_GRID_COLUMNS)
    return frame.join(told)


_GRID_COLUMNS = ["let", "visited", "checked", "right", "coverage", "accuracy", "interval", "refused", "overdue"]


def _in_cycle(units: pd.DataFrame, cycle: Rule) -> int:
    return sum(days is not None and days <= cycle.value for days in units["since"])


def ages_of(days: Mapping[date | None, int], on: date) -> Integers:
    """Return the age in days of each record whose day is known, from how many each day has; a day to come is today."""
    known = [(max(0, (on - day).days), number) for day, number in days.items() if day is not None]
    return np.repeat([age for age, _ in known], [number for _, number in known]).astype(np.int64)


def _finding(let: pd.DataFrame, cycle: Rule) -> str:
    if not len(let):
        return "还没有在租的出租房,无法判断信息是否新鲜。"
    visited = _in_cycle(let, cycle)
    overdue = sum(one is True for one in let["overdue"])
    return (
        f"{len(let):,} 户在租出租房中 {visited:,} 户({100 * visited / len(let):.1f}%)近 {cycle.value:g} "
        f"{cycle.unit}内走访过;{overdue:,} 户登记疑似逾期,{int(let['refused'].sum())} 户最近一次拒访或推诿。"
    )


def _facts(
    let: pd.DataFrame, visits: pd.DataFrame, surveyed: Mapping[str, Mapping[date | None, int]], cycle: Rule, on: date
) -> tuple[Fact, ...]:
    lately = visits[np.array([on - _YEAR < day for day in visits["visited_on"]], dtype=bool)]
    checked = lately["check_result"].dropna()
    right = int((checked == str(CheckResult.CONSISTENT)).sum())
    low, high = wilson(right, len(checked))
    interval = f"{right:,}/{len(checked):,},95% 区间 {low:.1f}–{high:.1f}%" if len(checked) else "近一年没有核对"
    layers = [_age_fact(layer, ages_of(days, on), sum(days.values())) for layer, days in surveyed.items()]
    never = sum(day is None for day in let["visited"])
    return (
        Fact("走访覆盖", percent(_in_cycle(let, cycle), len(let)), "%", f"近 {cycle.value:g} {cycle.unit}",
             theme="units"),
        Fact("从未走访", never, "户", theme="units", where={CLASS: "never"}),
        Fact("核对准确率", percent(right, len(checked)), "%", interval),
        Fact("拒访或推诿", int(let["refused"].sum()), "户", "最近一次走访"),
        Fact("登记疑似逾期", sum(one is True for one in let["overdue"]), "户", "由公安认定",
             theme="overdue", where={CLASS: "overdue"}),
        Fact("登记有缺但不知何时起", sum(one is None for one in let["overdue"]), "户", theme="overdue",
             where={CLASS: "unknown"}),
        *layers,
    )  # fmt: skip


def _age_fact(layer: str, ages: Integers, records: int) -> Fact:
    missing = f"{records - len(ages):,} 条没有调查日期" if len(ages) < records else ""
    old = f"一年以上的占 {100 * (ages > _YEAR.days).mean():.0f}%" if len(ages) else ""
    middle = float(np.median(ages)) if len(ages) else None
    return Fact(f"{LAYERS[layer].title}调查距今(中位数)", middle, "天", ";".join(filter(None, (old, missing))))


def _units_theme(let: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = let.copy()
    frame["title"] = titles_of(frame, "address", "name")
    frame[CLASS] = ["never" if days is None else _SINCE.keys([days])[0] for days in frame["since"]]
    columns = (
        Column("title", "出租房"),
        Column("visited", "最近走访", Kind.DATE),
        Column("since", "距今", Kind.INTEGER, "天"),
        Column("refused", "最近一次拒访", Kind.BOOLEAN),
        grid_column(grids),
    )
    classes = (*_SINCE.classes(), Class("never", "从未走访"))
    return theme_of(
        frame, "units", "距最近走访", "POINT", "title", columns, classes, Ramp.SEQUENTIAL,
    )  # fmt: skip


def _grids_theme(grids: geopandas.GeoDataFrame) -> Theme:
    frame = grids.copy()
    breaks = Breaks((50.0, 70.0, 85.0, 95.0), "%")
    frame[CLASS] = ["none" if share is None else breaks.keys([share])[0] for share in frame["accuracy"]]
    columns = (
        Column("name", "网格"),
        Column("accuracy", "准确率", Kind.NUMBER, "%"),
        Column("interval", "95% 区间(%)"),
        Column("checked", "核对样本", Kind.INTEGER, "次"),
        Column("coverage", "走访覆盖", Kind.NUMBER, "%"),
        Column("let", "在租", Kind.INTEGER, "户"),
        Column("refused", "拒访", Kind.INTEGER, "户"),
        Column("overdue", "疑似逾期", Kind.INTEGER, "户"),
    )
    classes = (Class("none", "近一年没有核对"), *breaks.classes())
    return theme_of(
        frame, "grids", "各网格核对准确率", "MULTIPOLYGON", "name", columns, classes, Ramp.SEQUENTIAL, shown=False,
    )  # fmt: skip


def _overdue_theme(let: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = let[np.array([one is not False for one in let["overdue"]], dtype=bool)].copy()
    frame["title"] = titles_of(frame, "address", "name")
    frame["missing"] = [
        max(0, people - registered) if people is not None and registered is not None else None
        for people, registered in zip(frame["tenant_count"], frame["registered_count"], strict=True)
    ]
    frame[CLASS] = ["unknown" if one is None else "overdue" for one in frame["overdue"]]
    frame["counted"] = frame["tenant_count_as_of"]
    columns = (
        Column("title", "出租房"),
        Column("registration_status", "登记情况", codes=_REGISTRATION, filtered=True),
        Column("missing", "少登记", Kind.INTEGER, "人"),
        Column("counted", "清点日期", Kind.DATE),
        grid_column(grids),
    )  # fmt: skip
    classes = (Class("unknown", "不知何时起", Marker.CROSS), Class("overdue", "登记疑似逾期", Marker.TRIANGLE))
    return theme_of(
        frame, "overdue", "登记疑似逾期", "POINT", "title", columns, classes, Ramp.SEVERITY, shown=False,
    )  # fmt: skip
