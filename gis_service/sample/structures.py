"""Illegal structures of the sample: lean-tos in factory yards, most of them gone, and what grows on the houses.

The demolished ones of the campaign have together a little over 18,000 m² of drawn area (reported: 1.8 万余平方米).
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box

from gis_service.sample.industry import Firm, Plot, yard
from gis_service.sample.parcels import long_axis
from gis_service.sample.residents import Home
from gis_service.sample.rows import CAMPAIGN, Sheet, chance, pick, points_within

DEMOLISHED_M2 = 18_000.0
_GONE = {"self_demolished": 0.45, "demolished": 0.4, "reused": 0.15}
_STANDING = {"suspected": 0.35, "determined": 0.2, "stopped": 0.15, "ordered": 0.3}


def build_illegally(sheet: Sheet, plots: list[Plot], homes: list[Home], rng: np.random.Generator) -> None:
    """Write the illegal structures of the works and of the estates."""
    used = [plot for plot in plots if plot.firms]
    # Yards that are shared, or lie behind rented rooms, fill up first.
    weights = np.array([len(plot.firms) + (2.0 if plot.holding in {"let", "absent"} else 0.0) for plot in used])
    left = DEMOLISHED_M2 + float(rng.uniform(20, 90))
    taken: dict[str, shapely.Geometry] = {plot.code: yard(plot) for plot in used}
    standing = 15
    while left > 0 or standing:
        plot = used[int(rng.choice(len(used), p=weights / weights.sum()))]
        size = min(left, float(rng.gamma(3.2, 95)) + 45) if left > 0 else float(rng.uniform(40, 320))
        # What remains at the end must be a whole structure, not a sliver.
        size = left if 0 < left - size < 60 else size
        shape = _lean_to(plot, taken[plot.code], size, rng)
        if shape is None:
            continue
        taken[plot.code] = taken[plot.code].difference(shape.buffer(1.0))
        gone = left > 0
        _write(
            sheet,
            shape,
            rng,
            status=pick(rng, _GONE if gone else _STANDING),
            firm=plot.firms[int(rng.integers(len(plot.firms)))],
        )
        if gone:
            left -= float(shape.area)
            left = 0.0 if left < 1e-6 else left
        else:
            standing -= 1
    for index in rng.choice(len(homes), 46, replace=False):
        _write_home(sheet, homes[index], rng)


def _lean_to(plot: Plot, room: shapely.Geometry, size_m2: float, rng: np.random.Generator) -> Polygon | None:
    """Return a rectangle of the given area along a wall of the plot, or None where there is no room."""
    angle = long_axis(plot.parcel.ground)
    shapely.prepare(room)
    for spot in points_within(room, 14, 8, rng):
        for shape in (1.0, 2.2, 0.45, 4.5, 0.22):
            width = (size_m2 * shape) ** 0.5
            corner = box(
                spot.x - width / 2, spot.y - size_m2 / width / 2, spot.x + width / 2, spot.y + size_m2 / width / 2
            )
            found = affinity.rotate(corner, angle, origin=spot)
            if room.contains(found):
                return found
    return None


def _write(sheet: Sheet, shape: Polygon, rng: np.random.Generator, *, status: str, firm: Firm) -> None:
    found = sheet.ago(rng.uniform(260, 730))
    gone = status in _GONE
    # Most areas were taped on site; a few were paced off or told from memory.
    told = float(rng.choice([0.92, 1.07, 1.12])) if chance(rng, 0.09) else float(rng.uniform(0.994, 1.008))
    reported = shape.area * told
    sheet.add(
        "illegal_structure",
        shape,
        code=sheet.serial("WJ"),
        status=status,
        kind=pick(rng, {"workshop": 0.55, "shed": 0.3, "extension": 0.15}),
        area_reported_m2=round(reported, 1),
        storeys=1,
        found_on=found,
        determined_on=sheet.ago(rng.uniform(200, 255)) if status != "suspected" else None,
        demolished_on=sheet.ago(rng.uniform(10, 195)) if gone else None,
        enterprise_code=firm.code,
        campaign=CAMPAIGN,
        address=firm.plot.address,
    )


def _write_home(sheet: Sheet, home: Home, rng: np.random.Generator) -> None:
    """Write something built on a roof or against the back of a house."""
    on_roof = chance(rng, 0.6)
    ground = home.house.footprint
    if on_roof:
        shape = affinity.scale(
            ground.buffer(-1), float(rng.uniform(0.35, 0.7)), float(rng.uniform(0.35, 0.7)), origin="centroid"
        )
    else:
        edge = ground.exterior.interpolate(float(rng.random()), normalized=True)
        shape = max(
            shapely.get_parts(edge.buffer(2.4, cap_style="square").difference(ground)), key=lambda part: part.area
        )
    status = pick(rng, _STANDING | {"self_demolished": 0.2, "regularised": 0.1})
    sheet.add(
        "illegal_structure",
        shape,
        code=sheet.serial("WJ"),
        status=status,
        kind="roof" if on_roof else pick(rng, {"extension": 0.6, "yard": 0.25, "shed": 0.15}),
        area_reported_m2=round(float(shape.area) * float(rng.uniform(0.97, 1.03)), 1),
        storeys=1,
        found_on=sheet.ago(rng.uniform(120, 700)),
        determined_on=sheet.ago(rng.uniform(60, 118)) if status != "suspected" else None,
        demolished_on=sheet.ago(rng.uniform(5, 58)) if status == "self_demolished" else None,
        building_code=home.code,
        address=home.address,
    )
