"""Whether a file's features are the stored ones moved by one vector: a survey from another origin, or on another datum.

Old national systems and local ones are some metres to a hundred metres from CGCS2000, too little for the coordinate
check, which tells systems apart that are half a kilometre from each other. Where the same features are stored already,
their common shift shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.features.staging import Staging
from gis_service.tables import STORED_SRID

Floats = NDArray[np.float64]

LEAST_SHIFT_M: Final = 3.0
"""Shorter ones are within what a phone's position is off. Default of ours."""
LEAST_PAIRS: Final = 8
MOST_SPREAD_M: Final = 1.5
"""Median absolute deviation up to which shifts are one. Default of ours."""
REACH_M: Final = 100.0
_SAME_SHIFT_M: Final = 2.0
_LEAST_SHARE: Final = 0.6
# Houses in rows fit their neighbours as well, one house further on either side; then no shift is said.
_NEXT_BEST: Final = 0.7
_MOST_ROWS: Final = 500
_MOST_NEIGHBOURS: Final = 50_000


@dataclass(frozen=True)
class Shift:
    """How far a file's features lie from the stored ones, in metres to the east and north, by how many pairs."""

    east_m: float
    north_m: float
    pairs: int

    @property
    def said(self) -> str:
        """The shift as a Chinese sentence."""
        parts = [
            f"偏{positive if value > 0 else negative} {abs(value):.0f} 米"
            for value, positive, negative in ((self.east_m, "东", "西"), (self.north_m, "北", "南"))
            if abs(value) >= 0.5
        ]
        return (
            f"整体比已有的同类要素{'、'.join(parts)}(按 {self.pairs:,} 对要素);"
            "可能用了别的坐标系或起算点,入库前请核对。"
        )


def common_shift(shifts: Floats) -> Shift | None:
    """Return the one vector by which all features moved; None when they moved little, or each otherwise.

    Parameters
    ----------
    shifts
        From each stored feature to its new place, shape (n, 2), metres east and north.
    """
    if len(shifts) < LEAST_PAIRS:
        return None
    middle = np.median(shifts, axis=0)
    spread = np.median(np.hypot(*(shifts - middle).T))
    if np.hypot(*middle) <= LEAST_SHIFT_M or spread > MOST_SPREAD_M:
        return None
    return Shift(float(middle[0]), float(middle[1]), len(shifts))


def neighbours_shift(places: Floats, stored: Floats) -> Shift | None:
    """Return the vector that carries most of the stored places onto new ones; None when there is no one such vector.

    Parameters
    ----------
    places, stored
        Of new and of stored features, shapes (n, 2) and (m, 2), metres. Nothing says which one is which: every pair
        within ``REACH_M`` votes for its own vector.
    """
    if len(places) < LEAST_PAIRS or len(stored) < LEAST_PAIRS:
        return None
    tree = shapely.STRtree(shapely.points(stored))
    new, old = tree.query(shapely.points(places), predicate="dwithin", distance=REACH_M)
    if not LEAST_PAIRS <= len(new) <= _MOST_NEIGHBOURS:
        return None
    votes = places[new] - stored[old]
    ballots = shapely.points(votes)
    voter, voted = shapely.STRtree(ballots).query(ballots, predicate="dwithin", distance=_SAME_SHIFT_M)
    support = np.bincount(voter, minlength=len(votes))
    best = int(support.argmax())
    apart = np.hypot(*(votes - votes[best]).T) > 2 * _SAME_SHIFT_M
    rival = int(support[apart].max(initial=0))
    if support[best] < _LEAST_SHARE * len(places) or rival > _NEXT_BEST * support[best]:
        return None
    return common_shift(votes[voted[voter == best]])


def shift_of_staged(conn: Connection, staging: Staging, metric_srid: int) -> Shift | None:
    """Compare some of the staged rows with the stored features: of the same code, else those around them."""
    values = {"community": staging.community, "srid": metric_srid, "most": _MOST_ROWS}
    pairs = np.array(conn.execute(text(_SAME_CODE.format(table=staging.layer.name)), values).all(), dtype=np.float64)
    if len(pairs) >= LEAST_PAIRS:
        return common_shift(pairs[:, :2] - pairs[:, 2:])
    places, stored = (
        np.array(conn.execute(text(one.format(table=staging.layer.name)), values).all(), dtype=np.float64)
        for one in (_NEW, _STORED)
    )
    return neighbours_shift(places, stored) if len(places) and len(stored) else None


_CENTRE: Final = "st_transform(st_centroid({shape}), :srid)"
_SAME_CODE: Final = f"""
select st_x(one), st_y(one), st_x(other), st_y(other) from (
  select {_CENTRE.format(shape="s.geom")} as one, {_CENTRE.format(shape="t.geom")} as other
  from pg_temp.proposed p join pg_temp.staged s using (row)
  join gis.{{table}} t on t.community = :community and t.id = p.id
  where t.data_status <> 'void' limit :most) as pairs
"""
_NEW: Final = f"""
select st_x(one), st_y(one) from (
  select {_CENTRE.format(shape="geom")} as one from pg_temp.staged limit :most) as places
"""
_STORED: Final = f"""
select st_x(one), st_y(one) from (
  select {_CENTRE.format(shape="t.geom")} as one from gis.{{table}} t,
    (select st_setsrid(st_expand(st_extent(geom), {REACH_M / 90_000}), {STORED_SRID}) as box from (
      select geom from pg_temp.staged limit :most) as taken) as around
  where t.community = :community and t.data_status <> 'void' and t.geom && around.box limit 10 * :most) as places
"""
