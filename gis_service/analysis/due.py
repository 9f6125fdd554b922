"""What is due today: hazards at their limit, registrations that seem overdue, lettings and firms to be seen again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import pandas as pd
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import grid_titles
from gis_service.analysis.pending import USED, Pending, read_pending
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.field import Kind
from layers.rules import Rule
from layers.style import Marker

_UNSEEN = {"never": "从未走访", "stale": "超过周期没有走访"}
_RANKS = {"overdue": 3, "never": 4, "stale": 5, "firm": 6}
"""Order of what isn't a hazard; grave hazards have 0, late ones 1, the others 2."""
_COLUMNS = ["title", "what", "day", "days", "grid", "rank", CLASS, "geometry"]


def due(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return what is to be done, the most urgent first: hazards by limit, then registrations, then visits."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    general, soon, cycle, _, firms = used = tuple(rules[code] for code in USED)
    pending, classes = read_pending(conn, asked, area, rules, on), _classes(soon)
    found = geopandas.GeoDataFrame(
        pd.concat([_of_hazards(pending.cases), _of_rentals(pending.units, classes), _of_firms(pending.firms)]),
        crs=area.metric_srid,
    )
    found = found.sort_values(["rank", "day", "title"], key=_in_order, kind="stable")
    counts = {one.key: int((found[CLASS] == one.key).sum()) for one in classes}
    return Answer(
        name="due", title="今日待办", community=area.code, on=on, srid=area.metric_srid, unit="件",
        finding=_finding(pending, found, classes, counts),
        method=f"隐患:未办结,已过期限或 {soon.value:g} 天内到期;期限取登记的整改期限,没有的按发现之日起 "
        f"{general.value:g} {general.unit},办理环节的时限更早的按环节的时限。"
        f"登记疑似逾期:见“信息保鲜”,由公安认定。走访:在租的出租房从未走访,"
        f"或距最近走访超过 {cycle.value:g} {cycle.unit};在营的企业从未走访,或超过 {firms.value:g} {firms.unit}。"
        "一户只列最急的一条;先重大隐患,再按超期最久、登记、从未走访、最久没有走访,企业在后。",
        facts=tuple(Fact(one.title, counts[one.key], "件", theme="due", where={CLASS: one.key}) for one in classes),
        themes=(_theme(found, classes, grid_titles(conn, asked, area)),),
        rules=used,
    )  # fmt: skip


def _classes(soon: Rule) -> tuple[Class, ...]:
    return (
        Class("late", "隐患超期", Marker.TRIANGLE, outlined=True),
        Class("soon", f"隐患 {soon.value:g} 天内到期", Marker.TRIANGLE),
        Class("overdue", "登记疑似逾期", Marker.DIAMOND),
        Class("never", "从未走访", Marker.CIRCLE),
        Class("stale", "超过周期没有走访", Marker.CIRCLE),
        Class("firm", "企业该走访", Marker.SQUARE),
    )


def _finding(pending: Pending, found: pd.DataFrame, classes: tuple[Class, ...], counts: Mapping[str, int]) -> str:
    if not (pending.registered or len(pending.units) or len(pending.firms)):
        return "还没有登记隐患、在租的出租房和在营的企业,没有待办。"
    if not len(found):
        return "没有到期的隐患,也没有该复查的出租房和该走访的企业。"
    told = "、".join(f"{one.title} {counts[one.key]:,} 件" for one in classes if counts[one.key])
    return f"共 {len(found):,} 件待办:{told}。"


def _of_hazards(cases: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    ranks = [0 if grave else 1 if kind == "late" else 2
             for grave, kind in zip(cases["grave"], cases["timing"], strict=True)]  # fmt: skip
    return cases.assign(**{"day": cases["limit"], "rank": ranks, CLASS: cases["timing"]})[_COLUMNS]


def _of_rentals(units: geopandas.GeoDataFrame, classes: tuple[Class, ...]) -> geopandas.GeoDataFrame:
    """Return the let units that somebody should see, each for the most urgent reason."""
    kinds = ["overdue" if overdue is True else kind
             for overdue, kind in zip(units["overdue"], units["unseen"], strict=True)]  # fmt: skip
    titles = {one.key: one.title for one in classes}
    return _to_see(units, kinds, [titles.get(kind, "") for kind in kinds])


def _of_firms(firms: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    kinds = ["firm" if kind else "" for kind in firms["unseen"]]
    return _to_see(firms, kinds, [_UNSEEN.get(kind, "") for kind in firms["unseen"]])


def _to_see(places: geopandas.GeoDataFrame, kinds: list[str], what: list[str]) -> geopandas.GeoDataFrame:
    told = {"what": what, "day": places["visited"], "days": places["since"],
            "rank": [_RANKS.get(kind, 0) for kind in kinds], CLASS: kinds}  # fmt: skip
    frame = places.assign(**told)
    return frame[frame[CLASS] != ""][_COLUMNS]


def _in_order(column: pd.Series) -> pd.Series:
    """Put days without a date first: nobody knows how long that has been."""
    return column.map(lambda one: date.min if one is None else one) if column.name == "day" else column


def _theme(found: geopandas.GeoDataFrame, classes: tuple[Class, ...], grids: Mapping[str, str]) -> Theme:
    columns = (
        Column("title", "地点"),
        Column("what", "要办的事"),
        Column("day", "期限或最近走访", Kind.DATE),
        Column("days", "已过", Kind.INTEGER, "天"),
        grid_column(grids),
    )
    return theme_of(
        found, "due", "今日待办", "POINT", "title", columns, classes, Ramp.CATEGORY, listed=True,
    )  # fmt: skip
