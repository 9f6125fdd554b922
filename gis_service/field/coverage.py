"""What the office sees: how far each grid and each post is round, and what was done today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import geopandas
import numpy as np
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import percent
from gis_service.analysis.pending import USED, Pending, read_pending
from gis_service.areas import Area
from gis_service.field.reasons import Thing, things_of
from gis_service.field.start import read_grids
from gis_service.field.today import VISITED, done_on
from gis_service.field.workers import by_worker, worker_definitions
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.visit import VisitOutcome
from layers.rules import RULES_VERSION, Rule

_PLACES: Final = (("rentals", "units", "rental.recheck_green"), ("enterprises", "firms", "enterprise.visit_days"))
_SUMMED: Final = (
    "rentals", "rentals_seen", "rentals_never", "enterprises", "enterprises_seen", "enterprises_never", "visits_today",
    "done_today", "vain_today", "left_today", "must_left_today",
)  # fmt: skip


def coverage(conn: Connection, scope: Scope, area: Area, *, on: date) -> dict[str, Any]:
    """Return for each grid within the scope how many lettings and firms were seen in time, and what was done today.

    Where the scope has all of the community, rows outside every grid come last, and the same is told by who went: that
    is for the office, not for one worker about another.
    """
    asked, rules = scope.narrowed(area.code), read_rules(conn, area.code)
    pending = read_pending(conn, asked, area, rules, on)
    grids: dict[str | None, str] = dict(read_grids(conn, asked, area)["title"])
    counts = _counted(pending, things_of(pending, rules), rules, on)
    office = area.code in asked.areas
    if office:
        grids[None] = "未划入网格"
        # A grid that was taken away may still stand in rows.
        for grid in [one for one in counts if one not in grids]:
            counts[None] = counts.get(None, Counter()) + counts.pop(grid)
    listed = [{"grid": code, "name": name, **_shares(counts.get(code, Counter()))} for code, name in grids.items()]
    total: Counter[str] = sum((counts.get(code, Counter()) for code in grids), Counter())
    return {
        "community": area.code, "on": on.isoformat(), "definitions": _defined(_definitions(rules)), "grids": listed,
        "total": _shares(total), "workers": by_worker(pending, rules, on) if office else [],
        "worker_definitions": _defined(worker_definitions(rules)), "rules_version": RULES_VERSION,
        "rules": [rules[code].model_dump(mode="json") for code in USED],
    }  # fmt: skip


def _counted(
    pending: Pending, things: Iterable[Thing], rules: Mapping[str, Rule], on: date
) -> dict[str | None, Counter[str]]:
    counts: dict[str | None, Counter[str]] = {}

    def count(grid: str | None, name: str, number: int = 1) -> None:
        counts.setdefault(grid, Counter())[name] += number

    for name, attribute, rule in _PLACES:
        frame: geopandas.GeoDataFrame = getattr(pending, attribute)
        for grid, since in zip(frame["grid"], frame["since"], strict=True):
            count(grid, name)
            count(grid, f"{name}_never", since is None)
            count(grid, f"{name}_seen", since is not None and since <= rules[rule].value)
    # Of no visits at all, a plain list would choose no columns.
    visits = pending.visits[np.array([day == on for day in pending.visits["visited_on"]], dtype=bool)]
    done, _ = done_on(pending, on)
    met: dict[tuple[str, str], tuple[str | None, bool]] = {}
    for grid, layer, code, outcome in zip(
        *(visits[name] for name in ("grid", "target_kind", "target_code", "outcome")), strict=True
    ):
        count(grid, "visits_today")
        if layer in VISITED and ((layer, code) not in met or outcome == VisitOutcome.DONE):
            met[layer, code] = grid, outcome == VisitOutcome.DONE
    attended = pending.cases[pending.cases["attended"].astype(bool)]
    met |= {("hazard", code): (grid, True) for code, grid in attended["grid"].items()}
    for grid, was_done in met.values():
        count(grid, "done_today" if was_done else "vain_today")
    for thing in things:
        if (thing.layer, thing.code) not in done:
            count(thing.grid, "left_today")
            count(thing.grid, "must_left_today", thing.must)
    return counts


def _shares(counts: Counter[str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: counts[name] for name in _SUMMED}
    for name, *_ in _PLACES:
        told[f"{name}_share"] = percent(counts[f"{name}_seen"], counts[name])
    return told


def _definitions(rules: Mapping[str, Rule]) -> tuple[tuple[str, str, str, str], ...]:
    rental, firm = (f"{rules[code].value:g} {rules[code].unit}" for _, _, code in _PLACES)
    return (
        ("rentals", "在租的出租房", "户", "出租状态为在租"),
        ("rentals_seen", "周期内走访过的出租房", "户", f"最近一次走访完成(或登记的最近走访)距今不超过 {rental}"),
        ("rentals_share", "出租房走访覆盖", "%", "周期内走访过的出租房 ÷ 在租的出租房"),
        ("rentals_never", "从未走访的出租房", "户", "没有完成的走访,也没有登记最近走访"),
        ("enterprises", "在营的企业", "家", "经营状态为在营"),
        ("enterprises_seen", "周期内走访过的企业", "家", f"最近一次走访完成距今不超过 {firm}"),
        ("enterprises_share", "企业走访覆盖", "%", "周期内走访过的企业 ÷ 在营的企业"),
        ("enterprises_never", "从未走访的企业", "家", "没有完成的走访"),
        ("visits_today", "今天的走访", "次", "走访日期为今天,不论对象和结果"),
        (
            "done_today",
            "今天办完",
            "件",
            "今天走访完成的隐患、出租房和企业,和到期或超期而今天办过一步的隐患;同一对象只算一次",
        ),
        (
            "vain_today",
            "今天去过没有办成",
            "件",
            "今天走访而没有完成的隐患、出租房和企业(无人、拒访、推诿、需联合执法)",
        ),
        ("left_today", "今天还在名单上", "件", "该办的隐患、出租房和企业中今天没有办完的"),
        ("must_left_today", "其中必去", "件", "还在名单上的重大、疑似重大和超期的隐患"),
    )


def _defined(told: Iterable[tuple[str, str, str, str]]) -> list[dict[str, str]]:
    return [
        {"name": name, "title": title, "unit": unit, "definition": definition} for name, title, unit, definition in told
    ]
