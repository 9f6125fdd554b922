"""The morning sheet of a grid: what is there, what is due and what has changed, each number with its definition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    DateTime,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY

from gis_service.errors import InputError, NotFoundError
from gis_service.features.figures import CHANGE_DAYS, CHANGES, CURRENT, FIGURES, rule_name, today
from gis_service.features.question import SHANGHAI
from gis_service.scope import Scope, values_of, within
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import AREA_RULE, LAYER_VERSION, tables_of
from layers.layer import Layer
from layers.registry import LAYERS
from layers.rules import RULES, Rule, RuleStatus

USED_RULES = tuple(dict.fromkeys(code for figure in FIGURES for code in figure.rules))
_COUNTED = tuple(LAYERS[name] for name in dict.fromkeys(figure.layer for figure in FIGURES))
_NOWHERE = {"grid": None, "name": "未划入网格", "bbox": None}


@dataclass(frozen=True)
class Sheet:
    """Whose sheet on which day: a whole community's grids, or one of them.

    Attributes
    ----------
    whole
        Whether the scope reaches the whole community. Otherwise rows outside every grid are left out, since only a
        part of them is seen.
    """

    community: str
    grid: str | None
    today: date
    whole: bool


def sheet_of(scope: Scope, today: date, *, grid: str | None = None, community: str | None = None) -> Sheet:
    """Return which sheet is meant; without grid and community it is that of the only community of the scope.

    Raises
    ------
    InputError
        When the scope has several communities and none is named, or the two contradict each other.
    """
    if grid is not None and community is not None and not grid.startswith(community):
        raise InputError(
            f"网格 {grid} 不属于社区 {community}。", f"The grid {grid} isn't one of the community {community}."
        )
    if community is None and grid is not None:
        community = grid[:12]
    if community is None:
        known = dict.fromkeys(code[:12] for code in scope.areas)
        if len(known) != 1 or len(next(iter(known))) != 12:
            raise InputError(
                "请用参数 grid 或 community 指明网格或社区。", "Name a grid or a community with grid or community."
            )
        community = next(iter(known))
    whole = any(len(code) <= 12 and community.startswith(code) for code in scope.areas)
    return Sheet(community, grid, today, whole)


def summary_of(scope: Scope, sheet: Sheet) -> list[Asked]:
    """Return the statements of a sheet, all for one round trip; ``read_summary`` reads what they answer."""
    narrowed = scope.narrowed(sheet.community)
    since = datetime.combine(sheet.today - timedelta(days=CHANGE_DAYS - 1), time(), SHANGHAI)
    values = {
        **values_of(narrowed), **{rule_name(code): RULES[code].value for code in USED_RULES},
        "community": sheet.community, "grid": sheet.grid, "today": sheet.today, "since": since,
        "rules": list(USED_RULES),
    }  # fmt: skip
    shape = (narrowed.shape, sheet.grid is None)
    grids = remembered(("summary grids", shape), lambda: _grids(narrowed, sheet))
    rules = remembered(("summary rules", narrowed.shape), _rules)
    changes = remembered(("summary changes", shape), lambda: _changes(narrowed, sheet))
    counts = [
        remembered(("summary", layer.name, shape), partial(_counts, layer, narrowed, sheet)) for layer in _COUNTED
    ]
    return [(statement, values) for statement in (grids, rules, changes, *counts)]


def read_summary(sheet: Sheet, answers: Sequence[Rows]) -> dict[str, Any]:
    """Return the sheet: definitions, the figures of each grid by its code, and their totals.

    Raises
    ------
    NotFoundError
        When the scope has no such grid, or the community has none within it.
    """
    grids, changed_rules, changes, *counts = answers
    if not grids and (sheet.grid is not None or not sheet.whole):
        wanted = f"网格 {sheet.grid}" if sheet.grid else f"社区 {sheet.community} 的网格"
        raise NotFoundError(f"没有{wanted},或不在您的范围内。", "There is no such grid, or it lies outside your area.")
    names = [figure.name for figure in FIGURES] + [change["name"] for change in CHANGES]
    found: dict[str | None, dict[str, int]] = defaultdict(lambda: dict.fromkeys(names, 0))
    for layer, rows in zip(_COUNTED, counts, strict=True):
        own = [figure.name for figure in FIGURES if figure.layer == layer.name]
        for grid, *numbers in rows:
            found[grid and grid.decode()].update(zip(own, map(int, numbers), strict=True))
    for grid, *numbers in changes:
        found[grid and grid.decode()].update(zip(names[-len(CHANGES) :], map(int, numbers), strict=True))
    listed: list[dict[str, Any]] = [
        {"grid": code.decode(), "name": name and name.decode(), "bbox": bbox, "figures": found[code.decode()]}
        for code, name, *bbox in grids
    ]
    if sheet.whole and sheet.grid is None:
        # A grid that was taken away may still stand in the history of what lay in it.
        known = {grid["grid"] for grid in listed}
        left = [numbers for grid, numbers in found.items() if grid not in known]
        listed.append({**_NOWHERE, "figures": {name: sum(numbers[name] for numbers in left) for name in names}})
    rules = _applied(changed_rules)
    return {
        "community": sheet.community, "today": sheet.today.isoformat(), "counted": CURRENT,
        "definitions": [*(figure.said(rules) for figure in FIGURES), *CHANGES],
        "rules": [rule.model_dump(mode="json") for rule in rules.values()],
        "grids": listed,
        "total": {name: sum(grid["figures"][name] for grid in listed) for name in names},
    }  # fmt: skip


def _applied(changed: Rows) -> dict[str, Rule]:
    """Return the rules of the sheet as the community applies them."""
    rules = {code: RULES[code] for code in USED_RULES}
    for code, value, basis in changed:
        own = {"value": value, "basis": basis.decode(), "status": RuleStatus.LOCAL, "effective_from": None}
        rules[code.decode()] = rules[code.decode()].model_copy(update=own)
    return rules


def _rules() -> Select[Any]:
    rule = AREA_RULE.c
    mine = rule.community == bindparam("community", type_=Text)
    return select(rule.rule, rule.value, rule.basis).where(
        mine, rule.rule == func.any(bindparam("rules", type_=ARRAY(Text)))
    )


def _grids(scope: Scope, sheet: Sheet) -> Select[Any]:
    row = tables_of(LAYERS["grid"]).current.c
    # Grids are for all of a community to see; a sheet is only for those who see everything in the grid.
    grids = (
        select(row.community, row.code.label("grid"), row.name, row.geom).where(row.level == "governance").subquery()
    )
    box = grids.c.geom
    return (
        select(grids.c.grid, grids.c.name, func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
        .where(within(scope, grids, "grid"), *_place(grids, sheet))
        .order_by(grids.c.grid)
    )


def _place(rows: FromClause, sheet: Sheet) -> list[Any]:
    mine = [rows.c.community == bindparam("community", type_=Text)]
    return mine if sheet.grid is None else [*mine, rows.c.grid == bindparam("grid", type_=Text)]


def _counts(layer: Layer, scope: Scope, sheet: Sheet) -> Select[Any]:
    table = tables_of(layer).current.alias("f")
    rows: FromClause = table
    current = and_(
        table.c.data_status != "void",
        or_(table.c.valid_from.is_(None), table.c.valid_from <= today()),
        or_(table.c.valid_to.is_(None), table.c.valid_to >= today()),
    )
    wanted = [within(scope, table, layer.visibility), *_place(table, sheet), current]
    if layer.name == "rental_unit":
        rows = _with_visits(scope, table, wanted)
        wanted = []
    values = [figure.value(rows) for figure in FIGURES if figure.layer == layer.name]
    return select(rows.c.grid, *values).where(*wanted).group_by(rows.c.grid)


def _with_visits(scope: Scope, units: FromClause, wanted: list[Any]) -> FromClause:
    """Return the rental units with ``seen_on``: the later of the register's date and the last visit that was done."""
    visit = tables_of(LAYERS["visit"]).current.alias("v")
    mine = visit.c.community == bindparam("community", type_=Text)
    done = and_(visit.c.target_kind == "rental_unit", visit.c.outcome == "01", visit.c.visited_on <= today())
    # One list of both, since a join would be planned for a handful of rows: half a second instead of five milliseconds.
    names = ("grid", "rent_status", "tenant_count", "grade")
    listed = union_all(
        select(units.c.code, units.c.last_visit_on.label("seen_on"), true().label("unit"), *(units.c[n] for n in names))
        .where(*wanted),
        select(visit.c.target_code, visit.c.visited_on, false(), *(cast(null(), units.c[n].type) for n in names))
        .where(within(scope, visit, "grid"), mine, done),
    ).subquery("listed")  # fmt: skip
    last = func.max(listed.c.seen_on).over(partition_by=listed.c.code).label("seen_on")
    joined = select(*(listed.c[n] for n in names), listed.c.unit, last).subquery("joined")
    return select(joined).where(joined.c.unit).subquery("units")


def _changes(scope: Scope, sheet: Sheet) -> Select[Any]:
    """Return added, changed and removed features by grid; layers without a recent version aren't read at all."""
    since = bindparam("since", type_=DateTime(timezone=True))
    parts = []
    for layer in LAYERS.values():
        row = tables_of(layer).history.alias(f"{layer.name}_versions")
        version = LAYER_VERSION.c
        recent = exists().where(
            version.community == bindparam("community", type_=Text),
            version.layer == layer.name,
            version.changed_at >= since,
        )
        wanted = [within(scope, row, layer.visibility), row.c.community == bindparam("community", type_=Text)]
        parts.append(
            select(row.c.id, row.c.version, row.c.written_at, row.c.grid, row.c.operation)
            .add_columns(literal(layer.name).label("layer"))
            .where(recent, *wanted, row.c.recorded_at >= since)
        )
    versions = union_all(*parts).subquery("versions")
    by_key = (versions.c.layer, versions.c.id)
    newest_first = (versions.c.version.desc(), versions.c.written_at.desc())
    seen = (
        select(
            versions.c.grid,
            versions.c.operation,
            func.bool_or(versions.c.operation == "insert").over(partition_by=by_key).label("added"),
            func.row_number().over(partition_by=by_key, order_by=newest_first).label("number"),
        )
    ).subquery("seen")
    removed = seen.c.operation == "delete"
    wanted = [seen.c.number == 1]
    if sheet.grid is not None:
        wanted.append(seen.c.grid == bindparam("grid", type_=Text))
    return (
        select(
            seen.c.grid,
            func.count().filter(~removed & seen.c.added),
            func.count().filter(~removed & ~seen.c.added),
            func.count().filter(removed),
        )
        .where(*wanted)
        .group_by(seen.c.grid)
    )
