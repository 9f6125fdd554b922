"""Parking, waste points and public facilities of the sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import substring, unary_union

from gis_service.sample.ground import Ground
from gis_service.sample.houses import Settlement
from gis_service.sample.industry import Plot, yard
from gis_service.sample.parcels import Parcel
from gis_service.sample.residents import Home
from gis_service.sample.rows import Sheet, chance, pick, points_within

COMMITTEE = "新群社区居委会"

_TIMED_HOURS = "06:30—08:30,18:00—20:00"
_HYDRANTS = 72

_SERVICES: tuple[tuple[str, str, str], ...] = (
    ("新群小区", "party_centre", "新群社区党群服务中心"),
    ("新群小区", "veterans", "新群社区退役军人服务站"),
    ("新群小区", "tongxin", "新群同心家园"),
    ("新群小区", "charity", "新群社区慈善工作站"),
    ("新群小区", "rental_desk", "出租房服务总台"),
    ("新群小区", "mediation", "矛盾调解室"),
    ("新群小区", "reading", "新群书屋"),
    ("新群小区", "clinic", "新群社区卫生服务站"),
    ("陆家桥小区", "culture_hall", "新群文化礼堂"),
    ("陆家桥小区", "elderly", "居家养老服务照料中心"),
)
_SHOPS = {"convenience": 0.36, "restaurant": 0.34, "supermarket": 0.06, "shop": 0.2, "pharmacy": 0.04}


@dataclass
class Amenities:
    """What visits go to: timed waste points and car parks, each as (code, place)."""

    waste: list[tuple[str, Point]] = field(default_factory=list)
    parking: list[tuple[str, Point, int]] = field(default_factory=list)


def equip(
    sheet: Sheet,
    ground: Ground,
    settlement: Settlement,
    parcels: list[Parcel],
    plots: list[Plot],
    homes: list[Home],
    rng: np.random.Generator,
) -> Amenities:
    """Write parking, waste points, facilities and the public buildings they are in."""
    amenities = Amenities()
    _write_parking(sheet, settlement, plots, parcels, amenities, rng)
    _write_waste(sheet, settlement, amenities, rng)
    _write_services(sheet, settlement, parcels)
    _write_street_furniture(sheet, ground, settlement, rng)
    _write_shops(sheet, homes, rng)
    return amenities


def open_ground(settlement: Settlement, key: tuple[str, str]) -> shapely.Geometry:
    """Return the ground of a part that is neither house nor lane nor spot."""
    taken = [house.footprint.buffer(1.0) for house in settlement.houses if (house.estate, house.part) == key]
    taken += [lane.line.buffer(lane.width_m / 2 + 0.4) for lane in settlement.lanes]
    taken += [spot.buffer(0.5) for _, estate, part, spot in settlement.spots if (estate, part) == key]
    return settlement.parts[key].buffer(-2).difference(unary_union(taken)).buffer(-0.4)


def _write_parking(
    sheet: Sheet,
    settlement: Settlement,
    plots: list[Plot],
    parcels: list[Parcel],
    amenities: Amenities,
    rng: np.random.Generator,
) -> None:
    def write(shape: shapely.Geometry, name: str, kind: str, spaces: int, **more: object) -> None:
        code = sheet.serial("TC")
        fill = rng.uniform(1.05, 1.5) if kind in {"estate", "roadside"} else rng.uniform(0.4, 0.95)
        night = int(spaces * fill)
        amenities.parking.append((code, shape.representative_point(), night))
        counted = sheet.ago(rng.uniform(5, 200))
        sheet.add(
            "parking",
            shape,
            code=code,
            name=name,
            kind=kind,
            space_count=spaces,
            night_count=night,
            night_counted_on=counted,
            marked=kind != "temporary",
            **more,
        )

    for use, estate, part, spot in settlement.spots:
        if use == "parking":
            spaces = int(spot.area / 27.5)
            write(
                spot,
                f"{estate}{part}停车场",
                "estate",
                spaces,
                charging_space_count=int(rng.integers(0, 4)),
                accessible_space_count=1,
                area_reported_m2=round(float(spot.area), 0),
                manager=COMMITTEE,
            )
    # Bays were painted where a renewed lane was wide enough; the others stay without.
    wide = [lane for lane in settlement.lanes if lane.line.length > 90]
    for index in rng.choice(len(wide), 22, replace=False):
        lane = wide[index]
        length = min(60.0, lane.line.length * 0.4)
        start = float(rng.uniform(20, lane.line.length - length - 15))
        bays = substring(lane.line, start, start + length).offset_curve(-1.2)
        write(bays, f"{lane.estate}{lane.part}路侧泊位", "roadside", int(length / 6.2), manager=COMMITTEE)
    for plot in [plot for plot in plots if any(firm.above for firm in plot.firms)][:24]:
        at = points_within(yard(plot, 3.0).buffer(-2), 1, 0, rng)[0]
        name = next(firm.name.short for firm in plot.firms)
        write(
            at, f"{name}停车场", "enterprise", int(rng.integers(15, 90)), charging_space_count=int(rng.integers(0, 7))
        )
    for parcel in parcels:
        if parcel.use == "market":
            free = parcel.ground.buffer(-3).difference(unary_union([shed.footprint.buffer(2) for shed in parcel.sheds]))
            at = points_within(free, 1, 0, rng)[0]
            write(
                at,
                "新群农贸市场停车场",
                "public",
                64,
                charging_space_count=6,
                accessible_space_count=2,
                open_hours="全天",
            )


def _write_waste(sheet: Sheet, settlement: Settlement, amenities: Amenities, rng: np.random.Generator) -> None:
    places = [(estate, part, spot.centroid) for use, estate, part, spot in settlement.spots if use == "waste"]
    more = {
        ("陆家桥小区", "西区"): 1,
        ("陆家桥小区", "东区"): 1,
        ("新群小区", "北区"): 2,
        ("新群小区", "西区"): 2,
        ("新群小区", "东区"): 2,
    }
    for key, count in more.items():
        places += [(*key, point) for point in points_within(open_ground(settlement, key), count, 110, rng)]
    rates = rng.uniform(91.5, 98.2, len(places))
    # The community reports about 95 %; the points lie around it, their mean on it.
    rates = np.round(rates - rates.mean() + 95.0, 1)
    for number, ((estate, part, at), rate) in enumerate(zip(places, rates, strict=True), start=1):
        code = sheet.serial("LJ", 3)
        amenities.waste.append((code, at))
        sheet.add(
            "waste_point",
            at,
            code=code,
            name=f"{estate}{part}{number}号投放点",
            kind="timed",
            waste_classes=["recyclable", "perishable", "hazardous", "other"],
            bins=int(rng.integers(6, 14)),
            open_hours=_TIMED_HOURS,
            manager=COMMITTEE,
            accuracy_rate=float(rate),
        )
    others = [("missed", "误时投放点", ["perishable", "other"]), ("recycling", "可回收物回收点", ["recyclable"])]
    for key in settlement.parts:
        free = open_ground(settlement, key)
        for kind, title, classes in others[: 2 if key[0] == "新群小区" else 1]:
            at = points_within(free, 1, 0, rng)[0]
            name = f"{key[0]}{key[1]}{title}"
            _write_other_waste(sheet, at, name, kind, classes, open_hours="全天")
    for estate, part in (("新群小区", "西区"), ("陆家桥小区", "东区")):
        free = open_ground(settlement, (estate, part))
        for kind, title in (
            ("bulky", "大件垃圾堆放点"),
            ("renovation", "装修垃圾堆放点"),
            ("hazardous", "有害垃圾收集点"),
        ):
            _write_other_waste(
                sheet,
                points_within(free, 1, 0, rng)[0],
                f"{estate}{title}",
                kind,
                ["hazardous"] if kind == "hazardous" else ["other"],
            )


def _write_other_waste(sheet: Sheet, at: Point, name: str, kind: str, classes: list[str], **more: object) -> None:
    sheet.add(
        "waste_point",
        at,
        code=sheet.serial("LJ", 3),
        name=name,
        kind=kind,
        waste_classes=classes,
        bins=4,
        manager=COMMITTEE,
        **more,
    )


def _write_services(sheet: Sheet, settlement: Settlement, parcels: list[Parcel]) -> None:
    """Write the public buildings, and the services that are in them."""
    halls: dict[str, Polygon] = {}
    for use, estate, part, spot in settlement.spots:
        if use == "hall":
            halls[estate] = spot.buffer(-5, join_style="mitre")
            _write_public_building(sheet, halls[estate], f"{estate}{part}公共服务用房", "60", 3)
    for estate, kind, name in _SERVICES:
        mates = [other for other, _, _ in _SERVICES if other == estate]
        order = [title for other, _, title in _SERVICES if other == estate].index(name)
        at = halls[estate].buffer(-3).exterior.interpolate((order + 0.5) / len(mates), normalized=True)
        sheet.add(
            "facility", at, code=sheet.serial("SS"), name=name, kind=kind, open_hours="08:30—17:00", manager=COMMITTEE
        )
    for parcel in parcels:
        if parcel.use not in {"school", "market"}:
            continue
        title, use = {"school": ("新群小学（示意）", "40"), "market": ("新群农贸市场", "31")}[parcel.use]
        for number, shed in enumerate(parcel.sheds, start=1):
            _write_public_building(sheet, shed.footprint, f"{title}{number}幢", use, 4 if use == "40" else 2)
        sheet.add(
            "facility",
            parcel.sheds[0].footprint.representative_point(),
            code=sheet.serial("SS"),
            name=title,
            kind=parcel.use,
        )


def _write_public_building(sheet: Sheet, footprint: Polygon, name: str, use: str, floors: int) -> None:
    sheet.add(
        "building",
        footprint,
        code=sheet.building_code(footprint),
        name=name,
        use=use,
        structure="3",
        floors=floors,
        height_m=floors * 3.9,
        floor_area_m2=round(footprint.area * floors, 1),
        year_built=2012,
        self_built=False,
        permit_status="permitted",
        address=name,
    )


def _write_street_furniture(sheet: Sheet, ground: Ground, settlement: Settlement, rng: np.random.Generator) -> None:
    """Write hydrants with their gaps, bus stops, charging points and what else stands along streets and lanes."""

    def write(at: Point, kind: str, name: str, **more: object) -> None:
        sheet.add("facility", at, code=sheet.serial("SS"), name=name, kind=kind, **more)

    for number, (at, street) in enumerate(_along(ground, 205, 2.0, _HYDRANTS - 12, rng), start=1):
        write(at, "hydrant", f"{street}{number}号消火栓", status=_worn(rng), checked_on=sheet.ago(rng.uniform(10, 420)))
    for index in rng.choice(len(settlement.lanes), 12, replace=False):
        lane = settlement.lanes[index]
        at = lane.line.offset_curve(lane.width_m / 2 + 0.7).interpolate(float(rng.uniform(0.2, 0.8)), normalized=True)
        write(
            at,
            "hydrant",
            f"{lane.estate}{lane.part}消火栓",
            status=_worn(rng),
            checked_on=sheet.ago(rng.uniform(10, 420)),
        )
    for at, street in _along(ground, 620, 3.0, 16, rng):
        write(at, "bus_stop", f"{street}站（示意）")
    for (estate, part), count in zip(settlement.parts, (1, 1, 2, 1, 2), strict=True):
        free = open_ground(settlement, (estate, part))
        for at in points_within(free, count, 90, rng):
            outlets = int(rng.choice([10, 12, 20]))
            write(
                at,
                "charging",
                f"{estate}{part}电动自行车充电点",
                capacity=outlets,
                manager=COMMITTEE,
                installed_on=sheet.ago(rng.uniform(150, 900)),
            )
        write(points_within(free, 1, 0, rng)[0], "fitness", f"{estate}{part}健身点")
        write(points_within(free, 1, 0, rng)[0], "toilets", f"{estate}{part}公共厕所")
    for estate, part in (("陆家桥小区", "东区"), ("新群小区", "西区")):
        write(
            points_within(open_ground(settlement, (estate, part)), 1, 0, rng)[0],
            "fire_post",
            f"{estate}微型消防站",
            manager=COMMITTEE,
        )
    for number, (key, code) in enumerate(sheet.grid_codes.items(), start=1):
        cell = ground.grids[key]
        nearest = min((street.line for street in ground.streets), key=lambda line: float(line.distance(cell.centroid)))
        at = (
            shapely.ops.nearest_points(cell.buffer(-30), nearest)[0]
            if shapely.intersects(cell, nearest)
            else cell.representative_point()
        )
        write(at, "grid_station", f"第{'一二三四五六'[number - 1]}网格工作站", remark=code)


def _worn(rng: np.random.Generator) -> str:
    return pick(rng, {"intact": 0.9, "damaged": 0.08, "lost": 0.02})


def _along(
    ground: Ground, every_m: float, off_kerb_m: float, count: int, rng: np.random.Generator
) -> list[tuple[Point, str]]:
    """Return points on the verges of the streets, on either side by turns, some left out by chance."""
    found: list[tuple[Point, str]] = []
    paved, water = ground.paved, ground.water
    for street in ground.streets:
        for index, at in enumerate(np.arange(every_m * float(rng.uniform(0.2, 0.6)), street.line.length, every_m)):
            side = 1 if index % 2 else -1
            verge: LineString = street.line.offset_curve(side * (street.width_m / 2 + off_kerb_m))
            point = verge.interpolate(float(at))
            if ground.boundary.contains(point) and not water.intersects(point) and not paved.contains(point):
                found.append((point, street.name))
    kept = np.sort(rng.choice(len(found), min(count, len(found)), replace=False))
    return [found[index] for index in kept]


def _write_shops(sheet: Sheet, homes: list[Home], rng: np.random.Generator) -> None:
    words = {
        "convenience": "便利店",
        "restaurant": "小吃店",
        "supermarket": "生活超市",
        "shop": "五金店",
        "pharmacy": "药店",
    }
    for home in homes:
        if home.shop and chance(rng, 0.75):
            kind = pick(rng, _SHOPS)
            at = home.house.footprint.representative_point()
            sheet.add(
                "facility",
                at,
                code=sheet.serial("SS"),
                name=f"{home.address}{words[kind]}",
                kind=kind,
                address=home.address,
            )
