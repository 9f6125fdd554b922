"""What to do in the time there is: the best total score that walking and minutes on site allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from gis_service.analysis.streets import Floats, Integers
from gis_service.field.order import MOST_EXACT, better, gaps, length_of, shortest

BARRED: Final = 1e7
"""Minutes between places between which nobody can walk: more than any time there is."""
_POWERS: Final = (1.0, 0.5, 2.0)
"""Of the minutes that something adds, by which its points are divided; of short walks the best one is taken."""
_LEAST: Final = 1e-9
"""Minutes; what saves less saves nothing, and nothing takes no time."""
_LEAST_WORTH: Final = 1e-6
"""More than rounding makes of sums of worths."""

METHOD: Final = (
    "选法:在步行与现场时间之和不超过总时间的前提下使总得分尽量高,必去的优先;依次加入“得分÷增加的分钟”最高的一件"
    "(已在路线上的地方不再增加步行),用 2-opt 和 or-opt 缩短路线,再加,到加不下为止;"
    f"{MOST_EXACT} 处以内还试着换下一件、换上得分更高的,并以分钟数的 0.5 次方、2 次方各做一遍,取最好的"
    "(近似解,结果固定)。"
    f"次序:{MOST_EXACT} 处以内为最短路线(动态规划),更多时为近似;走完不返回起点。"
)
"""How it is chosen and ordered, in Chinese."""


@dataclass(frozen=True)
class Offer:
    """What could be done.

    Attributes
    ----------
    minutes_from
        Minutes of walking from a place to every place, at least ``BARRED`` where nobody can walk; place 0 is the
        start.
    place
        Number of the place of each thing, from 1.
    site, score, must
        Of each thing: minutes on site, points, and whether it must be done.
    most
        Minutes there are.
    """

    minutes_from: Callable[[int], Floats]
    place: Integers
    site: Floats
    score: Floats
    must: Integers
    most: float


@dataclass(frozen=True)
class _Plan:
    """Places in walking order, 0 first, and the things that are done there, in the order in which they were put in."""

    path: tuple[int, ...]
    taken: tuple[int, ...]


def chosen(offer: Offer) -> tuple[list[int], list[int]]:
    """Return the places to go to in walking order, 0 first, and the things to do there."""
    plans = [_Choice(offer, _POWERS[0]).made()]
    if len(plans[0].path) - 1 <= MOST_EXACT:
        plans += [_Choice(offer, power).made() for power in _POWERS[1:]]
    worth = worth_of(offer)
    best = max(plans, key=lambda plan: float(worth[list(plan.taken)].sum()))
    return list(best.path), sorted(best.taken)


def worth_of(offer: Offer) -> Floats:
    """Return what each thing is worth: its points, and any that must be done more than all others together."""
    must = offer.must > 0
    if not must.any():
        return offer.score
    return offer.score * np.where(must, 1 + offer.score[~must].sum() / max(1.0, float(offer.score[must].min())), 1.0)


class _Choice:
    """One attempt; ``power`` is that of the minutes by which points are divided."""

    def __init__(self, offer: Offer, power: float) -> None:
        self._offer, self._worth, self._power = offer, worth_of(offer), power

    def made(self) -> _Plan:
        """Return the plan that nothing tried here makes better."""
        plan = _Plan((0,), ())
        while True:
            plan = self._ordered(self._filled(plan), better)
            found = self._filled(plan)
            if found == plan and len(plan.path) - 1 <= MOST_EXACT:
                found = self._exchanged(plan)
            if found == plan:
                plan = self._ordered(plan, lambda between, _: shortest(between))
                found = self._filled(plan)
                if found == plan:
                    return plan
            plan = found

    def _rows(self, path: tuple[int, ...]) -> Floats:
        return np.array([self._offer.minutes_from(place) for place in path])

    def _ordered(self, plan: _Plan, way: Callable[[Floats, list[int]], list[int]]) -> _Plan:
        """Return a plan in the order that ``way`` finds, if that is shorter."""
        between, as_is = self._rows(plan.path)[:, plan.path], list(range(len(plan.path)))
        found = way(between, as_is)
        shorter = length_of(between, found) < length_of(between, as_is) - _LEAST
        return _Plan(tuple(plan.path[number] for number in found), plan.taken) if shorter else plan

    def _filled(self, plan: _Plan, without: int | None = None) -> _Plan:
        """Return a plan with what has most points for the minutes it adds, as long as something fits."""
        while True:
            gap, added, spent = self._added(plan)
            if without is not None:
                added[without] = np.inf
            fits = spent + added <= self._offer.most
            rate = np.where(fits, self._worth / np.maximum(added, _LEAST) ** self._power, 0.0)
            if not rate.any():
                return plan
            plan = self._with(plan, int(np.argmax(rate)), gap)

    def _exchanged(self, plan: _Plan) -> _Plan:
        """Return the plan after the best exchange of one thing for others, itself if none gains anything."""
        most, found = self._value(plan) + _LEAST_WORTH, plan
        for thing in plan.taken:
            left = self._without(plan, thing)
            for tried in (self._with_best(left), self._filled(left, without=thing)):
                value = self._value(tried)
                if value > most:
                    most, found = value, tried
        return found

    def _with_best(self, plan: _Plan) -> _Plan:
        """Return a plan with the one thing more that has most points of those that fit."""
        gap, added, spent = self._added(plan)
        worth = np.where(spent + added <= self._offer.most, self._worth, 0.0)
        return self._with(plan, int(np.argmax(worth)), gap) if worth.any() else plan

    def _value(self, plan: _Plan) -> float:
        return float(self._worth[list(plan.taken)].sum())

    def _with(self, plan: _Plan, thing: int, gap: Integers) -> _Plan:
        place = int(self._offer.place[thing])
        path, taken = plan.path, (*plan.taken, thing)
        if place in path:
            return _Plan(path, taken)
        after = int(gap[place]) + 1
        return _Plan((*path[:after], place, *path[after:]), taken)

    def _without(self, plan: _Plan, thing: int) -> _Plan:
        taken = tuple(other for other in plan.taken if other != thing)
        needed = {0, *(int(self._offer.place[other]) for other in taken)}
        return _Plan(tuple(place for place in plan.path if place in needed), taken)

    def _added(self, plan: _Plan) -> tuple[Integers, Floats, float]:
        """Return after which of the path each place adds least, the minutes each thing adds, and those spent."""
        path, taken = list(plan.path), list(plan.taken)
        rows = self._rows(plan.path)
        ways = gaps(rows, path)
        gap = np.argmin(ways, axis=0)
        walking = ways[gap, np.arange(len(gap))]
        walking[path] = 0.0
        added = walking[self._offer.place] + self._offer.site
        added[taken] = np.inf
        spent = rows[np.arange(len(path) - 1), path[1:]].sum() + self._offer.site[taken].sum()
        return gap, added, float(spent)
