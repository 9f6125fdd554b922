"""Distances on foot in one community: along its streets, or straight where none are recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sqlalchemy.engine import Connection

from gis_service.analysis.frames import read_frame
from gis_service.analysis.streets import (
    SNAP_M,
    Floats,
    Integers,
    Nearness,
    Network,
    Snapped,
    Ways,
    build_network,
    snap,
    ways,
)
from gis_service.areas import Area
from gis_service.scope import Scope

Points = NDArray[np.object_]


@dataclass(frozen=True)
class Stood:
    """Places one may walk from and to: coordinates in metres, shape (n, 2), and where they reach the streets.

    ``snapped`` is None where no streets are recorded.
    """

    at: Floats
    snapped: Snapped | None

    def __len__(self) -> int:
        """Return how many places there are."""
        return len(self.at)

    def some(self, chosen: NDArray[np.bool_]) -> Stood:
        """Return the places for which ``chosen`` is true."""
        if self.snapped is None:
            return Stood(self.at[chosen], None)
        edge, along, off = self.snapped.edge[chosen], self.snapped.along[chosen], self.snapped.off[chosen]
        return Stood(self.at[chosen], Snapped(edge, along, off))


def joined(parts: Sequence[Stood]) -> Stood:
    """Return the places of several, of at least one, in their order."""
    at = np.concatenate([part.at for part in parts])
    known = [part.snapped for part in parts if part.snapped is not None]
    if not known:
        return Stood(at, None)
    edge, along, off = (np.concatenate([getattr(one, name) for one in known]) for name in ("edge", "along", "off"))
    return Stood(at, Snapped(edge, along, off))


@dataclass(frozen=True)
class Walk:
    """The ways of a community: its streets (None where there are none) and the water that nobody walks through."""

    network: Network | None
    water: shapely.Geometry

    @property
    def way(self) -> str:
        """How distances are taken, in Chinese."""
        if self.network is None:
            return "直线距离(本社区还没有道路数据,未避开水面)"
        return f"沿道路步行(离道路 {SNAP_M:g} 米以内就近上路,不跨水面;道路线相交即视为相通)"

    @property
    def on_foot(self) -> str:
        """The word before a distance: along the streets, or straight."""
        return "直线" if self.network is None else "步行"

    def stand(self, points: Points) -> Stood:
        """Return points in metres as places of these ways."""
        points = np.asarray(points, dtype=object)
        snapped = snap(self.network, points, self.water) if self.network is not None else None
        return Stood(shapely.get_coordinates(points), snapped)

    def to_nearest(self, places: Stood) -> Callable[[Stood], tuple[Floats, Integers]]:
        """Return what tells of each home the metres to its nearest place and that place's number, ``inf`` and −1."""
        if self.network is not None and places.snapped is not None:
            nearness = Nearness(self.network, places.snapped)
            return lambda homes: nearness.of(on_streets(homes))
        tree = cKDTree(places.at) if len(places) else None

        def straight(homes: Stood) -> tuple[Floats, Integers]:
            if tree is None or not len(homes):
                return np.full(len(homes), np.inf), np.full(len(homes), -1, dtype=np.int64)
            metres, number = tree.query(homes.at)
            return metres, number.astype(np.int64)

        return straight

    def ways(self, homes: Stood, places: Stood, limit_m: float) -> Ways:
        """Return the pairs of a place (``facility``) and a home at most ``limit_m`` apart."""
        if self.network is not None and places.snapped is not None:
            return ways(self.network, on_streets(homes), places.snapped, limit_m)
        if not len(places) or not len(homes):
            return Ways(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
        found = cKDTree(places.at).sparse_distance_matrix(cKDTree(homes.at), limit_m, output_type="ndarray")
        return Ways(found["i"].astype(np.int64), found["j"].astype(np.int64), found["v"])


def on_streets(places: Stood) -> Snapped:
    """Return where places reach the streets; ValueError of places of ways that have none."""
    if places.snapped is None:
        raise ValueError("places of other ways, which have no streets")
    return places.snapped


def read_walk(conn: Connection, asked: Scope, area: Area) -> Walk:
    """Return the streets and waters of a community, in its metric system."""
    roads = read_frame(conn, asked, "road", [], srid=area.metric_srid)
    water = read_frame(conn, asked, "water", [], srid=area.metric_srid)
    network = build_network(np.asarray(roads.geometry.array)) if len(roads) else None
    return Walk(network, shapely.union_all(np.asarray(water.geometry.array)))
