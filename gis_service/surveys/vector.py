"""Shapefiles and GeoPackages, read through GDAL inside the fence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from gis_service.surveys.datum import settle_datum
from gis_service.surveys.encodings import encoding_of_dbf
from gis_service.surveys.errors import SurveyError
from gis_service.surveys.fence import forbid_writing
from gis_service.surveys.files import choose_layer, layers_of_geopackage, unpack_shapefile
from gis_service.surveys.geometry import built_closing_rings
from gis_service.surveys.limits import ReadLimits
from gis_service.surveys.source import Chunk, Source, Wish

# Each piece opens the file anew, so pieces are larger than what goes over the pipe.
_CHUNK_ROWS: Final = 20_000
_GDAL_ERRORS: Final = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)
_UNREADABLE: Final = "文件内容已损坏,读不出来;请重新导出再上传"


def open_shapefile(path: Path, wish: Wish, limits: ReadLimits, *, folder: Path) -> Source:
    """Open a zipped shapefile, unpacked into ``folder``.

    Raises
    ------
    SurveyError
        The archive or the shapefile in it can't be taken.
    CoordinateError
        Its coordinate system is unknown.
    """
    shape, name = unpack_shapefile(path, folder, wish.layer, limits)
    declared = shape.with_suffix(".cpg")
    code_page = declared.read_text("ascii", errors="replace")[:40] if declared.exists() else None
    # GDAL would read the .cpg too and convert a second time.
    declared.unlink(missing_ok=True)
    encoding, note = encoding_of_dbf(shape.with_suffix(".dbf").read_bytes(), code_page)
    forbid_writing()
    projection = shape.with_suffix(".prj")
    wkt = projection.read_text("utf-8", errors="replace") if projection.exists() else None
    return _open(
        shape, wish, limits, layer=None, title=name, driver="ESRI Shapefile", encoding=encoding,
        declared=(wkt, "压缩包里的 .prj 写明"), notes=(note,) if note else (),
    )  # fmt: skip


def open_geopackage(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open one layer of a GeoPackage.

    Raises
    ------
    SurveyError
        It can't be taken, or it has several layers and none is named.
    CoordinateError
        Its coordinate system is unknown.
    """
    forbid_writing()
    layer = choose_layer(layers_of_geopackage(path), wish.layer)
    return _open(
        path, wish, limits, layer=layer, title=layer, driver="GPKG", encoding=None,
        declared=(None, "GeoPackage 写明"), notes=(),
    )  # fmt: skip


def _open(
    path: Path,
    wish: Wish,
    limits: ReadLimits,
    *,
    layer: str | None,
    title: str,
    driver: str,
    encoding: str | None,
    declared: tuple[str | None, str],
    notes: tuple[str, ...],
) -> Source:
    # Latin-1 keeps every byte, so that names and values can be decoded by us with what is cut off marked.
    options: dict[str, Any] = {"layer": layer, "encoding": "ISO-8859-1"} if encoding else {"layer": layer}
    if driver == "GPKG":
        # Without this a file saved in WAL mode would have GDAL write beside it.
        options["IMMUTABLE"] = "YES"
    try:
        info = pyogrio.read_info(path, force_feature_count=True, force_total_bounds=True, **options)
    except _GDAL_ERRORS as error:
        raise SurveyError(_UNREADABLE) from error
    if info["geometry_type"] is None:
        msg = f"图层“{title[:60]}”没有几何;请核对导出的图层"
        raise SurveyError(msg)
    _check_size(info, limits)
    bounds = np.asarray(info["total_bounds"] if info["total_bounds"] is not None else (), dtype=np.float64)
    wkt, declared_by = declared
    datum = settle_datum(
        bounds[0::2], bounds[1::2], stated=wish.crs, declared=wkt or (info["crs"] if driver == "GPKG" else None),
        declared_by=declared_by, metric_srid=wish.metric_srid,
    )  # fmt: skip
    if any(mark in info["geometry_type"] for mark in (" Z", " M", "2.5D", "3D")):
        notes = (*notes, "几何带有高程(Z)或 M 值,已去掉")
    columns = tuple(_decoded(str(name), encoding) for name in info["fields"])
    chunks = _chunks(path, options, encoding, int(info["features"]))
    return Source(
        columns,
        datum.crs,
        datum.evidence,
        datum.claim,
        encoding,
        driver,
        title,
        int(info["features"]),
        chunks=chunks,
        notes=notes,
    )


def _check_size(info: dict[str, Any], limits: ReadLimits) -> None:
    if info["features"] <= 0:
        msg = "图层里没有要素;请核对导出的图层"
        raise SurveyError(msg)
    if info["features"] > limits.rows:
        msg = f"文件有 {info['features']} 行,最多 {limits.rows} 行;请分批上传"
        raise SurveyError(msg)
    if len(info["fields"]) > limits.columns:
        msg = f"文件有 {len(info['fields'])} 个属性列,最多 {limits.columns} 个;请只保留要上传的列"
        raise SurveyError(msg)


def _chunks(path: Path, options: dict[str, Any], encoding: str | None, count: int) -> Iterator[Chunk]:
    for start in range(0, count, _CHUNK_ROWS):
        try:
            meta, _, wkb, values = raw.read(
                path, skip_features=start, max_features=_CHUNK_ROWS, datetime_as_string=True, force_2d=True, **options
            )
        except (*_GDAL_ERRORS, ValueError) as error:
            raise SurveyError(_UNREADABLE) from error
        columns = [_plain(column, kind, encoding) for column, kind in zip(values, meta["ogr_types"], strict=True)]
        rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in wkb]
        geometries, repairs = built_closing_rings(wkb, shapely.from_wkb)
        broken = np.flatnonzero(shapely.is_missing(geometries) & np.array([piece is not None for piece in wkb]))
        yield Chunk(rows, geometries, {int(position): "几何已损坏,读不出来" for position in broken}, repairs)


def _plain(column: NDArray[Any], kind: str, encoding: str | None) -> list[object]:
    """Turn one column into plain values: numbers that stand for missing ones become None."""
    if column.dtype.kind == "M":
        return [None if np.isnat(value) else str(value) for value in column]
    if column.dtype.kind == "f":
        whole = kind.startswith("OFTInteger")
        return [None if value != value else int(value) if whole else value for value in column.tolist()]  # noqa: PLR0124
    if column.dtype.kind != "O":
        return list(column.tolist())
    return [_plain_object(value, encoding) for value in column.tolist()]


def _plain_object(value: object, encoding: str | None) -> object:
    if isinstance(value, str):
        return _decoded(value, encoding)
    if isinstance(value, bytes):
        # A picture or other bytes inside of a table; no field takes it.
        return None
    if isinstance(value, np.ndarray | list):
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return value


def _decoded(text: str, encoding: str | None) -> str:
    if encoding is None or text.isascii():
        return text
    return text.encode("latin-1", errors="replace").decode(encoding, errors="replace")
