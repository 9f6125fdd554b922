"""Layers against the totals that others report, one row each. Sums are compared, never forced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Double, Numeric, Select, Subquery, cast, func, literal, select
from sqlalchemy.engine import Connection

from gis_service.areas import read_area
from gis_service.scope import Scope, within
from gis_service.tables import REPORTED_TOTAL, tables_of
from layers.record import DataStatus
from layers.registry import LAYERS

TOLERANCE = 0.02
"""How far 约, 近 and 左右 reach: two in a hundred (系统默认)."""

MORE = 0.10
"""How far above the figure 余 may lie (系统默认)."""

REPORTED = "reported:"
"""A measure that adds other reported totals instead of counting rows: ``reported:a+b``."""


@dataclass(frozen=True)
class Reconciliation:
    """One reported total beside what the layers give.

    Attributes
    ----------
    reported, measured, difference
        In ``unit``; difference is measured minus reported, None where nothing can be measured.
    result
        OK or WARN.
    note
        In Chinese, why it is WARN; empty when it isn't.
    parts
        Codes of the reported totals that are added up instead of rows being counted.
    """

    code: str
    title: str
    reported: float
    qualifier: str
    unit: str
    measured: float | None
    difference: float | None
    result: str
    note: str
    parts: tuple[str, ...] = ()


def reconcile(conn: Connection, scope: Scope, community: str) -> list[Reconciliation]:
    """Compare every reported total of a community with its layers."""
    area = read_area(conn, community)
    totals = conn.execute(
        select(REPORTED_TOTAL).where(REPORTED_TOTAL.c.community == community).order_by(REPORTED_TOTAL.c.position)
    ).all()
    reported = {total.code: float(total.value) for total in totals}
    measures = _measures(scope.narrowed(community), area.metric_srid)
    rows = []
    for total in totals:
        codes: tuple[str, ...] = ()
        if total.measure.startswith(REPORTED):
            codes = tuple(total.measure.removeprefix(REPORTED).split("+"))
            parts = [reported.get(code) for code in codes]
            measured = None if None in parts else float(sum(part for part in parts if part is not None))
        elif total.measure in measures:
            answer = conn.execute(measures[total.measure]).scalar()
            measured = None if answer is None else float(answer)
        else:
            measured = None
        compared = _compare(total.code, total.title, float(total.value), total.qualifier, total.unit, measured)
        rows.append(replace(compared, parts=codes))
    return rows


def _compare(
    code: str, title: str, reported: float, qualifier: str, unit: str, measured: float | None
) -> Reconciliation:
    if measured is None:
        return Reconciliation(code, title, reported, qualifier, unit, None, None, "WARN", "图层里没有可以计算的数据。")
    difference = round(measured - reported, 3) + 0.0
    low, high = _range(reported, qualifier)
    if low <= measured <= high:
        return Reconciliation(code, title, reported, qualifier, unit, measured, difference, "OK", "")
    said = f"上报 {quoted(reported, qualifier)} {unit},图层为 {measured:,g} {unit}"
    note = f"{said},相差 {difference:+,g};请核对口径与时点。"
    return Reconciliation(code, title, reported, qualifier, unit, measured, difference, "WARN", note)


def quoted(reported: float, qualifier: str) -> str:
    """Return a reported figure as the report words it: 近132, 95左右."""
    return f"{qualifier}{reported:,g}" if qualifier in {"近", "约"} else f"{reported:,g}{qualifier}"


def _range(reported: float, qualifier: str) -> tuple[float, float]:
    """Return the least and most that a figure with its qualifier stands for."""
    slack = abs(reported) * TOLERANCE
    ranges = {
        "余": (reported, reported * (1 + MORE)),
        "近": (reported - slack, reported),
        "约": (reported - slack, reported + slack),
        "左右": (reported - slack, reported + slack),
    }
    # An exact figure is exact to half of its last digit: 5.2 km² stands for 5.15 to 5.25.
    digits = len(f"{reported:g}".partition(".")[2])
    half = 0.0 if digits == 0 else 0.5 / 10**digits
    return ranges.get(qualifier, (reported - half, reported + half))


def _measures(scope: Scope, srid: int) -> dict[str, Select[Any]]:
    """Return how each measure is computed from the layers of one community."""

    def ask(layer: str, value: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
        table = tables_of(LAYERS[layer]).current
        asked = within(scope, table, LAYERS[layer].visibility)
        standing = table.c.data_status != str(DataStatus.VOID)
        return select(cast(value, Double)).select_from(table).where(asked, standing, *conditions)

    def column(layer: str, name: str) -> ColumnElement[Any]:
        return tables_of(LAYERS[layer]).current.c[name]

    def total(layer: str, name: str, *conditions: ColumnElement[bool]) -> Select[Any]:
        return ask(layer, func.sum(column(layer, name)), *conditions)

    def count(layer: str, *conditions: ColumnElement[bool]) -> Select[Any]:
        return ask(layer, func.count(), *conditions)

    def area_m2(layer: str, *conditions: ColumnElement[bool]) -> Select[Any]:
        return ask(layer, func.sum(func.ST_Area(func.ST_Transform(column(layer, "geom"), srid))), *conditions)

    firm = tables_of(LAYERS["enterprise"]).current.c
    hazard = tables_of(LAYERS["hazard"]).current.c
    structure = tables_of(LAYERS["illegal_structure"]).current.c
    checked = func.sum(column("visit", "checked_count"))
    correct = func.sum(column("visit", "correct_count"))
    demolished = structure.status.in_(["self_demolished", "demolished", "reused"]) & structure.campaign.is_not(None)
    km2 = area_m2("community").subquery()
    return {
        "community_area_km2": select(cast(next(iter(km2.c)) / literal(1e6), Double)),
        "estate_count": count("estate"),
        "household_local_sum": total("building", "household_local"),
        "resident_sum": total("building", "resident_count"),
        "local_population_sum": total("building", "local_population"),
        "rental_count": count("rental_unit"),
        "tenant_sum": total("rental_unit", "tenant_count"),
        "tenant_before_sum": total("rental_unit", "tenant_count_prev"),
        "enterprise_count": count("enterprise"),
        "enterprise_above_count": count("enterprise", firm.scale == "above"),
        "enterprise_below_count": count("enterprise", firm.scale == "below"),
        "enterprise_leader_count": count("enterprise", firm.tags.overlap(["fortune_500", "industry_leader"])),
        "enterprise_foreign_count": count("enterprise", firm.foreign_funded),
        "enterprise_rectified_count": count("enterprise", firm.rectified),
        "enterprise_closed_count": count("enterprise", firm.status == "closed"),
        "enterprise_licence_changed_count": count("enterprise", firm.licence_change_on.is_not(None)),
        "campaign_hazard_count": count("hazard", hazard.subject_kind == "enterprise", hazard.campaign.is_not(None)),
        "illegal_demolished_area_m2": area_m2("illegal_structure", demolished),
        "road_renewed_area_m2": total("road", "area_m2", column("road", "renewed_on").is_not(None)),
        "waste_accuracy_rate": ask("visit", func.round(cast(100.0 * correct / func.nullif(checked, 0), Numeric), 1)),
        "grid_worker_count": select(cast(func.count(func.distinct(_posts(scope).c[0])), Double)),
    }


def _posts(scope: Scope) -> Subquery:
    """Return the posts named by the grids, one a row."""
    table = tables_of(LAYERS["grid"]).current
    return select(func.unnest(table.c.workers).label("post")).where(within(scope, table, "community")).subquery()
