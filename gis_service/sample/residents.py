"""Who lives in the sample's houses: households, residents and the rental units, as counts that add up.

The sums are those of the community report: 400 local households, 4,152 residents of whom 1,321 are registered there,
1,400 rental units with 4,218 tenants now and 3,354 before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import shapely
from shapely.geometry import Point

from gis_service.sample.houses import House, Settlement
from gis_service.sample.rows import Sheet, apportion, chance, pick, scatter

HOUSEHOLDS = 400
RESIDENTS = 4_152
LOCAL_RESIDENTS = 1_321
RENTALS = 1_400
TENANTS = 4_218
TENANTS_BEFORE = 3_354

_LET_HOUSES = 462
_VACANT_UNITS = 38
_DEMAND = {("新群小区", "东区"): 1.7, ("新群小区", "西区"): 1.3, ("新群小区", "北区"): 1.0}
"""How sought after each part is: the east lies nearest to the works beyond 兴平路; the rest counts 0.75."""

_VILLAGES = {
    "陆家桥小区": {"陆家桥村": 0.72, "人民村": 0.2, "钟埭村": 0.08},
    "新群小区": {"新群村": 0.52, "钟埭村": 0.24, "人民村": 0.24},
}
_RECHECK_DAYS = {"green": 90, "yellow": 30, "red": 7}

ESTATE_CODES = {"新群小区": "XQ01", "陆家桥小区": "XQ02"}


@dataclass
class Home:
    """A house with the people in it; all of them counts."""

    house: House
    code: str
    grid: str
    address: str
    local: bool
    units: int = 0
    tenants: int = 0
    shop: bool = False
    altered: bool = False


@dataclass(frozen=True)
class Letting:
    """What cases and visits need to know of one rental unit."""

    code: str
    home: Home
    at: Point
    tenants: int
    crowded: bool
    last_visit_on: date | None


def move_in(sheet: Sheet, settlement: Settlement, rng: np.random.Generator) -> tuple[list[Home], list[Letting]]:
    """Write the residential buildings and rental units; return them for those who visit."""
    homes = _homes(sheet, settlement, rng)
    sought = np.array([_DEMAND.get((home.house.estate, home.house.part), 0.75) for home in homes])
    let = np.sort(rng.choice(len(homes), _LET_HOUSES, replace=False, p=sought / sought.sum()))
    pull = sought[let] * rng.gamma(2.5, 1.0, len(let))
    for index, more in zip(let, scatter(pull, RENTALS - len(let), 7, rng), strict=True):
        homes[index].units = 1 + more
    lettings = _let(sheet, [homes[index] for index in let], rng)
    _write_buildings(sheet, homes, rng)
    return homes, lettings


def _homes(sheet: Sheet, settlement: Settlement, rng: np.random.Generator) -> list[Home]:
    local = np.zeros(len(settlement.houses), dtype=bool)
    local[rng.choice(len(local), HOUSEHOLDS, replace=False)] = True
    homes = []
    for house, is_local in zip(settlement.houses, local, strict=True):
        code = sheet.building_code(house.footprint)
        home = Home(house, code, code[:15], f"{house.estate}{house.number}幢", bool(is_local))
        # Shops open where a lane meets the street, and walls are broken for them more often there than elsewhere.
        home.shop = (house.row < 2 and chance(rng, 0.42)) or chance(rng, 0.03)
        home.altered = chance(rng, 0.3 if home.shop else 0.035)
        homes.append(home)
    return homes


def _write_buildings(sheet: Sheet, homes: list[Home], rng: np.random.Generator) -> None:
    local = np.array([home.local for home in homes])
    family = rng.gamma(6, 0.5, len(homes))
    locals_in = np.zeros(len(homes), dtype=int)
    locals_in[local] = [1 + share for share in apportion(family[local], LOCAL_RESIDENTS - HOUSEHOLDS)]
    # Not every tenant stays half a year, and whoever bought a building plot lives here without being registered.
    others = np.array([home.tenants * 0.6 for home in homes]) + np.where(local, 0.0, 3.0)
    incomers = apportion(others, RESIDENTS - LOCAL_RESIDENTS)
    for home, own, incoming in zip(homes, locals_in, incomers, strict=True):
        storeys = int(rng.choice([2, 3, 4], p=[0.2, 0.62, 0.18])) if home.units < 4 else int(rng.choice([3, 4]))
        appraised = home.units > 0 and chance(rng, 0.34)
        sheet.add(
            "building",
            home.house.footprint,
            code=home.code,
            name=home.address,
            use="10",
            structure="4",
            floors=storeys,
            height_m=round(storeys * 3.2 + 1.5, 1),
            floor_area_m2=round(home.house.footprint.area * storeys, 1),
            year_built=2000 + int(rng.choice([0, 0, 0, 0, 1, 1, 2, 4])),
            self_built=True,
            permit_status=pick(rng, {"permitted": 0.18, "none": 0.57, "unknown": 0.25}),
            appraised_on=sheet.ago(rng.uniform(40, 900)) if appraised else None,
            safety_grade=pick(rng, {"A": 0.55, "B": 0.38, "C": 0.07}) if appraised else None,
            structure_altered=home.altered,
            shop_on_ground=home.shop,
            household_local=int(home.local),
            resident_count=int(own + incoming),
            local_population=int(own),
            origin_village=pick(rng, _VILLAGES[home.house.estate]) if home.local else None,
            estate=ESTATE_CODES[home.house.estate],
            address=home.address,
            house_number=f"{home.house.number}幢",
        )


def _let(sheet: Sheet, homes: list[Home], rng: np.random.Generator) -> list[Letting]:
    """Write the rental units of the houses that let."""
    owners = [home for home in homes for _ in range(home.units)]
    now, before = _tenants(owners, rng)
    for home, count in zip(owners, now, strict=True):
        home.tenants += count
    crowded = _crowded(owners, now, rng)
    lettings = []
    first = 0
    for home in homes:
        landlord = _landlord(home, rng)
        room = home.house.footprint.buffer(-1.6).exterior
        for index in range(home.units):
            at = room.interpolate((index + 0.35) / home.units, normalized=True)
            unit = first + index
            lettings.append(_unit(sheet, home, landlord, at, (index, now[unit], before[unit], crowded[unit]), rng))
        first += home.units
    return lettings


def _tenants(owners: list[Home], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return the people in each unit now and at the count before; some units stand empty, some were let since."""
    full = np.ones(RENTALS, dtype=bool)
    full[rng.choice(RENTALS, _VACANT_UNITS, replace=False)] = False
    pull = np.array([_DEMAND.get((home.house.estate, home.house.part), 0.75) for home in owners]) ** 0.5
    pull = np.where(full, pull * rng.gamma(2.2, 1.0, RENTALS), 0.0)
    now = np.array(scatter(pull, TENANTS - int(full.sum()), 9, rng)) + full
    new = rng.random(RENTALS) < 0.11
    change = np.where(new & full, 0.0, np.maximum(now, 1.5) * rng.lognormal(0, 0.28, RENTALS))
    return [int(count) for count in now], apportion(change, TENANTS_BEFORE)


def _crowded(owners: list[Home], now: list[int], rng: np.random.Generator) -> list[bool]:
    odds = [0.012 if count < 3 else 0.033 * count**0.7 for count in now]
    dense = [_DEMAND.get((home.house.estate, home.house.part), 0.75) / 1.3 for home in owners]
    return [count > 1 and chance(rng, odd * more) for count, odd, more in zip(now, odds, dense, strict=True)]


def _landlord(home: Home, rng: np.random.Generator) -> dict[str, object]:
    kind = pick(rng, {"local": 0.9, "sublessor": 0.1} if home.local else {"plot_buyer": 0.86, "sublessor": 0.14})
    return {
        "landlord_kind": kind,
        "landlord_onsite": kind != "sublessor" and chance(rng, 0.58),
        "responsibility_letter": chance(rng, 0.55 if kind == "sublessor" else 0.84),
    }


def _unit(
    sheet: Sheet,
    home: Home,
    landlord: dict[str, object],
    at: Point,
    counts: tuple[int, int, int, bool],
    rng: np.random.Generator,
) -> Letting:
    index, now, before, crowded = counts
    kin = not crowded and now > 1 and chance(rng, 0.55)
    rooms = max(1, now // 3) if crowded or (kin and chance(rng, 0.6)) else max(1, -(-now // 2))
    a_person = float(rng.uniform(3.7, 5.9) if crowded else rng.uniform(6.4, 13.5))
    area = round(max(now, 1) * a_person if crowded else max(now * a_person, 11 + rooms * 4), 1)
    fullest = -(-now // rooms)
    registered = now if chance(rng, 0.8) else int(rng.integers(0, now + 1))
    floor = 1 + index // 2 if home.units <= 6 else 1 + index // 3
    marks: dict[str, bool] = {
        "partitioned": crowded and chance(rng, 0.45),
        "non_habitable_let": chance(rng, 0.06 if crowded else 0.012),
        "hotel_mode": home.units >= 4 and home.house.number % 5 != 0,
    }
    grade, reasons = _grade(home, landlord, marks, (now, registered, fullest, crowded, kin), rng)
    last_visit = sheet.ago(rng.gamma(1.6, 62)) if chance(rng, 0.89) else None
    code = f"{home.code}{index + 1:03d}"
    room = f"{floor}{index + 1:02d}"
    sheet.add(
        "rental_unit",
        at,
        code=code,
        building_code=home.code,
        address=f"{home.address}{room}室",
        floor=floor,
        room=room,
        room_count=rooms,
        usable_area_m2=area,
        letting_use="mixed" if home.shop and index == 0 else "dormitory" if now > 7 else "dwelling",
        rent_status="let" if now else "vacant",
        tenant_count=now,
        tenant_count_prev=before,
        tenant_count_as_of=sheet.ago(0),
        largest_room_persons=fullest,
        count_basis=pick(rng, {"surveyed": 0.62, "declared": 0.28, "estimated": 0.1}),
        kin_household=kin,
        registered_count=registered,
        registration_status="cancelled" if not now else _registration(now, registered),
        grade=grade,
        grade_reasons=reasons or None,
        surveyed_on=last_visit,
        last_visit_on=last_visit,
        next_due_on=last_visit + timedelta(days=_RECHECK_DAYS[grade]) if last_visit else None,
        **marks,
        **landlord,
    )
    return Letting(code, home, at, now, crowded, last_visit)


def _registration(now: int, registered: int) -> str:
    if registered == now:
        return "registered"
    return "unregistered" if registered == 0 else "change_due"


def _grade(
    home: Home,
    landlord: dict[str, object],
    marks: dict[str, bool],
    counts: tuple[int, int, int, bool, bool],
    rng: np.random.Generator,
) -> tuple[str, list[str]]:
    """Return the colour of a unit and why it is not green; reasons of 群租 and of fire make it red."""
    now, registered, fullest, crowded, kin = counts
    red = {
        "G1": crowded,
        "G2": fullest > 2 and not kin and now > 0,
        "G3": marks["non_habitable_let"],
        "G4": marks["partitioned"],
        "F1": chance(rng, 0.015),
    }
    yellow = {
        "G5": home.tenants >= 10 and not marks["hotel_mode"],
        "F3": chance(rng, 0.05),
        "R1": registered < now,
        "R2": not landlord["responsibility_letter"],
    }
    reasons = [code for code, found in (red | yellow).items() if found]
    if any(red.values()):
        return "red", reasons
    # One small shortcoming is put right on the spot; the colour changes when several come together.
    return ("yellow", reasons) if sum(yellow.values()) > 1 or yellow["G5"] else ("green", [])


def house_at(homes: list[Home], rng: np.random.Generator, only_let: bool = False) -> Home:
    """Return a house drawn by how many people it holds."""
    weights = np.array([home.tenants + (0 if only_let else 2.0) for home in homes], dtype=float)
    return homes[int(rng.choice(len(homes), p=weights / weights.sum()))]


def doorstep(home: Home, rng: np.random.Generator) -> Point:
    """Return a point at the wall of a house, just outside it."""
    wall = shapely.buffer(home.house.footprint, 0.8).exterior
    return wall.interpolate(float(rng.random()), normalized=True)
