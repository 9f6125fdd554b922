"""CSV and KML: PostgreSQL writes the lines, which are streamed as they come."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.exports.columns import ExportColumn, quoted, written
from gis_service.exports.formats import CSV, KML
from gis_service.exports.selection import Selection, rows_as
from gis_service.features.select import ROWS
from gis_service.features.stream import stream_texts
from gis_service.tables import STORED_SRID
from layers.field import Kind

_FORMULA = r"'^[=+\-@\t\r\n＝＋－＠]'"
"""Beginnings that a spreadsheet takes for a formula, in both widths, as a regular expression in SQL."""
# XML 1.0 can't hold these at all, not even escaped.
_NOT_XML = r"'[\u0001-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]'"
_UNQUOTED = {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.TIME}


def stream_csv(conn: Connection, selection: Selection) -> Iterator[bytes]:
    """Yield a CSV file with a BOM: Chinese titles, values for people, the coordinates of points, and WKT."""
    x, y = selection.axes
    point = selection.layer.geometry == "POINT"
    titles = [column.title for column in selection.columns]
    titles += [*((x, y) if point else ()), f"几何WKT(EPSG:{selection.system.srid},{x}在前)"]
    geometry, digits = selection.geometry(), selection.system.digits
    cells = [_cell(column) for column in selection.columns]
    if point:
        cells += [f"round(ST_{axis}({geometry})::numeric, {digits})::text" for axis in "XY"]
    cells.append(f"""'"' || ST_AsText({geometry}, {digits}) || '"'""")
    line = " || ',' || ".join(f"coalesce({cell}, '')" for cell in cells)
    begun = "\ufeff" + ",".join(_quote(title) for title in titles) + "\r\n"
    yield from _between(conn, selection, f"{line} || E'\\r\\n'", begun, "")


def stream_kml(conn: Connection, selection: Selection) -> Iterator[bytes]:
    """Yield a KML document: a placemark for each feature with its values for people, styled like the layer.

    Raises
    ------
    InputError
        When another system than KML's own is asked for.
    """
    if selection.system.srid not in {4326, STORED_SRID}:
        raise InputError(
            "KML 只能用经纬度(CRS84);请去掉参数 crs,或改用 GeoPackage、Shapefile。",
            "KML knows CRS84 only; leave crs out, or ask for GeoPackage or Shapefile.",
        )
    layer = selection.layer
    label = next((column for column in selection.columns if column.name == layer.label), None)
    name = f"coalesce({written(label)}, {ROWS}.name, {ROWS}.code)" if label else f"coalesce({ROWS}.name, {ROWS}.code)"
    data = [
        f"case when {ROWS}.{column.name} is not null then '<SimpleData name=\"{column.name}\">'"
        f" || {_escaped(written(column))} || '</SimpleData>' else '' end"
        for column in selection.columns
    ]
    # Named 4326, or PostGIS would ask PROJ for each feature how to get from CGCS2000 to WGS 84.
    geometry = f"ST_AsKML(ST_SetSRID({ROWS}.geom, 4326), {selection.system.digits})"
    placemark = (
        f"""'<Placemark id="f' || {ROWS}.id || '"><name>' || {_escaped(name)} || '</name><styleUrl>#s</styleUrl>"""
        f"""<ExtendedData><SchemaData schemaUrl="#{layer.name}">' || {" || ".join(data)} ||"""
        f""" '</SchemaData></ExtendedData>' || {geometry} || E'</Placemark>\\n'"""
    )
    yield from _between(conn, selection, placemark, _kml_head(selection), "</Folder>\n</Document>\n</kml>\n")


def _between(conn: Connection, selection: Selection, row: str, begun: str, end: str) -> Iterator[bytes]:
    """Yield the rows between a beginning and an end; nothing before the first rows are there."""
    form = KML if end else CSV
    head = begun.encode()
    for part in stream_texts(conn, rows_as(selection, row, form)):
        yield head + b"".join(part)
        head = b""
    yield head + end.encode()


def _cell(column: ExportColumn) -> str:
    value = written(column)
    if column.kind in _UNQUOTED:
        return value
    # Texts are always quoted, which keeps line ends and commas; a leading formula sign is made text by an apostrophe.
    guarded = f"case when {value} ~ {_FORMULA} then '''' else '' end || {value}"
    return f"""'"' || replace({guarded}, '"', '""') || '"'"""


def _quote(title: str) -> str:
    return '"' + title.replace('"', '""') + '"'


def _escaped(value: str) -> str:
    found = f"regexp_replace({value}, {_NOT_XML}, '', 'g')"
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        found = f"replace({found}, {quoted(sign)}, {quoted(entity)})"
    return found


_KML_TYPES = {Kind.INTEGER: "int", Kind.NUMBER: "double"}


def _kml_head(selection: Selection) -> str:
    layer = selection.layer
    fields = "".join(
        f"<SimpleField type={quoteattr(_KML_TYPES.get(column.kind, 'string'))} name={quoteattr(column.name)}>"
        f"<displayName>{escape(column.title)}</displayName></SimpleField>"
        for column in selection.columns
    )
    style = layer.style
    line, area = _kml_colour(style.color, 1.0), _kml_colour(style.fill or style.color, style.opacity)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>'
        f"<name>{escape(layer.title)}</name><description>{escape(layer.summary)}</description>\n"
        f'<Style id="s"><IconStyle><color>{_kml_colour(style.fill or style.color, 1.0)}</color></IconStyle>'
        f"<LineStyle><color>{line}</color><width>{max(style.width, 1):g}</width></LineStyle>"
        f"<PolyStyle><color>{area}</color></PolyStyle></Style>\n"
        f"<Schema name={quoteattr(layer.name)} id={quoteattr(layer.name)}>{fields}</Schema>\n"
        # Readers take a folder for a layer, also where it is empty.
        f"<Folder><name>{escape(layer.title)}</name>\n"
    )


def _kml_colour(colour: str, opacity: float) -> str:
    """Return #rrggbb as KML's aabbggrr."""
    return f"{round(opacity * 255):02x}{colour[5:7]}{colour[3:5]}{colour[1:3]}"
