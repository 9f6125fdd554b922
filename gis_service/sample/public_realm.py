"""The public ground of the sample as rows: roads, canals, greens and the lines beneath and above the lanes.

The lanes turned from concrete to asphalt (白改黑) have together a little over 40,000 m²; the others are as they were.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import substring, unary_union

from gis_service.sample.ground import Ground, Street, polygons
from gis_service.sample.houses import Lane, Settlement
from gis_service.sample.rows import Sheet, chance, pick

RENEWED_M2 = 40_000.0

_KINDS = {"arterial": "major_road", "secondary": "major_road", "collector": "minor_road", "branch": "minor_road"}
_GREEN_USES = {"park": "garden"}
_TAKEN = {"intact": 0.5, "vegetables": 0.26, "parking": 0.1, "trodden": 0.08, "stacked": 0.06}


def write_roads(sheet: Sheet, ground: Ground, settlement: Settlement, rng: np.random.Generator) -> None:
    """Write public streets from crossing to crossing, and each lane of the estates."""
    crossings = unary_union([street.line for street in ground.streets])
    for street in ground.streets:
        for piece in _between_crossings(street, ground.streets):
            if piece.length < 8 or not crossings.intersects(piece):
                continue
            sheet.add(
                "road",
                piece,
                code=sheet.serial("DL"),
                name=street.name,
                kind=_KINDS[street.kind],
                surface="asphalt",
                condition=pick(rng, {"good": 0.68, "fair": 0.27, "poor": 0.05}),
                width_m=street.width_m,
                area_m2=round(piece.length * street.width_m, 1),
                fire_lane=True,
                lit=street.kind != "branch",
            )
    renewed = _renewed(settlement.lanes, rng)
    numbers: Counter[str] = Counter()
    for lane, is_new in zip(settlement.lanes, renewed, strict=True):
        numbers[lane.estate] += 1
        worn = {"fair": 0.34, "poor": 0.44, "failed": 0.22}
        sheet.add(
            "road",
            lane.line,
            code=sheet.serial("DL"),
            name=f"{lane.estate}{numbers[lane.estate]}弄",
            kind="estate_road",
            surface="asphalt" if is_new else "concrete",
            condition=pick(rng, {"good": 0.83, "fair": 0.17} if is_new else worn),
            width_m=lane.width_m,
            clear_height_m=round(float(rng.uniform(4.0, 5.5) if is_new else rng.uniform(3.2, 4.8)), 1),
            area_m2=round(lane.line.length * lane.width_m, 1),
            renewed_on=sheet.ago(rng.uniform(200, 980)) if is_new else None,
            fire_lane=lane.line.length > 60,
            lit=chance(rng, 0.9 if is_new else 0.6),
            manager="新群社区居委会",
        )


def _between_crossings(street: Street, streets: list[Street]) -> list[LineString]:
    """Cut a street where others meet it, at their ends as well, so that the pieces join into a network."""
    cuts = {0.0, street.line.length}
    for other in streets:
        if other is street:
            continue
        for part in shapely.get_parts(street.line.intersection(other.line)):
            if isinstance(part, Point):
                cuts.add(street.line.project(part))
        for end in (Point(other.line.coords[0]), Point(other.line.coords[-1])):
            if end.distance(street.line) < 1.0:
                cuts.add(street.line.project(end))
    order = sorted(cuts)
    return [substring(street.line, start, end) for start, end in pairwise(order) if end - start > 1]


def _renewed(lanes: list[Lane], rng: np.random.Generator) -> list[bool]:
    """Choose lanes to renew until the reported area is just passed; the oldest part's were left for later."""
    areas = np.array([round(lane.line.length * lane.width_m, 1) for lane in lanes])
    turn = rng.random(len(lanes)) + np.array([0.55 if lane.part == "西区" else 0.0 for lane in lanes])
    chosen = np.zeros(len(lanes), dtype=bool)
    for index in np.argsort(turn, kind="stable"):
        missing = RENEWED_M2 - areas[chosen].sum()
        if missing <= 0:
            break
        # The works ended with the smallest lane that fulfilled the plan.
        fitting = [other for other in range(len(lanes)) if not chosen[other] and areas[other] >= missing]
        chosen[min(fitting, key=lambda other: areas[other]) if fitting and missing < areas.max() else index] = True
    return [bool(value) for value in chosen]


def write_water(sheet: Sheet, ground: Ground) -> None:
    """Write the canals."""
    for name, line, surface in ground.canals:
        sheet.add(
            "water",
            surface,
            code=sheet.serial("SX", 2),
            name=name,
            kind="river",
            width_m=round(surface.area / line.length, 1),
            fenced=name != "人民河",
            fire_intake=name == "陆家桥港",
        )


def write_greens(
    sheet: Sheet, ground: Ground, settlement: Settlement, strips: list[Polygon], rng: np.random.Generator
) -> None:
    """Write banks, parks, verges and the small greens between the houses, some of them taken for other things."""
    paved = unary_union([street.line.buffer(street.width_m / 2 + 5, cap_style="flat") for street in ground.streets])
    banks = unary_union([surface.buffer(8.5) for _, _, surface in ground.canals])
    for bank in polygons(banks.difference(ground.water).difference(paved).intersection(ground.boundary), 250):
        _write_green(sheet, bank, "滨河绿带", "waterside", "intact")
    for strip in strips:
        large = strip.area > 30_000
        kind = "park" if large else "protection" if strip.area > 2_500 else "roadside"
        name = {"park": "新群滨河公园", "protection": "防护绿地", "roadside": "道路绿化带"}[kind]
        _write_green(sheet, strip, name, kind, "intact")
    for use, estate, part, ground_of in settlement.spots:
        if use in _GREEN_USES:
            _write_green(sheet, ground_of, f"{estate}{part}游园", "garden", pick(rng, {"intact": 0.7, "trodden": 0.3}))
    _write_small_greens(sheet, settlement, rng)


def _write_green(sheet: Sheet, shape: Polygon, name: str, kind: str, occupation: str) -> None:
    sheet.add("green", shape, code=sheet.serial("LD"), name=name, kind=kind, occupation=occupation)


def _write_small_greens(sheet: Sheet, settlement: Settlement, rng: np.random.Generator) -> None:
    houses = unary_union([house.footprint.buffer(1.2) for house in settlement.houses])
    lanes = unary_union([lane.line.buffer(lane.width_m / 2 + 0.6, cap_style="flat") for lane in settlement.lanes])
    spots = unary_union([spot.buffer(1) for _, _, _, spot in settlement.spots])
    for (estate, _), part in settlement.parts.items():
        # Opening by two metres drops the gaps between walls and leaves the patches people really fight about.
        free = part.buffer(-1).difference(houses).difference(lanes).difference(spots).buffer(-1.9).buffer(1.7)
        for patch in polygons(free, 45):
            if patch.area < 900 and chance(rng, 0.62):
                _write_green(sheet, patch, f"{estate}宅间绿地", "estate_green", pick(rng, _TAKEN))


def write_utility_lines(sheet: Sheet, ground: Ground, settlement: Settlement, rng: np.random.Generator) -> None:
    """Write what lies under the lanes since the works, the old wires left above, and the mains along the streets."""
    for lane in settlement.lanes:
        laid = sheet.ago(rng.uniform(230, 980))
        for kind, offset, depth, share in (
            ("power", 1.3, 0.7, 0.9),
            ("telecom", 0.8, 0.6, 0.82),
            ("sewage", -0.3, 1.6, 1.0),
            ("storm", -1.0, 1.1, 0.8),
            ("gas", -1.6, 0.9, 0.62),
        ):
            if chance(rng, share):
                _write_line(
                    sheet, lane.line.offset_curve(offset), kind, "underground", "in_use", laid_on=laid, depth_m=depth
                )
        if chance(rng, 0.4):
            state = pick(rng, {"tangled": 0.5, "idle": 0.35, "in_use": 0.15})
            _write_line(sheet, _slung(lane.line, rng), "telecom", pick(rng, {"overhead": 0.7, "wall": 0.3}), state)
        if chance(rng, 0.1):
            _write_line(sheet, lane.line.offset_curve(2.0), "power", "overhead", "in_use")
    for street in ground.streets:
        edge = street.width_m / 2
        for kind, offset, diameter in (("storm", -0.4, 800), ("sewage", 0.4, 500), ("water", 0.7, 300)):
            if street.kind != "branch" or kind != "water":
                line = street.line.offset_curve(offset * edge)
                _write_line(sheet, line, kind, "underground", "in_use", diameter_mm=diameter, depth_m=1.8)
        if street.kind in {"arterial", "secondary"}:
            _write_line(
                sheet,
                street.line.offset_curve(-0.75 * edge),
                "gas",
                "underground",
                "in_use",
                diameter_mm=200,
                depth_m=1.2,
            )
        overhead = street.kind in {"branch", "collector"}
        _write_line(
            sheet, street.line.offset_curve(edge + 1.2), "power", "overhead" if overhead else "underground", "in_use"
        )


def _slung(lane: LineString, rng: np.random.Generator) -> LineString:
    """Return a wire that hangs from wall to wall across a lane."""
    steps = np.arange(0, lane.length, 14.0)
    points = [np.array(lane.interpolate(float(at)).coords[0]) for at in steps]
    if len(points) < 2:
        return lane
    return LineString([point + rng.normal(0, 2.1, 2) for point in points])


def _write_line(sheet: Sheet, line: LineString, kind: str, laying: str, state: str, **more: object) -> None:
    inside = line.intersection(sheet.boundary)
    if inside.is_empty:
        return
    sheet.add("utility_line", inside, code=sheet.serial("GX"), kind=kind, laying=laying, state=state, **more)
