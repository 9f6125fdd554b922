"""The order of a walk against an exact solver of its own, and what is taken against all that could be taken."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse.csgraph import connected_components

from gis_service.field.choice import BARRED, Offer, chosen
from gis_service.field.order import exact, improved, length_of, shortest

Floats = NDArray[np.float64]


def random_between(seed: int, stops: int) -> Floats:
    """Return distances of random points, some of them in a few clusters, place 0 being the start."""
    random = np.random.default_rng(seed)
    middles = random.random((3, 2)) * 1000
    points = np.where(
        random.random((stops + 1, 1)) < 0.5, random.random((stops + 1, 2)) * 1000,
        middles[random.integers(0, 3, stops + 1)] + random.normal(0, 40, (stops + 1, 2)),
    )  # fmt: skip
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=2))


def held_karp(between: Floats) -> float:
    """Return the length of the shortest open walk from place 0, by sets of places as Python keeps them."""
    stops = range(1, len(between))
    best = {(frozenset([stop]), stop): between[0, stop] for stop in stops}
    for size in range(2, len(between)):
        for members in map(frozenset, itertools.combinations(stops, size)):
            for last in members:
                rest = members - {last}
                best[members, last] = min(best[rest, before] + between[before, last] for before in rest)
    return float(min(best[frozenset(stops), last] for last in stops))


def solved(between: Floats) -> float:
    """Return the same from HiGHS: a round trip with a way home of no length, subtours forbidden as they turn up."""
    count = len(between)
    cost = between.copy()
    cost[:, 0] = 0.0
    index = np.arange(count * count).reshape(count, count)
    degrees = np.zeros((2 * count, count * count))
    for place in range(count):
        degrees[place, index[place]] = 1
        degrees[count + place, index[:, place]] = 1
    most = np.ones(count * count)
    most[np.diag(index)] = 0
    limits = [LinearConstraint(degrees, 1, 1)]
    while True:
        found = milp(cost.ravel(), integrality=np.ones(count * count), bounds=Bounds(0, most), constraints=limits)
        assert found.success, found.message
        legs = np.round(found.x).reshape(count, count)
        number, part = connected_components(legs, directed=True, connection="strong")
        if number == 1:
            return float(found.fun)
        for one in range(number):
            inside = np.flatnonzero(part == one)
            row = np.zeros(count * count)
            row[index[np.ix_(inside, inside)].ravel()] = 1
            limits.append(LinearConstraint(row[None], -np.inf, len(inside) - 1))


@pytest.mark.parametrize("stops", [1, 2, 3, 5, 7, 9])
def test_few_stops_are_walked_as_shortly_as_can_be(stops: int) -> None:
    for seed in range(6):
        between = random_between(seed, stops)
        best = held_karp(between)
        for order in (shortest(between), exact(between), improved(between)):
            assert sorted(order) == list(range(stops + 1))
            assert order[0] == 0
        assert length_of(between, shortest(between)) == pytest.approx(best)
        assert length_of(between, improved(between)) <= 1.1 * best


@pytest.mark.parametrize(("stops", "seed"), [(11, 1), (12, 2)])
def test_a_dozen_stops_too(stops: int, seed: int) -> None:
    between = random_between(seed, stops)
    if stops < 12:
        assert held_karp(between) == pytest.approx(solved(between))
    assert length_of(between, shortest(between)) == pytest.approx(solved(between))


@pytest.mark.parametrize(("stops", "seed"), [(13, 3), (14, 4), (15, 5), (15, 6), (18, 7), (18, 8)])
def test_many_stops_are_walked_within_a_tenth_of_the_shortest(stops: int, seed: int) -> None:
    between = random_between(seed, stops)
    best = solved(between)
    assert length_of(between, improved(between)) <= 1.1 * best
    found = length_of(between, shortest(between))
    assert best - 1e-6 <= found <= 1.1 * best
    assert stops > 15 or found == pytest.approx(best)


def made_offer(seed: int, places: int, most: float) -> Offer:
    random = np.random.default_rng(seed)
    minutes = random_between(seed, places) / 30
    things = np.concatenate([np.arange(1, places + 1), random.integers(1, places + 1, 2)])
    return Offer(
        lambda place: minutes[place], things, random.choice([10.0, 15.0], len(things)),
        random.choice([8.0, 12.0, 15.0, 20.0, 40.0, 80.0], len(things)), random.integers(0, 4, len(things)) // 3, most,
    )  # fmt: skip


def minutes_of(offer: Offer, path: list[int], taken: list[int]) -> float:
    walked = sum(float(offer.minutes_from(one)[other]) for one, other in itertools.pairwise(path))
    return walked + float(offer.site[taken].sum())


def worths(offer: Offer, taken: list[int]) -> tuple[float, float]:
    """Return the points of what must be done, and those of the rest."""
    must = offer.must > 0
    return float(offer.score[taken][must[taken]].sum()), float(offer.score[taken][~must[taken]].sum())


def best_of_all(offer: Offer) -> tuple[float, float]:
    """Return the best that any set of things comes to within the time: what must be done first, then the rest."""
    count = len(offer.place)
    between = np.array([offer.minutes_from(place) for place in range(int(offer.place.max()) + 1)])
    walks: dict[tuple[int, ...], float] = {}
    best = (0.0, 0.0)
    for number in range(1, 1 << count):
        taken = [thing for thing in range(count) if number >> thing & 1]
        if worths(offer, taken) <= best or offer.site[taken].sum() > offer.most:
            continue
        places = (0, *sorted(set(offer.place[taken].tolist())))
        if places not in walks:
            walks[places] = held_karp(between[np.ix_(places, places)])
        if walks[places] + offer.site[taken].sum() <= offer.most:
            best = worths(offer, taken)
    return best


def test_what_is_taken_fits_and_comes_near_the_best() -> None:
    shares = []
    for seed in range(16):
        offer = made_offer(seed, 6, (45.0, 70.0, 100.0)[seed % 3])
        path, taken = chosen(offer)
        assert minutes_of(offer, path, taken) <= offer.most
        assert path[0] == 0
        assert sorted(path[1:]) == sorted(set(offer.place[taken].tolist()))
        found, best = worths(offer, taken), best_of_all(offer)
        # What must be done comes first: of that never less than nearly the most there can be.
        assert found[0] >= 0.8 * best[0]
        shares.append(1.0 if best == found else (found[0] * 1e6 + found[1]) / (best[0] * 1e6 + best[1]))
        assert chosen(offer) == (path, taken)
    assert min(shares) >= 0.8
    assert np.mean(shares) >= 0.98


def test_nothing_more_would_fit() -> None:
    for seed in range(12):
        offer = made_offer(100 + seed, 25, 120.0)
        path, taken = chosen(offer)
        for thing in set(range(len(offer.place))) - set(taken):
            place = int(offer.place[thing])
            tried = [path] if place in path else [[*path[:gap], place, *path[gap:]] for gap in range(1, len(path) + 1)]
            assert min(minutes_of(offer, one, [*taken, thing]) for one in tried) > offer.most


def test_where_nobody_can_walk_nobody_is_sent() -> None:
    minutes = np.full((3, 3), BARRED)
    minutes[0, 1] = minutes[1, 0] = 5.0
    np.fill_diagonal(minutes, 0.0)
    offer = Offer(lambda place: minutes[place], np.array([1, 2]), np.array([10.0, 10.0]), np.array([8.0, 80.0]),
                  np.array([0, 1]), 720.0)  # fmt: skip
    assert chosen(offer) == ([0, 1], [0])
    none = Offer(lambda place: np.zeros(place + 1), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0),
                 np.empty(0, dtype=np.int64), 60.0)  # fmt: skip
    assert chosen(none) == ([0], [])
