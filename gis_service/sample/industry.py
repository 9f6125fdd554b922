"""The works of the sample: plots, their buildings, and the enterprises in them, owners and tenants (厂中厂).

The counts are those of the community report: 167 enterprises, 41 of them above scale; the other 126 are below it,
though the report says 近 132. The data keep the difference, so that the check against the report shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from shapely.geometry import Point, Polygon

from gis_service.sample.firms import FirmName, Trade, credit_code, name_firms, trade_of
from gis_service.sample.ground import Ground
from gis_service.sample.parcels import Parcel, Shed
from gis_service.sample.rows import Sheet, chance, pick, points_within

ENTERPRISES = 167
ABOVE_SCALE = 41
FOREIGN = 15
LEADERS = 4
RECTIFIED = 76
CLOSED = 13
LICENCE_CHANGED = 5

_OWNERS = 118
_ABSENT_HOLDERS = 12
_VACANT = 10
_FORMS = {"workshop": "21", "office": "60", "dormitory": "13"}


@dataclass
class Plot:
    """An enterprise plot with its buildings' codes and the enterprises on it, the owner first."""

    code: str
    parcel: Parcel
    address: str
    holding: str
    """owned, let (the owner lets rooms), absent (the holder works elsewhere) or vacant."""
    buildings: list[tuple[str, Shed]] = field(default_factory=list)
    firms: list[Firm] = field(default_factory=list)


@dataclass
class Firm:
    """An enterprise with what cases and visits need to know of it."""

    code: str
    name: FirmName
    plot: Plot
    tenant: bool
    at: Point
    above: bool = False
    foreign: bool = False
    tags: list[str] = field(default_factory=list)
    outcome: str = ""
    """rectified, closed, changed, or empty: how the campaign ended for it."""


def settle_works(sheet: Sheet, ground: Ground, parcels: list[Parcel], rng: np.random.Generator) -> list[Plot]:
    """Write plots, factory buildings and enterprises; return the plots with their firms."""
    plots = _hold(sheet, ground, [parcel for parcel in parcels if parcel.use == "industry"], rng)
    for plot in plots:
        _raise_buildings(sheet, plot, rng)
    firms = _move_in(plots, rng)
    _rank(firms, rng)
    _campaign(firms, rng)
    for firm in firms:
        _write_firm(sheet, firm, rng)
    for plot in plots:
        _write_plot(sheet, plot, rng)
    return plots


def _hold(sheet: Sheet, ground: Ground, parcels: list[Parcel], rng: np.random.Generator) -> list[Plot]:
    """Decide for every parcel whether its holder works there, lets rooms, is absent, or leaves it empty."""
    lets = ENTERPRISES // 11
    holdings = ["absent"] * _ABSENT_HOLDERS + ["let"] * lets + ["vacant"] * max(_VACANT, len(parcels) - _OWNERS - 12)
    holdings += ["owned"] * (len(parcels) - len(holdings))
    plots = []
    numbers: dict[str, int] = {}
    for parcel, at in zip(parcels, rng.permutation(len(parcels)), strict=True):
        street = min(ground.streets, key=lambda street: float(street.line.distance(parcel.ground)))
        numbers[street.name] = numbers.get(street.name, 8) + int(rng.choice([8, 10, 12, 18, 20]))
        holding = holdings[at]
        if not parcel.sheds:
            holding = "vacant"
        plots.append(Plot(sheet.serial("DK"), parcel, f"{street.name}{numbers[street.name]}号", holding))
    # The draw above may have met land without buildings, so the number of owners is put right afterwards.
    spare = [plot for plot in plots if plot.holding == "vacant" and plot.parcel.sheds]
    owners = sum(plot.holding in {"owned", "let"} for plot in plots)
    for plot in spare[: max(0, _OWNERS - owners)]:
        plot.holding = "owned"
    for plot in [plot for plot in plots if plot.holding == "owned"][: max(0, owners - _OWNERS)]:
        plot.holding = "vacant"
    return plots


def _raise_buildings(sheet: Sheet, plot: Plot, rng: np.random.Generator) -> None:
    if plot.holding == "vacant" and chance(rng, 0.5):
        plot.parcel.sheds = []
    year = int(rng.choice([2003, 2005, 2006, 2008, 2010, 2012, 2014, 2016]))
    for number, shed in enumerate(plot.parcel.sheds, start=1):
        code = sheet.building_code(shed.footprint)
        floors = {"workshop": int(rng.choice([1, 1, 1, 2, 3])), "office": int(rng.choice([3, 4, 5])), "dormitory": 4}
        storeys = floors[shed.kind]
        plot.buildings.append((code, shed))
        sheet.add(
            "building",
            shed.footprint,
            code=code,
            name=f"{plot.address}{number}幢",
            use=_FORMS[shed.kind],
            structure=pick(rng, {"1": 0.55, "3": 0.45}) if shed.kind == "workshop" else "3",
            floors=storeys,
            height_m=round(storeys * (3.6 if shed.kind != "workshop" else 7.5), 1),
            floor_area_m2=round(shed.footprint.area * storeys, 1),
            year_built=year + int(rng.integers(0, 4)),
            self_built=False,
            permit_status=pick(rng, {"permitted": 0.86, "none": 0.06, "unknown": 0.08}),
            address=plot.address,
            house_number=f"{number}幢",
        )


def _move_in(plots: list[Plot], rng: np.random.Generator) -> list[Firm]:
    """Put one owner on every held plot and the other firms as tenants behind other people's walls."""
    names = iter(name_firms(ENTERPRISES, rng))
    firms: list[Firm] = []

    def enter(plot: Plot, *, tenant: bool) -> None:
        shed = plot.parcel.sheds[int(rng.integers(len(plot.parcel.sheds)))]
        at = points_within(shed.footprint.buffer(-2), 1, 0, rng)[0]
        firm = Firm(f"QY{len(firms) + 1:04d}", next(names), plot, tenant, at)
        plot.firms.append(firm)
        firms.append(firm)

    for plot in plots:
        if plot.holding in {"owned", "let"}:
            enter(plot, tenant=False)
    hosts = [plot for plot in plots if plot.holding in {"let", "absent"}]
    for plot in hosts:
        enter(plot, tenant=True)
    room = np.array([plot.parcel.built_m2 for plot in hosts]) ** 0.7
    while len(firms) < ENTERPRISES:
        enter(hosts[int(rng.choice(len(hosts), p=room / room.sum()))], tenant=True)
    return firms


def _rank(firms: list[Firm], rng: np.random.Generator) -> None:
    """Mark the firms above scale, the foreign ones and the leaders; the marks overlap as they do in life."""
    owners = sorted((firm for firm in firms if not firm.tenant), key=lambda firm: -firm.plot.parcel.built_m2)
    weights = np.linspace(1.0, 0.05, len(owners)) ** 2
    order = rng.choice(len(owners), ABOVE_SCALE, replace=False, p=weights / weights.sum())
    for index in order:
        owners[index].above = True
    large = [firm for firm in owners if firm.above]
    for firm, tag in zip(
        large[:LEADERS], ("fortune_500", "industry_leader", "fortune_500", "industry_leader"), strict=True
    ):
        firm.tags.append(tag)
    for firm in large[LEADERS:]:
        if chance(rng, 0.4):
            firm.tags.append(pick(rng, {"high_tech": 0.6, "specialised": 0.4}))
    foreign = [
        large[0],
        large[2],
        *(large[index] for index in 4 + rng.choice(len(large) - 4, FOREIGN - 2, replace=False)),
    ]
    for firm in foreign:
        firm.foreign = True


def _campaign(firms: list[Firm], rng: np.random.Generator) -> None:
    """Draw who was closed, whose licence was changed and who put things right; the three sets are disjoint."""
    tenants = [firm for firm in firms if firm.tenant]
    drawn = rng.permutation(len(tenants))
    for index in drawn[:CLOSED]:
        tenants[index].outcome = "closed"
    for index in drawn[CLOSED : CLOSED + LICENCE_CHANGED]:
        tenants[index].outcome = "changed"
    others = [firm for firm in firms if not firm.outcome and not firm.tags]
    weights = np.array(
        [3.0 if firm.tenant or firm.plot.holding == "let" else 0.5 if firm.above else 1.0 for firm in others]
    )
    for index in rng.choice(len(others), RECTIFIED, replace=False, p=weights / weights.sum()):
        others[index].outcome = "rectified"


def _write_firm(sheet: Sheet, firm: Firm, rng: np.random.Generator) -> None:
    plot = firm.plot
    trade: Trade = trade_of(firm.name, rng)
    owner = next((other for other in plot.firms if not other.tenant), None)
    share = 1.0 if len(plot.firms) == 1 else 0.6 if not firm.tenant else 0.35 / max(1, len(plot.firms) - 1)
    licence = {"closed": "none", "changed": "valid"}.get(
        firm.outcome, pick(rng, {"valid": 0.93, "mismatch": 0.03, "expired": 0.02, "pending": 0.02})
    )
    entered = sheet.ago(rng.uniform(250, 2200) if firm.tenant else rng.uniform(1500, 5400))
    building = next((code for code, shed in plot.buildings if shed.footprint.covers(firm.at)), None)
    staff = rng.uniform(110, 620) if firm.above else rng.uniform(6, 28) if firm.tenant else rng.uniform(15, 95)
    sheet.add(
        "enterprise",
        firm.at,
        code=firm.code,
        name=firm.name.full,
        plot_code=plot.code,
        building_code=building,
        occupancy="tenant" if firm.tenant else "lessor" if plot.holding == "let" else "owned",
        lessor_code=owner.code if firm.tenant and owner else None,
        scale="above" if firm.above else "below",
        tags=firm.tags or None,
        foreign_funded=firm.foreign,
        industry=trade.industry,
        industry_class=trade.industry_class,
        uscc=None if firm.outcome == "closed" else credit_code(int(firm.code[2:])),
        employees=int(staff * (3 if {"fortune_500", "industry_leader"} & set(firm.tags) else 1)),
        floor_area_m2=round(plot.parcel.built_m2 * share, 1),
        occupied_from=entered,
        occupied_to=sheet.ago(-rng.uniform(-60, 900)) if firm.tenant and firm.outcome != "closed" else None,
        safety_agreement=chance(rng, 0.62) if firm.tenant else None,
        risks=[trade.risk] if trade.risk and chance(rng, 0.5) else None,
        licence_status=licence,
        licence_change_on=sheet.ago(rng.uniform(60, 640)) if firm.outcome == "changed" else None,
        status="closed" if firm.outcome == "closed" else "suspended" if chance(rng, 0.015) else "operating",
        closed_on=sheet.ago(rng.uniform(60, 640)) if firm.outcome == "closed" else None,
        rectified=firm.outcome == "rectified",
        rectified_on=sheet.ago(rng.uniform(20, 640)) if firm.outcome == "rectified" else None,
        address=plot.address,
    )


def _write_plot(sheet: Sheet, plot: Plot, rng: np.random.Generator) -> None:
    owner = next((firm for firm in plot.firms if not firm.tenant), None)
    tenants = sum(firm.tenant for firm in plot.firms)
    several = tenants > 0
    built = sum(float(shed.footprint.area) for _, shed in plot.buildings)
    kind = "construction" if not plot.buildings else "vacant" if plot.holding == "vacant" else "industrial"
    if plot.holding == "absent":
        kind = "standard_workshop"
    drainage = (
        {"separated": 0.35, "mixed": 0.4, "unchecked": 0.25}
        if several
        else {"separated": 0.8, "mixed": 0.07, "unchecked": 0.13}
    )
    holder = owner.name.full if owner else "平湖群创厂房资产经营有限公司（示意）" if several else None
    sheet.add(
        "enterprise_plot",
        plot.parcel.ground,
        code=plot.code,
        name=owner.name.short
        if owner
        else {"standard_workshop": "标准厂房", "vacant": "闲置厂区"}.get(kind, "待建地块"),
        kind=kind,
        land_use="0601",
        lessor=holder,
        lessor_code=owner.code if owner else None,
        fenced=pick(rng, {"wall": 0.72, "fence": 0.22, "open": 0.06}),
        floor_area_m2=round(built, 1),
        let_area_m2=round(built * min(0.9, 0.16 * tenants), 1) if several else 0.0,
        last_unified_check_on=sheet.ago(rng.uniform(20, 500)) if several and chance(rng, 0.6) else None,
        drainage=pick(rng, drainage) if plot.holding != "vacant" else "unchecked",
        address=plot.address,
    )


def yard(plot: Plot, clear_m: float = 0.6) -> Polygon:
    """Return the open ground of a plot between its buildings."""
    land = plot.parcel.ground.buffer(-1.0)
    for _, shed in plot.buildings:
        land = land.difference(shed.footprint.buffer(clear_m))
    return land
