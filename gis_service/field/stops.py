"""Stops: things at one place, with the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gis_service.field.reasons import Thing


@dataclass(frozen=True)
class Stop:
    """A place to go to, with what is to be done there, the most urgent first; at least one thing.

    Attributes
    ----------
    at
        Where it is, in metres: where the most urgent thing of all is that are due there.
    """

    things: tuple[Thing, ...]
    at: tuple[float, float]

    @property
    def first(self) -> Thing:
        """The most urgent thing, as which the stop stands."""
        return self.things[0]

    @property
    def score(self) -> float:
        """The points of all reasons of all things."""
        return sum(thing.score for thing in self.things)

    @property
    def minutes(self) -> float:
        """Minutes on site."""
        return sum(thing.minutes for thing in self.things)

    @property
    def must(self) -> bool:
        """Whether it comes first."""
        return any(thing.must for thing in self.things)

    def only(self, kept: Callable[[Thing], bool]) -> Stop | None:
        """Return the stop with some of its things, None when none is left."""
        things = tuple(thing for thing in self.things if kept(thing))
        return Stop(things, self.at) if things else None


def stops_of(things: Iterable[Thing]) -> list[Stop]:
    """Return the stops of things, the most urgent first: what must be done, then by score.

    Things that share a tie are at one place, and so are those that are tied to a common third.
    """
    places: dict[str, str] = {}

    def root(tie: str) -> str:
        while (above := places.setdefault(tie, tie)) != tie:
            tie = above
        return tie

    listed = list(things)
    for thing in listed:
        first, *others = sorted(thing.ties)
        for tie in others:
            places[root(tie)] = root(first)
    gathered: dict[str, list[Thing]] = defaultdict(list)
    for thing in listed:
        gathered[root(min(thing.ties))].append(thing)
    groups = [sorted(group, key=urgency) for group in gathered.values()]
    return sorted((Stop(tuple(group), group[0].at) for group in groups), key=importance)


def urgency(thing: Thing) -> tuple[bool, float, tuple[str, str]]:
    """Return what things are ordered by: what must be done, then by score."""
    return not thing.must, -thing.score, thing.key


def importance(stop: Stop) -> tuple[bool, float, tuple[str, str]]:
    """Return what stops are ordered by, as things are."""
    return not stop.must, -stop.score, stop.first.key
