"""The walk of today: what is due in a worker's grids, as many stops as the time allows, in the order of the walk."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.pending import Pending, read_pending
from gis_service.analysis.routes import Routes
from gis_service.analysis.streets import Floats
from gis_service.analysis.walking import read_walk
from gis_service.areas import Area
from gis_service.errors import InputError
from gis_service.field.choice import BARRED, METHOD, Offer, chosen
from gis_service.field.reasons import USED, Thing, method_of, things_of
from gis_service.field.start import Start, degrees_of, start_of
from gis_service.field.stops import Stop, importance, stops_of, urgency
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.visit import VisitOutcome
from layers.rules import Rule

LEAST_HOURS, MOST_HOURS = 0.5, 12.0
_DONE = (
    "办完即消失:当天有结果为“完成”的走访,隐患已办结,或当天办过一步(劝导、处置、移交、跟踪、复查、网格员的补充记录;"
    "登记、指派、延期不算)。当天去过而没有办成的(无人、拒访、推诿、需联合执法)"
    "不再排进今天的路线,连同备注留到明天。"
)


@dataclass(frozen=True)
class Leg:
    """A stop of the walk.

    Attributes
    ----------
    stop
        What is done there.
    left
        What else is to be done there, for which there is no time.
    metres, walk_minutes
        On foot, from the stop before.
    place
        Longitude and latitude.
    """

    stop: Stop
    left: tuple[Thing, ...]
    metres: float
    walk_minutes: float
    place: list[float]


@dataclass(frozen=True)
class Today:
    """The walk of a day.

    Attributes
    ----------
    hours
        How much time there is, for walking and on site.
    start, start_place
        Where the walk begins: in metres, and as longitude and latitude.
    legs
        The stops, in walking order.
    line
        The walk as longitudes and latitudes; empty where there is nowhere to go.
    left
        What didn't fit as stops, the most urgent first; some of them may be stops where other things are done.
    beyond
        How many of them nobody can walk to from the start.
    tomorrow
        What somebody went to today in vain.
    done
        How many hazards, lettings and firms were done today.
    """

    community: str
    grids: tuple[str, ...]
    on: date
    hours: float
    start: Start
    start_place: list[float]
    legs: tuple[Leg, ...]
    line: list[list[float]]
    left: tuple[Stop, ...]
    beyond: int
    tomorrow: tuple[Thing, ...]
    done: int
    way: str
    rules: tuple[Rule, ...]
    method: str

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The stops in walking order."""
        return tuple(leg.stop for leg in self.legs)

    @property
    def metres(self) -> float:
        """Metres on foot."""
        return sum(leg.metres for leg in self.legs)

    @property
    def walk_minutes(self) -> float:
        """Minutes on foot."""
        return sum(leg.walk_minutes for leg in self.legs)

    @property
    def site_minutes(self) -> float:
        """Minutes on site."""
        return sum(stop.minutes for stop in self.stops)

    @property
    def score(self) -> float:
        """The points of all stops."""
        return sum(stop.score for stop in self.stops)

    @property
    def must(self) -> int:
        """How many things that must be done are on the way."""
        return sum(thing.must for stop in self.stops for thing in stop.things)

    @property
    def must_left(self) -> int:
        """How many things that must be done didn't fit."""
        return sum(thing.must for stop in self.left for thing in stop.things)

    @property
    def finding(self) -> str:
        """One Chinese sentence that says how the day looks."""
        if not self.legs and not self.left:
            return (
                "今天没有要走访的。" if not self.tomorrow else f"要走访的今天都去过了,{len(self.tomorrow)} 件留到明天。"
            )
        said = (
            f"{self.hours:g} 小时走 {len(self.legs)} 处(必去 {self.must} 件),步行 {self.metres / 1000:.1f} 公里、"
            f"{self.walk_minutes:.0f} 分钟,现场 {self.site_minutes:.0f} 分钟"
        )
        if self.must_left:
            said += f";必去的共 {self.must + self.must_left} 件,排不下 {self.must_left} 件"
        if self.left:
            said += f";共有 {len(self.left):,} 处留到以后"
        beyond = f",其中 {self.beyond} 处从起点走不到" if self.beyond else ""
        return f"{said}{beyond}。"


def today(
    conn: Connection, scope: Scope, area: Area, *, on: date, hours: float, start: tuple[float, float] | None = None
) -> Today:
    """Return the walk of a day for whoever asks: what is due in their grids and fits into the hours.

    Every stop scores the sum of its reasons, each weight × (1 + urgency), see ``gis_service.field.reasons``; chosen
    are stops of the best total score whose minutes on foot and on site are at most ``hours``, what must be done
    first, see ``gis_service.field.choice``.

    Parameters
    ----------
    hours
        From 0.5 to 12.
    start
        Longitude and latitude in degrees; else the party service centre of the grids, else a point within them.

    Raises
    ------
    InputError
        When there is too little or too much time, or the start is too far away.
    """
    if not LEAST_HOURS <= hours <= MOST_HOURS:
        raise InputError(
            f"时间 {hours:g} 小时不对:请写 {LEAST_HOURS:g} 到 {MOST_HOURS:g} 小时。",
            f"The hours must be from {LEAST_HOURS:g} to {MOST_HOURS:g}.",
        )
    asked, rules = scope.narrowed(area.code), read_rules(conn, area.code)
    begun = start_of(conn, asked, area, start)
    pending = read_pending(conn, asked, area, rules, on)
    done, vain = done_on(pending, on)
    things = [_remarked(thing, vain, on) for thing in things_of(pending, rules) if _name(thing) not in done]
    tried = {name for name, (day, _) in vain.items() if day == on}
    stops = stops_of(thing for thing in things if _name(thing) not in tried)
    routes = Routes(read_walk(conn, asked, area), shapely.points([begun.at, *(stop.at for stop in stops)]))
    speed = rules["today.walk_speed"].value * 1000 / 60
    return _walk(
        Today(
            community=area.code, grids=() if area.code in asked.areas else asked.areas, on=on, hours=hours,
            start=begun, start_place=degrees_of([begun.at], area)[0], legs=(), line=[], left=tuple(stops), beyond=0,
            tomorrow=tuple(sorted((one for one in things if _name(one) in tried), key=urgency)), done=len(done),
            way=routes.way, rules=tuple(rules[code] for code in USED),
            method=f"{method_of(rules)}{METHOD}{_DONE}距离:{routes.way}。",
        ),
        routes, speed, area,
    )  # fmt: skip


VISITED = ("hazard", "rental_unit", "enterprise")
"""The layers of what stands on the list."""


def done_on(pending: Pending, on: date) -> tuple[set[tuple[str, str]], dict[tuple[str, str], tuple[date, str]]]:
    """Return what was done on a day, by a visit or by a step of a case, and what was visited in vain since."""
    done, vain = visited(pending.visits, on)
    return done | {("hazard", code) for code in pending.cases.index[pending.cases["attended"].astype(bool)]}, vain


def visited(visits: pd.DataFrame, on: date) -> tuple[set[tuple[str, str]], dict[tuple[str, str], tuple[date, str]]]:
    """Return what was done on a day, and of everything else the last visit in vain since it was done.

    Both by layer and code of what was visited; a visit in vain is its day and its outcome.
    """
    done: set[tuple[str, str]] = set()
    vain: dict[tuple[str, str], tuple[date, str]] = {}
    # Of one day what was done counts as the last.
    rows = sorted(
        zip(visits["target_kind"], visits["target_code"], visits["visited_on"], visits["outcome"], strict=True),
        key=lambda row: (row[2], row[3] == VisitOutcome.DONE, row[3]),
    )  # fmt: skip
    for layer, code, day, outcome in rows:
        if layer not in VISITED:
            continue
        if outcome != VisitOutcome.DONE:
            vain[layer, code] = day, outcome
            continue
        vain.pop((layer, code), None)
        if day == on:
            done.add((layer, code))
    return done, vain


def _name(thing: Thing) -> tuple[str, str]:
    return thing.layer, thing.code


def _remarked(thing: Thing, vain: Mapping[tuple[str, str], tuple[date, str]], on: date) -> Thing:
    if _name(thing) not in vain:
        return thing
    day, outcome = vain[_name(thing)]
    when = "今天" if day == on else f"{day} "
    return replace(thing, remark=f"{when}去过:{VisitOutcome(outcome).label}")


def _walk(blank: Today, routes: Routes, speed: float, area: Area) -> Today:
    """Return the day with the walk through the stops in ``left`` that fit, metres a minute being ``speed``."""

    def minutes_from(place: int) -> Floats:
        metres = routes.metres(place)
        return np.where(np.isfinite(metres), metres / speed, BARRED)

    things = [thing for stop in blank.left for thing in stop.things]
    place = [number for number, stop in enumerate(blank.left, start=1) for _ in stop.things]
    path, taken = chosen(Offer(
        minutes_from, np.array(place, dtype=np.int64), np.array([thing.minutes for thing in things]),
        np.array([thing.score for thing in things]), np.array([thing.must for thing in things], dtype=np.int64),
        blank.hours * 60,
    ))  # fmt: skip
    done = {things[number].key for number in taken}
    at = degrees_of([stop.at for stop in blank.left], area)
    legs: list[Leg] = []
    corners: list[tuple[float, float]] = []
    for before, number in itertools.pairwise(path):
        stop, metres = blank.left[number - 1], float(routes.metres(before)[number])
        planned = stop.only(lambda thing: thing.key in done)
        if planned is None:
            raise ValueError("a stop of the walk where nothing is done")
        left = tuple(thing for thing in stop.things if thing.key not in done)
        legs.append(Leg(planned, left, metres, metres / speed, at[number - 1]))
        corners.extend(map(tuple, routes.line(before, number)))
    left_over = [stop.only(lambda thing: thing.key not in done) for stop in blank.left]
    return replace(
        blank, legs=tuple(legs), line=degrees_of(_apart(corners), area),
        left=tuple(sorted((stop for stop in left_over if stop is not None), key=importance)),
        beyond=int((minutes_from(0)[1:] >= BARRED).sum()),
    )  # fmt: skip


def _apart(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners of a line without those that stand where the one before does."""
    return [at for number, at in enumerate(corners) if not number or at != corners[number - 1]]
