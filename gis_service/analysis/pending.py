"""What is pending on a day: hazards over or near their limit, lettings and firms that somebody should see.

The one place that says what is due; the morning sheet (``due``) and the walk of a day (``gis_service.field``) take it
from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import geopandas
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.case_steps import read_attended
from gis_service.analysis.frames import read_frame, titles_by_code, titles_of
from gis_service.analysis.freshness import read_let, read_visits
from gis_service.analysis.hazards import read_cases
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.catalog.enterprise import BusinessStatus
from layers.catalog.visit import VisitOutcome
from layers.flows import GRAVE
from layers.registry import LAYERS
from layers.rules import Rule

USED = (
    "hazard.general_days", "hazard.soon_days", "rental.recheck_green", "rental.reporting_days", "enterprise.visit_days",
)  # fmt: skip
"""Thresholds that say what is pending."""
BESIDE_M = 30.0
"""How far from a house what names nothing is still said to be beside it."""
_FIRM = ["id", "name", "address", "grid", "building_code", "status"]
_EVENTS = LAYERS["hazard"].field("event_code").codes or {}


@dataclass(frozen=True)
class Pending:
    """Everything that is pending, and all that was looked at to find it.

    Attributes
    ----------
    cases
        The open hazards that are late or near their limit, as ``hazards.judged`` tells them, with ``timing``
        (``late`` or ``soon``), ``days`` since the limit, ``grave``, ``title``, ``what`` and
        ``attended``: whether somebody saw to it that day by a step.
    units, firms
        The let units and the firms that work, those among them that nobody needs to see too: with ``since`` and
        ``visited``, ``unseen`` (``never``, ``stale`` or "") and ``title``; units with ``overdue`` beside.
    visits
        The visits up to the day.
    registered
        How many hazards are registered, whatever their state.
    """

    cases: geopandas.GeoDataFrame
    units: geopandas.GeoDataFrame
    firms: geopandas.GeoDataFrame
    visits: geopandas.GeoDataFrame
    registered: int


def read_pending(conn: Connection, asked: Scope, area: Area, rules: Mapping[str, Rule], on: date) -> Pending:
    """Return what is pending on a day for whoever asks."""
    visits = read_visits(conn, asked, area, on)
    cases = read_cases(conn, asked, area, rules["hazard.general_days"], on)
    units = read_let(conn, asked, area, rules["rental.reporting_days"], on, visits)
    firms = _own(read_frame(conn, asked, "enterprise", _FIRM, srid=area.metric_srid), asked, area)
    near = due_cases(cases, rules["hazard.soon_days"], on)
    near["attended"] = near["id"].isin(read_attended(conn, area.code, on))
    return Pending(
        _titled(conn, asked, area, near),
        _to_see(units, rules["rental.recheck_green"], "address", "name"),
        _to_see(seen(firms, visits, on), rules["enterprise.visit_days"], "name", "address"),
        visits, len(cases),
    )  # fmt: skip


def due_cases(cases: geopandas.GeoDataFrame, soon: Rule, on: date) -> geopandas.GeoDataFrame:
    """Return the open cases whose limit is past or at most ``soon`` days away, with ``timing``, ``days``, ``grave``."""
    opened = cases[cases["open"].astype(bool)]
    near = [limit is not None and (limit - on).days <= soon.value for limit in opened["limit"]]
    frame = opened[pd.Series(near, index=opened.index, dtype=bool)].copy()
    frame["days"] = [(on - limit).days for limit in frame["limit"]]
    frame["timing"] = ["late" if days > 0 else "soon" for days in frame["days"]]
    frame["grave"] = frame["level"].isin(GRAVE)
    return frame


def unseen(since: Iterable[int | None], cycle: Rule) -> list[str]:
    """Return of each place ``never`` where nobody was, ``stale`` where that is longer ago than the cycle, else ""."""
    return ["never" if days is None else "stale" if days > cycle.value else "" for days in since]


def seen(firms: geopandas.GeoDataFrame, visits: pd.DataFrame, on: date) -> geopandas.GeoDataFrame:
    """Return the firms that work, with ``visited``, the last visit that was done, and ``since`` in days."""
    frame = firms[firms["status"] == str(BusinessStatus.OPERATING)].copy()
    done = visits[(visits["target_kind"] == "enterprise") & (visits["outcome"] == str(VisitOutcome.DONE))]
    last: dict[str, date] = {}
    for code, day in zip(done["target_code"], done["visited_on"], strict=True):
        last[code] = max(day, last.get(code, day))
    visited = [last.get(code) for code in frame.index]
    frame["visited"] = pd.Series(visited, index=frame.index, dtype=object)
    since = [(on - day).days if day else None for day in visited]
    frame["since"] = pd.Series(since, index=frame.index, dtype=object)
    return frame


def _own(frame: geopandas.GeoDataFrame, asked: Scope, area: Area) -> geopandas.GeoDataFrame:
    """Return the rows of the scope's own grids: all of a community may look at its firms, but not at their visits."""
    return frame if area.code in asked.areas else frame[frame["grid"].isin(asked.areas)]


def _to_see(frame: geopandas.GeoDataFrame, cycle: Rule, *called: str) -> geopandas.GeoDataFrame:
    """Return places as points, with ``unseen``, and with ``title`` from the columns in which they are called."""
    points = shapely.point_on_surface(frame.geometry.array)
    named = frame.assign(unseen=unseen(frame["since"], cycle), title=titles_of(frame, *called))
    return named.set_geometry(geopandas.GeoSeries(points, index=frame.index, crs=frame.crs))


def _titled(conn: Connection, asked: Scope, area: Area, cases: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return the cases with where they are (``title``) and what they are about (``what``)."""
    codes = codes_of(cases)
    places = titles_by_code(conn, asked, {code for row in codes for code in row}, "address", "name",
                            srid=area.metric_srid)  # fmt: skip
    named = [next((places[code] for code in row if code in places), None) for row in codes]
    beside = iter(_beside(conn, asked, area, cases[[title is None for title in named]]))
    titles = [title if title is not None else next(beside) for title in named]
    events = [_EVENTS.get(code, code) or "隐患" for code in cases["event_code"]]
    return cases.assign(title=titles, what=events)


def _beside(conn: Connection, asked: Scope, area: Area, cases: geopandas.GeoDataFrame) -> list[str]:
    """Return for cases that name nothing the house that each is beside of, else its code."""
    if not len(cases):
        return []
    around = cases.geometry.buffer(BESIDE_M)
    houses = read_frame(conn, asked, "building", ["address", "name"], srid=area.metric_srid, touching=list(around))
    called = titles_of(houses, "address", "name")
    tree = shapely.STRtree(houses.geometry.array)
    found = []
    for code, place in zip(cases.index, cases.geometry, strict=True):
        near = tree.query_nearest(place, max_distance=BESIDE_M, all_matches=False)
        found.append(f"{called[near[0]]}旁" if len(near) else str(code))
    return found


def codes_of(cases: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return for each case the codes of what it is about, the smallest place first."""
    rows = zip(*(cases[name] for name in ("rental_code", "enterprise_code", "building_code")), strict=True)
    return [tuple(code for code in row if code) for row in rows]
