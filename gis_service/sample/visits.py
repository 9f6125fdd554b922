"""Visits of the last twelve months: rental units, enterprises that open the door or don't, waste checks, car counts."""

from __future__ import annotations

import numpy as np
from shapely.geometry import Point

from gis_service.sample.amenities import Amenities
from gis_service.sample.industry import Plot
from gis_service.sample.residents import Letting
from gis_service.sample.rows import Sheet, apportion, chance, pick

CHECKED_BAGS_RATE = 0.95
"""Share of bags found rightly sorted over all checks: the report's 95 % 左右."""

_YEAR = 365


def go_round(
    sheet: Sheet, lettings: list[Letting], plots: list[Plot], amenities: Amenities, rng: np.random.Generator
) -> None:
    """Write all visits."""
    for letting in lettings:
        _to_letting(sheet, letting, rng)
    _to_firms(sheet, plots, rng)
    _to_waste_points(sheet, amenities, rng)
    for code, at, night in amenities.parking:
        for days in rng.uniform(3, _YEAR, 2):
            counted = max(0, int(night * float(rng.uniform(0.88, 1.1))))
            _write(sheet, at, "parking", code, days, rng, purpose="parking_count", counted=counted, at_night=True)


def _write(
    sheet: Sheet, at: Point, kind: str, code: str, days: float, rng: np.random.Generator, **more: object
) -> None:
    grid = int(sheet.grid_of(at)[-3:])
    # Two posts share the fourth grid, which holds half of the works; seven posts work six grids.
    post = 7 if grid == 4 and chance(rng, 0.5) else grid
    sheet.add(
        "visit",
        at,
        code=sheet.serial("ZF", 5),
        target_kind=kind,
        target_code=code,
        visited_on=sheet.ago(days),
        surveyed_on=sheet.ago(days),
        worker=f"网格岗{post}",
        **more,
    )


def _to_letting(sheet: Sheet, letting: Letting, rng: np.random.Generator) -> None:
    if letting.last_visit_on is None:
        return
    last = (sheet.as_of - letting.last_visit_on).days
    days = [float(last)] if last <= _YEAR else []
    if chance(rng, 0.45) and last + 20 < _YEAR:
        days.append(float(rng.uniform(last + 20, _YEAR)))
    for number, ago in enumerate(days):
        outcome = pick(rng, {"01": 0.83, "02": 0.12, "03": 0.03, "04": 0.02}) if number else "01"
        result = None
        counted = None
        if outcome == "01":
            result = (
                "vacant"
                if not letting.tenants
                else pick(rng, {"consistent": 0.72, "count_differs": 0.16, "moved_out": 0.06, "new_unregistered": 0.06})
            )
            counted = max(0, letting.tenants + (int(rng.integers(-1, 3)) if result == "count_differs" else 0))
        _write(
            sheet,
            letting.at,
            "rental_unit",
            letting.code,
            ago,
            rng,
            purpose="call",
            outcome=outcome,
            check_result=result,
            counted=counted,
            at_night=chance(rng, 0.2),
        )


def _to_firms(sheet: Sheet, plots: list[Plot], rng: np.random.Generator) -> None:
    for firm in [firm for plot in plots for firm in plot.firms]:
        if firm.outcome == "closed":
            continue
        turned_away = 0.42 if firm.tenant else 0.1 if firm.above else 0.2
        for number in range(int(rng.poisson(2.4 if firm.tenant else 1.5))):
            away = chance(rng, turned_away)
            outcome = pick(rng, {"02": 0.2, "03": 0.25, "04": 0.4, "05": 0.15}) if away else "01"
            _write(
                sheet,
                firm.at,
                "enterprise",
                firm.code,
                float(rng.uniform(2, _YEAR)),
                rng,
                purpose="recheck"
                if firm.outcome and number
                else pick(rng, {"safety_check": 0.8, "drainage_check": 0.2}),
                outcome=outcome,
                remark="答:“我不是老板,不知道”" if outcome == "04" else None,
            )


def _to_waste_points(sheet: Sheet, amenities: Amenities, rng: np.random.Generator) -> None:
    """Write a check a month at every timed point; over all of them 95 of 100 bags are sorted rightly."""
    rounds = [(code, at, month) for month in range(12) for code, at in amenities.waste]
    checked = rng.integers(40, 90, len(rounds))
    wrong = apportion(checked * rng.gamma(3.0, 1.0, len(rounds)), round(int(checked.sum()) * (1 - CHECKED_BAGS_RATE)))
    for (code, at, month), bags, bad in zip(rounds, checked, wrong, strict=True):
        _write(
            sheet,
            at,
            "waste_point",
            code,
            month * 30 + float(rng.uniform(1, 29)),
            rng,
            purpose="waste_check",
            checked_count=int(bags),
            correct_count=int(bags) - min(int(bags), bad),
            counted=int(bags),
        )
