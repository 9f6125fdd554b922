"""What a layer expects of its rows, asked of the staged ones at once: areas that agree, areas that don't overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.surveys.overlaps import worst_overlaps
from layers.check import SQUARE_METRES, AreaAgrees, NoOverlap
from layers.layer import Layer
from layers.rules import Rule


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
            for row, said in worst_overlaps(conn, layer, area, check, rules, staged).items():
                limit = f"超过 {rules[check.rule].value:g} %;请核对边界,重复的请删去一个。"
                found.append(RowWarning(row, "geom", f"{said},{limit}", check.refuse))
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
