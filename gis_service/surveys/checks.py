"""What a layer expects of its rows, asked of the staged ones at once: areas that agree, areas that don't overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.rules import read_rules
from layers.check import SQUARE_METRES, AreaAgrees, NoOverlap
from layers.layer import Layer
from layers.rules import Rule

# Rows looked at around each row, and of them the overlapping ones that are compared: a file in which everything lies on
# everything would have a million times a million. What one row leaves out, its partner finds from the other side.
_MOST_AROUND = 64
_MOST_PARTNERS = 4


@dataclass(frozen=True)
class RowWarning:
    """What is doubtful about a staged row.

    Attributes
    ----------
    row
        Its number in the file.
    field
        Name of the field, ``"geom"`` for its geometry.
    message
        In Chinese, with the threshold.
    refuse
        Whether the layer's declaration has such rows refused.
    """

    row: int
    field: str | None
    message: str
    refuse: bool


def warnings_of(conn: Connection, layer: Layer, area: Area) -> list[RowWarning]:
    """Return what the layer's checks say of the rows in ``pg_temp.staged``, by row.

    Lengths and areas are measured in the area's own metric system; thresholds are the community's.
    """
    staged = _staged_columns(conn)
    rules = read_rules(conn, area.code)
    found: list[RowWarning] = []
    for check in layer.checks:
        if isinstance(check, AreaAgrees) and {check.field, check.storeys or check.field} <= staged:
            found += _areas_that_differ(conn, layer, area, check, rules)
        elif isinstance(check, NoOverlap) and set(check.within) <= staged:
            found += _overlaps(conn, layer, area, check, rules, staged)
    return sorted(found, key=lambda warning: (warning.row, warning.field or ""))


def _staged_columns(conn: Connection) -> set[str]:
    return set(
        conn.execute(
            text(
                "select attname from pg_attribute where attrelid = 'pg_temp.staged'::regclass"
                " and attnum > 0 and not attisdropped"
            )
        ).scalars()
    )


def _areas_that_differ(
    conn: Connection, layer: Layer, area: Area, check: AreaAgrees, rules: Mapping[str, Rule]
) -> Iterable[RowWarning]:
    field = layer.field(check.field)
    storeys = f"nullif({check.storeys}, 0)" if check.storeys else "1"
    rows = conn.execute(
        text(
            "select row, given, drawn, storeys from"
            f" (select row, {check.field} as given, {storeys} as storeys,"
            "  st_area(st_transform(geom, :srid)) as drawn"
            f"  from staged where {check.field} is not null and {storeys} is not null and st_dimension(geom) = 2) s"
            " where abs(given * :unit - drawn * storeys)"
            " > greatest(drawn * storeys * :share, cast(:floor as float8)) order by row"
        ),
        {
            "srid": area.metric_srid, "unit": SQUARE_METRES[str(field.unit)], "share": rules[check.rule].value / 100,
            "floor": rules[check.floor_rule].value,
        },
    )  # fmt: skip
    for row, given, drawn, count in rows:
        shown = drawn / SQUARE_METRES[str(field.unit)]
        if check.storeys is None:
            measured = f"图上量得 {shown:,.4g} {field.unit}"
        else:
            times = f"{layer.field(check.storeys).title} {count}"
            measured = f"图上占地 {shown:,.4g} {field.unit} 乘{times}约为 {shown * count:,.4g} {field.unit}"
        yield RowWarning(
            row,
            check.field,
            f"“{field.title}”填的是 {given:,.10g} {field.unit},{measured},"
            f"相差超过 {rules[check.rule].value:g} %;请核对数字或边界。",
            refuse=False,
        )


def _overlaps(
    conn: Connection, layer: Layer, area: Area, check: NoOverlap, rules: Mapping[str, Rule], staged: set[str]
) -> Iterable[RowWarning]:
    conn.execute(text("create index if not exists staged_geom on staged using gist (geom)"))
    conn.execute(text("create index if not exists staged_code on staged (code)"))
    conn.execute(text("analyze staged"))
    limits = {
        "srid": area.metric_srid, "share": rules[check.rule].value / 100, "floor": rules[check.floor_rule].value,
        "community": area.code,
    }  # fmt: skip
    worst: dict[int, tuple[float, str]] = {}
    for row, other, code, overlap, share in conn.execute(text(_within_file(check, staged)), limits):
        worst[row] = (overlap, f"与第 {other} 行(编码 {code})重叠 {overlap:,.4g} m²,占较小一方的 {share:.0%}")
    for row, code, overlap, share in conn.execute(text(_with_stored(layer, check, staged)), limits):
        if row not in worst or worst[row][0] < overlap:
            said = f"与已有的{layer.title} {code} 重叠 {overlap:,.4g} m²,占较小一方的 {share:.0%}"
            worst[row] = (overlap, said)
    for row, (_, said) in worst.items():
        message = f"{said},超过 {rules[check.rule].value:g} %;请核对边界,重复的请删去一个。"
        yield RowWarning(row, "geom", message, check.refuse)


def _within_file(check: NoOverlap, staged: set[str]) -> str:
    """Return the statement that finds for each staged row the staged one that it overlaps most."""
    others = f"staged t where t.geom && s.geom and t.row <> s.row{_alike(check)}{_current('t', staged)}"
    return (
        f"with pairs as materialized (select s.row, s.code, p.* from staged s {_partners('row', others)}"
        f" where true{_current('s', staged)}),"
        " both_ways as (select row, other_row, other_code, overlap, share from pairs"
        "  union all select other_row, row, code, overlap, share from pairs)"
        " select distinct on (row) row, other_row, other_code, overlap, share from both_ways"
        " order by row, overlap desc, other_row"
    )


def _with_stored(layer: Layer, check: NoOverlap, staged: set[str]) -> str:
    """Return the statement that finds for each staged row the stored one, not in the file, that it overlaps most."""
    others = (
        f"gis.{layer.name} t where t.community = :community and t.geom && s.geom and t.code <> s.code{_alike(check)}"
        f"{_current('t', {'data_status', 'valid_to'})} and not exists (select from staged x where x.code = t.code)"
    )
    return (
        f"select distinct on (s.row) s.row, p.other_code, p.overlap, p.share from staged s {_partners('id', others)}"
        f" where true{_current('s', staged)} order by s.row, p.overlap desc, p.other_code"
    )


def _partners(key: str, others: str) -> str:
    """Return the join of a staged row ``s`` with those of the others that it overlaps too much.

    They are cut out of each other as they are stored, where both are valid. What overlaps by much too little in square
    degrees, as nearly all neighbours do, isn't measured in metres: a square degree is at most 12,400 km², and shares
    are the same in both.
    """
    smaller = "least(st_area(st_transform(s.geom, :srid)), st_area(st_transform(m.geom, :srid)))"
    return (
        f"cross join lateral (select m.{key} as other_{key}, m.code as other_code, n.overlap,"
        f"  n.overlap / {smaller} as share"
        f" from (select t.{key}, t.code, t.geom, st_intersection(s.geom, t.geom) as common"
        f"  from {others} limit {_MOST_AROUND}) m"
        " cross join lateral (select st_area(st_transform(m.common, :srid)) as overlap where"
        "  st_area(m.common) > greatest(:floor / 1.24e10,"
        "   0.9 * :share * least(st_area(s.geom), st_area(m.geom)))) n"
        f" where n.overlap > :floor and n.overlap > :share * {smaller} limit {_MOST_PARTNERS}) p"
    )


def _alike(check: NoOverlap) -> str:
    return "".join(f" and t.{name} is not distinct from s.{name}" for name in check.within)


def _current(alias: str, columns: set[str]) -> str:
    """Return the condition that a row is in force: what was pulled down lies under what stands there now."""
    conditions = []
    if "data_status" in columns:
        conditions.append(f" and {alias}.data_status <> 'void'")
    if "valid_to" in columns:
        conditions.append(f" and ({alias}.valid_to is null or {alias}.valid_to > current_date)")
    return "".join(conditions)
