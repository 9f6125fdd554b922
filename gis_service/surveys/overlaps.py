"""Staged areas that overlap each other, or what is stored: for each the worst case, told with its partner.

Areas of one file are found together by cells (a hash join) where the file is what such files are, areas of like size
side by side: an index would be asked for each row, which takes three times as long. Files in which much lies on much,
or one area is many times as wide as the others, are asked by index, and only so far.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from layers.check import NoOverlap
from layers.layer import Layer
from layers.rules import Rule

# Rows looked at around each row, and of them the overlapping ones that are compared: a file in which everything lies on
# everything would have a million times a million. What one row leaves out, its partner finds from the other side.
_MOST_AROUND = 64
_MOST_PARTNERS = 4
# A cell is as wide and high as so many areas of the file, on average: most areas lie in one cell or two then, and in a
# cell of close buildings there are some twenty.
_AREAS_A_CELL = 4
# The number of a cell must fit an int, and areas without a width mustn't be divided by.
_LEAST_CELL_DEG = 1e-6
# Pairs of boxes that meet, for each row; areas that lie side by side have a few.
_MOST_PAIRS_A_ROW = 8


def worst_overlaps(
    conn: Connection, layer: Layer, area: Area, check: NoOverlap, rules: Mapping[str, Rule], staged: Collection[str]
) -> dict[int, str]:
    """Return the rows in ``pg_temp.staged`` that overlap others too much: row number to a Chinese clause on the worst.

    Parameters
    ----------
    staged
        Names of the staged columns.
    """
    conn.execute(text("create index if not exists staged_code on staged (code)"))
    conn.execute(text("analyze staged"))
    limits = {
        "srid": area.metric_srid, "share": rules[check.rule].value / 100, "floor": rules[check.floor_rule].value,
        "community": area.code,
    }  # fmt: skip
    worst: dict[int, tuple[float, str]] = {}
    for row, other, code, overlap, share in conn.execute(text(_within_file(conn, check, staged)), limits):
        worst[row] = (overlap, f"与第 {other} 行(编码 {code})重叠 {overlap:,.4g} m²,占较小一方的 {share:.0%}")
    for row, code, overlap, share in conn.execute(text(_with_stored(layer, check, staged)), limits):
        if row not in worst or worst[row][0] < overlap:
            said = f"与已有的{layer.title} {code} 重叠 {overlap:,.4g} m²,占较小一方的 {share:.0%}"
            worst[row] = (overlap, said)
    return {row: said for row, (_, said) in worst.items()}


def _within_file(conn: Connection, check: NoOverlap, staged: Collection[str]) -> str:
    """Make ready and return the statement that finds for each staged row the staged one that it overlaps most."""
    if _laid_in_cells(conn):
        pairs = (
            "select s.row, s.code, t.row as other_row, t.code as other_code, n.overlap, n.overlap / n.smaller as share"
            f" from near join staged s using (row) join staged t on t.row = near.other"
            f" cross join lateral (select st_intersection(s.geom, t.geom) as common offset 0) m {_measured('s', 't')}"
            f" where true{_alike(check)}{_current('s', staged)}{_current('t', staged)}"
        )
    else:
        conn.execute(text("create index if not exists staged_geom on staged using gist (geom)"))
        others = f"staged t where t.geom && s.geom and t.row <> s.row{_alike(check)}{_current('t', staged)}"
        pairs = f"select s.row, s.code, p.* from staged s {_partners('row', others)} where true{_current('s', staged)}"
    return (
        f"with pairs as materialized ({pairs}),"
        " both_ways as (select row, other_row, other_code, overlap, share from pairs"
        "  union all select other_row, row, code, overlap, share from pairs)"
        " select distinct on (row) row, other_row, other_code, overlap, share from both_ways"
        " order by row, overlap desc, other_row"
    )


def _laid_in_cells(conn: Connection) -> bool:
    """List the pairs of staged rows whose boxes meet in ``pg_temp.near``; False where cells would hold too much."""
    conn.execute(text("drop table if exists pg_temp.near, pg_temp.celled"))
    found = conn.execute(
        text(
            "with boxes as (select st_xmin(geom) as x, st_xmax(geom) as x2, st_ymin(geom) as y, st_ymax(geom) as y2"
            "  from staged), size as (select greatest(avg(x2 - x) * :areas, :least) as wide,"
            "   greatest(avg(y2 - y) * :areas, :least) as high from boxes)"
            " select wide, high, max((floor(x2 / wide) - floor(x / wide) + 1)"
            "  * (floor(y2 / high) - floor(y / high) + 1)) as most, count(*) as rows from boxes, size group by 1, 2"
        ),
        {"areas": _AREAS_A_CELL, "least": _LEAST_CELL_DEG},
    ).one_or_none()
    if found is None or found.most > _MOST_AROUND:
        return False
    size = {"wide": found.wide, "high": found.high}
    conn.execute(
        text(
            "create temp table celled on commit drop as select row, x, x2, y, y2, cell_x, cell_y from"
            " (select row, st_xmin(geom) as x, st_xmax(geom) as x2, st_ymin(geom) as y, st_ymax(geom) as y2"
            "  from staged) s, generate_series(floor(x / :wide)::int, floor(x2 / :wide)::int) cell_x,"
            " generate_series(floor(y / :high)::int, floor(y2 / :high)::int) cell_y"
        ),
        size,
    )
    conn.execute(text("analyze pg_temp.celled"))
    fullest = "select max(number) from (select count(*) as number from celled group by cell_x, cell_y) c"
    if (conn.execute(text(fullest)).scalar() or 0) > _MOST_AROUND:
        conn.execute(text("drop table pg_temp.celled"))
        return False
    # Two that share several cells are paired in the one where the part that they share begins.
    pairs = conn.execute(
        text(
            "create temp table near on commit drop as select s.row, t.row as other"
            " from celled s join celled t using (cell_x, cell_y)"
            " where s.row < t.row and s.x < t.x2 and t.x < s.x2 and s.y < t.y2 and t.y < s.y2"
            " and floor(greatest(s.x, t.x) / :wide)::int = cell_x and floor(greatest(s.y, t.y) / :high)::int = cell_y"
        ),
        size,
    ).rowcount
    conn.execute(text("drop table pg_temp.celled"))
    if pairs > _MOST_PAIRS_A_ROW * found.rows:
        conn.execute(text("drop table pg_temp.near"))
        return False
    conn.execute(text("analyze pg_temp.near"))
    return True


def _with_stored(layer: Layer, check: NoOverlap, staged: Collection[str]) -> str:
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
    """Return the join of a staged row ``s`` with those of the others that it overlaps too much."""
    return (
        f"cross join lateral (select m.{key} as other_{key}, m.code as other_code, n.overlap,"
        f"  n.overlap / n.smaller as share"
        f" from (select t.{key}, t.code, t.geom, st_intersection(s.geom, t.geom) as common"
        f"  from {others} limit {_MOST_AROUND}) m {_measured('s', 'm')} limit {_MOST_PARTNERS}) p"
    )


def _measured(one: str, other: str) -> str:
    """Return the joins that measure ``m.common``, which two areas share, and let only what is too much through.

    Areas are cut out of each other as they are stored, where both are valid. What overlaps by much too little in square
    degrees, as nearly all neighbours do, isn't measured in metres: a square degree is at most 12,400 km², and shares
    are the same in both. What is measured is measured once: ``offset 0`` keeps it from being written into each place
    where it is used.
    """
    return (
        "cross join lateral (select st_area(st_transform(m.common, :srid)) as overlap,"
        f"  least(st_area(st_transform({one}.geom, :srid)), st_area(st_transform({other}.geom, :srid))) as smaller"
        "  where st_area(m.common) > greatest(:floor / 1.24e10,"
        f"   0.9 * :share * least(st_area({one}.geom), st_area({other}.geom))) offset 0) n0"
        " cross join lateral (select n0.overlap, n0.smaller"
        "  where n0.overlap > :floor and n0.overlap > :share * n0.smaller) n"
    )


def _alike(check: NoOverlap) -> str:
    return "".join(f" and t.{name} is not distinct from s.{name}" for name in check.within)


def _current(alias: str, columns: Collection[str]) -> str:
    """Return the condition that a row is in force: what was pulled down lies under what stands there now."""
    conditions = []
    if "data_status" in columns:
        conditions.append(f" and {alias}.data_status <> 'void'")
    if "valid_to" in columns:
        conditions.append(f" and ({alias}.valid_to is null or {alias}.valid_to > current_date)")
    return "".join(conditions)
