"""The ground of the sample community: boundary, streets, canals, grids and the land between them.

All geometry is in EPSG:4549 (metres, easting before northing). The skeleton is written down in a local frame, since
a development zone is laid out by people, not by chance; it is then scaled so that the planar area of the boundary is
the reported 5.2 km².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.ops import polygonize, unary_union

AREA_M2 = 5_200_000.0
"""Reported area of the community (5.2 km²)."""

CENTRE = (595_804.0, 3_398_141.0)
"""Easting and northing of 121.0 E, 30.7 N, where the sample lies."""

_TURN = -7.0
"""Degrees by which the street grid is turned: the zone follows old field ditches, not the meridian."""

_BOUNDARY = [
    (1172, -905),
    (1166, -400),
    (1196, 200),
    (1216, 800),
    (1222, 985),
    (1010, 1000),
    (820, 1062),
    (640, 1040),
    (500, 1085),
    (210, 1060),
    (-40, 1098),
    (-230, 1050),
    (-520, 1075),
    (-760, 990),
    (-900, 1010),
    (-985, 930),
    (-1180, 905),
    (-1235, 720),
    (-1190, 640),
    (-1330, 560),
    (-1385, 330),
    (-1320, 190),
    (-1345, -60),
    (-1270, -210),
    (-1290, -420),
    (-1190, -500),
    (-1205, -690),
    (-1060, -770),
    (-1040, -930),
    (-880, -955),
    (-700, -1040),
    (-480, -1010),
    (-330, -1075),
    (-30, -1050),
    (170, -1090),
    (420, -1010),
    (640, -1025),
    (800, -950),
    (1000, -985),
]

_STREETS: list[tuple[str, str, float, list[tuple[float, float]]]] = [
    ("平湖大道", "arterial", 42, [(1128, -1300), (1122, -400), (1150, 200), (1175, 1300)]),
    ("福臻路", "secondary", 24, [(668, -1300), (700, -500), (775, -60), (762, 420), (805, 1300)]),
    ("永兴路", "collector", 18, [(352, -398), (398, -60), (405, 378)]),
    ("永兴路", "collector", 18, [(405, 378), (395, 600), (440, 1300)]),
    ("兴平路", "arterial", 32, [(-15, -1300), (-32, -600), (12, -150), (22, 300), (-45, 700), (-60, 1300)]),
    ("新村路", "collector", 12, [(-216, -2), (-232, -200), (-208, -400), (-245, -700), (-230, -1300)]),
    ("新群路", "secondary", 24, [(-480, -1300), (-455, -600), (-428, -100), (-442, 340), (-505, 800), (-520, 1300)]),
    ("钟新路", "collector", 20, [(-905, -1300), (-868, -500), (-846, 0), (-880, 400), (-935, 1300)]),
    ("曹兴路", "branch", 14, [(-1130, -435), (-1120, -180), (-1150, 60), (-1122, 318)]),
    ("新凯路", "collector", 20, [(-1600, 730), (-800, 795), (-200, 765), (400, 810), (1400, 838)]),
    ("昌盛路", "arterial", 36, [(-1600, 290), (-900, 335), (-300, 385), (300, 372), (800, 402), (1400, 432)]),
    ("宏建路", "collector", 20, [(-847, -30), (-430, 12), (0, -14), (400, -10), (770, 40), (1400, 30)]),
    ("新明路", "secondary", 28, [(-1600, -432), (-870, -445), (-200, -395), (350, -405), (1400, -378)]),
    ("平成路", "collector", 18, [(-893, -790), (-465, -735), (-25, -768), (350, -715), (685, -742)]),
    ("新融路", "branch", 14, [(686, -640), (900, -660), (1125, -645)]),
    ("钟埭路", "branch", 14, [(-1600, 40), (-1150, 60), (-848, -40)]),
    ("创业路", "branch", 12, [(20, 575), (200, 590), (396, 585)]),
    ("科技路", "branch", 12, [(770, 610), (960, 640), (1170, 625)]),
    ("兴工路", "branch", 12, [(1000, 420), (985, 230), (1010, 30)]),
    ("陆家桥路", "branch", 10, [(-655, 355), (-668, 470), (-664, 572)]),
    ("新北路", "branch", 10, [(-226, 0), (-218, 180), (-236, 384)]),
]

_CANALS: list[tuple[str, float, list[tuple[float, float]]]] = [
    (
        "陆家桥港",
        30,
        [
            (-1700, 640),
            (-1150, 560),
            (-800, 600),
            (-500, 590),
            (-280, 640),
            (-60, 560),
            (110, 330),
            (215, 60),
            (300, -190),
            (600, -260),
            (900, -170),
            (1500, -250),
        ],
    ),
    ("人民河", 16, [(285, -130), (190, -330), (150, -560), (235, -800), (170, -1400)]),
    ("联新河", 13, [(590, 1400), (560, 800), (600, 500), (540, 200), (590, -60), (570, -240)]),
]

_GRIDS = ("lujiaqiao", "west", "north", "east", "south_west", "south_east")
"""The six grids in their order: from north to south, and in one band from west to east."""


@dataclass(frozen=True)
class Street:
    """One street with its name, class and carriageway width in metres; the line is its centre line."""

    name: str
    kind: str
    width_m: float
    line: LineString

    @property
    def surface(self) -> Polygon:
        """The paved area."""
        return self.line.buffer(self.width_m / 2, cap_style="flat", join_style="mitre")


@dataclass(frozen=True)
class Ground:
    """The community before anything is built.

    Attributes
    ----------
    boundary
        One polygon of exactly 5.2 km² in EPSG:4549.
    streets
        Public streets, one per name and stretch, clipped to the boundary.
    canals
        Name, centre line and water surface.
    grids
        Six polygons by key, tiling the boundary; their edges are shared vertex by vertex.
    blocks
        What lies between streets and banks, largest first.
    """

    boundary: Polygon
    streets: list[Street]
    canals: list[tuple[str, LineString, Polygon]]
    grids: dict[str, Polygon]
    blocks: list[Polygon]

    @property
    def paved(self) -> MultiPolygon:
        """All street surfaces as one geometry."""
        return unary_union([street.surface for street in self.streets])

    @property
    def water(self) -> MultiPolygon:
        """All water surfaces as one geometry."""
        return unary_union([surface for _, _, surface in self.canals])


def smooth(points: list[tuple[float, float]], rounds: int = 3) -> np.ndarray:
    """Return the points with their corners cut (Chaikin), shape (n, 2); both ends stay where they are."""
    path = np.asarray(points, dtype=float)
    for _ in range(rounds):
        ahead = path[:-1] * 0.75 + path[1:] * 0.25
        behind = path[:-1] * 0.25 + path[1:] * 0.75
        middle = np.stack([ahead, behind], axis=1).reshape(-1, 2)
        path = np.vstack([path[:1], middle, path[-1:]])
    return path


class Frame:
    """Turns the local frame of the skeleton into EPSG:4549."""

    def __init__(self) -> None:
        self._scale = (AREA_M2 / Polygon(_BOUNDARY).area) ** 0.5
        angle = np.radians(_TURN)
        self._turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def world(self, points: np.ndarray | Sequence[tuple[float, float]]) -> np.ndarray:
        """Return local points, shape (n, 2), as easting and northing."""
        world: np.ndarray = np.asarray(points, dtype=float) * self._scale @ self._turn + np.asarray(CENTRE)
        return world

    def local(self, point: Point) -> tuple[float, float]:
        """Return a point of EPSG:4549 in the local frame."""
        x, y = (np.array([point.x, point.y]) - np.asarray(CENTRE)) @ self._turn.T / self._scale
        return float(x), float(y)


def longest(geometry: shapely.Geometry) -> LineString:
    """Return the longest line of what a clip left over."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, LineString)]
    return max(parts, key=lambda part: float(part.length))


def polygons(geometry: shapely.Geometry, smallest_m2: float = 0.0) -> list[Polygon]:
    """Return the polygons of a geometry above an area, largest first."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and part.area > smallest_m2]
    return sorted(parts, key=lambda part: -float(part.area))


def lay_out() -> Ground:
    """Return the ground; it holds no chance, so every seed builds on the same streets."""
    frame = Frame()
    boundary = Polygon(frame.world(_BOUNDARY))
    streets = [
        Street(name, kind, width, longest(LineString(frame.world(smooth(points))).intersection(boundary)))
        for name, kind, width, points in _STREETS
    ]
    canals = []
    for name, width, points in _CANALS:
        line = LineString(frame.world(smooth(points, 4)))
        surface = line.buffer(width / 2, cap_style="flat").intersection(boundary)
        canals.append((name, longest(line.intersection(boundary)), surface))
    # A brook ends where the canal it joins begins, so that no water is counted twice.
    main = canals[0][2]
    canals[1:] = [(name, line, polygons(surface.difference(main))[0]) for name, line, surface in canals[1:]]
    paved = unary_union([street.line.buffer(street.width_m / 2 + 5, cap_style="flat") for street in streets])
    banks = unary_union([surface.buffer(9) for _, _, surface in canals])
    return Ground(
        boundary=boundary,
        streets=streets,
        canals=canals,
        grids=_divide(frame, boundary, streets),
        blocks=polygons(boundary.buffer(-4).difference(paved).difference(banks)),
    )


def _divide(frame: Frame, boundary: Polygon, streets: list[Street]) -> dict[str, Polygon]:
    """Cut the boundary into the six grids along street centre lines."""
    cutting = ("钟新路", "兴平路", "昌盛路", "宏建路", "新村路")
    # A street is drawn out at both ends, so that it surely meets the boundary or the street it ends in.
    lines = [_drawn_out(street.line, 40.0) for street in streets if street.name in cutting]
    faces = polygonize(unary_union([boundary.exterior, *lines]))
    parts: dict[str, list[Polygon]] = {key: [] for key in _GRIDS}
    for face in faces:
        inside = face.representative_point()
        if boundary.contains(inside):
            parts[_grid_at(*frame.local(inside))].append(face)
    return {key: unary_union(found) for key, found in parts.items()}


def _drawn_out(line: LineString, by_m: float) -> LineString:
    path = np.asarray(line.coords)
    first = path[0] + (path[0] - path[1]) / np.linalg.norm(path[0] - path[1]) * by_m
    last = path[-1] + (path[-1] - path[-2]) / np.linalg.norm(path[-1] - path[-2]) * by_m
    return LineString([first, *path, last])


def _across(name: str, at: float, axis: int) -> float:
    """Return where a street lies at a local y (axis 0: its x) or at a local x (axis 1: its y)."""
    path = np.vstack([smooth(points) for street, _, _, points in _STREETS if street == name])
    order = np.argsort(path[:, 1 - axis])
    return float(np.interp(at, path[order, 1 - axis], path[order, axis]))


def _grid_at(x: float, y: float) -> str:
    if x > _across("兴平路", y, 0):
        return "east"
    if x < _across("钟新路", y, 0):
        return "west"
    if y > _across("昌盛路", x, 1):
        return "lujiaqiao"
    if y > _across("宏建路", x, 1):
        return "north"
    return "south_east" if x > _across("新村路", y, 0) else "south_west"


def turned(geometry: shapely.Geometry, degrees: float, about: Point) -> shapely.Geometry:
    """Return a geometry turned counter-clockwise about a point."""
    return affinity.rotate(geometry, degrees, origin=about)
