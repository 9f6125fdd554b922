"""Distances on foot in one community: along its streets, or straight where none are recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sqlalchemy.engine import Connection

from gis_service.analysis.frames import read_frame
from gis_service.analysis.streets import Floats, Integers, Network, build_network, distances, nearest, snap
from gis_service.areas import Area
from gis_service.scope import Scope

Points = NDArray[np.object_]


@dataclass(frozen=True)
class Walk:
    """The ways of a community: its streets (None where there are none) and the water that nobody walks through."""

    network: Network | None
    water: shapely.Geometry

    @property
    def way(self) -> str:
        """How distances are taken, in Chinese."""
        if self.network is None:
            return "直线距离(本社区还没有道路数据)"
        return "沿道路步行(就近上路,不跨水面;道路线相交即视为相通)"

    def nearest(self, homes: Points, places: Points) -> tuple[Floats, Integers]:
        """Return for each home the metres to its nearest place, and that place's number; ``inf`` and −1 for none."""
        if self.network is not None:
            return nearest(self.network, snap(self.network, homes, self.water), snap(self.network, places, self.water))
        if not len(places) or not len(homes):
            return np.full(len(homes), np.inf), np.full(len(homes), -1, dtype=np.int64)
        metres, number = cKDTree(shapely.get_coordinates(places)).query(shapely.get_coordinates(homes))
        return metres, number.astype(np.int64)

    def distances(self, homes: Points, places: Points, limit_m: float) -> Floats:
        """Return metres from each place to each home, shape (places, homes); ``inf`` beyond ``limit_m``."""
        if not len(places) or not len(homes):
            return np.full((len(places), len(homes)), np.inf)
        if self.network is None:
            found = cdist(shapely.get_coordinates(places), shapely.get_coordinates(homes))
        else:
            at_home, at_place = (snap(self.network, one, self.water) for one in (homes, places))
            found = distances(self.network, at_home, at_place, limit_m)
        return np.where(found <= limit_m, found, np.inf)


def read_walk(conn: Connection, asked: Scope, area: Area) -> Walk:
    """Return the streets and waters of a community, in its metric system."""
    roads = read_frame(conn, asked, "road", [], srid=area.metric_srid)
    water = read_frame(conn, asked, "water", [], srid=area.metric_srid)
    network = build_network(np.asarray(roads.geometry.array)) if len(roads) else None
    return Walk(network, shapely.union_all(np.asarray(water.geometry.array)))
