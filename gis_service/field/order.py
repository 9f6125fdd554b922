"""In which order to go: the shortest open walk from a start through all stops, exactly or by improving it."""

from __future__ import annotations

from typing import Final

import numpy as np

from gis_service.analysis.streets import Floats, Integers

MOST_EXACT: Final = 15
"""Stops for which the shortest order is found exactly: 2¹⁵ sets, 8 MB and some 25 ms."""
_LONGEST_SHIFTED: Final = 3
_LEAST: Final = 1e-9
_STARTS: Final = 8
"""From how many first stops beside the shortest insertion a walk is begun."""


def shortest(between: Floats) -> list[int]:
    """Return the order in which to go to all places from place 0, without a way back: numbers, 0 first.

    Parameters
    ----------
    between
        Metres or minutes between any two places, shape (n, n); a large number where nobody can walk.
    """
    count = len(between)
    if count <= 2:
        return list(range(count))
    return exact(between) if count - 1 <= MOST_EXACT else improved(between)


def exact(between: Floats) -> list[int]:
    """Return the shortest order by dynamic programming over all sets of stops (Held and Karp 1962)."""
    stops = len(between) - 1
    away = between[1:, 1:]
    sets = 1 << stops
    whole = np.full((sets, stops), np.inf)
    before = np.full((sets, stops), -1, dtype=np.int64)
    whole[1 << np.arange(stops), np.arange(stops)] = between[0, 1:]
    size = np.array([number.bit_count() for number in range(sets)])
    for members in range(1, stops):
        of_size = np.flatnonzero(size == members)
        for stop in range(stops):
            from_ = of_size[(of_size >> stop) & 1 == 0]
            ways = whole[from_] + away[:, stop]
            last = np.argmin(ways, axis=1)
            whole[from_ | 1 << stop, stop] = ways[np.arange(len(from_)), last]
            before[from_ | 1 << stop, stop] = last
    passed, stop = sets - 1, int(np.argmin(whole[-1]))
    order = []
    while stop >= 0:
        order.append(stop + 1)
        passed, stop = passed ^ 1 << stop, int(before[passed, stop])
    return [0, *order[::-1]]


def improved(between: Floats) -> list[int]:
    """Return a short order: the best of several beginnings, each improved by turning round and shifting parts."""
    near = np.argsort(between[0, 1:], kind="stable")[: _STARTS // 2] + 1
    far = np.argsort(-between[0, 1:], kind="stable")[: _STARTS // 2] + 1
    begun = [_inserted(between), *(_nearest_first(between, int(first)) for first in dict.fromkeys((*near, *far)))]
    walks = [better(between, walk) for walk in begun]
    lengths = [length_of(between, walk) for walk in walks]
    return walks[int(np.argmin(lengths))]


def length_of(between: Floats, walk: list[int]) -> float:
    """Return how long a walk is."""
    return float(between[walk[:-1], walk[1:]].sum())


def better(between: Floats, walk: list[int]) -> list[int]:
    """Return a walk after 2-opt and or-opt moves, the most saving one first, until none saves anything."""
    # A last place that is near to everything makes the open end a place like any other.
    count = len(between)
    closed = np.zeros((count + 1, count + 1))
    closed[:count, :count] = between
    path = np.array([*walk, count])
    while True:
        turned, shifted = _turn(closed, path), _shift(closed, path)
        saved, found = max((turned, shifted), key=lambda one: one[0])
        if saved <= _LEAST:
            return [int(place) for place in path[:-1]]
        path = found


def _turn(between: Floats, path: Integers) -> tuple[float, Integers]:
    """Return the most that turning a part round saves, and the path after it."""
    here, after = path[:-1], path[1:]
    legs = between[here, after]
    # Between i and j: the part i + 1 … j is walked the other way.
    saved = legs[:, None] + legs[None] - between[np.ix_(here, here)] - between[np.ix_(after, after)]
    saved = np.triu(saved, 2)
    first, last = np.unravel_index(int(np.argmax(saved)), saved.shape)
    found = np.concatenate([path[: first + 1], path[first + 1 : last + 1][::-1], path[last + 1 :]])
    return float(saved[first, last]), found


def _shift(between: Floats, path: Integers) -> tuple[float, Integers]:
    """Return the most that shifting a part of one to three stops saves, either way round, and the path after it."""
    best, found = 0.0, path
    for first in range(1, len(path) - 1):
        for last in range(first, min(first + _LONGEST_SHIFTED, len(path) - 1)):
            part, rest = path[first : last + 1], np.concatenate([path[:first], path[last + 1 :]])
            freed = (
                between[path[first - 1], path[first]] + between[path[last], path[last + 1]]
                - between[path[first - 1], path[last + 1]]
            )  # fmt: skip
            for turned in (part, part[::-1]):
                added = (
                    between[rest[:-1], turned[0]] + between[turned[-1], rest[1:]] - between[rest[:-1], rest[1:]]
                )  # fmt: skip
                gap = int(np.argmin(added))
                if freed - added[gap] > best + _LEAST:
                    best = float(freed - added[gap])
                    found = np.concatenate([rest[: gap + 1], turned, rest[gap + 1 :]])
    return best, found


def _inserted(between: Floats) -> list[int]:
    """Return the walk to which the stop that lengthens it least is added, one after the other."""
    path, left = [0], list(range(1, len(between)))
    while left:
        added = gaps(between[path], path)[:, left]
        gap, number = np.unravel_index(int(np.argmin(added)), added.shape)
        path.insert(int(gap) + 1, left.pop(int(number)))
    return path


def gaps(rows: Floats, path: list[int]) -> Floats:
    """Return what it adds to put each place after each place of a path, shape (path, places).

    ``rows`` is how far each place of the path is from every place, in the path's order.
    """
    following = np.vstack([rows[1:], np.zeros((1, rows.shape[1]))])
    legs = np.append(rows[np.arange(len(path) - 1), path[1:]], 0.0)
    return np.asarray(rows + following - legs[:, None])


def _nearest_first(between: Floats, first: int) -> list[int]:
    path, left = [0, first], [place for place in range(1, len(between)) if place != first]
    while left:
        number = int(np.argmin(between[path[-1], left]))
        path.append(left.pop(number))
    return path
