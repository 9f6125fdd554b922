"""The sample as a whole: every layer of a believable community, the same for the same seed.

Nothing in it is surveyed: every row says ``source = 示意``. What it reproduces are the totals of the community report
(``totals.toml``); where the report contradicts itself, the sample does not force the sums.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from shapely.geometry.base import BaseGeometry

from gis_service.sample.amenities import equip
from gis_service.sample.cases import find_cases
from gis_service.sample.ground import AREA_M2, Ground, lay_out
from gis_service.sample.houses import Settlement, settle
from gis_service.sample.industry import settle_works
from gis_service.sample.parcels import parcel_out
from gis_service.sample.public_realm import write_greens, write_roads, write_utility_lines, write_water
from gis_service.sample.residents import ESTATE_CODES, move_in
from gis_service.sample.rows import COMMUNITY, Sheet
from gis_service.sample.structures import build_illegally
from gis_service.sample.visits import go_round
from layers.record import Record

__all__ = ["AS_OF", "COMMUNITY", "METRIC_SRID", "NAME", "SEED", "generate"]

NAME = "新群社区"

METRIC_SRID = 4549
"""EPSG code of all geometry here: CGCS2000 / 3-degree Gauss-Kruger CM 120E, metres, easting before northing."""

SEED = 20200101
"""The seed of the community everyone sees."""

AS_OF = date(2020, 6, 30)
"""The report bears no date; it speaks of 2019 as past, so the sample looks back from the middle of 2020."""

_DEDICATED = ("west", "east")


def generate(seed: int = SEED, as_of: date = AS_OF) -> dict[str, list[tuple[Record, BaseGeometry]]]:
    """Return the rows of every layer of the sample community.

    Parameters
    ----------
    seed
        The same seed gives the same rows.
    as_of
        The day the sample looks back from; visits lie in the year before it, cases in the two years before.

    Returns
    -------
    dict
        Layer name to rows; each a validated record and its geometry in EPSG:4549 (metres).
    """
    # Each subject draws from a source of its own, so a change in one does not stir all the others.
    chances = iter(np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(12))
    ground = lay_out()
    settlement = settle(ground, next(chances))
    parcels, strips = parcel_out(ground, settlement, next(chances))
    sheet = Sheet(ground, as_of)
    _write_community(sheet, ground)
    homes, lettings = move_in(sheet, settlement, next(chances))
    _write_estates(sheet, settlement)
    plots = settle_works(sheet, ground, parcels, next(chances))
    amenities = equip(sheet, ground, settlement, parcels, plots, homes, next(chances))
    _write_grids(sheet, ground)
    write_water(sheet, ground)
    write_roads(sheet, ground, settlement, next(chances))
    write_greens(sheet, ground, settlement, strips, next(chances))
    write_utility_lines(sheet, ground, settlement, next(chances))
    build_illegally(sheet, plots, homes, next(chances))
    find_cases(sheet, ground, settlement, plots, homes, lettings, next(chances))
    go_round(sheet, lettings, plots, amenities, next(chances))
    return sheet.rows


def _write_community(sheet: Sheet, ground: Ground) -> None:
    sheet.add(
        "community",
        ground.boundary,
        code=COMMUNITY,
        name=NAME,
        county="平湖市",
        street="钟埭街道",
        boundary_status="sketch",
        area_reported_km2=AREA_M2 / 1e6,
        established_on=date(2017, 1, 1),
        predecessor="新群村",
        urban_rural_class="112",
        remark="界线、街道、建筑与人口分布均为合成示意,非测绘成果",
    )


def _write_grids(sheet: Sheet, ground: Ground) -> None:
    """Write the six grids with the households and residents of the buildings in them."""
    households: dict[str, int] = dict.fromkeys(sheet.grid_codes.values(), 0)
    residents = dict(households)
    for record, footprint in sheet.rows["building"]:
        grid, building = sheet.grid_of(footprint), record.model_dump()
        households[grid] += building["household_local"] or 0
        residents[grid] += building["resident_count"] or 0
    for number, (key, code) in enumerate(sheet.grid_codes.items(), start=1):
        sheet.add(
            "grid",
            ground.grids[key],
            code=code,
            name=f"第{'一二三四五六'[number - 1]}网格",
            level="governance",
            kind="dedicated" if key in _DEDICATED else "basic",
            workers=[f"网格岗{number}"] + (["网格岗7"] if key == "east" else []),
            household_count=households[code],
            resident_count=residents[code],
        )


def _write_estates(sheet: Sheet, settlement: Settlement) -> None:
    for name, code in ESTATE_CODES.items():
        records = [record.model_dump() for record, _ in sheet.rows["building"]]
        mine = [values for values in records if values["estate"] == code]
        sheet.add(
            "estate",
            settlement.estate(name),
            code=code,
            name=name,
            kind="self_built",
            built_year=2000,
            management="residents_committee",
            household_local=sum(values["household_local"] for values in mine),
            building_count=len(mine),
            timed_waste=True,
            address=f"平湖市钟埭街道{name}",
        )
