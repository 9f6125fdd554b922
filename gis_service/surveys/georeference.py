"""The coordinate check (坐标检查): every system a file may be in, tried against what is known of the community.

A wrong system puts rows elsewhere, often only some hundred metres away (GCJ-02, BD-09), where they look as plausible.
So each system that fits the numbers is tried: how many points it puts inside the community, and whether the points then
have to do with the map at all. At their true place points keep to buildings, roads and water, or keep out of them;
shifted by some hundred metres they are independent of them. How far the shares differ from those of shifted copies, in
standard deviations, is the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.coordinates import (
    BD09,
    GCJ02,
    STORED_CRS,
    crs_title,
    is_geographic,
    is_shifted,
    transform,
    zone_prefixed_srid,
)
from gis_service.surveys.files.datum import EASTING_M, MERCATOR, MERCATOR_M, NORTHING_M, Claim
from gis_service.surveys.files.reading import Sheet
from gis_service.surveys.questions import OpenQuestionError, Option, Question
from gis_service.tables import STORED_SRID
from layers.layer import Layer

Floats = NDArray[np.float64]

CLEAR_FIT, CLEAR_MARGIN = 5.0, 3.0
"""Standard deviations a system must fit by, and by which it must be ahead of the next, to be taken without asking."""
_SHIFTS_M: Final = (230.0, 370.0, 520.0, 710.0)
_DIRECTIONS: Final = 8
_ON_ROAD_M, _SAME_PLACE_M = 10.0, 3.0
_MOST_REFERENCES: Final = 20_000
_NEAR_DEG: Final = 0.03
"""About three kilometres; BD-09 is off by one."""
_FEW: Final = 10
_ALL_INSIDE, _LEAST_OUTSIDE, _LEAST_SHARE_OUTSIDE = 0.98, 3, 0.1
"""A survey lies in its community: where the claimed system puts this share of its points inside, one that puts so many,
and so great a share, of them outside isn't meant. Defaults of ours."""
_TAKEN_AT_ITS_WORD: Final = frozenset({Claim.NAMED})
"""Claims that are taken where the map can't tell. What programs write of themselves is evidence only: most files in
GCJ-02 say that they are in WGS 84."""
_RARE_SHARE: Final = 0.01
_TITLES: Final = {
    STORED_CRS: "EPSG:4490 经纬度(与 EPSG:4326 相差不到 1 米,不必区分)",
    GCJ02: "GCJ-02 高德、腾讯",
    BD09: "BD-09 百度",
}
_MOST_SHOWN: Final = 60
_SHIFTED: Final = (STORED_CRS, GCJ02, BD09)
_MOST_DEGREES: Final = 360.0


def _title(crs: str) -> str:
    return _TITLES.get(crs) or crs_title(crs)


@dataclass(frozen=True)
class Known:
    """What is known of the map, of one kind, in metres; a point counts within ``within_m`` metres of it.

    ``rare`` is what points don't meet by chance: the very place of a feature of their own layer.
    """

    tree: shapely.STRtree
    within_m: float = 0.0
    rare: bool = False

    def share(self, points: Floats) -> float:
        """Return the share of points, shape (n, 2), that lie on it."""
        found = self.tree.query(shapely.points(points), predicate="dwithin", distance=self.within_m)[0]
        return len(np.unique(found)) / len(points)


@dataclass(frozen=True)
class Candidate:
    """One system a file may be in: the share of its points inside the community, and how well they fit the map.

    ``fit`` is None where nothing was compared: no other system puts the points near the community (``alone``), or
    nothing that is stored lies near them.
    """

    crs: str
    inside: float
    fit: float | None
    alone: bool = False

    @property
    def title(self) -> str:
        """The system as an office knows it."""
        return _title(self.crs)

    @property
    def reason(self) -> str:
        """What speaks for it, in Chinese."""
        if self.alone:
            fit = "只有它落在社区附近"
        else:
            fit = "附近没有已有要素可对照" if self.fit is None else f"与已有楼栋、道路、水面的吻合度 {self.fit:.1f}"
        return f"社区内 {self.inside:.0%},{fit}"

    def option(self, places: Floats) -> Option:
        """Return it as a possible answer, with where some rows (shape (n, 2), degrees) would lie."""
        shown = places[:: len(places) // _MOST_SHOWN + 1].round(6).tolist()
        score = self.inside if self.fit is None else round(self.fit, 2)
        return Option(self.crs, self.title, score, self.reason, tuple((x, y) for x, y in shown))

    @property
    def said(self) -> str:
        """The system with its reasons, in Chinese."""
        return f"{self.title}({self.reason})"


@dataclass(frozen=True)
class Verdict:
    """The system to read a file in, and a Chinese sentence on how it was checked."""

    crs: str
    said: str


def check_system(conn: Connection, layer: Layer, area: Area, sheet: Sheet) -> Verdict:
    """Return the system a file is in.

    What the sender states is taken. What the file says in words is taken unless the map speaks clearly against it.
    What programs declare, what a format prescribes and what nobody says must be clear from the map.

    Raises
    ------
    OpenQuestionError
        When several systems are possible, or the file's own claim is contradicted.
    """
    boundary = _boundary(conn, area)
    if sheet.claim is Claim.STATED or boundary is None or not sheet.sample:
        return Verdict(sheet.crs, "")
    points = np.array(sheet.sample, dtype=np.float64)
    read_as = _comparable(sheet.crs, points)
    if read_as is None:
        return Verdict(sheet.crs, "")
    systems = possible_systems(points, read_as, area.metric_srid)
    placed = {crs: np.column_stack(transform(points[:, 0], points[:, 1], crs, STORED_CRS)) for crs in systems}
    shares = {crs: float(shapely.intersects_xy(boundary, at[:, 0], at[:, 1]).mean()) for crs, at in placed.items()}
    live = _near(boundary, placed, shares, read_as)
    if not live or live == [read_as]:
        return Verdict(sheet.crs, "")
    if sheet.claim is not Claim.VALUES and _only_inside(live, shares, read_as, len(points)):
        others = "、".join(f"{_title(crs)} {shares[crs]:.0%}" for crs in live if crs != read_as)
        return Verdict(
            sheet.crs, f"用 {len(points)} 个点核对:社区内 {shares[read_as]:.0%},按别的坐标系更少({others})。"
        )
    if len(live) == 1:
        return _decided(sheet, read_as, [Candidate(live[0], shares[live[0]], None, alone=True)], placed)
    fits = _fits(conn, layer, area, {crs: placed[crs] for crs in live})
    order = sorted(live, key=lambda crs: (-(fits[crs] or 0.0), -shares[crs], crs != read_as))
    return _decided(sheet, read_as, [Candidate(crs, shares[crs], fits[crs]) for crs in order], placed)


def _comparable(crs: str, points: Floats) -> str | None:
    """Return the system that numbers were read in, as one of those that are compared.

    A geographic system that a file describes or that has another code is CGCS2000 as far as its numbers tell; metres in
    a system without a code can't be read in another one (None).
    """
    if np.abs(np.median(points, axis=0)).max() <= _MOST_DEGREES:
        return crs if crs in _SHIFTED else STORED_CRS
    return crs if crs.startswith("EPSG:") and not is_geographic(crs) else None


def _only_inside(live: list[str], shares: dict[str, float], claimed: str, number: int) -> bool:
    """Say whether the claimed system puts the points inside the community, and any other one many of them outside."""
    most = 1 - max(_LEAST_OUTSIDE / number, _LEAST_SHARE_OUTSIDE)
    others = [shares[crs] for crs in live if crs != claimed]
    return claimed in live and shares[claimed] >= _ALL_INSIDE and max(others, default=0.0) <= most


def _near(boundary: shapely.Geometry, placed: dict[str, Floats], shares: dict[str, float], read_as: str) -> list[str]:
    """Return the systems that the boundary doesn't rule out.

    Another zone is far away. Shifted systems are not, so that few points, or a file that reaches beyond the community,
    may lie inside in the wrong one only: there the boundary rules out what puts hardly any of many points inside.
    """
    most = max(shares.values())
    few = len(next(iter(placed.values()))) < _FEW
    near = {
        crs for crs, at in placed.items()
        if shapely.dwithin(boundary, shapely.Point(np.median(at, axis=0)), _NEAR_DEG) and np.isfinite(at).all()
    }  # fmt: skip
    return [crs for crs in placed if crs in near and (few or crs == read_as or shares[crs] >= most / 10)]


def possible_systems(points: Floats, read_as: str, metric_srid: int) -> tuple[str, ...]:
    """Return the systems that the numbers of points, shape (n, 2), may be in; the one they were read in first."""
    x, y = np.median(points, axis=0)
    if np.abs([x, y]).max() <= _MOST_DEGREES:
        # Where GCJ-02 shifts nothing, far from China, neither it nor BD-09 is in use.
        shifted = _SHIFTED if is_shifted(x, y) else (STORED_CRS,)
        return tuple(dict.fromkeys((read_as, *shifted)))
    found = [read_as]
    if _between(x, MERCATOR_M[0]) and _between(y, MERCATOR_M[1]):
        found.append(MERCATOR)
    prefixed = zone_prefixed_srid(float(x))
    if prefixed is not None:
        found.append(f"EPSG:{prefixed}")
    if _between(x, EASTING_M) and _between(y, NORTHING_M):
        found += [f"EPSG:{metric_srid + step}" for step in (0, -1, 1) if 4534 <= metric_srid + step <= 4554]
    return tuple(dict.fromkeys(found))


def _between(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _decided(sheet: Sheet, read_as: str, ranked: list[Candidate], placed: dict[str, Floats]) -> Verdict:
    best, number = ranked[0], len(placed[ranked[0].crs])
    fits = [one.fit or 0.0 for one in ranked]
    clear = best.alone or (fits[0] >= CLEAR_FIT and all(fits[0] - other >= CLEAR_MARGIN for other in fits[1:]))
    claimed = next((one for one in ranked if one.crs == read_as), None)
    checked = f"用 {number} 个点核对:{best.said}"
    if clear and (best is claimed or sheet.claim in {Claim.FORMAT, Claim.VALUES}):
        against = "" if best is claimed else f",与{'格式的规定' if sheet.claim is Claim.FORMAT else '按数值的理解'}不同"
        return Verdict(
            sheet.crs if best is claimed else best.crs,
            f"{checked}{'' if best.fit is None else ',明显好于别的坐标系'}{against}。",
        )
    if not clear and claimed is not None and sheet.claim in _TAKEN_AT_ITS_WORD:
        return Verdict(sheet.crs, f"已有数据不足以核对坐标系({checked}),按文件所写。")
    listed = ";".join(one.said for one in ranked)
    apart = ";经纬度、GCJ-02 与 BD-09 相差几百米,数值上分不开" if best.crs in _SHIFTED else ""
    why = "与文件所写的不符" if clear else "可能是几种之一"
    raise OpenQuestionError(
        [Question("crs", "这份文件用的是哪种坐标系?", tuple(one.option(placed[one.crs]) for one in ranked))],
        f"坐标系{why}:{listed}{apart};请用 --crs 说明,例如 --crs {best.crs}。",
        f"The coordinate system is open: {', '.join(one.crs for one in ranked)}.",
    )  # fmt: skip


def _boundary(conn: Connection, area: Area) -> shapely.Geometry | None:
    found = conn.execute(
        text("select st_asbinary(geom) from gis.community where community = :c and code = :c"), {"c": area.code}
    ).scalar()
    return None if found is None else shapely.from_wkb(bytes(found))


def _fits(conn: Connection, layer: Layer, area: Area, placed: dict[str, Floats]) -> dict[str, float | None]:
    every = np.concatenate(list(placed.values()))
    west, south = every.min(axis=0) - 0.01
    east, north = every.max(axis=0) + 0.01
    box = {"c": area.code, "w": west, "s": south, "e": east, "n": north, "srid": area.metric_srid}
    known = [
        Known(shapely.STRtree(_reference(conn, "building", "geom", box))),
        Known(shapely.STRtree(_reference(conn, "water", "geom", box))),
        Known(shapely.STRtree(_reference(conn, "road", "geom", box)), _ON_ROAD_M),
        Known(shapely.STRtree(_reference(conn, layer.name, "st_centroid(geom)", box)), _SAME_PLACE_M, rare=True),
    ]
    if not any(len(one.tree) for one in known):
        return dict.fromkeys(placed)
    metric = f"EPSG:{area.metric_srid}"
    return {
        crs: fit_of(np.column_stack(transform(at[:, 0], at[:, 1], STORED_CRS, metric)), known)
        for crs, at in placed.items()
    }


def _reference(conn: Connection, table: str, shape: str, box: dict[str, object]) -> NDArray[np.object_]:
    rows = conn.execute(
        text(
            f"select st_asbinary(st_transform({shape}, :srid)) from gis.{table} where community = :c"
            f" and geom && st_makeenvelope(:w, :s, :e, :n, {STORED_SRID}) limit {_MOST_REFERENCES}"
        ),
        box,
    ).scalars()
    return np.asarray(shapely.from_wkb([bytes(row) for row in rows]), dtype=object)


def fit_of(points: Floats, known: Sequence[Known]) -> float:
    """Return by how many standard deviations points keep to, or out of, what is known, more than shifted copies do.

    Parameters
    ----------
    points
        Shape (n, 2), metres.
    """
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS + 0.2
    steps = [(r * np.cos(angle), r * np.sin(angle)) for r in _SHIFTS_M for angle in angles]
    number, total = len(points), 0.0
    for one in known:
        if not len(one.tree):
            continue
        here = one.share(points)
        there = np.array([one.share(points + step) for step in steps])
        middle = float(there.mean())
        # Shares of few points scatter by themselves; copies that happen to agree mustn't make a difference look sure.
        doubt = _RARE_SHARE if one.rare else 1 / number
        least = np.sqrt((middle + doubt) * (1 - middle + doubt) / number)
        total += ((here - middle) / max(float(there.std()), float(least))) ** 2
    return float(np.sqrt(total))
