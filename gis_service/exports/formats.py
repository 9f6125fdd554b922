"""The file formats that a layer's features are given in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileFormat:
    """One format of a file.

    Attributes
    ----------
    name
        What ``f=`` says, and the ending of the file's name but for Shapefile, which is zipped.
    title
        Name for people.
    media_type
        Of the answer.
    written
        How it is made: ``text`` comes from SQL and is streamed, ``file`` is made by a child process first.
    """

    name: str
    title: str
    media_type: str
    written: str

    @property
    def suffix(self) -> str:
        """The ending of the file's name."""
        return "shp.zip" if self.name == "shp" else self.name


CSV = FileFormat("csv", "CSV 表格", "text/csv; charset=utf-8", "text")
XLSX = FileFormat("xlsx", "Excel 表格", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "file")
FLATGEOBUF = FileFormat("fgb", "FlatGeobuf", "application/flatgeobuf", "file")
GEOPACKAGE = FileFormat("gpkg", "GeoPackage", "application/geopackage+sqlite3", "file")
KML = FileFormat("kml", "KML", "application/vnd.google-earth.kml+xml", "text")
SHAPEFILE = FileFormat("shp", "Shapefile (zip)", "application/zip", "file")
FILE_FORMATS: tuple[FileFormat, ...] = (CSV, XLSX, FLATGEOBUF, GEOPACKAGE, KML, SHAPEFILE)

XLSX_ROWS = 1_048_575
"""Rows of a sheet below its header."""
