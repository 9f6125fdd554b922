"""The SQL of exported rows: each is one text, a JSON array for the child that writes a file, or a line of the file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Text, func, literal_column, select
from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.exports.columns import ExportColumn, columns_of, labelled, stored
from gis_service.exports.formats import CSV, XLSX, XLSX_ROWS, FileFormat
from gis_service.features.question import Question
from gis_service.features.select import ROWS, asked_scope, conditions, ordered, rows_of
from gis_service.reference_systems import CRS84, ReferenceSystem
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, compile_statement
from gis_service.tables import STORED_SRID
from layers.layer import Layer


@dataclass(frozen=True)
class Selection:
    """What a file is to hold.

    Attributes
    ----------
    system
        The reference system of the file; its coordinates are longitude or easting first, as programmes expect of
        files, whatever order of axes the register gives.
    names
        The properties to give; all of them without it.
    limit
        Most rows, or None for all that answer the question.
    """

    layer: Layer
    scope: Scope
    question: Question
    system: ReferenceSystem = CRS84
    names: tuple[str, ...] | None = None
    limit: int | None = None

    @property
    def columns(self) -> tuple[ExportColumn, ...]:
        """The columns of the file."""
        return columns_of(self.layer, self.names)

    @property
    def axes(self) -> tuple[str, str]:
        """Chinese names of the two coordinates."""
        return ("经度", "纬度") if self.system.digits == 8 else ("东坐标", "北坐标")

    def geometry(self) -> str:
        """Return the SQL of the geometry in the file's system."""
        # WGS 84 and CGCS2000 differ by decimetres that no sheet states; PROJ too takes them for one.
        if self.system.srid in {4326, STORED_SRID}:
            return f"{ROWS}.geom"
        return f"ST_Transform({ROWS}.geom, {self.system.srid})"


def rows_as(selection: Selection, text: str, form: FileFormat) -> Asked:
    """Return the statement that gives each selected row as the SQL text ``text``; sheets are in the order of codes."""
    layer, question = selection.layer, selection.question
    if form in {CSV, XLSX} and not question.order:
        question = replace(question, order=("code",))
    rows = rows_of(layer, question)
    query = select(literal_column(text, Text)).select_from(rows)
    query = query.where(conditions(layer, rows, selection.scope, question))
    # The first rows are the same in every format and on every call.
    if question.order or selection.limit is not None:
        query = ordered(query, layer, rows, question)
    if selection.limit is not None:
        query = query.limit(selection.limit)
    return compile_statement(query), {**values_of(asked_scope(selection.scope, question)), **question.values()}


def row_for_file(selection: Selection, form: FileFormat) -> str:
    """Return the SQL of a row as a JSON array: the geometry as WKB in hexadecimal, then the values of the columns.

    A spreadsheet gets the two coordinates of a point on the feature instead of the geometry, and labels for codes.
    """
    geometry = selection.geometry()
    if form is XLSX:
        digits = selection.system.digits
        place = f"ST_PointOnSurface({geometry})" if selection.layer.geometry != "POINT" else geometry
        parts = [f"round(ST_{axis}({place})::numeric, {digits})" for axis in "XY"]
        parts += [labelled(column) for column in selection.columns]
    else:
        # The old form of WKB, which every version of GDAL reads; coordinates are exact.
        parts = [f"encode(ST_AsBinary({geometry}, 'NDR'), 'hex')", *(stored(column) for column in selection.columns)]
    return f"json_build_array({', '.join(parts)})::text"


def check_rows(conn: Connection, selection: Selection) -> None:
    """Refuse more rows than a sheet holds.

    Raises
    ------
    InputError
        When there are more; it says how many there are.
    """
    if selection.limit is not None and selection.limit <= XLSX_ROWS:
        return
    rows = rows_of(selection.layer, selection.question)
    wanted = conditions(selection.layer, rows, selection.scope, selection.question)
    found = int(
        conn.execute(select(func.count()).select_from(rows).where(wanted), selection.question.values()).scalar_one()
    )
    if min(found, selection.limit or found) > XLSX_ROWS:
        raise InputError(
            f"共 {found:,} 行,Excel 表格最多 {XLSX_ROWS:,} 行;请缩小范围,或改用 CSV、GeoPackage。",
            f"There are {found} rows and a sheet holds {XLSX_ROWS}; ask for less, or for CSV or GeoPackage.",
        )
